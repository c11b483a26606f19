//! Identifiers of objects (§2.9): a type, two hyphens, a UUID.

use std::fmt;

use thiserror::Error;

use crate::uuid::Uuid;

/// An identifier that has the form which STIX asks for. Compared exactly, as references are (§3.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    text: Box<str>,
    type_length: u8,
}

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// Something else than type, two hyphens, UUID.
    #[error("an identifier is a type, two hyphens and a UUID")]
    Form,
    /// The part before the hyphens is no name of a type.
    #[error("the part before the two hyphens is no name of a type")]
    Type,
    /// The part after the hyphens is no UUID.
    #[error("the part after the two hyphens is no UUID")]
    Uuid,
    /// A UUID, but not one that RFC 4122 defines.
    #[error("the UUID has a version or a variant that RFC 4122 does not define")]
    Version,
}

impl Id {
    /// Reads an identifier.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (object_type, _) = split(text)?;
        let type_length = u8::try_from(object_type.len()).map_err(|_| IdError::Type)?;
        Ok(Self { text: text.into(), type_length })
    }

    /// Of a type and a UUID. The type must have the form of a name of a type.
    pub fn new(object_type: &str, uuid: Uuid) -> Result<Self, IdError> {
        Self::parse(&format!("{object_type}--{uuid}"))
    }

    /// The type of the object that it names.
    pub fn object_type(&self) -> &str {
        &self.text[..usize::from(self.type_length)]
    }

    /// The UUID.
    pub fn uuid(&self) -> Uuid {
        let text = &self.text[usize::from(self.type_length) + 2..];
        Uuid::parse(text).expect("an identifier is made with a UUID only")
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The type and the UUID of an identifier, without keeping it.
pub(crate) fn split(text: &str) -> Result<(&str, Uuid), IdError> {
    let at = text.len().checked_sub(38).ok_or(IdError::Form)?;
    let (object_type, rest) = text.split_at_checked(at).ok_or(IdError::Form)?;
    let uuid = rest.strip_prefix("--").ok_or(IdError::Form)?;
    if !is_type_name(object_type) {
        return Err(IdError::Type);
    }
    let uuid = Uuid::parse(uuid).ok_or(IdError::Uuid)?;
    if !uuid.is_rfc4122() {
        return Err(IdError::Version);
    }
    Ok((object_type, uuid))
}

/// Whether a text can name a type: a letter first, then letters, digits and single hyphens, 3 to 250 of them, all in
/// lower case (§3.1, §7.3.2, §11.2.1).
pub fn is_type_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    (3..=250).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && !bytes.windows(2).any(|pair| pair == b"--")
}

/// Whether a text can name a property: a letter first, then letters, digits and underscores, 3 to 250 of them, all in
/// lower case (§3.1, §7.3.2, §11.1.1).
pub fn is_property_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    (3..=250).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, IdError>) {
        assert_eq!(Id::parse(text).as_ref().map(Id::object_type), expected.as_ref().copied(), "{text}");
    }

    #[test]
    fn identifiers() {
        check("indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836", Ok("indicator"));
        check("x-a-b--E2E1A340-4415-4BA8-9671-F7343FBF0836", Ok("x-a-b"));
        check("url--28bb3599-77cd-5a82-a950-b5bc3caf07c4", Ok("url"));
        check("file-1389b98d-a3d3-5190-a996-716fd444059a", Err(IdError::Form));
        check("indicator--e2e1a340-4415-4ba8-9671-f7343fbf083", Err(IdError::Form));
        check("indicator--e2e1a340-4415-4ba8-9671-f7343fbf083g", Err(IdError::Uuid));
        check("indicator--e2e1a34004415-4ba8-9671-f7343fbf0836", Err(IdError::Uuid));
        check("indicator--e2e1a340-4415-0ba8-9671-f7343fbf0836", Err(IdError::Version));
        check("indicator--e2e1a340-4415-4ba8-c671-f7343fbf0836", Err(IdError::Version));
        check("indicator--00000000-0000-0000-0000-000000000000", Err(IdError::Version));
        check("Indicator--e2e1a340-4415-4ba8-9671-f7343fbf0836", Err(IdError::Type));
        check("in--dicator--e2e1a340-4415-4ba8-9671-f7343fbf0836", Err(IdError::Type));
        check("--e2e1a340-4415-4ba8-9671-f7343fbf0836", Err(IdError::Type));
        check("0", Err(IdError::Form));
        check("", Err(IdError::Form));
        check("é-e2e1a340-4415-4ba8-9671-f7343fbf0836", Err(IdError::Form));
    }

    #[test]
    fn a_uuid_of_a_name() {
        // RFC 4122 gives no example of version 5; this one is the well-known www.example.com in the DNS namespace.
        let dns = Uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8").unwrap();
        let made = Uuid::from_name(dns, b"www.example.com");
        assert_eq!(made.to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}

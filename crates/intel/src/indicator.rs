//! What an indicator is, before it is compiled.

/// What kind of thing a value is; it decides where in a text it may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The digest of a file, in hexadecimal: MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512.
    Hash,
    /// An address of IPv4 or IPv6.
    Ip,
    /// A network in CIDR notation.
    Network,
    /// A domain, with all below it.
    Domain,
    /// A URL, as a whole.
    Url,
    /// An e-mail address.
    Email,
    /// A path, or its end from some component on.
    Path,
    /// A file name.
    FileName,
    /// A `User-Agent`.
    UserAgent,
    /// Any other text: a mutex, a key of the registry, a command line.
    Text,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Hash,
        Self::Ip,
        Self::Network,
        Self::Domain,
        Self::Url,
        Self::Email,
        Self::Path,
        Self::FileName,
        Self::UserAgent,
        Self::Text,
    ];

    /// The kind's name, as reports show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Ip => "address",
            Self::Network => "network",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Email => "e-mail address",
            Self::Path => "path",
            Self::FileName => "file name",
            Self::UserAgent => "user agent",
            Self::Text => "text",
        }
    }

    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn of_number(number: u8) -> Self {
        Self::ALL.get(number as usize).copied().unwrap_or(Self::Text)
    }
}

/// A value that somebody warns of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indicator<'a> {
    /// The value, as it was written.
    pub value: &'a str,
    /// Its kind; none to tell it by its looks.
    pub kind: Option<Kind>,
    /// The UUID of the object that says so.
    pub id: Option<[u8; 16]>,
    /// From when it is valid, in seconds since 1970.
    pub valid_from: Option<i64>,
    /// Until when.
    pub valid_until: Option<i64>,
    /// How sure its author is, from 0 to 100.
    pub confidence: Option<u8>,
    /// What its author says of it; an index does not keep it.
    pub comment: &'a str,
}

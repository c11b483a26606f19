//! Secrets: random numbers, hashes of passwords and tokens, sealed cursors, files that nobody else reads.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{NodeError, Result, of_file};

/// How a token begins, so that one that was left in a public place can be found there.
pub(crate) const TOKEN_PREFIX: &str = "wft_";

/// Memory of one hash of a password: what OWASP asks of Argon2id with two passes.
const HASH_MEMORY_KIB: u32 = 19 * 1024;

/// Random bytes.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NodeError::Secret)?;
    Ok(bytes)
}

/// A new secret of a node, in hexadecimal digits.
pub(crate) fn new_secret() -> Result<String> {
    let bytes: [u8; 32] = random()?;
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// A random UUID (version 4).
pub(crate) fn uuid() -> Result<String> {
    let mut bytes: [u8; 16] = random()?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    Ok(watchfire_stix::Uuid::from_bytes(bytes).to_string())
}

/// A password that somebody will type once: 20 letters and digits of 32, 100 bits.
pub(crate) fn password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 20] = random()?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte & 31)]);
    let groups: Vec<String> = bytes.chunks(5).map(|group| group.iter().map(letter).collect()).collect();
    Ok(groups.join("-"))
}

/// A new token: 256 random bits.
pub(crate) fn token() -> Result<String> {
    let bytes: [u8; 32] = random()?;
    Ok(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// 256 random bits as text that fits into an address or a cookie.
pub(crate) fn random_text() -> Result<String> {
    let bytes: [u8; 32] = random()?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The SHA-256 of a text, as text (RFC 7636 §4.2 makes a challenge of a verifier so).
pub(crate) fn digest_text(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(token_hash(text))
}

/// A new secret for one-time codes, as long as the digest (RFC 4226 §4, R6).
pub(crate) fn totp_secret() -> Result<[u8; 20]> {
    random()
}

/// What is kept of a token, or of a session's cookie. It is random, so a plain hash is enough.
pub(crate) fn token_hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(HASH_MEMORY_KIB, 2, 1, None).expect("these parameters are within the limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password, with its salt and parameters (RFC 9106).
pub(crate) fn hash_password(password: &str) -> Result<String> {
    let salt: [u8; 16] = random()?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| NodeError::Secret)?;
    let hash = argon2id().hash_password(password.as_bytes(), &salt).map_err(|_| NodeError::Secret)?;
    Ok(hash.to_string())
}

/// Whether this is the password of a hash. It takes some 20 ms of a core, also where there is no such hash.
pub(crate) fn is_password(password: &str, hash: Option<&str>) -> bool {
    let parsed = hash.and_then(|hash| PasswordHash::new(hash).ok());
    if let Some(parsed) = parsed {
        return argon2id().verify_password(password.as_bytes(), &parsed).is_ok();
    }
    // As long as it takes for an account that is there: the time must not tell which are.
    let _ = argon2id().hash_password_into(password.as_bytes(), b"no such account.", &mut [0; 32]);
    false
}

/// A key that seals what a client hands back, and tells credentials apart without keeping them.
pub(crate) struct Seal {
    cipher: RandomizedNonceKey,
    tags: hmac::Key,
}

impl Seal {
    /// From the node's secret.
    pub(crate) fn new(secret: &[u8; 32]) -> Result<Self> {
        let derive = |label: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), label.as_bytes()).as_ref().to_vec()
        };
        let cipher =
            RandomizedNonceKey::new(&AES_256_GCM, &derive("cursor")).map_err(|_| NodeError::Secret)?;
        Ok(Self { cipher, tags: hmac::Key::new(hmac::HMAC_SHA256, &derive("credential")) })
    }

    /// A text that only this node can read, good for one `purpose` only.
    pub(crate) fn seal(&self, text: &[u8], purpose: &str) -> Result<String> {
        let mut text = text.to_vec();
        let nonce = self
            .cipher
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut text)
            .map_err(|_| NodeError::Secret)?;
        let sealed: Vec<u8> = nonce.as_ref().iter().copied().chain(text).collect();
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The text, if this node sealed it for that purpose.
    pub(crate) fn open(&self, sealed: &str, purpose: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let opened = self.cipher.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut rest).ok()?;
        Some(opened.to_vec())
    }

    /// A tag of something secret: equal for equal secrets, and no way back.
    pub(crate) fn tag(&self, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.tags);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        <[u8; 32]>::try_from(context.sign().as_ref()).expect("HMAC-SHA-256 has 32 bytes")
    }
}

/// Writes a file that nobody else may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(of_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_only() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is_password("correct horse", Some(&hash)));
        assert!(!is_password("correct house", Some(&hash)));
        assert!(!is_password("correct horse", None) && !is_password("correct horse", Some("")));
    }

    #[test]
    fn a_cursor_is_good_for_one_purpose() {
        let seal = Seal::new(&[7; 32]).unwrap();
        let sealed = seal.seal(b"42", "a").unwrap();
        assert_eq!(seal.open(&sealed, "a"), Some(b"42".to_vec()));
        assert_eq!(seal.open(&sealed, "b"), None);
        assert_eq!(Seal::new(&[8; 32]).unwrap().open(&sealed, "a"), None);
        for wrong in ["", "x", "!!", &sealed[1..], &format!("{sealed}A")] {
            assert_eq!(seal.open(wrong, "a"), None, "{wrong}");
        }
        assert_ne!(sealed, seal.seal(b"42", "a").unwrap(), "equal places do not show");
    }

    #[test]
    fn a_challenge_is_made_as_the_standard_shows_it() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(digest_text(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn secrets_are_not_repeated() {
        assert_ne!(token().unwrap(), token().unwrap());
        assert_ne!(password().unwrap(), password().unwrap());
        assert_eq!(&uuid().unwrap()[14..15], "4");
        let seal = Seal::new(&[7; 32]).unwrap();
        assert_ne!(seal.tag(&["ab", "c"]), seal.tag(&["a", "bc"]));
    }
}

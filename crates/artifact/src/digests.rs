//! The digests by which others name a file: MD5, SHA-1 and SHA-256, of what passes through a reader.

use std::io::{self, Read};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::document::hex_lower;

/// Files larger than this are not held against digests: what intruders bring is small, and a disk holds databases,
/// images and logs of many gigabytes.
pub const DIGESTED_BYTES_MAX: u64 = 256 << 20;

/// Which digests are wanted, each of them being work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// MD5 (RFC 1321).
    pub md5: bool,
    /// SHA-1 (FIPS 180-4).
    pub sha1: bool,
    /// SHA-256 (FIPS 180-4).
    pub sha256: bool,
}

impl Wanted {
    /// Whether any is.
    pub fn any(self) -> bool {
        self.md5 || self.sha1 || self.sha256
    }
}

/// A reader that works out digests of what passes through it.
pub struct Digesting<R> {
    inner: R,
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl<R: Read> Digesting<R> {
    /// Of what is read from `inner`.
    pub fn new(inner: R, wanted: Wanted) -> Self {
        Self {
            inner,
            md5: wanted.md5.then(Md5::new),
            sha1: wanted.sha1.then(Sha1::new),
            sha256: wanted.sha256.then(Sha256::new),
        }
    }

    /// The name of each digest and the digest in hexadecimal, of all that passed.
    pub fn finish(self) -> Vec<(&'static str, String)> {
        let md5 = self.md5.map(|digest| ("md5", hex_lower(&digest.finalize())));
        let sha1 = self.sha1.map(|digest| ("sha1", hex_lower(&digest.finalize())));
        let sha256 = self.sha256.map(|digest| ("sha256", hex_lower(&digest.finalize())));
        [md5, sha1, sha256].into_iter().flatten().collect()
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = &buffer[..count];
        self.md5.iter_mut().for_each(|digest| digest.update(bytes));
        self.sha1.iter_mut().for_each(|digest| digest.update(bytes));
        self.sha256.iter_mut().for_each(|digest| digest.update(bytes));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_abc() {
        let all = Wanted { md5: true, sha1: true, sha256: true };
        let digests = |wanted| {
            let mut digesting = Digesting::new(&b"abc"[..], wanted);
            io::copy(&mut digesting, &mut io::sink()).unwrap();
            digesting.finish()
        };
        let [md5, sha1, sha256] = digests(all).try_into().unwrap();
        // RFC 1321 A.5, FIPS 180 examples.
        assert_eq!(md5, ("md5", "900150983cd24fb0d6963f7d28e17f72".to_owned()));
        assert_eq!(sha1, ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d".to_owned()));
        assert_eq!(sha256.1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digests(Wanted { sha1: true, ..Wanted::default() }), [sha1]);
        assert!(!Wanted::default().any() && all.any());
    }
}

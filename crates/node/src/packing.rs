//! Content codings (RFC 9110 §8.4): gzip and zstd, packed and unpacked within limits.
//!
//! A few kilobytes can unpack to gigabytes, so what comes out is counted piece by piece, and a window that a frame of zstd
//! asks for is limited before it is given.

use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// What is unpacked before it is counted.
const PIECE_BYTES: u64 = 1 << 20;

/// The largest window of zstd: whoever sends over HTTP must not use a larger one (RFC 9659 §3).
const WINDOW_LOG: u32 = 23;
/// Its memory, which is counted before it is taken.
pub(crate) const WINDOW_BYTES: usize = 1 << WINDOW_LOG;

/// The level that packs faster than the network takes it.
const ZSTD_LEVEL: i32 = 1;

/// A content coding that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

/// Why something was not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpacking {
    /// It is cut, or not what its coding says, or asks for too large a window.
    Malformed,
    /// It is larger than may be.
    TooLarge,
    /// There is no memory for it now.
    NoRoom,
}

impl Coding {
    /// What is asked for of a server.
    pub(crate) const ACCEPTED: &str = "zstd, gzip";

    /// The coding of a name (RFC 9110 §8.4.1: without case, `x-gzip` for `gzip`).
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Unpacks what has at most `limit` bytes then. `room` is asked whether so many bytes may be held, before they are.
    pub(crate) fn unpack(
        self,
        packed: &[u8],
        limit: usize,
        mut room: impl FnMut(usize) -> bool,
    ) -> Result<Vec<u8>, Unpacking> {
        match self {
            Self::Gzip => read_all(MultiGzDecoder::new(packed), limit, room),
            Self::Zstd => {
                if !room(WINDOW_BYTES) {
                    return Err(Unpacking::NoRoom);
                }
                let mut reader =
                    zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| Unpacking::NoRoom)?;
                reader.window_log_max(WINDOW_LOG).map_err(|_| Unpacking::NoRoom)?;
                read_all(reader, limit, |bytes| room(bytes + WINDOW_BYTES))
            }
        }
    }

    /// Packs.
    pub(crate) fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut packed = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
                packed.write_all(bytes)?;
                packed.finish()
            }
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
        }
    }
}

fn read_all(
    mut reader: impl Read,
    limit: usize,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, Unpacking> {
    let mut unpacked = Vec::new();
    loop {
        let before = unpacked.len();
        #[expect(clippy::disallowed_methods)] // a piece of a named size at a time
        let read = reader.by_ref().take(PIECE_BYTES).read_to_end(&mut unpacked);
        read.map_err(|_| Unpacking::Malformed)?;
        if unpacked.len() > limit {
            return Err(Unpacking::TooLarge);
        }
        if !room(unpacked.len()) {
            return Err(Unpacking::NoRoom);
        }
        if unpacked.len() == before {
            return Ok(unpacked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 3 << 20;

    fn unpack(coding: Coding, packed: &[u8]) -> Result<Vec<u8>, Unpacking> {
        coding.unpack(packed, LIMIT, |_| true)
    }

    /// Bytes that do not repeat, so that cuts fall everywhere.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut number = 7_u64;
        let mut next = || {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (number >> 56) as u8
        };
        (0..bytes).map(|_| next() & 15).collect()
    }

    #[test]
    fn what_is_packed_unpacks_to_itself() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            for bytes in [0, 1, 1000, LIMIT] {
                let bytes = noise(bytes);
                let packed = coding.pack(&bytes).unwrap();
                assert_eq!(unpack(coding, &packed), Ok(bytes.clone()));
                // Members, or frames, one after the other are one body.
                if bytes.len() == 1000 {
                    assert_eq!(unpack(coding, &packed.repeat(3)), Ok(bytes.repeat(3)));
                }
            }
        }
    }

    #[test]
    fn what_is_cut_or_altered_is_malformed() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            let packed = coding.pack(&noise(5000)).unwrap();
            for cut in 1..packed.len() {
                assert_eq!(unpack(coding, &packed[..cut]), Err(Unpacking::Malformed), "{coding:?} at {cut}");
            }
            let followed = [packed.as_slice(), b"x"].concat();
            assert_eq!(unpack(coding, &followed), Err(Unpacking::Malformed), "{coding:?}");
        }
        assert_eq!(unpack(Coding::Zstd, &Coding::Gzip.pack(b"x").unwrap()), Err(Unpacking::Malformed));
    }

    #[test]
    fn a_bomb_is_found_before_it_goes_off() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            let bomb = coding.pack(&vec![b' '; 200 << 20]).unwrap();
            assert!(bomb.len() < LIMIT / 2);
            let mut held = 0;
            let room = |bytes| {
                held = bytes;
                true
            };
            assert_eq!(coding.unpack(&bomb, LIMIT, room), Err(Unpacking::TooLarge));
            assert!(held <= LIMIT + WINDOW_BYTES, "{held} bytes");
            assert_eq!(coding.unpack(&bomb, usize::MAX, |bytes| bytes < 9 << 20), Err(Unpacking::NoRoom));
        }
    }

    #[test]
    fn a_window_has_a_limit() {
        let pack = |log: u32| {
            let mut packed = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            packed.set_parameter(zstd::zstd_safe::CParameter::WindowLog(log)).unwrap();
            packed.write_all(b"a small body with a window of its own").unwrap();
            packed.finish().unwrap()
        };
        assert!(unpack(Coding::Zstd, &pack(WINDOW_LOG)).is_ok());
        for log in [WINDOW_LOG + 1, 27, 30] {
            assert_eq!(unpack(Coding::Zstd, &pack(log)), Err(Unpacking::Malformed), "2^{log}");
        }
    }
}

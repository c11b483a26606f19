//! Part files: a line that says what they are, then a frame for each unit, then an empty frame.
//!
//! A frame is its length and its CRC-32, low byte first, and that many bytes of postcard. A file that was cut off has
//! no empty frame at its end, so half a shard is never taken for a whole one.

use std::io::{self, BufReader, BufWriter, Read, Write};

use serde::{Deserialize, Serialize};
use watchfire_artifact::lines::read_limited;

use super::plan::Plan;
use crate::scan::{Hit, Part};

const KIND: &str = "watchfire hunt part 2";

/// The first line: a few digests.
const HEAD_LIMIT_BYTES: u64 = 4096;

/// One unit is 16 MB of evidence, or one archive; its hits are limited by rule.
const FRAME_LIMIT_BYTES: u64 = 1 << 30;

/// Why a part file is none, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// Reading or writing failed.
    #[error("reading or writing failed")]
    Io(#[from] io::Error),
    /// Its first line is another's.
    #[error("not a part file of a hunt")]
    NotAPart,
    /// It belongs to another plan.
    #[error("it belongs to another plan")]
    OtherPlan,
    /// It ends before its end.
    #[error("it breaks off: its scan did not finish")]
    CutOff,
    /// Bytes were changed.
    #[error("frame {0} is damaged")]
    Damaged(u64),
}

#[derive(Serialize, Deserialize)]
struct Head {
    kind: String,
    plan: String,
    shard: u32,
}

impl Plan {
    /// The first line of a part file of a shard.
    pub fn part_head(&self, shard: u32) -> String {
        let head = Head { kind: KIND.to_owned(), plan: self.digest(), shard };
        serde_json::to_string(&head).expect("strings and numbers can be written") + "\n"
    }
}

pub(super) struct PartWriter<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> PartWriter<W> {
    pub(super) fn new(out: W, plan: &Plan, shard: u32) -> Result<Self, PartError> {
        let mut out = BufWriter::new(out);
        out.write_all(plan.part_head(shard).as_bytes())?;
        Ok(Self { out })
    }

    pub(super) fn unit(&mut self, unit: usize, parts: &Vec<Part>) -> Result<(), PartError> {
        let bytes = postcard::to_allocvec(&(unit as u64, parts)).map_err(io::Error::other)?;
        self.frame(&bytes)
    }

    fn frame(&mut self, bytes: &[u8]) -> Result<(), PartError> {
        self.out.write_all(&(bytes.len() as u64).to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(bytes).to_le_bytes())?;
        Ok(self.out.write_all(bytes)?)
    }

    pub(super) fn finish(mut self) -> Result<(), PartError> {
        self.frame(&[])?;
        Ok(self.out.flush()?)
    }
}

pub(super) struct PartReader<R> {
    source: BufReader<R>,
    frames: u64,
}

impl<R: Read> PartReader<R> {
    pub(super) fn new(source: R, plan: &Plan) -> Result<Self, PartError> {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        io::BufRead::read_until(&mut source.by_ref().take(HEAD_LIMIT_BYTES), b'\n', &mut line)?;
        let head: Head = serde_json::from_slice(&line).map_err(|_| PartError::NotAPart)?;
        if head.kind != KIND {
            return Err(PartError::NotAPart);
        }
        if head.plan != plan.digest() {
            return Err(PartError::OtherPlan);
        }
        Ok(Self { source, frames: 0 })
    }

    /// The next unit and its parts; none at the end. Numbers of units and rules are below what the plan has.
    pub(super) fn next_unit(
        &mut self,
        units: usize,
        rules: usize,
    ) -> Result<Option<(usize, Vec<Part>)>, PartError> {
        self.frames += 1;
        let damaged = || PartError::Damaged(self.frames);
        let mut head = [0; 12];
        self.source.read_exact(&mut head).map_err(|_| PartError::CutOff)?;
        let (length, sum) = head.split_at(8);
        let length = u64::from_le_bytes(length.try_into().map_err(|_| damaged())?);
        if length == 0 {
            return Ok(None);
        }
        if length > FRAME_LIMIT_BYTES {
            return Err(damaged());
        }
        let (bytes, _) = read_limited(self.source.by_ref().take(length), FRAME_LIMIT_BYTES)?;
        if bytes.len() as u64 != length {
            return Err(PartError::CutOff);
        }
        if crc32fast::hash(&bytes).to_le_bytes() != sum {
            return Err(damaged());
        }
        let (unit, parts): (u64, Vec<Part>) = postcard::from_bytes(&bytes).map_err(|_| damaged())?;
        let unit = usize::try_from(unit).ok().filter(|&unit| unit < units).ok_or_else(damaged)?;
        let fits = |part: &Part, hit: &Hit| {
            (hit.rule as usize) < rules && (hit.source as usize) < part.sources.len()
        };
        if !parts.iter().all(|part| part.hits.iter().all(|hit| hit.is_ok_and(|hit| fits(part, &hit)))) {
            return Err(damaged());
        }
        Ok(Some((unit, parts)))
    }
}

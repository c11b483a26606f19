//! A text file as chunks of whole lines, in constant memory.
//!
//! Searching works on whole buffers, so the reader hands out buffers, not lines. Each chunk ends at a line's end and
//! knows where it stood in the file, in the file's own bytes even where those were UTF-16. A range of a file can be
//! read alone: it owns exactly the lines that begin inside it, so ranges that cover a file cover each line once.

use std::io::{self, Read};
use std::ops::Range;

use crate::decode::{Encoding, wide_length};

/// Bytes read at once: large enough to amortise the call, small enough to stay in a core's second-level cache.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// The longest line that is kept whole. The longest real one seen (an ECP error with its stack) was under 100 KB;
/// whatever is longer is hostile or no log, and is read on in pieces of this size.
pub const LINE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A source of chunks.
pub struct Chunks<R> {
    source: R,
    encoding: Encoding,
    /// Raw bytes not yet handed out, from the start of a line.
    raw: Vec<u8>,
    /// UTF-8 of the current chunk where the file is UTF-16.
    text: Vec<u8>,
    /// Bytes at the start of `raw` that the last chunk consumed.
    consumed: usize,
    /// Offset in the file of `raw[0]`.
    offset: u64,
    /// Offset at which lines stop being ours.
    end: u64,
    at_start: StartOfLines,
    source_done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StartOfLines {
    /// At the start of the file: a byte order mark is skipped.
    File,
    /// One byte before a range: everything up to the first line's end belongs to the range before.
    Range,
    /// Inside.
    Reached,
}

/// Some whole lines of a file.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    /// The lines, as bytes or, from UTF-16, as UTF-8.
    pub text: &'a [u8],
    raw: &'a [u8],
    offset: u64,
    wide: bool,
    /// Whether it ends inside a line that is longer than [`LINE_LIMIT_BYTES`].
    pub overlong: bool,
}

impl Chunk<'_> {
    /// Where `position` of [`Chunk::text`] stood in the file, in bytes.
    pub fn offset_of(&self, position: usize) -> u64 {
        let before = if self.wide { wide_length(&self.text[..position]) } else { position as u64 };
        self.offset + before
    }

    /// The file's own bytes of a range of [`Chunk::text`].
    pub fn raw(&self, range: Range<usize>) -> &[u8] {
        if !self.wide {
            return &self.raw[range];
        }
        let start = wide_length(&self.text[..range.start]) as usize;
        let length = wide_length(&self.text[range]) as usize;
        &self.raw[start.min(self.raw.len())..(start + length).min(self.raw.len())]
    }
}

impl<R: Read> Chunks<R> {
    /// Reads a whole file from its first byte.
    pub fn whole(source: R, encoding: Encoding) -> Self {
        Self::new(source, encoding, 0, u64::MAX, StartOfLines::File)
    }

    /// Reads the lines that begin in `range`; `source` must stand at `range.start - 1`, or at 0 where the range
    /// starts there. Only for encodings of one byte a character.
    pub fn range(source: R, encoding: Encoding, range: Range<u64>) -> Self {
        if range.start == 0 {
            return Self::new(source, encoding, 0, range.end, StartOfLines::File);
        }
        Self::new(source, encoding, range.start - 1, range.end, StartOfLines::Range)
    }

    fn new(source: R, encoding: Encoding, offset: u64, end: u64, at_start: StartOfLines) -> Self {
        let (raw, text) = (Vec::with_capacity(CHUNK_BYTES + 4096), Vec::new());
        Self { source, encoding, raw, text, consumed: 0, offset, end, at_start, source_done: false }
    }

    /// Hands out all lines, chunk by chunk.
    pub fn for_each(&mut self, mut each: impl FnMut(&Chunk<'_>)) -> io::Result<()> {
        while let Some(chunk) = self.next_chunk()? {
            each(&chunk);
        }
        Ok(())
    }

    /// The next lines, or none at the end.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk<'_>>> {
        self.discard_consumed();
        loop {
            self.fill()?;
            if self.at_start != StartOfLines::Reached && !self.reach_first_line() {
                continue;
            }
            if self.raw.is_empty() || self.offset >= self.end {
                return Ok(None);
            }
            let overlong = self.raw.len() >= LINE_LIMIT_BYTES;
            let Some(length) = self.whole_lines() else {
                if self.source_done || overlong {
                    return Ok(Some(self.chunk(self.raw.len(), overlong)));
                }
                continue;
            };
            return Ok(Some(self.chunk(length, false)));
        }
    }

    fn discard_consumed(&mut self) {
        self.raw.drain(..self.consumed);
        self.offset += self.consumed as u64;
        self.consumed = 0;
    }

    /// Reads on by one chunk's length, or notes the end.
    fn fill(&mut self) -> io::Result<()> {
        if self.source_done {
            return Ok(());
        }
        let before = self.raw.len();
        // A line that does not end makes the buffer double, so that it is not searched again a hundred times.
        let more = CHUNK_BYTES.max(before);
        (&mut self.source).take(more as u64).read_to_end_capped(&mut self.raw)?;
        self.source_done = self.raw.len() < before + more;
        Ok(())
    }

    /// Skips what precedes the first line of ours; whether it was found.
    fn reach_first_line(&mut self) -> bool {
        let skip = match self.at_start {
            StartOfLines::Reached => 0,
            StartOfLines::File => self.encoding.mark().min(self.raw.len()),
            StartOfLines::Range => match memchr::memchr(b'\n', &self.raw) {
                Some(newline) => newline + 1,
                None if self.source_done => self.raw.len(),
                None => {
                    // A line that fills whole reads belongs to the range before: forget it as it comes.
                    self.consumed = self.raw.len();
                    self.discard_consumed();
                    return false;
                }
            },
        };
        self.consumed = skip;
        self.discard_consumed();
        self.at_start = StartOfLines::Reached;
        true
    }

    /// The length of the whole lines in `raw` that are ours, or none if not even one line ends.
    fn whole_lines(&mut self) -> Option<usize> {
        let ours = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        if ours <= self.raw.len() {
            // The last line of the range is the one that holds the range's last byte.
            if let Some(newline) = self.first_newline(ours - 1) {
                self.source_done = true;
                self.raw.truncate(newline);
                return Some(newline);
            }
        }
        self.last_newline()
    }

    /// The end of the first line that ends at or after `from`.
    fn first_newline(&self, from: usize) -> Option<usize> {
        memchr::memchr(b'\n', &self.raw[from..]).map(|found| from + found + 1)
    }

    /// The end of the last whole line.
    fn last_newline(&self) -> Option<usize> {
        if !self.encoding.is_wide() {
            return memchr::memrchr(b'\n', &self.raw).map(|found| found + 1);
        }
        let newline = if matches!(self.encoding, Encoding::Utf16Be { .. }) { [0, b'\n'] } else { [b'\n', 0] };
        let pairs = self.raw.len() / 2;
        (0..pairs).rev().find(|&pair| self.raw[2 * pair..2 * pair + 2] == newline).map(|pair| 2 * pair + 2)
    }

    fn chunk(&mut self, length: usize, overlong: bool) -> Chunk<'_> {
        self.consumed = length;
        let wide = self.encoding.is_wide();
        if wide {
            self.text.clear();
            self.encoding.widen_into(&self.raw[..length], &mut self.text);
        }
        let raw = &self.raw[..length];
        Chunk { text: if wide { &self.text } else { raw }, raw, offset: self.offset, wide, overlong }
    }
}

/// Reads at most what a `take` allows, which is what makes it safe to read to the end.
trait ReadToEndCapped {
    fn read_to_end_capped(self, buffer: &mut Vec<u8>) -> io::Result<usize>;
}

impl<R: Read> ReadToEndCapped for io::Take<R> {
    #[allow(clippy::disallowed_methods)] // a take has a limit
    fn read_to_end_capped(mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.read_to_end(buffer)
    }
}

/// Reads a whole small file, at most `limit` bytes; whether it was cut.
pub fn read_limited(source: impl Read, limit: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end_capped(&mut bytes)?;
    let cut = bytes.len() as u64 > limit;
    bytes.truncate(limit as usize);
    Ok((bytes, cut))
}

/// Reads the first `limit` bytes of a file and not one more, so that reading can go on behind them. What was read
/// stays in `head` even where the reader fails.
pub fn read_head(source: &mut dyn Read, limit: u64, head: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 8192];
    while (head.len() as u64) < limit {
        let want = buffer.len().min(limit as usize - head.len());
        match source.read(&mut buffer[..want]) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The lines of a buffer as ranges, without their line ends.
pub fn ranges(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |found| start + found);
        let line = start..end;
        start = end + 1;
        Some(trim_return(text, line))
    })
}

/// A line's range without the carriage return at its end.
pub fn trim_return(text: &[u8], line: Range<usize>) -> Range<usize> {
    let end = if line.end > line.start && text[line.end - 1] == b'\r' { line.end - 1 } else { line.end };
    line.start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(mut chunks: Chunks<&[u8]>) -> Vec<(u64, Vec<u8>)> {
        let mut seen = Vec::new();
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            for line in ranges(chunk.text) {
                seen.push((chunk.offset_of(line.start), chunk.text[line].to_vec()));
            }
        }
        seen
    }

    #[test]
    fn lines_of_a_wide_file_stand_at_their_own_bytes() {
        let raw: Vec<u8> = "\u{feff}ab\r\n€x\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let encoding = Encoding::detect(&raw);
        let mut chunks = Chunks::whole(&raw[..], encoding);
        let chunk = chunks.next_chunk().unwrap().unwrap();
        let lines: Vec<_> = ranges(chunk.text).collect();
        assert_eq!(chunk.offset_of(lines[1].start), 10);
        assert_eq!(chunk.raw(lines[1].clone()), &raw[10..14]);
    }

    #[test]
    fn an_endless_line_is_read_in_pieces() {
        let raw = vec![b'a'; LINE_LIMIT_BYTES * 2 + 17];
        let mut chunks = Chunks::whole(&raw[..], Encoding::Bytes { mark: 0 });
        let (mut length, mut overlong) = (0, 0);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            length += chunk.text.len();
            overlong += usize::from(chunk.overlong);
        }
        assert_eq!((length, overlong > 0), (raw.len(), true));
    }

    proptest! {
        #[test]
        fn ranges_of_a_file_cover_each_line_once(text in "[ab\n]{0,200}", cut in 1_u64..80) {
            let raw = text.as_bytes();
            let encoding = Encoding::Bytes { mark: 0 };
            let whole = all(Chunks::whole(raw, encoding));
            let mut parts = Vec::new();
            let mut start = 0;
            while start < raw.len() as u64 {
                let source = &raw[(start.max(1) - 1) as usize..];
                parts.extend(all(Chunks::range(source, encoding, start..start + cut)));
                start += cut;
            }
            prop_assert_eq!(whole, parts);
        }
    }
}

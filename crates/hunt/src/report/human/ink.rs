//! Ink and paper of the terminal: colour, line breaks and columns.
//!
//! Colour is an addition, never the message: with [`Style::colour`](super::Style) off, the text is the same. Widths
//! count characters; the text comes from [`Shown`](super::super::shown::Shown), so no character of it moves the cursor.

use std::io::{self, Write};

/// How a piece of text is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Bad,
    Warn,
    Note,
    Calm,
}

impl Ink {
    /// The parameters of the escape sequence (ECMA-48 §8.3.117), or none where nothing changes.
    fn code(self) -> Option<&'static str> {
        Some(match self {
            Ink::Plain => return None,
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Bad => "1;31",
            Ink::Warn => "33",
            Ink::Note => "35",
            Ink::Calm => "36",
        })
    }
}

/// A terminal, or a file that takes what one would.
pub(super) struct Paper<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) colour: bool,
    /// Columns.
    pub(super) width: usize,
}

impl Paper<'_> {
    /// A line of painted pieces.
    pub(super) fn line(&mut self, pieces: &[(Ink, &str)]) -> io::Result<()> {
        let mut line: String = pieces.iter().map(|(ink, text)| self.painted(*ink, text)).collect();
        if !self.colour {
            line.truncate(line.trim_end().len());
        }
        writeln!(self.out, "{line}")
    }

    /// An empty line.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// An empty line and a heading.
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.gap()?;
        self.line(&[(Ink::Bold, text)])
    }

    /// A text after a lead, in as many lines as it needs; further lines stand under the first letter of the text.
    pub(super) fn hanging(&mut self, lead: &[(Ink, &str)], ink: Ink, text: &str) -> io::Result<()> {
        let indent: usize = lead.iter().map(|(_, piece)| piece.chars().count()).sum();
        let lines = wrapped(text, self.room(indent));
        let space = " ".repeat(indent);
        for (index, line) in lines.iter().enumerate() {
            let before: &[(Ink, &str)] = if index == 0 { lead } else { &[(Ink::Plain, &space)] };
            let mut pieces = before.to_vec();
            pieces.push((ink, line));
            self.line(&pieces)?;
        }
        Ok(())
    }

    /// What is left of a line, and never so little that text turns into a column of letters.
    pub(super) fn room(&self, indent: usize) -> usize {
        self.width.saturating_sub(indent).max(20)
    }

    fn painted(&self, ink: Ink, text: &str) -> String {
        match ink.code() {
            Some(code) if self.colour && !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

/// A text in lines of at most so many characters, broken between words, and within one only if it is too long.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split(' ').flat_map(|word| chunks(word, width)) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    lines
}

/// A word in parts of at most so many characters.
fn chunks(word: &str, width: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = word;
    while let Some((at, _)) = rest.char_indices().nth(width.max(1)) {
        let (part, tail) = rest.split_at(at);
        parts.push(part);
        rest = tail;
    }
    parts.push(rest);
    parts
}

/// A text filled with spaces to so many characters.
pub(super) fn column(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words_and_within_long_ones() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 5), ["abcde", "fgh", "ij"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn further_lines_hang_under_the_first() {
        let mut out = Vec::new();
        let mut paper = Paper { out: &mut out, colour: false, width: 30 };
        paper
            .hanging(&[(Ink::Plain, "  1. ")], Ink::Plain, "take the server off the network")
            .expect("memory takes every byte");
        assert_eq!(String::from_utf8_lossy(&out), "  1. take the server off the\n     network\n");
    }
}

//! Text of the evidence, made safe to look at.
//!
//! A type rather than a function, so that a page cannot be built of anything else: the fields of every view are
//! [`Shown`], and only this file makes one. Control codes, overrides of direction and characters that take no room
//! are spelled out; escaping for HTML, Markdown or CSV comes after, in the format's own file.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use watchfire_artifact::text::printable;

/// Text without anything that a terminal, a browser or a reader's eye would obey.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Shown<'a>(Cow<'a, str>);

/// One line of text; line breaks are spelled out as well.
pub(super) fn shown(text: &str) -> Shown<'_> {
    Shown(safe(text))
}

/// Text of our own making, which may hold text of the evidence.
pub(super) fn shown_owned<'a>(text: String) -> Shown<'a> {
    match safe(&text) {
        Cow::Borrowed(_) => Shown(Cow::Owned(text)),
        Cow::Owned(safe) => Shown(Cow::Owned(safe)),
    }
}

/// Several lines: line breaks stay, tabs become spaces, the rest as in [`shown`].
pub(super) fn shown_lines(text: &str) -> Shown<'_> {
    if !text.contains(['\n', '\t']) {
        return shown(text.trim_end_matches('\r'));
    }
    let lines: Vec<String> =
        text.lines().map(|line| safe(&line.replace('\t', "    ")).into_owned()).collect();
    Shown(Cow::Owned(lines.join("\n")))
}

fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return printable(text);
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unseen(c) {
            spelled.extend(c.escape_unicode());
        } else {
            spelled.push(c);
        }
    }
    Cow::Owned(printable(&spelled).into_owned())
}

/// Whether a character takes no room: two names that differ by one look the same, and it can hide text in text.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

impl Shown<'_> {
    /// At most so many characters, the last of them `…` where something was cut.
    pub(super) fn cut(self, max_chars: usize) -> Self {
        match cut(&self.0, max_chars) {
            Cow::Borrowed(_) => self,
            Cow::Owned(short) => Shown(Cow::Owned(short)),
        }
    }

    /// The same, without what it was made of.
    pub(super) fn into_owned(self) -> Shown<'static> {
        Shown(Cow::Owned(self.0.into_owned()))
    }
}

/// At most so many characters of a text, the last of them `…` where something was cut.
pub(super) fn cut(text: &str, max_chars: usize) -> Cow<'_, str> {
    // Most texts are short in bytes already; counting is for those that are not.
    if text.len() <= max_chars || text.chars().count() <= max_chars {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    Cow::Owned(short)
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Deref for Shown<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_escapes_do_not_stay_escapes() {
        assert_eq!(&*shown_lines("a\tb\r\nc\u{1b}[2J\n"), "a    b\nc\\u{1b}[2J");
        assert_eq!(&*shown("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn what_takes_no_room_is_seen() {
        assert_eq!(&*shown("lsass\u{200b}.exe\u{1b}"), "lsass\\u{200b}.exe\\u{1b}");
    }

    #[test]
    fn a_cut_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("one two", 5), "one…");
        assert_eq!(cut("ab", 0), "…");
    }
}

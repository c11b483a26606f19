//! Character classes of PCRE: `[…]`, `\d`, `\h`, `[:alpha:]`.
//!
//! A class is taken apart and put together again from items that mean the same to the engines, which otherwise read
//! `&&`, `--`, `~~` and a `[` inside a class in their own way.

use super::translate::{Translator, syntax, write_character};
use super::{NoRegexp, translate};

const HORIZONTAL: &str = r"\t\x20\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
const HORIZONTAL_OCTETS: &str = r"\t\x20\xa0";
const VERTICAL: &str = r"\n\x0b\x0c\r\x{85}\x{2028}\x{2029}";
const VERTICAL_OCTETS: &str = r"\n\x0b\x0c\r\x85";

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// The items of a shorthand class, to stand inside brackets.
pub(super) fn shorthand(letter: char, octets: bool) -> Option<String> {
    let items = match (letter, octets) {
        ('d' | 'D' | 'w' | 'W' | 's' | 'S', false) => format!("\\{letter}"),
        ('d', true) => "0-9".to_owned(),
        ('w', true) => "0-9A-Za-z_".to_owned(),
        ('s', true) => r"\t-\r\x20".to_owned(),
        ('D', true) => "[^0-9]".to_owned(),
        ('W', true) => "[^0-9A-Za-z_]".to_owned(),
        ('S', true) => r"[^\t-\r\x20]".to_owned(),
        ('h', false) => HORIZONTAL.to_owned(),
        ('h', true) => HORIZONTAL_OCTETS.to_owned(),
        ('H', false) => format!("[^{HORIZONTAL}]"),
        ('H', true) => format!("[^{HORIZONTAL_OCTETS}]"),
        ('v', false) => VERTICAL.to_owned(),
        ('v', true) => VERTICAL_OCTETS.to_owned(),
        ('V', false) => format!("[^{VERTICAL}]"),
        ('V', true) => format!("[^{VERTICAL_OCTETS}]"),
        _ => return None,
    };
    Some(items)
}

/// One item of a class.
enum Item {
    Character(char),
    /// A set, as it is written inside brackets.
    Set(String),
}

impl Translator<'_> {
    /// A class; its `[` has been read.
    pub(super) fn class(&mut self) -> Result<(), NoRegexp> {
        let mut written = String::from(if self.take("^") { "[^" } else { "[" });
        let mut first = true;
        loop {
            let Some(character) = self.peek(0) else { return syntax("a class is not closed") };
            self.at += 1;
            if character == ']' && !first {
                break;
            }
            first = false;
            match self.item(character)? {
                None => {}
                Some(Item::Set(set)) => written.push_str(&set),
                Some(Item::Character(low)) => self.range(low, &mut written)?,
            }
        }
        // `[\E]` and the like leave nothing over.
        if written.ends_with(['[', '^']) && written.len() <= 2 {
            return syntax("a class has nothing in it");
        }
        written.push(']');
        self.atom(&written);
        Ok(())
    }

    /// A character, or a range that it begins.
    fn range(&mut self, low: char, written: &mut String) -> Result<(), NoRegexp> {
        write_character(written, low);
        if self.peek(0) != Some('-') || matches!(self.peek(1), None | Some(']')) {
            return Ok(());
        }
        let hyphen = self.at;
        self.at += 1;
        let Some(character) = self.peek(0) else { return Ok(()) };
        self.at += 1;
        match self.item(character)? {
            Some(Item::Character(high)) if high < low => syntax("a range is out of order"),
            Some(Item::Character(high)) => {
                written.push('-');
                write_character(written, high);
                Ok(())
            }
            // Before a set the hyphen is a hyphen.
            _ => {
                self.at = hyphen + 1;
                write_character(written, '-');
                Ok(())
            }
        }
    }

    fn item(&mut self, character: char) -> Result<Option<Item>, NoRegexp> {
        if character == '['
            && let Some(set) = self.posix()?
        {
            return Ok(Some(Item::Set(set)));
        }
        if character != '\\' {
            return Ok(Some(Item::Character(character)));
        }
        let Some(escaped) = self.peek(0) else { return syntax("a backslash is the last character") };
        self.at += 1;
        if let Some(set) = shorthand(escaped, self.octets) {
            return Ok(Some(Item::Set(set)));
        }
        match escaped {
            'b' => Ok(Some(Item::Character('\u{8}'))),
            'p' | 'P' => self.property(escaped).map(|set| Some(Item::Set(set))),
            'Q' => self.quoted_items().map(Some),
            'E' => Ok(None),
            'N' | 'B' | 'R' | 'X' | '8' | '9' => syntax(format!("`\\{escaped}` stands in a class")),
            _ => self.escaped_character(escaped).map(|character| Some(Item::Character(character))),
        }
    }

    fn quoted_items(&mut self) -> Result<Item, NoRegexp> {
        let mut set = String::new();
        while !self.take(r"\E") {
            let Some(character) = self.peek(0) else { return syntax("a class is not closed") };
            self.at += 1;
            translate::write_character(&mut set, character);
        }
        Ok(Item::Set(set))
    }

    /// `[:alpha:]` or `[:^alpha:]`; its `[` has been read.
    fn posix(&mut self) -> Result<Option<String>, NoRegexp> {
        if self.peek(0) != Some(':') {
            return Ok(None);
        }
        let rest = &self.source[self.at + 1..];
        let Some(end) = rest.windows(2).position(|pair| pair == [':', ']']) else { return Ok(None) };
        let name: String = rest[..end].iter().collect();
        let (name, negated) = name.strip_prefix('^').map_or((name.as_str(), ""), |name| (name, "^"));
        if !POSIX.contains(&name) {
            // `[[:]` and the like are characters.
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
            return if is_name { syntax(format!("`[:{name}:]` is unknown")) } else { Ok(None) };
        }
        let set = format!("[:{negated}{name}:]");
        self.at += 1 + end + 2;
        Ok(Some(set))
    }
}

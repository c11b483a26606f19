//! From PCRE's syntax to that of the engines.
//!
//! The syntaxes look alike and differ in what hurts: `$` before a last line break, `[a&&b]`, `\<`, octal escapes,
//! `\Q…\E`, `\h`, braces that are no quantifier. So every element is read by PCRE's rules and written out in a form
//! that has one meaning; nothing is handed on unread.

use std::fmt::Write;

use super::NoRegexp;
use crate::pattern::limits::REGEX_DEPTH_MAX;

/// What an expression is searched in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    Unicode,
    Octets,
}

/// An expression for an engine.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) text: String,
    /// Whether only the backtracking engine can run it.
    pub(super) backtracks: bool,
    /// The longest run of characters that every match has.
    pub(super) literal: Option<String>,
}

type Result<T> = std::result::Result<T, NoRegexp>;

pub(super) fn syntax<T>(message: impl Into<String>) -> Result<T> {
    Err(NoRegexp::Syntax(message.into()))
}

/// Flags that change how the expression itself is read.
#[derive(Clone, Copy, Default)]
struct Flags {
    multi_line: bool,
    extended: bool,
    ignore_case: bool,
}

/// Translates a whole expression. `.` matches line breaks: "the DOTALL option MUST be specified".
pub(super) fn translate(source: &str, alphabet: Alphabet) -> Result<Translation> {
    let characters: Vec<char> = source.chars().collect();
    let octets = alphabet == Alphabet::Octets;
    // First without, then with, what the linear engine cannot do.
    let mut translator = Translator::new(&characters, octets);
    translator.whole()?;
    if translator.backtracks {
        let mut again = Translator::new(&characters, octets);
        again.backtracks = true;
        again.whole()?;
        translator = again;
    }
    let literal = translator.literal.take();
    Ok(Translation { text: translator.out, backtracks: translator.backtracks, literal })
}

#[allow(clippy::struct_excessive_bools)] // each is a plain fact about the place that the translator has reached
pub(super) struct Translator<'a> {
    pub(super) source: &'a [char],
    pub(super) at: usize,
    pub(super) out: String,
    pub(super) octets: bool,
    pub(super) backtracks: bool,
    flags: Flags,
    /// The flags to go back to where each open group ends.
    open: Vec<Flags>,
    /// Whether a quantifier may follow.
    repeatable: bool,
    groups: u32,
    run: String,
    literal: Option<String>,
    /// Whether an alternative at the top makes every literal optional.
    alternatives: bool,
}

impl<'a> Translator<'a> {
    fn new(source: &'a [char], octets: bool) -> Self {
        Self {
            source,
            at: 0,
            out: "(?s)".to_owned(),
            octets,
            backtracks: false,
            flags: Flags::default(),
            open: Vec::new(),
            repeatable: false,
            groups: 0,
            run: String::new(),
            literal: None,
            alternatives: false,
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.source.get(self.at + ahead).copied()
    }

    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = wanted.chars().enumerate().all(|(ahead, character)| self.peek(ahead) == Some(character));
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    /// The characters up to a sign, which is passed over.
    pub(super) fn until(&mut self, sign: char) -> Result<String> {
        let rest = &self.source[self.at..];
        let Some(length) = rest.iter().position(|character| *character == sign) else {
            return syntax(format!("`{sign}` is missing"));
        };
        self.at += length + 1;
        Ok(rest[..length].iter().collect())
    }

    fn whole(&mut self) -> Result<()> {
        // Options that say what holds here anyway.
        while self.take("(*UTF8)") || self.take("(*UTF)") || self.take("(*UCP)") {}
        while let Some(character) = self.peek(0) {
            self.at += 1;
            self.element(character)?;
        }
        if !self.open.is_empty() {
            return syntax("a group is not closed");
        }
        self.end_run();
        if self.alternatives {
            self.literal = None;
        }
        Ok(())
    }

    fn element(&mut self, character: char) -> Result<()> {
        match character {
            '\\' => return self.escape(),
            '[' => return self.class(),
            '(' => return self.group(),
            ')' => return self.close(),
            '{' => return self.braces(),
            '*' | '+' | '?' => return self.quantifier(character == '+', &character.to_string()),
            '|' => {
                self.end_run();
                self.alternatives |= self.open.is_empty();
                self.repeatable = false;
                self.out.push('|');
            }
            '^' => self.assertion(if self.flags.multi_line { "(?m:^)" } else { r"\A" }),
            '$' if self.flags.multi_line => self.assertion("(?m:$)"),
            '$' => self.end_before_last_break(),
            '.' => self.atom("."),
            '#' if self.flags.extended => {
                while self.peek(0).is_some_and(|character| character != '\n') {
                    self.at += 1;
                }
            }
            _ if self.flags.extended && character.is_whitespace() => {}
            _ => self.literal(character),
        }
        Ok(())
    }

    /// Something that can be repeated and is no single character.
    pub(super) fn atom(&mut self, written: &str) {
        self.end_run();
        self.out.push_str(written);
        self.repeatable = true;
    }

    fn assertion(&mut self, written: &str) {
        self.end_run();
        self.out.push_str(written);
        self.repeatable = false;
    }

    /// A character that stands for itself.
    fn literal(&mut self, character: char) {
        write_character(&mut self.out, character);
        self.repeatable = true;
        if self.open.is_empty() && !self.flags.ignore_case {
            self.run.push(character);
        } else {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        if self.run.len() > self.literal.as_ref().map_or(0, String::len) {
            self.literal = Some(std::mem::take(&mut self.run));
        }
        self.run.clear();
    }

    /// `$` and `\Z`: at the end, or before a line break that is the last character.
    fn end_before_last_break(&mut self) {
        let rest = &self.source[self.at..];
        let last = rest.iter().all(|character| *character == ')')
            || self.open.is_empty() && rest.first() == Some(&'|');
        // With nothing behind, to take the line break in is as good as to look at it.
        if !last {
            self.backtracks = true;
        }
        self.assertion(if self.backtracks { r"(?=\n?\z)" } else { r"(?:\n?\z)" });
    }

    fn quantifier(&mut self, at_least_once: bool, written: &str) -> Result<()> {
        if !self.repeatable {
            return syntax("a quantifier has nothing to repeat");
        }
        if !at_least_once {
            self.run.pop();
        }
        self.end_run();
        self.out.push_str(written);
        if self.take("?") {
            self.out.push('?');
        } else if self.take("+") {
            self.backtracks = true;
            self.out.push('+');
        }
        self.repeatable = false;
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}`, `{,m}`; anything else is a brace.
    fn braces(&mut self) -> Result<()> {
        let rest = &self.source[self.at..];
        let length = rest.iter().position(|character| *character == '}').filter(|length| *length < 12);
        let inside: String = rest[..length.unwrap_or(0)].iter().collect();
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if length.is_none() || !is_number(least) || !is_number(most) || least.len() + most.len() == 0 {
            self.literal('{');
            return Ok(());
        }
        self.at += inside.len() + 1;
        let number = |text: &str, otherwise: u32| match text {
            "" => Ok(otherwise),
            digits => digits.parse().map_err(|_| NoRegexp::Syntax("a quantifier is too large".to_owned())),
        };
        let (least, limit) = (number(least, 0)?, number(most, u32::MAX)?);
        if least > limit || least > 65_535 || !most.is_empty() && limit > 65_535 {
            return syntax("the numbers of a quantifier are out of order or too large");
        }
        let written = if most.is_empty() { format!("{{{least},}}") } else { format!("{{{least},{limit}}}") };
        self.quantifier(least > 0, &written)
    }

    fn close(&mut self) -> Result<()> {
        let Some(flags) = self.open.pop() else { return syntax("a `)` opens nowhere") };
        self.end_run();
        self.flags = flags;
        self.out.push(')');
        self.repeatable = true;
        Ok(())
    }

    fn enter(&mut self, written: &str) -> Result<()> {
        if self.open.len() >= REGEX_DEPTH_MAX {
            return Err(NoRegexp::TooLarge);
        }
        self.end_run();
        self.open.push(self.flags);
        self.out.push_str(written);
        self.repeatable = false;
        Ok(())
    }

    fn look(&mut self, written: &str) -> Result<()> {
        self.backtracks = true;
        self.enter(written)
    }

    fn group(&mut self) -> Result<()> {
        if self.peek(0) == Some('*') {
            return Err(NoRegexp::Unsupported("a verb"));
        }
        if !self.take("?") {
            self.groups += 1;
            return self.enter("(");
        }
        for (sign, written) in [("<=", "(?<="), ("<!", "(?<!"), ("=", "(?="), ("!", "(?!"), (">", "(?>")] {
            if self.take(sign) {
                return self.look(written);
            }
        }
        if self.take("#") {
            self.until(')')?;
            return Ok(());
        }
        if self.take(":") {
            return self.enter("(?:");
        }
        for (opening, closing) in [("P<", '>'), ("<", '>'), ("'", '\'')] {
            if self.take(opening) {
                let name = self.name(closing)?;
                self.groups += 1;
                return self.enter(&format!("(?P<{name}>"));
            }
        }
        if self.take("P=") {
            let name = self.name(')')?;
            self.back_reference(&format!("(?P={name})"));
            return Ok(());
        }
        match self.peek(0) {
            Some('|') => Err(NoRegexp::Unsupported("a branch reset")),
            Some('(') => Err(NoRegexp::Unsupported("a condition")),
            Some('C') => Err(NoRegexp::Unsupported("a callout")),
            Some('R' | '&' | 'P' | '+' | '0'..='9') => Err(NoRegexp::Unsupported("a recursion")),
            _ => self.inline_flags(),
        }
    }

    fn name(&mut self, closing: char) -> Result<String> {
        let name = self.until(closing)?;
        let mut bytes = name.bytes();
        let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if starts && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Ok(name);
        }
        syntax(format!("`{name}` is no name of a group"))
    }

    fn back_reference(&mut self, written: &str) {
        self.backtracks = true;
        self.atom(written);
    }

    /// `(?imsx-imsx)` and `(?imsx-imsx:…)`
    fn inline_flags(&mut self) -> Result<()> {
        let before = self.flags;
        let (mut on, mut off) = (String::new(), String::new());
        let mut value = true;
        loop {
            let Some(character) = self.peek(0) else { return syntax("a group is not closed") };
            self.at += 1;
            match character {
                'i' => self.flags.ignore_case = value,
                'm' => self.flags.multi_line = value,
                'x' => self.flags.extended = value,
                's' => {}
                '-' if value => value = false,
                ')' | ':' => {
                    let minus = if off.is_empty() { "" } else { "-" };
                    let written = if on.is_empty() && off.is_empty() {
                        String::new()
                    } else {
                        format!("(?{on}{minus}{off}")
                    };
                    return self.end_flags(before, character, &written);
                }
                'U' | 'J' | 'n' | 'a' | '^' => return Err(NoRegexp::Unsupported("an unusual option")),
                _ => return syntax(format!("`(?{character}` is unknown")),
            }
            // How lines and spaces are read is settled here; the engine is told of the others.
            if matches!(character, 'i' | 's') {
                if value { on.push(character) } else { off.push(character) }
            }
        }
    }

    fn end_flags(&mut self, before: Flags, end: char, written: &str) -> Result<()> {
        self.end_run();
        if end == ')' {
            if !written.is_empty() {
                self.out.push_str(written);
                self.out.push(')');
            }
            self.repeatable = false;
            return Ok(());
        }
        let inside = std::mem::replace(&mut self.flags, before);
        self.enter(&if written.is_empty() { "(?:".to_owned() } else { format!("{written}:") })?;
        self.flags = inside;
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        let Some(character) = self.peek(0) else { return syntax("a backslash is the last character") };
        self.at += 1;
        if let Some(class) = super::class::shorthand(character, self.octets) {
            self.atom(&format!("[{class}]"));
            return Ok(());
        }
        match character {
            'b' | 'B' => self.word_boundary(character),
            'A' => self.assertion(r"\A"),
            'z' => self.assertion(r"\z"),
            'Z' => self.end_before_last_break(),
            'N' => self.atom(r"[^\n]"),
            'R' => {
                self.backtracks = true;
                self.atom(r"(?>\r\n|[\n\x0b\x0c\r\x{85}\x{2028}\x{2029}])");
            }
            'p' | 'P' => {
                let class = self.property(character)?;
                self.atom(&class);
            }
            'Q' => self.quoted(),
            'E' => {}
            'k' => self.named_reference()?,
            'g' => self.group_reference()?,
            '1'..='9' => self.number(character)?,
            'G' | 'K' | 'X' | 'C' => return Err(NoRegexp::Unsupported("`\\G`, `\\K`, `\\X` or `\\C`")),
            _ => {
                let character = self.escaped_character(character)?;
                self.literal(character);
            }
        }
        Ok(())
    }

    /// `\k<name>`, `\k{name}`, `\k'name'`
    fn named_reference(&mut self) -> Result<()> {
        let closing = match self.peek(0) {
            Some('<') => '>',
            Some('{') => '}',
            Some('\'') => '\'',
            _ => return syntax("`\\k` names no group"),
        };
        self.at += 1;
        let name = self.name(closing)?;
        self.back_reference(&format!("(?P={name})"));
        Ok(())
    }

    fn word_boundary(&mut self, character: char) {
        // Over octets the backtracking engine sees characters; words there are of ASCII.
        let written = match (self.octets && self.backtracks, character) {
            (true, 'b') => "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))",
            (true, _) => "(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))",
            (false, 'b') => r"\b",
            (false, _) => r"\B",
        };
        self.assertion(written);
    }

    fn quoted(&mut self) {
        while self.peek(0).is_some() && !self.take(r"\E") {
            if let Some(character) = self.peek(0) {
                self.at += 1;
                self.literal(character);
            }
        }
    }

    /// `\g1`, `\g{-1}`, `\g{name}`
    fn group_reference(&mut self) -> Result<()> {
        let name = if self.take("{") {
            self.until('}')?
        } else if matches!(self.peek(0), Some('<' | '\'')) {
            return Err(NoRegexp::Unsupported("a recursion"));
        } else {
            let digits = self.source[self.at..].iter().take_while(|digit| digit.is_ascii_digit()).count();
            self.at += digits;
            self.source[self.at - digits..self.at].iter().collect()
        };
        if let Some(back) = name.strip_prefix('-') {
            let back = back.parse().ok().filter(|back| (1..=self.groups).contains(back));
            let Some(back) = back else { return syntax("a reference to a group that is not there") };
            return self.numbered(self.groups + 1 - back);
        }
        match name.parse() {
            Ok(number) => self.numbered(number),
            Err(_)
                if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    && !name.is_empty() =>
            {
                self.back_reference(&format!("(?P={name})"));
                Ok(())
            }
            Err(_) => syntax("`\\g` names no group"),
        }
    }

    /// A back-reference, or an octal escape if there are not as many groups.
    fn number(&mut self, first: char) -> Result<()> {
        let digits = self.source[self.at..].iter().take_while(|digit| digit.is_ascii_digit()).count().min(2);
        let text: String =
            std::iter::once(first).chain(self.source[self.at..][..digits].iter().copied()).collect();
        let number: u32 = text.parse().unwrap_or(u32::MAX);
        if digits == 0 || number <= self.groups {
            self.at += digits;
            return self.numbered(number);
        }
        if first >= '8' {
            return syntax("a reference to a group that is not there");
        }
        let character = self.octal(first)?;
        self.literal(character);
        Ok(())
    }

    fn numbered(&mut self, number: u32) -> Result<()> {
        let all = self.source.iter().filter(|character| **character == '(').count();
        if number == 0 || number as usize > all {
            return syntax("a reference to a group that is not there");
        }
        self.back_reference(&format!(r"(?:\{number})"));
        Ok(())
    }

    fn octal(&mut self, first: char) -> Result<char> {
        let mut value = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.peek(0).and_then(|digit| digit.to_digit(8)) else { break };
            value = value * 8 + digit;
            self.at += 1;
        }
        self.character(value)
    }

    fn character(&self, value: u32) -> Result<char> {
        let character = char::from_u32(value).filter(|character| !self.octets || *character <= '\u{ff}');
        character.map_or_else(|| syntax("an escape stands for no character"), Ok)
    }

    /// An escape that stands for one character, in a class or outside; its first character has been read.
    pub(super) fn escaped_character(&mut self, character: char) -> Result<char> {
        Ok(match character {
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'c' => {
                let Some(control) = self.peek(0).filter(char::is_ascii) else {
                    return syntax("`\\c` is not followed by a character of ASCII");
                };
                self.at += 1;
                char::from(control.to_ascii_uppercase() as u8 ^ 0x40)
            }
            'x' => return self.hexadecimal(),
            'o' if self.take("{") => {
                let digits = self.until('}')?;
                let value = u32::from_str_radix(&digits, 8);
                return value
                    .map_or_else(|_| syntax("`\\o{}` has no octal digits"), |value| self.character(value));
            }
            '0'..='7' => return self.octal(character),
            _ if character.is_ascii_alphanumeric() => {
                return syntax(format!("`\\{character}` is unknown"));
            }
            _ => character,
        })
    }

    fn hexadecimal(&mut self) -> Result<char> {
        if self.take("{") {
            let digits = self.until('}')?;
            let value = u32::from_str_radix(&digits, 16);
            return value
                .map_or_else(|_| syntax("`\\x{}` has no hexadecimal digits"), |value| self.character(value));
        }
        let mut value = 0;
        for _ in 0..2 {
            let Some(digit) = self.peek(0).and_then(|digit| digit.to_digit(16)) else { break };
            value = value * 16 + digit;
            self.at += 1;
        }
        self.character(value)
    }

    /// `\p{Lu}`, `\pL`, `\p{^Lu}`: as a class for the engines.
    pub(super) fn property(&mut self, letter: char) -> Result<String> {
        if self.octets {
            return Err(NoRegexp::Unsupported("a Unicode property over octets"));
        }
        let name = if self.take("{") {
            self.until('}')?
        } else {
            let Some(letter) = self.peek(0) else { return syntax("`\\p` names no property") };
            self.at += 1;
            letter.to_string()
        };
        let (name, negated) = match name.strip_prefix('^') {
            Some(name) => (name, letter == 'p'),
            None => (name.as_str(), letter == 'P'),
        };
        if name == "Any" {
            return Ok(if negated { "[^\\x{0}-\\x{10ffff}]" } else { "(?s:.)" }.to_owned());
        }
        if name == "L&" {
            return Ok(format!("[{}\\p{{Lu}}\\p{{Ll}}\\p{{Lt}}]", if negated { "^" } else { "" }));
        }
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return syntax(format!("`{name}` is no property of characters"));
        }
        Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }
}

/// Writes a character so that it stands for itself in every place.
pub(super) fn write_character(out: &mut String, character: char) {
    if character.is_ascii_alphanumeric() || character == '_' {
        out.push(character);
    } else if character <= '\u{ff}' {
        // In braces it would be a character even where octets are searched. A String takes every write.
        let _ = write!(out, "\\x{:02x}", character as u32);
    } else {
        let _ = write!(out, "\\x{{{:x}}}", character as u32);
    }
}

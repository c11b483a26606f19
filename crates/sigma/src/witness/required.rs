//! The literals without which a regular expression cannot match.
//!
//! A small reader of the engine's syntax that understands concatenation, alternation, groups and repetition, and
//! takes everything else for "anything". It may overlook a literal, which costs time; it must never report one that
//! is not necessary, which would cost a finding. Expressions that it does not fully understand have none.

use super::Witness;
use crate::check::regexp::Flags;

/// How deep groups may nest before the expression counts as not understood.
const DEPTH_MAX: usize = 50;

/// The cheapest witness of an expression that has compiled.
pub(super) fn of_regex(
    source: &str,
    flags: Flags,
    part: &dyn Fn(&[u8]) -> Option<Witness>,
) -> Option<Witness> {
    let chars: Vec<char> = source.chars().collect();
    let insensitive = flags.insensitive || sets_flag(&chars, 'i');
    if sets_flag(&chars, 'x') {
        return None;
    }
    let mut reader = Reader { chars: &chars, at: 0, insensitive, understood: true, part };
    let witness = reader.alternation(0);
    (reader.understood && reader.at == chars.len()).then_some(witness)?
}

/// Whether a group such as `(?i)` or `(?is-m:` sets a flag somewhere. Where exactly does not matter: too careful is
/// safe.
fn sets_flag(chars: &[char], flag: char) -> bool {
    let after_open = |at: usize| {
        let flags = chars[at + 2..].iter().take_while(|c| c.is_ascii_alphabetic() || **c == '-');
        flags.take_while(|c| **c != '-').any(|c| *c == flag)
    };
    (0..chars.len().saturating_sub(1)).any(|at| chars[at] == '(' && chars[at + 1] == '?' && after_open(at))
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    insensitive: bool,
    understood: bool,
    part: &'a dyn Fn(&[u8]) -> Option<Witness>,
}

/// One element of a concatenation.
enum Piece {
    Char(char),
    Group(Option<Witness>),
    /// Takes nothing, so the literals on both sides touch.
    Nothing,
    Anything,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// Branches up to the end of the group; one of them is necessary.
    fn alternation(&mut self, depth: usize) -> Option<Witness> {
        let mut all = self.concatenation(depth);
        while self.take('|') {
            let branch = self.concatenation(depth);
            all = super::union([all, branch].into_iter());
        }
        all
    }

    /// Pieces up to the end of the branch; the cheapest of what is necessary.
    fn concatenation(&mut self, depth: usize) -> Option<Witness> {
        let (mut best, mut run) = (None, String::new());
        while self.understood && !matches!(self.peek(), None | Some('|' | ')')) {
            let piece = self.piece(depth);
            let (least, once) = self.repetition();
            match piece {
                Piece::Char(c) if once && self.is_plain(c) => run.push(c),
                Piece::Char(c) if least > 0 && self.is_plain(c) => {
                    run.push(c);
                    self.end_run(&mut best, &mut run);
                }
                Piece::Nothing => {}
                Piece::Group(witness) if least > 0 => {
                    self.end_run(&mut best, &mut run);
                    best = Witness::cheaper(best, witness);
                }
                Piece::Char(_) | Piece::Group(_) | Piece::Anything => self.end_run(&mut best, &mut run),
            }
        }
        self.end_run(&mut best, &mut run);
        best
    }

    fn end_run(&self, best: &mut Option<Witness>, run: &mut String) {
        if !run.is_empty() {
            *best = Witness::cheaper(best.take(), (self.part)(run.as_bytes()));
            run.clear();
        }
    }

    /// Whether a character stands in the text as itself, in either case of ASCII. Under `i` Unicode folds `k` with
    /// the Kelvin sign and `s` with the long s, so these two may stand as other bytes.
    fn is_plain(&self, c: char) -> bool {
        c.is_ascii() && !(self.insensitive && matches!(c, 'k' | 'K' | 's' | 'S'))
    }

    fn piece(&mut self, depth: usize) -> Piece {
        let c = self.peek().unwrap_or_default();
        self.at += 1;
        match c {
            '\\' => self.escape(),
            '(' => self.group(depth),
            '[' => self.class(),
            '.' => Piece::Anything,
            '^' | '$' => Piece::Nothing,
            _ => Piece::Char(c),
        }
    }

    fn escape(&mut self) -> Piece {
        let c = self.peek().unwrap_or_default();
        self.at += 1;
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' | 'f' | 'v' | 'a' => Piece::Anything,
            'A' | 'z' | 'B' => Piece::Nothing,
            'b' if self.peek() != Some('{') => Piece::Nothing,
            c if c.is_ascii_punctuation() => Piece::Char(c),
            // Hexadecimal, properties and the rest: rare enough to give up.
            _ => {
                self.understood = false;
                Piece::Anything
            }
        }
    }

    fn group(&mut self, depth: usize) -> Piece {
        if depth >= DEPTH_MAX || !self.group_head() {
            self.understood = false;
            return Piece::Anything;
        }
        // `(?i)` is a group without a body.
        if self.chars.get(self.at.wrapping_sub(1)) == Some(&')') {
            return Piece::Nothing;
        }
        let witness = self.alternation(depth + 1);
        self.understood &= self.take(')');
        Piece::Group(witness)
    }

    /// Skips `?:`, `?i:`, `?i)`, `?<name>` or `?P<name>`.
    fn group_head(&mut self) -> bool {
        if !self.take('?') {
            // An empty group must not look like one that has just closed.
            return self.peek().is_some();
        }
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                ':' | ')' | '>' => return true,
                c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '<') => {}
                _ => return false,
            }
        }
        false
    }

    /// Skips a character class.
    fn class(&mut self) -> Piece {
        self.take('^');
        self.take(']');
        let mut nested = 0usize;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => self.at += 1,
                '[' => nested += 1,
                ']' if nested == 0 => return Piece::Anything,
                ']' => nested -= 1,
                _ => {}
            }
        }
        self.understood = false;
        Piece::Anything
    }

    /// Reads what follows a piece: the least number of times it stands, and whether that is exactly once.
    fn repetition(&mut self) -> (usize, bool) {
        let (mut least, mut once) = (1, true);
        loop {
            let this = match self.peek() {
                Some('*' | '?') => 0,
                Some('+') => 1,
                Some('{') => {
                    let digits = self.chars[self.at + 1..].iter().take_while(|c| c.is_ascii_digit());
                    let number: String = digits.collect();
                    let close = self.chars[self.at..].iter().position(|&c| c == '}');
                    self.understood &= close.is_some();
                    self.at += close.unwrap_or(0);
                    // `{,5}` begins at none.
                    number.parse().unwrap_or(0)
                }
                _ => return (least, once),
            };
            self.at += 1;
            least = least.min(this);
            once = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Literal;
    use super::*;
    use crate::check::regexp::Regexp;

    fn literals(pattern: &str, flags: Flags) -> Vec<String> {
        let regexp = Regexp::new(pattern, flags).unwrap();
        let part = |bytes: &[u8]| {
            let literal = Literal { slot: None, whole: false, decoded: false, bytes: bytes.into() };
            (bytes.len() >= 4).then(|| Witness { literals: vec![literal], cost: crate::rarity::cost(bytes) })
        };
        let witness = of_regex(regexp.source(), flags, &part);
        witness
            .map(|w| w.literals.into_iter().map(|l| String::from_utf8(l.bytes.to_vec()).unwrap()).collect())
            .unwrap_or_default()
    }

    #[track_caller]
    fn check(pattern: &str, expected: &[&str]) {
        assert_eq!(literals(pattern, Flags::default()), expected, "{pattern}");
    }

    #[test]
    fn necessary_literals() {
        check("evil", &["evil"]);
        check(r"^C:\\Users\\[^\\]+\\NTUSER\.DAT$", &[r"\NTUSER.DAT"]);
        check("(alpha|beta)x", &["alpha", "beta"]);
        check("(alpha|be)x", &[]);
        check("(alpha|beta)?gamma", &["gamma"]);
        check("(alpha)*", &[]);
        check("(alpha){0,3}delta", &["delta"]);
        check("(alpha){2}", &["alpha"]);
        check("abcde*f", &["abcd"]);
        check("abcde+fghi", &["abcde"]);
        check("alpha|", &[]);
        check("[abcd]{4}", &[]);
        check("a.b.c.d", &[]);
        check(r"foo\.b\d+", &["foo.b"]);
        check(r"\x41bcdef", &[]);
        check("(?i)power.{1,5}", &["power"]);
        check("(?i)task.{1,5}omelet", &["omelet"]);
        check("(?:ab(?P<x>cdef)gh)", &["cdef"]);
        check("a{4}bcdef", &["bcdef"]);
        check("(?x)ab cd ef", &[]);
        check("()abcd", &["abcd"]);
    }

    #[test]
    fn flags_from_outside() {
        let insensitive = Flags { insensitive: true, ..Flags::default() };
        assert_eq!(literals("kkkkbaaad", insensitive), ["baaad"]);
    }
}

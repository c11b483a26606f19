//! The prefilter: from buffers of whole lines to the few lines that a rule may match.
//!
//! A clean log has no line that matters, so the fastest reader is one that never finds the line ends. All rules'
//! witnesses are sought in one pass over the raw buffer; only around a hit is the line found, and only the rules
//! whose literal stands in it are evaluated.
//!
//! The literals must stand in the line as bytes. A format that escapes bytes or computes fields breaks that, and
//! says so in an [`Encoding`]; whatever is then left of a rule's literals is used, and a rule that has nothing left
//! wakes for every line. A missed line would be a missed intrusion, so every doubt here ends in `always`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use memchr::{memchr, memrchr};

use crate::matcher::{Marks, Matcher, Woken};
use crate::rarity;
use crate::rule::same_field;
use crate::scan::{NEEDLE_BYTES_MIN, Scanner};
use crate::witness::{self, Literal};

/// Lines are looked at in blocks of about this size, so that what was just scanned is still in the cache.
const BLOCK_BYTES: usize = 64 << 10;

/// How values stand in a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Encoding<'a> {
    /// Fields (by the record's own names) whose bytes do not stand in the line: computed or decoded ones.
    pub derived: &'a [&'a str],
    /// Bytes that the format may write in another way: `"` in CSV; `"`, `\` and `/` in JSON, and whatever else its
    /// writer escapes. Control characters and bytes beyond ASCII are always taken to be among them.
    pub breaks: &'a [u8],
    /// Bytes that stand as another byte: a space as `+` in W3C logs.
    pub replace: &'a [(u8, u8)],
    /// Fields that are percent-decoded from bytes of the line, with a `?` put between two columns: their literals
    /// stand in the line too, unless the line has a percent sign, which therefore wakes their rules as well.
    pub decoded: &'a [&'a str],
    /// Whether a record is always one line: then what a rule needs must stand in the line that wakes it.
    pub one_line: bool,
    /// Some of the log itself. Which literals are rare is then counted instead of guessed; nothing else depends on it.
    pub sample: &'a [u8],
}

/// Literals longer than this make the scanner no faster.
const NEEDLE_BYTES_WANTED: usize = 7;

/// More of a sample than this teaches nothing new.
const SAMPLE_BYTES: usize = 128 << 10;

/// Bytes at which the literal of a decoded field is cut: the sign that is put between, and what only an escape makes.
const DECODED_BREAKS: [u8; 3] = *b"?% ";

/// The filter of one matcher for one encoding.
#[derive(Debug)]
pub struct Prefilter {
    scanner: Scanner,
    /// By needle: the rules that it wakes.
    wakes: Vec<Vec<u32>>,
    /// By rule: sets of needles of each of which a line must have one, or the rule cannot match.
    guards: Vec<Vec<Vec<usize>>>,
    /// Where in `wakes` the rules stand that an escape wakes, if there are any.
    escape: Option<usize>,
    escapes: Escapes,
    always: Vec<u32>,
    programs: usize,
}

impl Prefilter {
    pub(crate) fn new(matcher: &Matcher, encoding: &Encoding<'_>) -> Self {
        let derived: Vec<bool> = matcher
            .wanted
            .iter()
            .map(|name| encoding.derived.iter().any(|derived| same_field(derived, name)))
            .collect();
        let decoded: Vec<bool> = matcher
            .wanted
            .iter()
            .map(|name| encoding.decoded.iter().any(|decoded| same_field(decoded, name)))
            .collect();
        let frequency = Frequency::of(encoding.sample);
        let pieces = |literal: &Literal, shortest: usize| {
            let stands = literal.slot.is_none_or(|slot| !derived[slot]);
            let decoded = literal.slot.is_some_and(|slot| decoded[slot]);
            stands.then(|| encoding.best_piece(&literal.bytes, decoded, shortest, &frequency)).flatten()
        };
        let shortest = shortest_needed(matcher, &pieces);
        Self::with_witnesses(matcher, encoding, &|literal| pieces(literal, shortest))
    }

    fn with_witnesses(matcher: &Matcher, encoding: &Encoding<'_>, price: witness::Price<'_>) -> Self {
        let mut escaped: Vec<u32> = Vec::new();
        let mut escapes = Escapes::default();
        let mut always = Vec::new();
        let mut needles: BTreeMap<Arc<[u8]>, Vec<u32>> = BTreeMap::new();
        for (number, program) in matcher.programs.iter().enumerate() {
            match witness::of_node(&program.node, &|atom| of_atom(matcher, atom, price)) {
                Some(witness) => {
                    if witness.literals.iter().any(|literal| literal.decoded) {
                        escaped.push(number as u32);
                    }
                    for literal in witness.literals {
                        escapes.make(&literal);
                        needles.entry(literal.bytes).or_default().push(number as u32);
                    }
                }
                None => always.push(number as u32),
            }
        }
        let (needles, mut wakes): (Vec<Arc<[u8]>>, Vec<Vec<u32>>) = needles.into_iter().unzip();
        for rules in &mut wakes {
            rules.dedup();
        }
        let guards = if encoding.one_line { guards(matcher, &needles, price) } else { Vec::new() };
        let escape = (!escaped.is_empty()).then_some(wakes.len());
        wakes.push(escaped);
        let scanner = Scanner::new(needles);
        Self { scanner, wakes, guards, escape, escapes, always, programs: matcher.programs.len() }
    }

    /// Whether some rule wakes for every line, so that every line is visited.
    pub fn is_always(&self) -> bool {
        !self.always.is_empty()
    }

    /// How many rules wake for every line: those whose tests leave no literal to look for.
    pub fn always_len(&self) -> usize {
        self.always.len()
    }

    /// Whether no line can wake a rule.
    pub fn is_empty(&self) -> bool {
        self.always.is_empty() && self.wakes.iter().all(Vec::is_empty)
    }

    /// The literals that are sought, in lower case.
    pub fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.scanner.needles().iter().map(AsRef::as_ref)
    }

    /// Calls `visit` for every line of `buffer` that wakes a rule, in order, with the line's range (without its line
    /// break, `\n` or `\r\n`) and the rules. Evaluate those with `Matcher::evaluate_woken`; no other line and no
    /// other rule can match. Empty lines are left out. The buffer must begin at a line's start and end at a line's
    /// end, or at the end of the log.
    pub fn lines(&self, buffer: &[u8], mut visit: impl FnMut(Range<usize>, &Woken)) {
        let mut pass =
            Pass { filter: self, marks: Marks::default(), woken: Woken::default(), hits: Vec::new() };
        let mut from = 0;
        while from < buffer.len() {
            let to = block_end(buffer, from);
            pass.block(buffer, from..to, &mut visit);
            from = to;
        }
    }
}

/// The witness of an atom of a matcher under some price.
fn of_atom(matcher: &Matcher, atom: usize, price: witness::Price<'_>) -> Option<witness::Witness> {
    let atom = &matcher.atoms[atom];
    witness::of_check(&matcher.bank.checks[atom.check], atom.slot, price)
}

impl Encoding<'_> {
    /// The cheapest part of a literal, of `shortest` bytes at least, that stands in the line as it is, after
    /// replacement.
    fn best_piece(
        &self,
        literal: &[u8],
        decoded: bool,
        shortest: usize,
        frequency: &Frequency,
    ) -> Option<(Literal, f64)> {
        let broken = |byte: &u8| {
            !(0x20..0x7f).contains(byte) || self.is_broken(*byte) || decoded && DECODED_BREAKS.contains(byte)
        };
        let pieces = literal.split(broken).filter(|piece| piece.len() >= shortest);
        let priced = pieces.map(|piece| {
            let bytes: Vec<u8> = piece.iter().map(|&byte| self.replaced(byte)).collect();
            let cost = frequency.cost(&bytes) + if decoded { frequency.escapes } else { 0.0 };
            (Literal { slot: None, whole: false, decoded, bytes: bytes.into() }, cost)
        });
        priced.min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// Literals are in lower case here; a letter among the breaks may be of either.
    fn is_broken(&self, byte: u8) -> bool {
        self.breaks.iter().any(|broken| broken.eq_ignore_ascii_case(&byte))
    }

    fn replaced(&self, byte: u8) -> u8 {
        self.replace.iter().find(|(from, _)| *from == byte).map_or(byte, |(_, to)| *to)
    }
}

/// How often literals occur: counted in a sample where there is one, else guessed.
struct Frequency {
    /// The sample in lower case.
    sample: Vec<u8>,
    /// Lines with a percent sign in a million bytes.
    escapes: f64,
}

impl Frequency {
    /// Lines with a percent sign in a million bytes of a log nobody has seen.
    const ESCAPES_GUESSED: f64 = 100.0;

    fn of(sample: &[u8]) -> Self {
        let sample = sample[..sample.len().min(SAMPLE_BYTES)].to_ascii_lowercase();
        if sample.is_empty() {
            return Self { sample, escapes: Self::ESCAPES_GUESSED };
        }
        let lines = sample.split(|&byte| byte == b'\n').filter(|line| memchr(b'%', line).is_some()).count();
        let escapes = lines as f64 * 1e6 / sample.len() as f64;
        Self { sample, escapes }
    }

    fn cost(&self, literal: &[u8]) -> f64 {
        if self.sample.is_empty() {
            return rarity::cost(literal);
        }
        let hits = memchr::memmem::find_iter(&self.sample, literal).count();
        hits as f64 * 1e6 / self.sample.len() as f64
            + rarity::cost_of_length(literal)
            + rarity::cost(literal) / 1e4
    }
}

/// The end of the line in which a block of the usual size ends.
fn block_end(buffer: &[u8], from: usize) -> usize {
    let least = from + BLOCK_BYTES;
    let rest = buffer.get(least..).unwrap_or_default();
    memchr(b'\n', rest).map_or(buffer.len(), |at| least + at + 1)
}

/// One pass over a buffer.
struct Pass<'a> {
    filter: &'a Prefilter,
    marks: Marks,
    woken: Woken,
    /// Offset and needle of the hits in one block.
    hits: Vec<(usize, usize)>,
}

impl Pass<'_> {
    fn block(&mut self, buffer: &[u8], block: Range<usize>, visit: &mut impl FnMut(Range<usize>, &Woken)) {
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        self.filter.scanner.scan(&buffer[block.clone()], |needle, at| {
            hits.push((block.start + at, needle));
            true
        });
        if let Some(escape) = self.filter.escape {
            let escapes = &self.filter.escapes;
            lines_with_escapes(buffer, block.clone(), escapes, |at| hits.push((at, escape)));
        }
        hits.sort_unstable();
        if self.filter.is_always() {
            self.every_line(buffer, block, &hits, visit);
        } else {
            self.lines_with_hits(buffer, block, &hits, visit);
        }
        self.hits = hits;
    }

    fn lines_with_hits(
        &mut self,
        buffer: &[u8],
        block: Range<usize>,
        mut hits: &[(usize, usize)],
        visit: &mut impl FnMut(Range<usize>, &Woken),
    ) {
        while let Some(&(at, _)) = hits.first() {
            let start = memrchr(b'\n', &buffer[block.start..at])
                .map_or(block.start, |before| block.start + before + 1);
            let end = line_end(buffer, at, block.end);
            hits = self.line(buffer, start..end, hits, visit);
        }
    }

    fn every_line(
        &mut self,
        buffer: &[u8],
        block: Range<usize>,
        mut hits: &[(usize, usize)],
        visit: &mut impl FnMut(Range<usize>, &Woken),
    ) {
        let mut start = block.start;
        while start < block.end {
            let end = line_end(buffer, start, block.end);
            hits = self.line(buffer, start..end, hits, visit);
            start = end + 1;
        }
    }

    /// Whether the hits of a line have one of each set that a rule needs.
    fn passes(&self, rule: u32, hits: &[(usize, usize)]) -> bool {
        let Some(guards) = self.filter.guards.get(rule as usize) else { return true };
        guards.iter().all(|set| hits.iter().any(|(_, needle)| set.contains(needle)))
    }

    /// Visits one line with the rules that its hits wake, and returns the hits behind it.
    fn line<'h>(
        &mut self,
        buffer: &[u8],
        line: Range<usize>,
        hits: &'h [(usize, usize)],
        visit: &mut impl FnMut(Range<usize>, &Woken),
    ) -> &'h [(usize, usize)] {
        let inside = hits.partition_point(|(at, _)| *at < line.end);
        self.marks.clear(self.filter.programs);
        self.woken.programs.clear();
        let here = &hits[..inside];
        let by_hits = here.iter().flat_map(|(_, needle)| &self.filter.wakes[*needle]);
        for &rule in self.filter.always.iter().chain(by_hits) {
            if self.marks.insert(rule) && self.passes(rule, here) {
                self.woken.programs.push(rule);
            }
        }
        self.woken.programs.sort_unstable();
        let text = &buffer[line.clone()];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if !text.is_empty() && !self.woken.programs.is_empty() {
            visit(line.start..line.start + text.len(), &self.woken);
        }
        &hits[inside..]
    }
}

/// Calls `found` with the place of one telling escape of each line that has any.
fn lines_with_escapes(buffer: &[u8], block: Range<usize>, escapes: &Escapes, mut found: impl FnMut(usize)) {
    let mut from = block.start;
    while let Some(at) = memchr(b'%', &buffer[from..block.end]) {
        let at = from + at;
        from = at + 1;
        if escapes.can_make(&buffer[from..block.end]) {
            found(at);
            from = line_end(buffer, at, block.end);
        }
    }
}

/// Which bytes an escape must stand for to hide a literal from the search.
#[derive(Debug)]
struct Escapes([bool; 256]);

impl Default for Escapes {
    /// A percent sign and hexadecimal digits: what an escape inside an escape is made of.
    fn default() -> Self {
        let mut bytes = [false; 256];
        for byte in (0..=255_u8).filter(|byte| byte.is_ascii_hexdigit() || *byte == b'%') {
            bytes[usize::from(byte)] = true;
        }
        Self(bytes)
    }
}

impl Escapes {
    /// Counts in the bytes of a literal, in either case.
    fn make(&mut self, literal: &Literal) {
        for byte in literal.bytes.iter().filter(|_| literal.decoded) {
            self.0[usize::from(byte.to_ascii_lowercase())] = true;
            self.0[usize::from(byte.to_ascii_uppercase())] = true;
        }
    }

    /// Whether the two digits behind a percent sign stand for such a byte.
    fn can_make(&self, digits: &[u8]) -> bool {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let [high, low, ..] = digits else { return false };
        let value = digit(*high).zip(digit(*low)).map(|(high, low)| (high * 16 + low) as usize);
        value.is_some_and(|value| self.0[value])
    }
}

/// Says which part of a literal, of so many bytes at least, can be sought, and what that costs.
type Pieces<'a> = &'a dyn Fn(&Literal, usize) -> Option<(Literal, f64)>;

/// The length that every rule's witness can keep to. The scanner's steps are as long as the shortest literal of all
/// allows, so one rule's short word is everybody's cost, and no rule takes a shorter one than the shortest that some
/// rule cannot do without.
fn shortest_needed(matcher: &Matcher, pieces: Pieces<'_>) -> usize {
    let seen = |shortest: usize| {
        let price = |literal: &Literal| pieces(literal, shortest);
        let of = |node| witness::of_node(node, &|atom| of_atom(matcher, atom, &price));
        matcher.programs.iter().filter(|program| of(&program.node).is_some()).count()
    };
    let all = seen(NEEDLE_BYTES_MIN);
    (NEEDLE_BYTES_MIN..=NEEDLE_BYTES_WANTED)
        .rev()
        .find(|&length| seen(length) == all)
        .unwrap_or(NEEDLE_BYTES_MIN)
}

/// For each rule, what else it needs that is sought anyway.
fn guards(matcher: &Matcher, needles: &[Arc<[u8]>], price: witness::Price<'_>) -> Vec<Vec<Vec<usize>>> {
    let known = |literal: &Literal| needles.binary_search(&literal.bytes).ok().filter(|_| !literal.decoded);
    let guard =
        |witness: witness::Witness| witness.literals.iter().map(known).collect::<Option<Vec<usize>>>();
    let of_program = |node| {
        let all = witness::all_of_node(node, &|atom| of_atom(matcher, atom, price));
        all.into_iter().filter_map(guard).filter(|guard| !guard.is_empty()).collect()
    };
    matcher.programs.iter().map(|program| of_program(&program.node)).collect()
}

/// Where the line that `at` is in ends: its line feed, or the end of the block.
fn line_end(buffer: &[u8], at: usize, block_end: usize) -> usize {
    memchr(b'\n', &buffer[at..block_end]).map_or(block_end, |after| at + after)
}

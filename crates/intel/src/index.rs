//! Indicators compiled: some thirty bytes each beside their values, found by their last word.
//!
//! A value is sought by its *word*: the run of letters, digits, dots, hyphens and underscores that says most about
//! it. A domain, an address and a file name are their own words. A URL is found by its host, an e-mail address by its
//! domain and a path by its file name: such a word is only marked, and the whole is looked up once the word is met, so
//! that ten thousand URLs of one host cost no more than one. Digests are found by their length, and what has no dot is
//! sought letter by letter.

use std::hash::{BuildHasher, RandomState};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::indicator::{Indicator, Kind};
use crate::key::{Key, Sieve};
use crate::limits::{LITERALS_MAX, SOURCES_MAX, TEXT_BYTES_MAX};
use crate::network::{Network, Networks};
use crate::normal::{Refused, form, url_parts};
use crate::origin::{Origin, Origins};
use crate::table::Table;
use crate::warning::Warninglists;

/// No further entry.
const NONE: u32 = u32::MAX;

/// No confidence was stated.
const UNSTATED: u8 = 0x7F;

/// Beside the confidence: the id of the object that says so stands before the value.
const HAS_ID: u8 = 0x80;

/// Bytes of an id.
const ID_BYTES: usize = 16;

/// What is known of an indicator, before its place is.
#[derive(Debug, Clone, Copy)]
struct Draft {
    id: Option<[u8; ID_BYTES]>,
    origin: u32,
    validity: u32,
    length: u16,
    warning: u16,
    kind: u8,
    confidence: u8,
    site: u16,
}

impl Draft {
    fn entry(self, start: u32, next: u32) -> Entry {
        let Self { id, origin, validity, length, warning, kind, confidence, site } = self;
        let confidence = if id.is_some() { confidence | HAS_ID } else { confidence };
        Entry { start, origin, validity, next, length, warning, kind, confidence, site }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    start: u32,
    origin: u32,
    validity: u32,
    /// The same value, of another source.
    next: u32,
    length: u16,
    /// Which warning list knows it, counted from 1.
    warning: u16,
    pub(crate) kind: u8,
    /// With [`HAS_ID`].
    confidence: u8,
    /// From which byte of a path on it is also the path of a URL; 0 if it is none.
    pub(crate) site: u16,
}

/// A word by which longer values are found, and which kinds of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker {
    start: u32,
    length: u16,
    pub(crate) kinds: u16,
}

/// What a literal leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// It is the value.
    Value(u32),
    /// It is a file name, of its own or at the end of paths.
    Name,
}

/// Indicators, compiled.
#[derive(Debug, Default)]
pub struct Index {
    pub(crate) seed: u64,
    text: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
    /// Entries that are their own words.
    pub(crate) words: Table,
    pub(crate) digests: Table,
    /// Of how many bytes they are, each once.
    digest_lengths: Vec<u8>,
    markers: Vec<Marker>,
    pub(crate) marked: Table,
    /// Entries found by a marked word.
    pub(crate) wholes: Table,
    /// Words that may be in `words` or `marked`.
    pub(crate) sieve: Sieve,
    /// What stands behind the last dot of any of them: few, and enough to pass over nearly every word of a text.
    pub(crate) endings: Sieve,
    pub(crate) networks: Networks,
    pub(crate) literals: Option<AhoCorasick>,
    pub(crate) targets: Vec<Target>,
    pub(crate) has_v4: bool,
    pub(crate) has_v6: bool,
    origins: Origins,
    validities: Vec<(Option<i64>, Option<i64>)>,
    warnings: Vec<String>,
}

/// What is known of an indicator that was found.
#[derive(Debug, Clone)]
pub struct Found<'i> {
    /// Its kind.
    pub kind: Kind,
    /// Its value, in its one form.
    pub value: String,
    /// The UUID of the object that says so.
    pub id: Option<[u8; 16]>,
    /// Where it comes from.
    pub origin: Origin,
    /// From when it is valid, in seconds since 1970.
    pub valid_from: Option<i64>,
    /// Until when.
    pub valid_until: Option<i64>,
    /// How sure its author is, from 0 to 100.
    pub confidence: Option<u8>,
    /// The warning list that knows it as harmless or too common.
    pub warning: Option<&'i str>,
}

impl Index {
    /// How many indicators there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether some are digests of so many bytes: 16 of MD5, 20 of SHA-1, 32 of SHA-256.
    pub fn has_digests_of(&self, bytes: usize) -> bool {
        self.digest_lengths.contains(&(bytes as u8))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known of an indicator, and of those of the same value from other sources, up to a limit.
    pub fn sources(&self, indicator: u32) -> impl Iterator<Item = Found<'_>> {
        let first = self.entries.get(indicator as usize).map(|_| indicator);
        let next = |number: &u32| Some(self.entries[*number as usize].next).filter(|next| *next != NONE);
        std::iter::successors(first, next).take(SOURCES_MAX).map(|number| self.found(number))
    }

    fn found(&self, number: u32) -> Found<'_> {
        let entry = &self.entries[number as usize];
        let (valid_from, valid_until) = self.validities[entry.validity as usize];
        let kind = Kind::of_number(entry.kind);
        let value = self.bytes(entry);
        let value = match kind {
            Kind::Hash => hex(value),
            _ => String::from_utf8_lossy(value).into_owned(),
        };
        Found {
            kind,
            value,
            id: self.id(entry),
            origin: self.origins.origin(entry.origin),
            valid_from,
            valid_until,
            confidence: Some(entry.confidence & !HAS_ID).filter(|confidence| *confidence != UNSTATED),
            warning: (entry.warning > 0).then(|| self.warnings[entry.warning as usize - 1].as_str()),
        }
    }

    fn id(&self, entry: &Entry) -> Option<[u8; ID_BYTES]> {
        let start =
            (entry.start as usize).checked_sub(ID_BYTES).filter(|_| entry.confidence & HAS_ID != 0)?;
        self.text.get(start..entry.start as usize)?.try_into().ok()
    }

    pub(crate) fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.text[entry.start as usize..][..entry.length as usize]
    }

    pub(crate) fn entry(&self, number: u32) -> &Entry {
        &self.entries[number as usize]
    }

    pub(crate) fn marker(&self, number: u32) -> (&Marker, &[u8]) {
        let marker = &self.markers[number as usize];
        (marker, &self.text[marker.start as usize..][..marker.length as usize])
    }
}

/// Puts indicators together.
pub struct Builder {
    index: Index,
    validities: FxHashMap<(Option<i64>, Option<i64>), u32>,
    warnings: FxHashMap<String, u16>,
    literals: Vec<String>,
    by_literal: FxHashMap<String, u32>,
    warninglists: Warninglists,
    site_path: SitePath,
}

/// From which byte of a path in its one form on a browser asks for it, if it lies in the folder of a site.
pub type SitePath = fn(&str) -> Option<usize>;

impl Builder {
    /// A builder that holds every value against these lists.
    pub fn new(warninglists: Warninglists) -> Self {
        Self {
            index: Index { seed: RandomState::new().hash_one(0), ..Index::default() },
            validities: FxHashMap::default(),
            warnings: FxHashMap::default(),
            literals: Vec::new(),
            by_literal: FxHashMap::default(),
            warninglists,
            site_path: |_| None,
        }
    }

    /// Looks for paths of a site's files also as paths of its URLs.
    #[must_use]
    pub fn with_sites(self, site_path: SitePath) -> Self {
        Self { site_path, ..self }
    }

    /// The number of a source, for [`Builder::add`].
    pub fn origin(&mut self, origin: &Origin) -> u32 {
        self.index.origins.number(self.index.seed, origin)
    }

    /// How many sources there are.
    pub fn origins(&self) -> u32 {
        self.index.origins.len() as u32
    }

    /// Changes what is said of the sources from a number on: names become known after what bears them.
    pub fn amend_origins(&mut self, from: u32, change: &dyn Fn(&mut Origin)) {
        for number in from..self.origins() {
            let mut origin = self.index.origins.origin(number);
            change(&mut origin);
            self.index.origins.amend(self.index.seed, number, &origin);
        }
    }

    /// Adds an indicator, or says why it cannot be looked for.
    pub fn add(&mut self, origin: u32, indicator: &Indicator<'_>) -> Result<(), Refused> {
        let (kind, value) = form(indicator)?;
        let length = value.len();
        if self.index.text.len() + 2 * length + ID_BYTES > TEXT_BYTES_MAX
            || self.index.entries.len() >= NONE as usize
        {
            return Err(Refused::TooMany);
        }
        let next_validity = self.validities.len() as u32;
        let window = (indicator.valid_from, indicator.valid_until);
        let validity = *self.validities.entry(window).or_insert(next_validity);
        if validity == next_validity {
            self.index.validities.push(window);
        }
        let entry = Draft {
            id: indicator.id,
            origin,
            validity,
            length: length as u16,
            warning: self.warning(kind, &value),
            kind: kind.number(),
            confidence: indicator.confidence.map_or(UNSTATED, |confidence| confidence.min(100)),
            site: 0,
        };
        match kind {
            Kind::Hash => self.digest(entry, &value),
            Kind::Ip | Kind::Domain => self.word(entry, &value),
            Kind::FileName if is_word(&value) => self.word(entry, &value),
            Kind::Network => self.network(entry, &value)?,
            Kind::Url => {
                let (host, rest) = url_parts(&value);
                self.mark(host, kind);
                let key = self.key(host).finish() ^ self.key(rest).finish().rotate_left(17);
                let _ = self.whole(entry, &value, key);
            }
            Kind::Email => {
                let host = value.rsplit('@').next().unwrap_or_default();
                self.mark(host, kind);
                let key = self.key(&value).finish();
                let _ = self.whole(entry, &value, key);
            }
            Kind::Path | Kind::FileName => self.path(entry, kind, &value)?,
            Kind::UserAgent | Kind::Text => self.literal_value(entry, &value)?,
        }
        Ok(())
    }

    /// Compiles what was added.
    pub fn build(mut self) -> Index {
        self.sieves();
        let index = &mut self.index;
        // The automaton fails only beyond sizes that the limits exclude; nothing is sought by it then.
        index.literals = (!self.literals.is_empty())
            .then(|| {
                AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .kind((self.literals.len() > 500).then_some(AhoCorasickKind::ContiguousNFA))
                    .build(&self.literals)
                    .ok()
            })
            .flatten();
        index.origins.close();
        index.text.shrink_to_fit();
        index.entries.shrink_to_fit();
        self.index
    }

    /// Works out which words can be passed over.
    fn sieves(&mut self) {
        let index = &mut self.index;
        let key = |word: &[u8]| Key::new(index.seed).push_all(word).finish();
        let mut sieve = Sieve::with_room(index.entries.len() + index.markers.len());
        let mut endings = FxHashSet::default();
        let (mut has_v4, mut has_v6) = (!index.networks.is_empty(), index.networks.has_v6());
        let mut add = |word: &[u8]| {
            sieve.add(key(word));
            let ending = word.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
            // Addresses are told by their form; other numbers behind a dot would let every version pass.
            if !is_v4(word) {
                endings.insert(key(ending));
            }
        };
        for entry in &index.entries {
            match Kind::of_number(entry.kind) {
                Kind::Domain | Kind::FileName => add(index.bytes(entry)),
                Kind::Ip if index.bytes(entry).contains(&b':') => has_v6 = true,
                Kind::Ip => {
                    has_v4 = true;
                    add(index.bytes(entry));
                }
                _ => {}
            }
        }
        for number in 0..index.markers.len() as u32 {
            let word = index.marker(number).1;
            has_v4 |= word.last().is_some_and(u8::is_ascii_digit);
            add(word);
        }
        let mut small = Sieve::with_room(endings.len() * 4);
        for ending in endings {
            small.add(ending);
        }
        (index.has_v4, index.has_v6, index.sieve, index.endings) = (has_v4, has_v6, sieve, small);
    }

    fn key(&self, text: &str) -> Key {
        Key::new(self.index.seed).push_all(text.as_bytes())
    }

    /// Adds an entry with its text under a number that is the first of its value.
    fn push(&mut self, entry: Draft, text: &[u8]) -> u32 {
        self.index.text.extend_from_slice(entry.id.as_ref().map_or(&[], |id| id.as_slice()));
        let start = self.index.text.len() as u32;
        self.index.text.extend_from_slice(text);
        self.index.entries.push(entry.entry(start, NONE));
        self.index.entries.len() as u32 - 1
    }

    /// Adds an entry behind the first of the same value, whose text it shares unless it has an id to stand before it.
    fn join(&mut self, first: u32, entry: Draft) {
        let number = self.index.entries.len() as u32;
        let head = &mut self.index.entries[first as usize];
        let next = std::mem::replace(&mut head.next, number);
        let (mut start, length) = (head.start as usize, head.length as usize);
        if let Some(id) = entry.id {
            self.index.text.extend_from_slice(&id);
            self.index.text.extend_from_within(start..start + length);
            start = self.index.text.len() - length;
        }
        let entry = Draft { length: length as u16, ..entry };
        self.index.entries.push(entry.entry(start as u32, next));
    }

    fn same(&self, number: u32, kind: u8, text: &[u8]) -> bool {
        let entry = self.index.entry(number);
        let known = self.index.bytes(entry);
        // The scheme of a URL does not matter to the scan, so two that differ by it are one value.
        let is_url = kind == Kind::Url.number();
        entry.kind == kind && (known == text || (is_url && without_scheme(known) == without_scheme(text)))
    }

    fn word(&mut self, entry: Draft, value: &str) {
        let key = self.key(value).finish();
        if let Some(first) =
            self.index.words.find(key, |number| self.same(number, entry.kind, value.as_bytes()))
        {
            self.join(first, entry);
            return;
        }
        let number = self.push(entry, value.as_bytes());
        self.index.words.add(key, number);
    }

    fn digest(&mut self, entry: Draft, value: &str) {
        let bytes = unhex(value.as_bytes());
        let entry = Draft { length: bytes.len() as u16, ..entry };
        let key = digest_key(&bytes);
        if let Some(first) = self.index.digests.find(key, |number| self.same(number, entry.kind, &bytes)) {
            self.join(first, entry);
            return;
        }
        let number = self.push(entry, &bytes);
        self.index.digests.add(key, number);
        if !self.index.has_digests_of(bytes.len()) {
            self.index.digest_lengths.push(bytes.len() as u8);
        }
    }

    /// Gives the number of the entry if its value is new.
    fn whole(&mut self, entry: Draft, value: &str, key: u64) -> Option<u32> {
        if let Some(first) =
            self.index.wholes.find(key, |number| self.same(number, entry.kind, value.as_bytes()))
        {
            self.join(first, entry);
            return None;
        }
        let number = self.push(entry, value.as_bytes());
        self.index.wholes.add(key, number);
        Some(number)
    }

    fn network(&mut self, entry: Draft, value: &str) -> Result<(), Refused> {
        let network = Network::parse(value).ok_or(Refused::Form(Kind::Network))?;
        let number = self.index.entries.len() as u32;
        match self.index.networks.add(network, number) {
            Some(first) => self.join(first, entry),
            None => {
                self.push(entry, value.as_bytes());
            }
        }
        Ok(())
    }

    /// Marks a word as one by which values of a kind are found.
    fn mark(&mut self, word: &str, kind: Kind) {
        let key = self.key(word).finish();
        let bit = 1 << kind.number();
        if let Some(number) =
            self.index.marked.find(key, |number| self.index.marker(number).1 == word.as_bytes())
        {
            self.index.markers[number as usize].kinds |= bit;
            return;
        }
        let marker = Marker { start: self.index.text.len() as u32, length: word.len() as u16, kinds: bit };
        self.index.text.extend_from_slice(word.as_bytes());
        self.index.markers.push(marker);
        self.index.marked.add(key, self.index.markers.len() as u32 - 1);
    }

    fn path(&mut self, entry: Draft, kind: Kind, value: &str) -> Result<(), Refused> {
        let name = value.rsplit('/').next().unwrap_or_default();
        if !is_word(name) {
            self.literal(name, Target::Name)?;
        }
        if kind == Kind::FileName {
            self.word(entry, value);
        } else {
            self.mark(name, kind);
            let key = self.key(value).finish();
            let site = (self.site_path)(value).filter(|at| value.is_char_boundary(*at)).unwrap_or(0);
            let number = self.whole(Draft { site: site as u16, ..entry }, value, key);
            if let Some(number) = number.filter(|_| site > 0) {
                let key = self.key(&value[site..]).finish();
                self.index.wholes.add(key, number);
            }
        }
        Ok(())
    }

    fn literal_value(&mut self, entry: Draft, value: &str) -> Result<(), Refused> {
        if let Some(&literal) = self.by_literal.get(value)
            && let Target::Value(first) = self.index.targets[literal as usize]
        {
            self.join(first, entry);
            return Ok(());
        }
        let target = Target::Value(self.index.entries.len() as u32);
        self.literal(value, target)?;
        // A blank in a log may be a plus, a backslash may be doubled.
        for (plain, written) in [(" ", "+"), ("\\", "\\\\")] {
            if value.contains(plain) {
                self.literal(&value.replace(plain, written), target)?;
            }
        }
        self.push(entry, value.as_bytes());
        Ok(())
    }

    fn literal(&mut self, text: &str, target: Target) -> Result<(), Refused> {
        if self.by_literal.contains_key(text) {
            return Ok(());
        }
        if self.literals.len() >= LITERALS_MAX {
            return Err(Refused::TooMany);
        }
        self.by_literal.insert(text.to_owned(), self.literals.len() as u32);
        self.literals.push(text.to_owned());
        self.index.targets.push(target);
        Ok(())
    }

    /// The number of the warning list that knows a value, counted from 1.
    fn warning(&mut self, kind: Kind, value: &str) -> u16 {
        let Some(name) = self.warninglists.knows(kind, value) else { return 0 };
        if let Some(&number) = self.warnings.get(name) {
            return number;
        }
        let number = self.index.warnings.len() as u16 + 1;
        self.index.warnings.push(name.to_owned());
        self.warnings.insert(name.to_owned(), number);
        number
    }
}

/// Whether a value is one word with a dot in it, so that the scan comes upon it by its dot.
fn is_word(value: &str) -> bool {
    let inner = value.trim_matches(['.', '-', '_']);
    inner == value && value.contains('.') && value.bytes().all(|byte| crate::key::is(byte, crate::key::WORD))
}

/// Whether a word has the form of an IPv4 address, be it one or not.
pub(crate) fn is_v4(word: &[u8]) -> bool {
    let last = || word.iter().rev().take_while(|byte| **byte != b'.').count();
    word.len() <= 15
        && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && memchr::memchr_iter(b'.', word).count() == 3
        && (1..=3).contains(&last())
}

fn without_scheme(url: &[u8]) -> &[u8] {
    memchr::memmem::find(url, b"://").map_or(url, |at| &url[at + 3..])
}

/// Digests are as good as random.
pub(crate) fn digest_key(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// The bytes of digits that come in pairs.
pub(crate) fn unhex(digits: &[u8]) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    digits.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

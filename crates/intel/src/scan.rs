//! One pass over bytes of text: where dots, digests and literals stand, and which of them are indicators.
//!
//! Nothing is looked at byte by byte but the words around dots: dots are found at memory speed, a digest has 32
//! digits and must cover two of every sixteen bytes, and the sieve ends nearly every other word.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::index::{Index, Target, digest_key, is_v4, unhex};
use crate::indicator::Kind;
use crate::key::{HEX, Key, WORD, is};
use crate::limits::{PATH_BYTES_MAX, PATH_PARTS_MAX, URL_ENDS_MAX, VALUE_BYTES_MAX, WORD_BYTES_MAX};
use crate::normal::{ends_path, ends_url, is_local, is_root, v6};

/// Half the length of the shortest digest: one of every so many bytes is looked at.
const STEP: usize = 16;

/// Digits of the digests that are known.
const DIGESTS: [usize; 6] = [32, 40, 56, 64, 96, 128];

impl Index {
    /// Calls `found` with each indicator that stands in a text and where.
    pub fn scan(&self, text: &[u8], found: &mut dyn FnMut(u32, Range<usize>)) {
        if !self.sieve.is_empty() || !self.networks.is_empty() {
            self.dots(text, found);
        }
        if !self.digests.is_empty() {
            self.scan_digests(text, found);
        }
        if self.has_v6 {
            self.colons(text, found);
        }
        self.scan_literals(text, found);
    }

    fn dots(&self, text: &[u8], found: &mut dyn FnMut(u32, Range<usize>)) {
        let mut done = 0;
        while let Some(dot) = text.get(done..).and_then(|rest| memchr(b'.', rest)).map(|at| done + at) {
            let word = word_around(text, dot, done);
            done = word.end.max(dot + 1);
            let word = trim(text, word);
            if word.len() >= 4 {
                self.word(text, word, found);
            }
        }
    }

    /// A word with a dot in it.
    fn word(&self, text: &[u8], mut word: Range<usize>, found: &mut dyn FnMut(u32, Range<usize>)) {
        let last = text[word.clone()].iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
        let ending = &text[word.start + last..word.end];
        let is_address = self.has_v4 && is_v4(&text[word.clone()]);
        // Nearly every word ends otherwise than any indicator does.
        let mut key =
            ending.iter().rev().fold(Key::new(self.seed), |key, byte| key.push(byte.to_ascii_lowercase()));
        if !is_address && !self.endings.may_have(key.finish()) {
            return;
        }
        if is_address && !self.networks.is_empty() {
            self.in_network(&text[word.clone()], &word, found);
        }
        // `%2Fevil.example`: what is escaped before it is not of the word.
        let before = word.start.checked_sub(1).map(|at| text[at]);
        if before == Some(b'%') && last > 3 && text[word.clone()].iter().take(2).all(|byte| is(*byte, HEX)) {
            word.start += 2;
        }
        // `\nevil.example` in a string of JSON: the letter is of the escape. It may be of a path, so both are tried.
        let escaped = before == Some(b'\\') && matches!(text.get(word.start), Some(b'n' | b'r' | b't'));
        for at in (word.start..word.end - ending.len()).rev() {
            let byte = text[at].to_ascii_lowercase();
            // A name below: what follows the dot is a domain of its own, if there is another dot in it.
            if byte == b'.' && !is_address && at + 1 + ending.len() < word.end {
                self.look(text, at + 1..word.end, key, false, found);
            }
            key = key.push(byte);
            if escaped && at == word.start + 1 {
                self.look(text, at..word.end, key, true, found);
            }
        }
        self.look(text, word.clone(), key, true, found);
        // `_dmarc.evil.example`: the mark before it may be of the name (RFC 8552).
        if word.start.checked_sub(1).is_some_and(|at| text[at] == b'_') {
            self.look(text, word.start - 1..word.end, key.push(b'_'), true, found);
        }
    }

    /// Whether a word, or the end of one, is an indicator or the mark of one.
    fn look(
        &self,
        text: &[u8],
        word: Range<usize>,
        key: Key,
        is_whole: bool,
        found: &mut dyn FnMut(u32, Range<usize>),
    ) {
        let finished = key.finish();
        if !self.sieve.may_have(finished) {
            return;
        }
        let bytes = &text[word.clone()];
        for kind in [Kind::Domain, Kind::Ip, Kind::FileName] {
            if !is_whole && kind != Kind::Domain {
                break;
            }
            let is = |number: u32| {
                let entry = self.entry(number);
                entry.kind == kind.number() && self.bytes(entry).eq_ignore_ascii_case(bytes)
            };
            if let Some(number) = self.words.find(finished, is) {
                found(number, word.clone());
            }
        }
        if !is_whole {
            return;
        }
        let is = |number: u32| self.marker(number).1.eq_ignore_ascii_case(bytes);
        let Some(marker) = self.marked.find(finished, is) else { return };
        let kinds = self.marker(marker).0.kinds;
        if kinds & 1 << Kind::Url.number() != 0 {
            self.url(text, word.clone(), finished, found);
        }
        if kinds & 1 << Kind::Email.number() != 0 {
            self.email(text, word.clone(), key, found);
        }
        if kinds & 1 << Kind::Path.number() != 0 {
            self.path(text, word, key, found);
        }
    }

    /// URLs of a host, the longest of every place where one may end.
    fn url(&self, text: &[u8], host: Range<usize>, host_key: u64, found: &mut dyn FnMut(u32, Range<usize>)) {
        let limit = text.len().min(host.end + VALUE_BYTES_MAX);
        let end =
            text[host.end..limit].iter().position(|&byte| ends_url(byte)).map_or(limit, |end| host.end + end);
        let doubtful = |at: usize| {
            let may_end = b",;')]}.!&|\\^`";
            may_end.contains(&text[at])
        };
        let inner = (host.end..end).filter(|&at| doubtful(at)).take(URL_ENDS_MAX);
        let trailing = end.checked_sub(1).filter(|&at| at > host.end && doubtful(at));
        let mut ends: [usize; URL_ENDS_MAX + 2] = [end; URL_ENDS_MAX + 2];
        let mut count = 0;
        for end in inner.chain(trailing).chain([end]) {
            ends[count] = end;
            count += 1;
        }
        for &end in ends[..count].iter().rev() {
            let rest = &text[host.end..end];
            // An empty path is `/`; a server name in a certificate or a proxy's list ends with its host.
            let rest = match rest {
                // A bare host is no URL.
                [] if !text[..host.start].ends_with(b"://") => continue,
                _ if is_root(rest) => &rest[..rest.len() - 1],
                _ => rest,
            };
            let key = host_key ^ Key::new(self.seed).push_all(rest).finish().rotate_left(17);
            let is = |number: u32| {
                let entry = self.entry(number);
                let value = self.bytes(entry);
                entry.kind == Kind::Url.number()
                    && value.ends_with(rest)
                    && ends_with_host(&value[..value.len() - rest.len()], &text[host.clone()])
            };
            if let Some(number) = self.wholes.find(key, is) {
                found(number, host.start..end);
                return;
            }
        }
    }

    fn email(&self, text: &[u8], host: Range<usize>, key: Key, found: &mut dyn FnMut(u32, Range<usize>)) {
        if host.start == 0 || text[host.start - 1] != b'@' {
            return;
        }
        let mut key = key.push(b'@');
        let first = (host.start - 1).saturating_sub(WORD_BYTES_MAX);
        let local = text[first..host.start - 1].iter().rev().take_while(|byte| is_local(**byte)).count();
        let mut at = host.start - 1;
        for _ in 0..local {
            at -= 1;
            key = key.push(text[at].to_ascii_lowercase());
            // `mailto=who@evil.example`: a longer run may begin with what is not of the address.
            let may_begin = at == 0 || !is(text[at - 1], WORD);
            if may_begin {
                let bytes = &text[at..host.end];
                let is = |number: u32| {
                    let entry = self.entry(number);
                    entry.kind == Kind::Email.number() && self.bytes(entry).eq_ignore_ascii_case(bytes)
                };
                if let Some(number) = self.wholes.find(key.finish(), is) {
                    found(number, at..host.end);
                }
            }
        }
    }

    /// Paths that end with a file name, component by component to the left.
    fn path(&self, text: &[u8], name: Range<usize>, key: Key, found: &mut dyn FnMut(u32, Range<usize>)) {
        let (mut key, mut at, mut parts) = (key, name.start, 0);
        let first = at.saturating_sub(PATH_BYTES_MAX);
        while at > first && parts < PATH_PARTS_MAX {
            let byte = text[at - 1];
            let is_separator = matches!(byte, b'/' | b'\\');
            let is_end = ends_path(byte);
            if is_separator || is_end || matches!(byte, b' ' | b'\'' | b'=' | b',' | b';' | b'%' | b'(') {
                self.path_from(text, at..name.end, key, found);
            }
            if is_end {
                return;
            }
            at -= 1;
            if is_separator {
                // One separator, however often it is written.
                while at > first && matches!(text[at - 1], b'/' | b'\\') {
                    at -= 1;
                }
                key = key.push(b'/');
                parts += 1;
            } else {
                key = key.push(byte.to_ascii_lowercase());
            }
            let drive = byte.is_ascii_alphabetic() && text.get(at + 1) == Some(&b':');
            if drive || at == 0 {
                self.path_from(text, at..name.end, key, found);
            }
        }
    }

    fn path_from(&self, text: &[u8], path: Range<usize>, key: Key, found: &mut dyn FnMut(u32, Range<usize>)) {
        let is_root_of_site = || begins_at_root(&text[..path.start]);
        let is = |number: u32| {
            let entry = self.entry(number);
            let (form, path) = (self.bytes(entry), &text[path.clone()]);
            let is_site = || entry.site > 0 && is_same_path(&form[entry.site as usize..], path);
            entry.kind == Kind::Path.number()
                && (is_same_path(form, path) || (is_root_of_site() && is_site()))
        };
        if let Some(number) = self.wholes.find(key.finish(), is) {
            found(number, path.clone());
        }
    }

    fn in_network(&self, word: &[u8], at: &Range<usize>, found: &mut dyn FnMut(u32, Range<usize>)) {
        let address = str::from_utf8(word).ok().and_then(|word| word.parse::<Ipv4Addr>().ok());
        if let Some(address) = address {
            self.networks.holding(IpAddr::V4(address)).for_each(|number| found(number, at.clone()));
        }
    }

    fn scan_digests(&self, text: &[u8], found: &mut dyn FnMut(u32, Range<usize>)) {
        let mut at = STEP - 1;
        while at + STEP < text.len() {
            if !is(text[at], HEX) || !is(text[at + STEP], HEX) {
                at += STEP;
                continue;
            }
            let longest = DIGESTS[DIGESTS.len() - 1];
            let before = text[..at].iter().rev().take(longest + 1).take_while(|byte| is(**byte, HEX)).count();
            let after = text[at..].iter().take(longest + 1).take_while(|byte| is(**byte, HEX)).count();
            let run = at - before..at + after;
            // The step after the run's end, on the same grid.
            at = (run.end.max(at + 1) / STEP) * STEP + STEP - 1;
            if DIGESTS.contains(&run.len()) {
                let bytes = unhex(&text[run.clone()]);
                let is = |number: u32| self.bytes(self.entry(number)) == bytes;
                if let Some(number) = self.digests.find(digest_key(&bytes), is) {
                    found(number, run);
                }
            }
        }
    }

    fn colons(&self, text: &[u8], found: &mut dyn FnMut(u32, Range<usize>)) {
        let of_address = |byte: u8| is(byte, HEX) || matches!(byte, b':' | b'.');
        let mut done = 0;
        for colon in memchr_iter(b':', text) {
            if colon < done {
                continue;
            }
            let start =
                text[done..colon].iter().rev().take(WORD_BYTES_MAX).take_while(|b| of_address(**b)).count();
            let end = text[colon..].iter().take(WORD_BYTES_MAX).take_while(|byte| of_address(**byte)).count();
            let run = colon - start..colon + end;
            done = run.end;
            let trimmed =
                run.start..run.end - text[run.clone()].iter().rev().take_while(|b| **b == b'.').count();
            // The longest form has 45 bytes, the shortest two.
            if !(2..=45).contains(&trimmed.len()) {
                continue;
            }
            let address =
                str::from_utf8(&text[trimmed.clone()]).ok().and_then(|run| run.parse::<Ipv6Addr>().ok());
            let Some(address) = address else { continue };
            let value = v6(address);
            let is = |number: u32| {
                let entry = self.entry(number);
                entry.kind == Kind::Ip.number() && self.bytes(entry) == value.as_bytes()
            };
            let key = Key::new(self.seed).push_all(value.as_bytes()).finish();
            if let Some(number) = self.words.find(key, is) {
                found(number, trimmed.clone());
            }
            self.networks.holding(IpAddr::V6(address)).for_each(|number| found(number, trimmed.clone()));
        }
    }

    fn scan_literals(&self, text: &[u8], found: &mut dyn FnMut(u32, Range<usize>)) {
        let Some(literals) = &self.literals else { return };
        for literal in literals.find_overlapping_iter(text) {
            let range = literal.range();
            let is_part =
                |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
            if is_part(range.start.checked_sub(1)) || is_part(Some(range.end)) {
                continue;
            }
            match self.targets[literal.pattern().as_usize()] {
                Target::Value(number) => found(number, range),
                Target::Name => {
                    let key = text[range.clone()]
                        .iter()
                        .rev()
                        .fold(Key::new(self.seed), |key, byte| key.push(byte.to_ascii_lowercase()));
                    self.look(text, range, key, true, found);
                }
            }
        }
    }
}

/// The run of a word's bytes around a dot, from `from` on.
fn word_around(text: &[u8], dot: usize, from: usize) -> Range<usize> {
    let from = from.max(dot.saturating_sub(WORD_BYTES_MAX));
    let mut start = dot;
    while start > from && is(text[start - 1], WORD) {
        start -= 1;
    }
    let limit = text.len().min(dot + WORD_BYTES_MAX);
    let mut end = dot + 1;
    while end < limit && is(text[end], WORD) {
        end += 1;
    }
    start..end
}

/// A word does not begin or end with the marks that sentences put beside it.
fn trim(text: &[u8], mut word: Range<usize>) -> Range<usize> {
    let is_mark = |byte: u8| matches!(byte, b'.' | b'-' | b'_');
    while word.start < word.end && is_mark(text[word.start]) {
        word.start += 1;
    }
    while word.start < word.end && is_mark(text[word.end - 1]) {
        word.end -= 1;
    }
    word
}

/// Whether the start of a URL is a scheme and this host, or this host alone.
fn ends_with_host(start: &[u8], host: &[u8]) -> bool {
    start.len().checked_sub(host.len()).is_some_and(|at| {
        start[at..].eq_ignore_ascii_case(host) && (at == 0 || start[..at].ends_with(b"://"))
    })
}

/// Whether a text ends with the slash that begins the path of a URL: behind a host, or behind nothing of a path.
fn begins_at_root(text: &[u8]) -> bool {
    let Some(before) = text.strip_suffix(b"/") else { return false };
    let of_host = |byte: &&u8| is(**byte, WORD) || **byte == b':';
    let host = before.iter().rev().take(WORD_BYTES_MAX).take_while(of_host).count();
    let outside = &before[..before.len() - host];
    if host > 0 { outside.ends_with(b"//") } else { !before.ends_with(b"/") && !before.ends_with(b"\\") }
}

/// Whether a path in a text is the one whose form this is.
fn is_same_path(form: &[u8], path: &[u8]) -> bool {
    let mut form = form.iter().copied();
    let mut before = 0;
    for &byte in path {
        let is_separator = matches!(byte, b'/' | b'\\');
        if is_separator && before == b'/' {
            continue;
        }
        before = if is_separator { b'/' } else { byte.to_ascii_lowercase() };
        if form.next() != Some(before) {
            return false;
        }
    }
    form.next().is_none()
}

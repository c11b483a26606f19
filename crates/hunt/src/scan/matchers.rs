//! Matchers compiled for the classes of record that turn up, each once, shared by all units.

use std::borrow::Cow;
use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use watchfire_artifact::evtx::{self, Form, Source};
use watchfire_artifact::layout::{self, Dialect, Row};
use watchfire_artifact::{Kind, Layout, event::Event};
use watchfire_sigma::{ClassKey, Encoding, Fields, Matcher, Prefilter, Record, Value};

use crate::content::Content;
use crate::details::ShownField;

/// Less of a log than this does not show what is usual in it.
const SAMPLE_BYTES_TELLING: usize = 32 * 1024;

/// What log sources call a Windows event, of an event file or as JSON.
pub(crate) const EVENT_CLASS: &str = "windows_event";

/// Compiled matchers, by class.
pub(super) struct Matchers<'c> {
    content: &'c Content,
    lines: Cache<(Kind, Vec<String>, String, bool), LineMatcher>,
    events: Cache<[String; 3], EventMatcher>,
    formed: Cache<FormKey, EventMatcher>,
    entries: Cache<&'static str, EventMatcher>,
}

/// The fields that an event can have, and those that have the same value in all of its class.
type FormKey = (Vec<String>, Vec<(String, String)>);

/// A matcher for the lines of one layout.
pub(super) struct LineMatcher {
    pub(super) matcher: Matcher,
    pub(super) prefilter: Prefilter,
    /// For each slot of the matcher, the layout's field.
    fields: Vec<Option<layout::Field>>,
    shown: Shown<layout::Field>,
}

/// A matcher for records with open fields: events, entries of documents.
pub(super) struct EventMatcher {
    pub(super) matcher: Matcher,
    /// With the record's own names.
    shown: Shown<String>,
}

/// For each rule, the names to show and how the record finds each; the first so many must be kept, the others are
/// left out where the record can be read again.
type Shown<T> = FxHashMap<usize, (Vec<(Arc<str>, T)>, usize)>;

type Cache<K, V> = Mutex<FxHashMap<K, Arc<V>>>;

fn cached<K: Hash + Eq + Clone, V>(cache: &Cache<K, V>, key: &K, make: impl FnOnce() -> V) -> Arc<V> {
    if let Some(found) = lock(cache).get(key) {
        return Arc::clone(found);
    }
    // Two threads may compile the same class at once; the second result is the same and is kept by nobody.
    let made = Arc::new(make());
    Arc::clone(lock(cache).entry(key.clone()).or_insert(made))
}

fn lock<K, V>(cache: &Cache<K, V>) -> std::sync::MutexGuard<'_, FxHashMap<K, Arc<V>>> {
    cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<'c> Matchers<'c> {
    pub(super) fn new(content: &'c Content) -> Self {
        Self {
            content,
            lines: Mutex::default(),
            events: Mutex::default(),
            formed: Mutex::default(),
            entries: Mutex::default(),
        }
    }

    /// The matcher for a layout's lines. `log` names the log that they are of (its folder), and `sample` shows what
    /// usually stands in it; both only make the search faster.
    pub(super) fn lines(&self, layout: &Layout, log: &str, sample: &[u8]) -> Arc<LineMatcher> {
        let telling = sample.len() >= SAMPLE_BYTES_TELLING;
        let key = (
            layout.kind,
            layout.columns().to_vec(),
            if telling { log.to_owned() } else { String::new() },
            telling,
        );
        cached(&self.lines, &key, || self.compile_lines(layout, if telling { sample } else { b"" }))
    }

    fn compile_lines(&self, layout: &Layout, sample: &[u8]) -> LineMatcher {
        let names = layout.fields();
        let fields = names.as_deref().map_or(Fields::Open, Fields::Closed);
        let class = ClassKey { class: layout.kind.class().unwrap_or_default(), constants: &[], fields };
        let matcher = self.content.rules.matcher(&class);
        let prefilter = matcher.prefilter(&encoding(layout, sample));
        let fields = matcher.wanted().iter().map(|name| layout.field(name)).collect();
        let own = |rule: usize, name: &str| layout.field(&self.content.rules.own_name(&class, rule, name));
        let shown = self.shown(&matcher, own);
        LineMatcher { matcher, prefilter, fields, shown }
    }

    /// The matcher for events of one channel, id and provider.
    pub(super) fn events(&self, channel: &str, id: &str, provider: &str) -> Arc<EventMatcher> {
        let key = [channel.to_owned(), id.to_owned(), provider.to_owned()];
        cached(&self.events, &key, || {
            let constants = [("Channel", channel), ("EventID", id), ("Provider_Name", provider)];
            self.compile_open(EVENT_CLASS, &constants)
        })
    }

    /// The matcher for events of one form whose deciding fields have these values.
    pub(super) fn formed(&self, form: &Form, deciding: &[(&str, String)]) -> Arc<EventMatcher> {
        let names = form.fields.iter().map(|field| field.name.clone()).collect();
        let constant = |field: &evtx::Field| match field.sources.as_slice() {
            [Source::Constant(value)] => Some((field.name.clone(), value.clone())),
            _ => None,
        };
        let mut constants: Vec<(String, String)> = form.fields.iter().filter_map(constant).collect();
        for (name, value) in deciding {
            if form.fields.iter().any(|field| field.name == *name && field.sources.len() == 1) {
                constants.push(((*name).to_owned(), value.clone()));
            }
        }
        let key = (names, constants);
        cached(&self.formed, &key, || {
            let names: Vec<&str> = key.0.iter().map(String::as_str).collect();
            let constants: Vec<_> =
                key.1.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            self.compile(EVENT_CLASS, &constants, Fields::Closed(&names))
        })
    }

    /// The matcher for entries of one class.
    pub(super) fn entries(&self, class: &'static str) -> Arc<EventMatcher> {
        cached(&self.entries, &class, || self.compile_open(class, &[]))
    }

    fn compile_open(&self, class: &str, constants: &[(&str, &str)]) -> EventMatcher {
        self.compile(class, constants, Fields::Open)
    }

    fn compile(&self, class: &str, constants: &[(&str, &str)], fields: Fields<'_>) -> EventMatcher {
        let class = ClassKey { class, constants, fields };
        let matcher = self.content.rules.matcher(&class);
        let own = |rule: usize, name: &str| self.content.rules.own_name(&class, rule, name).into_owned();
        let shown = self.shown(&matcher, |rule, name| Some(own(rule, name)));
        EventMatcher { matcher, shown }
    }

    fn shown<T>(&self, matcher: &Matcher, own: impl Fn(usize, &str) -> Option<T>) -> Shown<T> {
        let of_rule = |rule: usize| {
            let info = &self.content.infos[rule];
            let named = |name: &String| Some((name.as_str().into(), own(rule, name)?));
            let mut names: Vec<_> = info.fields.iter().filter_map(named).collect();
            let kept = names.len();
            names.extend(info.compared.iter().filter_map(named));
            (rule, (names, kept))
        };
        matcher.rules().map(of_rule).collect()
    }
}

/// How literals of rules stand in a layout's lines.
fn encoding<'a>(layout: &Layout, sample: &'a [u8]) -> Encoding<'a> {
    let breaks: &[u8] = match layout.dialect {
        // A blank stands as `+`, or, where a proxy has written the line, as itself.
        Dialect::W3c => b" ",
        // Exchange doubles quotes, and its lists in EventData double apostrophes.
        Dialect::Csv if layout.fields().is_none() => b"\"'\\/",
        Dialect::Csv => b"\"",
        Dialect::Ncsa | Dialect::Free => b"",
    };
    let one_line = layout.dialect != Dialect::Csv;
    Encoding { decoded: layout.derived_fields(), breaks, one_line, sample, ..Encoding::default() }
}

impl LineMatcher {
    /// A row as the matcher sees it.
    pub(super) fn record<'a>(&'a self, row: Row<'a>) -> LineRecord<'a> {
        LineRecord { row, fields: &self.fields }
    }

    /// What a rule wants shown of a row.
    pub(super) fn shown(&self, rule: usize, row: &Row<'_>) -> Vec<ShownField> {
        let fields = self.shown.get(&rule).map(|(names, _)| names.as_slice()).unwrap_or_default();
        let value = |field: &layout::Field| {
            row.value(field).map(|value| watchfire_artifact::text::text(&value).into_owned())
        };
        fields.iter().filter_map(|(name, field)| Some((name.clone(), value(field)?))).collect()
    }
}

/// A row as a matcher sees it.
pub(super) struct LineRecord<'a> {
    row: Row<'a>,
    fields: &'a [Option<layout::Field>],
}

impl Record for LineRecord<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        let field = self.fields.get(slot).and_then(Option::as_ref);
        field.and_then(|field| self.row.value(field)).map_or(Value::Absent, Value::Text)
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        test(self.row.line())
    }
}

impl EventMatcher {
    /// What a rule wants shown of a record, as `find` has it by the record's own names; of a record that can be read
    /// again, what must be kept.
    pub(super) fn shown<T>(
        &self,
        rule: usize,
        again: bool,
        find: impl Fn(&str) -> Option<T>,
    ) -> Vec<(Arc<str>, T)> {
        let Some((names, kept)) = self.shown.get(&rule) else { return Vec::new() };
        let names = if again { &names[..*kept] } else { names };
        names.iter().filter_map(|(name, own)| Some((Arc::clone(name), find(own)?))).collect()
    }
}

/// An event as a matcher sees it.
pub(super) struct EventRecord<'a> {
    pub(super) event: &'a Event<'a>,
    pub(super) wanted: &'a [String],
}

/// A text as the bytes that it is.
pub(super) fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl Record for EventRecord<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        let Some(name) = self.wanted.get(slot) else { return Value::Absent };
        let mut values = self.event.values(name).map(bytes);
        match (values.next(), values.next()) {
            (None, _) => Value::Absent,
            (Some(only), None) => Value::Text(only),
            (Some(first), Some(second)) => Value::List([first, second].into_iter().chain(values).collect()),
        }
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.event.fields().any(|(_, value)| test(value.as_bytes()))
    }
}

/// Where the slots of a matcher stand in a form.
pub(super) struct Places {
    /// Every source of every field.
    sources: Vec<Source>,
    /// By slot, its sources.
    slots: Vec<Range<usize>>,
}

impl Places {
    pub(super) fn new(matcher: &Matcher, form: &Form) -> Self {
        let mut sources = Vec::new();
        let mut fields = Vec::with_capacity(form.fields.len());
        for field in &form.fields {
            let start = sources.len();
            sources.extend(field.sources.iter().cloned());
            fields.push(start..sources.len());
        }
        let slot = |name: &String| form.field(name).map_or(0..0, |field| fields[field].clone());
        Self { slots: matcher.wanted().iter().map(slot).collect(), sources }
    }
}

/// An event of some form, as a matcher sees it.
pub(super) struct FormedRecord<'a> {
    pub(super) record: &'a evtx::Record<'a>,
    pub(super) places: &'a Places,
}

impl FormedRecord<'_> {
    fn sources(&self, slot: usize) -> &[Source] {
        let slot = self.places.slots.get(slot).cloned().unwrap_or_default();
        &self.places.sources[slot]
    }
}

impl Record for FormedRecord<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        let contents = || self.sources(slot).iter().filter_map(|source| self.record.content(source));
        let mut texts = contents().flat_map(evtx::Content::texts);
        let is_list = contents().any(|content| content.is_list());
        match (texts.next(), is_list) {
            (None, false) => Value::Absent,
            (None, true) => Value::List(Vec::new()),
            (Some(first), _) => match texts.next() {
                None => Value::Text(bytes(first)),
                Some(second) => Value::List([first, second].into_iter().chain(texts).map(bytes).collect()),
            },
        }
    }

    fn stored(&self, slot: usize) -> Option<(u8, &[u8])> {
        let [source] = self.sources(slot) else { return None };
        Some(stored(self.record.content(source)))
    }

    fn any_text(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        (0..self.parts()).any(|part| self.any_text_of(part, test))
    }

    fn parts(&self) -> usize {
        self.places.sources.len()
    }

    fn part_of(&self, slot: usize) -> Option<usize> {
        let slot = self.places.slots.get(slot)?;
        (slot.len() == 1).then_some(slot.start)
    }

    fn part_stored(&self, part: usize) -> Option<(u8, &[u8])> {
        Some(stored(self.record.content(&self.places.sources[part])))
    }

    fn part_is_figure(&self, part: usize) -> bool {
        self.record.content(&self.places.sources[part]).is_some_and(|content| content.is_figure())
    }

    fn any_text_of(&self, part: usize, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let texts = self.record.content(&self.places.sources[part]).map(evtx::Content::texts);
        texts.into_iter().flatten().any(|text| test(text.as_bytes()))
    }
}

/// What a value is known again by: its type and its bytes. No value at all is a value to remember too; of what the
/// template says the type is none that is ever stored.
fn stored(content: Option<evtx::Content<'_>>) -> (u8, &[u8]) {
    match content {
        Some(evtx::Content::Stored(stored)) => (stored.kind, stored.bytes),
        Some(evtx::Content::Constant(text)) => (u8::MAX, text.as_bytes()),
        None => (0, b""),
    }
}

//! Finding objects by value, word, type, id, time, creator and relation, and walking relations both ways.
//!
//! Full text is a table of case-folded values and words with an ordinary index, not an extension of either engine:
//! analysts look for whole values (an address, a hash, a domain) and beginnings of words, the same text must answer
//! alike on both engines, and an index that carries the marking walks over nothing that the asker may not see, which
//! neither engine's full-text index can do.
//!
//! A query has one *driver*, the narrowest index that it names, which hands out objects in the order of a cursor; what
//! else the query asks is checked on these.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::clearance::{Clearance, MarkingKey};
use crate::engine::{Column, Row, Rows, Value};
use crate::era::{ERA_OBJECTS, era};
use crate::error::Result;
use crate::hex::hex;
use crate::ids;
use crate::limits::PAGE_LIMIT;
use crate::store::Read;

/// The longest value that is kept whole. Longer ones (command lines, e-mail bodies) are found by their beginning, and
/// as a whole by the hash that is put in place of the rest. An index entry of PostgreSQL holds 2,700 bytes.
pub const VALUE_LIMIT_BYTES: usize = 512;

/// The longest word worth an entry of its own, and the shortest.
const WORD_BYTES: std::ops::RangeInclusive<usize> = 2..=64;

/// Objects that a driver hands out at once, at most: it begins with a page's length and doubles while little matches.
const STEP_LIMIT: usize = 1_000;

/// Objects that one call looks at: a query that matches almost nothing returns with a cursor rather than late.
const WALK_LIMIT: usize = 100_000;

/// The relation by which an object is found by its creator.
pub(crate) const CREATED_BY_REF: &str = "created_by_ref";

/// That which names the other id from which what an object states may go out.
pub(crate) const SOURCE_REF: &str = "source_ref";

/// Index ranges that are merged in one statement; of more, the result is sorted.
pub(crate) const MERGED_LIMIT: usize = 64;

/// What is looked for among values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought<'a> {
    /// This whole value or word.
    Exact(&'a str),
    /// Whatever begins so.
    Prefix(&'a str),
}

/// What an object must be to be found; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Query<'a> {
    /// Values and words that it has.
    pub values: Vec<Sought<'a>>,
    /// Its id.
    pub id: Option<&'a str>,
    /// Its type is one of these.
    pub types: Vec<&'a str>,
    /// The id of its creator.
    pub created_by: Option<&'a str>,
    /// Its version is not before this.
    pub since_us: Option<i64>,
    /// Its version is before this.
    pub until_us: Option<i64>,
    /// It states a relation that points to this id.
    pub related_to: Option<&'a str>,
}

/// Where a search goes on. Opaque, and for the node alone: its numbers tell how much a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// A value or a kind.
    pub word: String,
    /// A marking, an instant or an id's number.
    pub number: i64,
    /// An object's number.
    pub object: i64,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version_us: i64,
    /// Its type.
    pub object_type: String,
    /// The specification version of its form.
    pub spec_version: String,
    /// Who may know it.
    pub marking: MarkingKey,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A relation, as one object states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The id it goes out from.
    pub source: String,
    /// The relationship type, or the name of the property.
    pub kind: String,
    /// The id it points to.
    pub target: String,
    /// The id of the object that states it.
    pub stated_by: String,
    /// Who may know that object, and so the relation.
    pub marking: MarkingKey,
}

/// Which way a relation is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the source to what it points to.
    Outgoing,
    /// From the target back to what points to it.
    Incoming,
}

/// The index that hands out candidates.
enum Driver {
    Value(String),
    Prefix(String),
    Item(i64),
    Target(i64),
    Creator(i64),
    Time(i64, i64),
    Lanes,
}

/// A store-wide lane that the asker may see.
struct Lane {
    key: i64,
    marking: i64,
    object_type: String,
    spec_version: String,
}

/// A query with its ids as numbers, as it is checked on each candidate.
struct Checked<'a> {
    query: &'a Query<'a>,
    lanes: Vec<Lane>,
    markings: Vec<i64>,
    item: Option<i64>,
    creator: Option<i64>,
    target: Option<i64>,
}

/// A value as it is stored and looked for: without blanks around it, in lower case, and of bounded length.
pub fn fold(value: &str) -> String {
    let folded = foldable(trimmed(value));
    if folded.len() <= VALUE_LIMIT_BYTES {
        return folded;
    }
    let digest = hex(&Sha256::digest(folded.as_bytes()));
    format!("{}#{digest}", &folded[..folded.floor_char_boundary(VALUE_LIMIT_BYTES - digest.len() - 1)])
}

/// The same at the end of a text. Nearly every value is short and of printed ASCII: it needs no text of its own.
pub(crate) fn fold_into(value: &str, text: &mut String) {
    let is_plain = trimmed(value).len() == value.len()
        && value.len() <= VALUE_LIMIT_BYTES
        && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_plain {
        let start = text.len();
        text.push_str(value);
        text[start..].make_ascii_lowercase();
    } else {
        text.push_str(&fold(value));
    }
}

/// What stands between the values of an object, and in none of them (`beside` in the migrations).
pub(crate) const SEPARATOR: char = '\u{1f}';

/// Without blanks around it. Nearly every value begins and ends with a letter or a digit of ASCII.
fn trimmed(value: &str) -> &str {
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = value.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { value } else { value.trim() }
}

/// Lower case, and without what the engines or the separator forbid.
fn foldable(text: &str) -> String {
    let mut folded = text.to_lowercase();
    // By bytes, which is several at once: nearly no text holds one.
    if folded.bytes().any(|byte| byte == 0 || u32::from(byte) == u32::from(SEPARATOR)) {
        folded = folded.replace(['\0', SEPARATOR], "\u{fffd}");
    }
    folded
}

/// The words of a text, for [`crate::NewObject::values`], each once: runs of letters and digits in any script, with the
/// marks inside that names carry (`proxy-logon`, `CVE-2021-26855`, `themeHelp.aspx`).
pub fn words(text: &str, limit: usize) -> Vec<&str> {
    let mut words: Vec<&str> = text
        .split(|character: char| !(character.is_alphanumeric() || "-_.'’".contains(character)))
        .map(|word| word.trim_matches(|character: char| !character.is_alphanumeric()))
        .filter(|word| WORD_BYTES.contains(&word.len()))
        .take(limit)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Makes one statement that merges an index range for each key, in order; of many keys, one that sorts.
fn merged<'a>(
    keys: &'a [i64],
    mut values: Vec<Value<'a>>,
    arm: &dyn Fn(&str) -> String,
) -> (String, Vec<Value<'a>>) {
    let first = values.len() + 1;
    if keys.len() > MERGED_LIMIT {
        values.push(Value::Set(keys));
        return (arm(&format!("{{in ${first}}}")), values);
    }
    let arms = keys.len().next_power_of_two();
    // No row has the key 0.
    values.extend((0..arms).map(|at| Value::Int(keys.get(at).copied().unwrap_or(0))));
    let texts: Vec<String> = (first..first + arms).map(|parameter| arm(&format!("= ${parameter}"))).collect();
    (texts.join(" union all "), values)
}

impl Read<'_> {
    /// Objects that a query finds and the asker may see, from `after` on, and where to go on if there may be more.
    /// By a prefix an object can be found once for each of its values.
    pub fn search(
        &mut self,
        query: &Query<'_>,
        clearance: &Clearance,
        after: &Cursor,
        limit: usize,
    ) -> Result<(Vec<Found>, Option<Cursor>)> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let Some(checked) = self.resolve(query, clearance)? else { return Ok((Vec::new(), None)) };
        let driver = driver(&checked);
        let (mut found, mut after) = (Vec::new(), after.clone());
        let (mut step, mut walked) = ((limit + 1).min(STEP_LIMIT), 0);
        while walked < WALK_LIMIT {
            let candidates = self.candidates(&driver, &checked, &after, step)?;
            let ended = candidates.len() < step;
            walked += step;
            step = (step * 2).min(STEP_LIMIT);
            let mut fetched = self.check(&checked, &candidates)?;
            for candidate in candidates {
                if let Some(object) = fetched.remove(&candidate.object) {
                    if found.len() == limit {
                        return Ok((found, Some(after)));
                    }
                    found.push(object);
                }
                after = candidate;
            }
            if ended {
                return Ok((found, None));
            }
        }
        Ok((found, Some(after)))
    }

    /// Relations that name an id, as far as the asker may know of them.
    pub fn related(
        &mut self,
        id: &str,
        direction: Direction,
        clearance: &Clearance,
        after: &Cursor,
        limit: usize,
    ) -> Result<(Vec<Related>, Option<Cursor>)> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let Some(item) = self.item(id)? else { return Ok((Vec::new(), None)) };
        let markings = self.allowed(clearance)?;
        let (near, far) = match direction {
            Direction::Outgoing => ("source", "target"),
            Direction::Incoming => ("target", "source"),
        };
        let arm = |marking: &str| {
            format!(
                "select object, kind, {far} as far, marking from relation where {near} = $1 \
                 and marking {marking} and (object, kind, {far}) > ($2, $3, $4)"
            )
        };
        let asked = limit as i64 + 1;
        let values = vec![
            Value::Int(item),
            Value::Int(after.object),
            Value::Text(&after.word),
            Value::Int(after.number),
            Value::Int(asked),
        ];
        let (arms, values) = merged(&markings, values, &arm);
        let text = format!(
            "select d.object, d.kind, d.far, d.marking, f.id, s.id from ({arms} order by 1, 2, 3 limit $5) d \
             join item f on f.key = d.far join object o on o.key = d.object join item s on s.key = o.item \
             order by d.object, d.kind, d.far"
        );
        let mut rows = self.session.list(&text, &values, |row| read_related(row, id, direction))?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
        Ok((rows.into_iter().map(|(_, related)| related).collect(), next))
    }

    /// The number of an id.
    pub(crate) fn item(&mut self, id: &str) -> Result<Option<i64>> {
        Ok(ids::find(&mut self.session, &[id])?.remove(id))
    }

    /// None where an id of the query is nowhere in the store, or nothing may be seen: then nothing is found.
    fn resolve<'a>(&mut self, query: &'a Query<'a>, clearance: &Clearance) -> Result<Option<Checked<'a>>> {
        let mut numbers = [None; 3];
        for (id, number) in [query.id, query.created_by, query.related_to].into_iter().zip(&mut numbers) {
            let Some(id) = id else { continue };
            *number = self.item(id)?;
            if number.is_none() {
                return Ok(None);
            }
        }
        let mut lanes = self.session.list(
            "select key, marking, type, spec_version from lane where collection = 0",
            &[],
            |row| {
                let (object_type, spec_version) = (row.string(2)?, row.string(3)?);
                Ok(Lane { key: row.int(0)?, marking: row.int(1)?, object_type, spec_version })
            },
        )?;
        lanes.retain(|lane| {
            clearance.allows(MarkingKey(lane.marking))
                && (query.types.is_empty() || query.types.contains(&lane.object_type.as_str()))
        });
        let mut markings: Vec<i64> = lanes.iter().map(|lane| lane.marking).collect();
        markings.sort_unstable();
        markings.dedup();
        let [item, creator, target] = numbers;
        Ok((!lanes.is_empty()).then_some(Checked { query, lanes, markings, item, creator, target }))
    }

    fn candidates(
        &mut self,
        driver: &Driver,
        checked: &Checked<'_>,
        after: &Cursor,
        step: usize,
    ) -> Result<Vec<Cursor>> {
        let by_object = |row: &Row<'_>| Ok(Cursor { object: row.int(0)?, ..Cursor::default() });
        let (from, limit) = (Value::Int(after.object), Value::Int(step as i64));
        let lanes: Vec<i64> = checked.lanes.iter().map(|lane| lane.key).collect();
        let (text, values) = match driver {
            Driver::Target(target) => {
                merged(&checked.markings, vec![from, limit, Value::Int(*target)], &|marking| {
                    format!(
                        "select object from relation where target = $3 and marking {marking} and object > $1"
                    )
                })
            }
            Driver::Lanes => merged(&lanes, vec![from, limit], &|lane| {
                format!("select key from object where lane {lane} and key > $1")
            }),
            Driver::Item(item) => (
                "select key from object where item = $3 and key > $1".to_owned(),
                vec![from, limit, Value::Int(*item)],
            ),
            Driver::Creator(creator) => {
                merged(&checked.markings, vec![from, limit, Value::Int(*creator)], &|marking| {
                    format!(
                        "select object from relation where target = $3 and marking {marking} and object > $1 \
                         and kind = '{CREATED_BY_REF}'"
                    )
                })
            }
            Driver::Value(value) => return self.candidates_by_value(value, &checked.markings, after, step),
            Driver::Prefix(prefix) => return self.candidates_by_prefix(prefix, after, step),
            Driver::Time(since, until) => return self.candidates_by_time(*since, *until, after, step),
        };
        self.session.list(&format!("{text} order by 1 limit $2"), &values, by_object)
    }

    /// The last era in which there is an object.
    pub(crate) fn last_era(&mut self) -> Result<i64> {
        let text = "select key from object order by key desc limit 1";
        Ok(self.session.first(text, &[], |row| row.int(0))?.map_or(0, era))
    }

    /// In the order of dates, whatever the era: the first ones of each are the first ones of all.
    fn candidates_by_time(
        &mut self,
        since: i64,
        until: i64,
        after: &Cursor,
        step: usize,
    ) -> Result<Vec<Cursor>> {
        let from = if after.object == 0 { since } else { after.number };
        let mut found = Vec::new();
        let text = format!(
            "select version_us, key from object where key / {ERA_OBJECTS} = $5 and version_us >= $1 \
             and version_us < $2 and (version_us, key) > ($1, $3) order by version_us, key limit $4"
        );
        for era in 0..=self.last_era()? {
            found.extend(self.session.list(
                &text,
                &[from.into(), until.into(), after.object.into(), Value::Int(step as i64), era.into()],
                |row| Ok(Cursor { word: String::new(), number: row.int(0)?, object: row.int(1)? }),
            )?);
            found.sort_unstable_by_key(|candidate| (candidate.number, candidate.object));
            found.truncate(step);
        }
        Ok(found)
    }

    /// Of some candidates those that the query wants whole.
    fn check(&mut self, checked: &Checked<'_>, candidates: &[Cursor]) -> Result<BTreeMap<i64, Found>> {
        let lanes: BTreeMap<i64, &Lane> = checked.lanes.iter().map(|lane| (lane.key, lane)).collect();
        let mut objects: Vec<i64> = candidates.iter().map(|candidate| candidate.object).collect();
        objects.sort_unstable();
        objects.dedup();
        let rows = Rows { columns: vec![Column::Ints(objects)] };
        let terms: Vec<String> = checked.query.values.iter().map(|sought| term(*sought)).collect();
        let mut values = Vec::new();
        let mut text = "select o.key, i.id, o.version_us, o.lane, o.bytes from {rows object} \
            join object o on o.key = r.object join item i on i.key = o.item where 1 = 1"
            .to_owned();
        conditions(checked, &terms, &mut text, &mut values);
        let mut found = BTreeMap::new();
        self.session.for_rows(&text, &rows, &values, &mut |row| {
            let Some(lane) = lanes.get(&row.int(3)?) else { return Ok(()) };
            let object = Found {
                id: row.string(1)?,
                version_us: row.int(2)?,
                object_type: lane.object_type.clone(),
                spec_version: lane.spec_version.clone(),
                marking: MarkingKey(lane.marking),
                bytes: row.bytes(4)?.to_owned(),
            };
            found.insert(row.int(0)?, object);
            Ok(())
        })?;
        Ok(found)
    }
}

/// The narrowest index that a query names.
fn driver(checked: &Checked<'_>) -> Driver {
    let query = checked.query;
    let exact = query.values.iter().find_map(|sought| match sought {
        Sought::Exact(value) => Some(fold(value)),
        Sought::Prefix(_) => None,
    });
    let prefix = query.values.iter().find_map(|sought| match sought {
        Sought::Prefix(prefix) => Some(fold_prefix(prefix)),
        Sought::Exact(_) => None,
    });
    match (checked.item, exact, checked.target, prefix, checked.creator) {
        (Some(item), ..) => Driver::Item(item),
        (_, Some(value), ..) => Driver::Value(value),
        (_, _, Some(target), ..) => Driver::Target(target),
        (_, _, _, Some(prefix), _) => Driver::Prefix(prefix),
        (.., Some(creator)) => Driver::Creator(creator),
        _ if query.since_us.is_some() || query.until_us.is_some() => {
            Driver::Time(query.since_us.unwrap_or(i64::MIN), query.until_us.unwrap_or(i64::MAX))
        }
        _ => Driver::Lanes,
    }
}

/// A prefix as the values it is compared with: only as long as they are.
fn fold_prefix(prefix: &str) -> String {
    let folded = foldable(prefix.trim_start());
    folded[..folded.floor_char_boundary(VALUE_LIMIT_BYTES - 65)].to_owned()
}

/// A value as it is found among the terms of an object: after a separator, and whole before one.
fn term(sought: Sought<'_>) -> String {
    match sought {
        Sought::Exact(value) => format!("{SEPARATOR}{}{SEPARATOR}", fold(value)),
        Sought::Prefix(prefix) => format!("{SEPARATOR}{}", fold_prefix(prefix)),
    }
}

/// That an object states a relation to an id: by the index over targets, in which its marking comes before it.
const STATES: &str = " and exists (select 1 from lane w cross join relation x where w.key = o.lane \
    and x.target = # and x.marking = w.marking and x.object = o.key)";

/// Writes what a query asks of each candidate.
fn conditions<'a>(
    checked: &Checked<'_>,
    terms: &'a [String],
    text: &mut String,
    values: &mut Vec<Value<'a>>,
) {
    // The column of rows is parameter 1.
    let mut add = |condition: &str, value: Value<'a>| {
        values.push(value);
        text.push_str(&condition.replace('#', &format!("${}", values.len() + 1)));
    };
    for term in terms {
        add(
            " and exists (select 1 from beside b where b.object = o.key and {find}(b.words, #) > 0)",
            Value::Text(term),
        );
    }
    let query = checked.query;
    let numbers = [
        (" and o.item = #", checked.item),
        (" and o.creator = #", checked.creator),
        (STATES, checked.target),
        (" and o.version_us >= #", query.since_us),
        (" and o.version_us < #", query.until_us),
    ];
    for (condition, number) in numbers {
        if let Some(number) = number {
            add(condition, Value::Int(number));
        }
    }
}

fn read_related(row: &Row<'_>, id: &str, direction: Direction) -> Result<(Cursor, Related)> {
    let cursor = Cursor { object: row.int(0)?, word: row.string(1)?, number: row.int(2)? };
    let (near, far) = (id.to_owned(), row.string(4)?);
    let (source, target) = match direction {
        Direction::Outgoing => (near, far),
        Direction::Incoming => (far, near),
    };
    let related = Related {
        source,
        kind: cursor.word.clone(),
        target,
        stated_by: row.string(5)?,
        marking: MarkingKey(row.int(3)?),
    };
    Ok((cursor, related))
}

#[cfg(test)]
mod tests {
    use super::{VALUE_LIMIT_BYTES, fold, words};

    #[test]
    fn values_are_folded() {
        assert_eq!(fold("  ExAmple.COM "), "example.com");
        assert_eq!(fold("ÄÖ\0"), "äö\u{fffd}");
        assert_eq!(fold("a\u{1f}b"), "a\u{fffd}b");
        let long = "é".repeat(VALUE_LIMIT_BYTES);
        assert!(fold(&long).len() <= VALUE_LIMIT_BYTES);
        assert_ne!(fold(&long), fold(&format!("{long}x")));
    }

    #[test]
    fn values_are_folded_alike_wherever_they_go() {
        let long = "x".repeat(VALUE_LIMIT_BYTES + 1);
        for value in [
            "",
            " ",
            "A",
            " A ",
            "a b",
            "A\tB",
            "ÄÖ",
            "a\u{1f}b",
            "\0",
            "\u{b}A",
            "Ab\u{a0}",
            &long,
            &long[1..],
        ] {
            let mut text = "before".to_owned();
            super::fold_into(value, &mut text);
            assert_eq!(text, format!("before{}", fold(value)), "{value:?}");
        }
    }

    #[test]
    fn words_are_names_too() {
        assert_eq!(
            words("Web shell (CVE-2021-26855), see 'themeHelp.aspx'. A web", 100),
            ["CVE-2021-26855", "Web", "see", "shell", "themeHelp.aspx", "web"]
        );
    }
}

//! Rows of values, by which objects are found: how they are written, read, and moved to another marking.
//!
//! Half of what a feed's objects are found by (labels, the words of names) is the same for all of a batch. So a row holds
//! one object, or a *run*: those of one batch, one marking and one block of keys that have a value in common. A run is named
//! by the object that was its first, and lists all that are in it, so that one can leave it and its name stays.
//!
//! Nobody adds to a run: on a server that would make those who write at the same time wait for each other. So runs of one
//! block may overlap, and what was read is in order only up to the name of the last row.

use std::cmp::Ordering;
use std::ops::Range;

use crate::engine::{Column, Row, Rows, Value};
use crate::era::era;
use crate::error::{Result, StoreError};
use crate::search::{Cursor, MERGED_LIMIT, SEPARATOR};
use crate::store::{Read, Write};

/// Keys of a block: as many as two digits can tell apart, or half of them. Runs are written with it.
const BLOCK_OBJECTS: i64 = 512;

/// Objects of a run. With its value and numbers it is then a row of less than 1,000 bytes, of which a page of SQLite's
/// index holds four; a larger one would have a page of its own for what is too much.
const RUN_OBJECTS: usize = 448;

/// What a run says of each object: two of these digits, its place in the block.
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const DIGIT_BITS: u32 = 5;

/// Rows that are read at once, at least: runs that end before what is sought may stand before those that do not.
const ROWS_AT_LEAST: usize = 32;

/// A value of a new object, folded.
pub(crate) struct NewValue {
    /// Its first bytes, as a number that is in the order of texts.
    head: u64,
    /// Where it stands in the text of the batch.
    at: Range<usize>,
    marking: i64,
    object: i64,
}

impl NewValue {
    pub(crate) fn new(text: &str, at: Range<usize>, marking: i64, object: i64) -> Self {
        // What is shorter comes first; no value holds a NUL.
        let mut head = [0; 8];
        let length = at.len().min(head.len());
        head[..length].copy_from_slice(&text.as_bytes()[at.start..at.start + length]);
        Self { head: u64::from_be_bytes(head), at, marking, object }
    }

    /// The order of rows. It is asked for a million times a batch: what mostly decides comes first.
    fn compare(&self, other: &Self, text: &str) -> Ordering {
        let bytes = |value: &Self| &text.as_bytes()[value.at.clone()];
        (era(self.object), self.head)
            .cmp(&(era(other.object), other.head))
            .then_with(|| bytes(self).cmp(bytes(other)))
            .then_with(|| (self.marking, self.object).cmp(&(other.marking, other.object)))
    }

    /// Whether another, which is next to it in that order, stands in the same row.
    fn shares_row(&self, other: &Self, text: &str) -> bool {
        block(self.object) == block(other.object)
            && self.marking == other.marking
            && text.as_bytes()[self.at.clone()] == text.as_bytes()[other.at.clone()]
    }
}

/// A row.
struct Posting {
    /// Its value, where values are walked over.
    word: Option<String>,
    marking: i64,
    name: i64,
    run: Option<String>,
}

fn read_posting(row: &Row<'_>) -> Result<Posting> {
    Ok(Posting {
        name: row.int(0)?,
        marking: row.int(1)?,
        run: row.optional_string(2)?,
        word: row.optional_string(3)?,
    })
}

/// The first key of the block of an object.
fn block(object: i64) -> i64 {
    object / BLOCK_OBJECTS * BLOCK_OBJECTS
}

fn write_run(objects: impl Iterator<Item = i64>) -> String {
    let mut run = String::new();
    for object in objects {
        let place = (object % BLOCK_OBJECTS) as usize;
        for digit in [place >> DIGIT_BITS, place % DIGITS.len()] {
            run.push(char::from(DIGITS[digit]));
        }
    }
    run
}

fn read_run(name: i64, run: &str) -> Result<Vec<i64>> {
    let corrupt = || StoreError::Corrupt { reason: format!("the run of values {name} cannot be read") };
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).ok_or_else(corrupt);
    let place = |pair: &[u8]| match pair {
        [high, low] => Ok(block(name) + ((digit(high)? << DIGIT_BITS) + digit(low)?) as i64),
        _ => Err(corrupt()),
    };
    run.as_bytes().chunks(2).map(place).collect()
}

impl Posting {
    fn objects(&self) -> Result<Vec<i64>> {
        self.run.as_ref().map_or_else(|| Ok(vec![self.name]), |run| read_run(self.name, run))
    }
}

/// Candidates that were read, of which the first are in order and whole.
#[derive(Default)]
struct Reading {
    whole: Vec<Cursor>,
    waiting: Vec<Cursor>,
}

impl Reading {
    /// Takes in what `rows` say beyond `after`. `is_end`: there are no more of them; else all that others can say comes
    /// at the name of the last of these or later.
    fn add(&mut self, rows: &[Posting], after: &Cursor, is_end: bool) -> Result<()> {
        for row in rows {
            let cursors = row.objects()?.into_iter().map(|object| row.cursor(object));
            self.waiting.extend(cursors.filter(|cursor| place(cursor) > place(after)));
        }
        self.waiting.sort_unstable_by(|one, two| place(one).cmp(&place(two)));
        let last = rows.last().map(|row| row.cursor(row.name)).filter(|_| !is_end);
        let whole = last.map_or(self.waiting.len(), |last| {
            self.waiting.partition_point(|cursor| place(cursor) < place(&last))
        });
        self.whole.extend(self.waiting.drain(..whole));
        Ok(())
    }
}

fn place(cursor: &Cursor) -> (&str, i64, i64) {
    (&cursor.word, cursor.number, cursor.object)
}

impl Posting {
    /// Where a search goes on after an object of this row: by its value and marking, where values are walked over.
    fn cursor(&self, object: i64) -> Cursor {
        match &self.word {
            Some(word) => Cursor { word: word.clone(), number: self.marking, object },
            None => Cursor { object, ..Cursor::default() },
        }
    }
}

impl Read<'_> {
    /// Objects that have a value and one of some markings, era by era, in their order: as many eras in one statement as it
    /// can merge.
    pub(crate) fn candidates_by_value(
        &mut self,
        value: &str,
        markings: &[i64],
        after: &Cursor,
        step: usize,
    ) -> Result<Vec<Cursor>> {
        let eras: Vec<i64> = (era(after.object)..=self.last_era()?).collect();
        let mut reading = Reading::default();
        for eras in eras.chunks((MERGED_LIMIT / markings.len()).max(1)) {
            let (mut name, mut marking) = (block(after.object), 0);
            while reading.whole.len() < step {
                let limit = (step - reading.whole.len() + 1).max(ROWS_AT_LEAST);
                let values = vec![
                    Value::Int(name),
                    Value::Int(limit as i64),
                    Value::Text(value),
                    Value::Int(marking),
                    Value::Int(after.object),
                ];
                let (text, values) = merged_eras(eras, markings, values);
                let rows = self.session.list(&text, &values, read_posting)?;
                let is_end = rows.len() < limit;
                reading.add(&rows, after, is_end)?;
                match rows.last() {
                    Some(last) if !is_end => (name, marking) = (last.name, last.marking),
                    _ => break,
                }
            }
        }
        reading.whole.truncate(step);
        Ok(reading.whole)
    }

    /// Era by era, and in each in the order of values.
    pub(crate) fn candidates_by_prefix(
        &mut self,
        prefix: &str,
        after: &Cursor,
        step: usize,
    ) -> Result<Vec<Cursor>> {
        const TEXT: &str = "select object, marking, run, value from value where era = $7 and value >= $1 \
            and value < $2 and (value, marking, object) > ($1, $3, $4) \
            and (run is not null or (value, marking, object) > ($1, $3, $5)) \
            order by value, marking, object limit $6";
        let beyond = beyond(prefix);
        let begun = era(after.object);
        let mut reading = Reading::default();
        for era in begun..=self.last_era()? {
            let goes_on = era == begun && !after.word.is_empty();
            let start =
                if goes_on { after.clone() } else { Cursor { word: prefix.to_owned(), ..Cursor::default() } };
            let mut last = Cursor { object: block(start.object) - 1, ..start.clone() };
            while reading.whole.len() < step {
                let limit = (step - reading.whole.len() + 1).max(ROWS_AT_LEAST);
                let is_begun = last.word == start.word && last.number == start.number;
                let single = if is_begun { start.object.max(last.object) } else { last.object };
                let values = [
                    Value::Text(&last.word),
                    Value::Text(&beyond),
                    Value::Int(last.number),
                    Value::Int(last.object),
                    Value::Int(single),
                    Value::Int(limit as i64),
                    Value::Int(era),
                ];
                let rows = self.session.list(TEXT, &values, read_posting)?;
                let is_end = rows.len() < limit;
                reading.add(&rows, &start, is_end)?;
                match rows.last() {
                    Some(row) if !is_end => last = row.cursor(row.name),
                    _ => break,
                }
            }
        }
        reading.whole.truncate(step);
        Ok(reading.whole)
    }
}

impl Write<'_> {
    /// Writes the values of new objects, which stand in one text.
    pub(crate) fn insert_values(&mut self, text: &str, values: &mut Vec<NewValue>) -> Result<()> {
        // In the order of the index: neighbours fall on one page.
        values.sort_unstable_by(|one, two| one.compare(two, text));
        values.dedup_by(|one, two| one.object == two.object && one.shares_row(two, text));
        let rows: Vec<&[NewValue]> = values
            .chunk_by(|one, two| one.shares_row(two, text))
            .flat_map(|alike| alike.chunks(RUN_OBJECTS))
            .collect();
        let run = |row: &&[NewValue]| (row.len() > 1).then(|| write_run(row.iter().map(|one| one.object)));
        let runs: Vec<Option<String>> = rows.iter().map(run).collect();
        let ints = |of: fn(&NewValue) -> i64| Column::Ints(rows.iter().map(|row| of(&row[0])).collect());
        let columns = vec![
            ints(|value| era(value.object)),
            Column::Texts(rows.iter().map(|row| &text[row[0].at.clone()]).collect()),
            ints(|value| value.marking),
            ints(|value| value.object),
            Column::OptionalTexts(runs.iter().map(Option::as_deref).collect()),
        ];
        self.session.run_rows(
            "insert into value (era, value, marking, object, run) {many era, value, marking, object, run} \
             on conflict do nothing",
            &Rows { columns },
            &[],
        )
    }

    /// Moves the rows of an object's values to another marking: out of the runs in which it is, into rows of its own.
    pub(crate) fn remark_values(&mut self, object: i64, before: i64, marking: i64) -> Result<()> {
        let text = "select words from beside where object = $1";
        let words = self.session.first(text, &[object.into()], |row| row.string(0))?.unwrap_or_default();
        let inner = words.strip_prefix(SEPARATOR).and_then(|words| words.strip_suffix(SEPARATOR));
        let Some(inner) = inner else { return Ok(()) };
        let mut words: Vec<&str> = inner.split(SEPARATOR).collect();
        words.sort_unstable();
        words.dedup();
        self.leave_runs(&words, object, before)?;
        let rows = || Rows { columns: vec![Column::Texts(words.clone())] };
        self.session.run_rows(
            "delete from value where era = $2 and marking = $3 and object = $4 and run is null \
             and value in (select r.word from {rows word})",
            &rows(),
            &[era(object).into(), before.into(), object.into()],
        )?;
        // The name may be that of a run in which it was first, and which it left.
        self.session.run_rows(
            "insert into value (era, value, marking, object) select $2, r.word, $3, $4 from {rows word} where true \
             on conflict (era, value, marking, object) do update set run = value.run || $5",
            &rows(),
            &[
                era(object).into(),
                marking.into(),
                object.into(),
                Value::Text(&write_run([object].into_iter())),
            ],
        )
    }

    fn leave_runs(&mut self, words: &[&str], object: i64, marking: i64) -> Result<()> {
        let mut left: Vec<(String, i64, String)> = Vec::new();
        self.session.for_rows(
            "select v.object, v.marking, v.run, v.value from {rows word} join value v on v.era = $2 \
             and v.value = r.word and v.marking = $3 and v.object >= $4 and v.object <= $5 \
             and v.run is not null {for update}",
            &Rows { columns: vec![Column::Texts(words.to_vec())] },
            &[era(object).into(), marking.into(), block(object).into(), object.into()],
            &mut |row| {
                let row = read_posting(row)?;
                let objects = row.objects()?;
                if objects.contains(&object) {
                    let others = objects.into_iter().filter(|other| *other != object);
                    left.push((row.word.unwrap_or_default(), row.name, write_run(others)));
                }
                Ok(())
            },
        )?;
        let columns = vec![
            Column::Texts(left.iter().map(|(word, ..)| word.as_str()).collect()),
            Column::Ints(left.iter().map(|(_, name, _)| *name).collect()),
            Column::Texts(left.iter().map(|(.., run)| run.as_str()).collect()),
        ];
        self.session.run_rows(
            "update value set run = r.run from {rows word, name, run} where value.era = $4 \
             and value.value = r.word and value.marking = $5 and value.object = r.name",
            &Rows { columns },
            &[era(object).into(), marking.into()],
        )
    }
}

/// Makes one statement that merges the rows of a value in some eras and markings, in the order of their names, where $1 and
/// $4 are a name and a marking to begin after, $2 a limit, $3 the value, and $5 an object to begin after.
fn merged_eras<'a>(
    eras: &[i64],
    markings: &'a [i64],
    mut values: Vec<Value<'a>>,
) -> (String, Vec<Value<'a>>) {
    let arm = |era: usize, marking: String| {
        format!(
            "select object, marking, run, null from value where era = ${era} and value = $3 and marking {marking} \
             and object >= $1 and (object > $1 or marking > $4) and (object > $5 or run is not null)"
        )
    };
    let first = values.len() + 1;
    let mut ranges: Vec<(i64, i64)> =
        eras.iter().flat_map(|era| markings.iter().map(|marking| (*era, *marking))).collect();
    if ranges.len() > MERGED_LIMIT {
        values.extend([Value::Int(eras[0]), Value::Set(markings)]);
        return (format!("{} order by 1, 2 limit $2", arm(first, format!("{{in ${}}}", first + 1))), values);
    }
    // No row has the marking 0.
    ranges.resize(ranges.len().next_power_of_two(), (0, 0));
    values.extend(ranges.iter().flat_map(|(era, marking)| [Value::Int(*era), Value::Int(*marking)]));
    let arms: Vec<String> =
        (0..ranges.len()).map(|at| arm(first + 2 * at, format!("= ${}", first + 2 * at + 1))).collect();
    (format!("{} order by 1, 2 limit $2", arms.join(" union all ")), values)
}

/// The first text beyond all that begin with `prefix`, in the order of bytes.
fn beyond(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_they_were_written() {
        let objects: Vec<i64> = (512..1024).collect();
        let run = write_run(objects.iter().copied());
        assert_eq!(run.len(), 1024);
        assert_eq!(read_run(700, &run).unwrap(), objects);
        assert_eq!(write_run([0, 31, 32, 511].into_iter()), "000v10fv");
        assert_eq!(read_run(0, "").unwrap(), [0; 0]);
        for wrong in ["0", "0w", "0V", "é"] {
            assert!(read_run(0, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_later_rows_may_say_waits() {
        let row = |name: i64, objects: &[i64]| Posting {
            word: None,
            marking: 1,
            name,
            run: (objects.len() > 1).then(|| write_run(objects.iter().copied())),
        };
        let objects =
            |reading: &Reading| reading.whole.iter().map(|cursor| cursor.object).collect::<Vec<i64>>();
        let mut reading = Reading::default();
        let after = Cursor { object: 2, ..Cursor::default() };
        reading.add(&[row(1, &[1, 2, 9, 30]), row(4, &[4]), row(7, &[7, 20])], &after, false).unwrap();
        assert_eq!(objects(&reading), [4]);
        reading.add(&[row(8, &[8, 25]), row(11, &[11])], &after, true).unwrap();
        assert_eq!(objects(&reading), [4, 7, 8, 9, 11, 20, 25, 30]);
    }
}

//! Which number an id has.
//!
//! PostgreSQL keeps an index over the text of ids. In SQLite that index was what grew dearest with a store: ids are random,
//! so of ten thousand new ones each is written to a page of its own, and to find that none of them is there takes as many
//! pages again. So here hashes of ids stand by era, the items of one being [`ERA`] keys in a row: new hashes fall on the
//! pages of the last era, and of each era that is full a filter in memory says of nearly every id that it is not there.
//!
//! A hash is only the way to an id, whose text is compared. That an id has one number is held by the engine on
//! PostgreSQL; on SQLite by its having one writer, who looks before it writes, in one transaction.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::engine::{Column, Rows, Session};
use crate::era::ERA_OBJECTS as ERA;
use crate::error::{Result, StoreError};
use crate::filter::{Filter, Filters, Known};

/// Filters as a transaction knows them that has just begun, and so sees only what was committed: what fills an era and is
/// rolled back leaves nothing here. A filter never changes once it is written.
pub(crate) fn known(filters: &Filters, session: &mut Session<'_>) -> Result<Known> {
    let known = filters.known();
    if known.is_empty() && !is_migrated(session)? || next_full(session)? <= known.len() as i64 {
        return Ok(known);
    }
    filters.extend(|from| {
        let text = "select bits from item_filter where era >= $1 order by era";
        session.list(text, &[(from as i64).into()], |row| Filter::read(row.bytes(0)?))
    })
}

/// False only until the migration that makes them.
fn is_migrated(session: &mut Session<'_>) -> Result<bool> {
    let text = "select 1 from sqlite_schema where name = 'item_filter'";
    Ok(session.first(text, &[], |_| Ok(()))?.is_some())
}

/// The first era that has no filter.
fn next_full(session: &mut Session<'_>) -> Result<i64> {
    let text = "select era from item_filter order by era desc limit 1";
    Ok(session.first(text, &[], |row| row.int(0))?.map_or(0, |era| era + 1))
}

/// Not negative, and nothing that anybody could aim at.
fn hash(id: &str) -> i64 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | i64::from(*byte)) & i64::MAX
}

fn last_key(session: &mut Session<'_>) -> Result<i64> {
    let text = "select key from item order by key desc limit 1";
    Ok(session.first(text, &[], |row| row.int(0))?.unwrap_or(0))
}

/// The numbers of some ids.
pub(crate) type Keys<'a> = HashMap<&'a str, i64, RandomState>;

/// Room for the numbers of so many.
fn keys<'a>(count: usize) -> Keys<'a> {
    HashMap::with_capacity_and_hasher(count, RandomState::default())
}

/// The numbers of those of `ids` that have one.
pub(crate) fn find<'a>(session: &mut Session<'_>, ids: &[&'a str]) -> Result<Keys<'a>> {
    // PostgreSQL holds no NUL in text, so neither engine has such an id.
    let ids: Vec<&str> = ids.iter().copied().filter(|id| !id.contains('\0')).collect();
    let Some(known) = session.filters() else { return find_by_text(session, &ids) };
    let mut hashed: Vec<(i64, &str)> = ids.into_iter().map(|id| (hash(id), id)).collect();
    hashed.sort_unstable();
    hashed.dedup();
    find_hashed(session, &known, hashed)
}

/// The same of ids with their hashes, in the order of these: neighbours are on one page.
fn find_hashed<'a>(
    session: &mut Session<'_>,
    known: &Known,
    mut missing: Vec<(i64, &'a str)>,
) -> Result<Keys<'a>> {
    let mut found = keys(missing.len());
    for era in 0..=last_key(session)? / ERA {
        let filter = known.get(era as usize);
        let may_be_there = |hash: i64| filter.is_none_or(|filter| filter.may_have(hash));
        let sought: Vec<(i64, &str)> =
            missing.iter().copied().filter(|(hash, _)| may_be_there(*hash)).collect();
        let before = found.len();
        find_in_era(session, era, &sought, &mut found)?;
        if found.len() > before {
            missing.retain(|(_, id)| !found.contains_key(id));
        }
    }
    Ok(found)
}

fn find_in_era<'a>(
    session: &mut Session<'_>,
    era: i64,
    sought: &[(i64, &'a str)],
    found: &mut Keys<'a>,
) -> Result<()> {
    let columns = vec![
        Column::Ints((0..).take(sought.len()).collect()),
        Column::Ints(sought.iter().map(|(hash, _)| *hash).collect()),
    ];
    session.for_rows(
        "select r.n, i.key, i.id from {rows n, hash} cross join item_hash h cross join item i \
         where h.era = $3 and h.hash = r.hash and i.key = h.item",
        &Rows { columns },
        &[era.into()],
        &mut |row| {
            let id = sought.get(row.int(0)? as usize).map(|(_, id)| *id);
            if let Some(id) = id.filter(|id| row.text(2).is_ok_and(|text| text == *id)) {
                found.insert(id, row.int(1)?);
            }
            Ok(())
        },
    )
}

fn find_by_text<'a>(session: &mut Session<'_>, ids: &[&'a str]) -> Result<Keys<'a>> {
    let mut found = keys(ids.len());
    let columns = vec![Column::Ints((0..).take(ids.len()).collect()), Column::Texts(ids.to_vec())];
    session.for_rows(
        "select r.n, i.key from {rows n, id} join item i on i.id = r.id",
        &Rows { columns },
        &[],
        &mut |row| {
            if let Some(id) = ids.get(row.int(0)? as usize) {
                found.insert(*id, row.int(1)?);
            }
            Ok(())
        },
    )?;
    Ok(found)
}

/// The numbers of ids, and those numbers among them that are new.
pub(crate) type Numbered<'a> = (Keys<'a>, HashSet<i64, RandomState>);

/// Numbers all of `ids`, making numbers for those that have none.
pub(crate) fn number<'a>(session: &mut Session<'_>, ids: Vec<&'a str>) -> Result<Numbered<'a>> {
    match session.filters() {
        Some(known) => number_by_hash(session, &known, &ids),
        None => number_by_text(session, ids),
    }
}

/// New numbers are in the order in which ids are first named: what is kept by number then grows at its end.
fn number_by_hash<'a>(session: &mut Session<'_>, known: &Known, ids: &[&'a str]) -> Result<Numbered<'a>> {
    // Until all have a number, the position of each among those that are named.
    let mut keys = keys(ids.len());
    let mut named = Vec::with_capacity(ids.len());
    for id in ids {
        if let Entry::Vacant(new) = keys.entry(*id) {
            new.insert(named.len() as i64);
            named.push((hash(id), *id));
        }
    }
    let mut sought = named.clone();
    sought.sort_unstable_by_key(|(hash, _)| *hash);
    let found = find_hashed(session, known, sought)?;
    let first = last_key(session)? + 1;
    let (mut numbers, mut new, mut hashes) = (Vec::with_capacity(named.len()), Vec::new(), Vec::new());
    for (hash, id) in named {
        let number = found.get(id).copied().unwrap_or_else(|| {
            new.push(id);
            hashes.push(hash);
            first + new.len() as i64 - 1
        });
        numbers.push(number);
    }
    let made = first..first + new.len() as i64;
    let columns = vec![Column::Ints(made.clone().collect()), Column::Texts(new)];
    session.run_rows("insert into item (key, id) {many key, id}", &Rows { columns }, &[])?;
    add_hashes(session, made.clone().zip(hashes))?;
    fill(session)?;
    for position in keys.values_mut() {
        *position = numbers[*position as usize];
    }
    Ok((keys, made.collect()))
}

/// The engine makes a number for each id that has none, whoever else does so at the same moment. Sorted, so that two
/// batches with the same ids lock them in the same order and neither waits for the other forever.
fn number_by_text<'a>(session: &mut Session<'_>, mut ids: Vec<&'a str>) -> Result<Numbered<'a>> {
    ids.sort_unstable();
    ids.dedup();
    let rows = Rows { columns: vec![Column::Texts(ids.clone())] };
    let made = session.insert_new("item", &["id"], &[], &rows)?;
    let there: Vec<&str> =
        ids.iter().zip(&made).filter(|(_, key)| key.is_none()).map(|(id, _)| *id).collect();
    let mut keys = find_by_text(session, &there)?;
    let new = ids.iter().zip(made).filter_map(|(id, key)| Some((*id, key?)));
    let mut fresh = HashSet::default();
    for (id, key) in new {
        keys.insert(id, key);
        fresh.insert(key);
    }
    match ids.iter().find(|id| !keys.contains_key(*id)) {
        Some(id) => Err(StoreError::Corrupt { reason: format!("{id} got no number") }),
        None => Ok((keys, fresh)),
    }
}

/// Puts hashes to numbers.
fn add_hashes(session: &mut Session<'_>, numbered: impl Iterator<Item = (i64, i64)>) -> Result<()> {
    let mut rows: Vec<(i64, i64, i64)> = numbered.map(|(key, hash)| (key / ERA, hash, key)).collect();
    rows.sort_unstable();
    let columns = vec![
        Column::Ints(rows.iter().map(|(era, _, _)| *era).collect()),
        Column::Ints(rows.iter().map(|(_, hash, _)| *hash).collect()),
        Column::Ints(rows.iter().map(|(_, _, key)| *key).collect()),
    ];
    let text = "insert into item_hash (era, hash, item) {many era, hash, item}";
    session.run_rows(text, &Rows { columns }, &[])
}

/// Makes the filters of eras into which no number will fall any more.
fn fill(session: &mut Session<'_>) -> Result<()> {
    for era in next_full(session)?..(last_key(session)? + 1) / ERA {
        let mut filter = Filter::empty();
        session.for_each("select hash from item_hash where era = $1", &[era.into()], &mut |row| {
            filter.mark(row.int(0)?);
            Ok(())
        })?;
        let bytes = filter.to_bytes();
        let text = "insert into item_filter (era, bits) values ($1, $2)";
        session.run(text, &[era.into(), bytes.as_slice().into()])?;
    }
    Ok(())
}

/// Makes hashes and filters for numbers that were not made here: by a migration or from a dump.
pub(crate) fn index(session: &mut Session<'_>) -> Result<()> {
    if session.filters().is_none() {
        return Ok(());
    }
    for era in 0..=last_key(session)? / ERA {
        let items = session.list(
            "select key, id from item where key >= $1 and key < $2",
            &[(era * ERA).into(), ((era + 1) * ERA).into()],
            |row| Ok((row.int(0)?, hash(row.text(1)?))),
        )?;
        add_hashes(session, items.into_iter())?;
    }
    fill(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_forgets_nothing_and_refuses_most() {
        let mut filter = Filter::empty();
        let name = |number: i64| format!("indicator--{number}");
        (0..ERA).for_each(|number| filter.mark(hash(&name(number))));
        let filter = Filter::read(&filter.to_bytes()).unwrap();
        assert!((0..ERA).all(|number| filter.may_have(hash(&name(number)))));
        let wrong = (ERA..2 * ERA).filter(|number| filter.may_have(hash(&name(*number)))).count();
        assert!(wrong < ERA as usize / 500, "{wrong}");
        assert!(Filter::read(&[0; 31]).is_err());
    }
}

//! What was done on a node: the audit, read by who runs it.

use std::collections::{BTreeMap, BTreeSet};

use watchfire_store::{AuditRow, PAGE_LIMIT, Store};

use crate::audit::{RENEW, runs_in};
use crate::clock::text;
use crate::config::Config;
use crate::error::Result;
use crate::node::open_store;

/// Which acts; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ActsOf {
    /// Of whom.
    pub actor: Option<String>,
    /// Upon what: an account, a collection.
    pub subject: Option<String>,
    /// Which, such as `objects.release`; or those that begin so, such as `account`.
    pub action: Option<String>,
    /// That added, released or removed this object.
    pub object: Option<String>,
    /// Not before this, in microseconds.
    pub since_us: Option<i64>,
    /// Before this, in microseconds.
    pub until_us: Option<i64>,
}

/// An act that was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its place in the audit.
    pub place: i64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who.
    pub actor: String,
    /// From where.
    pub origin: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else belongs to it.
    pub detail: String,
}

/// Acts in the order in which they were recorded; `each` says whether to go on.
pub fn acts(config: &Config, of: &ActsOf, each: &mut dyn FnMut(Recorded) -> bool) -> Result<()> {
    let store = open_store(config)?;
    // What was recorded just now has no place yet.
    while store.write(|write| write.place_audit(PAGE_LIMIT))? > 0 {}
    let of_object = match &of.object {
        Some(id) => Some(Traces::read(&store, id)?),
        None => None,
    };
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    walk(&store, &mut |row| {
        let action_fits = of.action.as_deref().is_none_or(|action| {
            row.action.strip_prefix(action).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let fits = is(&of.actor, &row.actor)
            && is(&of.subject, &row.subject)
            && action_fits
            && of.since_us.is_none_or(|since| row.at_us >= since)
            && of.until_us.is_none_or(|until| row.at_us < until)
            && of_object.as_ref().is_none_or(|traces| traces.are_in(&row));
        if !fits {
            return true;
        }
        each(Recorded {
            place: row.place.unwrap_or_default(),
            at: text(row.at_us),
            actor: row.actor,
            origin: row.origin,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        })
    })
}

fn walk(store: &Store, each: &mut dyn FnMut(AuditRow) -> bool) -> Result<()> {
    let mut after = 0;
    loop {
        let rows = store.read(|read| read.audit_by_place(after, PAGE_LIMIT))?;
        let Some(last) = rows.last().and_then(|row| row.place) else { return Ok(()) };
        after = last;
        for row in rows {
            if !each(row) {
                return Ok(());
            }
        }
    }
}

/// How an object is named in the audit: by its places in collections, of which it may have had others before.
struct Traces {
    id: String,
    places: BTreeMap<String, BTreeSet<i64>>,
}

impl Traces {
    fn read(store: &Store, id: &str) -> Result<Self> {
        let mut places: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (collection, place) in store.read(|read| read.places_of(id))? {
            places.entry(collection).or_default().insert(place);
        }
        let mut renewed: Vec<(String, String)> = Vec::new();
        walk(store, &mut |row| {
            if row.action == RENEW && places.contains_key(&row.subject) {
                renewed.push((row.subject, row.detail));
            }
            true
        })?;
        // The latest first: what it says now may be what an earlier one called new.
        for (collection, detail) in renewed.into_iter().rev() {
            let Some(known) = places.get_mut(&collection) else { continue };
            let before = runs_in(&detail).into_iter().flat_map(|(first, last)| first..=last);
            let now = detail.split_once(" are ").map(|(_, now)| runs_in(&format!("places {now}")));
            let now = now.unwrap_or_default().into_iter().flat_map(|(first, last)| first..=last);
            let older: Vec<i64> =
                before.zip(now).filter(|(_, now)| known.contains(now)).map(|(before, _)| before).collect();
            known.extend(older);
        }
        Ok(Self { id: id.to_owned(), places })
    }

    fn are_in(&self, row: &AuditRow) -> bool {
        let has_place = self.places.get(&row.subject).is_some_and(|places| {
            runs_in(&row.detail).into_iter().any(|(first, last)| places.range(first..=last).next().is_some())
        });
        has_place || row.subject == self.id || row.detail.split(", ").any(|part| part == self.id)
    }
}

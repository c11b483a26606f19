//! What is there already of what comes in: the newest version of ids, and what names them.
//!
//! An object's marking follows from the objects that it names and from those that contain it, so whoever adds one asks
//! here first, for all of a batch at once.

use crate::engine::{Column, Row, Rows};
use crate::error::Result;
use crate::giver::GiverKey;
use crate::ids;
use crate::store::Read;

/// A version of an id in the whole store: the newest, where not every one was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version_us: i64,
    /// Who may know it.
    pub summary: String,
    /// Who handed it over.
    pub giver: Option<GiverKey>,
    /// Its bytes, where they were asked for.
    pub bytes: Vec<u8>,
}

/// A version of an object that names another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The id that it names.
    pub names: String,
    /// Its own id.
    pub id: String,
    /// Its version.
    pub version_us: i64,
    /// Who may know it.
    pub summary: String,
}

/// How something that contains another is marked, and who handed it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Containing {
    /// The id of what it contains.
    pub contains: String,
    /// Who may know it.
    pub summary: String,
    /// Who handed it over.
    pub giver: Option<GiverKey>,
}

impl Read<'_> {
    /// The newest version of each of some ids; what is not there is left out.
    pub fn newest(&mut self, ids: &[&str], with_bytes: bool) -> Result<Vec<Newest>> {
        let text = "select i.id, o.version_us, k.summary, b.giver, case when $2 = 1 then o.bytes end \
             from {rows item} join item i on i.key = r.item join object o on o.item = i.key and o.version_us = \
             (select max(n.version_us) from object n where n.item = i.key) \
             join lane l on l.key = o.lane join marking k on k.key = l.marking \
             left join beside b on b.object = o.key";
        self.list_versions(text, ids, with_bytes)
    }

    /// Every version of each of some ids, the oldest first.
    pub fn every_version(&mut self, ids: &[&str], with_bytes: bool) -> Result<Vec<Newest>> {
        let text = "select i.id, o.version_us, k.summary, b.giver, case when $2 = 1 then o.bytes end \
             from {rows item} join item i on i.key = r.item \
             join object o on o.item = i.key join lane l on l.key = o.lane join marking k on k.key = l.marking \
             left join beside b on b.object = o.key \
             order by i.id, o.version_us";
        self.list_versions(text, ids, with_bytes)
    }

    fn list_versions(&mut self, text: &str, ids: &[&str], with_bytes: bool) -> Result<Vec<Newest>> {
        let asked = self.asked(ids)?;
        let mut found = Vec::new();
        self.session.for_rows(text, &asked, &[with_bytes.into()], &mut |row: &Row<'_>| {
            found.push(Newest {
                id: row.string(0)?,
                version_us: row.int(1)?,
                summary: row.string(2)?,
                giver: row.optional_int(3)?.map(GiverKey),
                bytes: row.optional_bytes(4)?.unwrap_or_default().to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// Versions of objects that a giver handed over and that name one of some ids, without those whose marking, by its
    /// summary, is enough for what they name; for each id and marking at most `limit` and one more, so that the caller sees
    /// that there are too many.
    pub fn naming(
        &mut self,
        ids: &[&str],
        giver: GiverKey,
        is_enough: &dyn Fn(&str, &str) -> bool,
        limit: usize,
    ) -> Result<Vec<Naming>> {
        let mut found = Vec::new();
        // One id after the other: few of a batch are named by anything that is already there. Markings are few, and of
        // those that are enough not one row is read, however many there are.
        let of_names = "select k.key, k.summary from marking k \
             where exists (select 1 from relation t where t.target = $1 and t.marking = k.key) order by k.key";
        let text = "select distinct s.id, o.version_us from relation t join beside b on b.object = t.object \
             and b.giver = $3 join object o on o.key = t.object join item s on s.key = o.item \
             where t.target = $1 and t.marking = $2 limit $4";
        for (key, name) in self.named_items(ids)? {
            let markings =
                self.session.list(of_names, &[key.into()], |row| Ok((row.int(0)?, row.string(1)?)))?;
            for (marking, summary) in markings.into_iter().filter(|(_, summary)| !is_enough(&name, summary)) {
                let asked = limit as i64 + 1;
                let values = [key.into(), marking.into(), giver.0.into(), asked.into()];
                found.extend(self.session.list(text, &values, |row| {
                    Ok(Naming {
                        names: name.clone(),
                        id: row.string(0)?,
                        version_us: row.int(1)?,
                        summary: summary.clone(),
                    })
                })?);
            }
        }
        Ok(found)
    }

    /// What contains each of some ids (STIX 2.1 `object_refs`), all that is marked alike and of one giver as one.
    pub fn containing(&mut self, ids: &[&str]) -> Result<Vec<Containing>> {
        let mut found = Vec::new();
        let text = "select distinct k.summary, b.giver from relation t join marking k on k.key = t.marking \
             left join beside b on b.object = t.object \
             where t.target = $1 and t.kind = 'object_refs'";
        for (key, contained) in self.named_items(ids)? {
            found.extend(self.session.list(text, &[key.into()], |row| {
                Ok(Containing {
                    contains: contained.clone(),
                    summary: row.string(0)?,
                    giver: row.optional_int(1)?.map(GiverKey),
                })
            })?);
        }
        Ok(found)
    }

    /// Those of some ids that any version of an object names.
    pub fn named(&mut self, ids: &[&str]) -> Result<Vec<String>> {
        Ok(self.named_items(ids)?.into_iter().map(|(_, id)| id).collect())
    }

    fn named_items(&mut self, ids: &[&str]) -> Result<Vec<(i64, String)>> {
        let text = "select i.key, i.id from {rows item} join item i on i.key = r.item \
             where exists (select 1 from relation t where t.target = i.key)";
        let asked = self.asked(ids)?;
        let mut named = Vec::new();
        self.session.for_rows(text, &asked, &[], &mut |row: &Row<'_>| {
            named.push((row.int(0)?, row.string(1)?));
            Ok(())
        })?;
        Ok(named)
    }

    /// The numbers of some ids, in the order of the ids; what is not there is left out.
    fn asked(&mut self, ids: &[&str]) -> Result<Rows<'static>> {
        let mut found: Vec<(&str, i64)> = ids::find(&mut self.session, ids)?.into_iter().collect();
        found.sort_unstable();
        Ok(Rows { columns: vec![Column::Ints(found.into_iter().map(|(_, item)| item).collect())] })
    }
}

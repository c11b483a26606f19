//! `watchfire intel`: the objects of a node, and who would get them.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};

use serde_json::{Value, json};
use watchfire_artifact::text::into_printable;
use watchfire_node::{Asked, Config, Explained, Readers, Selection, Told};

use super::list::List;
use super::time::instant_us;
use crate::Status;
use crate::arguments::{Intel, IntelCommand, Share, Which};

/// Characters of a name or value that a line shows.
const SHOWN_CHARACTERS: usize = 80;

/// Runs the command.
pub(crate) fn run(arguments: &Intel) -> anyhow::Result<Status> {
    match &arguments.command {
        IntelCommand::Show { id, share, format, at } => {
            let config = Config::read(&at.node)?;
            let found = watchfire_node::explain(&config, id, asked(share))?;
            if share.reader.is_none() && !share.everyone {
                let mut out = io::stdout().lock();
                out.write_all(&found.bytes)?;
                writeln!(out)?;
                return Ok(Status::Clear);
            }
            let mut list = List::new(BufWriter::new(io::stdout().lock()), *format);
            for told in &found.told {
                list.print(|| line(told), || value(&found, told))?;
            }
            list.end()?;
            let withheld = found.told.iter().any(|told| !told.released);
            Ok(if withheld && share.reader.is_some() { Status::Found } else { Status::Clear })
        }
        IntelCommand::List { which, share, limit, format, at } => {
            let config = Config::read(&at.node)?;
            let list = List::new(BufWriter::new(io::stdout().lock()), *format);
            if share.everyone {
                return shares(&config, which, share, list);
            }
            objects(&config, which, share, limit.unwrap_or(u64::MAX), list)
        }
    }
}

fn asked(share: &Share) -> Asked<'_> {
    let readers = match share.reader.as_deref() {
        Some(reader) => Readers::One(reader),
        None if share.everyone => Readers::Everyone,
        None => Readers::Nobody,
    };
    Asked { readers, purpose: &share.purpose }
}

fn selection(which: &Which) -> anyhow::Result<Selection> {
    Ok(Selection {
        values: which.values.clone(),
        types: which.types.clone(),
        created_by: which.created_by.clone(),
        related_to: which.related_to.clone(),
        since_us: instant_us(which.since.as_deref())?,
        until_us: instant_us(which.until.as_deref())?,
        tlp: which.tlp.clone(),
        every_version: which.every_version,
    })
}

type Out<'a> = List<BufWriter<io::StdoutLock<'a>>>;

/// Each object, with what the reader would get of it where one is asked about.
fn objects(
    config: &Config,
    which: &Which,
    share: &Share,
    limit: u64,
    mut list: Out<'_>,
) -> anyhow::Result<Status> {
    let (mut printed, mut left, mut withheld) = (Ok(()), limit, false);
    let each = &mut |found: Explained| {
        if left == 0 {
            return false;
        }
        left -= 1;
        printed = match found.told.first() {
            None => list.print(|| object_line(&found), || object_value(&found)),
            Some(told) => {
                withheld |= !told.released;
                list.print(|| format!("{}  {}", object_line(&found), told.why), || value(&found, told))
            }
        };
        printed.is_ok()
    };
    watchfire_node::select(config, &selection(which)?, asked(share), each)?;
    printed?;
    list.end()?;
    Ok(if withheld { Status::Found } else { Status::Clear })
}

/// What a reader would get of a selection.
struct Shared {
    told: Told,
    released: u64,
    /// How many are withheld, by why.
    withheld: BTreeMap<String, u64>,
}

/// Each reader, with how much they would get of all.
fn shares(config: &Config, which: &Which, share: &Share, mut list: Out<'_>) -> anyhow::Result<Status> {
    let (mut count, mut shares): (u64, Vec<Shared>) = (0, Vec::new());
    let each = &mut |found: Explained| {
        count += 1;
        for (at, told) in found.told.into_iter().enumerate() {
            if shares.len() == at {
                shares.push(Shared { told: told.clone(), released: 0, withheld: BTreeMap::new() });
            }
            if told.released {
                shares[at].released += 1;
            } else {
                *shares[at].withheld.entry(told.why).or_default() += 1;
            }
        }
        true
    };
    watchfire_node::select(config, &selection(which)?, asked(share), each)?;
    for shared in &shares {
        let human = || {
            let whys: Vec<String> =
                shared.withheld.iter().map(|(why, count)| format!("  {why} ({count})")).collect();
            format!("{:<24} {:>7} of {count}{}", who(&shared.told), shared.released, whys.join(""))
        };
        let value = || {
            let whys: Vec<Value> =
                shared.withheld.iter().map(|(why, count)| json!({ "why": why, "objects": count })).collect();
            json!({
                "account": shared.told.account, "organisation": shared.told.organisation, "objects": count,
                "released": shared.released, "withheld": whys,
            })
        };
        list.print(human, value)?;
    }
    list.end()?;
    Ok(Status::Clear)
}

fn who(told: &Told) -> &str {
    told.account.as_deref().or(told.organisation.as_deref()).unwrap_or("(no account)")
}

fn line(told: &Told) -> String {
    format!("{:<24} {}", who(told), told.why)
}

/// What an object is about, as far as a line shows it.
fn title(bytes: &[u8]) -> String {
    let object: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let named = ["name", "value", "pattern", "content", "path", "relationship_type"];
    let text = named.into_iter().find_map(|name| object[name].as_str()).unwrap_or_default();
    into_printable(text.chars().take(SHOWN_CHARACTERS).collect())
}

fn object_line(found: &Explained) -> String {
    format!("{:<52} {} {:<16} {}", found.id, found.version, found.tlp, title(&found.bytes))
}

fn object_value(found: &Explained) -> Value {
    json!({
        "id": found.id, "version": found.version, "tlp": found.tlp, "pap": found.pap,
        "title": title(&found.bytes),
    })
}

fn value(found: &Explained, told: &Told) -> Value {
    json!({
        "id": found.id, "version": found.version, "tlp": found.tlp, "pap": found.pap,
        "account": told.account, "organisation": told.organisation, "released": told.released, "why": told.why,
    })
}

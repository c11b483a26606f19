//! `watchfire node pull`: what another TAXII 2.1 server holds, taken in.

use std::io::{self, Write as _};

use anyhow::Context as _;
use serde_json::json;
use watchfire_node::{Credential, Offered, Pull, Pulled, Upstream, offers, pull};

use super::{config, password, print};
use crate::arguments::{Listing, NodePull};
use crate::{Status, terminal};

/// Conflicts and refusals that are told one by one for reading; the other formats tell all.
const SHOWN_LIMIT: usize = 10;

/// Runs the command.
pub(super) fn run(arguments: &NodePull) -> anyhow::Result<Status> {
    let upstream = upstream(arguments)?;
    if arguments.list {
        list(arguments.format, offers(&upstream)?)?;
        return Ok(Status::Clear);
    }
    let what = Pull {
        upstream,
        collection: arguments.collection.clone(),
        into: arguments.into.clone().unwrap_or_default(),
        account: arguments.account.clone().unwrap_or_default(),
        organisation: arguments.from.clone(),
        anew: arguments.anew,
        page: arguments.page,
    };
    let config = config(&arguments.at)?;
    let pulled = pull(&config, &what, |done| {
        if done.pages.is_multiple_of(100) {
            terminal::message(&format!("{} pages, {} objects, {} new", done.pages, done.objects, done.added));
        }
    })
    .with_context(|| {
        format!(
            "cannot pull from {}\nhint: what came so far is kept; the next pull goes on there",
            arguments.url
        )
    })?;
    tell(arguments.format, &pulled)?;
    Ok(Status::Clear)
}

fn upstream(arguments: &NodePull) -> anyhow::Result<Upstream> {
    let credential = match &arguments.user {
        Some(name) => Credential::Basic(name.clone(), password(true)?.unwrap_or_default()),
        None if arguments.token_stdin => Credential::Bearer(password(true)?.unwrap_or_default()),
        None => Credential::None,
    };
    Ok(Upstream {
        url: arguments.url.clone(),
        credential,
        authorities: arguments.ca.clone(),
        certificate: arguments.certificate.clone().zip(arguments.key.clone()),
    })
}

fn list(format: Listing, offered: Vec<Offered>) -> anyhow::Result<()> {
    print(
        format,
        offered.into_iter().map(|one| {
            let read = if one.can_read { "read" } else { "-" };
            let human = format!("{}  {read:<4}  {}  {}", one.id, one.path, one.title);
            let value = json!({
                "id": one.id, "path": one.path, "title": one.title, "alias": one.alias, "can_read": one.can_read,
            });
            (human, value)
        }),
    )
}

/// What came of it, with what was not taken and why.
fn tell(format: Listing, pulled: &Pulled) -> anyhow::Result<()> {
    let (conflicts, refused) = (pulled.conflicts.len(), pulled.refused.len());
    if format == Listing::Human {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{} objects in {} pages: {} new, {} here already, {conflicts} in conflict, {refused} refused",
            pulled.objects, pulled.pages, pulled.added, pulled.unchanged
        )?;
        for (id, version) in pulled.conflicts.iter().take(SHOWN_LIMIT) {
            writeln!(out, "conflict  {id} {version}: this version is here with other content, which stays")?;
        }
        for (id, why) in pulled.refused.iter().take(SHOWN_LIMIT) {
            writeln!(out, "refused   {id}: {why}")?;
        }
        if conflicts > SHOWN_LIMIT || refused > SHOWN_LIMIT {
            terminal::message("hint: --format json tells them all");
        }
        for note in &pulled.notes {
            terminal::message(&format!("note: {note}"));
        }
        return Ok(());
    }
    let pairs = |told: &std::collections::BTreeSet<(String, String)>, name: &str| -> Vec<serde_json::Value> {
        told.iter().map(|(id, what)| json!({ "id": id, name: what })).collect()
    };
    let value = json!({
        "pages": pulled.pages, "objects": pulled.objects, "added": pulled.added, "unchanged": pulled.unchanged,
        "conflicts": pairs(&pulled.conflicts, "version"), "refused": pairs(&pulled.refused, "reason"),
        "notes": pulled.notes, "requests": pulled.requests,
    });
    print(format, [(String::new(), value)])
}

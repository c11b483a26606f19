//! `watchfire intel`: the objects of a node, and who would get them.

use std::io::{self, BufWriter, Write as _};

use serde_json::json;
use watchfire_node::{Config, Explained, Told};

use super::list::List;
use crate::Status;
use crate::arguments::{Intel, IntelCommand};

/// Runs the command.
pub(crate) fn run(arguments: &Intel) -> anyhow::Result<Status> {
    match &arguments.command {
        IntelCommand::Show { id, reader, purpose, everyone, format, at } => {
            let config = Config::read(&at.node)?;
            let found = watchfire_node::explain(&config, id, reader.as_deref(), purpose)?;
            if reader.is_none() && !everyone {
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
            Ok(if withheld && reader.is_some() { Status::Found } else { Status::Clear })
        }
    }
}

fn line(told: &Told) -> String {
    let who = told.account.as_deref().unwrap_or("(no account)");
    format!("{who:<24} {}", told.why)
}

fn value(found: &Explained, told: &Told) -> serde_json::Value {
    json!({
        "id": found.id, "version": found.version, "tlp": found.tlp, "pap": found.pap,
        "account": told.account, "organisation": told.organisation, "released": told.released, "why": told.why,
    })
}

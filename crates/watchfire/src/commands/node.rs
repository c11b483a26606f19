//! `watchfire node`: a member's node made, served and administered.

mod pull;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Read as _, Write as _};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use watchfire_artifact::text::into_printable;
use watchfire_node::{
    ActsOf, CollectionSpec, Config, LogFormat, New, NewUser, Recorded, Setting, init, serve,
};
use watchfire_release::{Community, Organisation};

use super::list::List;
use super::time::instant_us;
use crate::arguments::{
    CollectionCommand, ConfigCommand, Folder, Listing, MemberCommand, Node, NodeAudit, NodeCommand, NodeInit,
    TokenCommand, UserCommand,
};
use crate::{Status, terminal};

/// A password is a line.
const PASSWORD_LIMIT_BYTES: u64 = 4096;

/// Runs the command.
pub(crate) fn run(arguments: &Node) -> anyhow::Result<Status> {
    match &arguments.command {
        NodeCommand::Init(arguments) => make(arguments)?,
        NodeCommand::Serve { at } => {
            let config = config(at)?;
            let is_for_people = config.log.format == LogFormat::Text;
            serve(config, |serving| {
                if is_for_people {
                    terminal::message(&format!("serving {}", serving.url));
                }
            })?;
        }
        NodeCommand::User { at, command } => user(&config(at)?, command)?,
        NodeCommand::Token { at, command } => token(&config(at)?, command)?,
        NodeCommand::Member { at, command } => member(&config(at)?, command)?,
        NodeCommand::Collection { at, command } => collection(&config(at)?, command)?,
        NodeCommand::Config { at, command: ConfigCommand::Show { format } } => {
            let settings = Config::settings(&at.node).with_context(|| no_node(at))?;
            let line = |one: Setting| {
                let human = format!("{:<28} {:<44} {}", one.key, one.value, one.origin);
                (human, json!({ "key": one.key, "value": one.value, "origin": one.origin }))
            };
            print(*format, settings.into_iter().map(line))?;
        }
        NodeCommand::Pull(arguments) => return pull::run(arguments),
        NodeCommand::Audit(arguments) => audit(arguments)?,
        NodeCommand::Backup { file, at } => {
            let rows = watchfire_node::backup(&config(at)?, file)?;
            terminal::message(&format!("{rows} rows in {}", file.display()));
        }
        NodeCommand::Restore { file, at } => {
            let rows = watchfire_node::restore(&config(at)?, file)?;
            terminal::message(&format!("{rows} rows restored and compared"));
        }
    }
    Ok(Status::Clear)
}

fn audit(arguments: &NodeAudit) -> anyhow::Result<()> {
    let of = ActsOf {
        actor: arguments.actor.clone(),
        subject: arguments.subject.clone(),
        action: arguments.action.clone(),
        object: arguments.object.clone(),
        since_us: instant_us(arguments.since.as_deref())?,
        until_us: instant_us(arguments.until.as_deref())?,
    };
    let mut list = List::new(BufWriter::new(io::stdout().lock()), arguments.format);
    let mut printed = Ok(());
    watchfire_node::acts(&config(&arguments.at)?, &of, &mut |act: Recorded| {
        // Names are what strangers typed.
        let human = || {
            let Recorded { place, at, actor, origin, action, subject, detail } = &act;
            into_printable(format!(
                "{place:>7} {at} {actor:<12} {origin:<15} {action:<18} {subject} {detail}"
            ))
        };
        let value = || {
            json!({
                "place": act.place, "time": act.at, "actor": act.actor, "origin": act.origin,
                "action": act.action, "subject": act.subject, "detail": act.detail,
            })
        };
        printed = list.print(human, value);
        printed.is_ok()
    })?;
    printed?;
    Ok(list.end()?)
}

fn config(at: &Folder) -> anyhow::Result<Config> {
    Config::read(&at.node).with_context(|| no_node(at))
}

fn no_node(at: &Folder) -> String {
    format!("there is no node in {}\nhint: watchfire node init makes one", at.node.display())
}

/// One line of standard input, without its end.
fn password(from_stdin: bool) -> anyhow::Result<Option<String>> {
    if !from_stdin {
        return Ok(None);
    }
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(PASSWORD_LIMIT_BYTES)
        .read_to_string(&mut text)
        .context("cannot read the password")?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(Some(line))
}

fn make(arguments: &NodeInit) -> anyhow::Result<()> {
    let new = New {
        folder: arguments.folder.clone(),
        organisation: arguments.organisation.clone(),
        store: arguments.store.clone(),
        listen: arguments.listen.clone(),
        administrator: arguments.admin.clone(),
        password: password(arguments.password_stdin)?,
        names: arguments.name.clone(),
        tls: !arguments.no_tls,
    };
    let made = init(&new)?;
    let mut out = io::stdout().lock();
    writeln!(out, "node       {}", made.config.display())?;
    writeln!(out, "api root   {}", made.api_root)?;
    writeln!(out, "collection {}", made.collection)?;
    if new.tls {
        writeln!(out, "trust      {}", arguments.folder.join("ca.crt").display())?;
    }
    writeln!(out, "user       {}", arguments.admin)?;
    if let Some(password) = &made.password {
        writeln!(out, "password   {password}")?;
        terminal::message("the password is shown this once and kept nowhere");
    }
    let at = if arguments.folder.as_os_str() == "." {
        String::new()
    } else {
        format!(" --node {}", arguments.folder.display())
    };
    terminal::message(&format!("next: watchfire node serve{at}"));
    Ok(())
}

/// Prints a secret that was made.
fn show_once(what: &str, secret: Option<String>) -> anyhow::Result<()> {
    if let Some(secret) = secret {
        writeln!(io::stdout().lock(), "{secret}")?;
        terminal::message(&format!("the {what} is shown this once and kept nowhere"));
    }
    Ok(())
}

/// Prints a list.
fn print(format: Listing, lines: impl IntoIterator<Item = (String, Value)>) -> anyhow::Result<()> {
    let mut list = List::new(BufWriter::new(io::stdout().lock()), format);
    for (human, value) in lines {
        list.print(|| human, || value)?;
    }
    Ok(list.end()?)
}

fn user(config: &Config, command: &UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Add { name, role, organisation, password_stdin } => {
            let new = NewUser {
                name: name.clone(),
                role: role.clone(),
                organisation: organisation.clone(),
                password: password(*password_stdin)?,
            };
            show_once("password", watchfire_node::add_user(config, &new)?)
        }
        UserCommand::List { format } => print(
            *format,
            watchfire_node::users(config)?.into_iter().map(|user| {
                let shut = if user.disabled { "  shut" } else { "" };
                let human = format!("{:<24} {:<14} {}{shut}", user.name, user.role, user.organisation);
                let value = json!({
                    "name": user.name, "role": user.role, "organisation": user.organisation, "disabled": user.disabled,
                });
                (human, value)
            }),
        ),
        UserCommand::Password { name, password_stdin } => {
            let given = password(*password_stdin)?;
            show_once("password", watchfire_node::set_password(config, name, given.as_deref())?)
        }
        UserCommand::Totp { name, off } => {
            show_once("secret", watchfire_node::set_totp(config, name, !off)?)
        }
        UserCommand::Certificate { name, file } => {
            let fingerprint = watchfire_node::add_certificate(config, name, file)?;
            terminal::message(&format!("sha256 {fingerprint} stands for {name}"));
            Ok(())
        }
        UserCommand::Disable { name } => Ok(watchfire_node::set_disabled(config, name, true)?),
        UserCommand::Enable { name } => Ok(watchfire_node::set_disabled(config, name, false)?),
    }
}

fn token(config: &Config, command: &TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Add { user, name, write, days } => {
            let token = watchfire_node::add_token(config, user, name, *write, *days)?;
            show_once("token", Some(token))
        }
        TokenCommand::List { user, format } => print(
            *format,
            watchfire_node::tokens(config, user)?.into_iter().map(|token| {
                let revoked = if token.revoked { "  revoked" } else { "" };
                let human = format!("{:<24} {:<12} until {}{revoked}", token.name, token.scope, token.expires);
                let value = json!({
                    "name": token.name, "scope": token.scope, "expires": token.expires, "revoked": token.revoked,
                });
                (human, value)
            }),
        ),
        TokenCommand::Revoke { user, name } => {
            let revoked = watchfire_node::revoke_token(config, user, name)?;
            terminal::message(&format!("{revoked} revoked"));
            Ok(())
        }
    }
}

fn member(config: &Config, command: &MemberCommand) -> anyhow::Result<()> {
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    match command {
        MemberCommand::Organisation { name, nation, client_of, community } => {
            let known = Organisation {
                nation: nation.clone(),
                client_of: set(client_of),
                communities: set(community),
            };
            Ok(watchfire_node::set_organisation(config, name, &known)?)
        }
        MemberCommand::Community { name, within, hidden } => {
            let known = Community { within: set(within), hidden: *hidden };
            Ok(watchfire_node::set_community(config, name, &known)?)
        }
        MemberCommand::Forget { kind, name } => Ok(watchfire_node::forget_party(config, kind, name)?),
        MemberCommand::List { format } => print(
            *format,
            watchfire_node::parties(config)?.into_iter().map(|party| {
                let human = format!("{:<14} {:<24} {}", party.kind, party.name, party.attributes);
                let known: Value = serde_json::from_str(&party.attributes).unwrap_or_default();
                (human, json!({ "kind": party.kind, "name": party.name, "known": known }))
            }),
        ),
    }
}

fn collection(config: &Config, command: &CollectionCommand) -> anyhow::Result<()> {
    match command {
        CollectionCommand::Add { title, alias, description, api_root, read, write } => {
            let spec = CollectionSpec {
                title,
                alias: alias.as_deref(),
                description: description.as_deref(),
                api_root: api_root.as_deref(),
                can_read: *read,
                can_write: *write,
            };
            let id = watchfire_node::add_collection(config, &spec)?;
            writeln!(io::stdout().lock(), "{id}")?;
            Ok(())
        }
        CollectionCommand::List { format } => print(
            *format,
            watchfire_node::collections(config)?.into_iter().map(|found| {
                let yes = |word: &'static str, is: bool| if is { word } else { "-" };
                let human = format!(
                    "{} {:<5} {:<6} {}/{}  {}",
                    found.id,
                    yes("read", found.can_read),
                    yes("write", found.can_write),
                    found.api_root,
                    found.alias.as_deref().unwrap_or("-"),
                    found.title
                );
                let value = json!({
                    "id": found.id, "api_root": found.api_root, "title": found.title, "alias": found.alias,
                    "description": found.description, "can_read": found.can_read, "can_write": found.can_write,
                });
                (human, value)
            }),
        ),
        CollectionCommand::Grant { user, collection, read, write } => {
            Ok(watchfire_node::grant(config, user, collection, (*read, *write))?)
        }
    }
}

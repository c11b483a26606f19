//! The ways to a session: a name and a password, or an identity provider.

use axum::http::StatusCode;
use watchfire_store::{Account, Write};

use super::{Answer, Visit, view};
use crate::audit::Act;
use crate::log::{Level, log};
use crate::node::Node;
use crate::oidc::{ERRAND_S, Oidc, Return, Returned};
use crate::session::{self, Beginning, cookie, forget};
use crate::sign_in::{refused as refused_from, verify};
use crate::signed_in::SignedIn;
use crate::taxii::{Refusal, Reply};

/// What a browser carries while its user is at the provider.
const ERRAND_COOKIE: &str = "__Host-watchfire-oidc";

fn form(node: &Node, wrong: Option<&str>, name: &str) -> Reply {
    view::sign_in(&node.config.organisation, wrong, name, node.oidc.as_ref().map(Oidc::issuer))
}

/// The form.
pub(super) fn ask(node: &Node, visit: &Visit) -> Answer {
    if visit.session(node)?.is_some() {
        return Ok(Reply::elsewhere("/".to_owned()));
    }
    Ok(form(node, None, ""))
}

/// Refuses whoever failed too often from there.
fn check_patience(node: &Node, visit: &Visit) -> Result<(), Refusal> {
    if node.doorkeeper.is_too_many(visit.peer.address, visit.now_us) {
        return Err(Refusal::too_many());
    }
    Ok(())
}

/// A name, a password, and a code where one is asked for.
pub(super) fn by_password(node: &Node, visit: &Visit) -> Answer {
    check_patience(node, visit)?;
    let (name, password) = (visit.field("name"), visit.field("password"));
    let code: String = visit.field("code").chars().filter(|character| !character.is_whitespace()).collect();
    let code = Some(code.as_str()).filter(|code| !code.is_empty());
    let account = node.store.read(|read| read.account(name))?.filter(|account| !account.disabled);
    let origin = visit.peer.address;
    let verified = verify(node, account, password, code, origin, visit.now_us)?;
    let begun = match &verified {
        None => None,
        Some(verified) => {
            let new = Beginning::new(origin, verified.means, visit.now_us)?;
            let done = node.store.write(|write| {
                // Between the look at the password and now, it may have been changed, or the code used.
                let same = write
                    .account(name)?
                    .is_some_and(|now| !now.disabled && now.password_hash == verified.account.password_hash);
                let unused = match verified.step {
                    Some(step) if same => write.use_totp_step(verified.account.key, step)?,
                    _ => true,
                };
                if !same || !unused {
                    return Ok(false);
                }
                write.forget_failures(verified.account.key)?;
                begin(write, visit, &new, &verified.account, verified.means)?;
                Ok(true)
            })?;
            done.then_some(new)
        }
    };
    if let Some(new) = begun {
        return Ok(Reply::elsewhere("/".to_owned()).header("set-cookie", new.header()));
    }
    refused_from(node, visit.peer.address, visit.now_us);
    let wrong = "That is not a name, password and code that go together.";
    Ok(form(node, Some(wrong), name).status(StatusCode::FORBIDDEN))
}

/// Begins a session and ends the one that the browser had, with the rows of the audit.
fn begin(
    write: &mut Write<'_>,
    visit: &Visit,
    new: &Beginning,
    account: &Account,
    means: &str,
) -> watchfire_store::Result<()> {
    if let Some(old) = cookie(visit.cookies.as_deref(), session::COOKIE) {
        let hash = crate::secret::token_hash(old);
        if let Some((owner, _)) = write.session(&hash, visit.now_us)? {
            write.end_session(owner.key, &hash)?;
            let who = SignedIn::new(owner, false, visit.peer.address);
            write.audit(&[who.act("account.sign-out", &who.account.name, String::new()).entry()])?;
        }
    }
    new.begin(write, account)?;
    let who = SignedIn::new(account.clone(), false, visit.peer.address);
    write.audit(&[who.act("account.sign-in", &account.name, format!("session by {means}")).entry()])
}

/// To the provider.
pub(super) fn depart(node: &Node, visit: &Visit) -> Answer {
    check_patience(node, visit)?;
    let oidc = node.oidc.as_ref().ok_or_else(Refusal::not_found)?;
    let departure = match oidc.depart(&node.seal, visit.now_us) {
        Ok(departure) => departure,
        Err(error) => {
            log(Level::Error, "oidc.failed", &[("error", error.to_string().into())]);
            let wrong = "The identity provider cannot be reached now.";
            return Ok(form(node, Some(wrong), "").status(StatusCode::BAD_GATEWAY));
        }
    };
    // Lax: it must come along when the provider leads back here.
    let sealed = departure.sealed;
    let carried =
        format!("{ERRAND_COOKIE}={sealed}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={ERRAND_S}");
    Ok(Reply::elsewhere(departure.address).header("set-cookie", carried))
}

/// Back from the provider.
pub(super) fn return_(node: &Node, visit: &Visit) -> Answer {
    check_patience(node, visit)?;
    let oidc = node.oidc.as_ref().ok_or_else(Refusal::not_found)?;
    let sealed = cookie(visit.cookies.as_deref(), ERRAND_COOKIE);
    let returned = Returned { sealed, query: &visit.query };
    let stray = |wrong: &str| {
        Ok(form(node, Some(wrong), "")
            .status(StatusCode::FORBIDDEN)
            .header("set-cookie", forget(ERRAND_COOKIE)))
    };
    let refused = |wrong: &str, status: StatusCode| {
        refused_from(node, visit.peer.address, visit.now_us);
        Ok(form(node, Some(wrong), "").status(status).header("set-cookie", forget(ERRAND_COOKIE)))
    };
    let spend = |word: &str, until_us: i64| {
        Ok(node.store.write(|write| write.spend(word, until_us, visit.now_us))?)
    };
    let name = match oidc.receive(&node.seal, &returned, visit.now_us, spend) {
        Ok(Return::Named(name)) => name,
        // It is not counted: there is nothing to guess, and any page can send a browser here.
        Ok(Return::Stray) => return stray("That sign-in was not begun here, or is over. Begin again."),
        Ok(Return::Denied) => {
            refuse(node, visit, oidc.issuer(), "denied by the provider")?;
            return refused("The identity provider did not let you in.", StatusCode::FORBIDDEN);
        }
        Ok(Return::Nameless(why)) => {
            refuse(node, visit, oidc.issuer(), why)?;
            return refused(NO_ACCOUNT, StatusCode::FORBIDDEN);
        }
        Err(error) => {
            log(Level::Error, "oidc.failed", &[("error", error.to_string().into())]);
            refuse(node, visit, oidc.issuer(), &error.to_string())?;
            return refused("The identity provider's answer could not be believed.", StatusCode::BAD_GATEWAY);
        }
    };
    let means = format!("oidc {}", oidc.issuer());
    let new = Beginning::new(visit.peer.address, &means, visit.now_us)?;
    let is_here = node.store.write(|write| {
        let Some(account) = write.account(&name)?.filter(|account| !account.disabled) else {
            write.audit(&[refusal(visit, &name, "no such account, or it is shut").entry()])?;
            return Ok(false);
        };
        begin(write, visit, &new, &account, &means)?;
        Ok(true)
    })?;
    if !is_here {
        return refused(NO_ACCOUNT, StatusCode::FORBIDDEN);
    }
    // The session's cookie does not go along where another site led: this page leads on.
    let page = view::note("Signed in", "", Some("/"));
    Ok(page.header("set-cookie", new.header()).header("set-cookie", forget(ERRAND_COOKIE)))
}

const NO_ACCOUNT: &str = "The identity provider knows you, but you have no account here.";

fn refusal(visit: &Visit, subject: &str, why: &str) -> Act {
    Act {
        at_us: visit.now_us,
        actor: "oidc".to_owned(),
        origin: visit.peer.address.to_string(),
        action: "account.refuse",
        subject: subject.to_owned(),
        detail: why.to_owned(),
    }
}

fn refuse(node: &Node, visit: &Visit, issuer: &str, why: &str) -> Result<(), Refusal> {
    Ok(node.audit.record(refusal(visit, issuer, why))?)
}

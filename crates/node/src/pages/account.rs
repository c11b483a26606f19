//! Who one is here, and the sessions that are open.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchfire_store::{Session, StoreError};

use super::view::{AccountPage, CollectionView, SessionView};
use super::{Answer, Visit, view};
use crate::clock::text;
use crate::node::Node;
use crate::session::{self, forget};
use crate::signed_in::SignedIn;
use crate::taxii::{Refusal, Reply, readable_collections};

fn to_sign_in() -> Reply {
    Reply::elsewhere("/sign-in".to_owned())
}

/// A hash as a form carries it. It opens nothing.
fn handle(hash: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}

/// To the minute.
fn minute(us: i64) -> String {
    let text = text(us);
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

/// Who looks at it.
pub(super) fn show(node: &Node, visit: &Visit) -> Answer {
    let Some((who, session)) = visit.session(node)? else {
        // Where another site led here, the browser kept the cookie back; a page of this host leads here once more.
        let again = visit.from_elsewhere.then(|| view::note("Watchfire", "", Some("/")));
        return Ok(again.unwrap_or_else(to_sign_in));
    };
    let directory = node.directory()?;
    let account = &who.account;
    let sessions = node.store.read(|read| read.sessions(account.key, visit.now_us))?;
    let collections = readable_collections(node, &who)?;
    let collection = |(title, address): (String, String)| CollectionView { title, address };
    let of_session = |one: Session| SessionView {
        handle: handle(&one.hash),
        began: minute(one.created_us),
        seen: minute(one.seen_us),
        is_this: one.hash == session.hash,
        origin: one.origin,
        means: one.means,
    };
    Ok(view::account(&AccountPage {
        name: account.name.clone(),
        node: node.config.organisation.clone(),
        means: session.means.clone(),
        until: minute(session::last_moment(&session)),
        organisation: account.organisation.clone(),
        nation: directory.nation(&account.organisation).map(str::to_owned),
        communities: directory.communities_of(&account.organisation).into_iter().map(str::to_owned).collect(),
        role: account.role.as_str(),
        collections: collections.into_iter().map(collection).collect(),
        sessions: sessions.into_iter().map(of_session).collect(),
    }))
}

/// Ends a session with its row in the audit; false where it is not theirs, or ended already.
fn end_one(node: &Node, who: &SignedIn, hash: &[u8], action: &'static str) -> Result<bool, StoreError> {
    node.store.write(|write| {
        let ended = write.end_session(who.account.key, hash)?;
        if ended {
            write.audit(&[who.act(action, &who.account.name, String::new()).entry()])?;
        }
        Ok(ended)
    })
}

/// Ends the session of this browser.
pub(super) fn sign_out(node: &Node, visit: &Visit) -> Answer {
    if let Some((who, session)) = visit.session(node)? {
        end_one(node, &who, &session.hash, "account.sign-out")?;
    }
    Ok(to_sign_in().header("set-cookie", forget(session::COOKIE)))
}

/// Ends another session of theirs.
pub(super) fn end(node: &Node, visit: &Visit) -> Answer {
    let Some((who, _)) = visit.session(node)? else { return Ok(to_sign_in()) };
    let sessions = node.store.read(|read| read.sessions(who.account.key, visit.now_us))?;
    let asked = visit.field("session");
    let found = sessions.iter().find(|one| handle(&one.hash) == asked).ok_or_else(Refusal::not_found)?;
    end_one(node, &who, &found.hash, "session.end")?;
    Ok(Reply::elsewhere("/".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read_by_people() {
        assert_eq!(minute(1_626_692_459_000_007), "2021-07-19 11:00 UTC");
    }
}

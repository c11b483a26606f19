//! Versions of one object (§3.6): whether one may follow another, and why not.
//!
//! Only the creator makes versions, a revocation is the last word, and a version never changes once it was shared.
//! Times are compared as instants, whatever the number of their digits.

use thiserror::Error;

use crate::canonical::canonical;
use crate::object::Object;

/// How a second object of an id stands to the one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A later version, which now says how things are.
    Newer,
    /// The same version, saying the same: nothing new.
    Same,
    /// An earlier version, which says how things were.
    Older,
}

/// Why a second object is no version of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Another id: another object.
    #[error("it has another id")]
    OtherId,
    /// Not made by the creator of the first (§3.5, §3.6).
    #[error("only the creator of an object makes versions of it, and created_by_ref names another")]
    OtherCreator,
    /// The time of creation is that of the first version for ever (§3.2).
    #[error("created must not change from version to version")]
    OtherCreated,
    /// What was revoked has no later version (§3.6).
    #[error("the object was revoked, and nothing follows a revocation")]
    Revoked,
    /// The same version with other content: one of the two is not what the creator shared (§3.6).
    #[error("it has the same id and version and says something else")]
    Conflict,
    /// Markings and observables have no versions, and these two differ (§7.2.1, §3.6).
    #[error("objects of this type have no versions, and it says something else")]
    Unversioned,
}

/// How a second object stands to one that is known, if it is a version of the same.
pub fn compare(known: &Object, second: &Object) -> Result<Order, Refusal> {
    if known.id() != second.id() {
        return Err(Refusal::OtherId);
    }
    if same_content(known, second) {
        return Ok(Order::Same);
    }
    let (Some(before), Some(after)) = (known.modified(), second.modified()) else {
        return Err(Refusal::Unversioned);
    };
    if known.created_by_ref() != second.created_by_ref() {
        return Err(Refusal::OtherCreator);
    }
    if known.created() != second.created() {
        return Err(Refusal::OtherCreated);
    }
    match after.cmp(&before) {
        std::cmp::Ordering::Less if second.is_revoked() => Err(Refusal::Revoked),
        std::cmp::Ordering::Less => Ok(Order::Older),
        std::cmp::Ordering::Equal => Err(Refusal::Conflict),
        std::cmp::Ordering::Greater if known.is_revoked() => Err(Refusal::Revoked),
        std::cmp::Ordering::Greater => Ok(Order::Newer),
    }
}

/// Whether two objects say the same, however they are written.
fn same_content(left: &Object, right: &Object) -> bool {
    left.bytes() == right.bytes()
        || matches!((canonical(left.bytes()), canonical(right.bytes())), (Ok(left), Ok(right)) if left == right)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "2020-01-01T00:00:00.000Z";
    const CREATOR: &str = "identity--e2e1a340-4415-4ba8-9671-f7343fbf0837";

    fn object(created: &str, modified: &str, more: &str) -> Object {
        let text = format!(
            r#"{{"type":"tool","id":"tool--e2e1a340-4415-4ba8-9671-f7343fbf0836","spec_version":"2.1",
            "created":"{created}","modified":"{modified}",{more}"name":"n"}}"#
        );
        Object::read(text.as_bytes()).0.unwrap()
    }

    fn by(creator: &str) -> String {
        format!("\"created_by_ref\":\"{creator}\",")
    }

    #[track_caller]
    fn check(known: (&str, &str), second: (&str, &str), expected: Result<Order, Refusal>) {
        let known = object(CREATED, known.0, &(by(CREATOR) + known.1));
        let second = object(CREATED, second.0, &(by(CREATOR) + second.1));
        assert_eq!(compare(&known, &second), expected);
    }

    #[test]
    fn versions() {
        let (first, later) = ("2020-01-01T00:00:00.000Z", "2020-01-02T00:00:00.000Z");
        let revoked = r#""revoked":true,"#;
        check((first, ""), (later, ""), Ok(Order::Newer));
        check((later, ""), (first, ""), Ok(Order::Older));
        check((first, ""), (first, ""), Ok(Order::Same));
        check((first, ""), (first, r#""description":"d","#), Err(Refusal::Conflict));
        check((first, ""), ("2020-01-01T00:00:00.000000Z", r#""description":"d","#), Err(Refusal::Conflict));
        check(("2020-01-01T00:00:00.9Z", ""), ("2020-01-01T00:00:00.10Z", ""), Ok(Order::Older));
        check((first, ""), (later, revoked), Ok(Order::Newer));
        check((first, revoked), (later, ""), Err(Refusal::Revoked));
        check((first, revoked), (later, revoked), Err(Refusal::Revoked));
        check((later, revoked), (first, ""), Ok(Order::Older));
        check((later, ""), (first, revoked), Err(Refusal::Revoked));
    }

    #[test]
    fn the_creator_and_the_creation_stay() {
        let later = "2020-01-02T00:00:00.000Z";
        let known = object(CREATED, CREATED, &by(CREATOR));
        let other = object(CREATED, later, &by("identity--e2e1a340-4415-4ba8-9671-f7343fbf0838"));
        assert_eq!(compare(&known, &other), Err(Refusal::OtherCreator));
        assert_eq!(compare(&known, &object(CREATED, later, "")), Err(Refusal::OtherCreator));
        let created = object("2019-01-01T00:00:00.000Z", later, &by(CREATOR));
        assert_eq!(compare(&known, &created), Err(Refusal::OtherCreated));
    }

    #[test]
    fn what_has_no_versions() {
        let url = |value: &str| {
            let text = format!(
                r#"{{"type":"url","id":"url--28bb3599-77cd-4a82-a950-b5bc3caf07c4","value":"{value}"}}"#
            );
            Object::read(text.as_bytes()).0.unwrap()
        };
        assert_eq!(compare(&url("a:b"), &url("a:b")), Ok(Order::Same));
        assert_eq!(compare(&url("a:b"), &url("a:c")), Err(Refusal::Unversioned));
        assert_eq!(compare(&url("a:b"), &object(CREATED, CREATED, "")), Err(Refusal::OtherId));
    }
}

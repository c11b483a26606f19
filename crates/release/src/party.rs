//! Those who may be told: recipients, organisations and their clients, communities within communities, nations.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Who asks. Without an account it is anyone.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient {
    /// The name of the person's account.
    pub account: Option<String>,
    /// The organisation to which the person belongs.
    pub organisation: Option<String>,
}

impl Recipient {
    /// Somebody who did not say who.
    pub fn anyone() -> Self {
        Self::default()
    }

    /// A person of an organisation.
    pub fn person(account: &str, organisation: &str) -> Self {
        Self { account: Some(account.to_owned()), organisation: Some(organisation.to_owned()) }
    }

    /// In words.
    pub fn words(&self) -> String {
        match (&self.account, &self.organisation) {
            (Some(account), Some(organisation)) => format!("{account} of {organisation}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "anyone".to_owned(),
        }
    }
}

/// What is known of an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    /// Its nation, as markings name it (ISO 3166, three letters).
    pub nation: Option<String>,
    /// Whose client it is.
    pub client_of: BTreeSet<String>,
    /// The communities that list it.
    pub communities: BTreeSet<String>,
}

/// What is known of a community.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Community {
    /// The larger communities of which it is a part: who is in it is in those.
    pub within: BTreeSet<String>,
    /// Whether those outside may learn that it exists, and who is in it.
    pub hidden: bool,
}

/// All that is known of who belongs where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Directory {
    /// The organisation whose node this is.
    pub own: String,
    /// Organisations by name.
    pub organisations: BTreeMap<String, Organisation>,
    /// Communities by name.
    pub communities: BTreeMap<String, Community>,
}

impl Directory {
    /// Of a node of this organisation that knows nobody else.
    pub fn of(own: &str) -> Self {
        Self { own: own.to_owned(), ..Self::default() }
    }

    /// The communities of an organisation, those around them included.
    pub fn communities_of(&self, organisation: &str) -> BTreeSet<&str> {
        let listed = self.organisations.get(organisation).into_iter().flat_map(|found| &found.communities);
        let mut waiting: Vec<&str> = listed.map(String::as_str).collect();
        let mut found = BTreeSet::new();
        // A circle of communities ends here, too: each is entered once.
        while let Some(name) = waiting.pop() {
            if found.insert(name) {
                let around = self.communities.get(name).into_iter().flat_map(|community| &community.within);
                waiting.extend(around.map(String::as_str));
            }
        }
        found
    }

    /// Whether an organisation is a client of another.
    pub fn is_client(&self, organisation: &str, of: &str) -> bool {
        self.organisations.get(organisation).is_some_and(|found| found.client_of.contains(of))
    }

    /// The organisations of which this one is a client.
    pub fn served_by(&self, organisation: &str) -> impl Iterator<Item = &str> {
        let found = self.organisations.get(organisation).into_iter();
        found.flat_map(|found| &found.client_of).map(String::as_str)
    }

    /// The nation of an organisation.
    pub fn nation(&self, organisation: &str) -> Option<&str> {
        self.organisations.get(organisation)?.nation.as_deref()
    }

    /// Whether a reader may learn that a community exists: it is open, or the reader is in it, or runs the node.
    pub fn may_name(&self, community: &str, reader: &Recipient) -> bool {
        let open = self.communities.get(community).is_some_and(|found| !found.hidden);
        let organisation = reader.organisation.as_deref();
        open || organisation
            .is_some_and(|name| name == self.own || self.communities_of(name).contains(community))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        serde_json::from_str(
            r#"{"own":"CERT-A","organisations":{"BANK":{"communities":["finance"]},"MILL":{"client_of":["CERT-A"]}},
            "communities":{"finance":{"within":["national"],"hidden":true},"national":{"within":["allies"]},
            "allies":{"within":["finance"]}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn communities_nest_and_circles_end() {
        let found = directory();
        assert_eq!(
            found.communities_of("BANK").into_iter().collect::<Vec<_>>(),
            ["allies", "finance", "national"]
        );
        assert!(found.communities_of("MILL").is_empty() && found.communities_of("nobody").is_empty());
        assert!(found.is_client("MILL", "CERT-A") && !found.is_client("CERT-A", "MILL"));
    }

    #[test]
    fn membership_can_be_hidden() {
        let found = directory();
        for (community, reader, expected) in [
            ("finance", Recipient::anyone(), false),
            ("finance", Recipient::person("m", "MILL"), false),
            ("finance", Recipient::person("b", "BANK"), true),
            ("finance", Recipient::person("a", "CERT-A"), true),
            ("national", Recipient::anyone(), true),
            ("unheard of", Recipient::anyone(), false),
        ] {
            assert_eq!(found.may_name(community, &reader), expected, "{community} {}", reader.words());
        }
    }
}

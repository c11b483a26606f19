//! Lists of values that are harmless or too common to say anything, as MISP's warninglists have them.
//!
//! An indicator that stands on one is looked for all the same; what is found of it is told with the list's name, and
//! is no longer a reason for a verdict.

use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use regex::Regex;
use rustc_hash::FxHashMap;

use crate::indicator::Kind;
use crate::network::{Network, Networks};
use crate::normal::url_parts;

/// How the values of a list are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The whole value.
    Exact,
    /// A host and all below it.
    Hostname,
    /// Some part of the value.
    Substring,
    /// Addresses of a network.
    Cidr,
    /// A regular expression.
    Regex,
}

/// A list.
#[derive(Debug, Clone)]
pub struct Warninglist {
    /// What it is called.
    pub name: String,
    /// How its values are compared.
    pub matching: Matching,
    /// The kinds of indicators that it is about.
    pub kinds: Vec<Kind>,
    /// Its values.
    pub values: Vec<String>,
}

/// Lists, compiled.
#[derive(Debug, Default)]
pub struct Warninglists {
    /// By list: its name, and the kinds that it is about, as bits.
    lists: Vec<(String, u16)>,
    exact: FxHashMap<String, Vec<u16>>,
    hostnames: FxHashMap<String, Vec<u16>>,
    networks: Networks,
    /// By number in `networks`.
    network_lists: Vec<Vec<u16>>,
    substrings: Option<AhoCorasick>,
    /// By substring.
    substring_lists: Vec<u16>,
    regexes: Vec<(Regex, u16)>,
}

impl Warninglists {
    /// Compiles lists. What cannot be compiled is left out and said.
    pub fn new(lists: &[Warninglist]) -> (Self, Vec<String>) {
        let mut all = Self::default();
        let mut problems = Vec::new();
        let mut substrings = Vec::new();
        for list in lists.iter().take(u16::MAX as usize) {
            let number = all.lists.len() as u16;
            let kinds = list.kinds.iter().fold(0, |bits, kind| bits | 1 << kind.number());
            all.lists.push((list.name.clone(), kinds));
            for value in &list.values {
                let lower = value.trim().to_ascii_lowercase();
                match list.matching {
                    Matching::Exact => all.exact.entry(lower).or_default().push(number),
                    Matching::Hostname => {
                        let host = lower.trim_start_matches('.').to_owned();
                        all.hostnames.entry(host).or_default().push(number);
                    }
                    Matching::Substring => {
                        substrings.push(lower);
                        all.substring_lists.push(number);
                    }
                    Matching::Cidr => match Network::parse(&lower) {
                        Some(network) => all.network(network, number),
                        None => problems.push(format!("{}: {value:?} is no network", list.name)),
                    },
                    Matching::Regex => match Regex::new(trim_slashes(value)) {
                        Ok(regex) => all.regexes.push((regex, number)),
                        Err(error) => problems.push(format!("{}: {value:?}: {error}", list.name)),
                    },
                }
            }
        }
        if !substrings.is_empty() {
            match AhoCorasick::new(&substrings) {
                Ok(automaton) => all.substrings = Some(automaton),
                Err(error) => problems.push(format!("substrings of warning lists: {error}")),
            }
        }
        (all, problems)
    }

    fn network(&mut self, network: Network, list: u16) {
        let next = self.network_lists.len() as u32;
        match self.networks.add(network, next) {
            Some(known) => self.network_lists[known as usize].push(list),
            None => self.network_lists.push(vec![list]),
        }
    }

    /// The name of a list that knows a value in its one form.
    pub fn knows(&self, kind: Kind, value: &str) -> Option<&str> {
        let about = |list: &u16| self.lists[*list as usize].1 & 1 << kind.number() != 0;
        let name = |list: u16| self.lists[list as usize].0.as_str();
        let host = match kind {
            Kind::Domain => Some(value),
            Kind::Url => Some(url_parts(value).0),
            Kind::Email => value.rsplit('@').next(),
            _ => None,
        };
        let first = |lists: &[u16]| lists.iter().copied().find(|list| about(list));
        if let Some(list) = self.exact.get(value).and_then(|lists| first(lists)) {
            return Some(name(list));
        }
        if let Some(list) =
            host.and_then(|host| parents(host).find_map(|host| first(self.hostnames.get(host)?)))
        {
            return Some(name(list));
        }
        if let Some(list) = self
            .address(kind, host.unwrap_or(value))
            .find_map(|number| first(&self.network_lists[number as usize]))
        {
            return Some(name(list));
        }
        let substrings = self.substrings.iter().flat_map(|all| all.find_overlapping_iter(value));
        let mut lists = substrings.map(|found| self.substring_lists[found.pattern().as_usize()]);
        if let Some(list) = lists.find(about) {
            return Some(name(list));
        }
        let matched = |(regex, list): &&(Regex, u16)| about(list) && regex.is_match(value);
        self.regexes.iter().find(matched).map(|(_, list)| name(*list))
    }

    /// Networks that hold an address, or a network as a whole.
    fn address(&self, kind: Kind, value: &str) -> impl Iterator<Item = u32> + '_ {
        let network = match kind {
            _ if self.networks.is_empty() => None,
            Kind::Network => Network::parse(value),
            Kind::Ip | Kind::Url => value.parse::<IpAddr>().ok().and_then(|_| Network::parse(value)),
            _ => None,
        };
        network.into_iter().flat_map(|network| self.networks.holding_all_of(network))
    }
}

/// A host and the domains above it.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent))
}

/// Regular expressions are written between slashes.
fn trim_slashes(value: &str) -> &str {
    value.strip_prefix('/').and_then(|value| value.strip_suffix('/')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lists_know() {
        let list = |name: &str, matching, kinds: &[Kind], values: &[&str]| Warninglist {
            name: name.to_owned(),
            matching,
            kinds: kinds.to_vec(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        let (lists, problems) = Warninglists::new(&[
            list(
                "hosts",
                Matching::Hostname,
                &[Kind::Domain, Kind::Url],
                &["vendor.example", ".other.example"],
            ),
            list("private", Matching::Cidr, &[Kind::Ip, Kind::Network], &["10.0.0.0/8", "x"]),
            list("empty files", Matching::Exact, &[Kind::Hash], &["D41D8CD98F00B204E9800998ECF8427E"]),
            list("mail", Matching::Substring, &[Kind::Email], &["@free."]),
            list("contact", Matching::Regex, &[Kind::Email], &["/^abuse@/", "("]),
        ]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        let check =
            |kind, value: &str, name: Option<&str>| assert_eq!(lists.knows(kind, value), name, "{value}");
        check(Kind::Domain, "www.vendor.example", Some("hosts"));
        check(Kind::Domain, "other.example", Some("hosts"));
        check(Kind::Domain, "evilvendor.example", None);
        check(Kind::Url, "https://vendor.example:8443/a", Some("hosts"));
        check(Kind::Email, "a@vendor.example", None);
        check(Kind::Ip, "10.1.2.3", Some("private"));
        check(Kind::Network, "10.1.0.0/16", Some("private"));
        check(Kind::Network, "10.0.0.0/7", None);
        check(Kind::Hash, "d41d8cd98f00b204e9800998ecf8427e", Some("empty files"));
        check(Kind::Email, "x@free.example", Some("mail"));
        check(Kind::Email, "abuse@evil.example", Some("contact"));
        check(Kind::Ip, "192.0.2.7", None);
    }
}

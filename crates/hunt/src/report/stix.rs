//! The findings as STIX 2.1: what was observed, the indicators that were sighted in it, who saw them, and a marking.
//!
//! Findings of one rule on one server are one sighting of one indicator, with the observed data behind it. A Sigma
//! rule is an indicator whose pattern is the rule itself. A value that somebody else warns of is his indicator: it is
//! named by its id and never written anew, since only its creator may (§3.6). Every object carries the marking that
//! was asked for, or a stricter one that a source of the value asks for.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use watchfire_intel::Kind;
use watchfire_sigma::Level;
use watchfire_stix::{Tlp, Uuid, deterministic, json as stix_json};

use crate::model::{Finding, Hunted, Indicator, Outcome, RuleInfo};

use super::About;
use super::selection::listed;

/// Observables that one observed-data names; further ones say nothing new of it.
const OBSERVABLES_MAX: usize = 64;

/// The largest `number_observed` (§4.14.1).
const OBSERVED_MAX: usize = 999_999_999;

/// The finder is one object in every bundle, so its times are those of its first definition.
const FINDER_SINCE: &str = "2026-01-01T00:00:00.000Z";

/// What a bundle needs to know besides the findings.
pub struct Options<'a> {
    /// Who may know, at the most.
    pub tlp: Tlp,
    /// The time at which the bundle is made.
    pub now: Timestamp,
    /// The text of a rule's file.
    pub rule_text: &'a dyn Fn(&RuleInfo) -> Option<String>,
}

/// Writes a bundle.
///
/// # Errors
/// Only those of `out`.
pub fn write(hunted: &Hunted, about: &About, options: &Options<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut bundle = Bundle::new(hunted, about, options);
    let mut groups: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for index in listed(hunted, about.min_level) {
        let finding = &hunted.findings[index];
        groups.entry((&finding.rule.id, finding.server())).or_default().push(finding);
    }
    for findings in groups.values() {
        bundle.sighting(findings);
    }
    serde_json::to_writer_pretty(&mut *out, &bundle.whole())?;
    writeln!(out)
}

struct Bundle<'a> {
    options: &'a Options<'a>,
    /// What the ids of this bundle are made of besides what they name.
    salt: String,
    now: String,
    marking: &'static str,
    finder: String,
    objects: Vec<Value>,
    /// Observables and indicators, which many sightings share.
    shared: BTreeMap<String, Value>,
}

impl<'a> Bundle<'a> {
    fn new(hunted: &Hunted, about: &About, options: &'a Options<'a>) -> Self {
        let strictest =
            hunted.findings.iter().flat_map(markings).max().unwrap_or(Tlp::Clear).max(options.tlp);
        let now = timestamp(options.now);
        let finder = random_like("identity", "watchfire hunt");
        let mut bundle = Self {
            options,
            salt: format!("{now} {}", about.paths.join("\n")),
            now,
            marking: strictest.marking_id(),
            finder,
            objects: Vec::new(),
            shared: BTreeMap::new(),
        };
        let marking = serde_json::from_str(&strictest.definition()).expect("a published object is JSON");
        bundle.objects.push(marking);
        let finder = json!({
            "type": "identity", "spec_version": "2.1", "id": bundle.finder, "created": FINDER_SINCE,
            "modified": FINDER_SINCE, "name": "watchfire hunt", "identity_class": "system",
            "description": "A hunt through what hosts keep, by rules and indicators",
        });
        bundle.objects.push(finder);
        bundle
    }

    fn whole(mut self) -> Value {
        let id = self.id("bundle", "");
        self.objects.extend(self.shared.into_values());
        json!({"type": "bundle", "id": id, "objects": self.objects})
    }

    /// An id that looks random, as that of a domain object should (§2.9), and is the same for the same hunt.
    fn id(&self, object_type: &str, name: &str) -> String {
        random_like(object_type, &format!("{} {name}", self.salt))
    }

    /// An object that is not an observable, with what all of them have.
    fn object(&self, object_type: &str, name: &str, more: Value) -> Value {
        let mut object = json!({
            "type": object_type, "spec_version": "2.1", "id": self.id(object_type, name), "created": self.now,
            "modified": self.now, "created_by_ref": self.finder, "object_marking_refs": [self.marking],
        });
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
    }

    /// Findings of one rule on one server.
    fn sighting(&mut self, findings: &[&Finding]) {
        let Some(first) = findings.first() else { return };
        let name = format!("{} {}", first.rule.id, first.server());
        let times: Vec<Timestamp> = findings.iter().filter_map(|finding| finding.time()).collect();
        let (from, until) = (times.iter().min(), times.iter().max());
        let (from, until) = match (from, until) {
            (Some(from), Some(until)) => (timestamp(*from), timestamp(*until)),
            // A page or a setting was seen when it was looked at.
            _ => (self.now.clone(), self.now.clone()),
        };
        let observables = self.observables(findings);
        let observed = self.object(
            "observed-data",
            &name,
            json!({
                "first_observed": from, "last_observed": until,
                "number_observed": findings.len().min(OBSERVED_MAX), "object_refs": observables,
            }),
        );
        let observed_id = observed["id"].clone();
        self.objects.push(observed);
        let Some(indicator) = self.indicator(first) else { return };
        let description = first.graded().unwrap_or(&first.rule.title);
        let sighting = self.object(
            "sighting",
            &name,
            json!({
                "description": format!("{description}; on {}; {}", first.server(), first.outcome.name()),
                "first_seen": from, "last_seen": until, "count": findings.len().min(OBSERVED_MAX),
                "sighting_of_ref": indicator, "observed_data_refs": [observed_id],
                "where_sighted_refs": [self.finder], "confidence": confidence(first),
            }),
        );
        let sighting = without_equal_times(sighting);
        self.objects.push(sighting);
    }

    /// The id of the indicator that a finding sights.
    fn indicator(&mut self, finding: &Finding) -> Option<String> {
        let rule = &finding.rule;
        if let Some(indicator) = finding.indicator() {
            if let Some(id) = indicator.sources.first().and_then(|source| source.id) {
                return Some(format!("indicator--{id}"));
            }
            let pattern = pattern(indicator.kind, &indicator.value)?;
            return Some(self.own_indicator(rule, "stix", &pattern));
        }
        let text = (self.options.rule_text)(rule)?;
        Some(self.own_indicator(rule, "sigma", &text))
    }

    fn own_indicator(&mut self, rule: &RuleInfo, pattern_type: &str, pattern: &str) -> String {
        let id = self.id("indicator", &rule.id);
        if self.shared.contains_key(&id) {
            return id;
        }
        let mut more = json!({
            "name": rule.title, "description": if rule.description.is_empty() { &rule.title } else { &rule.description },
            "indicator_types": ["malicious-activity"], "pattern": pattern, "pattern_type": pattern_type,
            "valid_from": self.now,
        });
        if pattern_type == "stix" {
            more["pattern_version"] = json!("2.1");
        }
        let references = references(rule);
        if !references.is_empty() {
            more["external_references"] = Value::Array(references);
        }
        let object = self.object("indicator", &rule.id, more);
        self.shared.insert(id.clone(), object);
        id
    }

    /// The ids of what findings are about: files, clients, values.
    fn observables(&mut self, findings: &[&Finding]) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for finding in findings {
            let indicator = finding.indicator();
            let value = indicator.and_then(|indicator| observable(indicator.kind, &indicator.value));
            for observable in
                [value, Some(file(finding)), finding.client().map(address)].into_iter().flatten()
            {
                if let Some(id) = self.observable(observable)
                    && !ids.contains(&id)
                    && ids.len() < OBSERVABLES_MAX
                {
                    ids.push(id);
                }
            }
        }
        ids
    }

    fn observable(&mut self, mut observable: Value) -> Option<String> {
        let text = observable.to_string();
        let (node, _) = stix_json::parse(text.as_bytes()).ok()?;
        let id = deterministic::id(&node)?;
        observable["spec_version"] = json!("2.1");
        observable["id"] = json!(id);
        observable["object_marking_refs"] = json!([self.marking]);
        self.shared.entry(id.clone()).or_insert(observable);
        Some(id)
    }
}

/// An id of version 4 whose bits come from a name: the standard asks for ids that nobody else gives (§2.9).
fn random_like(object_type: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("watchfire {object_type} {name}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    format!("{object_type}--{}", Uuid::from_bytes(bytes))
}

/// A time with milliseconds (§3.2).
fn timestamp(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// How sure a sighting is, on the scale of appendix A.
fn confidence(finding: &Finding) -> u8 {
    let by_level = match finding.level {
        Level::Critical => 95,
        Level::High => 85,
        Level::Medium => 50,
        Level::Low => 25,
        Level::Informational => 10,
    };
    if finding.outcome == Outcome::Supporting { by_level.min(30) } else { by_level }
}

/// `last_seen` must be later than `first_seen` (§5.2), so a single moment has the first only.
fn without_equal_times(mut sighting: Value) -> Value {
    if sighting["first_seen"] == sighting["last_seen"]
        && let Some(object) = sighting.as_object_mut()
    {
        object.remove("last_seen");
    }
    sighting
}

/// The levels of the TLP that sources of an indicator ask for. What claims to be one and is not stays inside.
fn markings(finding: &Finding) -> Vec<Tlp> {
    let all = finding.indicator().into_iter().flat_map(Indicator::markings);
    all.filter(|marking| marking.to_ascii_lowercase().starts_with("tlp:"))
        .map(|marking| Tlp::of_label(marking).unwrap_or(Tlp::Red))
        .collect()
}

fn references(rule: &RuleInfo) -> Vec<Value> {
    let techniques = rule.attack.iter().map(|id| json!({"source_name": "mitre-attack", "external_id": id}));
    let cves = rule.cves.iter().map(|id| json!({"source_name": "cve", "external_id": id}));
    techniques.chain(cves).collect()
}

/// The file in which a finding stands.
fn file(finding: &Finding) -> Value {
    let name = finding.file().rsplit(['/', '\\']).next().unwrap_or_default();
    let mut file = Map::new();
    file.insert("type".to_owned(), json!("file"));
    file.insert("name".to_owned(), json!(name));
    if !finding.sha256().is_empty() {
        file.insert("hashes".to_owned(), json!({"SHA-256": finding.sha256()}));
    }
    Value::Object(file)
}

fn address(address: IpAddr) -> Value {
    let object_type = if address.is_ipv4() { "ipv4-addr" } else { "ipv6-addr" };
    json!({"type": object_type, "value": address.to_string()})
}

/// The value of an indicator as an observable.
fn observable(kind: Kind, value: &str) -> Option<Value> {
    Some(match kind {
        Kind::Ip | Kind::Network => {
            let object_type = if value.contains(':') { "ipv6-addr" } else { "ipv4-addr" };
            json!({"type": object_type, "value": value})
        }
        Kind::Domain => json!({"type": "domain-name", "value": value}),
        Kind::Url if value.contains("://") => json!({"type": "url", "value": value}),
        Kind::Email => json!({"type": "email-addr", "value": value}),
        Kind::Hash => json!({"type": "file", "hashes": {algorithm(value)?: value}}),
        Kind::FileName => json!({"type": "file", "name": value}),
        Kind::Path => json!({"type": "file", "name": value.rsplit('/').next().unwrap_or_default()}),
        Kind::Url | Kind::UserAgent | Kind::Text => return None,
    })
}

/// The value of an indicator as a pattern.
fn pattern(kind: Kind, value: &str) -> Option<String> {
    let is_v6 = value.contains(':');
    let path = match kind {
        Kind::Path => return Some(path_pattern(value)),
        Kind::Ip | Kind::Network if is_v6 => "ipv6-addr:value".to_owned(),
        Kind::Ip | Kind::Network => "ipv4-addr:value".to_owned(),
        Kind::Domain => "domain-name:value".to_owned(),
        Kind::Url => "url:value".to_owned(),
        Kind::Email => "email-addr:value".to_owned(),
        Kind::Hash => format!("file:hashes.'{}'", algorithm(value)?),
        Kind::FileName => "file:name".to_owned(),
        Kind::UserAgent => {
            "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'".to_owned()
        }
        Kind::Text => "process:command_line".to_owned(),
    };
    let operator = if kind == Kind::Network { "ISSUBSET" } else { "=" };
    Some(format!("[{path} {operator} '{}']", quoted(value)))
}

/// A path in its one form knows neither separators nor case, so both are left open.
fn path_pattern(value: &str) -> String {
    let (folder, name) = value.rsplit_once('/').unwrap_or(("", value));
    let name = quoted(&format!("(?i)^{}$", escaped(name)));
    if folder.is_empty() {
        return format!("[file:name MATCHES '{name}']");
    }
    let folder: Vec<String> = folder.split('/').map(escaped).collect();
    let folder = quoted(&format!(r"(?i)(^|[/\\]){}$", folder.join(r"[/\\]+")));
    format!("[file:name MATCHES '{name}' AND file:parent_directory_ref.path MATCHES '{folder}']")
}

/// A text that a regular expression takes for itself.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        if character.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(character);
        escaped
    })
}

/// A text between apostrophes (§9.2).
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

fn algorithm(digest: &str) -> Option<&'static str> {
    Some(match digest.len() {
        32 => "MD5",
        40 => "SHA-1",
        56 => "SHA-224",
        64 => "SHA-256",
        96 => "SHA-384",
        128 => "SHA-512",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use watchfire_stix::{Reader, check, check_bundle};

    use super::super::sample;
    use super::*;

    fn written(tlp: Tlp, hunted: &Hunted) -> String {
        let mut out = Vec::new();
        let now = "2021-03-10T00:00:00Z".parse().unwrap();
        let rule_text = |rule: &RuleInfo| Some(format!("title: {}", rule.title));
        write(hunted, &sample::about(), &Options { tlp, now, rule_text: &rule_text }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn objects(bundle: &str) -> Vec<Value> {
        let bundle: Value = serde_json::from_str(bundle).unwrap();
        bundle["objects"].as_array().unwrap().clone()
    }

    #[test]
    fn what_is_written_breaks_no_must_and_no_should() {
        let mut hunted = sample::hunted();
        for (at, (kind, value)) in [
            (Kind::Domain, "evil.example"),
            (Kind::Hash, "d41d8cd98f00b204e9800998ecf8427e"),
            (Kind::Path, "a/b'.exe"),
            (Kind::Network, "192.0.2.0/24"),
            (Kind::UserAgent, "evil agent"),
        ]
        .iter()
        .enumerate()
        {
            let finding = &mut hunted.findings[at];
            finding.details_mut().indicator = Some(sample::indicator(*kind, value, None, &[]));
            let id = format!("rule {at}");
            finding.rule = std::sync::Arc::new(RuleInfo { id, ..(*finding.rule).clone() });
        }
        for hunted in [Hunted::default(), sample::hunted(), hunted] {
            let text = written(Tlp::Amber, &hunted);
            let mut reader = Reader::new(text.as_bytes());
            for item in reader.by_ref() {
                let item = item.unwrap();
                let problems = check(&item.bytes);
                assert!(problems.is_empty(), "{} {problems:?}", String::from_utf8_lossy(&item.bytes));
            }
            let around = reader.around().unwrap();
            let (node, _) = stix_json::parse(around).unwrap();
            assert_eq!(check_bundle(&node, reader.objects()), []);
        }
    }

    #[test]
    fn the_strictest_marking_wins() {
        let mut hunted = sample::hunted();
        let marked = |hunted: &Hunted| objects(&written(Tlp::Amber, hunted))[0]["name"].clone();
        assert_eq!(marked(&hunted), "TLP:AMBER");
        // What a record calls a marking marks nothing.
        hunted.findings[0].details_mut().fields.push(("marking".into(), "tlp:red".into()));
        assert_eq!(marked(&hunted), "TLP:AMBER");
        let warned = |markings| Some(sample::indicator(Kind::Domain, "evil.example", None, markings));
        hunted.findings[0].details_mut().indicator = warned(&["tlp:white", "tlp:red"]);
        assert_eq!(marked(&hunted), "TLP:RED");
        hunted.findings[0].details_mut().indicator = warned(&["tlp:purple", "PAP:CLEAR"]);
        assert_eq!(marked(&hunted), "TLP:RED");
    }

    #[test]
    fn somebody_elses_indicator_is_named_and_not_written() {
        let mut hunted = sample::hunted();
        let object = "e2e1a340-4415-4ba8-9671-f7343fbf0836";
        hunted.findings.truncate(1);
        hunted.findings[0].details_mut().indicator =
            Some(sample::indicator(Kind::Domain, "evil.example", Uuid::parse(object), &[]));
        let objects = objects(&written(Tlp::Amber, &hunted));
        let sighting = objects.iter().find(|object| object["type"] == "sighting").unwrap();
        assert_eq!(sighting["sighting_of_ref"], format!("indicator--{object}"));
        assert!(!objects.iter().any(|object| object["type"] == "indicator"));
    }
}

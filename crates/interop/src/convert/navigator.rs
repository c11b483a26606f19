//! Layers of the ATT&CK Navigator, format 4.5: which techniques a bundle or events name, and how often.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchfire_stix::json::Node;

use super::{LeftOut, attributes, list, tags};

/// Relationships that say that a technique was used. Others say what is done against it, or how it is filed.
const USES: [&str; 3] = ["uses", "indicates", "related-to"];

/// What the catalogues of techniques are called in references, and their domains.
const SOURCES: [(&str, &str); 3] = [
    ("mitre-attack", "enterprise-attack"),
    ("mitre-mobile-attack", "mobile-attack"),
    ("mitre-ics-attack", "ics-attack"),
];

/// The tag by which MISP names a technique.
const TAG: &str = "misp-galaxy:mitre-attack-pattern=\"";

/// Techniques and how often each is named.
#[derive(Debug, Default)]
pub struct Techniques {
    /// By their numbers, `T1059.001`.
    counts: BTreeMap<String, u64>,
    /// What they are called, where that is said.
    names: BTreeMap<String, String>,
    /// The number of an attack pattern, by its id.
    numbers: BTreeMap<String, String>,
    /// Attack patterns that were named, by their ids.
    named: BTreeMap<String, u64>,
    domains: BTreeMap<String, u64>,
}

impl Techniques {
    /// Adds what an object of STIX names.
    pub(super) fn object(&mut self, node: &Node<'_>, left_out: &mut LeftOut) {
        let is_pattern = |id: &&str| id.starts_with("attack-pattern--");
        let refs = |name: &str| node.get(name).and_then(Node::items).unwrap_or_default();
        match node.text("type").unwrap_or_default() {
            "attack-pattern" => self.pattern(node, left_out),
            "relationship" => {
                let kind = node.text("relationship_type").unwrap_or_default();
                let ends = [node.text("source_ref"), node.text("target_ref")];
                let patterns: Vec<&str> = ends.into_iter().flatten().filter(is_pattern).collect();
                if patterns.is_empty() {
                    return;
                }
                if USES.contains(&kind) {
                    for id in patterns {
                        *self.named.entry(id.to_owned()).or_default() += 1;
                    }
                } else {
                    left_out.note(format!("relationships {kind}: no use of a technique"));
                }
            }
            _ => {
                let members = refs("object_refs").iter().filter_map(Node::as_str);
                for id in members.chain(node.text("sighting_of_ref")).filter(is_pattern) {
                    *self.named.entry(id.to_owned()).or_default() += 1;
                }
                if let Some((number, domain)) = number(node) {
                    *self.counts.entry(number).or_default() += 1;
                    *self.domains.entry(domain).or_default() += 1;
                }
                refs("labels").iter().filter_map(Node::as_str).for_each(|label| self.tag(label));
            }
        }
    }

    fn pattern(&mut self, node: &Node<'_>, left_out: &mut LeftOut) {
        let gone = |name: &str| node.get(name).and_then(Node::as_bool) == Some(true);
        if gone("revoked") || gone("x_mitre_deprecated") {
            left_out.note("techniques that are revoked or deprecated");
            return;
        }
        let Some((number, domain)) = number(node) else {
            left_out.note("attack patterns without the number of a technique");
            return;
        };
        let domains = node.get("x_mitre_domains").and_then(Node::items).unwrap_or_default();
        let domain = domains.iter().find_map(Node::as_str).map_or(domain, str::to_owned);
        *self.domains.entry(domain).or_default() += 1;
        self.names.insert(number.clone(), node.text("name").unwrap_or_default().to_owned());
        self.numbers.insert(node.text("id").unwrap_or_default().to_owned(), number);
    }

    /// Adds what the tags of an event and its attributes name; gives what a layer cannot say.
    pub fn event(&mut self, event: &Value) -> LeftOut {
        let mut left_out = LeftOut::default();
        tags(event).chain(attributes(event).flat_map(tags)).for_each(|tag| self.tag(tag));
        left_out.many("attributes: a layer has techniques only", attributes(event).count());
        left_out.many("reports in prose", list(event, "EventReport").len());
        left_out
    }

    /// `misp-galaxy:mitre-attack-pattern="Phishing - T1566"`
    fn tag(&mut self, tag: &str) {
        let Some(name) = tag.strip_prefix(TAG).and_then(|rest| rest.strip_suffix('"')) else { return };
        let Some((name, number)) = name.rsplit_once(" - ").filter(|(_, number)| is_number(number)) else {
            return;
        };
        *self.counts.entry(number.to_owned()).or_default() += 1;
        *self.domains.entry("enterprise-attack".to_owned()).or_default() += 1;
        self.names.entry(number.to_owned()).or_insert_with(|| name.to_owned());
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.numbers.is_empty()
    }

    /// Each technique with its count; one that stands in the bundle, and that nothing there uses, has none.
    fn all(&self) -> BTreeMap<&str, u64> {
        let mut all: BTreeMap<&str, u64> = self.numbers.values().map(|number| (number.as_str(), 0)).collect();
        self.counts.iter().for_each(|(number, count)| *all.entry(number).or_default() += count);
        for (id, count) in &self.named {
            if let Some(number) = self.numbers.get(id) {
                *all.entry(number).or_default() += count;
            }
        }
        all
    }
}

/// The number of a technique in an object's references, and the domain of its catalogue.
fn number(node: &Node<'_>) -> Option<(String, String)> {
    let references = node.get("external_references").and_then(Node::items).unwrap_or_default();
    references.iter().find_map(|reference| {
        let source = reference.text("source_name")?;
        let (_, domain) = SOURCES.into_iter().find(|(name, _)| *name == source)?;
        let number = reference.text("external_id").filter(|number| is_number(number))?;
        Some((number.to_owned(), domain.to_owned()))
    })
}

/// `T1059` or `T1059.001`
fn is_number(text: &str) -> bool {
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(text) = text.strip_prefix('T') else { return false };
    text.split_once('.').map_or(digits(text, 4), |(number, sub)| digits(number, 4) && digits(sub, 3))
}

/// A layer of techniques, scored by how often each is named.
pub fn layer(techniques: &Techniques, name: &str) -> Value {
    let all = techniques.all();
    let highest = all.values().copied().max().unwrap_or(0);
    let of_domain = techniques.domains.iter().max_by_key(|(_, count)| **count);
    let domain = of_domain.map_or("enterprise-attack", |(domain, _)| domain.as_str());
    let rows: Vec<Value> = all
        .iter()
        .map(|(number, count)| {
            let mut row = json!({"techniqueID": number, "enabled": true});
            if *count > 0 {
                row["score"] = json!(count);
            }
            if let Some(name) = techniques.names.get(*number).filter(|name| !name.is_empty()) {
                row["comment"] = json!(format!("{name}: named {count} times"));
            }
            row
        })
        .collect();
    json!({
        "name": name, "versions": {"navigator": "4.9.0", "layer": "4.5"}, "domain": domain,
        "description": "Techniques by how often they are named", "sorting": 3, "techniques": rows,
        "gradient": {"colors": ["#ffe8c2", "#d9480f"], "minValue": 0, "maxValue": highest.max(1)},
        "layout": {"layout": "side", "showID": true, "showName": true, "expandedSubtechniques": "annotated"},
    })
}

//! Security advisories of CSAF 2.0 as STIX 2.1: the advisory a report, its publisher an identity, vulnerabilities,
//! products as software, remediations as courses of action.
//!
//! What STIX has no words for (scores, flags, revisions, acknowledgments) is listed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use watchfire_stix::{Tlp, deterministic, json as stix_json};

use super::to_stix::derived;
use super::{LeftOut, list, marking_objects};

/// Branches of a product tree nest no deeper in real advisories than some ten levels.
const DEPTH_MAX: usize = 64;

/// Why a document is no advisory that can be converted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CsafError {
    /// It is of another version, or of none.
    #[error("/document/csaf_version: CSAF 2.0 is read, not {0}")]
    Version(String),
    /// Something that the standard requires is missing (§3.2).
    #[error("{0}: missing, though CSAF requires it")]
    Missing(&'static str),
    /// A time that is none.
    #[error("{0}: no time")]
    Time(&'static str),
}

/// An advisory while it is converted.
struct Advisory<'a> {
    document: &'a Value,
    marking: Tlp,
    id: String,
    created: String,
    modified: String,
    author: String,
    objects: Vec<Value>,
    /// The ids of software, by the ids of products.
    products: BTreeMap<String, Value>,
    /// What of it is written; several products may be the same software.
    software: BTreeSet<String>,
    left_out: LeftOut,
}

/// An advisory as a bundle.
pub fn csaf_to_stix(csaf: &Value) -> Result<(Value, LeftOut), CsafError> {
    let mut advisory = Advisory::of(csaf)?;
    advisory.publisher(&csaf["document"]["publisher"]);
    advisory.tree(&csaf["product_tree"]);
    for vulnerability in list(csaf, "vulnerabilities") {
        advisory.vulnerability(vulnerability);
    }
    advisory.report();
    let mut objects = marking_objects([advisory.marking].into_iter());
    objects.append(&mut advisory.objects);
    let id = format!("bundle--{}", derived("bundle", &format!("csaf {} {}", advisory.id, advisory.modified)));
    Ok((json!({"type": "bundle", "id": id, "objects": objects}), advisory.left_out))
}

impl<'a> Advisory<'a> {
    fn of(csaf: &'a Value) -> Result<Self, CsafError> {
        let document = &csaf["document"];
        match document["csaf_version"].as_str() {
            Some("2.0") => {}
            other => return Err(CsafError::Version(other.unwrap_or("none").to_owned())),
        }
        let text = |value: &Value, place| value.as_str().map(str::to_owned).ok_or(CsafError::Missing(place));
        let time = |value: &Value, place| {
            let time = text(value, place)?.parse::<Timestamp>().map_err(|_| CsafError::Time(place))?;
            Ok(format!("{time:.3}"))
        };
        let tracking = &document["tracking"];
        let modified = time(&tracking["current_release_date"], "/document/tracking/current_release_date")?;
        let created = time(&tracking["initial_release_date"], "/document/tracking/initial_release_date")?;
        text(&document["title"], "/document/title")?;
        let id = text(&tracking["id"], "/document/tracking/id")?;
        let publisher = text(&document["publisher"]["name"], "/document/publisher/name")?;
        let namespace = document["publisher"]["namespace"].as_str().unwrap_or_default();
        let label = document["distribution"]["tlp"]["label"].as_str();
        let mut left_out = LeftOut::default();
        if document["distribution"]["text"].is_string() {
            left_out.note("words on distribution beside the TLP");
        }
        for name in ["acknowledgments", "aggregate_severity", "lang"] {
            if !document[name].is_null() {
                left_out.note(format!("{name} of the advisory"));
            }
        }
        left_out.many("entries of the history of revisions", list(tracking, "revision_history").len());
        Ok(Self {
            document,
            // Unmarked advisories are public (CSAF 2.0 §3.2.1.5: WHITE is the default); what is no TLP is RED.
            marking: label
                .map_or(Tlp::Clear, |label| Tlp::of_label(&format!("TLP:{label}")).unwrap_or(Tlp::Red)),
            created: created.min(modified.clone()),
            modified,
            author: format!("identity--{}", derived("identity", &format!("csaf {namespace} {publisher}"))),
            id,
            objects: Vec::new(),
            products: BTreeMap::new(),
            software: BTreeSet::new(),
            left_out,
        })
    }

    /// What all objects have; the same advisory gives the same ids.
    fn object(&self, object_type: &str, name: &str, more: Value) -> Value {
        let id = derived(object_type, &format!("csaf {} {} {name}", self.author, self.id));
        let mut object = json!({
            "type": object_type, "spec_version": "2.1", "id": format!("{object_type}--{id}"), "created": self.created,
            "modified": self.modified, "created_by_ref": self.author,
            "object_marking_refs": [self.marking.marking_id()],
        });
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
        }
        object
    }

    fn publisher(&mut self, publisher: &Value) {
        let mut identity = self.object(
            "identity",
            "publisher",
            json!({
                "name": publisher["name"], "identity_class": "organization",
                "contact_information": publisher["contact_details"], "description": publisher["issuing_authority"],
            }),
        );
        identity["id"] = json!(self.author);
        // The publisher is the same in all of its advisories, so it is dated by none of them.
        (identity["created"], identity["modified"]) =
            (json!("1970-01-01T00:00:00.000Z"), json!("1970-01-01T00:00:00.000Z"));
        if let Some(identity) = identity.as_object_mut() {
            identity.remove("object_marking_refs");
            identity.remove("created_by_ref");
        }
        self.objects.push(identity);
    }

    fn tree(&mut self, tree: &Value) {
        let mut software = Vec::new();
        branches(list(tree, "branches"), &[], 0, &mut software);
        software.extend(list(tree, "full_product_names").iter().map(|product| (product, Vec::new())));
        for relation in list(tree, "relationships") {
            software.push((&relation["full_product_name"], Vec::new()));
            self.left_out.note("relationships between products: each product stands alone");
        }
        for (product, path) in software {
            self.software(product, &path);
        }
        self.left_out.many("groups of products", list(tree, "product_groups").len());
    }

    fn software(&mut self, product: &Value, path: &[(&str, &str)]) {
        let (Some(id), Some(name)) = (product["product_id"].as_str(), product["name"].as_str()) else {
            return;
        };
        let of =
            |category: &str| path.iter().rev().find(|(kind, _)| *kind == category).map(|(_, name)| *name);
        let helper = &product["product_identification_helper"];
        let mut object = json!({"type": "software", "spec_version": "2.1", "name": name});
        for (property, value) in [
            ("vendor", of("vendor")),
            ("version", of("product_version")),
            // §6.14: the CPE of version 2.3.
            ("cpe", helper["cpe"].as_str().filter(|cpe| cpe.starts_with("cpe:2.3:"))),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                object[property] = json!(value);
            }
        }
        for name in helper.as_object().into_iter().flat_map(|helper| helper.keys()) {
            if name != "cpe" || object["cpe"].is_null() {
                self.left_out.note(format!("identification of products by {name}"));
            }
        }
        let text = object.to_string();
        let Some(own) = stix_json::parse(text.as_bytes()).ok().and_then(|(node, _)| deterministic::id(&node))
        else {
            return;
        };
        object["id"] = json!(own);
        object["object_marking_refs"] = json!([self.marking.marking_id()]);
        if self.software.insert(own.clone()) {
            self.objects.push(object.clone());
        }
        self.products.insert(id.to_owned(), object["id"].take());
    }

    fn vulnerability(&mut self, said: &Value) {
        let ids = list(said, "ids").iter().filter_map(|id| id["text"].as_str());
        let name = said["cve"].as_str().or(said["title"].as_str()).or_else(|| ids.clone().next());
        let name = name.unwrap_or("vulnerability");
        let mut references: Vec<Value> = Vec::new();
        if let Some(cve) = said["cve"].as_str() {
            references.push(json!({"source_name": "cve", "external_id": cve}));
        }
        if let Some(cwe) = said["cwe"]["id"].as_str() {
            references.push(json!({"source_name": "cwe", "external_id": cwe}));
        }
        for id in list(said, "ids") {
            if let (Some(system), Some(text)) = (id["system_name"].as_str(), id["text"].as_str()) {
                references.push(json!({"source_name": system, "external_id": text}));
            }
        }
        references.extend(list(said, "references").iter().filter_map(reference));
        let place = self.objects.len();
        let object = self.object(
            "vulnerability",
            &format!("{place} {name}"),
            json!({
                "name": name, "description": description(said),
                "external_references": if references.is_empty() { Value::Null } else { Value::Array(references) },
            }),
        );
        let id = object["id"].clone();
        self.objects.push(object);
        self.remediations(said, &id);
        self.statuses(said, &id);
        for (member, what) in [
            ("scores", "scores (CVSS)"),
            ("threats", "threats"),
            ("flags", "flags"),
            ("involvements", "involvements"),
            ("acknowledgments", "acknowledgments of vulnerabilities"),
        ] {
            self.left_out.many(what, list(said, member).len());
        }
        for (member, what) in [("discovery_date", "dates of discovery"), ("release_date", "dates of release")]
        {
            if said[member].is_string() {
                self.left_out.note(what);
            }
        }
        self.left_out.many("further notes on vulnerabilities", list(said, "notes").len().saturating_sub(1));
    }

    fn remediations(&mut self, said: &Value, vulnerability: &Value) {
        let mut written = BTreeSet::new();
        for remedy in list(said, "remediations") {
            let details = remedy["details"].as_str().unwrap_or_default();
            let category = remedy["category"].as_str().unwrap_or("remediation");
            if !written.insert((category, details)) {
                continue;
            }
            let name = format!("{vulnerability} {category} {details}");
            let url = remedy["url"].as_str().map(|url| json!([{"source_name": "csaf", "url": url}]));
            let more = json!({"name": category, "description": details, "external_references": url});
            let action = self.object("course-of-action", &name, more);
            let ends = json!({
                "relationship_type": "mitigates", "source_ref": action["id"], "target_ref": vulnerability,
            });
            let relation = self.object("relationship", &name, ends);
            self.objects.extend([action, relation]);
        }
    }

    /// Which products are affected, fixed and so on: STIX has one word for all of it, and the status beside it.
    fn statuses(&mut self, said: &Value, vulnerability: &Value) {
        for (status, products) in said["product_status"].as_object().into_iter().flatten() {
            for product in products.as_array().into_iter().flatten().filter_map(Value::as_str) {
                let Some(software) = self.products.get(product).cloned() else {
                    self.left_out.note("statuses of products that are not in the tree");
                    continue;
                };
                let relation = self.object(
                    "relationship",
                    &format!("{vulnerability} {status} {product}"),
                    json!({
                        "relationship_type": "related-to", "source_ref": software, "target_ref": vulnerability,
                        "description": status,
                    }),
                );
                self.objects.push(relation);
            }
        }
    }

    fn report(&mut self) {
        let document = self.document;
        let mut references = vec![json!({"source_name": "csaf", "external_id": self.id})];
        references.extend(list(document, "references").iter().filter_map(reference));
        let named = self.objects.iter().filter(|object| object["type"] != "identity");
        let mut members: Vec<Value> = named.map(|object| object["id"].clone()).collect();
        if members.is_empty() {
            members.push(json!(self.author));
        }
        let report = self.object(
            "report",
            "advisory",
            json!({
                "name": document["title"], "description": description(document), "published": self.created,
                "report_types": ["vulnerability"], "object_refs": members, "external_references": references,
            }),
        );
        self.left_out.many("further notes on the advisory", list(document, "notes").len().saturating_sub(1));
        self.objects.push(report);
    }
}

/// The first note of a document or a vulnerability; what it sums up stands first by custom.
fn description(said: &Value) -> Option<&str> {
    list(said, "notes").first()?["text"].as_str()
}

fn reference(reference: &Value) -> Option<Value> {
    let url = reference["url"].as_str()?;
    Some(
        json!({"source_name": "csaf", "url": url, "description": reference["summary"].as_str().unwrap_or(url)}),
    )
}

/// The products of branches, each with the categories and names on the way to it.
fn branches<'a>(
    all: &'a [Value],
    path: &[(&'a str, &'a str)],
    depth: usize,
    software: &mut Vec<(&'a Value, Vec<(&'a str, &'a str)>)>,
) {
    if depth > DEPTH_MAX {
        return;
    }
    for branch in all {
        let text = |name: &str| branch[name].as_str().unwrap_or_default();
        let mut path = path.to_vec();
        path.push((text("category"), text("name")));
        if branch["product"].is_object() {
            software.push((&branch["product"], path.clone()));
        }
        branches(list(branch, "branches"), &path, depth + 1, software);
    }
}

//! The outermost: which type an object has, and what holds for its kind of objects.

use super::Checker;
use crate::deterministic;
use crate::id;
use crate::json::Node;
use crate::json::pointer::Step;
use crate::marking::Definition;
use crate::pattern::{self, Pattern, Rule as PatternRule};
use crate::schema::{Category, Type};

/// How an object of this category must be named (§2.9).
const V4: u8 = 4;
const V5: u8 = 5;

impl<'n> Checker<'n> {
    /// An object that stands for itself.
    pub(super) fn object(&mut self, node: &'n Node<'n>) {
        if node.members().is_none() {
            self.error(node, "§3.2", format!("{} is no STIX object", node.kind()));
            return;
        }
        let Some(name) = node.get("type") else {
            self.error(node, "§3.2", "the object has no type");
            return;
        };
        let Some(name) = name.as_str() else {
            self.at(Step::Name("type"), |on| on.error(name, "§3.2", "the type is no string"));
            return;
        };
        if name == "bundle" {
            self.error(node, "§8", "a bundle is no STIX object and must not stand among objects");
            return;
        }
        if self.is_of_stix_20(node) {
            let what = "the object has no spec_version: it is of STIX 2.0, which can be upgraded, or it is not complete";
            self.error(node, "§3.2", what);
        }
        match self.schema.object(name) {
            Some(own) => self.known(node, own),
            None => self.custom_object(node, name),
        }
    }

    fn is_of_stix_20(&self, node: &Node<'_>) -> bool {
        let name = node.text("type").unwrap_or_default();
        let own = self.schema.object(name);
        let required = own.is_some_and(|own| own.category != Category::Sco);
        required && node.get("spec_version").is_none()
    }

    pub(super) fn known(&mut self, node: &'n Node<'n>, own: &'static Type) {
        self.structure(node, own);
        match own.name {
            "marking-definition" => self.marking_definition(node),
            "extension-definition" => self.extension_definition(node),
            "relationship" => self.relationship(node),
            "indicator" => self.pattern(node),
            "attack-pattern" => self.named_elsewhere(node, "capec", "CAPEC-", "§4.1.1"),
            "vulnerability" => self.named_elsewhere(node, "cve", "CVE-", "§4.19.1"),
            _ => {}
        }
        if own.category == Category::Sco {
            self.observable_id(node, own);
        } else {
            self.uuid_version(node, V4);
        }
    }

    /// §2.9: which version of UUID an id should have.
    pub(super) fn uuid_version(&mut self, node: &'n Node<'n>, expected: u8) {
        let Some(own) = node.get("id") else { return };
        let Some(uuid) = own.as_str().and_then(|text| id::split(text).ok()).map(|(_, uuid)| uuid) else {
            return;
        };
        if uuid.version() != expected {
            let what = format!("the id has a UUID of version {}, not {expected}", uuid.version());
            self.at(Step::Name("id"), |on| on.warning(own, "§2.9", what));
        }
    }

    /// §2.9, §3.4, §3.6: the id of an observable and the namespace that is kept for it.
    fn observable_id(&mut self, node: &'n Node<'n>, own: &Type) {
        let Some(given) = node.get("id") else { return };
        let Some(uuid) = given.as_str().and_then(|text| id::split(text).ok()).map(|(_, uuid)| uuid) else {
            return;
        };
        let in_use = deterministic::uuids_in_use(node);
        match (uuid.version(), in_use.first()) {
            (V5, Some(expected)) if !in_use.contains(&uuid) => {
                let what =
                    format!("the UUID does not follow from the properties that count, which give {expected}");
                self.at(Step::Name("id"), |on| on.warning(given, "§2.9", what));
            }
            (V5, Some(_)) => self.versioned_observable(node, given),
            (V5, None) => {
                let what = "there is none of the properties that a UUID of version 5 is made of";
                self.at(Step::Name("id"), |on| on.warning(given, "§2.9", what));
            }
            (_, Some(_)) if own.name != "process" => self.uuid_version(node, V5),
            (version, _) if version != V4 => self.uuid_version(node, V4),
            _ => {}
        }
    }

    /// §3.6: an observable with versions must not have an id of the common namespace.
    fn versioned_observable(&mut self, node: &'n Node<'n>, given: &'n Node<'n>) {
        let versioned = ["created_by_ref", "created", "modified", "revoked"];
        if versioned.iter().any(|name| node.get(name).is_some()) {
            let what = "an observable that has versions must not have an id of the common namespace";
            self.at(Step::Name("id"), |on| on.error(given, "§3.6", what));
        }
    }

    fn marking_definition(&mut self, node: &'n Node<'n>) {
        if let Definition::Forged(why) = Definition::of(node) {
            if node.text("definition_type") == Some("statement") {
                self.warning(node, "§7.2.1", why);
            } else {
                self.error(node, "§7.2.1", why);
            }
        }
        let own = node.text("id").unwrap_or_default();
        let references = node.get("object_marking_refs").and_then(Node::items).unwrap_or_default();
        let granular = node.get("granular_markings").and_then(Node::items).unwrap_or_default();
        let marks = granular.iter().filter_map(|marking| marking.get("marking_ref"));
        for reference in references.iter().chain(marks).filter(|reference| reference.as_str() == Some(own)) {
            self.error(reference, "§3.2", "a marking definition must not be marked with itself");
        }
    }

    fn extension_definition(&mut self, node: &'n Node<'n>) {
        let types = node.get("extension_types").and_then(Node::items).unwrap_or_default();
        let at_top = types.iter().any(|kind| kind.as_str() == Some("toplevel-property-extension"));
        match node.get("extension_properties") {
            Some(properties) if !at_top => {
                let what =
                    "extension_properties is for extensions of the type toplevel-property-extension only";
                self.at(Step::Name("extension_properties"), |on| on.error(properties, "§7.3.1", what));
            }
            None if at_top => {
                self.warning(
                    node,
                    "§7.3.1",
                    "extension_properties should name the properties that are added",
                );
            }
            _ => {}
        }
        if let Some(properties) = node.get("extension_properties") {
            for item in properties.items().unwrap_or_default() {
                if item.as_str().is_some_and(|name| !id::is_property_name(name)) {
                    self.error(item, "§7.3.2", "this is no name that a property can have");
                }
            }
        }
    }

    /// §4.7: the pattern of an indicator must be of the language that it names. Only that of the standard is read here.
    fn pattern(&mut self, node: &'n Node<'n>) {
        let (Some(place), Some(text), Some("stix")) =
            (node.get("pattern"), node.text("pattern"), node.text("pattern_type"))
        else {
            return;
        };
        let problems = match Pattern::parse(text) {
            Ok(pattern) => pattern.problems().to_vec(),
            Err(problem) => vec![problem],
        };
        // STIX 2.0 lets a qualifier stand twice on one expression.
        let of_stix_20 = node.text("pattern_version") == Some("2.0");
        self.steps.push(Step::Name("pattern"));
        for problem in problems.iter().filter(|problem| !of_stix_20 || problem.rule != PatternRule::Qualifier)
        {
            match problem.severity {
                pattern::Severity::Invalid => {
                    self.error(place, "§9", format!("the pattern is invalid: {problem}"));
                }
                pattern::Severity::Warning => self.warning(place, "§9", format!("the pattern: {problem}")),
            }
        }
        self.steps.pop();
    }

    /// Appendix B and §3.7: names of relationships that the standard lists.
    fn relationship(&mut self, node: &'n Node<'n>) {
        let (Some(kind), Some(name)) = (node.get("relationship_type"), node.text("relationship_type")) else {
            return;
        };
        let end =
            |name| node.text(name).and_then(|text| id::split(text).ok()).map(|(object_type, _)| object_type);
        let (Some(source), Some(target)) = (end("source_ref"), end("target_ref")) else { return };
        let both_known = self.schema.object(source).is_some() && self.schema.object(target).is_some();
        if both_known && !self.schema.relationship_is_listed(name, source, target) {
            let what = format!("the standard lists no relationship {name} from {source} to {target}");
            self.at(Step::Name("relationship_type"), |on| on.warning(kind, "§5.1.2", what));
        }
    }

    /// §4.1.1, §4.19.1: ids of CAPEC and CVE are written as their owners write them.
    fn named_elsewhere(&mut self, node: &'n Node<'n>, source: &str, prefix: &str, clause: &str) {
        let Some(references) = node.get("external_references").and_then(Node::items) else { return };
        self.steps.push(Step::Name("external_references"));
        for (index, reference) in references.iter().enumerate() {
            let (Some(name), Some(given)) = (reference.text("source_name"), reference.get("external_id"))
            else {
                continue;
            };
            let number = given.as_str().and_then(|text| text.strip_prefix(prefix)).unwrap_or_default();
            let well = match prefix {
                "CVE-" => is_cve(number),
                _ => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
            };
            self.steps.push(Step::Index(index));
            if name == source && !well {
                let what = format!("an external_id of {source} is written {prefix}…");
                self.at(Step::Name("external_id"), |on| on.error(given, clause, what));
            } else if name != source && name.eq_ignore_ascii_case(source) {
                let named = reference.get("source_name").unwrap_or(reference);
                let what = format!("the source_name of a reference to {source} is {source:?}");
                self.at(Step::Name("source_name"), |on| on.error(named, clause, what));
            }
            self.steps.pop();
        }
        self.steps.pop();
    }
}

/// `YYYY-NNNN…`, four digits at least.
fn is_cve(number: &str) -> bool {
    let Some((year, rest)) = number.split_once('-') else { return false };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    year.len() == 4 && rest.len() >= 4 && digits(year) && digits(rest)
}

//! What the standard does not name: properties and objects of others (§7.3, §11).

use super::Checker;
use crate::id::{is_property_name, is_type_name};
use crate::json::pointer::Step;
use crate::json::{Member, Node};
use crate::schema::{Category, Type};

/// Names that no property may have (§3.8).
const RESERVED: [&str; 4] = ["severity", "username", "phone_number", "action"];

impl<'n> Checker<'n> {
    /// A property that the type does not name.
    pub(super) fn custom_property(&mut self, node: &'n Node<'n>, member: &'n Member<'n>, own: &'static Type) {
        let name: &str = &member.name;
        let value = &member.node;
        self.steps.push(Step::Name(&member.name));
        let outermost = !matches!(own.category, Category::Struct | Category::Extension);
        let extends_top = has_extension(node, &["toplevel-property-extension"]);
        if outermost && RESERVED.contains(&name) {
            self.error(value, "§3.8", format!("the name {name} is reserved"));
        } else if !is_property_name(name) {
            self.error(value, "§3.1", format!("{name:?} is no name that a property can have"));
        } else if own.unused.contains(&name) {
            self.warning(value, "§3.2", format!("objects of type {} do not use {name}", own.name));
        } else if !(extends_top && outermost) {
            let what = if is_prefixed(name, "x_", '_') {
                "a custom property should be defined by an extension"
            } else {
                "a custom property should be defined by an extension, or its name begin with x_, its source and _"
            };
            self.warning(value, "§11.1", what);
        }
        self.custom_value(name, value);
        self.steps.pop();
    }

    fn custom_value(&mut self, name: &str, value: &'n Node<'n>) {
        match value.as_str() {
            Some(text) if name.ends_with("_hex") => self.hex(value, text),
            Some(text) if name.ends_with("_bin") => self.binary(value, text),
            _ => self.base_value(value),
        }
    }

    /// An object of a type that the standard does not know.
    pub(super) fn custom_object(&mut self, node: &'n Node<'n>, name: &'n str) {
        if let Some(place) = node.get("type").filter(|_| !is_type_name(name)) {
            let what = format!("{name:?} is no name that a type can have");
            self.at(Step::Name("type"), |on| on.error(place, "§3.1", what));
        }
        let extended = has_extension(node, &["new-sdo", "new-sro", "new-sco"]);
        if !extended {
            let what = if is_prefixed(name, "x-", '-') {
                "a custom object should be defined by an extension"
            } else {
                "a custom object should be defined by an extension, or its type begin with x-, its source and a hyphen"
            };
            self.warning(node, "§11.2", what);
        }
        // Without an extension that says so, what is dated is a domain object and what is not an observable.
        let dated = node.get("created").is_some() || node.get("modified").is_some();
        let observable = if extended { has_extension(node, &["new-sco"]) } else { !dated };
        let model = if observable { "url" } else { "incident" };
        self.common_properties(node, model, extended);
        self.order(node, "§3.2", "created", "modified", true);
        if !observable {
            self.uuid_version(node, 4);
        }
    }

    fn property_of_custom_object(&mut self, member: &'n Member<'n>) {
        if RESERVED.contains(&member.name.as_ref()) {
            self.error(&member.node, "§3.8", format!("the name {} is reserved", member.name));
        } else if !is_property_name(&member.name) {
            self.error(&member.node, "§3.1", "this is no name that a property can have");
        }
        self.custom_value(&member.name, &member.node);
    }

    /// An observable of a type that the standard does not know, in a container.
    pub(super) fn custom_observable(&mut self, node: &'n Node<'n>, name: &'n str) {
        if !is_type_name(name) {
            self.error(node, "§3.1", format!("{name:?} is no name that a type can have"));
        }
        self.common_properties(node, "url", false);
    }

    /// The common properties as any object of the same category has them, the others as custom ones (§7.3.2).
    fn common_properties(&mut self, node: &'n Node<'n>, model: &str, extended: bool) {
        let Some(model) = self.schema.object(model) else { return };
        for member in node.members().unwrap_or_default() {
            let common = model.property(&member.name).filter(|(_, property)| property.clause == "§3.2");
            if let Some((_, property)) = common {
                self.at(Step::Name(&member.name), |on| on.value(&member.node, &property.kind, "§3.2"));
            } else {
                self.at(Step::Name(&member.name), |on| on.property_of_custom_object(member));
            }
        }
        for property in
            model.properties.iter().filter(|property| property.required && property.clause == "§3.2")
        {
            let missing =
                node.get(property.name).is_none() && !(property.name == "id" && self.container.is_some());
            if missing && property.name == "spec_version" && !extended {
                self.warning(node, "§11.2.1", "spec_version should be there");
            } else if missing {
                self.error(node, "§11.2.1", format!("the required property {} is missing", property.name));
            }
        }
    }
}

/// Whether a name has the prefix of custom ones, a source, and a name of its own (§11).
pub(super) fn is_prefixed(name: &str, prefix: &str, separator: char) -> bool {
    name.strip_prefix(prefix)
        .and_then(|rest| rest.split_once(separator))
        .is_some_and(|(source, own)| !source.is_empty() && !own.is_empty())
}

/// Whether an extension of one of these types is used.
fn has_extension(node: &Node<'_>, types: &[&str]) -> bool {
    let extensions = node.get("extensions").and_then(Node::members).unwrap_or_default();
    extensions
        .iter()
        .any(|member| member.node.text("extension_type").is_some_and(|found| types.contains(&found)))
}

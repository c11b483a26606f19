//! The `extensions` of an object: those that the standard defines, those of extension definitions, and custom ones
//! (§3.10, §7.3, §11.3).

use super::Checker;
use super::custom::is_prefixed;
use crate::id;
use crate::json::pointer::Step;
use crate::json::{Member, Node};
use crate::schema::Category;

impl<'n> Checker<'n> {
    pub(super) fn extensions(&mut self, node: &'n Node<'n>) {
        let Some(members) = node.members() else { return self.expect(node, false, "a dictionary", "§3.2") };
        if members.is_empty() {
            self.error(node, "§2.3", "a dictionary must not be empty");
        }
        for member in members {
            self.at(Step::Name(&member.name), |on| on.extension(member));
        }
    }

    fn extension(&mut self, member: &'n Member<'n>) {
        let node = &member.node;
        let Some(members) = node.members() else { return self.expect(node, false, "an object", "§3.2") };
        if let Some(own) = self.schema.extension(&member.name) {
            let named = self.extended_type();
            if named != Some(own.extends) {
                let what = format!("{} is an extension of {}", member.name, own.extends);
                self.warning(node, own.clause, what);
            }
            self.structure(node, own);
            return;
        }
        if members.is_empty() {
            self.error(node, "§2.3", "a dictionary must not be empty");
        }
        if member.name.starts_with("extension-definition--") {
            self.defined_extension(member);
        } else {
            self.custom_extension(member);
        }
        for inner in members.iter().filter(|inner| inner.name != "extension_type") {
            self.at(Step::Name(&inner.name), |on| {
                if !id::is_property_name(&inner.name) {
                    on.error(&inner.node, "§7.3.2", "this is no name that a property can have");
                }
                on.base_value(&inner.node);
            });
        }
    }

    /// The type of the object that is extended: the object itself, or the one in the container where the work is.
    fn extended_type(&self) -> Option<&'n str> {
        match (self.container, self.steps.get(1)) {
            (Some(container), Some(Step::Name(key))) => container.get(key)?.text("type"),
            _ => self.root.text("type"),
        }
    }

    /// §7.3: the name is the id of an extension definition, and the type of the extension is said.
    fn defined_extension(&mut self, member: &'n Member<'n>) {
        let node = &member.node;
        if let Err(error) = id::split(&member.name) {
            self.error(node, "§2.9", error.to_string());
        }
        match node.get("extension_type") {
            None => self.error(node, "§3.2", "the required property extension_type is missing"),
            Some(given) => {
                let known = self.schema.terms_named("extension-type-enum");
                let well = given.as_str().is_some_and(|text| known.is_some_and(|known| known.contains(text)));
                if !well {
                    let what = "this is no term of extension-type-enum";
                    self.at(Step::Name("extension_type"), |on| on.error(given, "§10.5", what));
                }
            }
        }
    }

    /// §11.3.1: custom extensions are for observables, and their names end with `-ext`.
    fn custom_extension(&mut self, member: &'n Member<'n>) {
        let node = &member.node;
        let own = self.extended_type().and_then(|name| self.schema.object(name));
        if own.is_some_and(|own| own.category != Category::Sco) {
            self.error(node, "§3.2", "an extension of this object is named by the id of its definition");
            return;
        }
        let name = member.name.as_bytes();
        let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        if !(3..=250).contains(&name.len()) || !name.iter().all(allowed) || !name.ends_with(b"-ext") {
            let what = "the name of a custom extension has lower-case letters, digits and hyphens and ends with -ext";
            self.error(node, "§11.3.1", what);
        } else {
            let own = member.name.strip_suffix("-ext").unwrap_or_default();
            let what = if is_prefixed(own, "x-", '-') {
                "a custom extension should be defined by an extension definition"
            } else {
                "a custom extension should be defined by an extension definition, or its name begin with x-, its source \
                 and a hyphen"
            };
            self.warning(node, "§11.3", what);
        }
        if let Some(given) = node.get("extension_type") {
            self.at(Step::Name("extension_type"), |on| on.base_value(given));
        }
    }
}

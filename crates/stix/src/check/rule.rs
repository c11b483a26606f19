//! A structure held against its type: what is there, what must be, and what must hold between the properties.

use super::Checker;
use crate::json::pointer::Step;
use crate::json::{Member, Node};
use crate::schema::{Category, Rule, Type};
use crate::timestamp::Timestamp;

/// Which properties of a type are there; the schema's test holds that there are no more than 64.
#[derive(Clone, Copy)]
struct Present(u64);

impl Present {
    fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

impl<'n> Checker<'n> {
    /// An object, a struct or an extension.
    pub(super) fn structure(&mut self, node: &'n Node<'n>, own: &'static Type) {
        let Some(members) = node.members() else {
            self.error(node, own.clause, format!("{} stands where an object is expected", node.kind()));
            return;
        };
        let mut present = Present(0);
        let mut others = 0_usize;
        for member in members {
            if let Some((index, property)) = own.property(&member.name) {
                present.0 |= 1 << index;
                self.at(Step::Name(&member.name), |on| {
                    on.value(&member.node, &property.kind, property.clause);
                });
            } else {
                others += usize::from(own.category == Category::Extension);
                self.unknown(node, member, own);
            }
        }
        self.required(node, own, present);
        for rule in &own.rules {
            self.rule(node, own, rule, present, others);
        }
    }

    fn unknown(&mut self, node: &'n Node<'n>, member: &'n Member<'n>, own: &'static Type) {
        let name: &str = &member.name;
        if own.forbidden.contains(&name) {
            let what = format!("{name} must not stand in an object of type {}", own.name);
            self.at(Step::Name(&member.name), |on| on.error(&member.node, "§3.2", what));
        } else {
            self.custom_property(node, member, own);
        }
    }

    fn required(&mut self, node: &'n Node<'n>, own: &'static Type, present: Present) {
        for (index, property) in own.properties.iter().enumerate() {
            let missing = property.required && !present.has(index);
            // Observables in a container have no ids of their own (§2.13); a missing spec_version was told before.
            let excused =
                property.name == "spec_version" || (property.name == "id" && self.container.is_some());
            if missing && !excused {
                let what = format!("the required property {} is missing", property.name);
                self.error(node, property.clause, what);
            }
        }
    }

    fn rule(&mut self, node: &'n Node<'n>, own: &'static Type, rule: &Rule, present: Present, others: usize) {
        let names = |indexes: &[usize]| {
            indexes.iter().map(|index| own.name_of(*index)).collect::<Vec<&str>>().join(", ")
        };
        match rule {
            Rule::OneOf(indexes) if !indexes.iter().any(|index| present.has(*index)) => {
                self.error(node, own.clause, format!("one of {} must be there", names(indexes)));
            }
            Rule::ExactlyOneOf(indexes) => {
                let count = indexes.iter().filter(|index| present.has(**index)).count();
                if count != 1 {
                    let what = format!("one and only one of {} must be there, not {count}", names(indexes));
                    self.error(node, own.clause, what);
                }
            }
            Rule::Order { earlier, later, equal_allowed } => {
                self.order(node, own.clause, own.name_of(*earlier), own.name_of(*later), *equal_allowed);
            }
            Rule::Needs { if_present, value, then } if holds(node, own, *if_present, *value, present) => {
                for index in then.iter().filter(|index| !present.has(**index)) {
                    let what =
                        format!("{} needs {}", condition(own, *if_present, *value), own.name_of(*index));
                    self.error(node, own.clause, what);
                }
            }
            Rule::Forbids { if_present, value, then }
                if present.has(*then) && holds(node, own, *if_present, Some(*value), present) =>
            {
                let condition = condition(own, *if_present, Some(*value));
                let name = own.name_of(*then);
                let place = node.get(name).unwrap_or(node);
                let what = format!("{name} must not stand beside {condition}");
                self.at(Step::Name(name), |on| on.error(place, own.clause, what));
            }
            Rule::Some(besides) => {
                let counted = (0..own.properties.len()).filter(|index| !besides.contains(index));
                if others == 0 && !counted.into_iter().any(|index| present.has(index)) {
                    self.error(node, own.clause, "at least one property of its own must be there");
                }
            }
            Rule::Should(index) if !present.has(*index) => {
                self.warning(node, own.clause, format!("{} should be there", own.name_of(*index)));
            }
            Rule::ShouldBeside { if_present, then } if present.has(*if_present) && !present.has(*then) => {
                let what = format!("{} should stand beside {}", own.name_of(*then), own.name_of(*if_present));
                self.warning(node, own.clause, what);
            }
            _ => {}
        }
    }

    pub(super) fn order(
        &mut self,
        node: &'n Node<'n>,
        clause: &'static str,
        earlier: &'static str,
        later: &'static str,
        equal_allowed: bool,
    ) {
        let time = |name| node.text(name).and_then(Timestamp::parse);
        let (Some(first), Some(second), Some(place)) = (time(earlier), time(later), node.get(later)) else {
            return;
        };
        if second < first || (second == first && !equal_allowed) {
            let clause = if later == "modified" { "§3.2" } else { clause };
            let what = if equal_allowed {
                format!("{later} must not be earlier than {earlier}")
            } else {
                format!("{later} must be later than {earlier}")
            };
            self.at(Step::Name(later), |on| on.error(place, clause, what));
        }
    }
}

/// Whether a property is there, with this value if one is asked for.
fn holds(node: &Node<'_>, own: &Type, index: usize, value: Option<bool>, present: Present) -> bool {
    present.has(index)
        && value.is_none_or(|value| node.get(own.name_of(index)).and_then(Node::as_bool) == Some(value))
}

fn condition(own: &Type, index: usize, value: Option<bool>) -> String {
    let name = own.name_of(index);
    value.map_or_else(|| name.to_owned(), |value| format!("{name} of {value}"))
}

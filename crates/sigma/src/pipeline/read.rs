//! Reading a pipeline's file.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::{Conditions, FieldCondition, Item, Names, Pipeline, RuleCondition, Transformation};
use crate::limits::REGEX_BYTES_MAX;
use crate::parse::Placeholders;
use crate::problem::{Problem, Problems, Severity};
use crate::rule::LogSource;
use crate::yaml::{self, Kind, Node};

const TRANSFORMATIONS: &str = "field_name_mapping, field_name_prefix_mapping, field_name_prefix, field_name_suffix, \
    change_logsource, add_condition, replace_string, drop_detection_item, value_placeholders, wildcard_placeholders and \
    rule_failure";

pub(super) fn pipeline(file: &str, text: &str) -> (Option<Pipeline>, Vec<Problem>) {
    let mut reader = Reader { problems: Problems::default() };
    let nodes = yaml::read_into(&Arc::from(file), text, &mut reader.problems);
    let pipeline = nodes.first().and_then(|node| reader.pipeline(file, node));
    if let Some(more) = nodes.get(1) {
        reader.problems.refuse(&more.place, "a pipeline is one document");
    } else if nodes.is_empty() && reader.problems.refusals() == 0 {
        let start = crate::problem::Place { file: Arc::from(file), line: 1, column: 1 };
        reader.problems.refuse(&start, "an empty file is no pipeline");
    }
    let problems = reader.problems.into_list();
    let refused = problems.iter().any(|problem| problem.severity == Severity::Refused);
    (pipeline.filter(|_| !refused), problems)
}

struct Reader {
    problems: Problems,
}

impl Reader {
    fn pipeline(&mut self, file: &str, node: &Node) -> Option<Pipeline> {
        let known = ["name", "priority", "vars", "transformations", "allowed_backends"];
        if node.get("transformations").is_none() {
            self.problems.refuse_with(&node.place, "no `transformations`", "a pipeline is a list of them");
        }
        self.only(node, &known, "is not about rules");
        let items = node.get("transformations").map(Node::items).unwrap_or_default();
        let items = items.iter().filter_map(|item| self.item(item)).collect();
        let priority = match node.get("priority") {
            None => 0,
            Some(priority) => self.demand(priority, priority.integer(), "`priority` is a whole number")?,
        };
        let name = node.get("name").and_then(Node::text).unwrap_or(file).to_owned();
        Some(Pipeline { name, priority, vars: vars(node.get("vars")), items })
    }

    fn item(&mut self, node: &Node) -> Option<Item> {
        let kind = node.get("type").and_then(Node::text);
        let kind = self.demand(node, kind, "a transformation needs a `type`")?;
        let transformation = self.transformation(kind, node)?;
        let rules = self.conditions(node, "rule", Self::rule_condition)?;
        let fields = self.conditions(node, "field_name", Self::field_condition)?;
        if matches!(transformation, Transformation::DropDetectionItem) && fields.list.is_empty() {
            let hint = "say which with `field_name_conditions`";
            self.problems.refuse_with(&node.place, "this would drop every test of every rule", hint);
            return None;
        }
        Some(Item { place: node.place.clone(), transformation, rules, fields })
    }

    fn transformation(&mut self, kind: &str, node: &Node) -> Option<Transformation> {
        let own: &[&str] = match kind {
            "field_name_mapping" | "field_name_prefix_mapping" => &["mapping"],
            "field_name_prefix" => &["prefix"],
            "field_name_suffix" => &["suffix"],
            "change_logsource" => &["category", "product", "service"],
            "add_condition" => &["conditions", "negated", "name"],
            "replace_string" => &["regex", "replacement"],
            "drop_detection_item" => &[],
            "value_placeholders" | "wildcard_placeholders" => &["include", "exclude"],
            "rule_failure" => &["message"],
            _ => {
                let place = node.get("type").map_or(&node.place, |kind| &kind.place);
                let message = format!("the transformation `{kind}` is not supported");
                self.problems.refuse_with(place, message, format!("there are {TRANSFORMATIONS}"));
                return None;
            }
        };
        let common =
            ["id", "type", "rule_conditions", "rule_cond_op", "rule_cond_not", "field_name_conditions"];
        let more = ["field_name_cond_op", "field_name_cond_not"];
        self.only(node, &[own, &common, &more].concat(), "is not supported here");
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        let list = |key: &str| -> Vec<String> {
            node.get(key).map(|node| node.texts().map(str::to_owned).collect()).unwrap_or_default()
        };
        Some(match kind {
            "field_name_mapping" => Transformation::FieldNames(self.mapping(node)?),
            "field_name_prefix_mapping" => Transformation::FieldPrefixes(self.mapping(node)?),
            "field_name_prefix" | "field_name_suffix" => Transformation::FieldAffix {
                prefix: text("prefix").unwrap_or_default(),
                suffix: text("suffix").unwrap_or_default(),
            },
            "change_logsource" => Transformation::ChangeLogSource(self.logsource(node)?),
            "add_condition" => self.add_condition(node)?,
            "replace_string" => self.replace_string(node)?,
            "drop_detection_item" => Transformation::DropDetectionItem,
            "value_placeholders" => {
                Transformation::ValuePlaceholders { include: list("include"), exclude: list("exclude") }
            }
            "wildcard_placeholders" => {
                Transformation::WildcardPlaceholders { include: list("include"), exclude: list("exclude") }
            }
            _ => Transformation::RuleFailure(
                text("message").unwrap_or_else(|| "the pipeline refuses it".to_owned()),
            ),
        })
    }

    fn mapping(&mut self, node: &Node) -> Option<Vec<(String, Vec<String>)>> {
        let entries = node.get("mapping").map(Node::entries).unwrap_or_default();
        let mut mapping = Vec::with_capacity(entries.len());
        for entry in entries {
            let names: Vec<String> = entry.value.texts().map(str::to_owned).collect();
            let names = (!names.is_empty()).then_some(names);
            let names = self.demand(&entry.value, names, "a field is mapped to a name or a list of names")?;
            mapping.push((entry.key.clone(), names));
        }
        let mapping = (!mapping.is_empty()).then_some(mapping);
        self.demand(node, mapping, "the transformation needs a `mapping`")
    }

    fn logsource(&mut self, node: &Node) -> Option<LogSource> {
        let read = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        let source =
            LogSource { product: read("product"), category: read("category"), service: read("service") };
        let source = (!source.is_empty()).then_some(source);
        self.demand(node, source, "a log source states `category`, `product` or `service`")
    }

    fn add_condition(&mut self, node: &Node) -> Option<Transformation> {
        let entries = node.get("conditions").map(Node::entries).unwrap_or_default();
        let entries = (!entries.is_empty()).then(|| entries.to_vec());
        let entries = self.demand(node, entries, "`conditions` is a map of fields and values")?;
        let negated = node.get("negated").and_then(Node::boolean).unwrap_or(false);
        Some(Transformation::AddCondition { entries, negated })
    }

    fn replace_string(&mut self, node: &Node) -> Option<Transformation> {
        let written = node.get("regex");
        let regex = self.regex(written.unwrap_or(node), written.and_then(Node::text).unwrap_or_default())?;
        let replacement = node.get("replacement").and_then(Node::text).map(of_python);
        let replacement = self.demand(node, replacement, "`replace_string` needs a `replacement`")?;
        Some(Transformation::ReplaceString { regex, replacement })
    }

    fn regex(&mut self, node: &Node, text: &str) -> Option<Regex> {
        let built = RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build().ok();
        let built = built.filter(|_| !text.is_empty());
        self.demand(node, built, "not a regular expression that can be used here")
    }

    fn conditions<T>(
        &mut self,
        node: &Node,
        about: &str,
        read: fn(&mut Self, &Node) -> Option<T>,
    ) -> Option<Conditions<T>> {
        let key = |suffix: &str| format!("{about}_cond{suffix}");
        let any = match node.get(&key("_op")) {
            None => false,
            Some(word) => {
                let any = match word.text() {
                    Some("and") => Some(false),
                    Some("or") => Some(true),
                    _ => None,
                };
                self.demand(word, any, "conditions are joined by `and` or `or`")?
            }
        };
        let negated = node.get(&key("_not")).and_then(Node::boolean).unwrap_or(false);
        let Some(conditions) = node.get(&key("itions")) else {
            return Some(Conditions { list: Vec::new(), any, negated });
        };
        // A list, or a map whose keys are names for an expression that nobody here reads.
        let named: Vec<&Node> = conditions.entries().iter().map(|entry| &entry.value).collect();
        let listed: Vec<&Node> = if named.is_empty() { conditions.items().iter().collect() } else { named };
        let list: Option<Vec<T>> = listed.into_iter().map(|condition| read(self, condition)).collect();
        let list = list?;
        let list = (!list.is_empty()).then_some(list);
        Some(Conditions { list: self.demand(conditions, list, "no condition is given")?, any, negated })
    }

    fn rule_condition(&mut self, node: &Node) -> Option<RuleCondition> {
        match node.get("type").and_then(Node::text).unwrap_or_default() {
            "logsource" => {
                self.only(node, &["type", "category", "product", "service"], "is no part of a log source");
                Some(RuleCondition::LogSource(self.logsource(node)?))
            }
            "tag" => {
                let tag = node.get("tag").and_then(Node::text).map(str::to_owned);
                Some(RuleCondition::Tag(self.demand(node, tag, "the condition needs a `tag`")?))
            }
            "is_sigma_rule" => Some(RuleCondition::Rule),
            "is_sigma_correlation_rule" => Some(RuleCondition::Correlation),
            other => {
                let hint = "there are logsource, tag, is_sigma_rule and is_sigma_correlation_rule";
                self.problems.refuse_with(
                    &node.place,
                    format!("the condition `{other}` is not supported"),
                    hint,
                );
                None
            }
        }
    }

    fn field_condition(&mut self, node: &Node) -> Option<FieldCondition> {
        let kind = node.get("type").and_then(Node::text).unwrap_or_default();
        let fields: Vec<&str> = node.get("fields").map(|fields| fields.texts().collect()).unwrap_or_default();
        let fields = (!fields.is_empty()).then_some(fields);
        let fields = self.demand(node, fields, "the condition needs `fields`")?;
        let names = match node.get("mode").and_then(Node::text).unwrap_or("plain") {
            "re" => {
                let patterns: Option<Vec<Regex>> =
                    fields.iter().map(|field| self.regex(node, field)).collect();
                Names::Patterns(patterns?)
            }
            _ => Names::Plain(fields.iter().map(|&field| field.to_owned()).collect()),
        };
        match kind {
            "include_fields" => Some(FieldCondition::Include(names)),
            "exclude_fields" => Some(FieldCondition::Exclude(names)),
            other => {
                let message = format!("the condition `{other}` is not supported");
                self.problems.refuse_with(
                    &node.place,
                    message,
                    "there are include_fields and exclude_fields",
                );
                None
            }
        }
    }

    /// The value, or a refusal where it should stand.
    fn demand<T>(&mut self, node: &Node, value: Option<T>, otherwise: &str) -> Option<T> {
        if value.is_none() {
            self.problems.refuse(&node.place, otherwise);
        }
        value
    }

    fn only(&mut self, node: &Node, known: &[&str], otherwise: &str) {
        if !matches!(node.kind, Kind::Map(_)) {
            self.problems.refuse(&node.place, format!("a map is expected, not {}", node.describe()));
        }
        for entry in node.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("`{}` {otherwise}", entry.key);
            self.problems.refuse_with(&entry.place, message, format!("there are {}", known.join(", ")));
        }
    }
}

fn vars(node: Option<&Node>) -> Placeholders {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.texts().map(str::to_owned).collect()))
        .collect()
}

/// A replacement as Python writes it: `\1` and `\g<name>` are groups, a dollar sign is itself.
fn of_python(text: &str) -> String {
    let mut replacement = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '$' => replacement.push_str("$$"),
            '\\' => match rest.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    replacement.push_str("${");
                    replacement.push(digit);
                    while let Some(more) = rest.next_if(char::is_ascii_digit) {
                        replacement.push(more);
                    }
                    replacement.push('}');
                }
                Some('g') if rest.peek() == Some(&'<') => {
                    rest.next();
                    let name: String = rest.by_ref().take_while(|&c| c != '>').collect();
                    replacement.extend(["${", name.as_str(), "}"]);
                }
                Some(other) => replacement.push(other),
                None => replacement.push('\\'),
            },
            c => replacement.push(c),
        }
    }
    replacement
}

//! The values of one field, as an expression.
//!
//! Values of a list are linked by or, with `all` by and; `neq` is true of a record for which the whole of that is
//! false. So `neq` is also true where the field is absent: "the field is different from the specified values".

use super::Reader;
use super::encode;
use super::expand;
use super::modifiers::{Kind, Modifiers, Transform};
use crate::check::Check;
use crate::check::How;
use crate::check::network::{Network, NotANetwork};
use crate::check::number::{Comparison, Number};
use crate::check::regexp::{Flags, Regexp};
use crate::expr::{Expr, Test};
use crate::pattern::Pattern;
use crate::problem::Place;
use crate::yaml::{Kind as NodeKind, Node, Scalar};

impl Reader<'_> {
    /// The expression for `values` of `field` (none: the whole record) under `modifiers`.
    pub(super) fn values(
        &mut self,
        field: Option<String>,
        place: &Place,
        values: &[&Node],
        modifiers: &Modifiers,
    ) -> Option<Expr> {
        if field.is_none() && !matches!(modifiers.kind, Kind::Text | Kind::Regex(_)) {
            self.problems.refuse(place, "a keyword search compares text or matches `re`, nothing else");
            return None;
        }
        if modifiers.kind == Kind::Exists {
            return self.existence(field, place, values);
        }
        let nulls = values.iter().filter(|value| value.kind == NodeKind::Null).count();
        if nulls > 0 {
            self.null(field.as_deref(), place, values.len(), modifiers)?;
        }
        let present: Vec<&Node> =
            values.iter().copied().filter(|value| value.kind != NodeKind::Null).collect();
        self.count_values(place, present.len())?;
        let mut parts = self.checks(field.as_deref(), &present, modifiers)?;
        if nulls > 0 {
            parts.push(vec![Check::Null]);
        }
        Some(linked(field.as_deref(), parts, modifiers))
    }

    /// "`null` cannot be part of a list of field values as it is its own type" ("Special Field Values"). Rules do
    /// so all the same, and what they mean is plain.
    fn null(
        &mut self,
        field: Option<&str>,
        place: &Place,
        count: usize,
        modifiers: &Modifiers,
    ) -> Option<()> {
        if field.is_none() || modifiers.kind != Kind::Text || !modifiers.transforms.is_empty() {
            self.problems.refuse_with(
                place,
                "null cannot be modified",
                "null says that the field has no value",
            );
            return None;
        }
        if count > 1 {
            self.problems.warn(place, "null in a list of values", "give null a search identifier of its own");
        }
        Some(())
    }

    /// For each value, the checks of which one must hold.
    fn checks(
        &mut self,
        field: Option<&str>,
        values: &[&Node],
        modifiers: &Modifiers,
    ) -> Option<Vec<Vec<Check>>> {
        let keyword = field.is_none();
        // All the values of a list are read, so that all that is wrong is told at once.
        let read: Vec<Option<Vec<Check>>> =
            values.iter().map(|value| self.value(value, modifiers, keyword)).collect();
        read.into_iter().collect()
    }

    fn value(&mut self, node: &Node, modifiers: &Modifiers, keyword: bool) -> Option<Vec<Check>> {
        let Some(written) = node.text() else {
            self.problems.refuse(&node.place, format!("{} cannot be the value of a field", node.describe()));
            return None;
        };
        // Nearly all values are plain texts.
        if modifiers.kind == Kind::Text && !modifiers.expand {
            let any = self.patterns(node, written, modifiers, keyword)?;
            return Some(vec![Check::Text { any, cased: modifiers.cased }]);
        }
        let texts = self.expanded(node, written, modifiers)?;
        self.count_values(&node.place, texts.len() - 1)?;
        match modifiers.kind {
            Kind::Text => {
                let patterns: Option<Vec<Vec<Pattern>>> =
                    texts.iter().map(|text| self.patterns(node, text, modifiers, keyword)).collect();
                let any = patterns?.concat();
                Some(vec![Check::Text { any, cased: modifiers.cased }])
            }
            Kind::Regex(flags) => {
                texts.iter().map(|text| self.regex(node, text, flags, modifiers.how())).collect()
            }
            Kind::Cidr => {
                let networks: Option<Vec<Network>> =
                    texts.iter().map(|text| self.network(node, text)).collect();
                Some(vec![Check::Cidr(networks?)])
            }
            Kind::Number => texts.iter().map(|text| self.number(node, text, modifiers)).collect(),
            Kind::Time(part) => {
                let comparison = modifiers.comparison.unwrap_or(Comparison::Equal);
                let number = self.whole(node)?;
                Some(vec![Check::Time(part, comparison, number)])
            }
            // Dealt with in `values`.
            Kind::Exists => Some(vec![Check::Exists]),
            Kind::FieldRef => {
                let how = modifiers.how();
                Some(vec![Check::FieldRef { field: written.to_owned(), how, cased: modifiers.cased }])
            }
        }
    }

    /// The value, or the values that its placeholders stand for.
    fn expanded(&mut self, node: &Node, written: &str, modifiers: &Modifiers) -> Option<Vec<String>> {
        if !modifiers.expand {
            return Some(vec![written.to_owned()]);
        }
        match expand::expand(written, &self.placeholders) {
            Ok(texts) => Some(texts),
            Err(fault) => {
                self.problems.refuse_with(&node.place, fault.to_string(), fault.hint());
                None
            }
        }
    }

    fn patterns(
        &mut self,
        node: &Node,
        text: &str,
        modifiers: &Modifiers,
        keyword: bool,
    ) -> Option<Vec<Pattern>> {
        let start = match node.scalar {
            // An integer is its value, in whichever base it was written.
            Scalar::Integer(number) if !modifiers.expand => Pattern::literal(&number.to_string()),
            Scalar::Float | Scalar::Boolean(_) => Pattern::literal(text),
            Scalar::Integer(_) | Scalar::Text => Pattern::parse(text),
        };
        let mut patterns = vec![start];
        for transform in &modifiers.transforms {
            let changed: Result<Vec<Pattern>, encode::Wildcard> = match transform {
                Transform::Base64Offset => patterns
                    .iter()
                    .map(encode::base64_offsets)
                    .collect::<Result<Vec<_>, _>>()
                    .map(|patterns| patterns.concat()),
                _ => patterns.into_iter().map(|pattern| change(pattern, *transform)).collect(),
            };
            match changed {
                Ok(changed) => patterns = changed,
                Err(wildcard) => {
                    self.problems.refuse_with(
                        &node.place,
                        wildcard.to_string(),
                        "escape it with a backslash",
                    );
                    return None;
                }
            }
        }
        // A keyword may stand anywhere ("Keywords search": across an entire event).
        if keyword && modifiers.how() == How::Equals {
            patterns = patterns.into_iter().map(|pattern| pattern.open_start().open_end()).collect();
        }
        Some(patterns)
    }

    fn regex(&mut self, node: &Node, text: &str, flags: Flags, how: How) -> Option<Check> {
        let held = match how {
            How::StartsWith => format!("^(?:{text})"),
            How::EndsWith => format!("(?:{text})$"),
            // An expression matches anywhere as it is.
            How::Equals | How::Contains => text.to_owned(),
        };
        match Regexp::new(&held, flags) {
            Ok(regexp) => Some(Check::Regex(regexp)),
            Err(error) => {
                let hint = "look-around and back-references are outside the subset of PCRE that Sigma allows";
                self.problems.refuse_with(&node.place, format!("not a regular expression: {error}"), hint);
                None
            }
        }
    }

    fn network(&mut self, node: &Node, text: &str) -> Option<Network> {
        match text.parse() {
            Ok(network) => Some(network),
            Err(error) => {
                let hint = match &error {
                    NotANetwork::HostBits(_, meant) => format!("`{meant}` has none"),
                    NotANetwork::Unreadable(_) => "such as `10.0.0.0/8` or `fe80::/10`".to_owned(),
                };
                self.problems.refuse_with(&node.place, error.to_string(), hint);
                None
            }
        }
    }

    fn number(&mut self, node: &Node, text: &str, modifiers: &Modifiers) -> Option<Check> {
        let number = node.integer().map(Number::Whole).or_else(|| Number::parse(text.as_bytes()));
        let comparison = modifiers.comparison.unwrap_or(Comparison::Equal);
        if number.is_none() {
            self.problems.refuse(&node.place, format!("`{text}` is not a number"));
        }
        Some(Check::Compare(comparison, number?))
    }

    fn whole(&mut self, node: &Node) -> Option<i64> {
        let number = node.integer().or_else(|| node.text()?.parse().ok());
        if number.is_none() {
            self.problems.refuse(&node.place, "a part of a date is a whole number");
        }
        number
    }

    /// "a certain field has to exist or must not exist … by providing a boolean value".
    fn existence(&mut self, field: Option<String>, place: &Place, values: &[&Node]) -> Option<Expr> {
        let expected = match values {
            [node] => node.boolean().or_else(|| node.text()?.to_ascii_lowercase().parse().ok()),
            _ => None,
        };
        let Some(expected) = expected else {
            self.problems.refuse(place, "`exists` takes true or false");
            return None;
        };
        let test = Expr::Test(Test { field, check: Check::Exists });
        Some(if expected { test } else { Expr::not(test) })
    }
}

/// Changes a value into one other.
fn change(pattern: Pattern, transform: Transform) -> Result<Pattern, encode::Wildcard> {
    Ok(match transform {
        Transform::Contains => pattern.open_start().open_end(),
        Transform::StartsWith => pattern.open_end(),
        Transform::EndsWith => pattern.open_start(),
        Transform::Windash => pattern.with_dashes(),
        Transform::Base64 => encode::base64(&pattern)?,
        Transform::Base64Offset => pattern,
        Transform::Utf16Le => encode::utf16(&pattern, encode::Order::Little)?,
        Transform::Utf16Be => encode::utf16(&pattern, encode::Order::Big)?,
        Transform::Utf16 => encode::utf16_with_mark(&pattern)?,
    })
}

/// Links the checks of the values: or, or with `all` and; then `neq` over the whole.
fn linked(field: Option<&str>, values: Vec<Vec<Check>>, modifiers: &Modifiers) -> Expr {
    let test = |check| Expr::Test(Test { field: field.map(str::to_owned), check });
    let expr = if modifiers.all {
        let parts = values.into_iter().map(|checks| Expr::any(checks.into_iter().map(test).collect()));
        Expr::all(parts.collect())
    } else {
        Expr::any(merged(values).into_iter().map(test).collect())
    };
    if modifiers.neq { Expr::not(expr) } else { expr }
}

/// Texts of one list become one check, networks too: what a list costs must not grow with its length.
fn merged(values: Vec<Vec<Check>>) -> Vec<Check> {
    let (mut texts, mut case, mut networks, mut others) = (Vec::new(), false, Vec::new(), Vec::new());
    for check in values.into_iter().flatten() {
        match check {
            Check::Text { any, cased } => {
                case = cased;
                texts.extend(any);
            }
            Check::Cidr(more) => networks.extend(more),
            other => others.push(other),
        }
    }
    if !texts.is_empty() {
        others.insert(0, Check::Text { any: texts, cased: case });
    }
    if !networks.is_empty() {
        others.insert(0, Check::Cidr(networks));
    }
    others
}

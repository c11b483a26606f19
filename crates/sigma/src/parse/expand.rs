//! Placeholders: `%name%` in values under the `expand` modifier.
//!
//! `\%` is a plain percent sign ("Placeholders"). What a placeholder stands for is put in as it was given, so it may
//! be a pattern; several values are tried one for one.

use super::Placeholders;

/// Values that one value may turn into: a few placeholders of a few hundred machines each, not their product.
const EXPANSIONS_MAX: usize = 100_000;

/// Why a value cannot be expanded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("nobody defined the placeholder `%{0}%`")]
    Undefined(String),
    #[error("`expand` on a value without a placeholder")]
    Nothing,
    #[error("the placeholders expand to more than {EXPANSIONS_MAX} values")]
    TooMany,
}

impl Fault {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "a rule with placeholders needs their values for this environment",
            Self::Nothing => "a placeholder is written `%name%`",
            Self::TooMany => "use fewer placeholders in one value",
        }
    }
}

/// Replaces every placeholder by each of its values.
pub(super) fn expand(text: &str, placeholders: &Placeholders) -> Result<Vec<String>, Fault> {
    let parts = parts(text);
    if !parts.iter().any(|part| matches!(part, Part::Name(_))) {
        return Err(Fault::Nothing);
    }
    let mut texts = vec![String::new()];
    for part in parts {
        match part {
            Part::Plain(plain) => texts.iter_mut().for_each(|text| text.push_str(&plain)),
            Part::Name(name) => {
                let values = placeholders.get(name).filter(|values| !values.is_empty());
                let values = values.ok_or_else(|| Fault::Undefined(name.to_owned()))?;
                if texts.len().saturating_mul(values.len()) > EXPANSIONS_MAX {
                    return Err(Fault::TooMany);
                }
                texts = texts
                    .iter()
                    .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
                    .collect();
            }
        }
    }
    Ok(texts)
}

/// The names of the placeholders in a value.
pub(super) fn names(text: &str) -> Vec<String> {
    let name = |part: Part<'_>| match part {
        Part::Name(name) => Some(name.to_owned()),
        Part::Plain(_) => None,
    };
    parts(text).into_iter().filter_map(name).collect()
}

enum Part<'a> {
    Plain(String),
    Name(&'a str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\%") {
            plain.push('%');
            rest = after;
        } else if let Some((name, after)) = placeholder(rest) {
            parts.push(Part::Plain(std::mem::take(&mut plain)));
            parts.push(Part::Name(name));
            rest = after;
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    parts.push(Part::Plain(plain));
    parts
}

/// A placeholder at the beginning, and what follows it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('%')?.split_once('%')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    is_name.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_multiply() {
        let placeholders = Placeholders::from([
            ("servers".to_owned(), vec!["srv*".to_owned(), "dc1".to_owned()]),
            ("x".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
        ]);
        let of = |text| expand(text, &placeholders);
        assert_eq!(of("%servers%"), Ok(vec!["srv*".into(), "dc1".into()]));
        assert_eq!(of(r"a%x%b%x%"), Ok(["a1b1", "a1b2", "a2b1", "a2b2"].map(String::from).to_vec()));
        assert_eq!(of(r"\%plain%x%"), Ok(vec!["%plain1".into(), "%plain2".into()]));
        assert_eq!(of("%nobody%"), Err(Fault::Undefined("nobody".into())));
        assert_eq!(of("100%"), Err(Fault::Nothing));
    }
}

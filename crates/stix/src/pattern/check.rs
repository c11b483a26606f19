//! What a pattern must keep to beyond its grammar.

use std::collections::BTreeSet;

use super::address::Network;
use super::ast::{Comparison, ComparisonExpression, Constant, Step, Test};
use super::problem::Rule;
use super::regexp::Regexp;

/// The object types that can satisfy all of these expressions. "All operands of AND MUST be satisfiable with the same
/// object" (STIX 2.1 §9.5).
pub(crate) fn common_types(parts: &[ComparisonExpression]) -> BTreeSet<&str> {
    let mut parts = parts.iter().map(types);
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |common, types| common.intersection(&types).copied().collect())
}

fn types(expression: &ComparisonExpression) -> BTreeSet<&str> {
    match expression {
        ComparisonExpression::Test(test) => BTreeSet::from([test.path.object_type.as_str()]),
        ComparisonExpression::And(parts) => common_types(parts),
        ComparisonExpression::Or(parts) => parts.iter().flat_map(types).collect(),
    }
}

/// What is wrong with the constant of a test.
pub(crate) fn constant(test: &Test) -> Option<(Rule, String)> {
    let wrong = |message: String| Some((Rule::Constant, message));
    match &test.comparison {
        Comparison::In(set) => {
            if set.windows(2).any(|pair| kind(&pair[0]) != kind(&pair[1])) {
                return wrong("the constants of a set are of different types".to_owned());
            }
            set.iter().find_map(|constant| hash(test, constant))
        }
        Comparison::Equal(constant) => hash(test, constant),
        Comparison::IsSubset(text) | Comparison::IsSuperset(text) if Network::parse(text).is_none() => {
            wrong(format!("`{text}` is no address or network"))
        }
        Comparison::Matches(text) => Regexp::new(text).err().and_then(|fault| wrong(fault.to_string())),
        _ => None,
    }
}

/// Types that may stand together in a set: numbers with numbers, octets with octets.
fn kind(constant: &Constant) -> u8 {
    match constant {
        Constant::Boolean(_) => 0,
        Constant::Integer(_) | Constant::Float(_) => 1,
        Constant::Text(_) => 2,
        Constant::Hex(_) | Constant::Binary(_) => 3,
        Constant::Timestamp(_) => 4,
    }
}

/// Hexadecimal digits that each algorithm gives, under its name without hyphens in upper case.
const HASH_DIGITS: [(&str, &[usize]); 14] = [
    ("MD5", &[32]),
    ("MD6", &[32, 40, 56, 64, 96, 128]),
    ("RIPEMD160", &[40]),
    ("SHA1", &[40]),
    ("SHA224", &[56]),
    ("SHA256", &[64]),
    ("SHA384", &[96]),
    ("SHA512", &[128]),
    ("SHA3224", &[56]),
    ("SHA3256", &[64]),
    ("SHA3384", &[96]),
    ("SHA3512", &[128]),
    ("WHIRLPOOL", &[128]),
    ("TLSH", &[70, 72]),
];

/// What is wrong with a constant as a hash under `hashes`.
fn hash(test: &Test, constant: &Constant) -> Option<(Rule, String)> {
    let Constant::Text(text) = constant else { return None };
    let [.., Step::Key(parent), Step::Key(algorithm)] = &test.path.steps[..] else { return None };
    if parent != "hashes" {
        return None;
    }
    let name = algorithm.replace('-', "").to_ascii_uppercase();
    let (_, lengths) = HASH_DIGITS.iter().find(|(known, _)| *known == name)?;
    // A TLSH may have its version in front.
    let digits = if name == "TLSH" { text.strip_prefix("T1").unwrap_or(text) } else { text };
    let fits = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!fits).then(|| (Rule::Hash, format!("`{text}` is no {algorithm} hash")))
}

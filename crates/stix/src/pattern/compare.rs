//! One value against one constant (STIX 2.1 §9.2, §9.6.1 to §9.6.4).

use std::cmp::Ordering;

use super::address::Network;
use super::ast::{Comparison, Constant, Order, Test};
use super::instant::instant;
use super::like::Like;
use super::problem::Fault;
use super::regexp::{NoRegexp, Regexp, nfc};
use super::resolve::Value;

/// A comparison made ready to be used again and again.
#[derive(Debug)]
pub(crate) enum Check {
    Equal(Constant),
    Order(Order, Constant),
    /// Strings, sorted, for values that are strings; everything for the others.
    In {
        texts: Vec<Box<str>>,
        all: Vec<Constant>,
    },
    Like(Like),
    Matches(Box<Regexp>),
    IsSubset(Network),
    IsSuperset(Network),
    Exists,
}

impl Check {
    /// `None` if the constant says nothing: such a pattern must not match (§9.4).
    pub(crate) fn new(test: &Test) -> Result<Self, NoCheck> {
        let check = match &test.comparison {
            Comparison::Equal(constant) => Self::Equal(known(constant)?),
            Comparison::Order(order, constant) => Self::Order(*order, known(constant)?),
            Comparison::In(set) => {
                let all = set.iter().map(known).collect::<Result<Vec<_>, _>>()?;
                let texts = all.iter().map(|constant| match constant {
                    Constant::Text(text) => Some(text.as_str().into()),
                    _ => None,
                });
                let mut texts: Vec<Box<str>> = texts.collect::<Option<_>>().unwrap_or_default();
                texts.sort_unstable();
                Self::In { texts, all }
            }
            Comparison::Like(text) => Self::Like(Like::new(text)),
            Comparison::Matches(text) => Self::Matches(Box::new(Regexp::new(text)?)),
            Comparison::IsSubset(text) => Self::IsSubset(network(text)?),
            Comparison::IsSuperset(text) => Self::IsSuperset(network(text)?),
            Comparison::Exists => Self::Exists,
        };
        Ok(check)
    }

    /// Whether the comparison holds. Types that cannot be compared give false.
    pub(crate) fn holds(&self, value: &Value<'_>) -> Result<bool, Fault> {
        Ok(match self {
            Self::Equal(constant) => compare(value, constant) == Some(Ordering::Equal),
            Self::Order(order, constant) => compare(value, constant).is_some_and(|found| order.allows(found)),
            Self::In { texts, all } => match value {
                Value::Text(text) if texts.len() == all.len() => {
                    texts.binary_search_by(|known| (**known).cmp(text)).is_ok()
                }
                _ => all.iter().any(|constant| compare(value, constant) == Some(Ordering::Equal)),
            },
            Self::Like(like) => match value {
                Value::Text(text) => like.matches(&nfc(text))?,
                Value::Octets(octets) => like.matches_octets(octets)?,
                _ => false,
            },
            Self::Matches(regexp) => match value {
                Value::Text(text) => regexp.is_found_in(&nfc(text))?,
                Value::Octets(octets) => regexp.is_found_in_octets(octets)?,
                _ => false,
            },
            Self::IsSubset(outer) => address(value).is_some_and(|inner| inner.is_subset_of(*outer)),
            Self::IsSuperset(inner) => address(value).is_some_and(|outer| inner.is_subset_of(outer)),
            Self::Exists => true,
        })
    }
}

/// Why a test cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCheck {
    #[error("`{0}` is a day that no calendar has")]
    Day(String),
    #[error("`{0}` is no address or network")]
    Network(String),
    #[error(transparent)]
    Regexp(#[from] NoRegexp),
}

fn known(constant: &Constant) -> Result<Constant, NoCheck> {
    match constant {
        Constant::Timestamp(timestamp) if timestamp.instant.is_none() => {
            Err(NoCheck::Day(timestamp.text.clone()))
        }
        other => Ok(other.clone()),
    }
}

fn network(text: &str) -> Result<Network, NoCheck> {
    Network::parse(text).ok_or_else(|| NoCheck::Network(text.to_owned()))
}

/// A value as a set of addresses.
pub(crate) fn address(value: &Value<'_>) -> Option<Network> {
    match value {
        Value::Text(text) => Network::parse(text),
        _ => None,
    }
}

impl Order {
    fn allows(self, found: Ordering) -> bool {
        match self {
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

/// How a value stands to a constant; `None` if they cannot be compared.
pub(crate) fn compare(value: &Value<'_>, constant: &Constant) -> Option<Ordering> {
    match (value, constant) {
        (Value::Boolean(value), Constant::Boolean(constant)) => Some(value.cmp(constant)),
        (Value::Integer(value), Constant::Integer(constant)) => Some(value.cmp(constant)),
        (Value::Integer(value), Constant::Float(constant)) => integer_with_float(*value, *constant),
        (Value::Float(value), Constant::Integer(constant)) => {
            integer_with_float(*constant, *value).map(Ordering::reverse)
        }
        (Value::Float(value), Constant::Float(constant)) => value.partial_cmp(constant),
        // Code points in order are bytes of UTF-8 in order (§9.6.2).
        (Value::Text(value), Constant::Text(constant)) => Some((**value).cmp(constant)),
        (Value::Text(value), Constant::Hex(constant) | Constant::Binary(constant)) => {
            text_with_octets(value, constant)
        }
        (Value::Octets(value), Constant::Hex(constant) | Constant::Binary(constant)) => {
            Some(value.as_ref().cmp(constant))
        }
        (Value::Octets(value), Constant::Text(constant)) => {
            text_with_octets(constant, value).map(Ordering::reverse)
        }
        (Value::Text(value), Constant::Timestamp(constant)) => {
            Some(instant(value).ok()?.cmp(&constant.instant?))
        }
        _ => None,
    }
}

/// Exact: "the full value must be compared and must not be truncated" (§9.2).
fn integer_with_float(integer: i128, float: f64) -> Option<Ordering> {
    /// 2^127, the first float beyond every integer here.
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc() as i128;
    let by_fraction = || 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal);
    Some(integer.cmp(&whole).then_with(by_fraction))
}

/// A string as octets, U+0000 to U+00FF as 00 to ff; others cannot be compared (§9.6.4).
fn text_with_octets(text: &str, octets: &[u8]) -> Option<Ordering> {
    let as_octets: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(character).ok()).collect();
    Some(as_octets?.as_slice().cmp(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[allow(clippy::needless_pass_by_value)] // cases read better without signs of borrowing
    fn check(value: Value<'_>, constant: Constant, expected: Option<Ordering>) {
        assert_eq!(compare(&value, &constant), expected, "{value:?} with {constant:?}");
    }

    #[test]
    fn numbers() {
        use Ordering::{Equal, Greater, Less};
        check(Value::Integer(1), Constant::Float(1.5), Some(Less));
        check(Value::Float(1.0), Constant::Integer(1), Some(Equal));
        check(Value::Float(-1.5), Constant::Integer(-1), Some(Less));
        check(Value::Float(-1.5), Constant::Integer(-2), Some(Greater));
        // 2^53 + 1 is no float; as floats the two would be equal.
        check(Value::Integer(9_007_199_254_740_993), Constant::Float(9_007_199_254_740_992.0), Some(Greater));
        check(Value::Float(1e300), Constant::Integer(i128::MAX), Some(Greater));
        check(Value::Float(-1e300), Constant::Integer(i128::MIN), Some(Less));
        check(Value::Boolean(true), Constant::Integer(1), None);
    }

    #[test]
    fn texts_and_octets() {
        use Ordering::{Equal, Greater, Less};
        check(Value::Text("o\u{300}"), Constant::Text("oz".to_owned()), Some(Greater));
        check(Value::Text("\u{f2}"), Constant::Text("z".to_owned()), Some(Greater));
        check(Value::Text("o"), Constant::Text("oz".to_owned()), Some(Less));
        check(Value::Text("\u{ff}"), Constant::Hex(vec![0xff]), Some(Equal));
        check(Value::Text("\u{103}"), Constant::Hex(vec![3]), None);
        check(Value::Octets(vec![0xff, 0].into()), Constant::Text("\u{ff}".to_owned()), Some(Greater));
    }
}

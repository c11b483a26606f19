//! Numbers: `lt`, `lte`, `gt`, `gte`.
//!
//! Whole numbers compare as whole numbers, because sizes and 64-bit identifiers lose digits as floating point.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A number in a rule or in a log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
}

/// The four modifiers, and equality for the time modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Whether an ordering of value to limit satisfies the comparison; what has no order satisfies none.
    pub(crate) fn holds(self, ordering: Option<Ordering>) -> bool {
        let Some(ordering) = ordering else { return false };
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// By the name of the modifier or of the correlation condition.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "neq" => Self::NotEqual,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}

impl Number {
    /// Reads a decimal number; white space around it does not matter.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text.trim_ascii()).ok()?;
        // Rust reads `inf` and `nan` as numbers; a log that says so did not mean one.
        if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
            return None;
        }
        text.parse().map(Self::Whole).or_else(|_| text.parse().map(Self::Real)).ok()
    }

    pub(crate) fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            _ => self.real().partial_cmp(&other.real()),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

impl Number {
    /// Identity, for sharing tests: two spellings of one number may count as two.
    fn bits(self) -> (bool, u64) {
        match self {
            Self::Whole(number) => (true, number as u64),
            Self::Real(number) => (false, number.to_bits()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimal_numbers_only() {
        let order =
            |a: &str, b: &str| Number::parse(a.as_bytes())?.partial_cmp(&Number::parse(b.as_bytes())?);
        assert_eq!(order("2", "10"), Some(Ordering::Less));
        assert_eq!(order(" 2.5 ", "2"), Some(Ordering::Greater));
        assert_eq!(order("9223372036854775807", "9223372036854775806"), Some(Ordering::Greater));
        assert_eq!(order("1e3", "1000"), Some(Ordering::Equal));
        for text in ["", "-", "0x10", "nan", "inf", "12 34", "1,5"] {
            assert!(Number::parse(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}

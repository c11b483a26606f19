//! What is wrong with a pattern, and where.

/// Which rule a pattern breaks; what follows from it is decided by who reads the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The grammar (STIX 2.1 §9.2 to §9.7), or a limit.
    Grammar,
    /// A constant that says nothing: a set of mixed types, a count of nothing, no address, no PCRE, no such day. Such
    /// a pattern MUST NOT match (§9.4).
    Constant,
    /// A test that holds for nothing, although it may be written.
    Never,
    /// Two qualifiers of one kind on one expression. STIX 2.0 lets that pass, 2.1 does not (§9.5.1).
    Qualifier,
    /// Operands of AND that no one object can satisfy (§9.5).
    Root,
    /// A hash that its algorithm cannot give.
    Hash,
}

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The pattern is valid; its author should look again.
    Warning,
    /// The pattern is invalid.
    Invalid,
}

/// One thing that is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct Problem {
    /// Where, in characters from 1.
    pub column: usize,
    /// Which rule.
    pub rule: Rule,
    /// Whether the pattern is valid all the same.
    pub severity: Severity,
    /// What: lower case, no full stop.
    pub message: String,
    /// How to mend it, where that is known.
    pub hint: Option<String>,
}

/// Why a valid pattern has no answer over some observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Too many ways to put observations into the places of the pattern.
    #[error(
        "the pattern is too ambiguous: gave up after {} ways to combine observations",
        super::limits::COMBINATION_STEPS_MAX
    )]
    Combinations,
    /// Too many observations asked for at once.
    #[error(
        "the pattern asks for more than {} observations in an order or a time",
        super::limits::PLACES_MAX
    )]
    Places,
    /// A regular expression that turns back too often on a value.
    #[error(
        "a regular expression is too ambiguous: gave up after {} steps back",
        super::limits::REGEX_BACKTRACKS_MAX
    )]
    Backtracks,
    /// A pattern of `LIKE` that has to look again and again.
    #[error("a pattern of LIKE is too ambiguous: gave up after {} steps", super::limits::LIKE_STEPS_MAX)]
    Like,
}

//! A pattern's tree, named after the specification's own terms (STIX 2.1 §9.1).
//!
//! The tree is a normal form: chains of one operator are one node, parentheses that change nothing are gone, `!=` is
//! a negated `=`. Two texts with the same tree mean the same.

use super::instant::{Span, Ticks};

/// An observation expression, or several joined by observation operators (§9.5).
#[derive(Clone, Debug, PartialEq)]
pub enum ObservationExpression {
    /// `[ … ]`: holds for one observation.
    Comparison(ComparisonExpression),
    /// All hold, on different observations.
    And(Vec<ObservationExpression>),
    /// One holds.
    Or(Vec<ObservationExpression>),
    /// All hold, on different observations, each no earlier than those before.
    FollowedBy(Vec<ObservationExpression>),
    /// Holds under a qualifier.
    Qualified(Box<ObservationExpression>, Qualifier),
}

/// What further restricts the observations of an expression (§9.5.1).
#[derive(Clone, Debug, PartialEq)]
pub enum Qualifier {
    /// `WITHIN x SECONDS`
    Within(Span),
    /// `REPEATS x TIMES`
    Repeats(u64),
    /// `START x STOP y`
    StartStop(Timestamp, Timestamp),
}

/// A comparison expression, or several joined by boolean operators (§9.6).
#[derive(Clone, Debug, PartialEq)]
pub enum ComparisonExpression {
    /// One comparison.
    Test(Test),
    /// All hold for the same object.
    And(Vec<ComparisonExpression>),
    /// One holds.
    Or(Vec<ComparisonExpression>),
}

/// An object path and what its values are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Where the values are.
    pub path: ObjectPath,
    /// Whether the comparison is negated. A path that leads nowhere still gives false.
    pub negated: bool,
    /// What they are compared with.
    pub comparison: Comparison,
}

/// A comparison operator with its constant (§9.6.1).
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// `=`; negated it is `!=`
    Equal(Constant),
    /// `<`, `<=`, `>`, `>=`
    Order(Order, Constant),
    /// `IN`
    In(Vec<Constant>),
    /// `LIKE`
    Like(String),
    /// `MATCHES`
    Matches(String),
    /// `ISSUBSET`
    IsSubset(String),
    /// `ISSUPERSET`
    IsSuperset(String),
    /// `EXISTS`
    Exists,
}

/// An operator that asks for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// `type:property.property[index]` (§9.7)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectPath {
    /// The `type` of the object at which the path starts.
    pub object_type: String,
    /// The way from there.
    pub steps: Vec<Step>,
}

/// One step of an object path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A property or a key of a dictionary.
    Key(String),
    /// An item of a list. The grammar lets negative indices pass; no list has such an item.
    Index(i64),
    /// `[*]`: every item of a list.
    All,
}

/// A constant (§9.2).
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// `true` or `false`
    Boolean(bool),
    /// `123`
    Integer(i128),
    /// `123.456`
    Float(f64),
    /// `'text'`
    Text(String),
    /// `h'ffc3'`
    Hex(Vec<u8>),
    /// `b'ABI='`
    Binary(Vec<u8>),
    /// `t'2014-01-13T07:03:17Z'`
    Timestamp(Timestamp),
}

/// A timestamp as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The text between the apostrophes.
    pub text: String,
    /// The instant; `None` for a day that no calendar has, which the grammar lets pass.
    pub(crate) instant: Option<Ticks>,
}

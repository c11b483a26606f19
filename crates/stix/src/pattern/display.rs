//! A pattern's normal form as text.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    Comparison, ComparisonExpression, Constant, ObjectPath, ObservationExpression, Order, Qualifier, Step,
    Test,
};
use super::lexer;

impl Display for ObservationExpression {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comparison(expression) => write!(out, "[{expression}]"),
            Self::And(parts) => {
                joined(out, parts, " AND ", |part| matches!(part, Self::Or(_) | Self::FollowedBy(_)))
            }
            Self::Or(parts) => joined(out, parts, " OR ", |part| matches!(part, Self::FollowedBy(_))),
            Self::FollowedBy(parts) => joined(out, parts, " FOLLOWEDBY ", |_| false),
            Self::Qualified(inner, qualifier) => {
                if inner.takes(qualifier) {
                    write!(out, "{inner} {qualifier}")
                } else {
                    write!(out, "({inner}) {qualifier}")
                }
            }
        }
    }
}

impl ObservationExpression {
    /// Whether a qualifier can follow without parentheses: not after an operator, and not twice of a kind.
    fn takes(&self, qualifier: &Qualifier) -> bool {
        match self {
            Self::Comparison(_) => true,
            Self::Qualified(inner, own) => {
                std::mem::discriminant(own) != std::mem::discriminant(qualifier)
                    && inner.takes(own)
                    && inner.takes(qualifier)
            }
            _ => false,
        }
    }
}

fn joined<T: Display>(
    out: &mut Formatter<'_>,
    parts: &[T],
    operator: &str,
    parentheses: impl Fn(&T) -> bool,
) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            out.write_str(operator)?;
        }
        if parentheses(part) { write!(out, "({part})")? } else { write!(out, "{part}")? }
    }
    Ok(())
}

impl Display for Qualifier {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(span) => write!(out, "WITHIN {span} SECONDS"),
            Self::Repeats(count) => write!(out, "REPEATS {count} TIMES"),
            Self::StartStop(start, stop) => write!(out, "START t'{}' STOP t'{}'", start.text, stop.text),
        }
    }
}

impl Display for ComparisonExpression {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(test) => write!(out, "{test}"),
            Self::And(parts) => joined(out, parts, " AND ", |part| matches!(part, Self::Or(_))),
            Self::Or(parts) => joined(out, parts, " OR ", |_| false),
        }
    }
}

impl Display for Test {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { path, negated, comparison } = self;
        let not = if *negated { "NOT " } else { "" };
        match comparison {
            Comparison::Exists => write!(out, "{not}EXISTS {path}"),
            Comparison::Equal(constant) if *negated => write!(out, "{path} != {constant}"),
            Comparison::Equal(constant) => write!(out, "{path} = {constant}"),
            Comparison::Order(order, constant) => write!(out, "{path} {not}{} {constant}", order.sign()),
            Comparison::In(set) => {
                write!(out, "{path} {not}IN (")?;
                joined(out, set, ", ", |_| false)?;
                out.write_char(')')
            }
            Comparison::Like(text) => write!(out, "{path} {not}LIKE {}", Quoted(text)),
            Comparison::Matches(text) => write!(out, "{path} {not}MATCHES {}", Quoted(text)),
            Comparison::IsSubset(text) => write!(out, "{path} {not}ISSUBSET {}", Quoted(text)),
            Comparison::IsSuperset(text) => write!(out, "{path} {not}ISSUPERSET {}", Quoted(text)),
        }
    }
}

impl Order {
    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Display for ObjectPath {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.object_type)?;
        for (number, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if number > 0 {
                        out.write_char('.')?;
                    }
                    if lexer::is_bare(key) { out.write_str(key)? } else { write!(out, "{}", Quoted(key))? }
                }
                Step::Index(index) => write!(out, "[{index}]")?,
                Step::All => out.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

impl Display for Constant {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Integer(value) => write!(out, "{value}"),
            // The grammar has no exponents, and a float has a point.
            Self::Float(value) => {
                let text = format!("{value}");
                let point = if text.contains('.') { "" } else { ".0" };
                write!(out, "{text}{point}")
            }
            Self::Text(text) => write!(out, "{}", Quoted(text)),
            Self::Hex(octets) => {
                out.write_str("h'")?;
                octets.iter().try_for_each(|octet| write!(out, "{octet:02x}"))?;
                out.write_char('\'')
            }
            Self::Binary(octets) => write!(out, "b'{}'", super::octets::to_base64(octets)),
            Self::Timestamp(timestamp) => write!(out, "t'{}'", timestamp.text),
        }
    }
}

/// A string constant: the apostrophe and the backslash are escaped, nothing else can be.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_char('\'')?;
        for character in self.0.chars() {
            if matches!(character, '\'' | '\\') {
                out.write_char('\\')?;
            }
            out.write_char(character)?;
        }
        out.write_char('\'')
    }
}

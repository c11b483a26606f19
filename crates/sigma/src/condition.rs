//! Conditions: how the search identifiers of a detection are joined.
//!
//! The grammar, least binding first ("Condition", operator precedence): `or`, `and`, `not`, `x of …`, parentheses.
//! A condition is read and resolved in one go: what comes out has no names in it any more, only the expressions that
//! the names stood for, so a misspelt name cannot survive as a test that is silently never true.

use crate::expr::Expr;
use crate::limits::{CONDITION_DEPTH_MAX, CONDITION_TOKENS_MAX, REFERENCES_MAX};

/// A search identifier and what it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) name: String,
    pub(crate) expr: Expr,
}

/// What is wrong with a condition.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the condition is empty")]
    Empty,
    #[error("the condition ends where {0} is expected")]
    Unfinished(&'static str),
    #[error("`{0}` in the condition is out of place")]
    Unexpected(String),
    #[error("unknown search identifier `{0}`")]
    Unknown(String),
    #[error("no search identifier matches `{0}`")]
    NoneOf(String),
    #[error("`{0} of` is not in the specification")]
    Quantity(String),
    #[error("aggregations after `|` are not in the specification")]
    Aggregation,
    #[error("the condition is nested or repeated too deeply")]
    TooLarge,
}

impl Fault {
    /// How to mend it.
    pub(crate) fn hint(&self, searches: &[Search]) -> Option<String> {
        let names = || searches.iter().map(|search| search.name.as_str()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Unknown(_) | Self::NoneOf(_) => Some(format!("the detection has: {}", names())),
            Self::Quantity(_) => Some("use `1 of`, `any of` or `all of`".into()),
            Self::Aggregation => Some("write a correlation rule".into()),
            _ => None,
        }
    }
}

/// Reads `text` and puts the searches in place of their names; `used` collects which were named.
pub(crate) fn resolve(text: &str, searches: &[Search], used: &mut Vec<bool>) -> Result<Expr, Fault> {
    let tokens = tokens(text)?;
    used.resize(searches.len(), false);
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, searches, used, copied: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(Fault::Unexpected(token.to_owned())),
    }
}

/// Parentheses are tokens of their own; everything else ends at white space.
fn tokens(text: &str) -> Result<Vec<&str>, Fault> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        if word.contains('|') {
            return Err(Fault::Aggregation);
        }
        tokens.extend(word.split_inclusive(['(', ')']).flat_map(|part| {
            let name = part.trim_end_matches(['(', ')']);
            [name, &part[name.len()..]]
        }));
    }
    tokens.retain(|token| !token.is_empty());
    match tokens.len() {
        0 => Err(Fault::Empty),
        count if count > CONDITION_TOKENS_MAX => Err(Fault::TooLarge),
        _ => Ok(tokens),
    }
}

struct Parser<'a> {
    tokens: &'a [&'a str],
    at: usize,
    depth: usize,
    searches: &'a [Search],
    used: &'a mut Vec<bool>,
    copied: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self, expected: &'static str) -> Result<&'a str, Fault> {
        let token = self.peek().ok_or(Fault::Unfinished(expected))?;
        self.at += 1;
        Ok(token)
    }

    /// Takes the next token if it is this word. Old rules write operators in capitals.
    fn take(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.and()?];
        while self.take("or") {
            parts.push(self.and()?);
        }
        Ok(Expr::any(parts))
    }

    fn and(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.not()?];
        while self.take("and") {
            parts.push(self.not()?);
        }
        Ok(Expr::all(parts))
    }

    fn not(&mut self) -> Result<Expr, Fault> {
        if !self.take("not") {
            return self.primary();
        }
        self.deeper()?;
        let inner = self.not()?;
        self.depth -= 1;
        Ok(Expr::not(inner))
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        if self.take("(") {
            self.deeper()?;
            let inner = self.or()?;
            self.depth -= 1;
            return match self.next("`)`")? {
                ")" => Ok(inner),
                other => Err(Fault::Unexpected(other.to_owned())),
            };
        }
        let word = self.next("a search identifier")?;
        if self.take("of") {
            let pattern = self.next("`them` or a pattern")?;
            return self.selector(word, pattern);
        }
        self.named(word)
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > CONDITION_DEPTH_MAX { Err(Fault::TooLarge) } else { Ok(()) }
    }

    fn named(&mut self, name: &str) -> Result<Expr, Fault> {
        if [")", "and", "or", "of"].iter().any(|word| name.eq_ignore_ascii_case(word)) {
            return Err(Fault::Unexpected(name.to_owned()));
        }
        let number = self.searches.iter().position(|search| search.name == name);
        self.copy(number.ok_or_else(|| Fault::Unknown(name.to_owned()))?)
    }

    /// `1 of …` and `all of …`.
    fn selector(&mut self, quantity: &str, pattern: &str) -> Result<Expr, Fault> {
        let all = match quantity.to_ascii_lowercase().as_str() {
            "1" | "any" => false,
            "all" => true,
            _ => return Err(Fault::Quantity(quantity.to_owned())),
        };
        let chosen: Vec<usize> = (0..self.searches.len())
            .filter(|&number| selects(pattern, &self.searches[number].name))
            .collect();
        if chosen.is_empty() {
            return Err(Fault::NoneOf(pattern.to_owned()));
        }
        let parts = chosen.into_iter().map(|number| self.copy(number)).collect::<Result<_, _>>()?;
        Ok(if all { Expr::all(parts) } else { Expr::any(parts) })
    }

    fn copy(&mut self, number: usize) -> Result<Expr, Fault> {
        self.copied += 1;
        if self.copied > REFERENCES_MAX {
            return Err(Fault::TooLarge);
        }
        self.used[number] = true;
        Ok(self.searches[number].expr.clone())
    }
}

/// Whether a selector's pattern takes in a name. Names that begin with an underscore are left out by convention,
/// of patterns as of `them` ("1/all of search-identifier-pattern: same as …"), unless the pattern asks for them.
fn selects(pattern: &str, name: &str) -> bool {
    if name.starts_with('_') && !pattern.starts_with('_') {
        return false;
    }
    pattern.eq_ignore_ascii_case("them") || wildcard(pattern, name)
}

/// `*` is any number of characters, at any place of the pattern.
fn wildcard(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::expr::Test;

    fn searches() -> Vec<Search> {
        let leaf = |name: &str| Search {
            name: name.to_owned(),
            expr: Expr::Test(Test { field: Some(name.to_owned()), check: Check::Exists }),
        };
        ["a", "b", "c", "sel_1", "sel_2", "_hidden", "_hidden_2"].into_iter().map(leaf).collect()
    }

    /// The expression with every operator in parentheses.
    fn show(expr: &Expr) -> String {
        let join = |parts: &[Expr], word: &str| {
            format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(word))
        };
        match expr {
            Expr::Test(test) => test.field.clone().unwrap_or_default(),
            Expr::Not(inner) => format!("!{}", show(inner)),
            Expr::And(parts) => join(parts, "&"),
            Expr::Or(parts) => join(parts, "|"),
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match resolve(text, &searches(), &mut Vec::new()) {
            Ok(expr) => show(&expr),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn precedence() {
        check("a", "a");
        check("a or b and c", "(a|(b&c))");
        check("a and b or c", "((a&b)|c)");
        check("not a and b", "(!a&b)");
        check("not (a and b)", "!(a&b)");
        check("not not a", "!!a");
        check("a and not b or c", "((a&!b)|c)");
        check("(a or b) and c", "((a|b)&c)");
        check("((a)or(b))and(c)", "((a|b)&c)");
        check("a AND NOT b OR c", "((a&!b)|c)");
        check("not 1 of sel_* and a", "(!(sel_1|sel_2)&a)");
        check("  a\n and\tb ", "(a&b)");
    }

    #[test]
    fn selectors() {
        check("1 of them", "(a|b|c|sel_1|sel_2)");
        check("any of sel_*", "(sel_1|sel_2)");
        check("all of sel_*", "(sel_1&sel_2)");
        check("all of them", "(a&b&c&sel_1&sel_2)");
        check("1 of *_1", "sel_1");
        check("1 of s*_*2", "sel_2");
        check("1 of sel_1", "sel_1");
        check("1 of _hidden*", "(_hidden|_hidden_2)");
        check("1 of *hidden", "no search identifier matches `*hidden`");
        check("_hidden", "_hidden");
    }

    #[test]
    fn faults() {
        check("", "the condition is empty");
        check("a and", "the condition ends where a search identifier is expected");
        check("(a", "the condition ends where `)` is expected");
        check("a)", "`)` in the condition is out of place");
        check("a b", "`b` in the condition is out of place");
        check("and a", "`and` in the condition is out of place");
        check("nobody", "unknown search identifier `nobody`");
        check("1 of nobody*", "no search identifier matches `nobody*`");
        check("2 of them", "`2 of` is not in the specification");
        check("a | count() > 5", "aggregations after `|` are not in the specification");
        check(&"(".repeat(1_000), "the condition is nested or repeated too deeply");
        check(&"not ".repeat(1_000), "the condition is nested or repeated too deeply");
        check(&"a or ".repeat(10_000), "the condition is nested or repeated too deeply");
    }
}

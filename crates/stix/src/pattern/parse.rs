//! From tokens to a pattern's tree: recursive descent over the grammar of STIX 2.1 §9, with limits.
//!
//! FOLLOWEDBY binds loosest, then OR, then AND; qualifiers bind to the expression in front of them (§9.5.3).

use super::ast::{
    Comparison, ComparisonExpression, Constant, ObjectPath, ObservationExpression, Order, Qualifier, Step,
    Test, Timestamp,
};
use super::instant::{NoInstant, Span, instant};
use super::lexer::{self, Lexer, Stop, Token};
use super::limits::{
    OBSERVED_MAX, PARENTHESES_DEPTH_MAX, PATH_STEPS_MAX, PATTERN_BYTES_MAX, WITHIN_SECONDS_MAX,
};
use super::problem::{Problem, Rule, Severity};

/// A tree, and what is wrong with it although the grammar lets it pass.
pub(crate) type Parsed = (ObservationExpression, Vec<Problem>);

/// Reads a whole pattern.
pub(crate) fn parse(text: &str) -> Result<Parsed, Problem> {
    if text.len() > PATTERN_BYTES_MAX {
        let message = format!("the pattern has more than {PATTERN_BYTES_MAX} bytes");
        return Err(Problem {
            column: 1,
            rule: Rule::Grammar,
            severity: Severity::Invalid,
            message,
            hint: None,
        });
    }
    let mut parser =
        Parser { text, lexer: Lexer::new(text), token: Token::End, at: 0, depth: 0, problems: Vec::new() };
    parser.advance()?;
    let tree = parser.followed_by()?;
    if parser.token != Token::End {
        return Err(parser.unexpected("the end of the pattern"));
    }
    Ok((tree, parser.problems))
}

pub(super) struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    /// Byte offset of the token.
    at: usize,
    depth: usize,
    problems: Vec<Problem>,
}

type Result<T, E = Problem> = std::result::Result<T, E>;

impl<'a> Parser<'a> {
    /// A problem at a byte offset.
    fn problem(&self, at: usize, rule: Rule, message: impl Into<String>, hint: Option<String>) -> Problem {
        let before = self.text.get(..at).unwrap_or(self.text);
        let column = before.chars().count() + 1;
        Problem { column, rule, severity: Severity::Invalid, message: message.into(), hint }
    }

    fn grammar<T>(&self, message: impl Into<String>, hint: &str) -> Result<T> {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Err(self.problem(self.at, Rule::Grammar, message, hint))
    }

    /// Notes what is wrong although the grammar lets it pass.
    fn note(&mut self, at: usize, rule: Rule, message: impl Into<String>, hint: &str) {
        let problem = self.problem(at, rule, message, (!hint.is_empty()).then(|| hint.to_owned()));
        self.problems.push(problem);
    }

    fn warn(&mut self, at: usize, rule: Rule, message: impl Into<String>, hint: &str) {
        self.note(at, rule, message, hint);
        if let Some(problem) = self.problems.last_mut() {
            problem.severity = Severity::Warning;
        }
    }

    fn unexpected(&self, expected: &str) -> Problem {
        let hint = match &self.token {
            Token::Name(word) => {
                lexer::meant(word).map(|keyword| format!("keywords are written `{keyword}`"))
            }
            _ => None,
        };
        let message = format!("{} stands where {expected} is expected", self.token.name());
        self.problem(self.at, Rule::Grammar, message, hint)
    }

    fn advance(&mut self) -> Result<Token<'a>> {
        match self.lexer.next() {
            Ok((at, token)) => {
                self.at = at;
                Ok(std::mem::replace(&mut self.token, token))
            }
            Err(Stop { at, message, hint }) => {
                Err(self.problem(at, Rule::Grammar, message, hint.map(str::to_owned)))
            }
        }
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.token, Token::Sign(found) if found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> Result<bool> {
        let found = self.is_sign(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.take_sign(sign)? { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn take_keyword(&mut self, keyword: &str) -> Result<bool> {
        let found = matches!(self.token, Token::Keyword(found) if found == keyword);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<()> {
        if self.take_keyword(keyword)? { Ok(()) } else { Err(self.unexpected(&format!("`{keyword}`"))) }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > PARENTHESES_DEPTH_MAX {
            return self.grammar(format!("parentheses nest more than {PARENTHESES_DEPTH_MAX} deep"), "");
        }
        Ok(())
    }

    /// One operand or several, with a keyword between them.
    fn chained<T>(&mut self, keyword: &str, operand: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut parts = vec![operand(self)?];
        while self.take_keyword(keyword)? {
            parts.push(operand(self)?);
        }
        Ok(parts)
    }

    // Observation expressions.

    fn followed_by(&mut self) -> Result<ObservationExpression> {
        Ok(ObservationExpression::chain(self.chained("FOLLOWEDBY", Self::or)?, Chain::FollowedBy))
    }

    fn or(&mut self) -> Result<ObservationExpression> {
        Ok(ObservationExpression::chain(self.chained("OR", Self::and)?, Chain::Or))
    }

    fn and(&mut self) -> Result<ObservationExpression> {
        Ok(ObservationExpression::chain(self.chained("AND", Self::qualified)?, Chain::And))
    }

    fn qualified(&mut self) -> Result<ObservationExpression> {
        let simple = self.is_sign("[");
        let mut expression = self.observation()?;
        let mut kinds = Vec::new();
        loop {
            let at = self.at;
            let Some(qualifier) = self.qualifier()? else { return Ok(expression) };
            if kinds.len() >= PARENTHESES_DEPTH_MAX {
                return self
                    .grammar(format!("more than {PARENTHESES_DEPTH_MAX} qualifiers on one expression"), "");
            }
            let kind = std::mem::discriminant(&qualifier);
            // §9.5.1; a group in parentheses is an expression of its own to the reference.
            if simple && kinds.contains(&kind) {
                let hint = "put what the first one qualifies into parentheses";
                self.note(at, Rule::Qualifier, "a second qualifier of one kind on one expression", hint);
            }
            kinds.push(kind);
            expression = ObservationExpression::Qualified(Box::new(expression), qualifier);
        }
    }

    fn observation(&mut self) -> Result<ObservationExpression> {
        if self.take_sign("(")? {
            self.deeper()?;
            let inner = self.followed_by()?;
            self.expect_sign(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        if !self.is_sign("[") {
            let mut problem = self.unexpected("`[` or `(`");
            let hint = "an observation expression stands in square brackets: [file:size = 1280]";
            problem.hint.get_or_insert_with(|| hint.to_owned());
            return Err(problem);
        }
        self.advance()?;
        let expression = self.comparison_or()?;
        self.expect_sign("]")?;
        Ok(ObservationExpression::Comparison(expression))
    }

    fn qualifier(&mut self) -> Result<Option<Qualifier>> {
        if self.take_keyword("WITHIN")? {
            let span = self.span()?;
            self.expect_keyword("SECONDS")?;
            return Ok(Some(Qualifier::Within(span)));
        }
        if self.take_keyword("REPEATS")? {
            let count = self.count()?;
            self.expect_keyword("TIMES")?;
            return Ok(Some(Qualifier::Repeats(count)));
        }
        if self.take_keyword("START")? {
            let start = self.timestamp()?;
            self.expect_keyword("STOP")?;
            let stop = self.timestamp()?;
            return Ok(Some(Qualifier::StartStop(start, stop)));
        }
        Ok(None)
    }

    fn span(&mut self) -> Result<Span> {
        let at = self.at;
        let text = match self.token {
            Token::Integer(text) | Token::Float(text) if !text.starts_with('-') => text,
            _ => return Err(self.unexpected("a positive number of seconds")),
        };
        let Some(span) = Span::from_seconds(text) else {
            return self.grammar(format!("more than {WITHIN_SECONDS_MAX} seconds"), "");
        };
        if span.0 == 0 {
            self.note(at, Rule::Constant, "no time is within 0 seconds", "the number must be positive");
        }
        self.advance()?;
        Ok(span)
    }

    fn count(&mut self) -> Result<u64> {
        let at = self.at;
        let text = match self.token {
            Token::Integer(text) if !text.starts_with('-') => text,
            _ => return Err(self.unexpected("a positive integer")),
        };
        let count = text.trim_start_matches('+').parse().ok().filter(|count| *count <= OBSERVED_MAX);
        let Some(count) = count else {
            return self.grammar(format!("more than {OBSERVED_MAX} times"), "");
        };
        if count == 0 {
            self.note(at, Rule::Constant, "nothing repeats 0 times", "the number must be positive");
        }
        self.advance()?;
        Ok(count)
    }

    fn timestamp(&mut self) -> Result<Timestamp> {
        let Token::Timestamp(text) = self.token else {
            let mut problem = self.unexpected("a timestamp");
            problem.hint.get_or_insert_with(|| "timestamps are written t'2021-03-02T00:00:00Z'".to_owned());
            return Err(problem);
        };
        let instant = match instant(text) {
            Ok(instant) => Some(instant),
            Err(NoInstant::Day) => {
                let message = "no calendar has this day; the pattern is valid and can match nothing";
                self.warn(self.at, Rule::Constant, message, "");
                None
            }
            Err(NoInstant::Form) => {
                let hint =
                    "timestamps are written t'2021-03-02T00:00:00Z', in UTC, with any fraction of a second";
                return self.grammar(format!("`{text}` is no timestamp"), hint);
            }
        };
        self.advance()?;
        Ok(Timestamp { text: text.to_owned(), instant })
    }

    // Comparison expressions.

    fn comparison_or(&mut self) -> Result<ComparisonExpression> {
        Ok(ComparisonExpression::chain(self.chained("OR", Self::comparison_and)?, Chain::Or))
    }

    fn comparison_and(&mut self) -> Result<ComparisonExpression> {
        let at = self.at;
        let parts = self.chained("AND", Self::test)?;
        if parts.len() > 1 && super::check::common_types(&parts).is_empty() {
            let hint =
                "all operands of AND are about one object; join object types with OR, or use two brackets";
            self.note(at, Rule::Root, "no one object can satisfy all operands of AND", hint);
        }
        Ok(ComparisonExpression::chain(parts, Chain::And))
    }

    fn test(&mut self) -> Result<ComparisonExpression> {
        if self.take_sign("(")? {
            self.deeper()?;
            let inner = self.comparison_or()?;
            self.expect_sign(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        let at = self.at;
        let not_exists = self.take_keyword("NOT")?;
        if not_exists || matches!(self.token, Token::Keyword("EXISTS")) {
            self.expect_keyword("EXISTS")?;
            let path = self.path()?;
            if not_exists {
                let message =
                    "NOT EXISTS holds for nothing: a path that leads nowhere gives false (STIX 2.1 §9.6)";
                self.warn(at, Rule::Never, message, "");
            }
            return Ok(ComparisonExpression::Test(Test {
                path,
                negated: not_exists,
                comparison: Comparison::Exists,
            }));
        }
        let path = self.path()?;
        let not = self.take_keyword("NOT")?;
        let (negated, comparison) = self.comparison()?;
        let test = Test { path, negated: negated != not, comparison };
        if let Some((rule, message)) = super::check::constant(&test) {
            self.note(at, rule, message, "");
        }
        Ok(ComparisonExpression::Test(test))
    }

    /// The operator and its constant, and whether the operator is `!=`.
    fn comparison(&mut self) -> Result<(bool, Comparison)> {
        let operator = match self.token {
            Token::Sign(sign @ ("=" | "!=" | "<" | "<=" | ">" | ">=")) => sign,
            Token::Keyword(word @ ("IN" | "LIKE" | "MATCHES" | "ISSUBSET" | "ISSUPERSET")) => word,
            _ => return Err(self.unexpected("a comparison operator")),
        };
        self.advance()?;
        let order = |order, constant| (false, Comparison::Order(order, constant));
        Ok(match operator {
            "=" => (false, Comparison::Equal(self.constant(true)?)),
            "!=" => (true, Comparison::Equal(self.constant(true)?)),
            "<" => order(Order::Less, self.constant(false)?),
            "<=" => order(Order::LessOrEqual, self.constant(false)?),
            ">" => order(Order::Greater, self.constant(false)?),
            ">=" => order(Order::GreaterOrEqual, self.constant(false)?),
            "IN" => (false, Comparison::In(self.set()?)),
            "LIKE" => (false, Comparison::Like(self.string()?)),
            "MATCHES" => (false, Comparison::Matches(self.string()?)),
            "ISSUBSET" => (false, Comparison::IsSubset(self.string()?)),
            _ => (false, Comparison::IsSuperset(self.string()?)),
        })
    }

    fn string(&mut self) -> Result<String> {
        if !matches!(self.token, Token::Text(_)) {
            return Err(self.unexpected("a string"));
        }
        match self.advance()? {
            Token::Text(text) => Ok(text.into_owned()),
            other => unreachable!("looked at as a string, is {other:?}"),
        }
    }

    fn set(&mut self) -> Result<Vec<Constant>> {
        self.expect_sign("(")?;
        let mut set = Vec::new();
        if self.take_sign(")")? {
            return Ok(set);
        }
        loop {
            set.push(self.constant(true)?);
            if !self.take_sign(",")? {
                self.expect_sign(")")?;
                return Ok(set);
            }
        }
    }

    /// A constant; truth has no order.
    fn constant(&mut self, booleans: bool) -> Result<Constant> {
        let constant = match &mut self.token {
            Token::Keyword("true") if booleans => Constant::Boolean(true),
            Token::Keyword("false") if booleans => Constant::Boolean(false),
            Token::Integer(text) => match text.parse() {
                Ok(integer) => Constant::Integer(integer),
                Err(_) => return self.grammar("an integer is too long", ""),
            },
            Token::Float(text) => match text.parse::<f64>() {
                Ok(float) if float.is_finite() => Constant::Float(float),
                _ => return self.grammar("a number is out of range", ""),
            },
            Token::Text(text) => Constant::Text(std::mem::take(text).into_owned()),
            Token::Hex(octets) => Constant::Hex(std::mem::take(octets)),
            Token::Binary(octets) => Constant::Binary(std::mem::take(octets)),
            Token::Timestamp(_) => return self.timestamp().map(Constant::Timestamp),
            _ => {
                let mut problem = self.unexpected("a constant");
                if let Token::Name(_) = self.token {
                    problem.hint = Some("strings stand between apostrophes: 'text'".to_owned());
                }
                return Err(problem);
            }
        };
        self.advance()?;
        Ok(constant)
    }

    fn path(&mut self) -> Result<ObjectPath> {
        let Token::Name(object_type) = self.token else { return Err(self.unexpected("an object path")) };
        self.advance()?;
        if !self.is_sign(":") {
            let mut problem = self.unexpected("`:`");
            problem.hint = Some("a path is type:property, as in file:hashes.MD5".to_owned());
            return Err(problem);
        }
        self.advance()?;
        let mut steps = vec![self.key()?];
        loop {
            if self.take_sign(".")? {
                steps.push(self.key()?);
            } else if self.take_sign("[")? {
                steps.push(self.index()?);
                self.expect_sign("]")?;
            } else {
                return Ok(ObjectPath { object_type: object_type.to_owned(), steps });
            }
            if steps.len() > PATH_STEPS_MAX {
                return self.grammar(format!("a path has more than {PATH_STEPS_MAX} steps"), "");
            }
        }
    }

    fn key(&mut self) -> Result<Step> {
        let key = match &self.token {
            Token::Name(name) if !name.contains('-') => (*name).to_owned(),
            Token::Text(text) => text.clone().into_owned(),
            Token::Name(_) | Token::Keyword(_) => {
                let mut problem = self.unexpected("the name of a property");
                problem.hint =
                    Some(format!("put it between apostrophes: '{}'", self.token.name().trim_matches('`')));
                return Err(problem);
            }
            _ => return Err(self.unexpected("the name of a property")),
        };
        self.advance()?;
        Ok(Step::Key(key))
    }

    fn index(&mut self) -> Result<Step> {
        if self.take_sign("*")? {
            return Ok(Step::All);
        }
        let Token::Integer(text) = self.token else { return Err(self.unexpected("an index or `*`")) };
        let Ok(index) = text.parse::<i64>() else { return self.grammar("an index is too large", "") };
        if text.starts_with('-') {
            self.warn(self.at, Rule::Never, "lists are counted from 0; this index is in no list", "");
        }
        self.advance()?;
        Ok(Step::Index(index))
    }
}

/// Which operator joins a chain.
#[derive(Clone, Copy, PartialEq)]
enum Chain {
    And,
    Or,
    FollowedBy,
}

impl ObservationExpression {
    /// One node of a chain; parts that are chains of the same operator are taken in, which changes no meaning.
    fn chain(mut parts: Vec<Self>, chain: Chain) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            match (part, chain) {
                (Self::And(inner), Chain::And)
                | (Self::Or(inner), Chain::Or)
                | (Self::FollowedBy(inner), Chain::FollowedBy) => all.extend(inner),
                (other, _) => all.push(other),
            }
        }
        match chain {
            Chain::And => Self::And(all),
            Chain::Or => Self::Or(all),
            Chain::FollowedBy => Self::FollowedBy(all),
        }
    }
}

impl ComparisonExpression {
    fn chain(mut parts: Vec<Self>, chain: Chain) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            match (part, chain) {
                (Self::And(inner), Chain::And) | (Self::Or(inner), Chain::Or) => all.extend(inner),
                (other, _) => all.push(other),
            }
        }
        if chain == Chain::And { Self::And(all) } else { Self::Or(all) }
    }
}

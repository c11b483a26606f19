//! The engine: rules compiled once, files scanned one by one.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use yara_x::errors::CompileError;
use yara_x::{Compiler, IgnoredRuleReason, MetaValue, SourceCode};

use crate::{
    About, EXCERPT_BYTES_MAX, FILE_BYTES_MAX, Found, Match, Refused, Rule, STRINGS_NAMED_MAX, YaraError,
};

/// Names that public rules expect to be defined from outside.
const OUTSIDE: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// Modules that are left out of the engine: cryptography, parsers of executables, a service.
const LEFT_OUT: [&str; 10] = ["pe", "dotnet", "elf", "macho", "dex", "crx", "msi", "vt", "cuckoo", "zip"];

/// A file on which a rule takes longer is given up and told: rules can be written to take for ever.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Matches of one string that the engine keeps; only the first is told.
const MATCHES_OF_A_STRING_MAX: usize = 64;

/// Compiled rules.
pub struct Rules {
    compiled: yara_x::Rules,
    list: Vec<Rule>,
    /// Places in `list`, by namespace and identifier.
    places: HashMap<(String, String), usize>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Rules").field("list", &self.list).finish_non_exhaustive()
    }
}

impl Rules {
    /// Compiles files, given as path and text. Each is a namespace of its own, so that two may use one name. What is
    /// wrong with a rule is told, and the others are used.
    pub fn compile(files: &[(String, String)]) -> Result<(Self, Vec<Refused>), YaraError> {
        let mut compiler = Compiler::new();
        compiler.enable_includes(false).relaxed_re_syntax(true);
        for name in OUTSIDE {
            compiler.define_global(name, "").map_err(|error| YaraError::Scan(error.to_string()))?;
        }
        for module in LEFT_OUT {
            compiler.ignore_module(module);
        }
        for (path, text) in files {
            compiler.new_namespace(path);
            // Errors stay in the compiler, which goes on behind the rule that has one.
            let _ = compiler.add_source(SourceCode::from(text.as_str()).with_origin(path.as_str()));
        }
        let refused = refused(&compiler, files);
        let compiled = compiler.build();
        let list: Vec<Rule> =
            compiled.iter().filter(|rule| !rule.is_private()).map(|rule| about(&rule)).collect();
        let key = |(at, rule): (usize, &Rule)| ((rule.file.clone(), rule.name.clone()), at);
        let places = list.iter().enumerate().map(key).collect();
        Ok((Self { compiled, list, places }, refused))
    }

    /// The rules that are not private, in the order of their files.
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    /// A scanner by these rules, for one thread.
    pub fn scanner(&self) -> Scanner<'_> {
        let mut scanner = yara_x::Scanner::new(&self.compiled);
        scanner
            .set_timeout(TIME_MAX)
            .max_matches_per_pattern(MATCHES_OF_A_STRING_MAX)
            .max_scan_size(FILE_BYTES_MAX);
        Scanner { rules: self, scanner }
    }
}

/// A scan by some rules, file by file.
pub struct Scanner<'r> {
    rules: &'r Rules,
    scanner: yara_x::Scanner<'r>,
}

impl fmt::Debug for Scanner<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Scanner").finish_non_exhaustive()
    }
}

impl Scanner<'_> {
    /// The rules that match a file of these bytes, in the order of [`Rules::list`].
    pub fn scan(&mut self, about: About<'_>, bytes: &[u8]) -> Result<Vec<Match>, YaraError> {
        let values = [("filename", about.name), ("filepath", about.folder), ("extension", about.extension())];
        for (name, value) in values {
            self.scanner.set_global(name, value).map_err(|error| YaraError::Scan(error.to_string()))?;
        }
        let results = self.scanner.scan(bytes).map_err(|error| YaraError::Scan(error.to_string()))?;
        let place = |rule: &yara_x::Rule<'_, '_>| {
            self.rules.places.get(&(rule.namespace().to_owned(), rule.identifier().to_owned())).copied()
        };
        let found = |rule: yara_x::Rule<'_, '_>| Some(Match { rule: place(&rule)?, strings: strings(&rule) });
        let mut matches: Vec<Match> = results.matching_rules().filter_map(found).collect();
        matches.sort_by_key(|found| found.rule);
        Ok(matches)
    }
}

/// The strings of a rule that stand in the file, each with its first match.
fn strings(rule: &yara_x::Rule<'_, '_>) -> Vec<Found> {
    let first = |pattern: yara_x::Pattern<'_, '_>| {
        let found = pattern.matches().min_by_key(|found| found.range().start)?;
        let bytes = found.data();
        Some(Found {
            name: pattern.identifier().to_owned(),
            offset: found.range().start as u64,
            bytes: bytes[..bytes.len().min(EXCERPT_BYTES_MAX)].to_vec(),
        })
    };
    rule.patterns().filter_map(first).take(STRINGS_NAMED_MAX).collect()
}

fn about(rule: &yara_x::Rule<'_, '_>) -> Rule {
    let value = |value: MetaValue<'_>| match value {
        MetaValue::Integer(number) => number.to_string(),
        MetaValue::Float(number) => number.to_string(),
        MetaValue::Bool(is) => is.to_string(),
        MetaValue::String(text) => text.to_owned(),
        MetaValue::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    Rule {
        name: rule.identifier().to_owned(),
        file: rule.namespace().to_owned(),
        tags: rule.tags().map(|tag| tag.identifier().to_owned()).collect(),
        meta: rule.metadata().map(|(key, found)| (key.to_owned(), value(found))).collect(),
    }
}

/// Rules that the compiler passed over, and files that it could not read to the end.
fn refused(compiler: &Compiler<'_>, files: &[(String, String)]) -> Vec<Refused> {
    let mut told: Vec<Refused> = Vec::new();
    for (rule, reason) in compiler.ignored_rules() {
        told.push(match reason {
            IgnoredRuleReason::IgnoredModule(module) => {
                because(format!("{rule} needs the module {module}, which is left out here"))
            }
            IgnoredRuleReason::IgnoredRule(other) => {
                because(format!("{rule} builds on {other}, which is refused"))
            }
            IgnoredRuleReason::CompileError(error) => wrong(error, Some(rule), files),
        });
    }
    let others = compiler.errors().iter().map(|error| wrong(error, None, files));
    let others: Vec<Refused> = others
        .filter(|other| !told.iter().any(|told| (&told.file, told.line) == (&other.file, other.line)))
        .collect();
    told.extend(others);
    told
}

fn because(reason: String) -> Refused {
    Refused { reason, ..Refused::default() }
}

/// An error of the compiler with its place: that of its first label.
fn wrong(error: &CompileError, rule: Option<&str>, files: &[(String, String)]) -> Refused {
    let label = error.labels().next();
    let file = label.as_ref().and_then(|label| label.origin()).unwrap_or_default().to_owned();
    let text = files.iter().find(|(path, _)| *path == file).map_or("", |(_, text)| text);
    let (line, column) = label.as_ref().map_or((0, 0), |label| place(text, label.span().start()));
    let detail = label.as_ref().map_or("", |label| label.text());
    let of_rule = rule.map(|rule| format!("{rule}: ")).unwrap_or_default();
    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
    Refused { file, line, column, reason: format!("{of_rule}{}{detail}", error.title()) }
}

/// Line and column, both from 1, of a byte in a text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> (Rules, Vec<Refused>) {
        Rules::compile(&[("a.yar".to_owned(), text.to_owned())]).expect("compiles")
    }

    #[test]
    fn strings_stand_where_they_match() {
        let (rules, refused) = rules(
            r#"private rule is_page { strings: $a = "<%@" condition: $a }
               rule shell : webshell { meta: author = "X" score = 80 reference = "r" reference = "s"
                 strings: $run = "eval(" nocase $never = "never" condition: is_page and ($run or $never) }"#,
        );
        assert_eq!(refused, []);
        assert_eq!(rules.list().len(), 1, "private rules are not told of");
        assert_eq!(rules.list()[0].meta("SCORE"), Some("80"));
        assert_eq!(rules.list()[0].meta_all("reference").collect::<Vec<_>>(), ["r", "s"]);
        let found =
            rules.scanner().scan(About::default(), b"<%@ Page %> EVAL( x ) eval( y )").expect("scans");
        let run = Found { name: "$run".into(), offset: 12, bytes: b"EVAL(".to_vec() };
        assert_eq!(found, [Match { rule: 0, strings: vec![run] }]);
        assert_eq!(rules.scanner().scan(About::default(), b"EVAL(").expect("scans"), []);
    }

    #[test]
    fn a_scanner_forgets_the_file_before() {
        let (rules, _) = rules(r#"rule a { condition: extension == ".aspx" and filename contains "help" }"#);
        let mut scanner = rules.scanner();
        let mut hits = |name| scanner.scan(About { folder: "c:", name }, b"").expect("scans").len();
        assert_eq!([hits("help.aspx"), hits("help.txt"), hits("y.aspx"), hits("help.aspx")], [1, 0, 0, 1]);
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_is_used() {
        let (rules, refused) = rules(
            "import \"pe\"\nrule a { condition: pe.is_pe }\nrule b { condition: nothing }\nrule c { condition: a }\nrule d { condition: true }\n",
        );
        assert_eq!(rules.list().iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["d"]);
        let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "refused: a needs the module pe, which is left out here",
                "a.yar:3:21: refused: b: unknown identifier `nothing`: this identifier has not been declared",
                "refused: c builds on a, which is refused",
            ]
        );
    }

    #[test]
    fn two_files_may_use_one_name() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let rule = |text: &str| format!("rule same {{ strings: $a = \"{text}\" condition: $a }}");
        let (rules, refused) =
            Rules::compile(&[file("a.yar", &rule("one")), file("b.yar", &rule("two"))]).expect("compiles");
        assert_eq!(refused, []);
        let found = rules.scanner().scan(About::default(), b"two").expect("scans");
        assert_eq!(rules.list()[found[0].rule].file, "b.yar");
    }

    #[test]
    fn a_rule_file_reads_no_other() {
        let (rules, refused) = rules("include \"/etc/passwd\"\nrule d { condition: true }\n");
        assert_eq!((rules.list().len(), refused.len()), (1, 1));
        assert!(refused[0].to_string().starts_with("a.yar:1:1: refused: include"), "{}", refused[0]);
    }
}

//! The report for a ticket or a repository: Markdown as GitHub, GitLab and Forgejo render it.
//!
//! Markdown has no one way to make text harmless, so there are two. What stands in a log goes into code spans, where
//! nothing is obeyed ([`code`]); sentences, which may quote a log, have every sign of Markdown and HTML escaped
//! ([`prose`]), and what forges find in plain text (addresses of the web, `@names`, `#numbers`) is broken by an
//! empty comment. Proof is cut to the first findings of each rule; the page and the JSON lines report have more.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::selection::{Group, at_most, by_rule, cited, in_full, listed, story};
use super::shown::{Shown, shown, shown_lines, shown_owned};
use super::{About, words};
use crate::model::{Act, Cited, Coverage, Finding, Hunted, Judged, Missing, Moment, Reason};

/// Servers that are told in full.
const MAX_SERVERS: usize = 40;
/// Lines of the story of one server.
const MAX_MOMENTS: usize = 100;
/// Findings of one rule with their proof.
const MAX_OF_A_RULE: usize = 5;
/// Of a raw record, in characters.
const MAX_RAW_CHARS: usize = 1_500;
/// Of a telling detail and of a field, in characters.
const MAX_VALUE_CHARS: usize = 240;
/// Problems with the evidence, and names of rules.
const MAX_PROBLEMS: usize = 100;
/// Names of findings after a reason.
const MAX_IDS: usize = 5;

/// Writes the report.
pub(super) fn write(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    opening(hunted, about, out)?;
    let told = hunted.verdicts.iter().filter(|judged| in_full(hunted, judged)).take(MAX_SERVERS);
    told.into_iter().try_for_each(|judged| server(judged, hunted, about, out))?;
    proof(hunted, about, out)?;
    problems(hunted, out)?;
    suppressed(hunted, out)?;
    rules(hunted, out)
}

fn opening(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# {}\n", prose(&words::headline(hunted)))?;
    let paths: Vec<String> = about.paths.iter().map(|path| code(path)).collect();
    writeln!(
        out,
        "Watchfire {} read {} ({}) under {} with {}{}. All times are UTC.\n",
        prose(&about.version),
        words::counted(hunted.files as usize, "file", "files"),
        words::size(hunted.bytes),
        if paths.is_empty() { "no path".to_owned() } else { paths.join(", ") },
        words::counted(hunted.rules.loaded, "rule", "rules"),
        words::window(hunted, about).map_or_else(String::new, |window| format!(", {window}")),
    )?;
    if hunted.verdicts.len() < 2 {
        return Ok(());
    }
    writeln!(out, "| Server | Verdict | Why |\n| --- | --- | --- |")?;
    for judged in &hunted.verdicts {
        let why = judged.because.first().map(|reason| cell(&words::reason(reason, &hunted.findings)));
        let verdict = words::verdict(judged.verdict);
        writeln!(out, "| {} | **{verdict}** | {} |", cell(&judged.server), why.unwrap_or_default())?;
    }
    writeln!(out)
}

fn server(judged: &Judged, hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}: {}\n", prose(&judged.server), words::verdict(judged.verdict))?;
    writeln!(out, "{}.\n", words::capital(words::verdict_meaning(judged.verdict)))?;
    reasons(judged, hunted, out)?;
    if !judged.next.is_empty() {
        writeln!(out, "### Do this next\n")?;
        for (index, step) in judged.next.iter().enumerate() {
            writeln!(out, "{}. {}", index + 1, prose(step))?;
        }
        writeln!(out)?;
    }
    moments(judged, hunted, about, out)?;
    let acts: Vec<&Act> = hunted.acts.iter().filter(|act| act.server == judged.server).collect();
    witnesses(&acts, out)?;
    let rows: Vec<&Coverage> = hunted.coverage.iter().filter(|row| row.server == judged.server).collect();
    coverage(&rows, out)?;
    let missing: Vec<&Missing> = hunted.missing.iter().filter(|row| row.server == judged.server).collect();
    lacking(judged, &missing, out)
}

fn reasons(judged: &Judged, hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    for reason in &judged.because {
        let text = words::capital(&words::reason(reason, &hunted.findings));
        writeln!(out, "- {}{}", prose(&text), ids(hunted, reason))?;
    }
    for exposure in &judged.exposures {
        let text = format!(
            "Open to {} ({}) from {} to {}: {}",
            exposure.name,
            exposure.cves.join(", "),
            words::minute(exposure.from),
            words::minute(exposure.until),
            exposure.why
        );
        writeln!(out, "- {}", prose(&text))?;
    }
    for build in &judged.builds {
        let name = build.name.as_deref().unwrap_or("a build that the list of builds does not know");
        let (first, last) = (words::minute(build.first), words::minute(build.last));
        writeln!(out, "- Its logs name {}, {}, from {first} to {last}", prose(name), code(&build.build))?;
    }
    writeln!(out)
}

/// ` (F4, F5 and 3 more)`
fn ids(hunted: &Hunted, reason: &Reason) -> String {
    let Cited { first, .. } = &reason.findings;
    if first.is_empty() {
        return String::new();
    }
    format!(" ({})", words::few(words::ids(hunted, first), MAX_IDS, reason.findings.count()))
}

fn moments(judged: &Judged, hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    let loud = |moment: &&Moment| moment.server == judged.server && moment.level >= about.min_level;
    let (moments, left_out) = story(hunted.timeline.iter().filter(loud).collect(), MAX_MOMENTS);
    if moments.is_empty() {
        return Ok(());
    }
    writeln!(out, "### What happened, in time\n")?;
    writeln!(out, "| Time (UTC) | Result | Stage | What happened |\n| --- | --- | --- | --- |")?;
    for moment in moments {
        let (sign, word) = (words::outcome_sign(moment.outcome), words::outcome(moment.outcome));
        let times = if moment.findings.count() > 1 {
            format!(" ×{}", moment.findings.count())
        } else {
            String::new()
        };
        let text = format!("{}{times}", cell(&moment.text));
        let detail = code_cell(&shown(&moment.detail).cut(MAX_VALUE_CHARS));
        let detail = if moment.detail.is_empty() { String::new() } else { format!("<br>{detail}") };
        let time = words::span(moment.time, moment.last.or(moment.time));
        writeln!(out, "| {time} | {sign} {word} | {} | {text}{detail} |", moment.stage.name())?;
    }
    writeln!(out)?;
    if left_out > 0 {
        writeln!(out, "{left_out} less telling moments are in the JSON lines report.\n")?;
    }
    Ok(())
}

fn witnesses(acts: &[&Act], out: &mut dyn Write) -> io::Result<()> {
    if acts.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Which logs saw it\n")?;
    for act in acts {
        let span = words::span(act.first, act.last);
        writeln!(out, "**{}**, {span}\n", prose(&act.title))?;
        writeln!(out, "| Log | Answer | What it would have recorded |\n| --- | --- | --- |")?;
        for witness in &act.witnesses {
            let (sign, word) = words::witness(witness.state);
            let meaning = words::witness_meaning(witness);
            let meaning = if meaning.is_empty() { String::new() } else { format!("; {meaning}") };
            let says = cell(&witness.says);
            writeln!(out, "| {} | {sign} {word} | {says}{meaning} |", cell(&witness.artifact))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn coverage(rows: &[&Coverage], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "### What the logs cover\n")?;
    if rows.is_empty() {
        return writeln!(out, "No log of this server is in the evidence.\n");
    }
    writeln!(out, "| Log | First | Last | Files | Records | Gaps and problems |")?;
    writeln!(out, "| --- | --- | --- | ---: | ---: | --- |")?;
    for row in rows {
        let gaps = row.gaps.iter().map(|gap| format!("gap {}", words::gap(gap)));
        let notes: Vec<String> = gaps.chain(row.problems.iter().map(|problem| cell(problem))).collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            cell(&row.artifact),
            words::minute_or_dash(row.first),
            words::minute_or_dash(row.last),
            words::number(row.files),
            words::number(row.records),
            if notes.is_empty() { "none".to_owned() } else { notes.join("<br>") },
        )?;
    }
    writeln!(out)
}

fn lacking(judged: &Judged, missing: &[&Missing], out: &mut dyn Write) -> io::Result<()> {
    if judged.missing.is_empty() && missing.is_empty() {
        return Ok(());
    }
    writeln!(out, "### What is missing, and what that hides\n")?;
    for text in &judged.missing {
        writeln!(out, "- {}", prose(&words::capital(text)))?;
    }
    for row in missing {
        writeln!(out, "- **{}** ({}) hides: {}", prose(&row.title), code(&row.place), prose(&row.hides))?;
    }
    writeln!(out)
}

fn proof(hunted: &Hunted, about: &About, out: &mut dyn Write) -> io::Result<()> {
    let listed = listed(hunted, about.min_level);
    if listed.is_empty() {
        return Ok(());
    }
    let cited = cited(hunted);
    writeln!(out, "## What proves it\n")?;
    writeln!(out, "{}, by rule, the loudest first.\n", words::counted(listed.len(), "finding", "findings"))?;
    by_rule(hunted, &listed).iter().try_for_each(|group| of_rule(group, hunted, &cited, out))
}

fn of_rule(
    group: &Group<'_>,
    hunted: &Hunted,
    cited: &BTreeSet<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rule = group.rule;
    let count = words::counted(group.findings.len(), "finding", "findings");
    writeln!(out, "### {} ({}, {count})\n", prose(&rule.title), group.level)?;
    let description: Vec<&str> = rule.description.split_whitespace().collect();
    writeln!(out, "{}\n", prose(&description.join(" ")))?;
    writeln!(out, "Rule {}, version {}.", code(&rule.name), code(&rule.version))?;
    for (name, list) in [("ATT&CK", &rule.attack), ("CVE", &rule.cves), ("Wrong if", &rule.false_positives)] {
        if !list.is_empty() {
            writeln!(out, "{}: {}.", prose(name), prose(list.join("; ").trim_end_matches('.')))?;
        }
    }
    for reference in &rule.references {
        writeln!(out, "Read more: {}", code(reference))?;
    }
    writeln!(out)?;
    let shown = at_most(&group.findings, MAX_OF_A_RULE, cited);
    shown.iter().try_for_each(|&index| finding(&hunted.findings[index], out))?;
    match group.findings.len() - shown.len() {
        0 => Ok(()),
        more => {
            writeln!(out, "{} more of this rule are in the JSON lines report.\n", words::number(more as u64))
        }
    }
}

fn finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let time = words::second_or_none(finding.time());
    let (id, server) = (prose(&finding.id()), prose(finding.server()));
    let (sign, word) = (words::outcome_sign(finding.outcome), words::outcome(finding.outcome));
    writeln!(out, "**{id}** {time}, {server}, {sign} {word}, {}\n", finding.level)?;
    if let Some(graded) = finding.graded() {
        writeln!(out, "- grade: {}", prose(graded))?;
    }
    let place = words::place(finding.place());
    writeln!(out, "- {}, {place} of {}", prose(finding.artifact()), code(finding.file()))?;
    writeln!(out, "- SHA-256 {}", code(finding.sha256()))?;
    for (name, value) in &finding.shown_fields() {
        writeln!(out, "- {}: {}", prose(name), code(&shown(value).cut(MAX_VALUE_CHARS)))?;
    }
    writeln!(out, "\n{}\n", block(&shown_lines(&finding.raw()).cut(MAX_RAW_CHARS)))
}

fn problems(hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    if hunted.problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "## What could not be read\n")?;
    for problem in hunted.problems.iter().take(MAX_PROBLEMS) {
        writeln!(out, "- {}", code(&problem.to_string()))?;
    }
    if hunted.problems.len() > MAX_PROBLEMS {
        writeln!(out, "- {} more", words::number((hunted.problems.len() - MAX_PROBLEMS) as u64))?;
    }
    writeln!(out)
}

fn suppressed(hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    if hunted.suppressed.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Left out by the allow-list\n")?;
    for entry in &hunted.suppressed {
        writeln!(out, "- {} × {}", words::number(entry.findings), prose(&words::suppressed(entry)))?;
    }
    writeln!(out)
}

fn rules(hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    let tally = &hunted.rules;
    writeln!(out, "## The rules that looked\n")?;
    writeln!(out, "- {}", words::counted(tally.loaded, "rule was loaded", "rules were loaded"))?;
    for (what, names) in [("refused", &tally.refused), ("for logs that nothing here reads", &tally.unmapped)]
    {
        for name in names.iter().take(MAX_PROBLEMS) {
            writeln!(out, "- {what}: {}", code(name))?;
        }
        if names.len() > MAX_PROBLEMS {
            writeln!(out, "- {what}: {} more", names.len() - MAX_PROBLEMS)?;
        }
    }
    Ok(())
}

/// A sentence, with all that Markdown, HTML or a forge would obey made text.
fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let text = shown(text);
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // Within a word it is no sign (CommonMark §6.2), and names of logs are full of it.
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) => {
                safe.push(c);
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            // Forges link these after Markdown is done, so a backslash does not stop them.
            '@' | '#' => {
                let _ = write!(safe, "{c}<!-- -->");
            }
            ':' | '.' if before.is_ascii_alphabetic() => {
                let _ = write!(safe, "{c}{}", if starts_link(&safe) { "<!-- -->" } else { "" });
            }
            // At the start of a line these begin lists, headings and the like.
            '-' | '+' | '=' if safe.is_empty() => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
        before = c;
    }
    safe
}

/// Whether a text ends in what makes a forge expect an address of the web.
fn starts_link(text: &str) -> bool {
    let end: String = text.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
    let end = end.to_ascii_lowercase();
    ["www", "http", "https", "ftp", "mailto", "xmpp"].iter().any(|scheme| end.ends_with(scheme))
}

/// A sentence within a table.
fn cell(text: &str) -> String {
    // Prose escapes the pipe already.
    prose(text)
}

/// Text of a log, as a code span: a fence longer than any within (CommonMark §6.1).
fn code(text: &str) -> String {
    span(&shown(text))
}

/// The same within a table, where the pipe must be escaped even in code (GFM §4.10). A pipe after a backslash is
/// spelled out: there, `\\|` would end the cell and let the rest of the text loose.
fn code_cell(text: &str) -> String {
    span(&shown_owned(text.replace("\\|", "\\\\u{7c}").replace('|', "\\|")))
}

fn span(text: &Shown<'_>) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let pad =
        if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Lines of a log, as a fenced block (CommonMark §4.5).
fn block(text: &Shown<'_>) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}text\n{text}\n{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn report() -> String {
        let mut out = Vec::new();
        write(&sample::hunted(), &sample::about(), &mut out).expect("memory takes every byte");
        String::from_utf8(out).expect("Markdown is UTF-8")
    }

    #[test]
    fn prose_is_obeyed_by_nobody() {
        for (text, expected) in [
            ("plain, with a dot. And more", "plain, with a dot. And more"),
            ("<b>&", "&lt;b&gt;&amp;"),
            ("[x](y) *a* _b_ `c` | d", "\\[x\\](y) \\*a\\* \\_b\\_ \\`c\\` \\| d"),
            ("@everyone #12", "@<!-- -->everyone #<!-- -->12"),
            ("see https://evil.example", "see https:<!-- -->//evil.example"),
            ("www.evil.example", "www.<!-- -->evil.example"),
            ("ecp_server _x_", "ecp_server \\_x\\_"),
            ("- item", "\\- item"),
        ] {
            assert_eq!(prose(text), expected);
        }
    }

    #[test]
    fn code_is_fenced_longer_than_what_it_holds() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\nb"), "`a\\u{a}b`");
        assert_eq!(code_cell("a|b"), "`a\\|b`");
        assert_eq!(code_cell("a\\|b"), "`a\\\\u{7c}b`");
        assert_eq!(block(&shown("````")), "`````text\n````\n`````");
    }

    #[test]
    fn every_row_of_a_table_has_its_columns() {
        let report = report();
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut expected = None;
        for line in report.lines() {
            let is_row = line.starts_with('|');
            let count = is_row.then(|| columns(line));
            if let (Some(count), Some(expected)) = (count, expected) {
                assert_eq!(count, expected, "{line}");
            }
            expected = if is_row { expected.or(count) } else { None };
        }
    }

    #[test]
    fn no_tag_stands_outside_code_but_our_own() {
        let mut fenced = false;
        for line in report().lines() {
            if line.starts_with("```") {
                fenced = !fenced;
                continue;
            }
            if fenced || line.contains('`') {
                continue;
            }
            let rest = line.replace("<br>", "").replace("<!-- -->", "");
            assert!(!rest.contains('<'), "{line}");
        }
    }
}

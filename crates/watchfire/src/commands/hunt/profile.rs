//! `--profile`: the files and the rules on which a hunt spent its time, as a table beside the report.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Instant;

use watchfire_hunt::profile::{FileCost, Profile, RuleCost};

/// Files and rules that are named; the rest is summed up.
const NAMED: usize = 20;

/// The nanoseconds since this was first asked.
pub(super) fn clock() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// What took longest first, in milliseconds.
pub(super) fn table(profile: &Profile) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = files(profile, &mut text).and_then(|()| rules(profile, &mut text));
    text.truncate(text.trim_end().len());
    text
}

fn files(profile: &Profile, text: &mut String) -> std::fmt::Result {
    let mut files: Vec<&FileCost> = profile.files.iter().collect();
    files.sort_by(|a, b| b.nanoseconds.cmp(&a.nanoseconds).then_with(|| a.path.cmp(&b.path)));
    let all: u64 = files.iter().map(|file| file.nanoseconds).sum();
    writeln!(text, "scanning took {} ms of all threads together, in {} files", ms(all), files.len())?;
    writeln!(text, "{:>10}  {:>8}  file", "ms", "MB/s")?;
    for file in files.iter().take(NAMED) {
        let rate = file.bytes as f64 * 1000.0 / file.nanoseconds.max(1) as f64;
        writeln!(text, "{:>10}  {rate:>8.1}  {}", ms(file.nanoseconds), file.path)?;
    }
    rest(text, files.iter().skip(NAMED).map(|file| file.nanoseconds))
}

fn rules(profile: &Profile, text: &mut String) -> std::fmt::Result {
    let mut rules: Vec<&RuleCost> = profile.rules.iter().collect();
    rules.sort_by(|a, b| {
        b.cost.nanoseconds.cmp(&a.cost.nanoseconds).then_with(|| a.rule.name.cmp(&b.rule.name))
    });
    let all: u64 = rules.iter().map(|rule| rule.cost.nanoseconds).sum();
    writeln!(text, "of that, {} ms evaluating {} rules that a record woke", ms(all), rules.len())?;
    writeln!(text, "{:>10}  {:>10}  {:>10}  rule", "ms", "woken", "matched")?;
    for RuleCost { rule, cost } in rules.iter().take(NAMED) {
        let (time, title) = (ms(cost.nanoseconds), &rule.title);
        writeln!(text, "{time:>10}  {:>10}  {:>10}  {title}", cost.evaluated, cost.matched)?;
    }
    rest(text, rules.iter().skip(NAMED).map(|rule| rule.cost.nanoseconds))
}

fn rest(text: &mut String, times: impl ExactSizeIterator<Item = u64>) -> std::fmt::Result {
    let others = times.len();
    if others > 0 {
        writeln!(text, "{:>10}  in {others} others", ms(times.sum()))?;
    }
    Ok(())
}

fn ms(nanoseconds: u64) -> String {
    format!("{:.1}", nanoseconds as f64 / 1e6)
}

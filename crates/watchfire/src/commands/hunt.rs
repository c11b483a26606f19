//! `watchfire hunt`: evidence in, verdicts out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use watchfire_hunt::model::{Hunted, RuleInfo, Verdict};
use watchfire_hunt::report::{self, About, human, stix};
use watchfire_hunt::{Options, hunt};
use watchfire_sigma::Level;
use watchfire_stix::Tlp;

use crate::arguments::{Format, Hunt};
use crate::{Status, content, intel, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Hunt) -> anyhow::Result<Status> {
    let options = Options {
        since: arguments.since.as_deref().map(|text| time(text, Edge::Start)).transpose()?,
        until: arguments.until.as_deref().map(|text| time(text, Edge::End)).transpose()?,
        threads: arguments.threads,
    };
    let min_level = level(&arguments.min_level)?;
    let tlp = tlp(&arguments.tlp)?;
    let reports = arguments.report.iter().map(|path| format_of(path)).collect::<anyhow::Result<Vec<_>>>()?;
    for path in &arguments.paths {
        std::fs::metadata(path)
            .with_context(|| format!("{}\nhint: give a folder, an archive or a file", path.display()))?;
    }
    let intel = intel::load(&arguments.intel, &arguments.warninglist)?;
    let content = content::load(&arguments.rules, &arguments.pipeline, intel)?;
    let bar = terminal::Bar::new();
    let hunted = hunt(&arguments.paths, content, &options, &bar)?;
    bar.finish();
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        paths: arguments.paths.iter().map(|path| path.display().to_string()).collect(),
        since: options.since,
        until: options.until,
        min_level,
    };
    for (path, format) in arguments.report.iter().zip(reports) {
        write_report(path, format, &hunted, &about, tlp)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(arguments.format, &hunted, &about, tlp)?;
    let found = hunted.worst().is_some_and(|worst| worst >= Verdict::Attempted);
    Ok(if found { Status::Found } else { Status::Clear })
}

fn print(format: Format, hunted: &Hunted, about: &About, tlp: Tlp) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match format {
        Format::Human => {
            let style = human::Style {
                colour: terminal::colour(),
                width: terminal::width(),
                min_level: about.min_level,
            };
            human::write(hunted, about, &mut out, style)?;
        }
        Format::Jsonl => report::write(report::Format::Jsonl, hunted, about, &mut out)?,
        Format::Csv => report::write(report::Format::Csv, hunted, about, &mut out)?,
        Format::Stix => write_stix(hunted, about, tlp, &mut out)?,
    }
    out.flush()?;
    Ok(())
}

/// A report as a file: for people and programs, or for exchange.
#[derive(Clone, Copy)]
enum Report {
    Plain(report::Format),
    Stix,
}

fn write_report(path: &Path, format: Report, hunted: &Hunted, about: &About, tlp: Tlp) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    match format {
        Report::Plain(format) => report::write(format, hunted, about, &mut out)?,
        Report::Stix => write_stix(hunted, about, tlp, &mut out)?,
    }
    out.flush()?;
    terminal::message(&format!("wrote {}", path.display()));
    Ok(())
}

fn write_stix(hunted: &Hunted, about: &About, tlp: Tlp, out: &mut dyn Write) -> io::Result<()> {
    let rule_text = |rule: &RuleInfo| content::text_of(&rule.version);
    let options = stix::Options { tlp, now: Timestamp::now(), rule_text: &rule_text };
    stix::write(hunted, about, &options, out)
}

fn format_of(path: &Path) -> anyhow::Result<Report> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    if name.ends_with(".stix.json") {
        return Ok(Report::Stix);
    }
    match report::Format::for_path(path) {
        Some(format) => Ok(Report::Plain(format)),
        None => {
            bail!(
                "{}: no report has this ending\nhint: .html, .md, .csv, .jsonl or .stix.json",
                path.display()
            )
        }
    }
}

fn tlp(text: &str) -> anyhow::Result<Tlp> {
    match Tlp::of_label(text) {
        Some(tlp) => Ok(tlp),
        None => bail!("{text:?} is no level of the TLP\nhint: clear, green, amber, amber+strict or red"),
    }
}

fn level(text: &str) -> anyhow::Result<Level> {
    match text.parse() {
        Ok(level) => Ok(level),
        Err(_) => bail!("{text:?} is no level\nhint: informational, low, medium, high or critical"),
    }
}

/// Which end of a day a bare date means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

fn time(text: &str, edge: Edge) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let Ok(date) = text.parse::<Date>() else {
        bail!("{text:?} is no time\nhint: 2021-03-03 or 2021-03-03T05:00:00Z, in UTC");
    };
    let time = match edge {
        Edge::Start => date.at(0, 0, 0, 0),
        Edge::End => date.at(23, 59, 59, 999_999_999),
    };
    Ok(TimeZone::UTC.to_timestamp(time)?)
}

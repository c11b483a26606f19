//! `watchfire hunt`: evidence in, verdicts out.

mod profile;
mod shards;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use watchfire_hunt::model::{Hunted, RuleInfo, Verdict};
use watchfire_hunt::report::{self, About, Columns, UnknownColumn, human, stix};
use watchfire_hunt::shards::By;
use watchfire_hunt::{AllowList, Options, hunt, hunt_measured};
use watchfire_sigma::Level;
use watchfire_stix::Tlp;

use super::time::{Edge, time};
use crate::arguments::{Format, Hunt, HuntStep, HuntTold, HuntWhat};
use crate::{Status, content, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Hunt) -> anyhow::Result<Status> {
    match &arguments.step {
        None => at_once(arguments),
        Some(HuntStep::Plan { what, shards, out }) => shards::plan(what, *shards, out.as_deref()),
        Some(HuntStep::Scan { plan, shard, out, threads }) => shards::scan(plan, *shard, out, *threads),
        Some(HuntStep::Merge { plan, parts, told, threads }) => shards::merge(plan, parts, told, *threads),
    }
}

fn at_once(Hunt { what, told, threads, profile, .. }: &Hunt) -> anyhow::Result<Status> {
    let allow = allow_list(&told.allow)?;
    let options = Options { allow, without_hashes: shows_no_hashes(told), ..options(what, *threads)? };
    let telling = Telling::new(told)?;
    look_at(&what.paths)?;
    let content = content::load(&by(what))?;
    let bar = terminal::Bar::new();
    if !profile {
        let hunted = hunt(&what.paths, content, &options, &bar)?;
        bar.finish();
        return telling.tell(&hunted, &what.paths, &options);
    }
    let (hunted, profile) = hunt_measured(&what.paths, content, &options, &bar, profile::clock)?;
    bar.finish();
    let status = telling.tell(&hunted, &what.paths, &options)?;
    terminal::message(&profile::table(&profile));
    Ok(status)
}

/// The terminal names findings by number; every other report has the hashes of their files.
fn shows_no_hashes(told: &HuntTold) -> bool {
    told.format == Format::Human && told.report.is_empty()
}

fn options(what: &HuntWhat, threads: Option<usize>) -> anyhow::Result<Options> {
    Ok(Options {
        since: what.since.as_deref().map(|text| time(text, Edge::Start)).transpose()?,
        until: what.until.as_deref().map(|text| time(text, Edge::End)).transpose()?,
        threads,
        ..Options::default()
    })
}

/// By what the hunt goes.
fn by(what: &HuntWhat) -> By {
    let shown = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    By {
        rules: what.rules.clone(),
        pipelines: shown(&what.pipeline),
        intel: shown(&what.intel),
        warninglists: shown(&what.warninglist),
        include: what.include.clone(),
        exclude: what.exclude.clone(),
    }
}

fn allow_list(paths: &[PathBuf]) -> anyhow::Result<AllowList> {
    let mut list = AllowList::default();
    for path in paths {
        let about = path.display().to_string();
        list.add(&about, &content::text(path).with_context(|| about.clone())?)?;
    }
    Ok(list)
}

/// A path that is not there is a slip of the hand, and no evidence.
fn look_at(paths: &[PathBuf]) -> anyhow::Result<()> {
    for path in paths {
        std::fs::metadata(path)
            .with_context(|| format!("{}\nhint: give a folder, an archive or a file", path.display()))?;
    }
    Ok(())
}

/// How the answer is told, read before the work begins.
struct Telling<'a> {
    told: &'a HuntTold,
    min_level: Level,
    reports: Vec<Report>,
    tlp: Tlp,
    columns: Columns,
}

impl<'a> Telling<'a> {
    fn new(told: &'a HuntTold) -> anyhow::Result<Self> {
        Ok(Self {
            told,
            min_level: level(&told.min_level)?,
            reports: told.report.iter().map(|path| format_of(path)).collect::<anyhow::Result<_>>()?,
            tlp: tlp(&told.tlp)?,
            columns: columns(&told.columns)?,
        })
    }

    fn tell(&self, hunted: &Hunted, paths: &[PathBuf], options: &Options) -> anyhow::Result<Status> {
        let about = About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            paths: paths.iter().map(|path| path.display().to_string()).collect(),
            since: options.since,
            until: options.until,
            min_level: self.min_level,
            summary: self.told.summary,
            threads: options.threads,
            columns: self.columns.clone(),
        };
        for (path, format) in self.told.report.iter().zip(&self.reports) {
            write_report(path, *format, hunted, &about, self.tlp)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        print(self.told.format, hunted, &about, self.tlp)?;
        let found = hunted.worst().is_some_and(|worst| worst >= Verdict::Attempted);
        Ok(if found { Status::Found } else { Status::Clear })
    }
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

fn columns(text: &str) -> anyhow::Result<Columns> {
    text.parse().map_err(|unknown: UnknownColumn| {
        let known = Columns::names().collect::<Vec<_>>().join(", ");
        anyhow!("{unknown}\nhint: minimal, standard, full, or some of {known}, field:NAME")
    })
}

fn level(text: &str) -> anyhow::Result<Level> {
    match text.parse() {
        Ok(level) => Ok(level),
        Err(_) => bail!("{text:?} is no level\nhint: informational, low, medium, high or critical"),
    }
}

//! `watchfire hunt plan|scan|merge`: the same hunt in shards.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use watchfire_hunt::Options;
use watchfire_hunt::content::Content;
use watchfire_hunt::shards::{self, Plan};

use super::{Telling, allow_list, by, look_at, options, shows_no_hashes};
use crate::arguments::{HuntTold, HuntWhat};
use crate::{Status, content, terminal};

/// A plan is a page of JSON; paths and rules are all that can be many.
const PLAN_LIMIT_BYTES: u64 = 16 << 20;

pub(super) fn plan(what: &HuntWhat, shards: u32, out: Option<&Path>) -> anyhow::Result<Status> {
    let options = options(what, None)?;
    look_at(&what.paths)?;
    let by = by(what);
    // Content that cannot be loaded should be known before the shards begin.
    let (_, digest) = content::load_known(&by)?;
    let plan = Plan::new(&what.paths, by, digest, &options, shards)?;
    match out {
        Some(path) => {
            fs::write(path, plan.to_json()).with_context(|| format!("cannot write {}", path.display()))?;
            terminal::message(&format!(
                "wrote {}: {} units, {} bytes, {} shards",
                path.display(),
                plan.units,
                plan.bytes,
                plan.shards
            ));
        }
        None => io::stdout().write_all(plan.to_json().as_bytes())?,
    }
    Ok(Status::Clear)
}

pub(super) fn scan(plan: &Path, shard: u32, out: &Path, threads: Option<usize>) -> anyhow::Result<Status> {
    let plan = read(plan)?;
    let content = content_of(&plan)?;
    let bar = terminal::Bar::new();
    // Under its name stands a whole part or none.
    let mut unfinished = out.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let cannot = || format!("cannot write {}", out.display());
    let mut file = File::create(&unfinished).with_context(cannot)?;
    shards::scan(&plan, shard, content, threads, &bar, &mut file)?;
    file.sync_all().with_context(cannot)?;
    fs::rename(&unfinished, out).with_context(cannot)?;
    bar.finish();
    terminal::message(&format!("wrote {}", out.display()));
    Ok(Status::Clear)
}

pub(super) fn merge(
    plan: &Path,
    parts: &[PathBuf],
    told: &HuntTold,
    threads: Option<usize>,
) -> anyhow::Result<Status> {
    let telling = Telling::new(told)?;
    let plan = read(plan)?;
    let content = content_of(&plan)?;
    let open = |path: &PathBuf| File::open(path).with_context(|| path.display().to_string());
    let files = parts.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
    let without_hashes = shows_no_hashes(told);
    let options = Options { without_hashes, ..plan.options(threads, allow_list(&told.allow)?) };
    let hunted = shards::merge(&plan, files, content, &options)?;
    telling.tell(&hunted, &plan.paths(), &options)
}

fn read(path: &Path) -> anyhow::Result<Plan> {
    let about = || path.display().to_string();
    let mut text = String::new();
    File::open(path)
        .with_context(about)?
        .take(PLAN_LIMIT_BYTES)
        .read_to_string(&mut text)
        .with_context(about)?;
    Plan::parse(&text).with_context(about)
}

/// The content of a plan, if it still is what it was.
fn content_of(plan: &Plan) -> anyhow::Result<&'static Content> {
    let (content, digest) = content::load_known(&plan.by)?;
    if digest != plan.content {
        bail!(
            "the rules or indicators are not what was planned\nhint: plan again, and scan and merge with one version of Watchfire"
        );
    }
    Ok(content)
}

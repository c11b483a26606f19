//! Whether a log that shows nothing of an act is silent, or holds records of those moments that no rule knows.
//!
//! To call a witness silent is to say that somebody took its words away, so it is said only after looking. For the two
//! logs that number the same requests, the numbers decide: a request in one that the other lacks is missing there. For
//! every other log its files are read once more for those moments; one record in them is enough to say "read this"
//! instead of "this is missing".

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use jiff::Timestamp;
use rayon::prelude::*;
use watchfire_artifact::event::{Deciding, Event};
use watchfire_artifact::layout::Cells;
use watchfire_artifact::lines::{self, Chunk};
use watchfire_artifact::{Evidence, Layout, Locator, evtx};

use crate::acts::base;
use crate::again::{self, Again};
use crate::known::{Clocks, Input, Known};
use crate::model::{Act, Finding, WitnessState};
use crate::pivot;
use crate::servers::of_server;
use crate::tally::shift;

/// Records this long before an act belong to it, in seconds: clocks of programs on one host differ by less.
const BEFORE_S: i64 = 5;

/// Records this long after an act belong to it: queues write late.
const AFTER_S: i64 = 60;

/// A span of time that a log is read for.
type Window = (Timestamp, Timestamp);

/// Decides about every witness that was kept and shows nothing.
pub(crate) fn look(input: &Input<'_>, known: &Known, clocks: &Clocks, acts: &mut [Act]) {
    for act in acts {
        let window =
            act.first.zip(act.last).map(|(first, last)| (shift(first, -BEFORE_S), shift(last, AFTER_S)));
        let Some(window) = window else { continue };
        let (server, members) = (act.server.clone(), act.findings.clone());
        for witness in act.witnesses.iter_mut().filter(|witness| witness.state == WitnessState::Silent) {
            let silent = match pivot::other_side(input.content, &witness.artifact) {
                Some(other) => has_numbers(&known.findings, &members, &other),
                None => !has_records(input, known, clocks, (&server, &witness.artifact), window),
            };
            if !silent {
                witness.state = WitnessState::Unrecognised;
            }
        }
        let numbered = |artifact: &str| pivot::other_side(input.content, artifact).is_some();
        act.witnesses.retain(|witness| match witness.state {
            WitnessState::Saw | WitnessState::Gap => true,
            WitnessState::Silent => witness.default || numbered(&witness.artifact),
            WitnessState::Unrecognised | WitnessState::NotCollected => witness.default,
        });
    }
}

/// Whether the other log's findings have numbers by which the silent one was searched, in vain.
fn has_numbers(findings: &[Finding], members: &[usize], other: &str) -> bool {
    members
        .iter()
        .map(|&at| &findings[at])
        .any(|finding| base(finding.artifact()) == other && finding.request().is_some_and(pivot::is_number))
}

/// Whether a log of a server holds a record in a span of time.
fn has_records(input: &Input<'_>, known: &Known, clocks: &Clocks, of: (&str, &str), window: Window) -> bool {
    let files: BTreeSet<usize> = of_server(&known.files, of.0)
        .filter(|(artifact, _)| base(artifact) == of.1)
        .flat_map(|(_, files)| files.iter().copied())
        .collect();
    files.par_iter().any(|&index| {
        let evidence = &input.gathered.evidence[index];
        // A tar archive is not read twice; what it holds is not called silent.
        matches!(evidence.locator, Locator::Tar { .. })
            || holds(evidence, window, |event| time(event, clocks, index)).unwrap_or(true)
    })
}

fn time(event: &Event<'_>, clocks: &Clocks, evidence: usize) -> Option<Timestamp> {
    let host = event.of(Deciding::Computer);
    event.utc.or_else(|| event.stated.map(|time| shift(time, clocks.correction_s(evidence, host.as_deref()))))
}

/// Whether a file holds a record in a span of time.
fn holds(
    evidence: &Evidence,
    window: Window,
    event_time: impl Fn(&Event<'_>) -> Option<Timestamp>,
) -> std::io::Result<bool> {
    let mut found = false;
    let ticks = evtx::to_filetime(window.0)..=evtx::to_filetime(window.1);
    again::read(evidence, |again| {
        found = match again {
            Again::Lines(chunk, layout) => chunk_holds(chunk, layout, window, &event_time),
            Again::Event(written) => ticks.contains(&written),
        };
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

fn chunk_holds(
    chunk: &Chunk<'_>,
    mut layout: Option<&mut Layout>,
    window: Window,
    event_time: &impl Fn(&Event<'_>) -> Option<Timestamp>,
) -> bool {
    let mut cells = Cells::default();
    lines::ranges(chunk.text).any(|line| {
        let line = &chunk.text[line];
        let time = match layout.as_mut() {
            Some(layout) if line.starts_with(b"#") => {
                layout.directive(line);
                None
            }
            Some(layout) => layout.row(line, &mut cells).time(),
            None => Event::parse(line).ok().flatten().and_then(|event| event_time(&event)),
        };
        time.is_some_and(|time| window.0 <= time && time <= window.1)
    })
}

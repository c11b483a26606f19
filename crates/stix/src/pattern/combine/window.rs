//! Many observations of one kind within a time: a window that slides.

use super::Candidate;
use crate::pattern::instant::Ticks;

/// Finds `count` observations that can have happened in less than `span`.
///
/// If any window will do, then one that begins at the end of an observation: moved left until it would lose one.
pub(super) fn solve(count: u64, candidates: &[Candidate], span: Ticks) -> Option<Vec<u32>> {
    let by_start = sums(candidates.iter().map(|found| (found.from, found.number)).collect());
    let by_end = sums(candidates.iter().map(|found| (found.to, found.number)).collect());
    let reach = |start: Ticks| start.saturating_add(span - 1);
    let start = by_end.iter().map(|(end, _)| *end).find(|&start| {
        let begun = sum_before(&by_start, reach(start).saturating_add(1));
        begun - sum_before(&by_end, start) >= count
    })?;
    let inside = candidates.iter().filter(|found| found.from <= reach(start) && found.to >= start);
    let mut missing = count;
    let needed = inside.take_while(|found| {
        let wanted = missing > 0;
        missing = missing.saturating_sub(found.number);
        wanted
    });
    Some(needed.map(|found| found.observation).collect())
}

/// Times in order, each with the sum of the numbers up to and with it.
fn sums(mut times: Vec<(Ticks, u64)>) -> Vec<(Ticks, u64)> {
    times.sort_unstable();
    let mut sum = 0_u64;
    for (_, number) in &mut times {
        sum = sum.saturating_add(*number);
        *number = sum;
    }
    times
}

fn sum_before(sums: &[(Ticks, u64)], end: Ticks) -> u64 {
    let before = sums.partition_point(|(time, _)| *time < end);
    before.checked_sub(1).map_or(0, |last| sums[last].1)
}

//! What rules cost on real records: how often each was evaluated, how long that took, how often it matched.
//!
//! Finding which rules may match is shared by all of them and cannot be told apart; what is measured is what each
//! does on the records that wake it. This crate has no clock: whoever wants to know brings one.

/// Tells the nanoseconds since some moment that stays the same.
pub type Clock = fn() -> u64;

/// What one rule cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Records that woke it.
    pub evaluated: u64,
    /// Records that it matched.
    pub matched: u64,
    /// The time that its evaluation took, in nanoseconds.
    pub nanoseconds: u64,
}

/// Costs of rules, by their number in the rule set.
#[derive(Clone, Debug)]
pub struct Costs {
    clock: Clock,
    by_rule: Vec<Cost>,
}

impl Costs {
    /// Nothing yet, by a clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, by_rule: Vec::new() }
    }

    /// The rules that were evaluated, with what they cost.
    pub fn rules(&self) -> impl Iterator<Item = (usize, Cost)> {
        self.by_rule.iter().copied().enumerate().filter(|(_, cost)| cost.evaluated > 0)
    }

    /// Adds what another thread counted.
    pub fn add(&mut self, other: &Self) {
        for (rule, cost) in other.rules() {
            let sum = self.of(rule);
            sum.evaluated += cost.evaluated;
            sum.matched += cost.matched;
            sum.nanoseconds += cost.nanoseconds;
        }
    }

    /// Evaluates a rule and counts it.
    pub(crate) fn count(&mut self, rule: usize, evaluate: impl FnOnce() -> bool) -> bool {
        let start = (self.clock)();
        let matched = evaluate();
        let taken = (self.clock)().saturating_sub(start);
        let cost = self.of(rule);
        cost.evaluated += 1;
        cost.matched += u64::from(matched);
        cost.nanoseconds += taken;
        matched
    }

    fn of(&mut self, rule: usize) -> &mut Cost {
        if self.by_rule.len() <= rule {
            self.by_rule.resize(rule + 1, Cost::default());
        }
        &mut self.by_rule[rule]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn costs_of_threads_add_up() {
        static NOW: AtomicU64 = AtomicU64::new(0);
        let clock: Clock = || NOW.fetch_add(5, Ordering::Relaxed);
        let (mut one, mut two) = (Costs::new(clock), Costs::new(clock));
        assert!(one.count(3, || true));
        assert!(!two.count(3, || false));
        assert!(two.count(0, || true));
        one.add(&two);
        let cost = |evaluated, matched, nanoseconds| Cost { evaluated, matched, nanoseconds };
        assert_eq!(one.rules().collect::<Vec<_>>(), [(0, cost(1, 1, 5)), (3, cost(2, 1, 10))]);
    }
}

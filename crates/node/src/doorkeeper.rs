//! What a node remembers of those who come in: credentials that were verified, and addresses that guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

/// Credentials that are remembered; beyond that all are forgotten and verified anew.
const REMEMBERED_LIMIT: usize = 10_000;

/// For so long.
const REMEMBERED_US: i64 = 15 * 60 * 1_000_000;

/// Failures from one address in a window, after which it is not listened to until the window ends.
const FAILURES_LIMIT: u32 = 20;
const FAILURES_WINDOW_US: i64 = 60 * 1_000_000;
const ADDRESSES_LIMIT: usize = 10_000;

/// What is remembered between requests.
#[derive(Default)]
pub(crate) struct Doorkeeper {
    verified: Mutex<HashMap<[u8; 32], i64>>,
    failures: Mutex<HashMap<IpAddr, (u32, i64)>>,
    /// One hash at a time: each takes 19 MiB, and a flood of guesses takes no more than one core.
    hashing: Mutex<()>,
}

impl Doorkeeper {
    /// A turn at hashing.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.hashing.lock().expect("nobody panics while hashing")
    }

    pub(crate) fn remembers(&self, tag: &[u8; 32], now: i64) -> bool {
        let verified = self.verified.lock().expect("nobody panics while holding it");
        verified.get(tag).is_some_and(|until| now < *until)
    }

    pub(crate) fn remember(&self, tag: [u8; 32], now: i64) {
        let mut verified = self.verified.lock().expect("nobody panics while holding it");
        if verified.len() >= REMEMBERED_LIMIT {
            verified.clear();
        }
        verified.insert(tag, now + REMEMBERED_US);
    }

    pub(crate) fn is_too_many(&self, origin: IpAddr, now: i64) -> bool {
        let failures = self.failures.lock().expect("nobody panics while holding it");
        failures
            .get(&origin)
            .is_some_and(|(count, since)| *count >= FAILURES_LIMIT && now - since < FAILURES_WINDOW_US)
    }

    pub(crate) fn count_failure(&self, origin: IpAddr, now: i64) {
        let mut failures = self.failures.lock().expect("nobody panics while holding it");
        if failures.len() >= ADDRESSES_LIMIT {
            failures.retain(|_, (_, since)| now - *since < FAILURES_WINDOW_US);
        }
        let entry = failures.entry(origin).or_insert((0, now));
        if now - entry.1 >= FAILURES_WINDOW_US {
            *entry = (0, now);
        }
        entry.0 += 1;
    }
}

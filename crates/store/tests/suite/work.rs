//! Promises about the work queue.

use std::sync::RwLock;
use std::thread;

use watchfire_store::{ATTEMPTS_LIMIT, JobKey, Progress, StoreError};

use crate::common::{Dice, Home, NOON};

const LEASE: i64 = 60_000_000;

fn job(home: &Home, shards: usize) -> JobKey {
    let specs: Vec<Vec<u8>> = (0..shards).map(|n| format!("shard {n}").into_bytes()).collect();
    let specs: Vec<&[u8]> = specs.iter().map(Vec::as_slice).collect();
    home.store.write(|write| write.create_job("hunt 1", b"rules", &specs, NOON)).unwrap()
}

/// Four workers, of which some stop in the middle of a shard; time goes on, others take over, and each hit is there
/// once.
pub(crate) fn every_shard_is_done_once(home: &Home) {
    const SHARDS: usize = 60;
    let job = job(home, SHARDS);
    // Time passes for those who died, and for nobody who is at work: how long a machine is busy must not decide what is lost.
    let clock = RwLock::new(NOON);
    thread::scope(|scope| {
        for worker in 0..4_u64 {
            let clock = &clock;
            scope.spawn(move || {
                let mut dice = Dice(worker);
                for life in 0.. {
                    let name = format!("worker {worker}, life {life}");
                    let now = clock.read().unwrap();
                    let Some(claimed) = home.store.write(|write| write.claim(&name, *now, LEASE)).unwrap()
                    else {
                        drop(now);
                        let progress = home.store.read(|read| read.progress(job)).unwrap();
                        if progress.done == SHARDS as i64 {
                            return;
                        }
                        assert_eq!(progress.failed, 0, "nobody lost a lease while at work");
                        *clock.write().unwrap() += LEASE / 40;
                        continue;
                    };
                    assert_eq!(claimed.job_spec, b"rules");
                    if claimed.attempt < ATTEMPTS_LIMIT && dice.roll(5) == 0 {
                        continue;
                    }
                    let hit = [claimed.spec.as_slice(), b" hit"].concat();
                    home.store.write(|write| write.complete(claimed.shard, &name, &[&hit])).unwrap();
                }
            });
        }
    });
    let expected: Vec<((i64, i64), Vec<u8>)> =
        (0..SHARDS as i64).map(|n| ((n, 0), format!("shard {n} hit").into_bytes())).collect();
    let (mut hits, mut after) = (Vec::new(), (-1, 0));
    loop {
        let page = home.store.read(|read| read.hits(job, after, 7)).unwrap();
        let Some(last) = page.last() else { break };
        after = last.at;
        hits.extend(page.into_iter().map(|hit| (hit.at, hit.bytes)));
    }
    assert_eq!(hits, expected);
}

pub(crate) fn a_lost_lease_completes_nothing(home: &Home) {
    let job = job(home, 1);
    let slow = home.store.write(|write| write.claim("slow", NOON, LEASE)).unwrap().unwrap();
    assert_eq!(home.store.write(|write| write.claim("fast", NOON + LEASE, LEASE)).unwrap(), None);
    home.store.write(|write| write.renew(slow.shard, "slow", NOON + LEASE, LEASE)).unwrap();
    assert_eq!(home.store.write(|write| write.claim("fast", NOON + LEASE + 1, LEASE)).unwrap(), None);
    let fast = home.store.write(|write| write.claim("fast", NOON + 2 * LEASE + 1, LEASE)).unwrap().unwrap();
    assert_eq!((fast.shard, fast.attempt), (slow.shard, 2));
    for outcome in [
        home.store.write(|write| write.complete(slow.shard, "slow", &[b"late"])),
        home.store.write(|write| write.renew(slow.shard, "slow", NOON, LEASE)),
        home.store.write(|write| write.give_back(slow.shard, "slow", "late")),
    ] {
        assert!(matches!(outcome, Err(StoreError::LeaseLost { .. })), "{outcome:?}");
    }
    home.store.write(|write| write.complete(fast.shard, "fast", &[b"one", b"two"])).unwrap();
    let again = home.store.write(|write| write.complete(fast.shard, "fast", &[b"one", b"two"]));
    assert!(matches!(again, Err(StoreError::LeaseLost { .. })));
    let hits = home.store.read(|read| read.hits(job, (-1, 0), 10)).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.bytes.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
}

pub(crate) fn a_deadly_shard_is_given_up(home: &Home) {
    let job = job(home, 2);
    let mut now = NOON;
    for attempt in 1..=ATTEMPTS_LIMIT {
        let claimed = home.store.write(|write| write.claim("victim", now, LEASE)).unwrap().unwrap();
        assert_eq!((claimed.spec.as_slice(), claimed.attempt), (&b"shard 0"[..], attempt));
        now += LEASE + 1;
    }
    let next = home.store.write(|write| write.claim("victim", now, LEASE)).unwrap().unwrap();
    assert_eq!(next.spec, b"shard 1");
    for _ in 1..=ATTEMPTS_LIMIT {
        let claimed = home.store.write(|write| write.claim("victim", now, LEASE)).unwrap();
        let shard = claimed.map_or(next.shard, |claimed| claimed.shard);
        home.store.write(|write| write.give_back(shard, "victim", "the disk\0 is gone")).unwrap();
    }
    let progress = home.store.read(|read| read.progress(job)).unwrap();
    assert_eq!(progress, Progress { failed: 2, ..Progress::default() });
    let failures = home.store.read(|read| read.failures(job)).unwrap();
    assert_eq!(failures[0], (0, "every worker that tried it stopped reporting".to_owned()));
    assert_eq!(failures[1], (1, "the disk\u{fffd} is gone".to_owned()));
}

pub(crate) fn planning_twice_changes_nothing(home: &Home) {
    let first = job(home, 3);
    let before = home.store.digest().unwrap();
    assert_eq!(job(home, 5), first);
    assert_eq!(home.store.digest().unwrap(), before);
}

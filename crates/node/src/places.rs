//! Places for connections: where all are taken, those that have waited longest for a request make room.
//!
//! A connection that does nothing is let go after half a minute anyway. If a newcomer had to wait for that, ten thousand
//! connections that nobody uses would keep everybody out for as long.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many are let go at once where one place is wanted: to look for them goes through all.
const LET_GO: usize = 64;

/// All places.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    states: HashMap<u64, Arc<State>>,
}

/// What a connection is doing.
pub(crate) struct State {
    /// Since when it has been waiting for a request, from its first byte to its last header; none while one is answered.
    waiting_since: Mutex<Option<Instant>>,
    /// Whether some of an answer waits to be taken by the other end.
    is_writing: AtomicBool,
    leave: Notify,
}

impl State {
    /// A request has come.
    pub(crate) fn begin(&self) {
        *lock(&self.waiting_since) = None;
    }

    /// It is answered.
    pub(crate) fn end(&self) {
        *lock(&self.waiting_since) = Some(Instant::now());
    }

    pub(crate) fn set_writing(&self, is_writing: bool) {
        self.is_writing.store(is_writing, Ordering::Relaxed);
    }

    /// Since when it could go without anybody losing an answer.
    fn idle_since(&self) -> Option<Instant> {
        if self.is_writing.load(Ordering::Relaxed) { None } else { *lock(&self.waiting_since) }
    }

    /// Ends when the place is wanted by somebody else and nobody loses an answer.
    pub(crate) async fn wanted(&self) {
        loop {
            self.leave.notified().await;
            if self.idle_since().is_some() {
                return;
            }
        }
    }
}

/// One place, free again when it is dropped.
pub(crate) struct Place {
    number: u64,
    taken: Arc<Mutex<Taken>>,
    pub(crate) state: Arc<State>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.taken).states.remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places {
    /// So many places.
    pub(crate) fn new(limit: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(limit)), taken: Arc::default() }
    }

    /// A place, made free by others where that costs nobody an answer; none where there are no places any more.
    pub(crate) async fn take(&self) -> Option<Place> {
        let free = Arc::clone(&self.free);
        let permit = if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
            permit
        } else {
            self.let_go();
            free.acquire_owned().await.ok()?
        };
        let state = Arc::new(State {
            waiting_since: Mutex::new(Some(Instant::now())),
            is_writing: AtomicBool::new(false),
            leave: Notify::new(),
        });
        let mut taken = lock(&self.taken);
        let number = taken.next;
        taken.next += 1;
        taken.states.insert(number, Arc::clone(&state));
        Some(Place { number, taken: Arc::clone(&self.taken), state, _permit: permit })
    }

    fn let_go(&self) {
        let taken = lock(&self.taken);
        let idle = taken.states.values().filter_map(|state| Some((state.idle_since()?, state)));
        let mut idle: Vec<(Instant, &Arc<State>)> = idle.collect();
        // A tenth at most: a node of few places does not lose all that wait.
        let count = LET_GO.min(taken.states.len().div_ceil(10)).min(idle.len());
        if count < idle.len() {
            idle.select_nth_unstable_by_key(count, |(since, _)| *since);
        }
        for (_, state) in &idle[..count] {
            state.leave.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether a place is wanted, as its connection learns it.
    async fn is_wanted(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(50), place.state.wanted()).await.is_ok()
    }

    #[tokio::test]
    async fn who_waits_longest_makes_room_and_nobody_loses_an_answer() {
        let places = Places::new(4);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(places.take().await.unwrap());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // The first is answered, to the second an answer is on its way; the third has waited longest.
        held[0].state.begin();
        held[1].state.set_writing(true);
        let newcomer = tokio::spawn({
            let places = Places { free: Arc::clone(&places.free), taken: Arc::clone(&places.taken) };
            async move { places.take().await.unwrap() }
        });
        assert!(is_wanted(&held[2]).await);
        for other in [0, 1, 3] {
            assert!(!is_wanted(&held[other]).await, "{other} stays");
        }
        assert!(!newcomer.is_finished());
        drop(held.remove(2));
        newcomer.await.unwrap();
    }

    #[tokio::test]
    async fn a_place_that_was_wanted_in_vain_is_asked_again() {
        let places = Places::new(1);
        let held = places.take().await.unwrap();
        places.let_go();
        held.state.begin();
        assert!(!is_wanted(&held).await, "a request has come in between");
        held.state.end();
        places.let_go();
        assert!(is_wanted(&held).await);
    }
}

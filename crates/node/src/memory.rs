//! The memory for bodies, shared by all connections: a limit for each is none for ten thousand of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted as one: a body takes whole pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// How long a body of a known size waits for its part. After that its sender is told to come again.
const WAIT: Duration = Duration::from_secs(20);

/// Memory that is shared out.
pub(crate) struct Memory(Arc<Semaphore>);

/// A part of it, given back when it is dropped.
pub(crate) struct Part {
    memory: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Memory {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / PIECE_BYTES).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A part, with nothing in it yet.
    pub(crate) fn part(&self) -> Part {
        Part { memory: Arc::clone(&self.0), held: None }
    }
}

impl Part {
    /// Takes what `bytes` need, waiting for others to give it back; false where that takes too long.
    pub(crate) async fn wait_for(&mut self, bytes: usize) -> bool {
        let Some(missing) = self.missing(bytes) else { return true };
        let taken = tokio::time::timeout(WAIT, Arc::clone(&self.memory).acquire_many_owned(missing)).await;
        self.take(taken.ok().and_then(Result::ok))
    }

    /// Takes what `bytes` need, if it is there. Nobody waits who already holds a part: two might wait for each other.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let Some(missing) = self.missing(bytes) else { return true };
        let taken = Arc::clone(&self.memory).try_acquire_many_owned(missing).ok();
        self.take(taken)
    }

    fn missing(&self, bytes: usize) -> Option<u32> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.div_ceil(PIECE_BYTES);
        u32::try_from(wanted.saturating_sub(held)).ok().filter(|missing| *missing > 0)
    }

    fn take(&mut self, more: Option<OwnedSemaphorePermit>) -> bool {
        let Some(more) = more else { return false };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let memory = Memory::new(10 * PIECE_BYTES);
        let (mut one, mut two) = (memory.part(), memory.part());
        assert!(one.grow_to(1) && one.grow_to(PIECE_BYTES) && one.grow_to(6 * PIECE_BYTES));
        assert!(two.grow_to(4 * PIECE_BYTES) && !two.grow_to(4 * PIECE_BYTES + 1));
        drop(one);
        assert!(two.grow_to(10 * PIECE_BYTES) && !two.grow_to(11 * PIECE_BYTES));
    }
}

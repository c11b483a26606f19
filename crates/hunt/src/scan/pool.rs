//! Things that one thread uses at a time and that are worth keeping for the next file.

use std::sync::{Mutex, PoisonError};

/// Idle things of one kind.
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// An idle one, or a new one.
    pub(super) fn take(&self, make: impl FnOnce() -> T) -> T {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(make)
    }

    pub(super) fn give_back(&self, thing: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }

    /// Looks at all that are idle: at the end, at all.
    pub(super) fn each(&self, look: impl FnMut(&T)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(look);
    }
}

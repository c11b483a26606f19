//! The audit's rows of reading: written before anything leaves, many at once.
//!
//! An act that writes has its row in its own transaction. A page that is read has none, so its row goes through here: all
//! rows that wait while one transaction is being committed go into the next, so that readers share the disk's time.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use watchfire_store::{AuditEntry, CollectionKey, Store, StoreError, Write};

use crate::error::{NodeError, Result};
use crate::log::{Level, log};

/// The action of objects that got new places.
pub(crate) const RENEW: &str = "objects.renew";

/// Rows of one transaction.
const BATCH_LIMIT: usize = 500;

/// An act to record.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) at_us: i64,
    pub(crate) actor: String,
    pub(crate) origin: String,
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

impl Act {
    /// As the store takes it.
    pub(crate) fn entry(&self) -> AuditEntry<'_> {
        AuditEntry {
            at_us: self.at_us,
            actor: &self.actor,
            origin: &self.origin,
            action: self.action,
            subject: &self.subject,
            detail: &self.detail,
        }
    }
}

/// Why a row was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unwritten {
    /// The disk is full.
    Full,
    /// Something else.
    Failed,
}

type Waiting = (Act, SyncSender<std::result::Result<(), Unwritten>>);

/// The way to the audit.
pub(crate) struct Log {
    /// None once it ends.
    sender: Option<Sender<Waiting>>,
    writer: Option<JoinHandle<()>>,
}

impl Drop for Log {
    /// Waits for the writer: it holds the store, which is whole in one file only when nobody holds it any more.
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(writer) = self.writer.take() {
            // One that panicked has let go of the store, too.
            let _ = writer.join();
        }
    }
}

impl Log {
    /// Starts the thread that writes.
    pub(crate) fn start(store: Arc<Store>) -> Self {
        let (sender, receiver) = channel();
        let writer = thread::spawn(move || write_all(&store, &receiver));
        Self { sender: Some(sender), writer: Some(writer) }
    }

    /// Records an act; when this returns, it is on disk.
    pub(crate) fn record(&self, act: Act) -> Result<()> {
        let (done, wait) = sync_channel(1);
        // A writer that is gone leaves everybody who waits for it alone.
        let sender = self.sender.as_ref().ok_or(Unwritten::Failed);
        let sent = sender.and_then(|sender| sender.send((act, done)).map_err(|_| Unwritten::Failed));
        let written = sent.and_then(|()| wait.recv().unwrap_or(Err(Unwritten::Failed)));
        written.map_err(|why| NodeError::Unaudited { is_full: why == Unwritten::Full })
    }
}

/// Until the node goes away.
fn write_all(store: &Store, receiver: &Receiver<Waiting>) {
    while let Ok(first) = receiver.recv() {
        let mut batch = vec![first];
        batch.extend(receiver.try_iter().take(BATCH_LIMIT - 1));
        let entries: Vec<AuditEntry<'_>> = batch.iter().map(|(act, _)| act.entry()).collect();
        let written = store.write(|write| {
            write.audit(&entries)?;
            write.place_audit(BATCH_LIMIT * 2)
        });
        let written = written.map(|_| ()).map_err(|error| {
            log(Level::Error, "audit.unwritten", &[("error", error.to_string().into())]);
            if matches!(error, StoreError::Full(_)) { Unwritten::Full } else { Unwritten::Failed }
        });
        for (_, done) in &batch {
            // Whoever no longer waits has gone away.
            let _ = done.send(written);
        }
    }
}

/// Places as a text, in runs: `1-500,502`. With the collection's own rows it tells which objects they were.
pub(crate) fn runs(places: impl IntoIterator<Item = i64>) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for place in places {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            _ => runs.push((place, place)),
        }
    }
    let shown = |(first, last): &(i64, i64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(shown).collect::<Vec<_>>().join(",")
}

/// The runs of a detail: those that stand behind `places `.
pub(crate) fn runs_in(detail: &str) -> Vec<(i64, i64)> {
    let Some((_, text)) = detail.split_once("places ") else { return Vec::new() };
    let text =
        text.split(|one: char| !one.is_ascii_digit() && one != '-' && one != ',').next().unwrap_or_default();
    let run = |run: &str| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.split(',').filter_map(run).collect()
}

/// Gives objects new places, and records which they had before: whoever asks later what was released at a place must be
/// told.
pub(crate) fn place_anew(
    write: &mut Write<'_>,
    collection: CollectionKey,
    places: &[i64],
    now: i64,
) -> watchfire_store::Result<()> {
    let (id, first) = write.place_anew(collection, places, now)?;
    let new = runs(first..first + places.len() as i64);
    let detail = format!("places {} are {new} now", runs(places.iter().copied()));
    write.audit(&[AuditEntry {
        at_us: now,
        actor: "node",
        origin: "node",
        action: RENEW,
        subject: &id,
        detail: &detail,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_runs() {
        assert_eq!(runs([1, 2, 3, 5, 7, 8]), "1-3,5,7-8");
        assert_eq!(runs([]), "");
        assert_eq!(runs_in("status x, places 1-3,5"), [(1, 3), (5, 5)]);
        assert_eq!(runs_in("places 7 are 12 now"), [(7, 7)]);
        assert_eq!(runs_in("places "), []);
        assert_eq!(runs_in("3-4"), []);
    }
}

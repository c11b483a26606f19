//! Which ids cannot be in an era.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Result, StoreError};

/// Groups of 256 bits in a filter: 16 bits for each id of an era, by which one id in a thousand is looked for in vain.
const GROUPS: usize = 8192;

/// Bits of a hash that are set in its group.
const MARKS: u32 = 8;

const FILTER_BYTES: usize = GROUPS * 32;

/// Which ids cannot be in an era: a Bloom filter in which all bits of an id are beside each other (Putze, Sanders,
/// Singler, 2007).
pub(crate) struct Filter(Vec<[u32; 8]>);

/// Where a hash stands in a filter. The bits of a hash are as good as random, so each is used once.
fn group(hash: i64) -> usize {
    (hash >> 40) as usize % GROUPS
}

impl Filter {
    pub(crate) fn empty() -> Self {
        Self(vec![[0; 8]; GROUPS])
    }

    pub(crate) fn mark(&mut self, hash: i64) {
        let group = &mut self.0[group(hash)];
        for at in 0..MARKS {
            group[at as usize] |= 1 << (hash >> (5 * at) & 31);
        }
    }

    pub(crate) fn may_have(&self, hash: i64) -> bool {
        let group = &self.0[group(hash)];
        (0..MARKS).all(|at| group[at as usize] >> (hash >> (5 * at) & 31) & 1 == 1)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != FILTER_BYTES {
            return Err(StoreError::Corrupt { reason: "a filter of ids is of another size".to_owned() });
        }
        let mut filter = Self::empty();
        let words =
            bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        for (word, read) in filter.0.iter_mut().flatten().zip(words) {
            *word = read;
        }
        Ok(filter)
    }
}

/// The filters of all eras that are full, from the first on.
pub(crate) type Known = Arc<Vec<Arc<Filter>>>;

/// The filters that this process has read.
#[derive(Default)]
pub(crate) struct Filters(RwLock<Known>);

impl Filters {
    pub(crate) fn known(&self) -> Known {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads more, those from a number on, while nobody else does.
    pub(crate) fn extend(&self, read: impl FnOnce(usize) -> Result<Vec<Filter>>) -> Result<Known> {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let more = read(kept.len())?;
        *kept = Arc::new(kept.iter().cloned().chain(more.into_iter().map(Arc::new)).collect());
        Ok(Arc::clone(&kept))
    }
}

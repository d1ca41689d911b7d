//! The keys of a private tracker, and how much each is used: exactly, as a key may come once in half an hour.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// All keys of one moment. There are no more uses than keys: what is no key is not remembered.
pub(crate) struct Keys {
    uses: HashMap<Vec<u8>, Arc<KeyUse>>,
}

/// What was done with a key since that was last taken.
#[derive(Default)]
struct KeyUse {
    announces: AtomicU64,
    seen_s: AtomicU32,
}

impl Keys {
    /// These keys; those that were among the earlier ones go on counting.
    pub(crate) fn new(keys: impl IntoIterator<Item = Vec<u8>>, before: Option<&Self>) -> Self {
        let uses = keys.into_iter().map(|key| {
            let kept = before.and_then(|before| before.uses.get(&key));
            let kept = kept.map(Arc::clone).unwrap_or_default();
            (key, kept)
        });
        Self {
            uses: uses.collect(),
        }
    }

    /// Whether it is one of them; an announce with it is told by its time.
    pub(super) fn admit(&self, key: &[u8], announced_at_s: Option<u32>) -> bool {
        let Some(used) = self.uses.get(key) else {
            return false;
        };
        if let Some(now_s) = announced_at_s {
            used.announces.fetch_add(1, Ordering::Relaxed);
            used.seen_s.store(now_s, Ordering::Relaxed);
        }
        true
    }

    /// The keys that were announced with since they were last taken: how often, and when at last.
    pub(crate) fn take_uses(&self) -> Vec<(Vec<u8>, u64, u32)> {
        let used = self.uses.iter().filter_map(|(key, used)| {
            let announces = used.announces.swap(0, Ordering::Relaxed);
            let seen_s = used.seen_s.load(Ordering::Relaxed);
            (announces > 0).then(|| (key.clone(), announces, seen_s))
        });
        used.collect()
    }
}

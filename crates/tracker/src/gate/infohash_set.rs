//! A set of infohashes that is replaced as a whole and yet changed at the cost of the change.
//!
//! It is in parts. A changed set shares all parts with its predecessor but those that differ, so
//! that one more of a million torrents copies a few hundred infohashes.

use std::collections::HashSet;
use std::sync::Arc;

use super::allowed::Folded;
use crate::model::InfoHash;

/// Infohashes of a part, on average at the most.
const PART_MAX: usize = 256;

type Part = Arc<HashSet<InfoHash, Folded>>;

#[derive(Clone)]
pub(crate) struct InfoHashSet {
    /// A power of two of them, chosen by the first bytes.
    parts: Arc<[Part]>,
    len: usize,
}

impl InfoHashSet {
    pub(crate) fn contains(&self, infohash: &InfoHash) -> bool {
        self.parts[place(infohash, self.parts.len())].contains(infohash)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &InfoHash> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// This set and more.
    pub(crate) fn with(&self, infohashes: &[InfoHash]) -> Self {
        if self.len + infohashes.len() > self.parts.len() * PART_MAX {
            return self.iter().chain(infohashes).copied().collect();
        }
        self.changed(infohashes, |part, infohash| {
            usize::from(part.insert(*infohash)).cast_signed()
        })
    }

    /// This set and less.
    pub(crate) fn without(&self, infohashes: &[InfoHash]) -> Self {
        self.changed(infohashes, |part, infohash| {
            -usize::from(part.remove(infohash)).cast_signed()
        })
    }

    fn changed(
        &self,
        infohashes: &[InfoHash],
        change: impl Fn(&mut HashSet<InfoHash, Folded>, &InfoHash) -> isize,
    ) -> Self {
        let mut parts = self.parts.to_vec();
        let mut len = self.len;
        for infohash in infohashes {
            let place = place(infohash, parts.len());
            let difference = change(Arc::make_mut(&mut parts[place]), infohash);
            len = len.saturating_add_signed(difference);
        }
        Self {
            parts: parts.into(),
            len,
        }
    }
}

impl Default for InfoHashSet {
    fn default() -> Self {
        Self {
            parts: [Part::default()].into(),
            len: 0,
        }
    }
}

impl FromIterator<InfoHash> for InfoHashSet {
    fn from_iter<I: IntoIterator<Item = InfoHash>>(infohashes: I) -> Self {
        let infohashes: HashSet<InfoHash, Folded> = infohashes.into_iter().collect();
        let len = infohashes.len();
        // Half full, so that it does not grow again at once.
        let count = (len * 2).div_ceil(PART_MAX).max(1).next_power_of_two();
        let mut parts = vec![HashSet::default(); count];
        for infohash in infohashes {
            parts[place(&infohash, count)].insert(infohash);
        }
        Self {
            parts: parts.into_iter().map(Part::new).collect(),
            len,
        }
    }
}

/// The part of an infohash, which is evenly distributed as it is.
fn place(infohash: &InfoHash, parts: usize) -> usize {
    let [a, b, c, ..] = *infohash;
    (usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16) & (parts - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn infohash(number: u16) -> InfoHash {
        let mut infohash = [0; 20];
        infohash[..2].copy_from_slice(&number.to_le_bytes());
        infohash
    }

    proptest! {
        /// Against a plain set, at every step of a history.
        #[test]
        fn it_holds_what_a_plain_set_holds(
            steps in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(0..2000_u16, 0..400)), 0..20)
        ) {
            let mut set = InfoHashSet::default();
            let mut plain: HashSet<InfoHash> = HashSet::new();
            for (joins, numbers) in steps {
                let infohashes: Vec<InfoHash> = numbers.into_iter().map(infohash).collect();
                if joins {
                    set = set.with(&infohashes);
                    plain.extend(infohashes);
                } else {
                    set = set.without(&infohashes);
                    plain.retain(|one| !infohashes.contains(one));
                }
                prop_assert_eq!(set.len, plain.len());
                prop_assert_eq!(set.is_empty(), plain.is_empty());
                prop_assert_eq!(set.iter().copied().collect::<HashSet<_>>(), plain.clone());
                for number in (0..2000).step_by(7) {
                    let one = infohash(number);
                    prop_assert_eq!(set.contains(&one), plain.contains(&one));
                }
            }
        }
    }

    #[test]
    fn one_more_copies_a_part_and_shares_the_others() {
        let set: InfoHashSet = (0..10_000).map(infohash).collect();
        let more = set.with(&[infohash(60_000)]);
        let parts = set.parts.iter().zip(more.parts.iter());
        let copied = parts.filter(|(old, new)| !Arc::ptr_eq(old, new)).count();
        assert_eq!((copied, more.len), (1, 10_001));
        assert!(set.parts.len() > 64);
    }
}

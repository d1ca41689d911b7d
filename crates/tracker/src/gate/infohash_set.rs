//! Infohashes in parts: a change copies the parts that it touches, so that many small changes of a
//! large set cost about what they change.

use std::collections::HashSet;
use std::sync::Arc;

use crate::folded::Folded;
use crate::model::InfoHash;

/// One for each value of a byte: of ten thousand infohashes a change copies some 40, of a million some 4,000.
const PARTS: usize = 256;

type Part = Arc<HashSet<InfoHash, Folded>>;

/// A set of which copies have most in common.
#[derive(Clone)]
pub(crate) struct InfoHashSet {
    parts: Box<[Part]>,
    len: usize,
}

impl Default for InfoHashSet {
    fn default() -> Self {
        let nothing = Part::default();
        Self {
            parts: std::iter::repeat_n(nothing, PARTS).collect(),
            len: 0,
        }
    }
}

impl FromIterator<InfoHash> for InfoHashSet {
    fn from_iter<I: IntoIterator<Item = InfoHash>>(infohashes: I) -> Self {
        let mut set = Self::default();
        infohashes.into_iter().for_each(|one| set.insert(one));
        set
    }
}

impl InfoHashSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn contains(&self, infohash: &InfoHash) -> bool {
        self.parts[part_of(infohash)].contains(infohash)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &InfoHash> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    pub(crate) fn insert(&mut self, infohash: InfoHash) {
        let part = &mut self.parts[part_of(&infohash)];
        if !part.contains(&infohash) {
            Arc::make_mut(part).insert(infohash);
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, infohash: &InfoHash) {
        let part = &mut self.parts[part_of(infohash)];
        if part.contains(infohash) {
            Arc::make_mut(part).remove(infohash);
            self.len -= 1;
        }
    }
}

/// The operator chooses what is in the set, so nobody else can fill one part alone.
fn part_of(infohash: &InfoHash) -> usize {
    usize::from(infohash[19])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn infohash(number: u16) -> InfoHash {
        let mut infohash = [7; 20];
        infohash[18..].copy_from_slice(&number.to_be_bytes());
        infohash
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds_and_copies_keep_what_they_held(
            steps in prop::collection::vec((any::<bool>(), 0..2000_u16), 0..600)
        ) {
            let mut set = InfoHashSet::default();
            let mut plain = HashSet::new();
            let mut copies = Vec::new();
            for (at, (is_added, number)) in steps.into_iter().enumerate() {
                if is_added {
                    set.insert(infohash(number));
                    plain.insert(infohash(number));
                } else {
                    set.remove(&infohash(number));
                    plain.remove(&infohash(number));
                }
                prop_assert_eq!(set.contains(&infohash(number)), is_added);
                if at % 100 == 0 {
                    copies.push((set.clone(), plain.clone()));
                }
            }
            copies.push((set, plain));
            for (set, plain) in copies {
                prop_assert_eq!(set.iter().copied().collect::<HashSet<_>>(), plain.clone());
                prop_assert_eq!(set.is_empty(), plain.is_empty());
            }
        }
    }
}

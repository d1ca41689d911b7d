//! When a peer was heard, and which of two words about it is the later one.
//!
//! A word is 16 bits, see `swarm/peer`: below, its time in units modulo 2^13; above, three flags. All
//! nodes compare the same 16 bits, whatever came to them first, and so come to the same peer. Times may
//! lie a little ahead of a node's clock: another's may be faster, and who speaks after a word of the same
//! time is put one unit later.

/// Seconds of a unit.
pub(crate) const UNIT_S: u32 = 8;

/// The bits of a word that are its time.
pub(crate) const TIME: u16 = (1 << 13) - 1;

/// Units that a time may lie ahead, some eight minutes.
pub(crate) const AHEAD_MAX: u16 = 64;

/// The flags of a word by which a peer is gone: they are those of nobody.
pub(crate) const GONE: u16 = 0b110 << 13;

/// Units since a word was said, beginning with those it may lie ahead: the later, the less.
#[inline]
pub(crate) fn lateness(word: u16, now: u16) -> u16 {
    now.wrapping_sub(word).wrapping_add(AHEAD_MAX) & TIME
}

/// Whether one word counts and not the other; of two that were said at once, flags decide.
#[inline]
pub(crate) fn beats(one: u16, other: u16, now: u16) -> bool {
    let [late, later] = [lateness(one, now), lateness(other, now)];
    late < later || late == later && one >> 13 > other >> 13
}

/// The word that says `flags` now, after all that `old` says.
#[inline]
pub(crate) fn after(old: u16, flags: u16, now: u16) -> u16 {
    let flags = flags & !TIME;
    let lateness = lateness(old, now);
    let time = if lateness > AHEAD_MAX {
        now
    } else if flags >= old & !TIME || lateness == 0 {
        old
    } else {
        old.wrapping_add(1)
    };
    flags | time & TIME
}

/// The same word where clocks show `by` units more.
#[inline]
pub(crate) fn shifted(word: u16, by: u16) -> u16 {
    word & !TIME | word.wrapping_add(by) & TIME
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is said now counts wherever the word before it is known, and both are never thought later.
        #[test]
        fn what_is_said_after_a_word_beats_it(old: u16, flags: u16, now in 0..=TIME) {
            let flags = flags & !TIME;
            let said = after(old, flags, now);
            prop_assert_eq!(said & !TIME, flags);
            prop_assert!(!(beats(said, old, now) && beats(old, said, now)));
            // Beyond what may lie ahead nobody can be later.
            if lateness(old, now) > 0 {
                prop_assert!(said == old || beats(said, old, now));
            }
        }

        #[test]
        fn clocks_that_show_more_by_the_same_agree(one: u16, other: u16, now in 0..=TIME, by in 0..=TIME) {
            let later = now.wrapping_add(by) & TIME;
            let [shifted_one, shifted_other] = [shifted(one, by), shifted(other, by)];
            prop_assert_eq!(beats(one, other, now), beats(shifted_one, shifted_other, later));
            prop_assert_eq!(lateness(one, now), lateness(shifted_one, later));
        }
    }

    #[test]
    fn a_word_of_the_same_time_is_put_one_unit_later_if_its_flags_are_less() {
        let seeder = |time: u16| 1 << 14 | time;
        let gone = |time: u16| GONE | time;
        assert_eq!(after(seeder(100), 0, 100), 101);
        assert_eq!(after(100, seeder(0), 100), seeder(100));
        assert_eq!(after(90, seeder(0), 100), seeder(100));
        assert_eq!(after(seeder(103), GONE, 100), gone(103));
        assert_eq!(after(gone(103), 0, 100), 104);
        assert!(beats(gone(100), seeder(100), 100));
    }
}

//! The peer ids of the peers of a load.

use crate::profile::{Churn, Profile};

/// All zeros in the aquatic mix, as there; else that of a qBittorrent numbered by its peer.
pub(crate) fn of(profile: &Profile, peer: u32) -> [u8; 20] {
    if profile.churn == Churn::EachAnnounce {
        return [0; 20];
    }
    let mut id = *b"-qB4670-000000000000";
    let mut rest = peer;
    for digit in id.iter_mut().rev().take(10) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::profile::Profile;

    #[test]
    fn aquatic_ids_are_zeros_and_all_others_are_distinct() {
        let named = |name| Profile::named(name).expect("a known profile");
        assert_eq!(of(&named("aquatic"), 7), [0; 20]);
        assert_eq!(&of(&named("uniform"), 1_234_567), b"-qB4670-000001234567");
        assert_eq!(&of(&named("power-law"), u32::MAX), b"-qB4670-004294967295");
    }
}

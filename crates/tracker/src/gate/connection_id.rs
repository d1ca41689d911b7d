//! BEP 15 connection ids: a keyed hash of address and time slot, so that nothing is kept a client.

use std::net::IpAddr;

use siphasher::sip::SipHasher13;

/// An id is the low byte of its time slot, then 56 bits of the hash: one hash proves it, and none is
/// proven for longer than the 256 slots that the byte tells apart.
const SLOT_S: u32 = 64;
const AGE_SLOTS_MAX: u32 = 254;

pub(crate) struct ConnectionIds {
    hasher: SipHasher13,
    age_slots_max: u32,
}

impl ConnectionIds {
    /// `lifetime_s` is the least time an id is good for; the slots add up to one more of them.
    pub(crate) fn new(secret: [u8; 16], lifetime_s: u32) -> Self {
        Self {
            hasher: SipHasher13::new_with_key(&secret),
            age_slots_max: lifetime_s.div_ceil(SLOT_S).min(AGE_SLOTS_MAX),
        }
    }

    pub(crate) fn issue(&self, ip: IpAddr, now_s: u32) -> u64 {
        self.id(ip, now_s / SLOT_S)
    }

    pub(crate) fn proves(&self, id: u64, ip: IpAddr, now_s: u32) -> bool {
        let now = now_s / SLOT_S;
        let age = now.wrapping_sub((id >> 56) as u32) & 0xff;
        age <= self.age_slots_max
            && now
                .checked_sub(age)
                .is_some_and(|slot| self.id(ip, slot) == id)
    }

    fn id(&self, ip: IpAddr, slot: u32) -> u64 {
        let hash = match ip {
            IpAddr::V4(ip) => {
                let mut input = [0; 8];
                input[..4].copy_from_slice(&ip.octets());
                input[4..].copy_from_slice(&slot.to_le_bytes());
                self.hasher.hash(&input)
            }
            IpAddr::V6(ip) => {
                let mut input = [0; 20];
                input[..16].copy_from_slice(&ip.octets());
                input[16..].copy_from_slice(&slot.to_le_bytes());
                self.hasher.hash(&input)
            }
        };
        u64::from(slot & 0xff) << 56 | hash >> 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME_S: u32 = 900;
    const SOMEONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn ids(secret: u8) -> ConnectionIds {
        ConnectionIds::new([secret; 16], LIFETIME_S)
    }

    #[test]
    fn bep15_a_connection_id_is_good_for_its_whole_lifetime() {
        let ids = ids(1);
        for issued_s in 0..3 * SLOT_S {
            let id = ids.issue(SOMEONE, issued_s);
            for age_s in [0, 1, SLOT_S, LIFETIME_S - 1, LIFETIME_S] {
                assert!(
                    ids.proves(id, SOMEONE, issued_s + age_s),
                    "{issued_s}+{age_s}"
                );
            }
        }
    }

    #[test]
    fn bep15_a_connection_id_ends_two_slots_after_its_lifetime_at_the_latest() {
        let ids = ids(1);
        for issued_s in [0, 63, 64, 70_000] {
            let id = ids.issue(SOMEONE, issued_s);
            for age_s in [
                LIFETIME_S + 2 * SLOT_S,
                256 * SLOT_S,
                257 * SLOT_S,
                1_000_000,
            ] {
                assert!(
                    !ids.proves(id, SOMEONE, issued_s + age_s),
                    "{issued_s}+{age_s}"
                );
            }
        }
    }

    #[test]
    fn bep15_a_strict_connection_id_is_good_for_two_minutes_and_not_for_five() {
        let ids = ConnectionIds::new([1; 16], 120);
        for issued_s in 0..2 * SLOT_S {
            let id = ids.issue(SOMEONE, issued_s);
            assert!(ids.proves(id, SOMEONE, issued_s + 120));
            assert!(!ids.proves(id, SOMEONE, issued_s + 120 + 2 * SLOT_S));
        }
    }

    #[test]
    fn bep15_a_connection_id_is_bound_to_address_and_tracker() {
        let id = ids(1).issue(SOMEONE, 1000);
        assert!(!ids(1).proves(id, IpAddr::from([192, 0, 2, 2]), 1000));
        assert!(!ids(1).proves(id, IpAddr::from([0; 16]), 1000));
        assert!(!ids(2).proves(id, SOMEONE, 1000));
        assert!(!ids(1).proves(id ^ 1, SOMEONE, 1000));
    }

    #[test]
    fn bep15_an_id_from_the_future_proves_nothing() {
        let ids = ids(1);
        let id = ids.issue(SOMEONE, 10 * SLOT_S);
        assert!(!ids.proves(id, SOMEONE, 0));
        assert!(!ids.proves(id, SOMEONE, 9 * SLOT_S));
    }
}

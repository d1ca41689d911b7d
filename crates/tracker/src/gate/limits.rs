//! How often an address may ask: a token bucket in a table whose size no flood can change.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

const BUCKETS: usize = 1 << 16;

/// Addresses that fall into one bucket share it; which do is secret, so nobody can aim at another's.
pub(crate) struct RateLimit {
    hasher: SipHasher13,
    /// When each bucket will be full again, in microseconds: all that a token bucket has to remember.
    full_at_us: Box<[AtomicU64]>,
    token_us: u64,
    burst_us: u64,
}

impl RateLimit {
    pub(crate) fn new(secret: [u8; 16], per_s: u32, burst: u32) -> Self {
        let token_us = 1_000_000 / u64::from(per_s.max(1));
        Self {
            hasher: SipHasher13::new_with_key(&secret),
            full_at_us: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            token_us,
            burst_us: token_us * u64::from(burst.max(1)),
        }
    }

    /// Takes a token. Two workers at once may take the same one, which harms nobody.
    pub(crate) fn admits(&self, ip: IpAddr, now_ms: u64) -> bool {
        let hash = match ip {
            IpAddr::V4(ip) => self.hasher.hash(&ip.octets()),
            // A household has a /64, so an address in it is nobody in particular.
            IpAddr::V6(ip) => self.hasher.hash(&ip.octets()[..8]),
        };
        let bucket = &self.full_at_us[hash as usize % BUCKETS];
        let time_us = now_ms * 1000;
        let full_at_us = bucket.load(Ordering::Relaxed).max(time_us) + self.token_us;
        let admitted = full_at_us - time_us <= self.burst_us;
        if admitted {
            bucket.store(full_at_us, Ordering::Relaxed);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_spend_its_burst_and_then_its_rate() {
        let limit = RateLimit::new([1; 16], 10, 5);
        let ip = IpAddr::from([192, 0, 2, 1]);
        let spent = (0..100).filter(|_| limit.admits(ip, 1000)).count();
        assert_eq!(spent, 5);
        let later = (0..100).filter(|_| limit.admits(ip, 1300)).count();
        assert_eq!(later, 3);
        assert!(limit.admits(IpAddr::from([192, 0, 2, 2]), 1300));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_share_a_bucket() {
        let limit = RateLimit::new([1; 16], 1, 1);
        assert!(limit.admits("2001:db8::1".parse().expect("an address"), 1000));
        assert!(!limit.admits("2001:db8::2".parse().expect("an address"), 1000));
        assert!(limit.admits("2001:db8:0:1::1".parse().expect("an address"), 1000));
    }
}

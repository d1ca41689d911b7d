//! How often an address may ask: a token bucket in a table whose size no flood can change.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

const BUCKETS: usize = 1 << 16;

/// Addresses that fall into one bucket share it; which do is secret, so nobody can aim at another's.
pub(crate) struct RateLimit {
    hasher: SipHasher13,
    /// When each bucket will be full again, in microseconds: all that a token bucket has to remember.
    /// None before there is a limit.
    full_at_us: OnceLock<Box<[AtomicU64]>>,
    /// What a token takes to come back; 0 is no limit.
    token_us: AtomicU64,
    burst_us: AtomicU64,
}

impl RateLimit {
    /// A limit of `per_s`, 0 for none, with a burst of at least as many.
    pub(crate) fn new(secret: [u8; 16], per_s: u32, burst: u32) -> Self {
        let limit = Self {
            hasher: SipHasher13::new_with_key(&secret),
            full_at_us: OnceLock::new(),
            token_us: AtomicU64::new(0),
            burst_us: AtomicU64::new(0),
        };
        limit.set(per_s, burst);
        limit
    }

    /// Changes the limit; what was spent under the one before stays spent.
    pub(crate) fn set(&self, per_s: u32, burst: u32) {
        let token_us = match per_s {
            0 => 0,
            per_s => 1_000_000 / u64::from(per_s),
        };
        if per_s > 0 {
            self.full_at_us
                .get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        }
        self.burst_us
            .store(token_us * u64::from(burst.max(per_s)), Ordering::Relaxed);
        self.token_us.store(token_us, Ordering::Relaxed);
    }

    /// Takes a token. Two workers at once may take the same one, which harms nobody.
    pub(crate) fn admits(&self, ip: IpAddr, now_ms: u64) -> bool {
        let token_us = self.token_us.load(Ordering::Relaxed);
        if token_us == 0 {
            return true;
        }
        let Some(full_at_us) = self.full_at_us.get() else {
            return true;
        };
        let hash = match ip {
            IpAddr::V4(ip) => self.hasher.hash(&ip.octets()),
            // A household has a /64, so an address in it is nobody in particular.
            IpAddr::V6(ip) => self.hasher.hash(&ip.octets()[..8]),
        };
        let bucket = &full_at_us[hash as usize % BUCKETS];
        let time_us = now_ms * 1000;
        let full_at_us = bucket.load(Ordering::Relaxed).max(time_us) + token_us;
        let admitted = full_at_us - time_us <= self.burst_us.load(Ordering::Relaxed);
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
        let limit = RateLimit::new([1; 16], 10, 15);
        let ip = IpAddr::from([192, 0, 2, 1]);
        let spent = (0..100).filter(|_| limit.admits(ip, 1000)).count();
        assert_eq!(spent, 15);
        let later = (0..100).filter(|_| limit.admits(ip, 1300)).count();
        assert_eq!(later, 3);
        assert!(limit.admits(IpAddr::from([192, 0, 2, 2]), 1300));
    }

    #[test]
    fn a_limit_begins_changes_and_ends_while_requests_come() {
        let limit = RateLimit::new([1; 16], 0, 0);
        let ip = IpAddr::from([192, 0, 2, 1]);
        let admitted = |now_ms| (0..100).filter(|_| limit.admits(ip, now_ms)).count();
        assert_eq!(admitted(1000), 100);
        limit.set(10, 0);
        assert_eq!(admitted(1000), 10);
        limit.set(20, 0);
        assert_eq!(admitted(3000), 20);
        limit.set(0, 5);
        assert_eq!(admitted(3000), 100);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_share_a_bucket() {
        let limit = RateLimit::new([1; 16], 1, 1);
        assert!(limit.admits("2001:db8::1".parse().expect("an address"), 1000));
        assert!(!limit.admits("2001:db8::2".parse().expect("an address"), 1000));
        assert!(limit.admits("2001:db8:0:1::1".parse().expect("an address"), 1000));
    }
}

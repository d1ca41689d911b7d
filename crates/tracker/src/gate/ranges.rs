//! Ranges of addresses: those that may not ask here, or those that alone may.

use std::net::IpAddr;

/// A set of addresses of both families, given as ranges and looked up by halving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    v4: Sorted<u32>,
    v6: Sorted<u128>,
}

/// Ranges in ascending order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sorted<N> {
    firsts: Vec<N>,
    lasts: Vec<N>,
}

impl Ranges {
    /// Gather ranges, each from its first address to its last, both included; they may overlap and
    /// come in any order. An IPv4-mapped IPv6 address is taken as the IPv4 address it maps.
    ///
    /// A range that ends before it begins, or in the other family, is given back.
    pub fn new(
        ranges: impl IntoIterator<Item = (IpAddr, IpAddr)>,
    ) -> Result<Self, (IpAddr, IpAddr)> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (first, last) in ranges {
            match (first.to_canonical(), last.to_canonical()) {
                (IpAddr::V4(from), IpAddr::V4(to)) if from <= to => {
                    v4.push((from.to_bits(), to.to_bits()));
                }
                (IpAddr::V6(from), IpAddr::V6(to)) if from <= to => {
                    v6.push((from.to_bits(), to.to_bits()));
                }
                _ => return Err((first, last)),
            }
        }
        Ok(Self {
            v4: Sorted::new(v4, |last| last.saturating_add(1)),
            v6: Sorted::new(v6, |last| last.saturating_add(1)),
        })
    }

    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => self.v4.contains(ip.to_bits()),
            IpAddr::V6(ip) => self.v6.contains(ip.to_bits()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v4.firsts.is_empty() && self.v6.firsts.is_empty()
    }
}

impl<N: Copy + Ord> Sorted<N> {
    fn new(mut ranges: Vec<(N, N)>, after: impl Fn(N) -> N) -> Self {
        ranges.sort_unstable();
        let (mut firsts, mut lasts) = (Vec::new(), Vec::<N>::new());
        for (first, last) in ranges {
            match lasts.last_mut() {
                Some(end) if first <= after(*end) => *end = last.max(*end),
                _ => {
                    firsts.push(first);
                    lasts.push(last);
                }
            }
        }
        Self { firsts, lasts }
    }

    fn contains(&self, address: N) -> bool {
        let begun = self.firsts.partition_point(|first| *first <= address);
        begun > 0 && address <= self.lasts[begun - 1]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn ranges(pairs: &[(&str, &str)]) -> Ranges {
        Ranges::new(pairs.iter().map(|(first, last)| (ip(first), ip(last)))).expect("ranges")
    }

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        let ranges = ranges(&[("192.0.2.10", "192.0.2.20"), ("2001:db8::", "2001:db8::ff")]);
        for inside in ["192.0.2.10", "192.0.2.15", "192.0.2.20", "2001:db8::ff"] {
            assert!(ranges.contains(ip(inside)), "{inside}");
        }
        for outside in ["192.0.2.9", "192.0.2.21", "2001:db8::100", "::", "0.0.0.0"] {
            assert!(!ranges.contains(ip(outside)), "{outside}");
        }
        assert!(Ranges::default().is_empty() && !ranges.is_empty());
    }

    #[test]
    fn ranges_that_overlap_or_touch_become_one() {
        let joined = ranges(&[
            ("10.0.1.0", "10.0.1.255"),
            ("10.0.0.0", "10.0.0.255"),
            ("10.0.0.128", "10.0.1.7"),
            ("255.255.255.255", "255.255.255.255"),
        ]);
        let once = ranges(&[
            ("10.0.0.0", "10.0.1.255"),
            ("255.255.255.255", "255.255.255.255"),
        ]);
        assert_eq!(joined, once);
    }

    #[test]
    fn a_range_that_cannot_be_is_given_back() {
        for (first, last) in [("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "2001:db8::")] {
            let wrong = (ip(first), ip(last));
            assert_eq!(Ranges::new([wrong]), Err(wrong));
        }
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        let mapped = ranges(&[("::ffff:192.0.2.1", "::ffff:192.0.2.1")]);
        assert!(mapped.contains(ip("192.0.2.1")));
    }

    proptest! {
        #[test]
        fn halving_finds_what_looking_at_every_range_finds(
            pairs in proptest::collection::vec((0u32..300, 0u32..40), 0..20),
            address in 0u32..400,
        ) {
            let pairs: Vec<_> = pairs.iter().map(|(first, more)| (*first, first + more)).collect();
            let address_of = |bits: u32| IpAddr::from(bits.to_be_bytes());
            let ranges = Ranges::new(
                pairs.iter().map(|(first, last)| (address_of(*first), address_of(*last))),
            ).expect("ranges");
            let found = pairs.iter().any(|(first, last)| (*first..=*last).contains(&address));
            prop_assert_eq!(ranges.contains(address_of(address)), found);
        }
    }
}

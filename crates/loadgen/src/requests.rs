//! The endless stream of requests that a population makes: a fixed cycle over its peers.

use fastrand::Rng;

use crate::population::{Peer, Population};
use crate::profile::{Churn, Profile};
use crate::random;

const REQUEST_SEED: u64 = 0x0061_6e6e_6f75_6e63;
const SEEDER_SEED: u64 = 0x0073_6565_6465_7273;

/// Of the announces after the first: how many stop, and how many complete (leechers only).
const STOP_CHANCE: f64 = 0.01;
const COMPLETE_CHANCE: f64 = 0.01;

/// The numbers are those of the UDP protocol (BEP 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    None = 0,
    Completed = 1,
    Started = 2,
    Stopped = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Announce { event: Event, left: u64 },
    Scrape,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) peer_index: u32,
    pub(crate) peer: Peer,
}

pub(crate) struct Requests<'a> {
    profile: &'a Profile,
    population: &'a Population,
    random: Rng,
    next_peer: u32,
    first_cycle: bool,
    /// While set, only announces are made, so that the tracker comes to know every peer.
    pub(crate) populating: bool,
}

impl<'a> Requests<'a> {
    pub(crate) fn new(profile: &'a Profile, population: &'a Population) -> Self {
        Self {
            profile,
            population,
            random: Rng::with_seed(REQUEST_SEED),
            next_peer: 0,
            first_cycle: true,
            populating: false,
        }
    }

    pub(crate) fn next(&mut self) -> Request {
        let peer_index = self.next_peer;
        self.next_peer += 1;
        let peer = self.population.peers[peer_index as usize];
        let kind = self.kind(peer_index);
        if self.next_peer as usize == self.population.peers.len() {
            self.next_peer = 0;
            self.first_cycle = false;
        }
        Request {
            kind,
            peer_index,
            peer,
        }
    }

    fn kind(&mut self, peer_index: u32) -> Kind {
        if !self.populating {
            let drawn = self.random.f64();
            if drawn < self.profile.scrape_share {
                return Kind::Scrape;
            }
            if drawn < self.profile.scrape_share + self.profile.connect_share {
                return Kind::Connect;
            }
        }
        match self.profile.churn {
            Churn::EachAnnounce if self.random.f64() < self.profile.seeder_share => {
                Kind::Announce {
                    event: Event::Completed,
                    left: 0,
                }
            }
            Churn::EachAnnounce => Kind::Announce {
                event: Event::Started,
                left: 50,
            },
            Churn::Steady => self.steady(peer_index),
        }
    }

    fn steady(&mut self, peer_index: u32) -> Kind {
        let is_seeder = random::of(SEEDER_SEED, peer_index).f64() < self.profile.seeder_share;
        let left = if is_seeder { 0 } else { 1 << 30 };
        if self.first_cycle {
            return Kind::Announce {
                event: Event::Started,
                left,
            };
        }
        let drawn = self.random.f64();
        if drawn < STOP_CHANCE {
            Kind::Announce {
                event: Event::Stopped,
                left,
            }
        } else if !is_seeder && drawn < STOP_CHANCE + COMPLETE_CHANCE {
            Kind::Announce {
                event: Event::Completed,
                left: 0,
            }
        } else {
            Kind::Announce {
                event: Event::None,
                left,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Kind, Requests};
    use crate::population::Population;
    use crate::profile::Profile;

    fn kinds(profile: &Profile, count: usize) -> Vec<Kind> {
        let population = Population::drawn(profile);
        let mut requests = Requests::new(profile, &population);
        (0..count).map(|_| requests.next().kind).collect()
    }

    fn share(kinds: &[Kind], matches: impl Fn(&Kind) -> bool) -> f64 {
        kinds.iter().filter(|kind| matches(kind)).count() as f64 / kinds.len() as f64
    }

    #[test]
    fn the_aquatic_mix_is_100_announces_to_a_scrape_and_three_quarters_seeders() {
        let profile = Profile {
            torrents: 100,
            peers: 500,
            ..named("aquatic")
        };
        let kinds = kinds(&profile, 400_000);
        let scrapes = share(&kinds, |kind| *kind == Kind::Scrape);
        assert!((scrapes - 1.0 / 101.0).abs() < 0.001, "{scrapes}");
        let seeders = share(&kinds, |kind| {
            *kind
                == Kind::Announce {
                    event: Event::Completed,
                    left: 0,
                }
        });
        assert!((seeders - 0.75 * 100.0 / 101.0).abs() < 0.005, "{seeders}");
        let leechers = share(&kinds, |kind| {
            *kind
                == Kind::Announce {
                    event: Event::Started,
                    left: 50,
                }
        });
        assert!((seeders + leechers + scrapes - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_steady_peer_starts_once_and_then_mostly_announces_without_event() {
        let profile = Profile {
            torrents: 10,
            peers: 1_000,
            scrape_share: 0.0,
            ..named("uniform")
        };
        let kinds = kinds(&profile, 100_000);
        let started = |kind: &Kind| {
            matches!(
                kind,
                Kind::Announce {
                    event: Event::Started,
                    ..
                }
            )
        };
        assert!(kinds[..1_000].iter().all(started));
        assert!(!kinds[1_000..].iter().any(started));
        let quiet = share(&kinds[1_000..], |kind| {
            matches!(
                kind,
                Kind::Announce {
                    event: Event::None,
                    ..
                }
            )
        });
        assert!((0.98..0.99).contains(&quiet), "{quiet}");
    }

    #[test]
    fn populating_announces_every_peer_and_nothing_else() {
        let profile = Profile {
            torrents: 10,
            peers: 300,
            scrape_share: 0.5,
            ..named("power-law")
        };
        let population = Population::drawn(&profile);
        let mut requests = Requests::new(&profile, &population);
        requests.populating = true;
        for index in 0..300 {
            let request = requests.next();
            assert_eq!(request.peer_index, index);
            assert!(matches!(
                request.kind,
                Kind::Announce {
                    event: Event::Started,
                    ..
                }
            ));
        }
    }

    fn named(name: &str) -> Profile {
        Profile::named(name).expect("a known profile")
    }
}

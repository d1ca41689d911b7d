//! Where peers are checked: each counts once, and those alone are given that were reached.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Store;
use crate::limits::Limits;
use crate::model::{Announce, Counts, Event};
use crate::nat::{Check, Checks};
use crate::rng::Rng;
use crate::swarm::trial::addresses;

const OPERATIONS: u32 = 100_000;
const PEERS: u32 = 12;

fn address(number: u32) -> SocketAddr {
    if number.is_multiple_of(3) {
        (
            Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)),
            6881,
        )
            .into()
    } else {
        (Ipv4Addr::from_bits(0xc000_0200 + number), 6881).into()
    }
}

fn counts(peers: &HashMap<SocketAddr, (bool, bool)>) -> Counts {
    let complete = peers.values().filter(|(seeds, _)| *seeds).count();
    let partial = peers.values().filter(|(_, is_partial)| *is_partial).count();
    Counts {
        complete: complete as u32,
        incomplete: (peers.len() - complete) as u32,
        downloaded: 0,
        partial: partial as u32,
    }
}

#[test]
fn a_peer_counts_once_wherever_it_is_and_is_given_once_it_was_reached() {
    let nowhere = File::options().read(true).write(true).open("/dev/null");
    let checks = Checks::new(u32::MAX, nowhere.expect("a device"));
    let store = Store::new(Limits::default(), Some(checks), None);
    let waiting = store.waiting.as_ref().expect("checks are made");
    let mut rng = Rng::with_seed(1);
    let mut peers: HashMap<SocketAddr, (bool, bool)> = HashMap::new();
    let mut reached: HashSet<SocketAddr> = HashSet::new();
    let mut counted: HashSet<SocketAddr> = HashSet::new();
    let mut tried: Vec<Check> = Vec::new();
    for _ in 0..OPERATIONS {
        if rng.u32(..4) == 0 {
            tried.extend(waiting.checks.next());
            if tried.len() > rng.u32(..6) as usize {
                let check = tried.swap_remove(rng.u32(..tried.len() as u32) as usize);
                let is_reached = rng.u32(..2) == 0;
                waiting.checks.ended(&check, is_reached);
                if is_reached {
                    store.reached(&check, 0, &mut rng);
                    reached.extend(peers.get(&check.address()).map(|_| check.address()));
                }
            }
            continue;
        }
        let number = rng.u32(..PEERS);
        let peer = address(number);
        let events = [Event::None, Event::Started, Event::Paused, Event::Stopped];
        let announce = Announce {
            infohash: [1; 20],
            peer_id: [number as u8; 20],
            ip: peer.ip(),
            port: peer.port(),
            left: u64::from(rng.u32(..2)),
            has_nothing: false,
            event: events[rng.u32(..4) as usize],
            numwant: 50,
        };
        let is_stated = rng.u32(..8) == 0;
        let (mut v4, mut v6) = ([0; 300], [0; 900]);
        let facts = store.announce(&announce, is_stated, 0, &mut rng, &mut v4, &mut v6);
        let finished = |(seeds, _): &(bool, bool)| !seeds && announce.left == 0;
        if peers.get(&peer).is_some_and(finished) {
            counted.insert(peer);
        }
        if announce.event == Event::Stopped {
            peers.remove(&peer);
            reached.remove(&peer);
        } else {
            let seeds = announce.left == 0;
            peers.insert(peer, (seeds, !seeds && announce.event == Event::Paused));
            if is_stated {
                reached.insert(peer);
            }
        }
        let expected = Counts {
            downloaded: counted.len() as u32,
            ..counts(&peers)
        };
        assert_eq!(facts.downloaded, expected.downloaded);
        assert_eq!(facts.complete, expected.complete);
        assert_eq!(facts.incomplete, expected.incomplete);
        let found = store.scrape(&[1; 20]).unwrap_or_default();
        assert_eq!(found, expected);
        let mut given = addresses::<6>(&v4[..facts.v4_bytes]);
        given.extend(addresses::<18>(&v6[..facts.v6_bytes]));
        assert!(!given.contains(&peer));
        assert!(given.iter().all(|other| reached.contains(other)));
        if announce.left > 0 && matches!(announce.event, Event::None | Event::Started) {
            let others = reached.iter().filter(|other| **other != peer);
            assert_eq!(given.len(), others.count());
        }
    }
}

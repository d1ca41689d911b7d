//! The store as one would write it without a thought of speed: maps of maps, and what every verb
//! is to do with them.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use crate::limits::Limits;
use crate::model::{Announce, Counts, Event, Facts, InfoHash, PeerId, Refused, is_reachable};

/// Seconds in which all announces are at the same time.
const UNIT_S: u32 = 8;

/// Units after which the time of a peer comes round again.
const TIME_WRAP: u32 = 1 << 13;

/// Units before that in which it is taken for one that lies ahead.
const AHEAD_MAX: u32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) seeder: bool,
    pub(super) partial: bool,
    completed: bool,
    seen: u32,
}

impl Peer {
    fn age(self, now_s: u32) -> u32 {
        let age = (now_s / UNIT_S).wrapping_sub(self.seen) % TIME_WRAP;
        if age < TIME_WRAP - AHEAD_MAX { age } else { 0 }
    }
}

#[derive(Clone, Default)]
pub(super) struct Torrent {
    pub(super) completed: u32,
    pub(super) peers: HashMap<SocketAddr, Peer>,
    /// Those of IPv4 and those of IPv6.
    pub(super) families: [Family; 2],
    /// The most peers of either family that there were at a time.
    pub(super) peak: usize,
}

/// What the peers of one family add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) len: usize,
    pub(super) seeders: usize,
    pub(super) partials: usize,
}

pub(super) fn family(address: SocketAddr) -> usize {
    usize::from(address.is_ipv6())
}

impl Torrent {
    fn count(&mut self, address: SocketAddr, peer: Peer, by: isize) {
        let family = &mut self.families[family(address)];
        let add = |number: &mut usize, counts: bool| {
            *number = number.wrapping_add_signed(by * isize::from(counts));
        };
        add(&mut family.len, true);
        add(&mut family.seeders, peer.seeder);
        add(&mut family.partials, peer.partial);
        self.peak = self.peak.max(family.len);
    }

    fn put(&mut self, address: SocketAddr, peer: Peer) {
        self.take(address);
        self.peers.insert(address, peer);
        self.count(address, peer, 1);
    }

    fn take(&mut self, address: SocketAddr) -> bool {
        let taken = self.peers.remove(&address);
        taken
            .inspect(|peer| self.count(address, *peer, -1))
            .is_some()
    }

    pub(super) fn counts(&self) -> Counts {
        let [v4, v6] = self.families;
        let seeders = v4.seeders + v6.seeders;
        Counts {
            complete: seeders as u32,
            incomplete: (self.peers.len() - seeders) as u32,
            downloaded: self.completed,
            partial: (v4.partials + v6.partials) as u32,
        }
    }

    pub(super) fn downloads(&self, address: &SocketAddr) -> bool {
        let peer = self.peers.get(address);
        peer.is_some_and(|peer| !peer.seeder && !peer.partial)
    }

    /// Whether an answer with so much room for each family has nobody to give who wants data.
    pub(super) fn has_no_downloaders(&self, rooms: [usize; 2]) -> bool {
        let mut families = self.families.iter().zip(rooms);
        families.all(|(family, room)| room == 0 || family.len == family.seeders + family.partials)
    }

    /// The families counted anew.
    pub(super) fn recount(&self) -> [Family; 2] {
        let mut families = [Family::default(); 2];
        for (address, peer) in &self.peers {
            let family = &mut families[family(*address)];
            family.len += 1;
            family.seeders += usize::from(peer.seeder);
            family.partials += usize::from(peer.partial);
        }
        families
    }
}

#[derive(Clone)]
pub(super) struct Naive {
    limits: Limits,
    pub(super) torrents: HashMap<InfoHash, Torrent>,
    pub(super) completions: HashMap<InfoHash, u32>,
    /// Whose downloads were counted.
    pub(super) counted: HashSet<(InfoHash, PeerId)>,
    pub(super) expired: u64,
    pub(super) origins: Vec<SocketAddr>,
}

impl Naive {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            torrents: HashMap::new(),
            completions: HashMap::new(),
            counted: HashSet::new(),
            expired: 0,
            origins: Vec::new(),
        }
    }

    pub(super) fn peers(&self) -> usize {
        let torrents = self.torrents.values();
        torrents.map(|torrent| torrent.peers.len()).sum()
    }

    pub(super) fn empty(&self) -> usize {
        let torrents = self.torrents.values();
        torrents.filter(|torrent| torrent.peers.is_empty()).count()
    }

    fn open(&mut self, infohash: &InfoHash) -> Option<&mut Torrent> {
        if !self.torrents.contains_key(infohash) {
            if self.torrents.len() >= self.limits.torrents_max {
                return None;
            }
            self.torrents.insert(*infohash, Torrent::default());
        }
        self.torrents.get_mut(infohash)
    }

    fn close_if_useless(&mut self, infohash: &InfoHash) {
        let torrent = &self.torrents[infohash];
        if torrent.peers.is_empty()
            && (torrent.completed == 0 || self.empty() > self.limits.counters_kept_max)
        {
            self.torrents.remove(infohash);
        }
    }

    /// The facts of an announce, without the bytes of its answer.
    pub(super) fn announce(&mut self, announce: &Announce, now_s: u32) -> Facts {
        let address = SocketAddr::new(announce.ip, announce.port);
        match announce.event {
            Event::Stopped => self.stop(announce, address),
            _ if !is_reachable(announce.port) => self.overhear(announce),
            _ => self.hear(announce, address, now_s),
        }
    }

    fn overhear(&mut self, announce: &Announce) -> Facts {
        let mut facts = Facts::default();
        let says_so = announce.left == 0 && announce.event == Event::Completed;
        let is_open = says_so && self.open(&announce.infohash).is_some();
        facts.completed_now = is_open && self.complete(announce);
        if let Some(torrent) = self.torrents.get(&announce.infohash) {
            facts.say(torrent.counts());
        }
        if is_open {
            self.close_if_useless(&announce.infohash);
        }
        facts
    }

    fn stop(&mut self, announce: &Announce, address: SocketAddr) -> Facts {
        let mut facts = Facts::default();
        let Some(torrent) = self.torrents.get_mut(&announce.infohash) else {
            return facts;
        };
        let known = torrent.peers.get(&address).copied();
        torrent.take(address);
        let finished = known.is_some_and(|peer| !peer.seeder && !peer.completed);
        facts.completed_now = finished && announce.left == 0 && self.complete(announce);
        facts.say(self.torrents[&announce.infohash].counts());
        self.close_if_useless(&announce.infohash);
        facts
    }

    fn hear(&mut self, announce: &Announce, address: SocketAddr, now_s: u32) -> Facts {
        let mut facts = Facts::default();
        let peers = self.peers_if_bounded();
        let limits = self.limits.clone();
        let Some(torrent) = self.open(&announce.infohash) else {
            facts.refused = Some(Refused::Torrents);
            return facts;
        };
        let known = torrent.peers.get(&address).copied();
        if known.is_none() {
            facts.refused = refusal(&limits, peers, torrent, announce.ip);
        }
        if facts.refused.is_none() {
            let seeder = announce.left == 0;
            let begins = announce.event == Event::Started && !seeder;
            let counted = known.is_some_and(|peer| peer.completed && !begins);
            let ended = known.is_some_and(|peer| !peer.seeder);
            let finished = seeder && (ended || announce.event == Event::Completed);
            facts.joined = known.is_none();
            let peer = Peer {
                seeder,
                partial: !seeder && announce.event == Event::Paused,
                completed: counted || finished,
                seen: now_s / UNIT_S % TIME_WRAP,
            };
            torrent.put(address, peer);
            facts.completed_now = finished && !counted && self.complete(announce);
        }
        facts.say(self.torrents[&announce.infohash].counts());
        self.close_if_useless(&announce.infohash);
        facts
    }

    fn complete(&mut self, announce: &Announce) -> bool {
        let key = (announce.infohash, announce.peer_id);
        let is_new = self.counted.insert(key);
        if is_new && let Some(torrent) = self.torrents.get_mut(&announce.infohash) {
            torrent.completed += 1;
            *self.completions.entry(announce.infohash).or_default() += 1;
        }
        is_new
    }

    /// Peers of all torrents, counted only where that matters.
    fn peers_if_bounded(&self) -> usize {
        if self.limits.peers_max < Limits::default().peers_max {
            self.peers()
        } else {
            0
        }
    }

    pub(super) fn set_completed(&mut self, infohash: &InfoHash, count: u32) {
        if let Some(torrent) = self.open(infohash) {
            torrent.completed = torrent.completed.max(count);
            self.close_if_useless(infohash);
        }
    }

    pub(super) fn forget(&mut self, infohash: &InfoHash) -> bool {
        self.completions.remove(infohash);
        self.torrents.remove(infohash).is_some()
    }

    /// Peers that a sweep at this time may remove.
    pub(super) fn overdue(&self, now_s: u32) -> Vec<(InfoHash, SocketAddr)> {
        let timeout = self.limits.peer_timeout_s.div_ceil(UNIT_S);
        let mut overdue = Vec::new();
        for (infohash, torrent) in &self.torrents {
            for (address, peer) in &torrent.peers {
                if peer.age(now_s) > timeout {
                    overdue.push((*infohash, *address));
                }
            }
        }
        overdue
    }

    pub(super) fn expire(&mut self, infohash: &InfoHash, address: SocketAddr) {
        if let Some(torrent) = self.torrents.get_mut(infohash) {
            self.expired += u64::from(torrent.take(address));
        }
    }

    /// Whether a sweep may have closed a torrent without peers.
    pub(super) fn may_close(&self, infohash: &InfoHash, empty: usize) -> bool {
        let torrent = &self.torrents[infohash];
        torrent.peers.is_empty()
            && (torrent.completed == 0 || empty > self.limits.counters_kept_max)
    }

    /// What a snapshot of `then_s` brings when it is restored `age_s` seconds later, and how many
    /// peers of it; torrents that end without peers are left for the caller to look at.
    pub(super) fn restore(&mut self, old: &Self, then_s: u32, age_s: u32, now_s: u32) -> usize {
        let timeout = self.limits.peer_timeout_s.div_ceil(UNIT_S);
        let mut added = 0;
        let busy = old.torrents.iter();
        for (infohash, found) in busy.filter(|(_, torrent)| !torrent.peers.is_empty()) {
            let Some(torrent) = self.open(infohash) else {
                continue;
            };
            torrent.completed = torrent.completed.max(found.completed);
            for (address, peer) in &found.peers {
                let age = peer.age(then_s) + age_s.div_ceil(UNIT_S);
                if age <= timeout && !torrent.peers.contains_key(address) {
                    let seen = (now_s / UNIT_S).wrapping_sub(age) % TIME_WRAP;
                    torrent.put(*address, Peer { seen, ..*peer });
                    added += 1;
                }
            }
        }
        added
    }

    /// Addresses that seed something, and addresses that do not.
    pub(super) fn unique_ips(&self) -> (usize, usize) {
        let mut ips = [HashSet::<IpAddr>::new(), HashSet::new()];
        for torrent in self.torrents.values() {
            for (address, peer) in &torrent.peers {
                ips[usize::from(peer.seeder)].insert(address.ip());
            }
        }
        (ips[1].len(), ips[0].len())
    }
}

fn refusal(limits: &Limits, peers: usize, torrent: &Torrent, ip: IpAddr) -> Option<Refused> {
    let neighbours = || {
        let addresses = torrent.peers.keys();
        addresses.filter(|other| same_host(other.ip(), ip)).count()
    };
    let per_address = limits.peers_per_address_max;
    if torrent.peers.len() >= limits.peers_per_torrent_max {
        Some(Refused::PeersPerTorrent)
    } else if per_address > 0 && neighbours() >= per_address {
        Some(Refused::PeersPerAddress)
    } else {
        (peers >= limits.peers_max).then_some(Refused::Peers)
    }
}

fn same_host(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => one == other,
    }
}

impl Facts {
    fn say(&mut self, counts: Counts) {
        self.complete = counts.complete;
        self.incomplete = counts.incomplete;
        self.downloaded = counts.downloaded;
    }
}

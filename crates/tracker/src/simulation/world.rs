//! All of it together: what happens, and what has to hold afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::Bug;
use super::carrier::Carrier;
use super::client::{Client, State};
use super::node::{LIFE_S, Node};
use crate::model::{Event, InfoHash};
use crate::rng::Rng;

/// Seconds of a peer's life in which nodes may not agree yet whether it is over.
const EDGE_S: u32 = 40;

/// What must hold of the peers of two nodes: where, whether it seeds, whether it is a partial seed.
type Peers = BTreeSet<(InfoHash, SocketAddr, bool, bool)>;

pub(super) struct World {
    rng: Rng,
    now_s: i64,
    nodes: Vec<Node>,
    carrier: Carrier,
    clients: Vec<Client>,
    /// Whether something was lost that a peer has to say again.
    is_lossy: bool,
    /// Whether faults happen by which something is lost.
    may_lose: bool,
    /// Who has finished, by torrent; and how many of them may be missing, or be there twice.
    finished: BTreeMap<InfoHash, BTreeSet<SocketAddr>>,
    lost: u32,
    untold: u32,
}

impl World {
    pub(super) fn new(seed: u64, bug: Bug) -> Self {
        let mut rng = Rng::with_seed(seed);
        let parts = rng.usize(1..4);
        let carrier = Carrier::new(parts, LIFE_S + 60);
        let mut nodes: Vec<Node> = (0..rng.u64(2..6))
            .map(|number| Node::new(number + 1, parts, bug, &mut rng))
            .collect();
        for at in 0..nodes.len() {
            let (started, rest) = nodes.split_at_mut(at);
            rest[0].start(started.first(), &carrier, 0, &mut rng);
        }
        let torrents = rng.u32(1..4);
        let clients = (0..rng.u32(2..25))
            .map(|number| Client::new(number, torrents, &mut rng))
            .collect();
        Self {
            now_s: 0,
            nodes,
            carrier,
            clients,
            is_lossy: false,
            may_lose: rng.bool(),
            finished: BTreeMap::new(),
            lost: 0,
            untold: 0,
            rng,
        }
    }

    pub(super) fn run(&mut self) {
        for _ in 0..self.rng.u32(50..600) {
            let seconds = match self.rng.u32(..100) {
                0..70 => 0,
                70..99 => self.rng.i64(0..8),
                _ => self.rng.i64(0..100),
            };
            self.wait(seconds);
            let at = self.rng.usize(..self.nodes.len());
            match self.rng.u32(..100) {
                0..50 => self.act(),
                50..72 => self.tell(at),
                72..97 => {
                    let limit = self.rng.usize(1..9);
                    self.read(at, limit);
                }
                _ => self.fail(at),
            }
        }
    }

    fn wait(&mut self, seconds: i64) {
        self.now_s += seconds;
        if seconds == 0 {
            return;
        }
        for node in &self.nodes {
            if let Some(store) = &node.store {
                store.sweep(node.shown_s(self.now_s), usize::MAX);
            }
        }
    }

    fn act(&mut self) {
        let at = self.rng.usize(..self.clients.len());
        let serving: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].serves(self.now_s))
            .collect();
        if serving.is_empty() {
            return;
        }
        let any = |rng: &mut Rng| serving[rng.usize(..serving.len())];
        let client = &mut self.clients[at];
        if !serving.contains(&client.node) || self.rng.u32(..4) == 0 {
            client.node = any(&mut self.rng);
        }
        let Some(event) = client.act(&mut self.rng) else {
            return;
        };
        if event == Event::Completed {
            let finished = self.finished.entry(client.infohash).or_default();
            finished.insert(client.address);
        }
        let announce = client.announce(event);
        self.nodes[client.node].announce(&announce, self.now_s);
        // Some tell all trackers of a torrent.
        if self.rng.u32(..6) == 0 {
            let other = any(&mut self.rng);
            self.nodes[other].announce(&announce, self.now_s);
        }
    }

    fn reaches(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        self.carrier.is_up && node.is_connected && node.serves(self.now_s)
    }

    fn tell(&mut self, at: usize) {
        if !self.reaches(at) {
            return;
        }
        let node = &mut self.nodes[at];
        let part = self.rng.usize(..self.carrier.parts());
        node.tell(part, &mut self.carrier, self.now_s, &mut self.rng);
    }

    fn read(&mut self, at: usize, limit: usize) {
        if self.reaches(at) {
            if self.rng.u32(..30) == 0 {
                self.nodes[at].read_again(&self.carrier, 3);
            }
            self.nodes[at].read(&self.carrier, self.now_s, limit);
        }
    }

    /// Something goes wrong, or is in order again.
    fn fail(&mut self, at: usize) {
        match self.rng.u32(..18) {
            0..3 => self.nodes[at].is_connected = false,
            3..7 => self
                .nodes
                .iter_mut()
                .for_each(|node| node.is_connected = true),
            7 => self.carrier.is_up = false,
            8..10 => self.carrier.is_up = true,
            10 => self.carrier.wrong_s = self.rng.i64(-3600..3600),
            11..13 => self.nodes[at].paused_until_s = self.now_s + self.rng.i64(1..60),
            13 => self.end(at),
            14 if self.may_lose => self.kill(at),
            15 if self.may_lose => {
                self.lose();
                self.carrier.lose(self.rng.usize(1..5));
                self.nodes
                    .iter_mut()
                    .for_each(|node| node.bound_cursors(&self.carrier));
            }
            16 if self.may_lose => {
                self.lose();
                self.carrier.forget();
            }
            _ => self.start_one(),
        }
    }

    /// Nobody may hear of a download that was counted, so that others count it as well.
    fn lose(&mut self) {
        self.is_lossy = true;
        self.untold = u32::MAX / 2;
    }

    /// A node ends in good order: it tells what it has to tell, and is started again later.
    fn end(&mut self, at: usize) {
        if self.reaches(at) && self.others_serve(at) {
            self.nodes[at].read(&self.carrier, self.now_s, usize::MAX);
            self.tell_all(at);
            self.nodes[at].end();
        }
    }

    fn others_serve(&self, at: usize) -> bool {
        (0..self.nodes.len()).any(|other| other != at && self.reaches(other))
    }

    /// What it did not tell is lost, and may be counted again by one who was not told.
    fn kill(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        self.untold = self.untold.saturating_add(node.untold);
        self.is_lossy |= node.count("cluster_queued_bytes") > 0;
        self.lost += node.die();
        self.is_lossy = true;
    }

    fn start_one(&mut self) {
        let Some(at) = self.nodes.iter().position(|node| node.store.is_none()) else {
            return;
        };
        // It is not ready before it was given all by one that is.
        let Some(giver) = (0..self.nodes.len()).find(|other| self.reaches(*other)) else {
            return;
        };
        // The giver has to have read what the streams no longer have.
        let mut node = self.nodes.remove(at);
        let giver = if giver > at { giver - 1 } else { giver };
        node.start(
            Some(&self.nodes[giver]),
            &self.carrier,
            self.now_s,
            &mut self.rng,
        );
        self.nodes.insert(at, node);
    }

    fn tell_all(&mut self, at: usize) -> bool {
        let mut has_told = false;
        for part in 0..self.carrier.parts() {
            let node = &mut self.nodes[at];
            while node.tell(part, &mut self.carrier, self.now_s, &mut self.rng) {
                has_told = true;
            }
        }
        has_told
    }

    fn heal(&mut self) {
        self.carrier.is_up = true;
        for node in &mut self.nodes {
            node.is_connected = true;
            node.paused_until_s = 0;
        }
        while self.nodes.iter().any(|node| node.store.is_none()) {
            if (0..self.nodes.len()).any(|at| self.reaches(at)) {
                self.start_one();
            } else {
                // All are gone, and what they had: nobody is left to give.
                let mut node = self.nodes.remove(0);
                node.start(None, &self.carrier, self.now_s, &mut self.rng);
                self.nodes.insert(0, node);
            }
        }
        self.exchange();
    }

    /// Until nobody has anything to tell.
    fn exchange(&mut self) {
        loop {
            let mut has_moved = false;
            for at in 0..self.nodes.len() {
                has_moved |= self.tell_all(at);
            }
            for node in &mut self.nodes {
                has_moved |= node.read(&self.carrier, self.now_s, usize::MAX);
            }
            if !has_moved {
                return;
            }
        }
    }

    pub(super) fn check(&mut self) -> Result<(), String> {
        self.heal();
        self.wait(1);
        self.is_lossy |= self
            .nodes
            .iter()
            .any(|node| node.count("cluster_dropped_changes") > 0);
        if !self.is_lossy {
            self.check_words()?;
        }
        // It may have counted what others counted meanwhile, and will not hear of it.
        if self.nodes.iter().any(|node| node.has_missed) {
            self.untold = u32::MAX / 2;
        }
        self.check_downloads()?;
        self.rest();
        self.check_truth()
    }

    /// All hold the same words, but for those that are about to go.
    fn check_words(&self) -> Result<(), String> {
        let words: Vec<_> = self
            .nodes
            .iter()
            .map(|node| {
                let store = node.store.as_ref().expect("all were started");
                store.words(node.shown_s(self.now_s))
            })
            .collect();
        let all: BTreeSet<_> = words.iter().flat_map(BTreeMap::keys).collect();
        for peer in all {
            let said: Vec<_> = words.iter().map(|words| words.get(peer)).collect();
            let is_young = said
                .iter()
                .flatten()
                .all(|(age_s, _)| *age_s < LIFE_S - EDGE_S);
            let flags: BTreeSet<_> = said
                .iter()
                .map(|said| said.map(|(_, flags)| flags))
                .collect();
            if is_young && flags.len() > 1 {
                return Err(format!("{peer:?} at {} s: {said:?}", self.now_s));
            }
        }
        Ok(())
    }

    /// Each download is counted once, and all show the same.
    fn check_downloads(&self) -> Result<(), String> {
        let mut slack = (self.lost, self.untold);
        for infohash in self
            .clients
            .iter()
            .map(|client| client.infohash)
            .collect::<BTreeSet<_>>()
        {
            let shown: BTreeSet<u32> = self
                .nodes
                .iter()
                .map(|node| {
                    let store = node.store.as_ref().expect("all were started");
                    store.scrape(&infohash).unwrap_or_default().downloaded
                })
                .collect();
            let finished = self.finished.get(&infohash).map_or(0, BTreeSet::len) as u32;
            let one = shown.first().copied().unwrap_or_default();
            let missing = finished.saturating_sub(one);
            let twice = one.saturating_sub(finished);
            if shown.len() > 1 || missing > slack.0 || twice > slack.1 {
                return Err(format!(
                    "downloads shown: {shown:?}, made: {finished}, {slack:?}"
                ));
            }
            slack.0 -= missing;
            slack.1 -= twice;
        }
        Ok(())
    }

    /// Whoever is there says so at some node, as long as a peer lives.
    fn rest(&mut self) {
        let end_s = self.now_s + i64::from(LIFE_S + EDGE_S);
        while self.now_s < end_s {
            self.wait(30);
            for at in 0..self.clients.len() {
                let client = &self.clients[at];
                if client.is_there() {
                    let announce = client.announce(client.again());
                    let node = self.rng.usize(..self.nodes.len());
                    self.nodes[node].announce(&announce, self.now_s);
                }
            }
            self.exchange();
        }
        self.wait(1);
    }

    /// Those are there that are, at all nodes, as what they are.
    fn check_truth(&self) -> Result<(), String> {
        let there: Peers = self
            .clients
            .iter()
            .filter(|client| client.is_there())
            .map(|client| {
                let is_seeder = client.state == State::Seeder;
                let is_partial = client.state == State::Partial;
                (client.infohash, client.address, is_seeder, is_partial)
            })
            .collect();
        for node in &self.nodes {
            let store = node.store.as_ref().expect("all were started");
            let held: Peers = store
                .torrents()
                .into_iter()
                .flat_map(|(infohash, _)| {
                    let rows = store.peers(&infohash, usize::MAX).into_iter();
                    rows.map(move |row| (infohash, row.address, row.seeder, row.partial))
                })
                .collect();
            if held != there {
                let wrong: Vec<_> = held.symmetric_difference(&there).collect();
                return Err(format!("node {} is wrong in {wrong:?}", node.number));
            }
        }
        Ok(())
    }
}

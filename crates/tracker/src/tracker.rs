//! The tracker as a whole: binds, serves on threads, and does the verbs of its owner.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::answer::log::{Log, Logged, Logs};
use crate::answer::{Pace, Policy};
use crate::config::Config;
use crate::counters::{Counters, Latency, RequestCount};
use crate::gate::{
    ConnectionIds, Gate, GateSettings, InfoHashSet, Keys, Lists, Notice, Ranges, RateLimit,
};
use crate::memory::give_back_large_blocks;
use crate::model::{Announce, Arrival, Completed, Counts, Event, InfoHash, PeerRow};
use crate::nat::Checks;
use crate::rng;
use crate::serve::{
    BindError, Clock, HandOff, NatChecker, Shared, Threads, Worker, WorkerSockets, claim,
    descriptors_max, eventfd,
};
use crate::store::Store;
use crate::swarm::{Snapshot, SnapshotError};
use crate::usage::Usage;

/// A tracker, bound from birth and serving from [`Tracker::start`] to [`Tracker::stop`].
pub struct Tracker {
    pub(crate) shared: Arc<Shared>,
    http_addresses: Vec<SocketAddr>,
    udp_addresses: Vec<SocketAddr>,
    stage: Mutex<Stage>,
}

enum Stage {
    Bound(Vec<WorkerSockets>),
    Serving(Vec<JoinHandle<()>>),
    Stopped,
}

impl Tracker {
    /// Bind every address for every worker, or none.
    pub fn bind(config: Config) -> Result<Self, BindError> {
        give_back_large_blocks();
        let workers = match config.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let ports = claim(&config.http, &config.udp, workers)?;
        let shared = Shared::new(config, workers).map_err(|source| BindError {
            address: ports.first(),
            source,
        })?;
        Ok(Self {
            shared: Arc::new(shared),
            http_addresses: ports.http,
            udp_addresses: ports.udp,
            stage: Mutex::new(Stage::Bound(ports.workers)),
        })
    }

    /// Start the workers. Starting twice, or after a stop, is an error.
    ///
    /// After any other error it has stopped: no thread is left, and no port.
    pub fn start(&self) -> io::Result<()> {
        let mut stage = self.stage.lock();
        if !matches!(*stage, Stage::Bound(_)) {
            return Err(io::Error::other("the tracker was started already"));
        }
        if let Stage::Bound(sockets) = std::mem::replace(&mut *stage, Stage::Stopped) {
            let mut threads = Vec::new();
            let started = self.spawn(sockets, &mut threads);
            if started.is_err() {
                self.shared.threads.stop();
                join(threads);
                return started;
            }
            *stage = Stage::Serving(threads);
        }
        Ok(())
    }

    fn spawn(
        &self,
        sockets: Vec<WorkerSockets>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> io::Result<()> {
        // What can fail comes first: a thread that runs may have answered somebody already.
        let workers = sockets.into_iter().enumerate();
        let workers = workers.map(|(index, own)| Worker::new(&self.shared, index, own));
        let workers = workers.collect::<io::Result<Vec<_>>>()?;
        let checker = NatChecker::new(&self.shared)?;
        for (index, worker) in workers.into_iter().enumerate() {
            let name = format!("outpour-{index}");
            threads.push(self.shared.threads.spawn(&name, || worker.run())?);
        }
        if let Some(checker) = checker {
            threads.push(self.shared.threads.spawn("outpour-nat", || checker.run())?);
        }
        Ok(())
    }

    /// Stop the workers, wait for them and free the ports. What the store holds stays.
    pub fn stop(&self) {
        let mut stage = self.stage.lock();
        if let Stage::Serving(threads) = std::mem::replace(&mut *stage, Stage::Stopped) {
            self.shared.threads.stop();
            join(threads);
        }
    }

    /// Why a thread ended that was not told to, if one did: then all have ended, nothing is answered
    /// any more, and only a new process can go on.
    pub fn fault(&self) -> Option<&str> {
        self.shared.threads.fault()
    }

    /// A descriptor that is readable once there is a fault.
    pub fn fault_fd(&self) -> RawFd {
        self.shared.threads.fault_fd()
    }

    /// Where HTTP is served, with the ports that were given as 0.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        &self.http_addresses
    }

    /// Where UDP is served, with the ports that were given as 0.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp_addresses
    }

    /// A descriptor that is readable while connections wait to be taken.
    pub fn handoff_fd(&self) -> RawFd {
        self.shared.handoff.signal_fd()
    }

    /// Take the connections that are not for the tracker, each with the bytes already read of it.
    pub fn take_connections(&self) -> Vec<(OwnedFd, Vec<u8>)> {
        self.shared.handoff.take()
    }

    /// Go on with a connection that was taken and whose request is answered, and with the bytes read of
    /// it since: whatever it asks for next, it is as one that was just made.
    pub fn give_back(&self, connection: OwnedFd, read: &[u8]) {
        let stream = TcpStream::from(connection);
        let returns = &self.shared.returns;
        let worker = stream.as_raw_fd() as usize % returns.len();
        // Where too many wait it is closed, as the least active one is where too many are open.
        let _closed = returns[worker].leave(stream, read);
    }

    /// Replace the allowed set; none lets in every torrent.
    pub fn allow(&self, infohashes: Option<impl IntoIterator<Item = InfoHash>>) {
        let allowed: Option<InfoHashSet> =
            infohashes.map(|infohashes| infohashes.into_iter().collect());
        self.shared.gate.replace(|lists| Lists {
            allowed: allowed.clone(),
            ..lists.clone()
        });
    }

    /// Add to the allowed set, at a cost that hardly depends on its size; nothing changes where every
    /// torrent is let in.
    pub fn allow_more(&self, infohashes: &[InfoHash]) {
        self.change_allowed(infohashes, |allowed, infohash| allowed.insert(*infohash));
    }

    /// Take out of the allowed set, as [`Tracker::allow_more`] adds to it.
    pub fn disallow(&self, infohashes: &[InfoHash]) {
        self.change_allowed(infohashes, InfoHashSet::remove);
    }

    fn change_allowed(
        &self,
        infohashes: &[InfoHash],
        change: impl Fn(&mut InfoHashSet, &InfoHash),
    ) {
        self.shared.gate.replace(|lists| {
            let mut lists = lists.clone();
            if let Some(allowed) = &mut lists.allowed {
                for infohash in infohashes {
                    change(allowed, infohash);
                }
            }
            lists
        });
    }

    /// Replace the set of torrents that are refused even where all or these are allowed.
    pub fn deny(&self, infohashes: impl IntoIterator<Item = InfoHash>) {
        let denied: InfoHashSet = infohashes.into_iter().collect();
        self.shared.gate.replace(|lists| Lists {
            denied: denied.clone(),
            ..lists.clone()
        });
    }

    /// Replace the keys of `/KEY/announce`; none asks for no key.
    pub fn set_keys(&self, keys: Option<impl IntoIterator<Item = Vec<u8>>>) {
        let before = self.shared.gate.lists();
        let keys = keys.map(|keys| Arc::new(Keys::new(keys, before.keys.as_deref())));
        self.shared.gate.replace(|lists| Lists {
            keys: keys.clone(),
            ..lists.clone()
        });
    }

    /// Turn away who asks from these addresses; nobody where there are none.
    ///
    /// Their peers are not given new life, and are gone when they time out.
    pub fn ban(&self, ranges: Ranges) {
        let banned = Arc::new(ranges);
        self.shared.gate.replace(|lists| Lists {
            banned: Arc::clone(&banned),
            ..lists.clone()
        });
    }

    /// Serve these addresses alone, less the banned ones; none serves all.
    pub fn admit(&self, ranges: Option<Ranges>) {
        let admitted = ranges.map(Arc::new);
        self.shared.gate.replace(|lists| Lists {
            admitted: admitted.clone(),
            ..lists.clone()
        });
    }

    /// Replace the beginnings of peer ids that are turned away (BEP 20).
    pub fn deny_clients(&self, prefixes: impl IntoIterator<Item = Vec<u8>>) {
        let denied_clients: Arc<[Vec<u8>]> = prefixes.into_iter().collect();
        self.shared.gate.replace(|lists| Lists {
            denied_clients: Arc::clone(&denied_clients),
            ..lists.clone()
        });
    }

    /// Change what is asked of peers from now on; the interval stays below the silence after which a
    /// peer is dropped, which is the caller's to see to.
    pub fn set_pace(&self, interval_s: u32, min_interval_s: u32, peers_per_answer: u32) {
        let pace = &self.shared.policy.pace;
        pace.set(interval_s, min_interval_s, peers_per_answer);
    }

    /// Change how often an address may ask, as [`Config::requests_per_address_per_s`] has it.
    pub fn set_rate(&self, per_s: u32, burst: u32) {
        self.shared.gate.set_rate(per_s, burst);
    }

    /// Replace what single torrents have to say to those who announce them.
    pub fn set_notices(&self, notices: impl IntoIterator<Item = (InfoHash, Notice)>) {
        let notices = Arc::new(notices.into_iter().collect());
        self.shared.gate.replace(|lists| Lists {
            notices: Arc::clone(&notices),
            ..lists.clone()
        });
    }

    /// Give these peers first in every answer to whoever may want data: the publisher's own seeds.
    pub fn set_origins(&self, origins: &[SocketAddr]) {
        self.shared.gate.expect_any_peer();
        self.shared.store.swarms.set_origins(origins);
    }

    /// Forget a torrent, its peers and its counter; tells if it was there.
    pub fn forget(&self, infohash: &InfoHash) -> bool {
        self.shared.store.forget(infohash)
    }

    /// Every torrent with its numbers, in no order.
    pub fn torrents(&self) -> Vec<(InfoHash, Counts)> {
        self.shared.store.torrents()
    }

    /// A page of at least `limit` torrents unless fewer are left, from where the last page ended (0
    /// at first), and where the next one begins; none after the last.
    pub fn torrents_page(
        &self,
        from: usize,
        limit: usize,
    ) -> (Vec<(InfoHash, Counts)>, Option<usize>) {
        self.shared.store.torrents_page(from, limit)
    }

    /// Up to `limit` torrents with the most peers, the largest swarm first.
    ///
    /// Holds no more than these and a page of others at a time.
    pub fn largest(&self, limit: usize) -> Vec<(InfoHash, Counts)> {
        const PAGE: usize = 4096;
        let size = |counts: &Counts| counts.complete + counts.incomplete;
        let mut largest: Vec<(InfoHash, Counts)> = Vec::new();
        let mut at = Some(0);
        while let Some(from) = at {
            let (page, next) = self.torrents_page(from, PAGE);
            largest.extend(page.into_iter().filter(|(_, counts)| size(counts) > 0));
            if largest.len() > limit.max(1) * 2 || next.is_none() {
                largest.sort_unstable_by(|(a, of_a), (b, of_b)| {
                    size(of_b).cmp(&size(of_a)).then_with(|| a.cmp(b))
                });
                largest.truncate(limit);
            }
            at = next;
        }
        largest
    }

    /// Distinct addresses that seed, and distinct addresses that do not, over all swarms.
    pub fn unique_ips(&self) -> (usize, usize) {
        self.shared.store.unique_ips()
    }

    /// Take up to `limit` leechers that came since they were last taken, the earliest first, and tell
    /// whether others came that are not among them, now or later: at the first time, or since too many
    /// came at once. Who comes to a crowd of leechers is never among them, nor is who waits for a check.
    pub fn take_arrivals(&self, limit: usize) -> (Vec<Arrival>, bool) {
        self.shared.store.swarms.take_arrivals(limit)
    }

    /// Take the downloads completed since they were last taken, a small part of the torrents after the
    /// other, each with the marks of its downloads.
    pub fn take_completed(&self, take: impl FnMut(Completed)) {
        self.shared.store.take_completed(take);
    }

    /// Keep downloads from being counted again that an earlier run has counted: the marks that came with
    /// them, the earliest first.
    pub fn recall_counted(&self, marks: &[u64]) {
        self.shared.store.swarms.recall_counted(marks);
    }

    /// The marks of the downloads counted lately, as [`Tracker::recall_counted`] takes them.
    pub fn counted(&self) -> Vec<u64> {
        self.shared.store.swarms.counted()
    }

    /// Set the completed counters to what an earlier run had reached.
    pub fn set_completed(&self, counts: &[(InfoHash, u32)]) {
        self.shared.store.swarms.set_completed(counts);
    }

    /// The first that passed on the requests of others (`X-Forwarded-For`) without being one of
    /// [`Config::trusted_proxies`]: all who ask through it count as one address.
    pub fn forwarder(&self) -> Option<IpAddr> {
        self.shared.gate.forwarder()
    }

    /// Everything worth keeping over a restart.
    pub fn snapshot(&self) -> Vec<u8> {
        self.shared.store.swarms.snapshot(self.shared.clock.now_s())
    }

    /// Begin a snapshot that is taken part by part.
    pub fn begin_snapshot(&self) -> Snapshot {
        let now_s = self.shared.clock.now_s();
        self.shared.store.swarms.begin_snapshot(now_s)
    }

    /// Take the next part of a snapshot, of at least `bytes_min` unless it is the last; None after
    /// that.
    pub fn snapshot_part(&self, snapshot: &mut Snapshot, bytes_min: usize) -> Option<Vec<u8>> {
        self.shared.store.swarms.snapshot_part(snapshot, bytes_min)
    }

    /// Take in a snapshot made `age_s` seconds ago, and tell how many peers it brought.
    pub fn restore(&self, snapshot: &[u8], age_s: u32) -> Result<usize, SnapshotError> {
        self.shared.gate.expect_any_peer();
        let now_s = self.shared.clock.now_s();
        self.shared.store.swarms.restore(snapshot, age_s, now_s)
    }

    /// Take in peers that another tracker knew, each with whether it seeds, as if they had just
    /// announced; tell how many were new.
    pub fn insert(&self, infohash: InfoHash, peers: &[(SocketAddr, bool)]) -> usize {
        self.shared.gate.expect_any_peer();
        let now_s = self.shared.clock.now_s();
        let mut rng = rng::from_os();
        let swarms = &self.shared.store.swarms;
        let mut joins = |&(address, seeder): &(SocketAddr, bool)| {
            let ip = address.ip().to_canonical();
            let known = swarms.find(&infohash, SocketAddr::new(ip, address.port()));
            let announce = Announce {
                infohash,
                peer_id: [0; 20],
                ip,
                port: address.port(),
                left: u64::from(!seeder),
                has_nothing: false,
                event: Event::None,
                numwant: 0,
            };
            let mut say = |announce: &Announce| {
                let facts = swarms.announce(announce, now_s, &mut rng, &mut [], &mut []);
                facts.joined
            };
            if known.is_some_and(|peer| peer.seeder != seeder) {
                // It did not finish here, so it comes as one who is new.
                say(&Announce {
                    left: u64::MAX,
                    event: Event::Stopped,
                    ..announce
                });
            }
            say(&announce) && known.is_none()
        };
        peers.iter().filter(|peer| joins(peer)).count()
    }

    /// Put a seeder of this process into a swarm, or keep it there, as if it had just announced.
    pub fn list_seeder(&self, infohash: InfoHash, seeder: SocketAddr) {
        self.shared.gate.expect_any_peer();
        self.announce_seeder(infohash, seeder, Event::None);
    }

    /// Take a seeder of this process out of a swarm.
    pub fn unlist_seeder(&self, infohash: InfoHash, seeder: SocketAddr) {
        self.announce_seeder(infohash, seeder, Event::Stopped);
    }

    fn announce_seeder(&self, infohash: InfoHash, seeder: SocketAddr, event: Event) {
        let announce = Announce {
            infohash,
            peer_id: [0; 20],
            ip: seeder.ip().to_canonical(),
            port: seeder.port(),
            left: 0,
            has_nothing: false,
            event,
            numwant: 0,
        };
        let now_s = self.shared.clock.now_s();
        let swarms = &self.shared.store.swarms;
        swarms.announce(&announce, now_s, &mut rng::from_os(), &mut [], &mut []);
    }

    /// Take up to `limit` requests answered since they were last taken, the oldest first; none unless
    /// [`Config::log_max`] lets some be kept.
    pub fn logged(&self, limit: usize) -> Vec<Logged> {
        let logs = self.shared.logs.as_ref();
        let log = logs.and_then(|logs| logs.all.as_ref());
        log.map(|log| log.take(limit)).unwrap_or_default()
    }

    /// Take up to `limit` requests that were refused since they were last taken, the oldest first; none
    /// unless [`Config::refusal_log_max`] lets some be kept.
    pub fn logged_refusals(&self, limit: usize) -> Vec<Logged> {
        let logs = self.shared.logs.as_ref();
        let log = logs.and_then(|logs| logs.refused.as_ref());
        log.map(|log| log.take(limit)).unwrap_or_default()
    }

    /// Every count under its name: what the workers did, and what the store holds.
    pub fn counters(&self) -> HashMap<&'static str, u64> {
        let totals = self.shared.store.totals();
        let mut counters = HashMap::from([
            ("torrents", totals.torrents),
            ("peers_v4", totals.peers_v4),
            ("peers_v6", totals.peers_v6),
            ("seeders", totals.seeders),
            ("expired", totals.expired),
            ("store_bytes", totals.bytes),
        ]);
        counters.extend(Counters::sum(&self.shared.counters));
        counters.extend(self.cluster_counts());
        counters
    }

    /// What was asked since the start and what became of it, by protocol, family of addresses and cause.
    pub fn request_counts(&self) -> Vec<RequestCount> {
        Counters::request_counts(&self.shared.counters)
    }

    /// How long answers took since the start: from a batch of requests being read to its answers being
    /// handed to the system, of one batch in 16.
    pub fn latencies(&self) -> Vec<Latency> {
        Counters::latency_sums(&self.shared.counters)
    }

    /// Take what was seen, since it was last taken, of who uses the tracker and who is turned away.
    pub fn take_usage(&self) -> Usage {
        let samples = std::mem::take(&mut *self.shared.samples.lock());
        samples.usage()
    }

    /// Take the keys that were announced with since they were last taken: how often each, and how many
    /// seconds ago at last.
    pub fn take_key_uses(&self) -> Vec<(Vec<u8>, u64, u32)> {
        let lists = self.shared.gate.lists();
        let now_s = self.shared.clock.now_s();
        let mut uses = lists
            .keys
            .as_ref()
            .map(|keys| keys.take_uses())
            .unwrap_or_default();
        for (_, _, seen_s) in &mut uses {
            *seen_s = now_s.saturating_sub(*seen_s);
        }
        uses
    }

    /// The numbers of a torrent that is announced under several infohashes, as a hybrid is (BEP 52):
    /// each peer counts once, as a seeder if it is one anywhere. None if none of them is known.
    ///
    /// Downloads are the most of any one, as a client reports them under all that it knows.
    pub fn counts(&self, infohashes: &[InfoHash]) -> Option<Counts> {
        let known: Vec<_> = infohashes
            .iter()
            .filter_map(|infohash| Some((infohash, self.shared.store.scrape(infohash)?)))
            .collect();
        let (_, first) = *known.first()?;
        let busy = known
            .iter()
            .filter(|(_, counts)| counts.complete + counts.incomplete > 0);
        if busy.clone().count() < 2 {
            return Some(known.iter().fold(first, |sum, (_, counts)| Counts {
                complete: sum.complete.max(counts.complete),
                incomplete: sum.incomplete.max(counts.incomplete),
                downloaded: sum.downloaded.max(counts.downloaded),
                partial: sum.partial.max(counts.partial),
            }));
        }
        let mut peers: HashMap<SocketAddr, PeerRow> = HashMap::new();
        for (infohash, _) in busy {
            for row in self.peers(infohash, usize::MAX) {
                let peer = peers.entry(row.address).or_insert(row);
                peer.seeder |= row.seeder;
                peer.partial |= row.partial;
            }
        }
        let mut joint = Counts {
            downloaded: known.iter().map(|(_, one)| one.downloaded).max()?,
            ..Counts::default()
        };
        for peer in peers.values() {
            joint.complete += u32::from(peer.seeder);
            joint.incomplete += u32::from(!peer.seeder);
            joint.partial += u32::from(!peer.seeder && peer.partial);
        }
        Some(joint)
    }

    /// Up to `limit` peers of a torrent.
    pub fn peers(&self, infohash: &InfoHash, limit: usize) -> Vec<PeerRow> {
        self.shared.store.peers(infohash, limit)
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn new(config: Config, workers: usize) -> io::Result<Self> {
        let rate = RateLimit::new(
            secret()?,
            config.requests_per_address_per_s,
            config.requests_per_address_burst,
        );
        let connection_ids = ConnectionIds::new(secret()?, config.connection_id_lifetime_s);
        let gate = Gate::new(
            connection_ids,
            GateSettings {
                lists: Lists {
                    denied_clients: config.denied_clients.into(),
                    ..Lists::default()
                },
                trusted_proxies: config.trusted_proxies,
                rate,
                serves_private_networks: config.private_networks,
                believes_every_ip: config.believe_every_ip,
                path_prefix: config.path_prefix.trim_end_matches('/').into(),
            },
        );
        let checks = match config.nat_check_attempts {
            0 => None,
            attempts => Some(Checks::new(attempts, File::from(eventfd()?))),
        };
        Ok(Self {
            gate,
            store: Store::new(config.limits, checks, config.cluster.as_ref()),
            policy: Policy {
                pace: Pace::new(
                    config.interval_s,
                    config.min_interval_s,
                    u32::try_from(config.peers_per_answer).unwrap_or(u32::MAX),
                ),
                jitter_percent: config.interval_jitter_percent.min(100),
                peers_per_answer_max: config.peers_per_answer_max,
                full_scrape: config.full_scrape,
            },
            counters: (0..=workers).map(|_| Counters::default()).collect(),
            samples: Mutex::default(),
            logs: Logs::new(
                Log::new(config.log_max, config.log_sample),
                Log::new(config.refusal_log_max, config.refusal_log_sample),
            ),
            handoff: HandOff::new()?,
            returns: (0..workers)
                .map(|_| HandOff::new())
                .collect::<io::Result<_>>()?,
            full_scrapes: crate::serve::FullScrapes::default(),
            // The other half is for connections handed over, and for files.
            connections_max: config.connections_max.min(descriptors_max() / 2 / workers),
            pin_workers: config.pin_workers,
            clock: Clock::start(),
            threads: Arc::new(Threads::new()?),
        })
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A thread that panicked has said so on its own.
        let _ended = thread.join();
    }
}

fn secret() -> io::Result<[u8; 16]> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(secret)
}

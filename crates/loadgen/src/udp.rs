//! Load over UDP: batches of requests over a few connected sockets, answers matched by
//! transaction id.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::loopback;
use crate::meter::Meter;
use crate::options::Options;
use crate::pace::Pace;
use crate::peer_id;
use crate::pending::Pending;
use crate::population::{Population, infohash};
use crate::requests::{Kind, Request, Requests};
use crate::sys::batch::{Batch, MESSAGES};
use crate::sys::socket;
use crate::wire::udp::{self, Answer};

/// The largest request is a scrape of ten torrents, the largest answer 200 IPv6 peers.
const REQUEST_BYTES: usize = 256;
const ANSWER_BYTES: usize = 4096;

/// Small enough a ring to stay in the cache; an open loop must remember a second of requests.
const CLOSED_SLOTS: usize = 1 << 12;
const OPEN_SLOTS: usize = 1 << 18;

/// Requests are held back until this many can go at once, unless answers stay out.
const BURST_MIN: u64 = 32;
const PATIENCE_NS: u64 = 100_000;

/// Without any answer for this long, what waits is lost.
const STALL_NS: u64 = 100_000_000;

/// Connection ids of trackers live for two minutes and more.
const CONNECTION_NS: u64 = 30_000_000_000;

const DRAIN_NS: u64 = 500_000_000;
const CONNECT_TRIES: u32 = 50;

struct Lane {
    socket: UdpSocket,
    connection: u64,
    outbox: Batch,
    filled: usize,
}

struct Load<'a> {
    options: &'a Options,
    population: &'a Population,
    lanes: Vec<Lane>,
    inbox: Batch,
    pending: Pending,
    meter: Meter,
    peer_bytes: usize,
}

pub(crate) fn run(
    options: &Options,
    target: SocketAddr,
    population: &Population,
) -> io::Result<Meter> {
    let profile = &options.profile;
    let lanes = (0..profile.sockets)
        .map(|index| Lane::connected(loopback::source(target, index % profile.sources), target))
        .collect::<io::Result<Vec<_>>>()?;
    let slots = if options.rate.is_some() {
        OPEN_SLOTS
    } else {
        CLOSED_SLOTS
    };
    let mut load = Load {
        options,
        population,
        lanes,
        inbox: Batch::connected(ANSWER_BYTES),
        pending: Pending::new(slots.max((options.window * 4).next_power_of_two())),
        meter: Meter::new(options.limits.clone()),
        peer_bytes: if target.is_ipv4() { 6 } else { 18 },
    };
    load.run()?;
    Ok(load.meter)
}

impl Load<'_> {
    /// Never sleeps: a sleeping client would make the server pay for waking it.
    fn run(&mut self) -> io::Result<()> {
        let mut requests = Requests::new(&self.options.profile, self.population);
        let mut pace = Pace::new(self.options.rate, self.meter.now_ns());
        let (mut answered_ns, mut connected_ns) = (0, 0);
        loop {
            let now_ns = self.meter.now_ns();
            if !self.meter.goes_on(now_ns, self.population.peers.len())? {
                break;
            }
            requests.populating = self.meter.is_populating();
            if now_ns - connected_ns > CONNECTION_NS {
                connected_ns = now_ns;
                (0..self.lanes.len()).try_for_each(|lane| self.renew(lane, now_ns))?;
            }
            let silent_ns = now_ns - answered_ns;
            let room = self.room(&pace, now_ns);
            if room >= BURST_MIN || pace.is_open() || silent_ns > PATIENCE_NS {
                self.request(&mut requests, &mut pace, now_ns, room)?;
            }
            if self.receive()? > 0 {
                answered_ns = now_ns;
            } else if silent_ns > STALL_NS && self.pending.waiting() > 0 && !pace.is_open() {
                self.meter.tally.lost += self.pending.write_off();
            } else {
                std::hint::spin_loop();
            }
        }
        self.drain()
    }

    fn room(&self, pace: &Pace, now_ns: u64) -> u64 {
        let batch = (MESSAGES * self.lanes.len()) as u64;
        if pace.is_open() {
            return pace.due(now_ns).min(batch);
        }
        (self.options.window.saturating_sub(self.pending.waiting()) as u64).min(batch)
    }

    fn request(
        &mut self,
        requests: &mut Requests<'_>,
        pace: &mut Pace,
        now_ns: u64,
        room: u64,
    ) -> io::Result<()> {
        for _ in 0..room {
            let intended_ns = pace.issue(now_ns);
            let request = requests.next();
            self.write(&request, intended_ns)?;
        }
        (0..self.lanes.len()).try_for_each(|lane| self.flush(lane))
    }

    fn write(&mut self, request: &Request, intended_ns: u64) -> io::Result<()> {
        let lane = usize::from(request.peer.socket);
        let action = match request.kind {
            Kind::Connect => udp::CONNECT,
            Kind::Announce { .. } => udp::ANNOUNCE,
            Kind::Scrape => udp::SCRAPE,
        };
        let transaction = self.open(action, intended_ns);
        let Lane {
            outbox,
            filled,
            connection,
            ..
        } = &mut self.lanes[lane];
        let packet = outbox.buffer_mut(*filled);
        let length = match request.kind {
            Kind::Connect => udp::write_connect(packet, transaction),
            Kind::Announce { event, left } => {
                let announce = udp::Announce {
                    connection: *connection,
                    transaction,
                    infohash: infohash(request.peer.torrent),
                    peer_id: peer_id::of(&self.options.profile, request.peer_index),
                    left,
                    event: event as u32,
                    numwant: self.options.profile.numwant,
                    port: request.peer.port,
                };
                udp::write_announce(packet, &announce)
            }
            Kind::Scrape => {
                let torrents_max = self.options.profile.scrape_torrents_max;
                let torrents = self.population.scraped(request.peer_index, torrents_max);
                udp::write_scrape(packet, *connection, transaction, torrents)
            }
        };
        self.post(lane, length)
    }

    /// Asks anew for the connection id of a lane, outside of the mix.
    fn renew(&mut self, lane: usize, now_ns: u64) -> io::Result<()> {
        let transaction = self.open(udp::CONNECT, now_ns);
        let Lane { outbox, filled, .. } = &mut self.lanes[lane];
        let length = udp::write_connect(outbox.buffer_mut(*filled), transaction);
        self.post(lane, length)
    }

    fn open(&mut self, action: u32, intended_ns: u64) -> u32 {
        let (transaction, is_lost) = self.pending.open(action, intended_ns);
        self.meter.tally.lost += u64::from(is_lost);
        self.meter.tally.sent += 1;
        transaction
    }

    fn post(&mut self, lane: usize, length: usize) -> io::Result<()> {
        let Lane { outbox, filled, .. } = &mut self.lanes[lane];
        outbox.set_length(*filled, length);
        *filled += 1;
        if *filled == MESSAGES {
            self.flush(lane)
        } else {
            Ok(())
        }
    }

    /// What the kernel has no room for is dropped, as on any network, and counted as lost.
    fn flush(&mut self, lane: usize) -> io::Result<()> {
        let Lane {
            socket,
            outbox,
            filled,
            ..
        } = &mut self.lanes[lane];
        if *filled > 0 {
            outbox.send(socket, *filled)?;
            *filled = 0;
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut received = 0;
        for lane in 0..self.lanes.len() {
            let count = self.inbox.receive(&self.lanes[lane].socket)?;
            if count > 0 {
                let now_ns = self.meter.now_ns();
                (0..count).for_each(|index| self.take(lane, index, now_ns));
                received += count;
            }
        }
        Ok(received)
    }

    fn take(&mut self, lane: usize, index: usize, now_ns: u64) {
        let packet = self.inbox.received(index);
        let Some((transaction, answer)) = udp::read(packet, self.peer_bytes) else {
            self.meter.tally.invalid += 1;
            return;
        };
        let action = match answer {
            Answer::Connect { .. } => Some(udp::CONNECT),
            Answer::Announce { .. } => Some(udp::ANNOUNCE),
            Answer::Scrape { .. } => Some(udp::SCRAPE),
            Answer::Error { .. } => None,
        };
        let Some(intended_ns) = self.pending.close(transaction, action) else {
            self.meter.tally.late += 1;
            return;
        };
        self.meter
            .latency
            .saturating_record(now_ns.saturating_sub(intended_ns));
        self.meter.tally.bytes += packet.len() as u64;
        match answer {
            Answer::Connect { connection } => {
                self.lanes[lane].connection = connection;
                self.meter.tally.connects += 1;
            }
            Answer::Announce {
                peers,
                leechers,
                seeders,
            } => {
                self.meter.tally.announces += 1;
                self.meter.tally.peers += peers as u64;
                let is_plausible = peers as u64 <= u64::from(leechers) + u64::from(seeders);
                self.meter.tally.invalid += u64::from(!is_plausible);
            }
            Answer::Scrape { .. } => self.meter.tally.scrapes += 1,
            Answer::Error { text } => self.meter.failed(text),
        }
    }

    /// Answers that are under way at the end are not lost, nor do they count.
    fn drain(&mut self) -> io::Result<()> {
        let kept = (self.meter.tally.clone(), self.meter.latency.clone());
        let from_ns = self.meter.now_ns();
        while self.pending.waiting() > 0 && self.meter.now_ns() - from_ns < DRAIN_NS {
            if self.receive()? == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        (self.meter.tally, self.meter.latency) = kept;
        self.meter.tally.lost += self.pending.write_off();
        Ok(())
    }
}

impl Lane {
    fn connected(source: std::net::IpAddr, target: SocketAddr) -> io::Result<Self> {
        let socket = socket::udp_connected(source, target)?;
        let connection = first_connection(&socket, target)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            connection,
            outbox: Batch::connected(REQUEST_BYTES),
            filled: 0,
        })
    }
}

fn first_connection(socket: &UdpSocket, target: SocketAddr) -> io::Result<u64> {
    let (mut packet, mut answer) = ([0; 16], [0; 64]);
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    for transaction in 0..CONNECT_TRIES {
        let length = udp::write_connect(&mut packet, transaction);
        let from = Instant::now();
        // A server that still starts refuses: the port is then tried again, a while later.
        match socket
            .send(&packet[..length])
            .and_then(|_| socket.recv(&mut answer))
        {
            Ok(length) => {
                if let Some((echoed, Answer::Connect { connection })) =
                    udp::read(&answer[..length], 6)
                    && echoed == transaction
                {
                    return Ok(connection);
                }
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::thread::sleep(Duration::from_millis(100).saturating_sub(from.elapsed()));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    let message = format!("`{target}`: no answer to a connect request");
    Err(io::Error::new(ErrorKind::TimedOut, message))
}

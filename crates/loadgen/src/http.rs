//! Load over HTTP: many connections, one request under way on each.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::loopback;
use crate::meter::Meter;
use crate::options::Options;
use crate::pace::Pace;
use crate::peer_id;
use crate::population::{Population, infohash};
use crate::requests::{Kind, Request, Requests};
use crate::sys::socket;
use crate::wire::http::{self, Announce, Answer, Progress};

const ANSWER_BYTES: usize = 16 << 10;

/// A connection without answer for this long is given up.
const PATIENCE_NS: u64 = 3_000_000_000;

/// A closed loop waits until half of its connections are free, connects all of them and then makes
/// all requests: over a network, too, a request comes a round trip after its connection. Opening
/// a connection costs the client more than the server, which would else be woken for each.
const BURST_PATIENCE_NS: u64 = 200_000;

/// Distinct sources are the rule here: one address alone runs out of ports.
const SOURCES_MIN: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The request is not written yet: the connection is still being made.
    Opening,
    Waiting,
}

struct Exchange {
    stream: Option<TcpStream>,
    state: State,
    request: Vec<u8>,
    answer: Box<[u8]>,
    filled: usize,
    intended_ns: u64,
    written_ns: u64,
}

/// What one look at a connection brought.
enum Look {
    Nothing,
    Whole { head: usize, end: usize },
    Closed,
    Broken,
}

struct Load<'a> {
    options: &'a Options,
    population: &'a Population,
    target: SocketAddr,
    tail: String,
    next_source: u32,
    meter: Meter,
}

pub(crate) fn run(
    options: &Options,
    target: SocketAddr,
    population: &Population,
) -> io::Result<Meter> {
    let mut load = Load {
        options,
        population,
        target,
        tail: http::tail(&target.to_string(), options.is_kept),
        next_source: 0,
        meter: Meter::new(options.limits.clone()),
    };
    load.run()?;
    Ok(load.meter)
}

impl Load<'_> {
    /// Never sleeps: a sleeping client would make the server pay for waking it.
    fn run(&mut self) -> io::Result<()> {
        let mut requests = Requests::new(&self.options.profile, self.population);
        let mut pace = Pace::new(self.options.rate, self.meter.now_ns());
        let mut exchanges: Vec<Exchange> = (0..self.options.connections)
            .map(|_| Exchange::idle())
            .collect();
        let mut answered_ns = 0;
        loop {
            let now_ns = self.meter.now_ns();
            if !self.meter.goes_on(now_ns, self.population.peers.len())? {
                break;
            }
            requests.populating = self.meter.is_populating();
            let idle = exchanges
                .iter()
                .filter(|exchange| exchange.state == State::Idle)
                .count();
            let is_burst = idle >= exchanges.len().div_ceil(2) || pace.is_open();
            if is_burst || now_ns - answered_ns > BURST_PATIENCE_NS {
                for exchange in exchanges.iter_mut().filter(|it| it.state == State::Idle) {
                    if pace.due(now_ns) == 0 {
                        break;
                    }
                    self.prepare(exchange, &requests.next(), pace.issue(now_ns))?;
                }
            }
            for exchange in exchanges.iter_mut().filter(|it| it.state == State::Opening) {
                self.write(exchange)?;
            }
            let answers = self.meter.tally.answers();
            for exchange in exchanges.iter_mut().filter(|it| it.state == State::Waiting) {
                self.look(exchange)?;
            }
            if self.meter.tally.answers() > answers {
                answered_ns = now_ns;
            }
            std::hint::spin_loop();
        }
        let is_busy = |exchange: &&Exchange| exchange.state != State::Idle;
        let late = exchanges.iter().filter(is_busy).filter(|exchange| {
            self.meter.now_ns().saturating_sub(exchange.intended_ns) > PATIENCE_NS
        });
        self.meter.tally.lost += late.count() as u64;
        Ok(())
    }

    /// Writes the request into memory and opens a connection for it where there is none.
    fn prepare(
        &mut self,
        exchange: &mut Exchange,
        request: &Request,
        intended_ns: u64,
    ) -> io::Result<()> {
        exchange.request.clear();
        let profile = &self.options.profile;
        match request.kind {
            Kind::Announce { event, left } => {
                let announce = Announce {
                    infohash: &infohash(request.peer.torrent),
                    peer_id: &peer_id::of(profile, request.peer_index),
                    key: request.peer_index,
                    left,
                    event,
                    numwant: profile.numwant,
                    port: request.peer.port,
                };
                http::write_announce(&mut exchange.request, &announce, &self.tail);
            }
            Kind::Scrape | Kind::Connect => {
                let torrents = self
                    .population
                    .scraped(request.peer_index, profile.scrape_torrents_max);
                http::write_scrape(&mut exchange.request, torrents, &self.tail);
            }
        }
        exchange.intended_ns = intended_ns;
        self.meter.tally.sent += 1;
        self.open(exchange)
    }

    fn open(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        exchange.state = State::Opening;
        if exchange.stream.is_none() {
            let sources = self.options.profile.sources.max(SOURCES_MIN);
            self.next_source = (self.next_source + 1) % sources;
            let source = loopback::source(self.target, self.next_source);
            exchange.stream = Some(socket::tcp_connecting(source, self.target)?);
        }
        Ok(())
    }

    /// Sends the request, or leaves that to the next turn when the connection is not made yet.
    fn write(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        exchange.written_ns = self.meter.now_ns();
        exchange.filled = 0;
        let Some(stream) = &mut exchange.stream else {
            return Ok(());
        };
        match stream.write(&exchange.request) {
            Ok(length) if length == exchange.request.len() => exchange.state = State::Waiting,
            Ok(_) => self.give_up(exchange),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::NotConnected => {
                    exchange.state = State::Opening;
                    if self.meter.now_ns() - exchange.intended_ns > PATIENCE_NS {
                        self.give_up(exchange);
                    }
                }
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset if self.options.is_kept => {
                    self.meter.tally.reopened += 1;
                    exchange.stream = None;
                    self.open(exchange)?;
                }
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => self.give_up(exchange),
                _ => return Err(error),
            },
        }
        Ok(())
    }

    fn look(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        match exchange.look()? {
            Look::Whole { head, end } => {
                self.count(exchange, head, end);
                exchange.state = State::Idle;
                if !self.options.is_kept {
                    exchange.stream = None;
                }
            }
            Look::Closed if self.options.is_kept && exchange.filled == 0 => {
                self.meter.tally.reopened += 1;
                exchange.stream = None;
                self.open(exchange)?;
            }
            Look::Broken | Look::Closed => {
                self.meter.tally.invalid += 1;
                self.give_up(exchange);
            }
            Look::Nothing => {
                if self.meter.now_ns() - exchange.written_ns > PATIENCE_NS {
                    self.give_up(exchange);
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, exchange: &Exchange, head: usize, end: usize) {
        let now_ns = self.meter.now_ns();
        self.meter
            .latency
            .saturating_record(now_ns.saturating_sub(exchange.intended_ns));
        self.meter.tally.bytes += end as u64;
        let (head, body) = exchange.answer[..end].split_at(head);
        match http::read(head, body) {
            Some(Answer::Announce { peers }) => {
                self.meter.tally.announces += 1;
                self.meter.tally.peers += peers as u64;
            }
            Some(Answer::Scrape) => self.meter.tally.scrapes += 1,
            Some(Answer::Failure) => self.meter.failed(body),
            None => self.meter.tally.invalid += 1,
        }
    }

    fn give_up(&mut self, exchange: &mut Exchange) {
        self.meter.tally.lost += 1;
        exchange.stream = None;
        exchange.state = State::Idle;
    }
}

impl Exchange {
    fn idle() -> Self {
        Self {
            stream: None,
            state: State::Idle,
            request: Vec::with_capacity(1024),
            answer: vec![0; ANSWER_BYTES].into_boxed_slice(),
            filled: 0,
            intended_ns: 0,
            written_ns: 0,
        }
    }

    /// Reads what has come. An answer that ends a connection is whole when the close has come:
    /// the side that closes first keeps the port waiting, and that should be the server.
    fn look(&mut self) -> io::Result<Look> {
        let Some(stream) = &mut self.stream else {
            return Ok(Look::Closed);
        };
        match stream.read(&mut self.answer[self.filled..]) {
            Ok(0) => {
                return Ok(match http::frame(&self.answer[..self.filled]) {
                    Progress::UntilClosed { head } => Look::Whole {
                        head,
                        end: self.filled,
                    },
                    Progress::Whole { head, end } => Look::Whole { head, end },
                    _ => Look::Closed,
                });
            }
            Ok(length) => self.filled += length,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return Ok(Look::Nothing),
                ErrorKind::ConnectionReset => return Ok(Look::Broken),
                _ => return Err(error),
            },
        }
        Ok(match http::frame(&self.answer[..self.filled]) {
            Progress::Whole { head, end } if is_kept(&self.request) => Look::Whole { head, end },
            Progress::Invalid => Look::Broken,
            _ if self.filled == self.answer.len() => Look::Broken,
            _ => Look::Nothing,
        })
    }
}

fn is_kept(request: &[u8]) -> bool {
    request.ends_with(b"keep-alive\r\n\r\n")
}

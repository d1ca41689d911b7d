//! One thread with one epoll loop over all its sockets, UDP and TCP, old and new.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::affinity;
use super::clock::Clock;
use super::epoll::{Epoll, Events, Interest};
use super::full_scrape::FullScrapes;
use super::handoff::HandOff;
use super::http::HttpServer;
use super::limits::{SWEEP_STEP, TICK_MS, TICKS_A_SWEEP};
use super::ports::WorkerSockets;
use super::threads::Threads;
use super::udp::UdpServer;
use crate::answer::log::Logs;
use crate::answer::{Context, Policy};
use crate::counters::Counters;
use crate::gate::Gate;
use crate::rng;
use crate::store::Store;
use crate::usage::{Samplers, Samples};

/// What all workers have in common.
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) store: Store,
    pub(crate) policy: Policy,
    /// One for each worker, and one for the NAT checks.
    pub(crate) counters: Box<[Counters]>,
    pub(crate) samples: Mutex<Samples>,
    pub(crate) logs: Option<Logs>,
    pub(crate) handoff: HandOff,
    /// What comes back from the web application, one for each worker.
    pub(crate) returns: Box<[HandOff]>,
    pub(crate) full_scrapes: FullScrapes,
    pub(crate) connections_max: usize,
    /// Each worker stays on a CPU of its own.
    pub(crate) pin_workers: bool,
    pub(crate) clock: Clock,
    pub(crate) threads: Arc<Threads>,
}

/// The numbers under which `epoll` knows a worker's own sockets; those with this bit are connections.
pub(super) const CONNECTION_BIT: u64 = 1 << 63;
const STOP: u64 = 0;
const RETURNS: u64 = (1 << 32) - 1;
const LISTENERS_FROM: u64 = 1;
const PACKETS_FROM: u64 = 1 << 32;

pub(crate) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    sockets: WorkerSockets,
    epoll: Epoll,
    udp: UdpServer,
    http: HttpServer,
    /// The listeners wait until descriptors are free again.
    is_paused: bool,
    next_tick_ms: u64,
    /// What is to be swept before the next tick, a step between two batches of requests.
    sweep_left: usize,
}

impl Worker {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        index: usize,
        sockets: WorkerSockets,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&shared.threads.stop, STOP, Interest::Read)?;
        epoll.add(shared.returns[index].signal(), RETURNS, Interest::Read)?;
        for (token, listener) in (LISTENERS_FROM..).zip(&sockets.listeners) {
            epoll.add(listener, token, Interest::Read)?;
        }
        for (token, packets) in (PACKETS_FROM..).zip(&sockets.packets) {
            epoll.add(packets, token, Interest::Read)?;
        }
        Ok(Self {
            shared: Arc::clone(shared),
            index,
            sockets,
            epoll,
            udp: UdpServer::new(),
            http: HttpServer::new(shared),
            is_paused: false,
            next_tick_ms: 0,
            sweep_left: 0,
        })
    }

    /// Serves until it is told to stop.
    pub(crate) fn run(mut self) {
        if self.shared.pin_workers {
            affinity::pin(self.index);
        }
        let mut events = Events::new();
        let shared = Arc::clone(&self.shared);
        let mut rng = rng::from_os();
        let samplers = Samplers::default();
        // An error of `epoll_wait` would be an error of this program.
        while let Ok(count) = self.epoll.wait(&mut events, self.timeout_ms()) {
            let mut context = Context {
                gate: &shared.gate,
                lists: shared.gate.lists(),
                store: &shared.store,
                policy: &shared.policy,
                counters: &shared.counters[self.index],
                samplers: &samplers,
                samples: &shared.samples,
                logs: shared.logs.as_ref(),
                rng: &mut rng,
                now_ms: shared.clock.now_ms(),
            };
            for event in 0..count {
                match events.token(event) {
                    STOP => return,
                    RETURNS => {
                        let returned = shared.returns[self.index].take();
                        self.http.take_back(returned, &self.epoll, &mut context);
                    }
                    token if token & CONNECTION_BIT != 0 => {}
                    token if token >= PACKETS_FROM => {
                        let packets = &self.sockets.packets[(token - PACKETS_FROM) as usize];
                        self.udp.turn(packets, &mut context);
                    }
                    token => self.accept(token, &mut context),
                }
            }
            let tokens = (0..count).map(|event| events.token(event));
            let connections = tokens.filter(|token| token & CONNECTION_BIT != 0);
            self.http.turn(connections, &self.epoll, &mut context);
            if context.now_ms >= self.next_tick_ms {
                // Where nothing came for a while, this is the first tick since.
                let late_ms = context.now_ms - self.next_tick_ms;
                samplers.tick(late_ms / TICK_MS + 1);
                self.next_tick_ms = context.now_ms + TICK_MS;
                self.tick(&mut context);
            }
            if self.sweep_left > 0 {
                let step = SWEEP_STEP.min(self.sweep_left);
                context.store.sweep(context.now_s(), step);
                self.sweep_left -= step;
            }
        }
    }

    /// Without connections, and without the sweep to do, there is nothing to wake up for.
    fn timeout_ms(&self) -> Option<u64> {
        if self.sweep_left > 0 {
            return Some(0);
        }
        let is_timed = self.is_sweeper() || self.is_paused || !self.http.is_empty();
        is_timed.then_some(TICK_MS)
    }

    fn is_sweeper(&self) -> bool {
        self.index == 0
    }

    fn accept(&mut self, token: u64, context: &mut Context<'_>) {
        let listener = &self.sockets.listeners[(token - LISTENERS_FROM) as usize];
        if self.http.accept(listener, &self.epoll, context).is_err() {
            // The connection that cannot be accepted would wake this loop again at once.
            self.listen(Interest::Paused);
            self.is_paused = true;
        }
    }

    fn listen(&self, interest: Interest) {
        for (token, listener) in (LISTENERS_FROM..).zip(&self.sockets.listeners) {
            // It fails only for a descriptor that is not watched, and these are.
            let _watched = self.epoll.change(listener, token, interest);
        }
    }

    fn tick(&mut self, context: &mut Context<'_>) {
        if self.is_paused {
            self.is_paused = false;
            self.listen(Interest::Read);
        }
        self.http.close_due(context);
        if self.is_sweeper() {
            self.sweep_left = context.store.sweep_cost() / TICKS_A_SWEEP + 1;
        }
    }
}

//! NAT checks on a thread of their own: a bounded number of sockets, none waited for alone.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use super::epoll::{Epoll, Events, Interest};
use super::limits::{NAT_CHECK_TIMEOUT_MS, NAT_CHECKS_AT_ONCE_MAX, TICK_MS};
use super::sockets::connect;
use super::worker::Shared;
use crate::answer::log::Logged;
use crate::counters::Counters;
use crate::nat::{Check, Checks, HANDSHAKE_BYTES};
use crate::rng::{self, Rng};

const STOP: u64 = 0;
const SIGNAL: u64 = 1;
const SOCKETS_FROM: u64 = 2;

/// A peer that is being tried.
struct Attempt {
    check: Check,
    stream: TcpStream,
    due_ms: u64,
    answer: [u8; HANDSHAKE_BYTES],
    /// Bytes of the answer so far; none before the handshake was sent.
    read: Option<usize>,
}

/// How far an attempt has come.
enum Progress {
    Unfinished,
    Finished { was_reached: bool },
}

pub(crate) struct NatChecker {
    shared: Arc<Shared>,
    epoll: Epoll,
    attempts: HashMap<u64, Attempt>,
    next_token: u64,
    rng: Rng,
}

impl NatChecker {
    /// None where nobody is to be checked.
    pub(crate) fn new(shared: &Arc<Shared>) -> io::Result<Option<Self>> {
        let Some(waiting) = &shared.store.waiting else {
            return Ok(None);
        };
        let epoll = Epoll::new()?;
        epoll.add(&shared.threads.stop, STOP, Interest::Read)?;
        epoll.add(waiting.checks.signal(), SIGNAL, Interest::Read)?;
        Ok(Some(Self {
            shared: Arc::clone(shared),
            epoll,
            attempts: HashMap::new(),
            next_token: SOCKETS_FROM,
            rng: rng::from_os(),
        }))
    }

    /// Checks peers until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Events::new();
        let shared = Arc::clone(&self.shared);
        let Some(waiting) = &shared.store.waiting else {
            return;
        };
        while let Ok(count) = self.epoll.wait(&mut events, self.timeout_ms()) {
            for at in 0..count {
                match events.token(at) {
                    STOP => return,
                    SIGNAL => {}
                    token => self.go_on(token, &waiting.checks),
                }
            }
            self.give_up_due(&waiting.checks);
            self.begin(&waiting.checks);
            // While no socket is free the signal would wake this loop for nothing.
            let interest = if self.is_full() {
                Interest::Paused
            } else {
                Interest::Read
            };
            let signal = waiting.checks.signal();
            if self.epoll.change(signal, SIGNAL, interest).is_err() {
                return;
            }
        }
    }

    fn timeout_ms(&self) -> Option<u64> {
        (!self.attempts.is_empty()).then_some(TICK_MS)
    }

    fn is_full(&self) -> bool {
        self.attempts.len() >= NAT_CHECKS_AT_ONCE_MAX
    }

    fn begin(&mut self, checks: &Checks) {
        while !self.is_full()
            && let Some(check) = checks.next()
        {
            self.counters().nat_checks.one();
            let token = self.next_token;
            self.next_token += 1;
            let stream = connect(check.address()).and_then(|stream| {
                self.epoll.add(&stream, token, Interest::Write)?;
                Ok(stream)
            });
            match stream {
                Ok(stream) => {
                    let attempt = Attempt {
                        check,
                        stream,
                        due_ms: self.shared.clock.now_ms() + NAT_CHECK_TIMEOUT_MS,
                        answer: [0; HANDSHAKE_BYTES],
                        read: None,
                    };
                    self.attempts.insert(token, attempt);
                }
                Err(_) => self.end(checks, &check, false),
            }
        }
    }

    fn go_on(&mut self, token: u64, checks: &Checks) {
        let Some(attempt) = self.attempts.get_mut(&token) else {
            return;
        };
        let was_sent = attempt.read.is_some();
        let mut progress = attempt.go_on();
        if !was_sent
            && attempt.read.is_some()
            && self
                .epoll
                .change(&attempt.stream, token, Interest::Read)
                .is_err()
        {
            progress = Progress::Finished { was_reached: false };
        }
        if let Progress::Finished { was_reached } = progress
            && let Some(attempt) = self.attempts.remove(&token)
        {
            self.end(checks, &attempt.check, was_reached);
        }
    }

    fn give_up_due(&mut self, checks: &Checks) {
        let now_ms = self.shared.clock.now_ms();
        let due: Vec<_> = self
            .attempts
            .extract_if(|_, attempt| attempt.due_ms <= now_ms)
            .collect();
        for (_, attempt) in due {
            self.end(checks, &attempt.check, false);
        }
    }

    fn end(&mut self, checks: &Checks, check: &Check, was_reached: bool) {
        checks.ended(check, was_reached);
        if was_reached {
            let now_s = self.shared.clock.now_s();
            self.shared.store.reached(check, now_s, &mut self.rng);
        } else {
            self.counters().nat_failures.one();
        }
        if let Some(logs) = &self.shared.logs {
            let row = || Logged::nat_check(check, was_reached);
            logs.add(false, row, self.counters());
        }
    }

    /// Those after the workers' are this thread's.
    fn counters(&self) -> &Counters {
        &self.shared.counters[self.shared.counters.len() - 1]
    }
}

impl Attempt {
    fn go_on(&mut self) -> Progress {
        match self.exchange() {
            Ok(progress) => progress,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Progress::Unfinished,
            Err(_) => Progress::Finished { was_reached: false },
        }
    }

    /// Sends the handshake once there is a connection, then reads the peer's.
    fn exchange(&mut self) -> io::Result<Progress> {
        let Some(read) = self.read else {
            // An empty send buffer takes so little at once.
            let sent = self.stream.write(&self.check.handshake())?;
            if sent < HANDSHAKE_BYTES {
                return Ok(Progress::Finished { was_reached: false });
            }
            self.read = Some(0);
            return Ok(Progress::Unfinished);
        };
        let count = self.stream.read(&mut self.answer[read..])?;
        self.read = Some(read + count);
        Ok(match (count, read + count) {
            (1.., HANDSHAKE_BYTES) => Progress::Finished {
                was_reached: self.check.is_answered_by(&self.answer),
            },
            (0, _) => Progress::Finished { was_reached: false },
            _ => Progress::Unfinished,
        })
    }
}

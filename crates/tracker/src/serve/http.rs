//! TCP connections: accepted, read, answered and closed in one turn if they can be, kept if not.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::connections::{Connection, Connections, Place};
use super::epoll::{Epoll, Interest};
use super::full_scrape;
use super::limits::{
    ACCEPTS_A_TURN, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, PENDING_BYTES_MAX, READ_BYTES_MAX,
    REQUESTS_A_CONNECTION_MAX, SEND_TIMEOUT_MS,
};
use super::sockets::accept;
use super::worker::{CONNECTION_BIT, Shared};
use crate::answer::Desk;
use crate::answer::http::{FullScrape, Outcome, Scratch, answer};
use crate::wire::Refusal;
use crate::wire::http::{Status, answer_head, failure, plain};
use crate::wire::limits::HTTP_HEAD_BYTES_MAX;

/// What a connection waits for after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    Write,
    Close,
    /// It went to the other room, or to a thread of its own.
    Leave(Leave),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    HandOver { from: usize, to: usize },
    FullScrape(FullScrape),
}

/// Why no more requests of an input are answered.
enum End {
    Partial,
    Broken,
    Leave(Leave),
}

pub(super) struct Reception {
    connections: Connections,
    counter: Counter,
}

/// The buffers that a connection borrows for its turn.
struct Counter {
    shared: Arc<Shared>,
    input: Box<[u8]>,
    output: Vec<u8>,
    scratch: Scratch,
}

impl Reception {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            connections: Connections::new(shared.connections_max),
            counter: Counter {
                shared: Arc::clone(shared),
                input: vec![0; HTTP_HEAD_BYTES_MAX + READ_BYTES_MAX].into_boxed_slice(),
                output: Vec::with_capacity(PENDING_BYTES_MAX),
                scratch: Scratch::new(shared.manners.peers_per_answer_max),
            },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Accepts what waits at a listener, within the bounds of a turn.
    ///
    /// The kernel wakes the worker when the first bytes of a connection are there, so nearly all are
    /// answered and closed here, and `epoll` never hears of them. An error says that the system is out
    /// of descriptors.
    pub(super) fn accept(
        &mut self,
        listener: &OwnedFd,
        epoll: &Epoll,
        desk: &mut Desk<'_>,
    ) -> io::Result<()> {
        for _ in 0..ACCEPTS_A_TURN {
            let (stream, source) = match accept(listener) {
                Ok(accepted) => accepted,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Ok(()),
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        if !self.evict(desk) {
                            return Err(error);
                        }
                        continue;
                    }
                    // The connection was gone before it was accepted.
                    _ => continue,
                },
            };
            desk.counters.connections_http.one();
            desk.refresh();
            let mut connection = Connection::new(stream, source);
            match self.counter.read(&mut connection, desk) {
                Next::Close => {}
                Next::Leave(leave) => self.counter.leave(connection.stream, leave, desk),
                next => self.keep(connection, next, epoll, desk),
            }
        }
        Ok(())
    }

    fn keep(&mut self, connection: Connection, next: Next, epoll: &Epoll, desk: &mut Desk<'_>) {
        if self.connections.is_full() {
            self.evict(desk);
        }
        let deadline_ms = deadline_ms(&connection, next, desk.now_ms);
        let place = self.connections.insert(connection, deadline_ms);
        if let Some(kept) = self.connections.get(place)
            && epoll
                .add(&kept.stream, token(place), interest(next))
                .is_err()
        {
            self.connections.remove(place);
        }
    }

    /// Closes the least active connection, if there is one.
    fn evict(&mut self, desk: &mut Desk<'_>) -> bool {
        let least = self.connections.least_active();
        let evicted = least.and_then(|place| self.connections.remove(place));
        desk.counters.evicted_http.add(u64::from(evicted.is_some()));
        evicted.is_some()
    }

    /// The turn of a kept connection that can be read, or written if it waits for that.
    pub(super) fn turn(&mut self, token: u64, epoll: &Epoll, desk: &mut Desk<'_>) {
        let place = place(token);
        let Some(connection) = self.connections.get(place) else {
            return;
        };
        let was_sending = connection.is_sending();
        let next = if was_sending {
            self.counter.resume(connection, desk)
        } else {
            self.counter.read(connection, desk)
        };
        match next {
            Next::Close => {
                self.connections.remove(place);
            }
            Next::Leave(leave) => {
                if let Some(connection) = self.connections.remove(place)
                    && epoll.remove(&connection.stream).is_ok()
                {
                    self.counter.leave(connection.stream, leave, desk);
                }
            }
            Next::Read | Next::Write => {
                let deadline_ms = deadline_ms(connection, next, desk.now_ms);
                let is_changed = was_sending != connection.is_sending();
                if is_changed
                    && epoll
                        .change(&connection.stream, token, interest(next))
                        .is_err()
                {
                    self.connections.remove(place);
                } else {
                    self.connections.set_deadline(place, deadline_ms);
                }
            }
        }
    }

    pub(super) fn close_due(&mut self, desk: &mut Desk<'_>) {
        let closed = self.connections.close_due(desk.now_ms);
        desk.counters.timed_out_http.add(closed as u64);
    }
}

impl Counter {
    /// Reads once and answers every whole request that is there.
    fn read(&mut self, connection: &mut Connection, desk: &mut Desk<'_>) -> Next {
        let held = connection.input.len();
        self.input[..held].copy_from_slice(&connection.input);
        let count = match connection.stream.read(&mut self.input[held..]) {
            Ok(0) => return Next::Close,
            Ok(count) => count,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => return Next::Read,
                _ => return Next::Close,
            },
        };
        desk.counters.bytes_in_http.add(count as u64);
        connection.input.clear();
        self.answer(connection, held + count, desk)
    }

    /// Sends what is left of earlier answers, and then goes on with the requests that waited for it.
    fn resume(&mut self, connection: &mut Connection, desk: &mut Desk<'_>) -> Next {
        match connection
            .stream
            .write(&connection.output[connection.sent..])
        {
            Ok(count) => {
                connection.sent += count;
                desk.counters.bytes_out_http.add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Next::Close,
        }
        if connection.is_sending() {
            return Next::Write;
        }
        connection.output = Vec::new();
        connection.sent = 0;
        if connection.is_last {
            return Next::Close;
        }
        let held = connection.input.len();
        self.input[..held].copy_from_slice(&connection.input);
        connection.input.clear();
        self.answer(connection, held, desk)
    }

    /// Answers the requests in the first `filled` bytes of the input; what is left of it the connection keeps.
    fn answer(&mut self, connection: &mut Connection, filled: usize, desk: &mut Desk<'_>) -> Next {
        self.output.clear();
        let mut at = 0;
        let mut end = End::Partial;
        while at < filled && !connection.is_last {
            let outcome = answer(
                desk,
                connection.source,
                &self.input[at..filled],
                connection.requests + 1 < REQUESTS_A_CONNECTION_MAX,
                &mut self.scratch,
                &mut self.output,
            );
            match outcome {
                Outcome::Partial => break,
                Outcome::Answered { taken, keep_alive } => {
                    at += taken;
                    connection.requests += 1;
                    connection.is_last = !keep_alive;
                    connection.head_due_ms = None;
                }
                Outcome::Broken => {
                    connection.is_last = true;
                    end = End::Broken;
                }
                Outcome::Elsewhere => {
                    end = End::Leave(Leave::HandOver {
                        from: at,
                        to: filled,
                    });
                    break;
                }
                Outcome::FullScrape(scrape) => {
                    end = End::Leave(Leave::FullScrape(scrape));
                    break;
                }
            }
            if self.output.len() >= PENDING_BYTES_MAX {
                if !self.send(connection, desk) {
                    return Next::Close;
                }
                if connection.is_sending() {
                    break;
                }
            }
        }
        if !connection.is_sending() && !self.send(connection, desk) {
            return Next::Close;
        }
        if connection.is_sending() {
            // Whoever does not take its answers cannot go to the other room.
            connection.is_last |= matches!(end, End::Leave(_));
            connection.input.extend_from_slice(&self.input[at..filled]);
            return Next::Write;
        }
        match end {
            End::Leave(leave) => return Next::Leave(leave),
            End::Broken => self.drain(&mut connection.stream),
            End::Partial => {}
        }
        if connection.is_last {
            return Next::Close;
        }
        if at < filled {
            connection.input.extend_from_slice(&self.input[at..filled]);
            connection
                .head_due_ms
                .get_or_insert(desk.now_ms + HEAD_TIMEOUT_MS);
        }
        Next::Read
    }

    /// Sends the answers, and leaves to the connection what cannot be sent now; false if it is gone.
    fn send(&mut self, connection: &mut Connection, desk: &mut Desk<'_>) -> bool {
        if self.output.is_empty() {
            return true;
        }
        let sent = match connection.stream.write(&self.output) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return false,
        };
        desk.counters.bytes_out_http.add(sent as u64);
        if sent < self.output.len() {
            connection.output = self.output[sent..].to_vec();
            connection.sent = 0;
        }
        self.output.clear();
        true
    }

    /// Reads what is there before closing: bytes left unread would reset the connection and take the
    /// answer with it.
    fn drain(&mut self, stream: &mut TcpStream) {
        const READS_MAX: usize = 16;
        if stream.shutdown(Shutdown::Write).is_ok() {
            let more = |_: &usize| matches!(stream.read(&mut self.input), Ok(1..));
            (0..READS_MAX).take_while(more).count();
        }
    }

    fn leave(&mut self, stream: TcpStream, leave: Leave, desk: &mut Desk<'_>) {
        self.output.clear();
        let returned = match leave {
            Leave::HandOver { from, to } => {
                let returned = self.shared.handoff.leave(stream, &self.input[from..to]);
                if returned.is_ok() {
                    desk.counters.handed_over.one();
                } else {
                    desk.counters.not_handed_over.one();
                    plain(
                        &mut self.output,
                        Status::Unavailable,
                        "too many visitors wait",
                    );
                }
                returned
            }
            Leave::FullScrape(scrape) => {
                desk.counters.scrapes_http.one();
                let returned = full_scrape::start(&self.shared, stream, scrape);
                if returned.is_err() {
                    let mut body = Vec::new();
                    failure(
                        &mut body,
                        &Refusal::passing("another full scrape is running", 1),
                    );
                    answer_head(&mut self.output, body.len(), false, false);
                    self.output.extend_from_slice(&body);
                }
                returned
            }
        };
        if let Err(mut stream) = returned {
            let sent = stream.write(&self.output).unwrap_or(0);
            desk.counters.bytes_out_http.add(sent as u64);
            self.drain(&mut stream);
        }
    }
}

fn interest(next: Next) -> Interest {
    match next {
        Next::Write => Interest::Write,
        Next::Read | Next::Close | Next::Leave(_) => Interest::Read,
    }
}

fn deadline_ms(connection: &Connection, next: Next, now_ms: u64) -> u64 {
    match (next, connection.head_due_ms, connection.requests) {
        (Next::Write, _, _) => now_ms + SEND_TIMEOUT_MS,
        (_, Some(due_ms), _) => due_ms,
        // Nothing came yet, since the connection was made.
        (_, None, 0) => now_ms + HEAD_TIMEOUT_MS,
        (_, None, _) => now_ms + IDLE_TIMEOUT_MS,
    }
}

/// A connection's place as a number for `epoll`, apart from those of the worker's own sockets.
fn token(place: Place) -> u64 {
    CONNECTION_BIT | u64::from(place.generation) << 32 | u64::from(place.index)
}

fn place(token: u64) -> Place {
    Place {
        index: token as u32,
        generation: ((token & !CONNECTION_BIT) >> 32) as u32,
    }
}

//! TCP connections: accepted, read, answered and closed in one turn if they can be, kept if not.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::connections::{Connection, Connections, Place};
use super::counter::{Counter, Next, read};
use super::epoll::{Epoll, Interest};
use super::limits::{
    ACCEPTS_A_TURN, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, PARTY_CONNECTIONS, READ_BYTES_MAX,
    SEND_TIMEOUT_MS,
};
use super::sockets::accept;
use super::worker::{CONNECTION_BIT, Shared};
use crate::answer::Desk;
use crate::answer::http::{Admitted, admit};
use crate::wire::limits::HTTP_HEAD_BYTES_MAX;

/// A connection in its turn.
struct Guest {
    connection: Connection,
    /// None of one that was just accepted.
    place: Option<Place>,
    /// The bytes of its input, or what comes next where there is nothing to answer.
    filled: Result<usize, Next>,
}

pub(super) struct Reception {
    connections: Connections,
    /// Those that are read and answered together.
    party: Vec<Guest>,
    /// One of each guest.
    inputs: Box<[Box<[u8]>]>,
    counter: Counter,
}

impl Reception {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let input = || vec![0; HTTP_HEAD_BYTES_MAX + READ_BYTES_MAX].into_boxed_slice();
        Self {
            connections: Connections::new(shared.connections_max),
            party: Vec::with_capacity(PARTY_CONNECTIONS),
            inputs: (0..PARTY_CONNECTIONS).map(|_| input()).collect(),
            counter: Counter::new(shared),
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
        let mut result = Ok(());
        for _ in 0..ACCEPTS_A_TURN {
            match accept(listener) {
                Ok((stream, source)) => {
                    desk.counters.connections_http.one();
                    self.invite(Connection::new(stream, source), None, epoll, desk);
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => break,
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        // Most guests leave when they are answered, and their descriptors are free then.
                        let were_guests = !self.party.is_empty();
                        self.serve(epoll, desk);
                        if !were_guests && !self.evict(desk) {
                            result = Err(error);
                            break;
                        }
                    }
                    // The connection was gone before it was accepted.
                    _ => {}
                },
            }
        }
        self.serve(epoll, desk);
        result
    }

    /// The turn of kept connections that can be read, or written if they wait for that.
    pub(super) fn turn(
        &mut self,
        tokens: impl Iterator<Item = u64>,
        epoll: &Epoll,
        desk: &mut Desk<'_>,
    ) {
        for token in tokens {
            let place = place(token);
            let Some(mut connection) = self.connections.take(place) else {
                continue;
            };
            if connection.is_sending() {
                let held = std::mem::take(&mut connection.input);
                let next = self.counter.resume(&mut connection, &held, desk);
                let is_changed = !connection.is_sending();
                self.settle(
                    connection,
                    Some(place),
                    next,
                    is_changed,
                    &held,
                    epoll,
                    desk,
                );
            } else {
                self.invite(connection, Some(place), epoll, desk);
            }
        }
        self.serve(epoll, desk);
    }

    fn invite(
        &mut self,
        connection: Connection,
        place: Option<Place>,
        epoll: &Epoll,
        desk: &mut Desk<'_>,
    ) {
        self.party.push(Guest {
            connection,
            place,
            filled: Ok(0),
        });
        if self.party.len() == PARTY_CONNECTIONS {
            self.serve(epoll, desk);
        }
    }

    /// Reads and answers all guests.
    fn serve(&mut self, epoll: &Epoll, desk: &mut Desk<'_>) {
        // Most turns are those of packets alone.
        if self.party.is_empty() {
            return;
        }
        let mut inputs = std::mem::take(&mut self.inputs);
        let mut party = std::mem::take(&mut self.party);
        for (guest, input) in party.iter_mut().zip(&mut inputs) {
            guest.filled = read(&mut guest.connection, input, desk);
        }
        desk.refresh();
        let mut batch = [const { Admitted::Partial }; PARTY_CONNECTIONS];
        for ((guest, input), admitted) in party.iter().zip(&inputs).zip(&mut batch) {
            if let Ok(filled) = guest.filled {
                *admitted = admit(desk, guest.connection.source, &input[..filled]);
            }
        }
        for admitted in &batch[..party.len()] {
            admitted.prefetch(desk);
        }
        for admitted in &batch[..party.len()] {
            admitted.prefetch_peers(desk);
        }
        for ((guest, input), admitted) in party.drain(..).zip(&inputs).zip(batch) {
            let Guest {
                mut connection,
                place,
                filled,
            } = guest;
            let (next, input) = match filled {
                Ok(filled) => {
                    let input = &input[..filled];
                    let next = self.counter.answer(&mut connection, input, admitted, desk);
                    (next, input)
                }
                Err(next) => (next, &[][..]),
            };
            let is_changed = connection.is_sending();
            self.settle(connection, place, next, is_changed, input, epoll, desk);
        }
        self.party = party;
        self.inputs = inputs;
    }

    /// Keeps a connection or lets it go, after its turn.
    #[allow(clippy::too_many_arguments)] // a turn knows all of this, and only a turn ends here
    fn settle(
        &mut self,
        connection: Connection,
        place: Option<Place>,
        next: Next,
        is_changed: bool,
        input: &[u8],
        epoll: &Epoll,
        desk: &mut Desk<'_>,
    ) {
        match (next, place) {
            (Next::Close, None) => {}
            (Next::Close, Some(place)) => self.connections.free(place),
            (Next::Leave(leave), None) => {
                self.counter.leave(connection.stream, leave, input, desk);
            }
            (Next::Leave(leave), Some(place)) => {
                self.connections.free(place);
                if epoll.remove(&connection.stream).is_ok() {
                    self.counter.leave(connection.stream, leave, input, desk);
                }
            }
            (Next::Read | Next::Write, None) => self.keep(connection, next, epoll, desk),
            (Next::Read | Next::Write, Some(place)) => {
                let is_watched = !is_changed
                    || epoll
                        .change(&connection.stream, token(place), interest(next))
                        .is_ok();
                if is_watched {
                    let deadline_ms = deadline_ms(&connection, next, desk.now_ms);
                    self.connections.put(place, connection, deadline_ms);
                } else {
                    self.connections.free(place);
                }
            }
        }
    }

    fn keep(&mut self, connection: Connection, next: Next, epoll: &Epoll, desk: &mut Desk<'_>) {
        if self.connections.is_full() {
            self.evict(desk);
        }
        let place = self.connections.reserve();
        if epoll
            .add(&connection.stream, token(place), interest(next))
            .is_ok()
        {
            let deadline_ms = deadline_ms(&connection, next, desk.now_ms);
            self.connections.put(place, connection, deadline_ms);
        } else {
            self.connections.free(place);
        }
    }

    /// Closes the least active connection, if there is one.
    fn evict(&mut self, desk: &mut Desk<'_>) -> bool {
        let least = self.connections.least_active();
        let evicted = least.and_then(|place| self.connections.remove(place));
        desk.counters.evicted_http.add(u64::from(evicted.is_some()));
        evicted.is_some()
    }

    pub(super) fn close_due(&mut self, desk: &mut Desk<'_>) {
        let closed = self.connections.close_due(desk.now_ms);
        desk.counters.timed_out_http.add(closed as u64);
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

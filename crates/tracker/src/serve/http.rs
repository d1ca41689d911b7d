//! TCP connections: accepted, read, answered and closed in one turn if they can be, kept if not.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::connections::{Connection, Connections, Place};
use super::epoll::{Epoll, Interest};
use super::http_answers::{HttpAnswers, Next, read};
use super::limits::{
    ACCEPTS_A_TURN, BATCH_CONNECTIONS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, READ_BYTES_MAX,
    SEND_TIMEOUT_MS,
};
use super::sockets::accept;
use super::timed::Timed;
use super::worker::{CONNECTION_BIT, Shared};
use crate::answer::Context;
use crate::answer::http::{Admitted, admit};
use crate::counters::Protocol;
use crate::wire::limits::HTTP_HEAD_BYTES_MAX;

/// A connection that can be read.
struct Ready {
    connection: Connection,
    /// None of one that was just accepted.
    place: Option<Place>,
    /// The bytes of its input, or what comes next where there is nothing to answer.
    filled: Result<usize, Next>,
}

pub(super) struct HttpServer {
    connections: Connections,
    /// Those that are read and answered together.
    batch: Vec<Ready>,
    /// One for each connection of a batch.
    inputs: Box<[Box<[u8]>]>,
    answers: HttpAnswers,
    timed: Timed,
}

impl HttpServer {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let input = || vec![0; HTTP_HEAD_BYTES_MAX + READ_BYTES_MAX].into_boxed_slice();
        Self {
            connections: Connections::new(shared.connections_max),
            batch: Vec::with_capacity(BATCH_CONNECTIONS),
            inputs: (0..BATCH_CONNECTIONS).map(|_| input()).collect(),
            answers: HttpAnswers::new(shared),
            timed: Timed::default(),
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
        context: &mut Context<'_>,
    ) -> io::Result<()> {
        let mut result = Ok(());
        for _ in 0..ACCEPTS_A_TURN {
            match accept(listener) {
                Ok((stream, source)) => {
                    context.counters.connections_http.one();
                    self.gather(Connection::new(stream, source), None, epoll, context);
                }
                Err(Errno::AGAIN) => break,
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    // Most connections leave when they are answered, and their descriptors are free then.
                    let were_any = !self.batch.is_empty();
                    self.serve(epoll, context);
                    if !were_any && !self.evict(context) {
                        result = Err(error.into());
                        break;
                    }
                }
                // The connection was gone before it was accepted.
                Err(_) => {}
            }
        }
        self.serve(epoll, context);
        result
    }

    /// The turn of kept connections that can be read, or written if they wait for that.
    pub(super) fn turn(
        &mut self,
        tokens: impl Iterator<Item = u64>,
        epoll: &Epoll,
        context: &mut Context<'_>,
    ) {
        for token in tokens {
            let place = place(token);
            let Some(mut connection) = self.connections.take(place) else {
                continue;
            };
            if connection.is_sending() {
                let held = std::mem::take(&mut connection.input);
                let next = self.answers.resume(&mut connection, &held, context);
                let is_changed = !connection.is_sending();
                self.settle(
                    connection,
                    Some(place),
                    next,
                    is_changed,
                    &held,
                    epoll,
                    context,
                );
            } else {
                self.gather(connection, Some(place), epoll, context);
            }
        }
        self.serve(epoll, context);
    }

    /// Goes on with connections that come back from the web application, and with what was read of them.
    ///
    /// Each is as one that was answered here: what it asked for before makes no difference.
    pub(super) fn take_back(
        &mut self,
        returned: Vec<(OwnedFd, Vec<u8>)>,
        epoll: &Epoll,
        context: &mut Context<'_>,
    ) {
        for (fd, held) in returned {
            let stream = TcpStream::from(fd);
            // Who is gone meanwhile has no address any more.
            let Ok(source) = stream.peer_addr() else {
                continue;
            };
            context.counters.handed_back.one();
            let mut connection = Connection::new(stream, source.ip());
            connection.requests = 1;
            let next = self.answers.resume(&mut connection, &held, context);
            self.settle(connection, None, next, false, &held, epoll, context);
        }
    }

    fn gather(
        &mut self,
        connection: Connection,
        place: Option<Place>,
        epoll: &Epoll,
        context: &mut Context<'_>,
    ) {
        self.batch.push(Ready {
            connection,
            place,
            filled: Ok(0),
        });
        if self.batch.len() == BATCH_CONNECTIONS {
            self.serve(epoll, context);
        }
    }

    /// Reads and answers all that are ready.
    fn serve(&mut self, epoll: &Epoll, context: &mut Context<'_>) {
        // Most turns are those of packets alone.
        if self.batch.is_empty() {
            return;
        }
        let began = self.timed.begin();
        let connections = self.batch.len();
        let mut inputs = std::mem::take(&mut self.inputs);
        let mut batch = std::mem::take(&mut self.batch);
        for (ready, input) in batch.iter_mut().zip(&mut inputs) {
            ready.filled = read(&mut ready.connection, input, context);
        }
        context.refresh();
        let mut requests = [const { Admitted::Partial }; BATCH_CONNECTIONS];
        for ((ready, input), admitted) in batch.iter().zip(&inputs).zip(&mut requests) {
            if let Ok(filled) = ready.filled {
                *admitted = admit(context, ready.connection.source, &input[..filled]);
            }
        }
        for admitted in &requests[..batch.len()] {
            admitted.prefetch(context);
        }
        for admitted in &requests[..batch.len()] {
            admitted.prefetch_peers(context);
        }
        for ((ready, input), admitted) in batch.drain(..).zip(&inputs).zip(requests) {
            let Ready {
                mut connection,
                place,
                filled,
            } = ready;
            let (next, input) = match filled {
                Ok(filled) => {
                    let input = &input[..filled];
                    let next = self
                        .answers
                        .answer(&mut connection, input, admitted, context);
                    (next, input)
                }
                Err(next) => (next, &[][..]),
            };
            let is_changed = connection.is_sending();
            self.settle(connection, place, next, is_changed, input, epoll, context);
        }
        self.batch = batch;
        self.inputs = inputs;
        if let Some(began) = began {
            let latency = context.counters.latency(Protocol::Http);
            latency.add(began.elapsed(), connections);
        }
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
        context: &mut Context<'_>,
    ) {
        match (next, place) {
            (Next::Close, None) => {}
            (Next::Close, Some(place)) => self.connections.free(place),
            (Next::Leave(leave), None) => {
                self.answers.leave(connection.stream, leave, input, context);
            }
            (Next::Leave(leave), Some(place)) => {
                self.connections.free(place);
                if epoll.remove(&connection.stream).is_ok() {
                    self.answers.leave(connection.stream, leave, input, context);
                }
            }
            (Next::Read | Next::Write, None) => self.keep(connection, next, epoll, context),
            (Next::Read | Next::Write, Some(place)) => {
                let is_watched = !is_changed
                    || epoll
                        .change(&connection.stream, token(place), interest(next))
                        .is_ok();
                if is_watched {
                    let deadline_ms = deadline_ms(&connection, next, context.now_ms);
                    self.connections.put(place, connection, deadline_ms);
                } else {
                    self.connections.free(place);
                }
            }
        }
    }

    fn keep(
        &mut self,
        connection: Connection,
        next: Next,
        epoll: &Epoll,
        context: &mut Context<'_>,
    ) {
        if self.connections.is_full() {
            self.evict(context);
        }
        let place = self.connections.reserve();
        if epoll
            .add(&connection.stream, token(place), interest(next))
            .is_ok()
        {
            let deadline_ms = deadline_ms(&connection, next, context.now_ms);
            self.connections.put(place, connection, deadline_ms);
        } else {
            self.connections.free(place);
        }
    }

    /// Closes the least active connection, if there is one.
    fn evict(&mut self, context: &mut Context<'_>) -> bool {
        let least = self.connections.least_active();
        let evicted = least.and_then(|place| self.connections.remove(place));
        context
            .counters
            .evicted_http
            .add(u64::from(evicted.is_some()));
        evicted.is_some()
    }

    pub(super) fn close_due(&mut self, context: &mut Context<'_>) {
        let closed = self.connections.close_due(context.now_ms);
        context.counters.timed_out_http.add(closed as u64);
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

//! Where the requests of a connection are read and answered, and what cannot be sent at once is left.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use super::connections::Connection;
use super::full_scrape;
use super::limits::{HEAD_TIMEOUT_MS, PENDING_BYTES_MAX, REQUESTS_A_CONNECTION_MAX};
use super::worker::Shared;
use crate::answer::Context;
use crate::answer::http::{Admitted, FullScrape, Outcome, Scratch, admit, answer};
use crate::counters::{Asked, Protocol};
use crate::wire::http::{Status, answer_head, failure, plain};
use crate::wire::{Cause, Refusal};

/// What a connection waits for after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Read,
    Write,
    Close,
    /// It went to the web application, or to a thread of its own.
    Leave(Leave),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    HandOver { from: usize, to: usize },
    FullScrape(FullScrape),
}

/// Why no more requests of an input are answered.
enum End {
    Partial,
    Broken,
    Leave(Leave),
}

/// What a connection borrows for its answers.
pub(super) struct HttpAnswers {
    shared: Arc<Shared>,
    output: Vec<u8>,
    scratch: Scratch,
}

impl HttpAnswers {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            output: Vec::with_capacity(PENDING_BYTES_MAX),
            scratch: Scratch::new(shared.policy.peers_per_answer_max),
        }
    }

    /// Sends what is left of earlier answers, and then goes on with the requests `held` meanwhile.
    pub(super) fn resume(
        &mut self,
        connection: &mut Connection,
        held: &[u8],
        context: &mut Context<'_>,
    ) -> Next {
        let unsent = &connection.output[connection.sent..];
        match write(&mut connection.stream, unsent, context) {
            Ok(count) => connection.sent += count,
            Err(_) => return Next::Close,
        }
        if connection.is_sending() {
            connection.input.extend_from_slice(held);
            return Next::Write;
        }
        connection.output = Vec::new();
        connection.sent = 0;
        if connection.is_last {
            return Next::Close;
        }
        let admitted = admit(context, connection.source, held);
        self.answer(connection, held, admitted, context)
    }

    /// Answers the requests of an input, of which the first is admitted; what is left the connection keeps.
    pub(super) fn answer<'i>(
        &mut self,
        connection: &mut Connection,
        input: &'i [u8],
        mut admitted: Admitted<'i>,
        context: &mut Context<'_>,
    ) -> Next {
        self.output.clear();
        let mut at = 0;
        let mut end = End::Partial;
        loop {
            let outcome = answer(
                context,
                admitted,
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
                        to: input.len(),
                    });
                    break;
                }
                Outcome::FullScrape(scrape) => {
                    end = End::Leave(Leave::FullScrape(scrape));
                    break;
                }
            }
            if self.output.len() >= PENDING_BYTES_MAX {
                if !self.send(connection, context) {
                    return Next::Close;
                }
                if connection.is_sending() {
                    break;
                }
            }
            if at == input.len() || connection.is_last {
                break;
            }
            admitted = admit(context, connection.source, &input[at..]);
        }
        if !connection.is_sending() && !self.send(connection, context) {
            return Next::Close;
        }
        if connection.is_sending() {
            connection.input.extend_from_slice(&input[at..]);
            return Next::Write;
        }
        match end {
            End::Leave(leave) => return Next::Leave(leave),
            End::Broken => drain(&mut connection.stream),
            End::Partial => {}
        }
        if connection.is_last {
            return Next::Close;
        }
        if at < input.len() {
            connection.input.extend_from_slice(&input[at..]);
            connection
                .head_due_ms
                .get_or_insert(context.now_ms + HEAD_TIMEOUT_MS);
        }
        Next::Read
    }

    /// Sends the answers, and leaves to the connection what cannot be sent now; false if it is gone.
    fn send(&mut self, connection: &mut Connection, context: &mut Context<'_>) -> bool {
        if self.output.is_empty() {
            return true;
        }
        let Ok(sent) = write(&mut connection.stream, &self.output, context) else {
            return false;
        };
        if sent < self.output.len() {
            connection.output = self.output[sent..].to_vec();
            connection.sent = 0;
        }
        self.output.clear();
        true
    }

    pub(super) fn leave(
        &mut self,
        stream: TcpStream,
        leave: Leave,
        input: &[u8],
        context: &mut Context<'_>,
    ) {
        self.output.clear();
        let returned = match leave {
            Leave::HandOver { from, to } => {
                let returned = self.shared.handoff.leave(stream, &input[from..to]);
                if returned.is_ok() {
                    context.counters.handed_over.one();
                } else {
                    context.counters.not_handed_over.one();
                    plain(
                        &mut self.output,
                        Status::Unavailable,
                        "too many visitors wait",
                    );
                }
                returned
            }
            Leave::FullScrape(scrape) => {
                let returned = full_scrape::start(&self.shared, stream, scrape);
                let counts = context.counters.requests(Protocol::Http, scrape.is_v6);
                if returned.is_ok() {
                    counts.answer(Asked::Scrape);
                } else {
                    counts.refuse(Asked::Scrape, Cause::FullScrape);
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
            // What does not go at once is lost with the connection.
            let _sent = write(&mut stream, &self.output, context);
            drain(&mut stream);
        }
    }
}

/// Reads once, behind what the connection held back: the bytes that are there then.
pub(super) fn read(
    connection: &mut Connection,
    input: &mut [u8],
    context: &Context<'_>,
) -> Result<usize, Next> {
    let held = connection.input.len();
    input[..held].copy_from_slice(&connection.input);
    match connection.stream.read(&mut input[held..]) {
        Ok(0) => Err(Next::Close),
        Ok(count) => {
            context.counters.bytes_in_http.add(count as u64);
            connection.input.clear();
            Ok(held + count)
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Err(Next::Read),
            _ => Err(Next::Close),
        },
    }
}

/// Writes what the client's window takes now, and says how much that is.
fn write(stream: &mut TcpStream, bytes: &[u8], context: &Context<'_>) -> io::Result<usize> {
    match stream.write(bytes) {
        Ok(count) => {
            context.counters.bytes_out_http.add(count as u64);
            Ok(count)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}

/// Reads what is there before closing: bytes left unread would reset the connection and take the
/// answer with it.
fn drain(stream: &mut TcpStream) {
    const READS_MAX: usize = 64;
    if stream.shutdown(Shutdown::Write).is_ok() {
        let mut unread = [0; 8192];
        let more = |_: &usize| matches!(stream.read(&mut unread), Ok(1..));
        (0..READS_MAX).take_while(more).count();
    }
}

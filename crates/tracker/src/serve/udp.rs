//! A packet socket's turn: batches in, answers out.

use std::os::fd::OwnedFd;

use super::limits::{BATCH_PACKETS, BATCHES_A_TURN};
use super::mmsg::{Answers, Requests};
use super::timed::Timed;
use crate::answer::Context;
use crate::answer::udp::{Admitted, admit, answer};
use crate::counters::Protocol;

/// Announces between asking memory for the peers of one and reading them: enough to wait for the
/// slowest memory, and few enough for the nearest cache to hold them all.
const AHEAD: usize = 4;

/// The buffers of a worker's packets, shared by its sockets.
pub(super) struct UdpServer {
    requests: Requests,
    answers: Answers,
    timed: Timed,
}

impl UdpServer {
    pub(super) fn new() -> Self {
        Self {
            requests: Requests::new(),
            answers: Answers::new(),
            timed: Timed::default(),
        }
    }

    /// Answers what waits at the socket, within the bounds of a turn.
    pub(super) fn turn(&mut self, fd: &OwnedFd, context: &mut Context<'_>) {
        for _ in 0..BATCHES_A_TURN {
            // Without a packet there is an error of the socket, which is forgotten by being read.
            let Ok(count) = self.requests.receive(fd) else {
                break;
            };
            let began = self.timed.begin();
            context.refresh();
            self.answer(count, context);
            let sent = self.answers.send(fd, &mut self.requests);
            context.counters.bytes_out_udp.add(sent.bytes);
            context.counters.unsent_udp.add(sent.unsent);
            if let Some(began) = began {
                context
                    .counters
                    .latency(Protocol::Udp)
                    .add(began.elapsed(), count);
            }
            if count < BATCH_PACKETS {
                break;
            }
        }
    }

    fn answer(&mut self, count: usize, context: &mut Context<'_>) {
        let (requests, answers) = (&self.requests, &mut self.answers);
        let mut bytes_in = 0;
        let mut batch = [const { Admitted::Dropped }; BATCH_PACKETS];
        for (at, admitted) in batch[..count].iter_mut().enumerate() {
            let packet = requests.packet(at);
            bytes_in += packet.len() as u64;
            *admitted = admit(context, packet, requests.source(at), answers.answer(at));
        }
        for admitted in &batch[..count] {
            admitted.prefetch(context);
        }
        let ahead = AHEAD.min(count);
        for admitted in &batch[..ahead] {
            admitted.prefetch_peers(context);
        }
        for at in 0..count {
            if let Some(admitted) = batch[..count].get(at + ahead) {
                admitted.prefetch_peers(context);
            }
            let admitted = std::mem::replace(&mut batch[at], Admitted::Dropped);
            let length = answer(context, admitted, requests.source(at), answers.answer(at));
            if length > 0 {
                answers.queue(requests, at, length);
            }
        }
        context.counters.bytes_in_udp.add(bytes_in);
    }
}

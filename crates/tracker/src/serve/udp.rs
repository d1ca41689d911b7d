//! A packet socket's turn: batches in, answers out.

use std::os::fd::OwnedFd;

use super::limits::{BATCH_PACKETS, BATCHES_A_TURN};
use super::mmsg::{Inbox, Outbox};
use crate::answer::Desk;
use crate::answer::udp::{Admitted, admit, answer};

/// Announces between asking memory for the peers of one and reading them: enough to wait for the
/// slowest memory, and few enough for the nearest cache to hold them all.
const AHEAD: usize = 4;

/// The buffers of a worker's packets, shared by its sockets.
pub(super) struct Mailroom {
    inbox: Inbox,
    outbox: Outbox,
}

impl Mailroom {
    pub(super) fn new() -> Self {
        Self {
            inbox: Inbox::new(),
            outbox: Outbox::new(),
        }
    }

    /// Answers what waits at the socket, within the bounds of a turn.
    pub(super) fn turn(&mut self, fd: &OwnedFd, desk: &mut Desk<'_>) {
        for _ in 0..BATCHES_A_TURN {
            // Without a packet there is an error of the socket, which is forgotten by being read.
            let Ok(count) = self.inbox.receive(fd) else {
                break;
            };
            desk.refresh();
            self.answer(count, desk);
            let sent = self.outbox.send(fd, &mut self.inbox);
            desk.counters.bytes_out_udp.add(sent.bytes);
            desk.counters.unsent_udp.add(sent.unsent);
            if count < BATCH_PACKETS {
                break;
            }
        }
    }

    fn answer(&mut self, count: usize, desk: &mut Desk<'_>) {
        let (inbox, outbox) = (&self.inbox, &mut self.outbox);
        let mut bytes_in = 0;
        let mut batch = [const { Admitted::Dropped }; BATCH_PACKETS];
        for (at, admitted) in batch[..count].iter_mut().enumerate() {
            let packet = inbox.packet(at);
            bytes_in += packet.len() as u64;
            *admitted = admit(desk, packet, inbox.source(at), outbox.answer(at));
        }
        for admitted in &batch[..count] {
            admitted.prefetch(desk);
        }
        let ahead = AHEAD.min(count);
        for admitted in &batch[..ahead] {
            admitted.prefetch_peers(desk);
        }
        for at in 0..count {
            if let Some(admitted) = batch[..count].get(at + ahead) {
                admitted.prefetch_peers(desk);
            }
            let admitted = std::mem::replace(&mut batch[at], Admitted::Dropped);
            let length = answer(desk, admitted, inbox.source(at), outbox.answer(at));
            if length > 0 {
                outbox.queue(inbox, at, length);
            }
        }
        desk.counters.bytes_in_udp.add(bytes_in);
    }
}

//! The limit over UDP: `epoll_wait`, `recvmmsg`, `sendmmsg`, and the transaction id copied.

use std::convert::Infallible;
use std::io;
use std::net::UdpSocket;

use crate::sys::batch::{Batch, MESSAGES};
use crate::sys::poller::Poller;
use crate::wire::udp;

const REQUEST_BYTES: usize = 2048;
const ANSWER_BYTES: usize = 4096;
const CONNECT: u8 = udp::CONNECT as u8;
const ANNOUNCE: u8 = udp::ANNOUNCE as u8;
const SCRAPE: u8 = udp::SCRAPE as u8;

/// Batches taken in a row before the other sockets of a real tracker would have their turn.
const BATCHES_MAX: usize = 4;

/// Serves until the process is ended.
pub(crate) fn serve(socket: &UdpSocket, peers_in_answer: usize) -> io::Result<Infallible> {
    let peer_bytes = if socket.local_addr()?.is_ipv4() {
        6
    } else {
        18
    };
    let announce_bytes = 20 + peers_in_answer * peer_bytes;
    let mut poller = Poller::new()?;
    poller.watch(socket, 0)?;
    let (mut inbox, mut outbox) = (
        Batch::addressed(REQUEST_BYTES),
        Batch::addressed(ANSWER_BYTES),
    );
    for index in 0..MESSAGES {
        can(outbox.buffer_mut(index), peers_in_answer);
    }
    loop {
        poller.wait()?.for_each(drop);
        for _ in 0..BATCHES_MAX {
            let received = inbox.receive(socket)?;
            let mut answers = 0;
            for index in 0..received {
                let request = inbox.received(index);
                if let Some(length) = answer(request, outbox.buffer_mut(answers), announce_bytes) {
                    outbox.set_length(answers, length);
                    outbox.reply_to(answers, &inbox, index);
                    answers += 1;
                }
            }
            if answers > 0 {
                outbox.send(socket, answers)?;
            }
            if received < MESSAGES {
                break;
            }
        }
    }
}

/// Fills in what does not change: counts that are plausible for the peers.
fn can(buffer: &mut [u8], peers_in_answer: usize) {
    buffer.fill(1);
    buffer[..3].fill(0);
    buffer[8..12].copy_from_slice(&1800u32.to_be_bytes());
    buffer[12..16].fill(0);
    buffer[16..20].copy_from_slice(&(peers_in_answer as u32).to_be_bytes());
}

fn answer(request: &[u8], buffer: &mut [u8], announce_bytes: usize) -> Option<usize> {
    let action = *request.get(11)?;
    buffer[3] = action;
    buffer[4..8].copy_from_slice(request.get(12..16)?);
    match action {
        CONNECT => Some(udp::CONNECT_BYTES),
        ANNOUNCE => Some(announce_bytes),
        SCRAPE => Some(8 + (request.len() - udp::SCRAPE_HEAD_BYTES) / 20 * 12),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{answer, can};
    use crate::wire::udp::{self, Answer};

    #[test]
    fn canned_answers_are_read_as_real_ones() {
        let (mut request, mut buffer) = ([0; 256], [0; 512]);
        can(&mut buffer, 30);
        let length = udp::write_connect(&mut request, 5);
        let length = answer(&request[..length], &mut buffer, 200).expect("an action");
        assert!(matches!(
            udp::read(&buffer[..length], 6),
            Some((5, Answer::Connect { .. }))
        ));
        let torrents = [[0; 20]; 4].into_iter();
        let length = udp::write_scrape(&mut request, 1, 6, torrents);
        let length = answer(&request[..length], &mut buffer, 200).expect("an action");
        let scrape = Answer::Scrape { torrents: 4 };
        assert_eq!(udp::read(&buffer[..length], 6), Some((6, scrape)));
        request[11] = 1;
        let length = answer(&request[..98], &mut buffer, 200).expect("an action");
        let announce = Answer::Announce {
            leechers: 0,
            seeders: 30,
            peers: 30,
        };
        assert_eq!(udp::read(&buffer[..length], 6), Some((6, announce)));
        assert_eq!(answer(&request[..15], &mut buffer, 200), None);
    }
}

//! BEP 15, the UDP tracker protocol, from the client's side. All integers are big-endian.
//!
//! | packet           | bytes    | offsets                                                       |
//! | ---------------- | -------- | ------------------------------------------------------------- |
//! | connect request  | 16       | 0 magic, 8 action 0, 12 transaction id                        |
//! | connect answer   | 16       | 0 action 0, 4 transaction id, 8 connection id                 |
//! | announce request | 98       | 0 connection id, 8 action 1, 12 transaction id, 16 infohash,  |
//! |                  |          | 36 peer id, 56 downloaded, 64 left, 72 uploaded, 80 event,    |
//! |                  |          | 84 address, 88 key, 92 numwant, 96 port                       |
//! | announce answer  | 20 + 6 n | 0 action 1, 4 transaction id, 8 interval, 12 leechers,        |
//! |                  | (18 n)   | 16 seeders, 20 peers                                          |
//! | scrape request   | 16 + 20 n| 0 connection id, 8 action 2, 12 transaction id, 16 infohashes |
//! | scrape answer    | 8 + 12 n | 0 action 2, 4 transaction id, 8 seeders, completed, leechers  |
//! | error answer     | 8 + text | 0 action 3, 4 transaction id, 8 text                          |

use crate::population::Infohash;

pub(crate) const CONNECT_BYTES: usize = 16;
pub(crate) const ANNOUNCE_BYTES: usize = 98;
pub(crate) const SCRAPE_HEAD_BYTES: usize = 16;

const MAGIC: u64 = 0x0417_2710_1980;

pub(crate) const CONNECT: u32 = 0;
pub(crate) const ANNOUNCE: u32 = 1;
pub(crate) const SCRAPE: u32 = 2;
const ERROR: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announce {
    pub(crate) connection: u64,
    pub(crate) transaction: u32,
    pub(crate) infohash: Infohash,
    pub(crate) peer_id: [u8; 20],
    pub(crate) left: u64,
    pub(crate) event: u32,
    pub(crate) numwant: u32,
    pub(crate) port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    Connect {
        connection: u64,
    },
    Announce {
        leechers: u32,
        seeders: u32,
        peers: usize,
    },
    Scrape {
        torrents: usize,
    },
    Error {
        text: &'a [u8],
    },
}

pub(crate) fn write_connect(packet: &mut [u8], transaction: u32) -> usize {
    write_head(packet, MAGIC, CONNECT, transaction);
    CONNECT_BYTES
}

pub(crate) fn write_announce(packet: &mut [u8], announce: &Announce) -> usize {
    write_head(packet, announce.connection, ANNOUNCE, announce.transaction);
    packet[16..36].copy_from_slice(&announce.infohash);
    packet[36..56].copy_from_slice(&announce.peer_id);
    packet[56..64].copy_from_slice(&50u64.to_be_bytes());
    packet[64..72].copy_from_slice(&announce.left.to_be_bytes());
    packet[72..80].copy_from_slice(&50u64.to_be_bytes());
    packet[80..84].copy_from_slice(&announce.event.to_be_bytes());
    packet[84..92].fill(0);
    packet[92..96].copy_from_slice(&announce.numwant.to_be_bytes());
    packet[96..98].copy_from_slice(&announce.port.to_be_bytes());
    ANNOUNCE_BYTES
}

pub(crate) fn write_scrape(
    packet: &mut [u8],
    connection: u64,
    transaction: u32,
    torrents: impl Iterator<Item = Infohash>,
) -> usize {
    write_head(packet, connection, SCRAPE, transaction);
    let mut length = SCRAPE_HEAD_BYTES;
    for infohash in torrents {
        packet[length..length + 20].copy_from_slice(&infohash);
        length += 20;
    }
    length
}

fn write_head(packet: &mut [u8], connection: u64, action: u32, transaction: u32) {
    packet[..8].copy_from_slice(&connection.to_be_bytes());
    packet[8..12].copy_from_slice(&action.to_be_bytes());
    packet[12..16].copy_from_slice(&transaction.to_be_bytes());
}

/// Reads an answer into its transaction id and what it says; `None` when no tracker would send it.
///
/// `peer_bytes` is 6 over IPv4 and 18 over IPv6.
pub(crate) fn read(packet: &[u8], peer_bytes: usize) -> Option<(u32, Answer<'_>)> {
    let word = |offset: usize| {
        let bytes = packet.get(offset..offset + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    let (action, transaction) = (word(0)?, word(4)?);
    let answer = match (action, packet.len()) {
        (CONNECT, CONNECT_BYTES) => Answer::Connect {
            connection: u64::from(word(8)?) << 32 | u64::from(word(12)?),
        },
        (ANNOUNCE, 20..) if (packet.len() - 20).is_multiple_of(peer_bytes) => Answer::Announce {
            leechers: word(12)?,
            seeders: word(16)?,
            peers: (packet.len() - 20) / peer_bytes,
        },
        (SCRAPE, 8..) if (packet.len() - 8).is_multiple_of(12) => Answer::Scrape {
            torrents: (packet.len() - 8) / 12,
        },
        (ERROR, 8..) => Answer::Error { text: &packet[8..] },
        _ => return None,
    };
    Some((transaction, answer))
}

#[cfg(test)]
mod tests {
    use super::{Announce, Answer, read, write_announce, write_connect, write_scrape};

    #[test]
    fn a_connect_request_has_the_magic_the_action_and_the_transaction_id() {
        let mut packet = [0xff; 64];
        let length = write_connect(&mut packet, 0x0102_0304);
        assert_eq!(
            &packet[..length],
            b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\x01\x02\x03\x04"
        );
    }

    #[test]
    fn an_announce_request_has_each_field_at_its_offset() {
        let mut packet = [0xff; 128];
        let announce = Announce {
            connection: 0x1112_1314_1516_1718,
            transaction: 7,
            infohash: [0xaa; 20],
            peer_id: [0xbb; 20],
            left: 9,
            event: 2,
            numwant: 30,
            port: 6881,
        };
        assert_eq!(write_announce(&mut packet, &announce), 98);
        assert_eq!(&packet[..8], b"\x11\x12\x13\x14\x15\x16\x17\x18");
        assert_eq!(&packet[8..16], b"\0\0\0\x01\0\0\0\x07");
        assert!(packet[16..36].iter().all(|&byte| byte == 0xaa));
        assert!(packet[36..56].iter().all(|&byte| byte == 0xbb));
        assert_eq!(packet[71], 9);
        assert_eq!(&packet[80..84], b"\0\0\0\x02");
        assert!(packet[84..92].iter().all(|&byte| byte == 0));
        assert_eq!(&packet[92..98], b"\0\0\0\x1e\x1a\xe1");
        assert!(packet[98..].iter().all(|&byte| byte == 0xff));
    }

    #[test]
    fn a_scrape_request_carries_each_infohash() {
        let mut packet = [0; 256];
        let length = write_scrape(&mut packet, 1, 2, [[3; 20], [4; 20]].into_iter());
        assert_eq!(length, 56);
        assert_eq!(&packet[16..56], [[3; 20], [4; 20]].concat());
    }

    #[test]
    fn answers_of_each_kind_are_read() {
        let connect = b"\0\0\0\0\0\0\0\x05\x01\x02\x03\x04\x05\x06\x07\x08";
        let expected = Answer::Connect {
            connection: 0x0102_0304_0506_0708,
        };
        assert_eq!(read(connect, 6), Some((5, expected)));
        let mut announce = b"\0\0\0\x01\0\0\0\x06\0\0\x07\x08\0\0\0\x09\0\0\0\x0a".to_vec();
        announce.extend([1; 36]);
        let expected = |peers| Answer::Announce {
            leechers: 9,
            seeders: 10,
            peers,
        };
        assert_eq!(read(&announce, 6), Some((6, expected(6))));
        assert_eq!(read(&announce, 18), Some((6, expected(2))));
        let scrape = [b"\0\0\0\x02\0\0\0\x07".as_slice(), &[0; 24]].concat();
        assert_eq!(read(&scrape, 6), Some((7, Answer::Scrape { torrents: 2 })));
        let error = b"\0\0\0\x03\0\0\0\x08no";
        assert_eq!(read(error, 6), Some((8, Answer::Error { text: b"no" })));
    }

    #[test]
    fn answers_of_an_impossible_length_or_action_are_refused() {
        let lengths = [
            (0u8, 15),
            (0, 17),
            (1, 19),
            (1, 25),
            (2, 9),
            (3, 7),
            (4, 20),
        ];
        for (action, length) in lengths {
            let mut packet = vec![0; length];
            packet[3] = action;
            assert_eq!(read(&packet, 6), None, "action {action}, {length} bytes");
        }
    }

    #[test]
    fn no_short_answer_makes_the_reader_panic() {
        for action in 0..=255 {
            for length in 0..64 {
                let mut packet = vec![action; length];
                packet.iter_mut().take(3).for_each(|byte| *byte = 0);
                let _ = read(&packet, 6);
                let _ = read(&packet, 18);
            }
        }
    }
}

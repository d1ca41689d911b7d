use proptest::prelude::*;

use super::*;
use crate::model::{Announced, Counts, Event};
use crate::wire::limits::{UDP_ANSWER_BYTES_MAX, URL_DATA_BYTES_MAX};
use crate::wire::vector;

const TRANSACTION: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
const ID: u64 = 0x0102_0304_0506_0708;

fn counting_infohash() -> [u8; 20] {
    std::array::from_fn(|at| at as u8)
}

#[test]
fn bep15_the_connect_vector_is_read_and_answered() {
    let request = vector!(hex, "bep15_connect.hex", "request");
    assert_eq!(
        read(&request),
        Some(Request::Connect {
            transaction: TRANSACTION
        })
    );
    let mut out = [0; 16];
    let length = connect(&mut out, TRANSACTION, ID);
    assert_eq!(&out[..length], vector!(hex, "bep15_connect.hex", "answer"));
}

#[test]
fn bep15_a_connect_without_the_protocol_id_is_nothing() {
    let mut request = vector!(hex, "bep15_connect.hex", "request");
    request[7] ^= 1;
    assert_eq!(read(&request), None);
}

#[test]
fn bep15_the_announce_vector_is_read_and_answered() {
    let request = vector!(hex, "bep15_announce.hex", "request");
    assert_eq!(
        read(&request),
        Some(Request::Announce(Announce {
            connection_id: ID,
            transaction: TRANSACTION,
            announced: Announced {
                infohash: counting_infohash(),
                peer_id: *b"-LT2000-abcdefghijkl",
                port: 6881,
                downloaded: Some(1),
                left: 2,
                event: Event::Started,
            },
            numwant: None,
            options: &[],
        }))
    );
    let mut out = [0; 26];
    out[PEERS_AT..].copy_from_slice(b"\xc0\0\x02\x01\x1a\xe1");
    announce(&mut out, TRANSACTION, 1800, 2, 1);
    assert_eq!(out.as_slice(), vector!(hex, "bep15_announce.hex", "answer"));
}

#[test]
fn bep15_the_announce_vector_of_ipv6_has_the_same_head() {
    let answer = vector!(hex, "bep15_announce_ipv6.hex", "answer");
    let mut out = answer.clone();
    out[..PEERS_AT].fill(0);
    announce(&mut out, TRANSACTION, 1800, 2, 1);
    assert_eq!(out, answer);
}

#[test]
fn bep15_an_announce_shorter_than_98_bytes_is_nothing() {
    let request = vector!(hex, "bep15_announce.hex", "request");
    for length in 0..request.len() {
        assert_eq!(read(&request[..length]), None, "{length}");
    }
}

#[test]
fn bep15_each_event_is_read_and_an_unknown_one_is_none() {
    let mut request = vector!(hex, "bep15_announce.hex", "request");
    let mut event_of = |field: &[u8]| {
        request[80..84].copy_from_slice(field);
        match read(&request) {
            Some(Request::Announce(announce)) => announce.announced.event,
            other => panic!("{other:?}"),
        }
    };
    let none = vector!(hex, "bep15_event.hex", "none");
    let completed = vector!(hex, "bep15_event.hex", "completed");
    let started = vector!(hex, "bep15_event.hex", "started");
    let stopped = vector!(hex, "bep15_event.hex", "stopped");
    assert_eq!(event_of(&none), Event::None);
    assert_eq!(event_of(&completed), Event::Completed);
    assert_eq!(event_of(&started), Event::Started);
    assert_eq!(event_of(&stopped), Event::Stopped);
    assert_eq!(event_of(&[0, 0, 0, 5]), Event::None);
}

#[test]
fn bep21_event_4_is_paused() {
    let mut request = vector!(hex, "bep15_announce.hex", "request");
    request[80..84].copy_from_slice(&vector!(hex, "bep15_event.hex", "paused"));
    assert!(matches!(
        read(&request),
        Some(Request::Announce(announce)) if announce.announced.event == Event::Paused
    ));
}

#[test]
fn bep15_the_scrape_vector_is_read_and_answered() {
    let request = vector!(hex, "bep15_scrape.hex", "request");
    let infohashes = [counting_infohash(), [0xff; 20]];
    assert_eq!(
        read(&request),
        Some(Request::Scrape(Scrape {
            connection_id: ID,
            transaction: TRANSACTION,
            infohashes: &infohashes,
        }))
    );
    let known = Counts {
        complete: 1,
        incomplete: 2,
        downloaded: 5,
        partial: 0,
    };
    let mut out = [0; 64];
    let counts = [known, Counts::default()];
    let length = scrape(&mut out, TRANSACTION, counts.into_iter());
    assert_eq!(&out[..length], vector!(hex, "bep15_scrape.hex", "answer"));
}

#[test]
fn bep15_a_scrape_is_cut_at_74_torrents_and_needs_one() {
    let mut request = vector!(hex, "bep15_scrape.hex", "request");
    request.resize(16 + 20 * 100, 7);
    match read(&request) {
        Some(Request::Scrape(scrape)) => assert_eq!(scrape.infohashes.len(), 74),
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&request[..35]), None);
}

#[test]
fn bep15_the_error_vector_is_written_whole_where_the_request_had_room() {
    let answer = vector!(hex, "bep15_error.hex", "answer");
    let mut out = [0; UDP_ANSWER_BYTES_MAX];
    let reason = "Requested download is not authorized for use with this tracker.";
    let length = error(&mut out, TRANSACTION, reason, 98);
    assert_eq!(&out[..length], answer);
}

#[test]
fn bep15_an_error_is_never_longer_than_its_request() {
    for request_bytes in 8..60 {
        let mut out = [0; UDP_ANSWER_BYTES_MAX];
        let length = error(
            &mut out,
            TRANSACTION,
            "connection id expired",
            request_bytes,
        );
        assert!(length <= request_bytes);
    }
}

#[test]
fn bep41_url_data_is_joined_over_options_up_to_the_end() {
    let options = vector!(hex, "bep41_url_data.hex", "options");
    let mut out = [0; URL_DATA_BYTES_MAX];
    assert_eq!(
        url_data(&options, &mut out),
        vector!(hex, "bep41_url_data.hex", "url")
    );
}

#[test]
fn bep41_url_data_is_cut_at_its_limit() {
    let mut options = Vec::new();
    for _ in 0..4 {
        options.extend_from_slice(&[2, 255]);
        options.extend_from_slice(&[b'a'; 255]);
    }
    let mut out = [0; URL_DATA_BYTES_MAX];
    assert_eq!(url_data(&options, &mut out).len(), URL_DATA_BYTES_MAX);
}

proptest! {
    #[test]
    fn bep15_an_announce_is_read_as_it_was_written(
        connection_id: u64, transaction: [u8; 4], infohash: [u8; 20], peer_id: [u8; 20],
        downloaded: u64, left: u64, event in 0u32..5, numwant: i32, port: u16,
        options in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut packet = Vec::new();
        packet.extend_from_slice(&connection_id.to_be_bytes());
        packet.extend_from_slice(&1u32.to_be_bytes());
        packet.extend_from_slice(&transaction);
        packet.extend_from_slice(&infohash);
        packet.extend_from_slice(&peer_id);
        packet.extend_from_slice(&downloaded.to_be_bytes());
        packet.extend_from_slice(&left.to_be_bytes());
        packet.extend_from_slice(&0u64.to_be_bytes());
        packet.extend_from_slice(&event.to_be_bytes());
        packet.extend_from_slice(&[0; 8]);
        packet.extend_from_slice(&numwant.to_be_bytes());
        packet.extend_from_slice(&port.to_be_bytes());
        packet.extend_from_slice(&options);
        let events = [Event::None, Event::Completed, Event::Started, Event::Stopped, Event::Paused];
        let event = events[event as usize];
        prop_assert_eq!(read(&packet), Some(Request::Announce(Announce {
            connection_id, transaction,
            announced: Announced { infohash, peer_id, port, downloaded: Some(downloaded), left, event },
            numwant: u32::try_from(numwant).ok(), options: &options,
        })));
    }

    #[test]
    fn bep15_a_scrape_is_read_as_it_was_written(
        connection_id: u64, transaction: [u8; 4],
        infohashes in proptest::collection::vec(any::<[u8; 20]>(), 1..=74),
        trailing in 0usize..20,
    ) {
        let mut packet = Vec::new();
        packet.extend_from_slice(&connection_id.to_be_bytes());
        packet.extend_from_slice(&2u32.to_be_bytes());
        packet.extend_from_slice(&transaction);
        packet.extend_from_slice(infohashes.as_flattened());
        packet.resize(packet.len() + trailing, 0);
        prop_assert_eq!(read(&packet), Some(Request::Scrape(Scrape {
            connection_id, transaction, infohashes: &infohashes,
        })));
    }

    #[test]
    fn bep41_no_options_make_url_data_panic(
        options in proptest::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..600),
    ) {
        url_data(&options, &mut [0; URL_DATA_BYTES_MAX]);
    }
}

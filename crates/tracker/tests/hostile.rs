//! Strangers who send what they like: nothing breaks, nobody gets more than it sent, and others are
//! served meanwhile.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    INFOHASH, PATIENCE, UdpClient, V4, announce, announce_target, config, connect, count,
    limit_descriptors, serve, until, vector,
};
use outpour_tracker::rng::Rng;
use outpour_tracker::{Config, Tracker};

const LENGTHS: usize = 2048;
const PROTOCOL_ID: u64 = 0x417_2710_1980;
const LAST: u32 = u32::MAX;

/// Sends packets a batch at a time, each batch followed by a connect, whose answer says that all
/// before it were seen. Gives each answer with the length of the packet that it is for.
fn answers(socket: &UdpSocket, packets: &[Vec<u8>]) -> Vec<(usize, Vec<u8>)> {
    let mut answers = Vec::new();
    let connect = [&PROTOCOL_ID.to_be_bytes()[..], &[0; 4], &LAST.to_be_bytes()].concat();
    let mut answer = [0; 4096];
    for batch in packets.chunks(32) {
        for packet in batch {
            socket.send(packet).expect("a packet sent");
        }
        socket.send(&connect).expect("a packet sent");
        loop {
            let length = socket.recv(&mut answer).expect("an answer");
            let transaction: [u8; 4] = answer[4..8].try_into().expect("4 bytes");
            let transaction = u32::from_be_bytes(transaction);
            if transaction == LAST {
                break;
            }
            answers.push((transaction as usize, answer[..length].to_vec()));
        }
    }
    answers
}

/// A packet of this length with an action, and its length for a transaction id.
fn of_length(length: usize, id: u64, action: u32) -> Vec<u8> {
    let mut packet = [
        &id.to_be_bytes()[..],
        &action.to_be_bytes(),
        &(length as u32).to_be_bytes(),
    ]
    .concat();
    packet.resize(length.max(16), 0xa5);
    packet.truncate(length);
    packet
}

fn udp_socket(tracker: &Tracker) -> UdpSocket {
    let socket = UdpSocket::bind(V4).expect("a socket");
    socket.connect(tracker.udp_addresses()[0]).expect("a route");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

#[test]
fn bep15_packets_of_every_length_without_a_proven_id_get_no_more_than_they_are() {
    let tracker = serve(config());
    let socket = udp_socket(&tracker);
    for (id, action) in [
        (PROTOCOL_ID, 0),
        (PROTOCOL_ID, 1),
        (7, 1),
        (7, 2),
        (7, 3),
        (0, 0),
    ] {
        let packets: Vec<_> = (0..=LENGTHS)
            .map(|length| of_length(length, id, action))
            .collect();
        for (length, answer) in answers(&socket, &packets) {
            assert!(answer.len() <= length, "{length}: {}", answer.len());
        }
    }
    assert_eq!(count(&tracker, "torrents"), 0);
}

#[test]
fn bep15_packets_of_every_length_with_a_proven_id_are_answered_or_dropped() {
    let tracker = serve(config());
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    for action in 0..5 {
        let packets: Vec<_> = (0..=LENGTHS)
            .map(|length| of_length(length, client.id, action))
            .collect();
        let answered = answers(&client.socket, &packets);
        for (length, answer) in &answered {
            // Three of them are longer than what is read of a packet.
            let torrents = (length.min(&1536) - 16) / 20;
            let expected = match action {
                1 => 20,
                _ => 8 + 12 * torrents.min(74),
            };
            assert_eq!(answer.len(), expected, "{action}: {length}");
        }
        let first = match action {
            1 => 98,
            2 => 36,
            _ => LENGTHS + 1,
        };
        let lengths: Vec<_> = answered.iter().map(|(length, _)| *length).collect();
        assert_eq!(lengths, (first..=LENGTHS).collect::<Vec<_>>(), "{action}");
    }
}

/// Takes the connections that go to the web application, and closes them, until told to end.
fn with_a_closed_room<T>(tracker: &Tracker, run: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let closing = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                drop(tracker.take_connections());
                thread::park_timeout(Duration::from_millis(1));
            }
        });
        let result = run();
        is_over.store(true, Ordering::Relaxed);
        closing.thread().unpark();
        result
    })
}

/// All that comes back for bytes after which nothing more is sent.
fn sent_whole(http: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(http);
    let mut answer = Vec::new();
    // Whoever is closed in the middle of it may see that as an error.
    let _sent = stream.write_all(bytes);
    let _open = stream.shutdown(Shutdown::Write);
    let _read = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn http_every_byte_of_a_request_may_be_another_one() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let request = [
        b"GET /announce?".as_slice(),
        &vector!(text, "bep03_announce.txt", "query"),
        b" HTTP/1.1\r\n",
        &vector!(text, "bep03_announce.txt", "head"),
    ]
    .concat();
    with_a_closed_room(&tracker, || {
        for at in 0..request.len() {
            for byte in [
                0,
                b'\n',
                b' ',
                b'%',
                0xff,
                request[at] ^ 0x20,
                request[at] ^ 1,
            ] {
                let mut mutated = request.clone();
                mutated[at] = byte;
                let answer = sent_whole(http, &mutated);
                let is_answer =
                    answer.starts_with(b"HTTP/1.1 ") || answer.starts_with(b"HTTP/1.0 ");
                assert!(answer.is_empty() || is_answer, "{at}: {byte}");
            }
        }
    });
    assert_eq!(
        announce(http, "&left=0&info_hash=bbbbbbbbbbbbbbbbbbbb").counts(),
        (1, 0, 0)
    );
}

#[test]
fn http_a_request_may_end_anywhere() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: t\r\n\r\n",
        announce_target("&left=5")
    );
    for length in 0..request.len() {
        assert!(sent_whole(http, &request.as_bytes()[..length]).is_empty());
    }
    assert!(tracker.torrents().is_empty());
    let answer = sent_whole(http, request.as_bytes());
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(
        tracker
            .torrents()
            .iter()
            .all(|(infohash, _)| *infohash == INFOHASH)
    );
}

#[test]
fn http_however_a_stream_of_requests_is_cut_its_answers_are_the_same() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let announce = announce_target("&left=5&numwant=0");
    let requests = [
        format!("GET {announce} HTTP/1.1\r\nHost: t\r\n\r\n"),
        "\r\nGET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: t\r\nA: b\r\n\r\n"
            .to_owned(),
        format!("HEAD {announce} HTTP/1.1\nHost: t\n\n"),
        "GET /announce?info_hash=%zz HTTP/1.1\r\nHost: t\r\n\r\n".to_owned(),
        format!("GET {announce} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    ];
    let mut stream: String = requests.concat().repeat(8);
    stream += "GET /announce HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    sent_whole(http, stream.as_bytes());
    let expected = sent_whole(http, stream.as_bytes());
    let answers = String::from_utf8_lossy(&expected)
        .matches("Content-Length")
        .count();
    assert_eq!(answers, 8 * requests.len() + 1);
    let mut rng = Rng::with_seed(1);
    for longest in [1, 3, 20, 100, 500] {
        let mut connection = connect(http);
        connection.set_nodelay(true).expect("no delay");
        let mut rest = stream.as_bytes();
        while !rest.is_empty() {
            let length = (1 + rng.u32(..longest) as usize).min(rest.len());
            connection.write_all(&rest[..length]).expect("sent");
            rest = &rest[length..];
            thread::yield_now();
        }
        let mut found = Vec::new();
        connection.read_to_end(&mut found).expect("the answers");
        assert!(found == expected, "{longest}");
    }
}

/// Half of them say nothing, the others begin a request that they do not end.
#[test]
fn http_ten_thousand_idle_and_slow_connections_keep_no_honest_client_waiting() {
    const STRANGERS: usize = 10_000;
    /// The tracker gives up on a head after five seconds; whoever waited for that comes too late.
    const IN_TIME: Duration = Duration::from_millis(4500);
    let descriptors = limit_descriptors(libc::RLIM_INFINITY);
    // A quarter is for the tracker's ends of them, and for the other tests of this process.
    let strangers = STRANGERS.min(descriptors / 4 * 3);
    let tracker = serve(Config {
        connections_max: strangers / 16,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    let mut open: Vec<TcpStream> = Vec::new();
    let mut honest = 0;
    let mut ask = || {
        let started = Instant::now();
        honest += 1;
        let port = 1000 + honest;
        let reply = announce(http, &format!("&left=5&numwant=0&port={port}"));
        assert_eq!(reply.counts(), (0, honest, 0));
        let waited = started.elapsed();
        assert!(waited < IN_TIME, "{waited:?} with {honest} asked");
    };
    while open.len() < strangers {
        let mut stranger = connect(http);
        if open.len().is_multiple_of(2) {
            stranger
                .write_all(b"GET /announce?info_hash=")
                .expect("sent");
        }
        open.push(stranger);
        if open.len().is_multiple_of(500) {
            // The slow ones go on, those of them that are still there.
            for stranger in open.iter_mut().step_by(100) {
                let _sent = stranger.write(b"a");
            }
            ask();
        }
    }
    (0..20).for_each(|_| ask());
    until("the least active made room for others", || {
        count(&tracker, "evicted_http") > 0
    });
    let udp = UdpClient::connect(tracker.udp_addresses()[0]);
    assert_eq!(udp.scrape(&[INFOHASH]).len(), 20);
    drop(open);
}

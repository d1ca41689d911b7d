//! Connections that are slow, many, long, or for the web application.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use common::{
    PATIENCE, Reply, accepted, announce, announce_target, config, connect, count, counted, get,
    limit_descriptors, read_answer, serve, until,
};
use outpour_tracker::{Config, Tracker};

fn request(parameters: &str) -> Vec<u8> {
    format!(
        "GET {} HTTP/1.1\r\nHost: t\r\n\r\n",
        announce_target(parameters)
    )
    .into_bytes()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_))
}

fn take_one(tracker: &Tracker) -> (TcpStream, Vec<u8>) {
    let mut taken = Vec::new();
    until("a connection was handed over", || {
        taken = tracker.take_connections();
        !taken.is_empty()
    });
    let (fd, read) = taken.remove(0);
    let stream = TcpStream::from(fd);
    stream.set_nonblocking(false).expect("a blocking socket");
    (stream, read)
}

#[test]
fn http_requests_on_one_connection_are_answered_one_after_the_other() {
    let tracker = serve(config());
    let mut stream = connect(tracker.http_addresses()[0]);
    for peers in 1..=20 {
        let port = 1000 + peers;
        stream
            .write_all(&request(&format!("&port={port}&left=5")))
            .expect("sent");
        let (_, body) = read_answer(&mut stream);
        assert_eq!(Reply::parse(&body).counts().1, peers);
    }
    counted(&tracker, "connections_http", 1);
}

#[test]
fn http_pipelined_requests_are_all_answered_in_order() {
    let tracker = serve(config());
    let mut stream = connect(tracker.http_addresses()[0]);
    let requests: Vec<u8> = (1001..=1300)
        .flat_map(|port| request(&format!("&port={port}&left=5&numwant=0")))
        .collect();
    let mut writer = stream.try_clone().expect("a second handle");
    let writing = thread::spawn(move || writer.write_all(&requests).expect("sent"));
    for peers in 1..=300 {
        let (_, body) = read_answer(&mut stream);
        assert_eq!(Reply::parse(&body).counts().1, peers);
    }
    writing.join().expect("all written");
}

#[test]
fn http_connections_that_wait_together_each_get_their_own_answer() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let of = |at: usize, port: usize| {
        request(&format!(
            "&info_hash=bbbbbbbbbbbbbbbbbb{at:02}&port={port}&left=0&numwant=0"
        ))
    };
    let mut clients: Vec<_> = (0..30).map(|_| connect(http)).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        for port in 1001..=1001 + at {
            client.write_all(&of(at, port)).expect("sent");
            read_answer(client);
        }
    }
    let mut busy = connect(http);
    let many: Vec<u8> = (0..900).flat_map(|_| request("&numwant=0")).collect();
    busy.write_all(&many).expect("sent");
    let mut broken = Vec::new();
    for (at, client) in clients.iter_mut().enumerate() {
        let asked = of(at, 1001);
        match at % 5 {
            0 => client.write_all(&asked[..40]).expect("sent"),
            1 => {
                broken.push(at);
                client
                    .write_all(b"GET /announce HTTP/9\r\n\r\n")
                    .expect("sent");
            }
            2 => client
                .write_all(&[&asked[..], &asked[..]].concat())
                .expect("sent"),
            _ => client.write_all(&asked).expect("sent"),
        }
    }
    for (at, client) in clients.iter_mut().enumerate() {
        if at % 5 == 0 {
            client.write_all(&of(at, 1001)[40..]).expect("sent");
        }
        let (head, body) = read_answer(client);
        if broken.contains(&at) {
            assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
            assert!(is_closed(client));
            continue;
        }
        assert_eq!(Reply::parse(&body).counts().0, at as i64 + 1);
        if at % 5 == 2 {
            assert_eq!(read_answer(client).1, body);
        }
    }
}

#[test]
fn http_a_reader_slower_than_its_answers_gets_them_all() {
    let tracker = serve(Config {
        peers_per_answer: 200,
        ..config()
    });
    let http = tracker.http_addresses()[0];
    for port in 1..=200 {
        announce(http, &format!("&port={port}&left=5&numwant=0"));
    }
    let mut stream = connect(http);
    let mut writer = stream.try_clone().expect("a second handle");
    let requests = request("&port=999&left=5&compact=0").repeat(900);
    let writing = thread::spawn(move || writer.write_all(&requests).expect("sent"));
    let (mut before, mut looks) = (0, 0);
    until("the tracker could send no more", || {
        let sent = count(&tracker, "bytes_out_http");
        looks = if sent == before { looks + 1 } else { 0 };
        before = sent;
        sent > 1_000_000 && looks == 25
    });
    for _ in 0..900 {
        let (_, body) = read_answer(&mut stream);
        assert!(body.len() > 5000);
    }
    writing.join().expect("all written");
}

#[test]
fn http_a_request_that_comes_byte_by_byte_is_answered() {
    let tracker = serve(config());
    let mut stream = connect(tracker.http_addresses()[0]);
    stream.set_nodelay(true).expect("no delay");
    for byte in request("&left=5") {
        stream.write_all(&[byte]).expect("sent");
        thread::yield_now();
    }
    let (_, body) = read_answer(&mut stream);
    assert_eq!(Reply::parse(&body).counts(), (0, 1, 0));
}

#[test]
fn http_a_connection_ends_after_its_thousandth_request() {
    let tracker = serve(config());
    let mut stream = connect(tracker.http_addresses()[0]);
    for at in 1..=1000 {
        stream.write_all(&request("&numwant=0")).expect("sent");
        let (head, _) = read_answer(&mut stream);
        assert_eq!(head.contains("\r\nConnection: close"), at == 1000);
    }
    assert!(is_closed(&mut stream));
}

#[test]
fn http_a_head_that_does_not_end_in_time_is_closed() {
    let tracker = serve(config());
    let began = Instant::now();
    let mut slow = connect(tracker.http_addresses()[0]);
    slow.write_all(b"GET /announce?info_hash=").expect("sent");
    // A read waits a little for the end; that more comes meanwhile must not put it off.
    slow.set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a timeout");
    let deadline = Instant::now() + PATIENCE;
    let mut sent = 0;
    while slow
        .read(&mut [0; 16])
        .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    {
        assert!(Instant::now() < deadline, "still open");
        // The other side may have closed since.
        sent += usize::from(slow.write_all(b"x").is_ok());
    }
    // However many came in the five seconds: a busy machine sends few.
    assert!(
        sent > 0 && began.elapsed() > Duration::from_secs(4),
        "{sent}"
    );
    counted(&tracker, "timed_out_http", 1);
}

#[test]
fn handoff_a_page_request_arrives_with_all_its_bytes() {
    let tracker = serve(config());
    let mut client = connect(tracker.http_addresses()[0]);
    let sent = b"POST /page HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
    client.write_all(sent).expect("sent");
    let (mut server, mut read) = take_one(&tracker);
    while read.len() < sent.len() {
        let mut more = [0; 64];
        let count = server.read(&mut more).expect("the rest");
        read.extend_from_slice(&more[..count]);
    }
    assert_eq!(read, sent);
    server
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .expect("sent");
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    counted(&tracker, "handed_over", 1);
}

#[test]
fn handoff_a_kept_connection_changes_rooms_with_what_follows_its_announces() {
    let tracker = serve(config());
    let mut client = connect(tracker.http_addresses()[0]);
    client.write_all(&request("&left=5")).expect("sent");
    read_answer(&mut client);
    let mut both = request("&left=5");
    both.extend_from_slice(b"GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /2");
    client.write_all(&both).expect("sent");
    read_answer(&mut client);
    let (mut server, read) = take_one(&tracker);
    assert_eq!(read, b"GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /2");
    client.write_all(b"3").expect("sent");
    let mut more = [0; 8];
    assert_eq!(server.read(&mut more).expect("the rest"), 1);
    server.write_all(b"x").expect("sent");
    assert_eq!(client.read(&mut more).expect("an answer"), 1);
}

#[test]
fn handoff_all_waiting_connections_are_taken_at_once() {
    let tracker = serve(config());
    let mut clients: Vec<_> = (0..3)
        .map(|_| connect(tracker.http_addresses()[0]))
        .collect();
    for client in &mut clients {
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    }
    until("all were handed over", || {
        count(&tracker, "handed_over") == 3
    });
    assert_eq!(tracker.take_connections().len(), 3);
    assert!(tracker.take_connections().is_empty());
}

#[test]
fn handoff_too_many_waiting_connections_are_turned_away() {
    limit_descriptors(libc::RLIM_INFINITY);
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    let waiting: Vec<_> = (0..1024)
        .map(|_| {
            let mut client = connect(http);
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
            client
        })
        .collect();
    until("the queue is full", || {
        count(&tracker, "handed_over") == 1024
    });
    let (head, _) = get(http, "/");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(tracker.take_connections().len(), 1024);
    drop(waiting);
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    for at in 0..50 {
        let mut client = connect(http);
        client.write_all(&request("")[..10 + at]).expect("sent");
    }
    for _ in 0..50 {
        get(http, &announce_target(""));
    }
    counted(&tracker, "connections_http", 100);
    until("all are closed", || accepted(http) == 0);
}

const PAGE: &[u8] = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n";

/// Takes a connection, answers what it asked for, and gives it back with bytes that came meanwhile.
fn answer_page(tracker: &Tracker, asked: &[u8], since: &[u8]) {
    let (mut server, read) = take_one(tracker);
    assert_eq!(read, asked);
    server
        .write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        .expect("sent");
    server.set_nonblocking(true).expect("not blocking");
    tracker.give_back(server.into(), since);
}

#[test]
fn handoff_a_connection_that_came_back_has_no_past() {
    let tracker = serve(config());
    let mut client = connect(tracker.http_addresses()[0]);
    for round in 1..=3 {
        client.write_all(PAGE).expect("sent");
        answer_page(&tracker, PAGE, b"");
        assert!(read_answer(&mut client).0.starts_with("HTTP/1.1 204"));
        client
            .write_all(&request(&format!("&port=700{round}&left=5")))
            .expect("sent");
        let (_, body) = read_answer(&mut client);
        assert_eq!(Reply::parse(&body).counts(), (0, round, 0));
    }
    counted(&tracker, "handed_over", 3);
    counted(&tracker, "handed_back", 3);
    counted(&tracker, "connections_http", 1);
}

#[test]
fn handoff_bytes_that_came_back_are_answered_wherever_they_were_cut() {
    let tracker = serve(config());
    let announce = request("&port=7001&left=5");
    let mixture = [&announce, PAGE, &announce].concat();
    for cut in [
        0,
        1,
        announce.len() / 2,
        announce.len(),
        announce.len() + 9,
        mixture.len(),
    ] {
        let mut client = connect(tracker.http_addresses()[0]);
        client.write_all(PAGE).expect("sent");
        answer_page(&tracker, PAGE, &mixture[..cut]);
        client.write_all(&mixture[cut..]).expect("sent");
        assert!(read_answer(&mut client).0.starts_with("HTTP/1.1 204"));
        assert_eq!(Reply::parse(&read_answer(&mut client).1).counts().1, 1);
        // The rest comes along where it was there already, and later where it was not.
        let (mut server, mut read) = take_one(&tracker);
        while read.len() < PAGE.len() + announce.len() {
            let mut more = [0; 4096];
            let count = server.read(&mut more).expect("the rest");
            read.extend_from_slice(&more[..count]);
        }
        assert!(read.starts_with(PAGE));
        server
            .write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
            .expect("sent");
        server.set_nonblocking(true).expect("not blocking");
        tracker.give_back(server.into(), &read[PAGE.len()..]);
        assert!(read_answer(&mut client).0.starts_with("HTTP/1.1 204"));
        assert_eq!(Reply::parse(&read_answer(&mut client).1).counts().1, 1);
    }
}

#[test]
fn handoff_a_connection_that_came_back_and_is_gone_is_forgotten() {
    let tracker = serve(config());
    let http = tracker.http_addresses()[0];
    for _ in 0..20 {
        let mut client = connect(http);
        client.write_all(PAGE).expect("sent");
        let (server, _) = take_one(&tracker);
        drop(client);
        server.set_nonblocking(true).expect("not blocking");
        tracker.give_back(server.into(), b"");
    }
    until("all are closed", || accepted(http) == 0);
}

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::model::{Announced, Counts, Event};
use crate::wire::Refusal;
use crate::wire::limits::HTTP_HEAD_BYTES_MAX;
use crate::wire::vector;

const KEYED: Paths<'_> = Paths {
    prefix: b"",
    keyed: true,
};

fn whole(request: &str) -> Head<'_> {
    match read(request.as_bytes(), KEYED) {
        Read::Whole(head) => head,
        other => panic!("{request:?}: {other:?}"),
    }
}

#[test]
fn bep03_the_announce_vector_is_read() {
    let query = vector!(text, "bep03_announce.txt", "query");
    let announce = announce(&query).expect("an announce");
    assert_eq!(
        announce.announced.infohash.as_slice(),
        vector!(text, "bep03_announce.txt", "infohash")
    );
    assert_eq!(
        announce.announced.peer_id.as_slice(),
        vector!(text, "bep03_announce.txt", "peer_id")
    );
    assert_eq!(
        (announce.announced.port, announce.announced.left),
        (6881, 2)
    );
    assert_eq!(announce.announced.event, Event::Started);
    assert_eq!(announce.numwant, Some(200));
    assert!(announce.compact);
}

const MINIMAL: &str = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=6881";

fn with(parameters: &str) -> Result<Announce<'static>, Refusal> {
    let query = format!("{MINIMAL}&{parameters}");
    announce(Box::leak(query.into_boxed_str()).as_bytes())
}

#[test]
fn bep03_what_is_wrong_with_an_announce_is_said() {
    let reason = |query: &'static str| announce(query.as_bytes()).expect_err(query).reason;
    assert_eq!(reason(""), "info_hash is missing");
    assert_eq!(reason("info_hash=abc"), "info_hash must be 20 bytes");
    assert_eq!(
        reason("info_hash=aaaaaaaaaaaaaaaaaaaaa"),
        "info_hash must be 20 bytes"
    );
    assert_eq!(
        reason("info_hash=%zz"),
        "info_hash has a broken percent escape"
    );
    assert_eq!(
        reason("info_hash=%1"),
        "info_hash has a broken percent escape"
    );
    assert_eq!(
        reason("info_hash=aaaaaaaaaaaaaaaaaaaa"),
        "peer_id is missing"
    );
    assert_eq!(
        reason("info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=b"),
        "peer_id must be 20 bytes"
    );
    assert_eq!(
        reason("info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb"),
        "port is missing"
    );
}

#[test]
fn bep03_numbers_are_read_as_programs_write_them() {
    let left = |text: &str| {
        let read = with(&format!("left={text}")).expect(text);
        read.announced.left
    };
    for (text, expected) in [
        ("0", 0),
        ("00", 0),
        ("0.0", 0),
        ("16384.0", 16_384),
        ("7.", 7),
        ("0.5", 1),
        ("%31%36", 16),
        ("+5", 5),
        ("5%20", 5),
    ] {
        assert_eq!(left(text), expected, "{text}");
    }
    for text in [
        "",
        "-1",
        "NaN",
        "nan",
        "1e3",
        "0x0",
        "-0",
        "None",
        "1.x",
        ".",
        ".5",
        "%zz",
        "%",
        "0%00",
        "00000000000000000000000000000000.0",
    ] {
        assert_eq!(left(text), u64::MAX, "{text}");
    }
    let numwant = |text: &str| with(&format!("numwant={text}")).expect(text).numwant;
    for (text, expected) in [
        ("50.0", Some(50)),
        ("%35", Some(5)),
        ("abc", None),
        ("-1", None),
    ] {
        assert_eq!(numwant(text), expected, "{text}");
    }
    let port = |text: &str| with(&format!("port={text}")).expect(text).announced.port;
    for (text, expected) in [("6881.0", 6881), ("%36881", 6881), ("65535", 65_535)] {
        assert_eq!(port(text), expected, "{text}");
    }
    for text in ["", "x", "65536", "-1", "99999999999999999999999999"] {
        assert_eq!(port(text), 0, "{text}");
    }
}

#[test]
fn bep03_events_are_read_as_programs_write_them() {
    let event = |text: &str| with(&format!("event={text}")).expect(text).announced.event;
    for (text, expected) in [
        ("started", Event::Started),
        ("%63ompleted", Event::Completed),
        ("Completed", Event::Completed),
        ("STOPPED", Event::Stopped),
        ("stopped%20", Event::Stopped),
        ("%70aused", Event::Paused),
        ("empty", Event::None),
        ("", Event::None),
        ("%", Event::None),
        (
            "a-very-long-event-that-nobody-has-ever-heard-of",
            Event::None,
        ),
    ] {
        assert_eq!(event(text), expected, "{text}");
    }
    let escaped = MINIMAL
        .replace("info_hash", "info%5fhash")
        .replace("port", "%70ort");
    assert!(announce(escaped.as_bytes()).is_ok());
}

#[test]
fn bep03_numbers_beyond_64_bits_are_the_largest() {
    let left = with("left=99999999999999999999999999")
        .expect("an announce")
        .announced
        .left;
    assert_eq!(left, u64::MAX);
}

#[test]
fn bep03_left_out_parameters_have_their_defaults() {
    let announce = with("left=&event=&numwant=").expect("an announce");
    assert_eq!(announce.announced.left, u64::MAX);
    assert_eq!(announce.announced.event, Event::None);
    assert_eq!(announce.numwant, None);
    assert!(announce.compact);
    assert_eq!((announce.ip, announce.tracker_id), (None, None));
    assert_eq!(with("numwant=-1").expect("an announce").numwant, None);
}

#[test]
fn bep03_of_a_repeated_parameter_the_last_counts_and_unknown_ones_do_not() {
    let announce = with("port=2&x&=&&y=%zz&ipv4=8.8.8.8&port=3").expect("an announce");
    assert_eq!(announce.announced.port, 3);
}

#[test]
fn bep03_odd_queries_of_old_clients_are_understood() {
    let odd = format!("?{MINIMAL}");
    assert!(announce(odd.as_bytes()).is_ok());
    let second = MINIMAL.replace("info_hash", "key=1?info_hash");
    assert!(announce(second.as_bytes()).is_ok());
    let head = whole("GET /announce ?info_hash=a b HTTP/1.0\r\n\r\n");
    assert_eq!(
        (head.action, head.query),
        (Action::Announce, b"info_hash=a b".as_slice())
    );
}

#[test]
fn bep21_paused_is_an_event() {
    assert_eq!(
        with("event=paused").expect("an announce").announced.event,
        Event::Paused
    );
}

#[test]
fn bep23_only_compact_0_asks_for_dictionaries() {
    assert!(!with("compact=0").expect("an announce").compact);
    for value in [
        "compact=1",
        "compact=",
        "compact",
        "compact=yes",
        "no_peer_id=1",
    ] {
        assert!(with(value).expect("an announce").compact, "{value}");
    }
}

#[test]
fn bep03_heads_are_routed_by_their_path() {
    let route = |path: &str| match read(
        format!("GET {path} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes(),
        KEYED,
    ) {
        Read::Whole(head) => Some((head.action, head.key.map(<[u8]>::to_vec))),
        Read::Elsewhere => None,
        other => panic!("{path}: {other:?}"),
    };
    for path in [
        "/announce",
        "/announce.php",
        "/tracker.php/announce",
        "/announce?a=b",
        "http://tracker.example:6969/announce?a=b",
        "https://tracker.example/announce?a=b",
        "HTTPS://tracker.example//announce",
        "/announce/",
        "//announce",
        "///announce.php//?a=b",
        "/tracker.php//announce/",
    ] {
        assert_eq!(route(path), Some((Action::Announce, None)), "{path}");
    }
    for path in ["/scrape", "/scrape.php", "/tracker.php/scrape", "/scrape?a"] {
        assert_eq!(route(path), Some((Action::Scrape, None)), "{path}");
    }
    assert_eq!(
        route("/KEY/announce"),
        Some((Action::Announce, Some(b"KEY".to_vec())))
    );
    assert_eq!(
        route("/KEY/scrape"),
        Some((Action::Scrape, Some(b"KEY".to_vec())))
    );
    assert_eq!(
        route("//KEY//announce/"),
        Some((Action::Announce, Some(b"KEY".to_vec())))
    );
    for path in [
        "/",
        "*",
        "//",
        "/announcement",
        "/announce/x",
        "/a/b/announce",
        "/Announce",
        "/file?info_hash=announce",
        "http://announce",
        "http://a",
        "https://announce",
        "ftp://a/announce",
        "announce",
    ] {
        assert_eq!(route(path), None, "{path}");
    }
    assert_eq!(
        read(b"GET /KEY/announce HTTP/1.1\r\n", Paths::default()),
        Read::Elsewhere
    );
}

#[test]
fn bep03_the_path_of_the_public_url_may_stand_before_each_path() {
    let route = |path: &'static str, keyed| {
        let prefix = b"/a/files".as_slice();
        action(path.as_bytes(), Paths { prefix, keyed })
    };
    for keyed in [false, true] {
        for path in ["/a/files/announce", "/announce", "//a/files//announce/"] {
            assert_eq!(route(path, keyed), Some((Action::Announce, None)), "{path}");
        }
        assert_eq!(
            route("/a/files/scrape", keyed),
            Some((Action::Scrape, None))
        );
        for path in [
            "/a/filesannounce",
            "/files/a/announce",
            "/b/files/announce",
            "/a/files",
        ] {
            assert_eq!(route(path, keyed), None, "{path}");
        }
    }
    for path in ["/a/files/KEY/announce", "/KEY/announce"] {
        let key = Some(b"KEY".as_slice());
        assert_eq!(route(path, true), Some((Action::Announce, key)), "{path}");
        assert_eq!(route(path, false), None, "{path}");
    }
}

#[test]
fn http_a_request_names_its_host_once_and_its_fields_without_blanks() {
    let fault = |fields: &str, version| {
        let request = format!("GET /announce HTTP/{version}\r\n{fields}\r\n");
        match read(request.as_bytes(), Paths::default()) {
            Read::Malformed(reason) => Some(reason),
            _ => None,
        }
    };
    for fields in ["Host: a\r\n", "hOST:\r\nA: b\r\n", "A:b:c\r\nHost: a\r\n"] {
        assert_eq!(fault(fields, "1.1"), None, "{fields}");
    }
    for fields in ["", "A: b\r\n", "Hostess: a\r\n"] {
        assert_eq!(fault(fields, "1.1"), Some("the Host field is missing"));
        assert_eq!(fault(fields, "1.0"), None);
    }
    for version in ["1.1", "1.0"] {
        let twice = fault("Host: a\r\nB: c\r\nhost: a\r\n", version);
        assert_eq!(twice, Some("there is more than one Host field"));
        for line in [
            "Host : a",
            " A: b",
            "\tA: b",
            "A\t: b",
            "A",
            ": b",
            "A b: c",
            "Content-Length : 0",
        ] {
            let fields = format!("Host: a\r\n{line}\r\n");
            let garbled = Some("a field line is not NAME: VALUE");
            assert_eq!(fault(&fields, version), garbled, "{line:?}");
        }
    }
}

#[test]
fn http_a_request_that_a_proxy_passes_on_is_known() {
    for (field, is_forwarded) in [
        ("X-Forwarded-For: 192.0.2.1", true),
        ("forwarded: for=192.0.2.1", true),
        ("x-real-ip: 192.0.2.1", true),
        ("X-Forwarded-Proto: https", false),
        ("From: x-forwarded-for", false),
    ] {
        let request = format!("GET /announce HTTP/1.0\r\n{field}\r\n\r\n");
        assert_eq!(whole(&request).is_forwarded, is_forwarded, "{field}");
    }
}

#[test]
fn http_a_connection_outlives_its_request_as_version_and_field_say() {
    let kept = |request: &str| whole(request).keep_alive;
    assert!(kept("GET /announce HTTP/1.1\r\nHost: t\r\n\r\n"));
    assert!(!kept("GET /announce HTTP/1.0\r\n\r\n"));
    assert!(!kept(
        "GET /announce HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    ));
    assert!(!kept(
        "GET /announce HTTP/1.1\r\nHost: t\r\nCONNECTION:Close\r\n\r\n"
    ));
    assert!(!kept(
        "GET /announce HTTP/1.1\r\nHost: t\r\nconnection: keep-alive, close\r\n\r\n"
    ));
    assert!(kept(
        "GET /announce HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    ));
    assert!(kept(
        "GET /announce HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"
    ));
    assert!(!kept(
        "GET /announce HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n"
    ));
    assert!(!kept(
        "GET /announce HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
}

#[test]
fn http_a_head_ends_at_its_empty_line_whatever_the_line_ends() {
    let head = whole("\r\n\nGET /announce HTTP/1.1\nHost: b\n\nGET");
    assert_eq!(
        head.length,
        "\r\n\nGET /announce HTTP/1.1\nHost: b\n\n".len()
    );
    for request in [
        "",
        "\r\n",
        "G",
        "GET /",
        "GET /announce HTTP/1.1\r\n",
        "GET /announce HTTP/1.1\r\nA: b\r\n",
    ] {
        assert_eq!(
            read(request.as_bytes(), Paths::default()),
            Read::Partial,
            "{request:?}"
        );
    }
}

#[test]
fn http_what_is_no_request_is_malformed() {
    for request in [
        "\x16\x03\x01",
        "get / HTTP/1.1\n",
        " GET / HTTP/1.1\n",
        "GET\n",
        "GET /\n",
        "GET HTTP/1.1\n",
        "GET / HTTP/2.0\n",
        "GET / HTTP/1.1 \n",
        "G@T / HTTP/1.1\n",
        "GET  HTTP/1.1\n",
        "PRI * HTTP/2.0\r\n",
    ] {
        let found = read(request.as_bytes(), Paths::default());
        assert!(
            matches!(found, Read::Malformed(_)),
            "{request:?}: {found:?}"
        );
    }
}

#[test]
fn http_a_head_larger_than_its_limit_is_malformed() {
    let mut request = b"GET /announce HTTP/1.1\r\nA: ".to_vec();
    request.resize(HTTP_HEAD_BYTES_MAX - 1, b'a');
    assert_eq!(read(&request, Paths::default()), Read::Partial);
    request.push(b'a');
    assert!(matches!(
        read(&request, Paths::default()),
        Read::Malformed(_)
    ));
    request.extend_from_slice(b"\r\n\r\n");
    assert!(matches!(
        read(&request, Paths::default()),
        Read::Malformed(_)
    ));
}

const COUNTS: Counts = Counts {
    complete: 1,
    incomplete: 2,
    downloaded: 5,
    partial: 0,
};
const V4: &[u8] = b"\xc0\0\x02\x01\x1a\xe1";
const V6: &[u8] = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1";

fn body(external_ip: &str, v6: &[u8], compact: bool, tracker_id: Option<&[u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    reply(
        &mut body,
        &Reply {
            counts: COUNTS,
            external_ip: external_ip.parse::<IpAddr>().expect("an address"),
            interval_s: 1800,
            min_interval_s: 300,
            peers: Peers {
                v4: V4,
                v6,
                compact,
            },
            tracker_id,
        },
    );
    body
}

#[test]
fn bep23_the_compact_answer_is_the_vector() {
    let found = body("192.0.2.9", &[], true, None);
    assert_eq!(found, vector!(text, "bep23_peers.txt", "answer"));
}

#[test]
fn bep07_the_answer_with_peers6_is_the_vector() {
    let found = body("2001:db8::9", V6, true, None);
    assert_eq!(found, vector!(text, "bep07_peers6.txt", "answer"));
}

#[test]
fn bep03_the_answer_with_dictionaries_is_the_vector() {
    let found = body("192.0.2.9", V6, false, Some(b"a%62c"));
    assert_eq!(found, vector!(text, "bep03_peers.txt", "answer"));
}

#[test]
fn bep31_a_passing_failure_is_the_vector() {
    let mut body = Vec::new();
    failure(&mut body, &crate::gate::TOO_FAST);
    assert_eq!(body, vector!(text, "bep31_retry_in.txt", "answer"));
}

#[test]
fn bep03_the_refusal_of_an_unlisted_torrent_is_the_vector() {
    let mut body = Vec::new();
    failure(&mut body, &crate::gate::UNLISTED);
    assert_eq!(body, vector!(text, "bep03_failure_reason.txt", "answer"));
}

#[test]
fn bep48_the_scrape_answer_is_the_vector() {
    let mut body = Vec::new();
    open_scrape(&mut body);
    scrape_entry(&mut body, &std::array::from_fn(|at| at as u8), COUNTS);
    scrape_entry(&mut body, &[0xff; 20], Counts::default());
    close_scrape(&mut body);
    assert_eq!(body, vector!(text, "bep48_scrape.txt", "answer"));
}

#[test]
fn bep48_the_infohashes_of_a_scrape_are_sorted_and_each_once() {
    let mut found = Vec::new();
    let query = "info_hash=bbbbbbbbbbbbbbbbbbbb&x=1&info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=bbbbbbbbbbbbbbbbbbbb";
    infohashes(query.as_bytes(), &mut found).expect("infohashes");
    assert_eq!(found, [[b'a'; 20], [b'b'; 20]]);
    assert!(infohashes(b"info_hash=a", &mut found).is_err());
    let many = "info_hash=aaaaaaaaaaaaaaaaaaaa&".repeat(513);
    assert!(infohashes(many.as_bytes(), &mut found).is_err());
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |escaped, byte| {
        escaped + &format!("%{byte:02x}")
    })
}

proptest! {
    #[test]
    fn bep03_an_announce_is_read_as_it_was_written(
        infohash: [u8; 20], peer_id: [u8; 20], port: u16, downloaded: u64, left: u64, numwant: u32, compact: bool,
    ) {
        let query = format!(
            "info_hash={}&peer_id={}&port={port}&downloaded={downloaded}&left={left}&numwant={numwant}&compact={}",
            escaped(&infohash), escaped(&peer_id), u8::from(compact),
        );
        prop_assert_eq!(announce(query.as_bytes()), Ok(Announce {
            announced: Announced { infohash, peer_id, port, downloaded: Some(downloaded), left, event: Event::None },
            numwant: Some(numwant), compact, ip: None, tracker_id: None,
        }));
    }

    #[test]
    fn bep03_any_way_to_escape_a_byte_is_undone(
        infohash: [u8; 20], styles in proptest::collection::vec(0u8..3, 20),
    ) {
        let mut query = b"peer_id=bbbbbbbbbbbbbbbbbbbb&port=1&info_hash=".to_vec();
        for (byte, style) in infohash.into_iter().zip(styles) {
            match style {
                0 => query.extend_from_slice(format!("%{byte:02x}").as_bytes()),
                1 => query.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                _ if matches!(byte, b'%' | b'&' | b'+' | b'=' | b'?') => {
                    query.extend_from_slice(format!("%{byte:x}").as_bytes());
                }
                _ => query.push(byte),
            }
        }
        let found = announce(&query).map(|announce| announce.announced.infohash);
        prop_assert_eq!(found, Ok(infohash));
    }

    #[test]
    fn bep03_a_mutated_request_makes_nothing_panic(
        changes in proptest::collection::vec((0usize..400, any::<u8>(), 0u8..3), 0..20),
    ) {
        let query = vector!(text, "bep03_announce.txt", "query");
        let mut request = b"GET /announce?".to_vec();
        request.extend_from_slice(&query);
        request.extend_from_slice(b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");
        for (at, byte, kind) in changes {
            let at = at % request.len();
            match kind {
                0 => request[at] = byte,
                1 => request.insert(at, byte),
                _ => { request.remove(at); }
            }
        }
        if let Read::Whole(head) = read(&request, KEYED) {
            let _read = announce(head.query);
            let _read = infohashes(head.query, &mut Vec::new());
            values_from_the_last(head.fields, b"x-forwarded-for").count();
            prop_assert!(head.length <= request.len());
        }
    }

    #[test]
    fn http_no_beginning_of_a_request_is_taken_for_another(cut in 0usize..200) {
        let request = format!("GET /announce?{MINIMAL} HTTP/1.1\r\nHost: a\r\n\r\n");
        let cut = cut % request.len();
        prop_assert_eq!(read(&request.as_bytes()[..cut], Paths::default()), Read::Partial);
    }
}

#[test]
fn below_a_prefix_the_paths_are_the_same_and_without_it_too() {
    let action = |path: &str, prefix: &[u8]| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        match read(
            request.as_bytes(),
            Paths {
                prefix,
                keyed: true,
            },
        ) {
            Read::Whole(head) => Some((head.action, head.key.map(<[u8]>::to_vec))),
            _ => None,
        }
    };
    let key = Some(b"KEY".to_vec());
    for (path, expected) in [
        ("/files/announce", Some((Action::Announce, None))),
        ("/files/scrape?x=1", Some((Action::Scrape, None))),
        ("/files/KEY/announce", Some((Action::Announce, key))),
        ("/announce", Some((Action::Announce, None))),
        ("/filesannounce", None),
        ("/files", None),
        ("/files/files/files/announce", None),
    ] {
        assert_eq!(action(path, b"/files"), expected, "{path}");
    }
    assert_eq!(
        action("/a/b/announce", b"/a/b"),
        Some((Action::Announce, None))
    );
    assert_eq!(action("/a/b/announce", b""), None);
}

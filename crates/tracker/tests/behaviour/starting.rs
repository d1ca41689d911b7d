//! Who starts may have no more than a magnet link, and not know that there is something to download.

use std::net::SocketAddr;

use crate::common::{Reply, UdpAnnounce, UdpClient, address, announce, compact, config, serve};
use outpour_tracker::Tracker;

const ORIGIN: &str = "127.0.0.9:4000";
const SEED: &str = "127.0.0.1:1000";

fn seeded() -> Tracker {
    let tracker = serve(config());
    say(&tracker, "&port=1000&left=0&downloaded=5");
    tracker
}

fn say(tracker: &Tracker, parameters: &str) -> Reply {
    announce(tracker.http_addresses()[0], parameters)
}

fn udp(tracker: &Tracker, event: u32, downloaded: u64) -> Vec<SocketAddr> {
    let client = UdpClient::connect(tracker.udp_addresses()[0]);
    let answer = client.announce(&UdpAnnounce {
        downloaded,
        left: 0,
        event,
        ..UdpAnnounce::default()
    });
    compact::<6, 4>(&answer[20..])
}

#[test]
fn whoever_starts_is_given_seeders_and_origins_whatever_is_left() {
    let tracker = seeded();
    let all = [address(SEED), address(ORIGIN)];
    for left in [0, 5] {
        let says = format!("&left={left}&event=started&downloaded=9");
        assert_eq!(say(&tracker, &says).peers(), [all[0]]);
    }
    assert_eq!(udp(&tracker, 2, 9), [all[0]]);
    tracker.set_origins(&[all[1]]);
    assert_eq!(say(&tracker, "&left=0&event=started").peers(), all);
    assert_eq!(udp(&tracker, 2, 9), all);
    // Wherever there is room for one, it is the origin.
    let reply = say(&tracker, "&left=0&event=started&numwant=1");
    assert_eq!(reply.peers(), [all[1]]);
    let alone = "&port=1000&left=0&event=started";
    assert_eq!(say(&serve(config()), alone).peers(), []);
}

#[test]
fn who_has_downloaded_nothing_and_would_be_given_nobody_is_given_a_few_seeders() {
    let tracker = seeded();
    for port in 2000..2020 {
        say(&tracker, &format!("&port={port}&left=0&downloaded=5"));
    }
    for event in ["", "&event=completed"] {
        let says = format!("&left=0&downloaded=0{event}");
        assert_eq!(say(&tracker, &says).peers().len(), 5);
        assert_eq!(say(&tracker, &format!("{says}&numwant=2")).peers().len(), 2);
        assert_eq!(say(&tracker, &format!("&left=0{event}")).peers(), []);
        assert_eq!(
            say(&tracker, &format!("&left=0&downloaded=1{event}")).peers(),
            []
        );
    }
    assert_eq!(udp(&tracker, 0, 0).len(), 5);
    assert_eq!(udp(&tracker, 0, 1), []);
    // One who wants data is enough.
    say(&tracker, "&port=3000&left=5&peer_id=-XX0001-somebodyelse");
    let leecher = address("127.0.0.1:3000");
    assert_eq!(say(&tracker, "&left=0&downloaded=0").peers(), [leecher]);
    tracker.set_origins(&[address(ORIGIN)]);
    assert_eq!(say(&tracker, "&left=0&downloaded=0").peers(), [leecher]);
}

#[test]
fn a_seeder_that_goes_on_is_given_no_seeders() {
    let tracker = seeded();
    tracker.set_origins(&[address(ORIGIN)]);
    assert_eq!(say(&tracker, "&left=0&downloaded=7").peers(), []);
    assert_eq!(
        say(&tracker, "&left=0&event=stopped&downloaded=0").peers(),
        []
    );
}

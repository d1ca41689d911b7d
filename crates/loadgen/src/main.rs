//! `outpour-loadgen`: load for a tracker on loopback, and the limits to hold it against.
//!
//! A profile gives a population, the population a stream of requests, the stream goes out over
//! UDP or HTTP, and a meter turns the answers into JSON.

mod http;
mod limit;
mod loopback;
mod meter;
mod options;
mod pace;
mod peer_id;
mod pending;
mod population;
mod process;
mod profile;
mod random;
mod report;
mod requests;
mod sys;
mod udp;
mod weights;
mod wire;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use serde_json::json;

use meter::Meter;
use options::{Command, Options, USAGE};
use population::{Population, infohash};
use sys::socket;

const FAILED: u8 = 1;
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            complain(&format!("error: {message}\nhint: outpour-loadgen --help\n"));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error}\n"));
            ExitCode::from(FAILED)
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    match (options.command, options.address) {
        (Command::Udp, Some(target)) => load(options, target, udp::run),
        (Command::Http, Some(target)) => load(options, target, http::run),
        (Command::LimitUdp, Some(address)) => {
            let listening = socket::udp_listening(address)?;
            announce(listening.local_addr()?)?;
            match limit::udp::serve(&listening, options.peers_in_answer)? {}
        }
        (Command::LimitHttp, Some(address)) => {
            let listening = socket::tcp_listening(address)?;
            announce(listening.local_addr()?)?;
            match limit::http::serve(&listening, options.peers_in_answer, options.is_kept)? {}
        }
        (Command::PrintInfohashes, _) => print(&infohashes(options.profile.torrents)),
        _ => print(USAGE),
    }
}

type Run = fn(&Options, SocketAddr, &Population) -> io::Result<Meter>;

fn load(options: &Options, target: SocketAddr, run: Run) -> io::Result<()> {
    let population = Population::drawn(&options.profile);
    let meter = run(options, target, &population)?;
    print(&format!("{}\n", report::report(options, target, &meter)))
}

/// Tells whoever started a limit server which port it got.
fn announce(address: SocketAddr) -> io::Result<()> {
    print(&format!("{}\n", json!({ "listening": address })))
}

fn infohashes(torrents: u32) -> String {
    let mut lines = String::with_capacity(torrents as usize * 41);
    for torrent in 0..torrents {
        for byte in infohash(torrent) {
            let written = write!(lines, "{byte:02x}");
            assert!(written.is_ok(), "a string takes all writes");
        }
        lines.push('\n');
    }
    lines
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// A closed stderr leaves no one to tell; the exit code still says that it failed.
fn complain(message: &str) {
    let _ = io::stderr().write_all(message.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::infohashes;

    #[test]
    fn infohashes_are_printed_as_lines_of_40_hex_digits() {
        let lines = infohashes(3);
        assert_eq!(lines.lines().count(), 3);
        let is_hex = |line: &str| line.len() == 40 && line.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(lines.lines().all(is_hex));
    }
}

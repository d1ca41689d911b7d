//! The command line, read into one frozen value.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::loopback;
use crate::meter::Limits;
use crate::profile::{NAMES, Profile};

pub(crate) const USAGE: &str = "\
Usage: outpour-loadgen udp|http HOST:PORT [OPTION...]
       outpour-loadgen limit-udp|limit-http HOST:PORT [OPTION...]
       outpour-loadgen --print-infohashes [OPTION...]

Load for a tracker on loopback; the result is JSON on stdout.

Load:
  --profile NAME         aquatic (default), power-law or uniform
  --torrents N           torrents in the population
  --peers N              peers in the population
  --numwant N            peers wanted by each announce
  --scrape-share SHARE   scrapes among all requests, 0 to 1
  --connect-share SHARE  further connect requests among all, 0 to 1 (udp)
  --sockets N            connected sockets (udp)
  --sources N            distinct source addresses in 127.0.0.0/8
  --window N             requests that wait at once, closed loop (udp; 192)
  --connections N        connections open at once (http; 64)
  --kept-alive           one connection for many requests (http)
  --rate N               open loop: this many requests a second, latency counted from when due
Measurement:
  --warm-up SECONDS      before counting (1)
  --populate             warm up until every peer has announced once
  --duration SECONDS     of counting (5)
  --count N              end after this many answers
  --pid PID              the server, for its CPU time and memory
Limit servers (canned answers, what the kernel charges for the same packets):
  --peers-in-answer N    peers in each canned announce answer (30)
  --kept-alive           do not close after an answer (limit-http)
";

const MINUTE_S: f64 = 60.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Udp,
    Http,
    LimitUdp,
    LimitHttp,
    PrintInfohashes,
    Help,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) command: Command,
    /// What is loaded, or listened on; absent for commands that need no address.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) profile: Profile,
    pub(crate) limits: Limits,
    pub(crate) window: usize,
    pub(crate) connections: usize,
    pub(crate) is_kept: bool,
    pub(crate) rate: Option<f64>,
    pub(crate) peers_in_answer: usize,
}

struct Flags {
    values: HashMap<String, String>,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (words, mut flags) = split(arguments)?;
        let command = command(&words, &mut flags)?;
        let address = match command {
            Command::PrintInfohashes | Command::Help => None,
            _ => {
                let text = words
                    .get(1)
                    .ok_or("the address is missing, such as 127.0.0.1:6969")?;
                Some(loopback::parse(text)?)
            }
        };
        let options = Self {
            command,
            address,
            profile: profile(&mut flags)?,
            limits: Limits {
                warm_up_s: flags.take_share("warm-up", MINUTE_S)?.unwrap_or(1.0),
                duration_s: flags.take_share("duration", MINUTE_S)?.unwrap_or(5.0),
                answers_max: flags.take("count")?.unwrap_or(u64::MAX),
                populate: flags.take_switch("populate"),
                pid: flags.take("pid")?,
            },
            window: flags.take_count("window", 65_536)?.unwrap_or(192) as usize,
            connections: flags.take_count("connections", 1024)?.unwrap_or(64) as usize,
            is_kept: flags.take_switch("kept-alive"),
            rate: flags.take_share("rate", 1e7)?.filter(|&rate| rate > 0.0),
            peers_in_answer: flags.take_count("peers-in-answer", 200)?.unwrap_or(30) as usize,
        };
        match flags.values.keys().next() {
            Some(name) => Err(format!("`--{name}`: not an option")),
            None => Ok(options),
        }
    }
}

/// Splits into plain words and `--name value` pairs; switches have an empty value.
fn split(arguments: impl Iterator<Item = String>) -> Result<(Vec<String>, Flags), String> {
    const SWITCHES: [&str; 4] = ["populate", "kept-alive", "print-infohashes", "help"];
    let (mut words, mut values) = (Vec::new(), HashMap::new());
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.strip_prefix("--") else {
            words.push(argument);
            continue;
        };
        let value = if SWITCHES.contains(&name) {
            String::new()
        } else {
            arguments
                .next()
                .ok_or(format!("`--{name}`: its value is missing"))?
        };
        values.insert(name.to_owned(), value);
    }
    Ok((words, Flags { values }))
}

fn command(words: &[String], flags: &mut Flags) -> Result<Command, String> {
    if flags.take_switch("help") {
        return Ok(Command::Help);
    }
    if flags.take_switch("print-infohashes") {
        return Ok(Command::PrintInfohashes);
    }
    match words.first().map(String::as_str) {
        Some("udp") => Ok(Command::Udp),
        Some("http") => Ok(Command::Http),
        Some("limit-udp") => Ok(Command::LimitUdp),
        Some("limit-http") => Ok(Command::LimitHttp),
        Some(other) => Err(format!("`{other}`: not a command")),
        None => Err("the command is missing".to_owned()),
    }
}

fn profile(flags: &mut Flags) -> Result<Profile, String> {
    let name = flags
        .take::<String>("profile")?
        .unwrap_or_else(|| NAMES[0].to_owned());
    let base = Profile::named(&name)
        .ok_or_else(|| format!("`{name}`: not a profile; there are {}", NAMES.join(", ")))?;
    Ok(Profile {
        torrents: flags
            .take_count("torrents", 1 << 24)?
            .unwrap_or(base.torrents),
        peers: flags.take_count("peers", 1 << 27)?.unwrap_or(base.peers),
        numwant: flags.take("numwant")?.unwrap_or(base.numwant),
        scrape_share: flags
            .take_share("scrape-share", 1.0)?
            .unwrap_or(base.scrape_share),
        connect_share: flags
            .take_share("connect-share", 1.0)?
            .unwrap_or(base.connect_share),
        sockets: flags.take_count("sockets", 256)?.unwrap_or(base.sockets),
        sources: flags
            .take_count("sources", 1 << 20)?
            .unwrap_or(base.sources),
        ..base
    })
}

impl Flags {
    fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.values.remove(name) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| format!("`--{name} {text}`: not understood"))
    }

    fn take_switch(&mut self, name: &str) -> bool {
        self.values.remove(name).is_some()
    }

    fn take_count(&mut self, name: &str, max: u32) -> Result<Option<u32>, String> {
        match self.take(name)? {
            Some(count) if !(1..=max).contains(&count) => {
                Err(format!("`--{name} {count}`: must be 1 to {max}"))
            }
            count => Ok(count),
        }
    }

    fn take_share(&mut self, name: &str, max: f64) -> Result<Option<f64>, String> {
        match self.take::<f64>(name)? {
            Some(share) if !(0.0..=max).contains(&share) => {
                Err(format!("`--{name} {share}`: must be 0 to {max}"))
            }
            share => Ok(share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Options};

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_ascii_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_override_those_of_the_profile() {
        let line = "udp 127.0.0.1:6969 --profile power-law --peers 500 --rate 1000 --populate";
        let options = parse(line).expect("valid");
        assert_eq!(options.command, Command::Udp);
        assert_eq!(
            (options.profile.name, options.profile.peers),
            ("power-law", 500)
        );
        assert_eq!(
            (options.profile.torrents, options.profile.numwant),
            (10_000, 50)
        );
        assert_eq!(options.rate, Some(1_000.0));
        assert!(options.limits.populate && !options.is_kept);
    }

    #[test]
    fn every_command_that_takes_an_address_refuses_one_outside_of_loopback() {
        for command in ["udp", "http", "limit-udp", "limit-http"] {
            assert!(parse(&format!("{command} 127.0.0.1:1")).is_ok());
            let error = parse(&format!("{command} 192.0.2.1:1")).expect_err("not loopback");
            assert!(error.contains("kept on this machine"), "{error}");
            assert!(parse(command).is_err());
        }
    }

    #[test]
    fn infohashes_need_no_address() {
        let options = parse("--print-infohashes --torrents 7").expect("valid");
        assert_eq!(
            (options.command, options.profile.torrents),
            (Command::PrintInfohashes, 7)
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (line, named) in [
            ("udp 127.0.0.1:1 --speed 4", "--speed"),
            ("udp 127.0.0.1:1 --peers", "--peers"),
            ("udp 127.0.0.1:1 --peers many", "many"),
            ("udp 127.0.0.1:1 --peers 0", "must be 1"),
            ("udp 127.0.0.1:1 --duration 61", "must be 0 to 60"),
            ("udp 127.0.0.1:1 --profile steep", "steep"),
            ("quic 127.0.0.1:1", "quic"),
            ("", "missing"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}

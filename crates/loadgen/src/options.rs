//! The command line, read into one frozen value.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Error, Parser, ValueExt as _};

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

/// An option whose value is still to be read.
struct Given<'a> {
    name: &'a str,
    parser: &'a mut Parser,
}

impl Options {
    /// `arguments` come without the name of the program. An error is one line for the user.
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let arguments: Vec<OsString> = arguments.collect();
        Self::read(&arguments).map_err(|error| match error {
            Error::MissingValue { option: Some(name) } => format!("`{name}`: its value is missing"),
            Error::UnexpectedOption(name) => format!("`{name}`: not an option"),
            Error::UnexpectedValue { option, .. } => format!("`{option}`: takes no value"),
            other => other.to_string(),
        })
    }

    fn read(arguments: &[OsString]) -> Result<Self, Error> {
        let mut options = Self {
            command: Command::Help,
            address: None,
            profile: profile(arguments)?,
            limits: Limits {
                warm_up_s: 1.0,
                duration_s: 5.0,
                answers_max: u64::MAX,
                populate: false,
                pid: None,
            },
            window: 192,
            connections: 64,
            is_kept: false,
            rate: None,
            peers_in_answer: 30,
        };
        let mut command = None;
        let mut words = Vec::new();
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let name = match argument {
                Value(word) => {
                    words.push(word.string()?);
                    continue;
                }
                Long("help") => return Ok(options),
                Long("print-infohashes") => {
                    command = Some(Command::PrintInfohashes);
                    continue;
                }
                Long(name) => name.to_owned(),
                Short(_) => return Err(argument.unexpected()),
            };
            let parser = &mut parser;
            options.take(Given {
                name: &name,
                parser,
            })?;
        }
        let (named, address) = match command {
            Some(command) => (command, None),
            None => target(&words)?,
        };
        (options.command, options.address) = (named, address);
        Ok(options)
    }

    fn take(&mut self, mut given: Given<'_>) -> Result<(), Error> {
        let Self {
            profile, limits, ..
        } = self;
        match given.name {
            "profile" => drop(given.value::<String>()?), // read before all others
            "torrents" => profile.torrents = given.count(1 << 24)?,
            "peers" => profile.peers = given.count(1 << 27)?,
            "numwant" => profile.numwant = given.value()?,
            "scrape-share" => profile.scrape_share = given.share(1.0)?,
            "connect-share" => profile.connect_share = given.share(1.0)?,
            "sockets" => profile.sockets = given.count(256)?,
            "sources" => profile.sources = given.count(1 << 20)?,
            "window" => self.window = given.count(65_536)? as usize,
            "connections" => self.connections = given.count(1024)? as usize,
            "kept-alive" => self.is_kept = true,
            "rate" => self.rate = Some(given.share(1e7)?).filter(|&rate| rate > 0.0),
            "warm-up" => limits.warm_up_s = given.share(MINUTE_S)?,
            "populate" => limits.populate = true,
            "duration" => limits.duration_s = given.share(MINUTE_S)?,
            "count" => limits.answers_max = given.value()?,
            "pid" => limits.pid = Some(given.value()?),
            "peers-in-answer" => self.peers_in_answer = given.count(200)? as usize,
            name => return Err(Long(name).unexpected()),
        }
        Ok(())
    }
}

fn target(words: &[String]) -> Result<(Command, Option<SocketAddr>), Error> {
    let (name, address) = match words {
        [] => return Err("the command is missing".into()),
        [_] => return Err("the address is missing, such as 127.0.0.1:6969".into()),
        [name, address] => (name, address),
        [_, _, more, ..] => return Err(format!("`{more}`: one word too many").into()),
    };
    let command = match name.as_str() {
        "udp" => Command::Udp,
        "http" => Command::Http,
        "limit-udp" => Command::LimitUdp,
        "limit-http" => Command::LimitHttp,
        other => return Err(format!("`{other}`: not a command").into()),
    };
    Ok((command, Some(loopback::parse(address)?)))
}

/// Looks for the profile ahead of all else: the other options change it, wherever it stands.
fn profile(arguments: &[OsString]) -> Result<Profile, Error> {
    let mut parser = Parser::from_args(arguments);
    let mut name = NAMES[0].to_owned();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("profile") => name = parser.value()?.string()?,
            Long(_) => drop(parser.optional_value()),
            _ => {}
        }
    }
    Profile::named(&name).ok_or_else(|| {
        let names = NAMES.join(", ");
        format!("`{name}`: not a profile; there are {names}").into()
    })
}

impl Given<'_> {
    fn value<T: FromStr>(&mut self) -> Result<T, Error> {
        let text = self.parser.value()?.string()?;
        text.parse()
            .map_err(|_| format!("`--{} {text}`: not understood", self.name).into())
    }

    fn count(&mut self, max: u32) -> Result<u32, Error> {
        self.within(1, max)
    }

    fn share(&mut self, max: f64) -> Result<f64, Error> {
        self.within(0.0, max)
    }

    fn within<T: Copy + FromStr + PartialOrd + Display>(
        &mut self,
        min: T,
        max: T,
    ) -> Result<T, Error> {
        let value = self.value()?;
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            Err(format!("`--{} {value}`: must be {min} to {max}", self.name).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Options};

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_ascii_whitespace().map(Into::into))
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
    fn the_profile_may_stand_behind_the_options_that_change_it() {
        let options = parse("udp --peers=500 127.0.0.1:1 --profile uniform").expect("valid");
        assert_eq!(
            (options.profile.name, options.profile.peers),
            ("uniform", 500)
        );
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
            ("udp 127.0.0.1:1 --populate=yes", "--populate"),
            ("udp 127.0.0.1:1 -4", "-4"),
            ("udp 127.0.0.1:1 127.0.0.1:2", "127.0.0.1:2"),
            ("quic 127.0.0.1:1", "quic"),
            ("", "missing"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}

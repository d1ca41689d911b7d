//! The limit over HTTP: deferred accept, read, write and close; or kept connections by `epoll`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use crate::sys::poller::Poller;
use crate::sys::socket;

const REQUEST_BYTES: usize = 4096;
const LISTENER: u64 = u64::MAX;

/// Connections taken in a row before those kept have their turn.
const ACCEPTS_MAX: usize = 64;

struct Limit {
    answer: Vec<u8>,
    is_kept: bool,
    poller: Poller,
    kept: HashMap<u64, TcpStream>,
}

/// Serves until the process is ended.
pub(crate) fn serve(
    listener: &TcpListener,
    peers_in_answer: usize,
    is_kept: bool,
) -> io::Result<Infallible> {
    let poller = Poller::new()?;
    poller.watch(listener, LISTENER)?;
    let answer = can(peers_in_answer, is_kept);
    let mut limit = Limit {
        answer,
        is_kept,
        poller,
        kept: HashMap::new(),
    };
    let mut request = [0; REQUEST_BYTES];
    loop {
        let ready: Vec<u64> = limit.poller.wait()?.collect();
        for token in ready {
            if token == LISTENER {
                limit.accept(listener, &mut request)?;
            } else {
                limit.turn(token, &mut request);
            }
        }
    }
}

impl Limit {
    fn accept(&mut self, listener: &TcpListener, request: &mut [u8]) -> io::Result<()> {
        for _ in 0..ACCEPTS_MAX {
            let Some(mut stream) = socket::accept(listener)? else {
                break;
            };
            let is_open = self.exchange(&mut stream, request);
            if is_open {
                let token = stream.as_raw_fd() as u64;
                self.poller.watch(&stream, token)?;
                self.kept.insert(token, stream);
            }
        }
        Ok(())
    }

    fn turn(&mut self, token: u64, request: &mut [u8]) {
        let Some(mut stream) = self.kept.remove(&token) else {
            return;
        };
        if self.exchange(&mut stream, request) {
            self.kept.insert(token, stream);
        }
    }

    /// Answers one request; gives whether the connection stays open.
    fn exchange(&self, stream: &mut TcpStream, request: &mut [u8]) -> bool {
        match stream.read(request) {
            Ok(0) => false,
            Ok(_) => stream.write(&self.answer).is_ok() && self.is_kept,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn can(peers_in_answer: usize, is_kept: bool) -> Vec<u8> {
    let bytes = peers_in_answer * 6;
    let mut body =
        format!("d8:completei{peers_in_answer}e10:incompletei0e8:intervali1800e12:min intervali900e5:peers{bytes}:")
            .into_bytes();
    body.resize(body.len() + bytes, 1);
    body.push(b'e');
    let connection = if is_kept { "keep-alive" } else { "close" };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: {connection}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::can;
    use crate::wire::http::{Answer, Progress, frame, read};

    #[test]
    fn the_canned_answer_is_read_as_a_real_one() {
        for (peers, is_kept) in [(0, true), (50, false)] {
            let bytes = can(peers, is_kept);
            let Progress::Whole { head, end } = frame(&bytes) else {
                panic!("not whole")
            };
            assert_eq!(end, bytes.len());
            let answer = read(&bytes[..head], &bytes[head..]);
            assert_eq!(answer, Some(Answer::Announce { peers }));
        }
    }
}

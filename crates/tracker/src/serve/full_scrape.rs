//! All torrents at once, on a thread of its own: the list is long and its reader may be slow.

use std::io::{self, BufWriter, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::worker::Shared;
use crate::answer::http::FullScrape;
use crate::model::{Counts, InfoHash};
use crate::wire::http::{close_scrape, open_ended_head, open_scrape, scrape_entry};

const CHUNK_BYTES: usize = 64 * 1024;
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes a second that a reader takes at least, after a beginning: it keeps others from theirs.
const PACE_BYTES_MIN: u64 = 32 * 1024;

/// Lets one full scrape run at a time.
#[derive(Default)]
pub(crate) struct FullScrapes {
    is_running: AtomicBool,
}

/// Answers in the background and closes; gives the connection back while another one is answered.
pub(super) fn start(
    shared: &Arc<Shared>,
    stream: TcpStream,
    scrape: FullScrape,
) -> Result<(), TcpStream> {
    let is_running = &shared.full_scrapes.is_running;
    if is_running.swap(true, Ordering::Acquire) {
        return Err(stream);
    }
    let own = Arc::clone(shared);
    let run = move || {
        // A reader that went away is no fault of the tracker's.
        let _answered = answer(&own, &stream, scrape);
        own.full_scrapes.is_running.store(false, Ordering::Release);
    };
    if shared.threads.spawn_once("outpour-scrape", run).is_err() {
        // The connection went with the closure; the next one may find a thread.
        is_running.store(false, Ordering::Release);
    }
    Ok(())
}

/// A connection whose reader has to keep up.
struct Paced<'a> {
    stream: &'a TcpStream,
    started: Instant,
    sent: u64,
}

impl Write for Paced<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if is_too_slow(self.sent, self.started.elapsed()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = self.stream.write(bytes)?;
        self.sent += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_too_slow(sent: u64, elapsed: Duration) -> bool {
    elapsed > SEND_TIMEOUT + Duration::from_secs(sent / PACE_BYTES_MIN)
}

fn answer(shared: &Shared, stream: &TcpStream, scrape: FullScrape) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(SEND_TIMEOUT))?;
    let mut stream = Paced {
        stream,
        started: Instant::now(),
        sent: 0,
    };
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + 1024);
    open_ended_head(&mut chunk, scrape.takes_gzip);
    stream.write_all(&chunk)?;
    if scrape.is_head {
        return Ok(());
    }
    chunk.clear();
    if scrape.takes_gzip {
        // Counters and names of torrents: what can be pressed is pressed at the lowest level too.
        let writer = BufWriter::with_capacity(CHUNK_BYTES, stream);
        let mut packer = GzEncoder::new(writer, Compression::fast());
        torrents(shared, chunk, &mut packer)?;
        packer.finish()?.flush()
    } else {
        torrents(shared, chunk, &mut stream)
    }
}

/// Writes the body of the answer (BEP 48), a chunk at a time.
fn torrents(shared: &Shared, mut chunk: Vec<u8>, out: &mut impl Write) -> io::Result<()> {
    open_scrape(&mut chunk);
    for (infohash, counts) in listed(shared) {
        scrape_entry(&mut chunk, &infohash, counts);
        if chunk.len() >= CHUNK_BYTES {
            out.write_all(&chunk)?;
            chunk.clear();
        }
    }
    close_scrape(&mut chunk);
    out.write_all(&chunk)
}

/// The listed torrents in the order of bencoding, those that nobody announced included.
fn listed(shared: &Shared) -> Vec<(InfoHash, Counts)> {
    let lists = shared.gate.lists();
    let mut rows = shared.store.torrents();
    rows.retain(|(infohash, _)| lists.lists(infohash));
    rows.sort_unstable_by_key(|(infohash, _)| *infohash);
    if let Some(allowed) = &lists.allowed {
        let known = rows.len();
        for infohash in allowed.iter().filter(|infohash| lists.lists(infohash)) {
            if rows[..known]
                .binary_search_by_key(infohash, |(known, _)| *known)
                .is_err()
            {
                rows.push((*infohash, Counts::default()));
            }
        }
        rows.sort_unstable_by_key(|(infohash, _)| *infohash);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bep48_a_reader_of_all_torrents_may_be_slow_but_not_stand_still() {
        let minute = Duration::from_secs(60);
        assert!(!is_too_slow(0, SEND_TIMEOUT));
        assert!(is_too_slow(0, SEND_TIMEOUT + Duration::from_millis(1)));
        assert!(!is_too_slow(PACE_BYTES_MIN * 60, minute));
        assert!(is_too_slow(PACE_BYTES_MIN * 40, minute));
    }
}

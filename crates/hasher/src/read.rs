//! Turns positions in a plan's stream into bytes, and notices files that change meanwhile.

use std::{
    fs::{File, Metadata},
    io,
    path::PathBuf,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime},
};

use crate::{
    Fault,
    plan::{Place, Plan},
    system,
};

/// A file system may hold what was written last in memory only, and call its place a hole.
const SETTLED: Duration = Duration::from_secs(60);

/// Modification times as the first thread to open each file saw them; 0 is not seen yet.
pub(crate) struct Stamps(Vec<AtomicI64>);

impl Stamps {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self(plan.sources.iter().map(|_| AtomicI64::new(0)).collect())
    }

    fn agrees(&self, index: usize, stamp: i64) -> bool {
        let seen = self.0[index].compare_exchange(0, stamp, Ordering::Relaxed, Ordering::Relaxed);
        seen.is_ok() || seen == Err(stamp)
    }
}

struct Open {
    index: usize,
    file: File,
    last_use: u64,
    /// It may have holes that can be relied on.
    has_holes: bool,
}

/// The few files that one thread reads from at the moment.
pub(crate) struct Reader<'a> {
    plan: &'a Plan,
    stamps: &'a Stamps,
    open: Vec<Open>,
    open_max: usize,
    clock: u64,
}

impl<'a> Reader<'a> {
    /// Keep up to `open_max` files open.
    pub(crate) fn new(plan: &'a Plan, stamps: &'a Stamps, open_max: usize) -> Self {
        Self {
            plan,
            stamps,
            open: Vec::with_capacity(open_max),
            open_max,
            clock: 0,
        }
    }

    /// Fill `into` from one file.
    pub(crate) fn read(&mut self, index: usize, at: u64, into: &mut [u8]) -> Result<(), Fault> {
        if let Some(bytes) = self.plan.in_memory(index) {
            into.copy_from_slice(&bytes[at as usize..][..into.len()]);
            return Ok(());
        }
        let place = self.place(index)?;
        let read = system::read_exact_at(&self.open[place].file, into, at);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.changed(index),
            _ => self.fault(index, error),
        })?;
        // Who read the end is done with it. Kept, small files would push out those that other
        // pieces are still in the middle of, and each of these would be opened again and again.
        if at + into.len() as u64 == self.plan.sources[index].length {
            self.close(place)?;
        }
        Ok(())
    }

    /// Whether a stretch of one file is zeros that need not be read.
    pub(crate) fn is_blank(&mut self, index: usize, at: u64, length: u64) -> Result<bool, Fault> {
        if self.plan.in_memory(index).is_some() {
            return Ok(false);
        }
        let place = self.place(index)?;
        let open = &self.open[place];
        let is_blank = open.has_holes && system::is_hole(&open.file, at, length);
        if is_blank && at + length == self.plan.sources[index].length {
            self.close(place)?;
        }
        Ok(is_blank)
    }

    /// Check once more that what was read is still what is there.
    pub(crate) fn finish(mut self) -> Result<(), Fault> {
        while !self.open.is_empty() {
            self.close(0)?;
        }
        Ok(())
    }

    fn close(&mut self, place: usize) -> Result<(), Fault> {
        let open = self.open.swap_remove(place);
        self.check(&open.file, open.index).map(drop)
    }

    /// Where in `open` a file is, opened if need be.
    fn place(&mut self, index: usize) -> Result<usize, Fault> {
        self.clock += 1;
        let place = match self.open.iter().position(|open| open.index == index) {
            Some(place) => place,
            None => self.open(index)?,
        };
        self.open[place].last_use = self.clock;
        Ok(place)
    }

    fn open(&mut self, index: usize) -> Result<usize, Fault> {
        if self.open.len() == self.open_max {
            let oldest = (0..self.open.len()).min_by_key(|&at| self.open[at].last_use);
            self.close(oldest.unwrap_or(0))?;
        }
        let path = self.path(index);
        let file = system::open(&path).map_err(|error| self.fault(index, error))?;
        let metadata = self.check(&file, index)?;
        let age = metadata
            .modified()
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        let has_holes = system::is_sparse(&metadata) && age.is_some_and(|age| age >= SETTLED);
        self.open.push(Open {
            index,
            file,
            last_use: 0,
            has_holes,
        });
        Ok(self.open.len() - 1)
    }

    fn check(&self, file: &File, index: usize) -> Result<Metadata, Fault> {
        let metadata = file.metadata().map_err(|error| self.fault(index, error))?;
        let stamp = system::changed(&metadata);
        // 0 means not seen, so the one nanosecond at the epoch borrows its neighbour's stamp.
        let stamp = if stamp == 0 { 1 } else { stamp };
        let same = metadata.is_file()
            && metadata.len() == self.plan.sources[index].length
            && self.stamps.agrees(index, stamp);
        if same {
            Ok(metadata)
        } else {
            Err(self.changed(index))
        }
    }

    fn changed(&self, index: usize) -> Fault {
        Fault::Changed {
            path: self.path(index),
        }
    }

    fn fault(&self, index: usize, error: io::Error) -> Fault {
        Fault::Read {
            path: self.path(index),
            error,
        }
    }

    fn path(&self, index: usize) -> PathBuf {
        match &self.plan.sources[index].place {
            Place::File(path) => path.clone(),
            Place::Memory(..) | Place::Padding => PathBuf::new(),
        }
    }
}

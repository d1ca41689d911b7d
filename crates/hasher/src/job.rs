//! A hashing job: threads, progress, cancelling and the result.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    Fault, Source,
    batch::Nodes,
    checksum::{self, Pace},
    kernel::Suite,
    merkle::{self, LEAF, Node},
    plan::Plan,
    read::Stamps,
    worker::{self, Found, Shared, Worker},
};

/// Threads beyond this only add seeks; a machine with more cores is limited by its disks.
const THREADS_MAX: usize = 64;

/// Pieces in flight for v2 alone, where what fills a kernel are their 16 KiB leaves.
const V2_LANES: usize = 8;

/// How to hash.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub piece_length: u64,
    pub v1: bool,
    pub v2: bool,
    /// Hash each file as a whole, too, with SHA-256.
    pub sha256: bool,
    /// 0 for one a core.
    pub threads: usize,
    /// Use only kernels of this name.
    pub kernel: Option<String>,
}

/// What a finished job knows.
#[derive(Debug, Default)]
pub struct Hashes {
    /// v1: 20 bytes a piece.
    pub pieces: Vec<u8>,
    /// v2: for each source its pieces root and its piece layer. Both are empty for empty files and
    /// padding, the layer also for files of at most a piece.
    pub roots: Vec<(Vec<u8>, Vec<u8>)>,
    /// For each source its SHA-256, empty for padding; nothing unless it was asked for.
    pub checksums: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Progress {
    running: usize,
    found: Vec<Found>,
    fault: Option<Fault>,
}

struct Inner {
    shared: Shared,
    progress: Mutex<Progress>,
    one_ended: Condvar,
}

/// Files being hashed by threads of their own.
pub struct Job(Arc<Inner>);

impl Job {
    /// Start hashing.
    pub fn start(sources: Vec<Source>, options: &Options) -> Result<Self, Fault> {
        let plan = Plan::new(sources, options.piece_length, options.v1, options.v2)?;
        let suite = Suite::new(options.kernel.as_deref())?;
        let lanes = if options.v1 {
            suite.sha1.lanes
        } else {
            // One reads a large file alone; small files fill the kernel only together.
            V2_LANES
        };
        let pieces = plan.piece_count();
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let threads = if options.threads == 0 {
            cores()
        } else {
            options.threads
        };
        let threads = threads.clamp(1, THREADS_MAX).min(pieces.max(1) as usize);
        // Few pieces are dealt to all threads rather than to all lanes of the first.
        let lanes = lanes.min(pieces.div_ceil(threads as u64).max(1) as usize);
        let (chunk, content) = if plan.is_in_memory() {
            // Nothing is read: a short chunk costs no call, and both kinds of hashes find it near.
            (worker::CHUNK_MIN, 0)
        } else {
            let lanes = if plan.v1 { lanes } else { 1 };
            (worker::chunk(threads, lanes), plan.length / threads as u64)
        };
        let stamps = Stamps::new(&plan);
        let workers = if plan.v1 || plan.v2 { threads } else { 0 };
        let summers = if options.sha256 {
            threads.min(plan.sources.len().max(1))
        } else {
            0
        };
        let job = Self(Arc::new(Inner {
            shared: Shared {
                plan,
                suite,
                stamps,
                next_piece: AtomicU64::new(0),
                bytes_done: AtomicU64::new(0),
                stop: AtomicBool::new(false),
                pace: options.sha256.then(Pace::default),
            },
            progress: Mutex::default(),
            one_ended: Condvar::new(),
        }));
        for index in 0..workers {
            job.spawn(format!("hash-{index}"), move |inner| {
                Worker::new(&inner.shared, lanes, chunk, content).run()
            })?;
        }
        for index in 0..summers {
            job.spawn(format!("sum-{index}"), |inner| match &inner.shared.pace {
                Some(pace) => checksum::run(&inner.shared, pace),
                None => Ok(Found::default()),
            })?;
        }
        Ok(job)
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce(&Inner) -> Result<Found, Fault> + Send + 'static,
    ) -> Result<(), Fault> {
        let inner = Arc::clone(&self.0);
        inner.lock().running += 1;
        let started = thread::Builder::new()
            .name(name)
            .spawn(move || inner.work(run));
        started.map(drop).map_err(|error| {
            self.0.lock().running -= 1;
            Fault::Thread(error.to_string())
        })
    }

    /// Wait until all threads have ended, at most this long; say whether they have.
    pub fn wait(&self, at_most: Duration) -> bool {
        let progress = self.0.lock();
        let (progress, _) = self
            .0
            .one_ended
            .wait_timeout_while(progress, at_most, |progress| progress.running > 0)
            .unwrap_or_else(PoisonError::into_inner);
        progress.running == 0
    }

    /// Bytes of content read so far.
    pub fn bytes_done(&self) -> u64 {
        let shared = &self.0.shared;
        match &shared.pace {
            Some(pace) if !shared.plan.v1 && !shared.plan.v2 => pace.bytes_done(),
            _ => shared.bytes_done.load(Ordering::Relaxed),
        }
    }

    /// Ask the threads to stop; they do within a chunk each.
    pub fn cancel(&self) {
        self.0.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Take the result of a job that `wait` called finished.
    pub fn take(&self) -> Result<Hashes, Fault> {
        let mut progress = self.0.lock();
        assert!(progress.running == 0, "taken before the threads have ended");
        if let Some(fault) = progress.fault.take() {
            return Err(fault);
        }
        let found = std::mem::take(&mut progress.found);
        drop(progress);
        Ok(self.0.shared.assemble(&found))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, run: impl FnOnce(&Self) -> Result<Found, Fault>) {
        let result = catch_unwind(AssertUnwindSafe(|| run(self)))
            .unwrap_or_else(|_| Err(Fault::Thread("panicked, which is a bug".to_owned())));
        let mut progress = self.lock();
        match result {
            Ok(found) => progress.found.push(found),
            Err(fault) => {
                // The others stop as cancelled; what stopped them is what the caller must learn.
                self.shared.stop.store(true, Ordering::Relaxed);
                if !matches!(progress.fault, Some(ref first) if !matches!(first, Fault::Cancelled))
                {
                    progress.fault = Some(fault);
                }
            }
        }
        progress.running -= 1;
        self.one_ended.notify_all();
    }
}

impl Shared {
    fn assemble(&self, found: &[Found]) -> Hashes {
        let plan = &self.plan;
        let count = plan.piece_count() as usize;
        let mut hashes = Hashes::default();
        if plan.v1 {
            hashes.pieces = vec![0; count * 20];
            for (piece, digest) in found.iter().flat_map(|found| &found.pieces) {
                hashes.pieces[*piece as usize * 20..][..20].copy_from_slice(digest);
            }
        }
        if plan.v2 {
            let mut piece_roots: Vec<Node> = vec![[0; 32]; count];
            for (piece, root) in found.iter().flat_map(|found| &found.roots) {
                piece_roots[*piece as usize] = *root;
            }
            hashes.roots = (0..plan.sources.len())
                .map(|index| self.tree(index, &piece_roots))
                .collect();
        }
        if self.pace.is_some() {
            hashes.checksums = vec![Vec::new(); plan.sources.len()];
            for (index, digest) in found.iter().flat_map(|found| &found.checksums) {
                hashes.checksums[*index] = digest.to_vec();
            }
        }
        hashes
    }

    fn tree(&self, index: usize, piece_roots: &[Node]) -> (Vec<u8>, Vec<u8>) {
        let plan = &self.plan;
        if plan.sources[index].is_padding() {
            return (Vec::new(), Vec::new());
        }
        let layer = &piece_roots[plan.pieces_of(index)];
        match layer {
            [] => (Vec::new(), Vec::new()),
            [root] => (root.to_vec(), Vec::new()),
            _ => {
                let height = (plan.piece_length / LEAF as u64).ilog2();
                let width = layer.len().next_power_of_two() as u64;
                let mut nodes = layer.to_vec();
                let choice = &self.suite.sha256;
                let root = merkle::root(choice, &mut nodes, width, height, &mut Nodes::default());
                (root.to_vec(), layer.as_flattened().to_vec())
            }
        }
    }
}

//! The connections that outlive one turn: few, since most are answered and closed when accepted.

use std::net::{IpAddr, TcpStream};

/// A connection between two turns.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) source: IpAddr,
    /// The beginning of a request, or requests that wait for `output` to be sent.
    pub(super) input: Vec<u8>,
    /// What did not fit the client's window, of which `sent` bytes went since.
    pub(super) output: Vec<u8>,
    pub(super) sent: usize,
    pub(super) requests: u32,
    /// To be closed when `output` is sent.
    pub(super) is_last: bool,
    /// When the head that `input` begins is due.
    pub(super) head_due_ms: Option<u64>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, source: IpAddr) -> Self {
        Self {
            stream,
            source,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            requests: 0,
            is_last: false,
            head_due_ms: None,
        }
    }

    pub(super) fn is_sending(&self) -> bool {
        self.sent < self.output.len()
    }
}

/// Where a connection is kept; stale once it is gone, even if another has taken its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) generation: u32,
}

const FREE_MS: u64 = u64::MAX;

/// A generation and a bit fill half of the number that `epoll` keeps.
const GENERATION_MAX: u32 = u32::MAX >> 1;

pub(super) struct Connections {
    slots: Vec<Slot>,
    /// When each is to be closed, apart from the slots so that looking through all is cheap.
    deadlines_ms: Vec<u64>,
    free: Vec<u32>,
    max: usize,
}

struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Self {
            slots: Vec::new(),
            deadlines_ms: Vec::new(),
            free: Vec::new(),
            max: max.max(1),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.len() - self.free.len() >= self.max
    }

    /// Finds a place for a connection that is put there with [`Connections::put`].
    pub(super) fn reserve(&mut self) -> Place {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                connection: None,
            });
            self.deadlines_ms.push(FREE_MS);
            self.slots.len() as u32 - 1
        });
        self.place(index as usize)
    }

    /// Takes a connection out for its turn; its place stays its own.
    pub(super) fn take(&mut self, place: Place) -> Option<Connection> {
        self.slots
            .get_mut(place.index as usize)
            .filter(|slot| slot.generation == place.generation)?
            .connection
            .take()
    }

    pub(super) fn put(&mut self, place: Place, connection: Connection, deadline_ms: u64) {
        self.slots[place.index as usize].connection = Some(connection);
        self.deadlines_ms[place.index as usize] = deadline_ms;
    }

    /// Gives up the place of a connection that was taken out.
    pub(super) fn free(&mut self, place: Place) {
        let slot = &mut self.slots[place.index as usize];
        slot.generation = (slot.generation + 1) & GENERATION_MAX;
        self.deadlines_ms[place.index as usize] = FREE_MS;
        self.free.push(place.index);
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Connection> {
        let connection = self.take(place)?;
        self.free(place);
        Some(connection)
    }

    /// The connection that has done the least for the longest time: the one that is due first.
    pub(super) fn least_active(&self) -> Option<Place> {
        let (index, _) = self
            .deadlines_ms
            .iter()
            .enumerate()
            .filter(|(_, deadline_ms)| **deadline_ms != FREE_MS)
            .min_by_key(|(_, deadline_ms)| **deadline_ms)?;
        Some(self.place(index))
    }

    /// Closes the connections that are due, and says how many were.
    pub(super) fn close_due(&mut self, now_ms: u64) -> usize {
        let due: Vec<_> = (0..self.slots.len())
            .filter(|index| self.deadlines_ms[*index] <= now_ms)
            .map(|index| self.place(index))
            .collect();
        for place in &due {
            self.remove(*place);
        }
        due.len()
    }

    fn place(&self, index: usize) -> Place {
        Place {
            index: index as u32,
            generation: self.slots[index].generation,
        }
    }
}

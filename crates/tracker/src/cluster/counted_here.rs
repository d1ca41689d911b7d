//! Downloads that this node counted lately, should another one have counted them as well.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::model::InfoHash;
use crate::swarm::counted::{CLIENT_SHIFT, is_same};

/// As many as there are marks, see `swarm/counted`.
const MAX: usize = 65_536;

#[derive(Default)]
pub(super) struct CountedHere(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    /// By the part of a mark that says which client.
    marks: HashMap<u64, (u64, InfoHash)>,
    order: VecDeque<u64>,
}

impl CountedHere {
    pub(super) fn add(&self, mark: u64, infohash: InfoHash) {
        let client = mark >> CLIENT_SHIFT;
        let mut recent = self.0.lock();
        if recent.marks.insert(client, (mark, infohash)).is_none() {
            recent.order.push_back(client);
        }
        if recent.order.len() > MAX
            && let Some(oldest) = recent.order.pop_front()
        {
            recent.marks.remove(&oldest);
        }
    }

    /// Take out the torrent of a download, if it was counted here.
    pub(super) fn remove(&self, mark: u64) -> Option<InfoHash> {
        let client = mark >> CLIENT_SHIFT;
        let mut recent = self.0.lock();
        let (own, _) = recent.marks.get(&client)?;
        if !is_same(*own, mark) {
            return None;
        }
        let (_, infohash) = recent.marks.remove(&client)?;
        Some(infohash)
    }
}

//! The merkle roots of pieces that are zeros from end to end, as in the holes of a sparse file.
//!
//! All blank pieces of one length have one root, so that it is computed once. Their SHA-1 is kept
//! where pieces end in zeros (`padding`).

use crate::{
    batch::{self, Nodes},
    kernel::Choice,
    merkle::{self, LEAF, Node},
};

static ZEROS: [u8; LEAF] = [0; LEAF];

/// Remembers the root of the last one: of a large file only the last piece is of another length.
#[derive(Default)]
pub(crate) struct BlankRoots {
    last: Option<(u64, u64, Node)>,
}

impl BlankRoots {
    /// The root over `length` zeros, in a tree of `width` leaves.
    pub(crate) fn root(
        &mut self,
        choice: &Choice<8>,
        length: u64,
        width: u64,
        scratch: &mut Nodes,
    ) -> Node {
        if let Some(last) = self.last.filter(|it| (it.0, it.1) == (length, width)) {
            return last.2;
        }
        let whole = (length / LEAF as u64) as usize;
        let rest = (length % LEAF as u64) as usize;
        let mut digests = Vec::new();
        batch::hash(choice, [&ZEROS[..], &ZEROS[..rest]], &mut digests);
        let mut leaves = vec![digests[0]; whole];
        if rest > 0 {
            leaves.push(digests[1]);
        }
        let root = merkle::root(choice, &mut leaves, width, 0, scratch);
        self.last = Some((length, width, root));
        root
    }
}

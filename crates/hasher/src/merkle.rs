//! Turns SHA-256 digests of 16 KiB blocks into subtrees, piece layers and roots (BEP 52).
//!
//! Trees are padded to a power of two with leaves of 32 zero bytes, whose subtrees are the same
//! everywhere and computed once.

use crate::{batch::Nodes, kernel::Choice};

/// Bytes under one leaf.
pub(crate) const LEAF: usize = 16 << 10;

pub(crate) type Node = [u8; 32];

/// The root of `nodes` padded to `width` nodes, a power of two, each padding node standing for
/// `2^height` absent leaves. `nodes` is left empty.
pub(crate) fn root(
    choice: &Choice<8>,
    nodes: &mut Vec<Node>,
    width: u64,
    mut height: u32,
    scratch: &mut Nodes,
) -> Node {
    let mut width = width;
    while width > 1 {
        if nodes.len() % 2 == 1 {
            nodes.push(absent(choice, height));
        }
        scratch.pair(choice, nodes);
        width /= 2;
        height += 1;
    }
    nodes.pop().unwrap_or_else(|| absent(choice, height))
}

/// The root of a subtree without content.
fn absent(choice: &Choice<8>, height: u32) -> Node {
    let mut node = [0; 32];
    let mut scratch = Nodes::default();
    for _ in 0..height {
        let mut pair = vec![node, node];
        scratch.pair(choice, &mut pair);
        node = pair[0];
    }
    node
}

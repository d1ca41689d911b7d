use std::sync::Arc;

use super::source;
use crate::answer::harness::Harness;
use crate::gate::{Keys, Lists};
use crate::wire::limits::UDP_ANSWER_BYTES_MAX;

const PROTOCOL_ID: u64 = 0x417_2710_1980;
const ERROR: u8 = 3;

/// Packets to the UDP port: a byte of flags and two of length each, then what follows the head.
pub fn udp(mut data: &[u8]) {
    let mut harness = Harness::new();
    while let Some(([flags, high, low], rest)) = data.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])) % 2048;
        let (rest, after) = rest.split_at(length.min(rest.len()));
        data = after;
        packet(&mut harness, *flags, rest);
    }
}

fn packet(harness: &mut Harness, flags: u8, rest: &[u8]) {
    let [has_head, is_proven, is_v6, is_keyed] = [1, 2, 4, 8].map(|bit| flags & bit != 0);
    let action = flags >> 4 & 3;
    let source = source(is_v6);
    harness.gate.replace(|lists| Lists {
        keys: is_keyed.then(|| Arc::new(Keys::new([b"KEY".to_vec()], None))),
        ..lists.clone()
    });
    let mut packet = Vec::new();
    if has_head {
        let id = match (action, is_proven) {
            (0, _) => PROTOCOL_ID,
            (_, true) => harness.id(source),
            (_, false) => harness.id(source) ^ 1,
        };
        packet.extend_from_slice(&id.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, action]);
    }
    packet.extend_from_slice(rest);
    let before = harness.store.totals();
    let answer = harness.udp(&packet, source);
    if answer.is_empty() {
        return;
    }
    assert_eq!(&answer[4..8], &packet[12..16], "the transaction id");
    assert!(answer[3] == packet[11] || answer[3] == ERROR);
    assert!(answer.len() <= UDP_ANSWER_BYTES_MAX);
    let id = packet.first_chunk().map(|id| u64::from_be_bytes(*id));
    if id != Some(harness.id(source)) {
        assert!(answer.len() <= packet.len(), "an amplifier");
        assert_eq!(harness.store.totals(), before, "a stranger's word");
    }
}

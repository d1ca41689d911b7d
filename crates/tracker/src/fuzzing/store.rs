use crate::limits::Limits;
use crate::swarm::trial::{Bytes, Place, Trial};

/// Operations on the store, compared with a naive one after each: a byte chooses the limits.
pub fn store(data: &[u8]) {
    const OPERATIONS_MAX: usize = 4096;
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let limits = match first % 4 {
        0 => Limits {
            torrents_max: 6,
            peers_max: 40,
            peers_per_torrent_max: 12,
            peers_per_address_max: 2,
            counters_kept_max: 2,
            peer_timeout_s: 900,
        },
        1 => Limits {
            counters_kept_max: 0,
            peer_timeout_s: 16,
            ..Limits::default()
        },
        _ => Limits::default(),
    };
    let place = Place {
        torrents: 7,
        small: 16,
        large: 256,
    };
    let mut trial = Trial::new(&limits, u64::from(*first));
    let mut source = Bytes(rest);
    for _ in 0..OPERATIONS_MAX {
        if source.0.is_empty() {
            break;
        }
        trial.act(&mut source, &place);
    }
    trial.check();
}

//! Sparse files hash as the zeros that their holes stand for.

use std::{fs, time::Duration};

use proptest::prelude::*;
use sha1::{Digest, Sha1};

use crate::{
    Fault, Job, Options, Place, Source,
    merkle::LEAF,
    tests::{Folder, bytes, plain_root, run},
};

/// A file of zeros that were never written, but for what is laid into it; as old as a settled one.
fn sparse(path: &std::path::Path, length: usize, parts: &[(usize, Vec<u8>)]) -> Vec<u8> {
    use std::os::unix::fs::FileExt;

    let file = fs::File::create(path).expect("a file for the test");
    file.set_len(length as u64).expect("a length");
    let mut content = vec![0; length];
    for (at, part) in parts {
        let at = at % length;
        let part = &part[..part.len().min(length - at)];
        file.write_all_at(part, at as u64).expect("a part");
        content[at..][..part.len()].copy_from_slice(part);
    }
    let hour = Duration::from_secs(3600);
    let then = std::time::SystemTime::now() - hour;
    file.set_modified(then).expect("a time");
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn holes_hash_as_the_zeros_that_they_stand_for(
        length in prop_oneof![1_usize..600_000, Just(524_288), Just(524_289)],
        parts in prop::collection::vec((any::<usize>(), 1_usize..9000), 0..4),
        threads in 1_usize..3,
    ) {
        let folder = Folder::new(&format!("holes-{length}-{threads}"));
        let path = folder.0.join("a");
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(at, count)| (at, bytes(count, 1)))
            .collect();
        let content = sparse(&path, length, &parts);
        let small = bytes(1000, 9);
        let piece = 4 * LEAF;
        for (v1, v2) in [(true, false), (false, true), (true, true)] {
            let mut sources = vec![Source { place: Place::File(path.clone()), length: length as u64 }];
            let mut stream = content.clone();
            if v1 && v2 {
                stream.resize(length.next_multiple_of(piece), 0);
                sources.push(Source { place: Place::Padding, length: (stream.len() - length) as u64 });
            }
            stream.extend(&small);
            sources.push(folder.file("b", &small));
            let options = Options {
                piece_length: piece as u64, v1, v2, threads, ..Options::default()
            };
            let found = run(sources, &options).expect("hashes");
            if v1 {
                let expected: Vec<u8> = stream
                    .chunks(piece)
                    .flat_map(|piece| Sha1::digest(piece).to_vec())
                    .collect();
                prop_assert_eq!(&found.pieces, &expected);
            }
            if v2 {
                prop_assert_eq!(&found.roots[0].0, &plain_root(&content, 1).to_vec());
            }
        }
    }
}

#[test]
fn a_terabyte_that_was_never_written_is_not_read_and_a_change_of_it_is_a_fault() {
    let folder = Folder::new("terabyte");
    let path = folder.0.join("a");
    let length = 1_u64 << 40;
    drop(sparse(&path, 1, &[]));
    let file = fs::File::options().write(true).open(&path).expect("a file");
    if file.set_len(length).is_err() {
        return; // The file system takes no such file.
    }
    let then = std::time::SystemTime::now() - Duration::from_secs(3600);
    file.set_modified(then).expect("a time");
    let source = || Source {
        place: Place::File(path.clone()),
        length,
    };
    let options = Options {
        piece_length: 16 << 20,
        v1: true,
        v2: true,
        ..Options::default()
    };
    let found = run(vec![source()], &options).expect("hashes");
    let blank = Sha1::digest(vec![0; 16 << 20]);
    assert_eq!(found.pieces.len(), 65_536 * 20);
    assert!(found.pieces.chunks(20).all(|piece| piece == &blank[..]));
    let small = Options {
        piece_length: 1 << 20,
        v1: true,
        ..Options::default()
    };
    let job = Job::start(vec![source()], &small).expect("a job");
    while job.bytes_done() == 0 {
        std::thread::yield_now();
    }
    file.set_modified(then + Duration::from_secs(1))
        .expect("a time");
    assert!(job.wait(Duration::from_secs(100)), "the job did not end");
    assert!(matches!(job.take(), Err(Fault::Changed { .. })));
}

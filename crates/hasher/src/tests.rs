//! Every kernel of this CPU against the `sha1` and `sha2` crates, and jobs against plain loops.

use std::{fs, path::PathBuf, time::Duration};

use proptest::prelude::*;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::{
    Fault, Hashes, Job, Memory, Options, Place, Source, batch,
    kernel::{BLOCK, Block, Choice, Kernel, LANES_MAX, Suite, kernels},
    merkle::LEAF,
    worker::{CHUNK_MAX, CHUNK_MIN},
};

/// Content in memory of its own.
#[allow(unsafe_code)] // writes through a pointer
fn in_memory(content: &[u8]) -> Source {
    let memory = Memory::new(content.len());
    // SAFETY: it has room for the content, and no job knows of it yet.
    unsafe {
        memory
            .as_mut_ptr()
            .copy_from(content.as_ptr(), content.len());
    };
    Source {
        place: Place::Memory(memory.into(), 0),
        length: content.len() as u64,
    }
}

impl Source {
    fn path(&self) -> Option<PathBuf> {
        match &self.place {
            Place::File(path) => Some(path.clone()),
            Place::Memory(..) | Place::Padding => None,
        }
    }
}

/// Compress unequal messages in lanes of equal steps, as `worker` does, with one kernel only.
fn compress_all<const W: usize>(
    kernel: &'static Kernel<W>,
    initial: [u32; W],
    messages: &[Vec<u8>],
) -> Vec<[u32; W]> {
    let choice = Choice::only(kernel);
    let padded: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| {
            let whole = message.len() / BLOCK * BLOCK;
            let (tail, count) = batch::tail(&message[whole..], message.len() as u64);
            [&message[..whole], &tail.as_flattened()[..count * BLOCK]].concat()
        })
        .collect();
    let mut rest: Vec<&[Block]> = padded.iter().map(|bytes| bytes.as_chunks().0).collect();
    let mut states = vec![initial; messages.len()];
    loop {
        let busy: Vec<usize> = (0..rest.len()).filter(|&at| !rest[at].is_empty()).collect();
        let Some(step) = busy.iter().map(|&at| rest[at].len()).min() else {
            return states;
        };
        for group in busy.chunks(LANES_MAX) {
            let mut lanes: Vec<[u32; W]> = group.iter().map(|&at| states[at]).collect();
            let blocks: Vec<&[Block]> = group.iter().map(|&at| &rest[at][..step]).collect();
            choice.compress(&mut lanes, &blocks);
            for (&at, lane) in group.iter().zip(lanes) {
                states[at] = lane;
                rest[at] = &rest[at][step..];
            }
        }
    }
}

fn check_sha1(messages: &[Vec<u8>]) {
    let expected: Vec<[u8; 20]> = messages
        .iter()
        .map(|message| Sha1::digest(message).into())
        .collect();
    for kernel in crate::sha1::KERNELS
        .iter()
        .filter(|kernel| (kernel.supported)())
    {
        let states = compress_all(kernel, crate::sha1::INITIAL, messages);
        let found: Vec<[u8; 20]> = states.iter().map(crate::sha1::digest).collect();
        assert_eq!(found, expected, "{}", kernel.name);
    }
}

fn check_sha256(messages: &[Vec<u8>]) {
    let expected: Vec<[u8; 32]> = messages
        .iter()
        .map(|message| Sha256::digest(message).into())
        .collect();
    for kernel in crate::sha256::KERNELS
        .iter()
        .filter(|kernel| (kernel.supported)())
    {
        let states = compress_all(kernel, crate::sha256::INITIAL, messages);
        let found: Vec<[u8; 32]> = states.iter().map(crate::sha256::digest).collect();
        assert_eq!(found, expected, "{}", kernel.name);
    }
    for name in kernels() {
        let suite = Suite::new(Some(name)).expect("a kernel of this CPU");
        let mut found = Vec::new();
        batch::hash(
            &suite.sha256,
            messages.iter().map(Vec::as_slice),
            &mut found,
        );
        assert_eq!(found, expected, "{name}");
    }
}

pub(crate) fn bytes(length: usize, seed: u8) -> Vec<u8> {
    let mut word = u64::from(seed) * 2 + 1;
    let next = || {
        word = word
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        (word >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn every_kernel_gives_the_digests_of_fips_180() {
    let messages = [
        "abc",
        "",
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    ];
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    };
    let sha1 = [
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ];
    let sha256 = [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ];
    let messages: Vec<Vec<u8>> = messages
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    for kernel in crate::sha1::KERNELS
        .iter()
        .filter(|kernel| (kernel.supported)())
    {
        let states = compress_all(kernel, crate::sha1::INITIAL, &messages);
        let found: Vec<String> = states
            .iter()
            .map(|state| hex(&crate::sha1::digest(state)))
            .collect();
        assert_eq!(found, sha1, "{}", kernel.name);
    }
    for kernel in crate::sha256::KERNELS
        .iter()
        .filter(|kernel| (kernel.supported)())
    {
        let states = compress_all(kernel, crate::sha256::INITIAL, &messages);
        let found: Vec<String> = states
            .iter()
            .map(|state| hex(&crate::sha256::digest(state)))
            .collect();
        assert_eq!(found, sha256, "{}", kernel.name);
    }
}

#[test]
fn every_kernel_is_right_for_every_length_around_three_blocks() {
    let messages: Vec<Vec<u8>> = (0..300).map(|length| bytes(length, length as u8)).collect();
    check_sha1(&messages);
    check_sha256(&messages);
}

#[test]
fn every_kernel_is_right_for_every_number_of_busy_lanes() {
    for busy in 1..=2 * LANES_MAX {
        let messages: Vec<Vec<u8>> = (0..busy).map(|lane| bytes(1000, lane as u8)).collect();
        check_sha1(&messages);
        check_sha256(&messages);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_is_right_for_lanes_of_unequal_length(
        lengths in prop::collection::vec(
            prop_oneof![0_usize..300, (1_usize..40).prop_map(|blocks| blocks * BLOCK),
                        (1_usize..40).prop_map(|blocks| blocks * BLOCK - 9), 0_usize..5000],
            1..40,
        ),
    ) {
        let messages: Vec<Vec<u8>> =
            lengths.iter().enumerate().map(|(at, &length)| bytes(length, at as u8)).collect();
        check_sha1(&messages);
        check_sha256(&messages);
    }
}

#[test]
fn every_kernel_hashes_zeros_that_are_nowhere() {
    for zeros in crate::sha1::ZEROS
        .iter()
        .filter(|zeros| (zeros.supported)())
    {
        for busy in 1..=zeros.lanes + 1 {
            for blocks in [0, 1, 2, 63, 64, 65, 200] {
                let head: Vec<Vec<u8>> = (0..busy).map(|lane| bytes(BLOCK, lane as u8)).collect();
                let mut states = vec![crate::sha1::INITIAL; busy];
                let expected: Vec<_> = head
                    .iter()
                    .zip(&mut states)
                    .map(|(head, state)| {
                        crate::sha1::one(state, head.as_chunks().0);
                        let mut after = *state;
                        crate::sha1::one(&mut after, &vec![[0; BLOCK]; blocks]);
                        after
                    })
                    .collect();
                zeros.run(&mut states, blocks);
                assert_eq!(states, expected, "{} {busy} {blocks}", zeros.name);
            }
        }
    }
}

#[test]
fn what_is_chosen_is_at_least_as_many_lanes_as_one() {
    let names = kernels();
    assert!(names.contains(&"portable"));
    for forced in names.into_iter().map(Some).chain([None]) {
        let suite = Suite::new(forced).expect("a kernel of this CPU");
        assert!((1..=LANES_MAX).contains(&suite.sha1.lanes), "{forced:?}");
        assert!((1..=LANES_MAX).contains(&suite.sha256.lanes), "{forced:?}");
    }
}

#[test]
fn a_long_job_finds_how_much_to_read_at_a_time() {
    let folder = Folder::new("long");
    let sparse = folder.file("a", b"");
    let path = sparse.path().expect("a path");
    let length = 320 << 20;
    let file = fs::File::options().write(true).open(&path).expect("a file");
    file.set_len(length).expect("a sparse file");
    let options = Options {
        piece_length: 1 << 20,
        v1: true,
        threads: 1,
        // Of one lane, so that no other test meets what is found here.
        kernel: Some("portable".into()),
        ..Options::default()
    };
    assert_eq!(crate::tuning::found(1), None);
    let source = Source { length, ..sparse };
    let job = Job::start(vec![source], &options).expect("a job");
    while !job.wait(Duration::from_secs(60)) {}
    job.take().expect("hashes");
    let chunk = crate::tuning::found(1).expect("a length");
    assert!((CHUNK_MIN..=CHUNK_MAX).contains(&chunk), "{chunk}");
}

/// A folder of its own that goes away with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("outpour-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> Source {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file for the test");
        Source {
            place: Place::File(path),
            length: content.len() as u64,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn run(sources: Vec<Source>, options: &Options) -> Result<Hashes, Fault> {
    let job = Job::start(sources, options)?;
    assert!(job.wait(Duration::from_secs(60)), "the job did not end");
    job.take()
}

/// The merkle tree of BEP 52 as its text says it, one node at a time.
pub(crate) fn plain_root(content: &[u8], leaves: usize) -> [u8; 32] {
    let mut nodes: Vec<[u8; 32]> = content
        .chunks(LEAF)
        .map(|leaf| Sha256::digest(leaf).into())
        .collect();
    nodes.resize(leaves.max(nodes.len()).next_power_of_two(), [0; 32]);
    while nodes.len() > 1 {
        nodes = nodes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| Sha256::digest(pair.as_flattened()).into())
            .collect();
    }
    nodes[0]
}

#[test]
fn files_around_every_border_hash_as_a_plain_loop_says() {
    let piece = 4 * LEAF;
    let borders = [LEAF, piece, 2 * piece, 5 * piece, 5 * piece + LEAF];
    check_borders("borders", piece, &borders);
}

#[test]
fn files_that_end_with_what_is_read_at_once_hash_as_a_plain_loop_says() {
    let piece = 2 * CHUNK_MAX;
    let borders = [CHUNK_MIN, 2 * CHUNK_MIN, CHUNK_MAX / 4, CHUNK_MAX, piece];
    check_borders("chunks", piece, &borders);
}

/// Hash files of lengths around `borders` in all formats, and each as its specification says it.
fn check_borders(name: &str, piece: usize, borders: &[usize]) {
    let folder = Folder::new(name);
    let mut lengths = vec![0, 1, 63, 64, 65, 0];
    for border in borders {
        lengths.extend([border - 1, *border, border + 1]);
    }
    let contents: Vec<Vec<u8>> = lengths
        .iter()
        .enumerate()
        .map(|(at, &length)| bytes(length, at as u8))
        .collect();
    let sources = |padded: bool, of_memory: bool| {
        let mut sources = Vec::new();
        for (at, content) in contents.iter().enumerate() {
            let file = folder.file(&at.to_string(), content);
            sources.push(if of_memory { in_memory(content) } else { file });
            let padding = content.len().next_multiple_of(piece) - content.len();
            if padded && padding > 0 {
                sources.push(Source {
                    place: Place::Padding,
                    length: padding as u64,
                });
            }
        }
        sources
    };
    let stream = contents.concat();
    let mut aligned = Vec::new();
    for content in &contents {
        aligned.extend_from_slice(content);
        aligned.resize(aligned.len().next_multiple_of(piece), 0);
    }
    let pieces = |stream: &[u8]| -> Vec<u8> {
        stream
            .chunks(piece)
            .flat_map(|piece| Sha1::digest(piece).to_vec())
            .collect()
    };
    for kernel in kernels() {
        for (threads, of_memory) in [(1, false), (3, false), (1, true), (2, true)] {
            let options = Options {
                piece_length: piece as u64,
                v1: true,
                threads,
                kernel: Some(kernel.to_owned()),
                ..Options::default()
            };
            let v1 = run(sources(false, of_memory), &options).expect("v1");
            assert_eq!(v1.pieces, pieces(&stream), "{kernel}");
            let v2 = run(
                sources(false, of_memory),
                &Options {
                    v1: false,
                    v2: true,
                    ..options.clone()
                },
            );
            let v2 = v2.expect("v2");
            for (content, (root, layer)) in contents.iter().zip(&v2.roots) {
                let large = content.len() > piece;
                let leaves = if large { piece / LEAF } else { 1 };
                let expected = if content.is_empty() {
                    vec![]
                } else {
                    plain_root(content, leaves).to_vec()
                };
                assert_eq!(*root, expected, "{kernel} {}", content.len());
                let expected: Vec<u8> = if large {
                    content
                        .chunks(piece)
                        .flat_map(|part| plain_root(part, piece / LEAF))
                        .collect()
                } else {
                    vec![]
                };
                assert_eq!(*layer, expected, "{kernel} {}", content.len());
            }
            let hybrid = run(
                sources(true, of_memory),
                &Options {
                    v2: true,
                    ..options
                },
            )
            .expect("hybrid");
            assert_eq!(hybrid.pieces, pieces(&aligned), "{kernel}");
            let files: Vec<_> = sources(true, of_memory)
                .into_iter()
                .zip(hybrid.roots)
                .collect();
            let roots: Vec<_> = files
                .into_iter()
                .filter_map(|(source, roots)| (!source.is_padding()).then_some(roots))
                .collect();
            assert_eq!(roots, v2.roots, "{kernel}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn padding_between_files_hashes_as_the_zeros_that_it_stands_for(
        layout in prop::collection::vec(
            (any::<bool>(), prop_oneof![0_usize..200, 0_usize..300_000]), 1..12,
        ),
        piece_length in prop_oneof![Just(64_usize), Just(1 << 17), 100_usize..200_000],
        threads in 1_usize..3,
    ) {
        let folder = Folder::new(&format!("padding-{piece_length}-{threads}"));
        let mut stream = Vec::new();
        let mut sources = Vec::new();
        for (at, &(is_file, length)) in layout.iter().enumerate() {
            if is_file {
                let content = bytes(length, at as u8);
                sources.push(folder.file(&at.to_string(), &content));
                stream.extend(content);
            } else {
                sources.push(Source { place: Place::Padding, length: length as u64 });
                stream.resize(stream.len() + length, 0);
            }
        }
        let expected: Vec<u8> = stream
            .chunks(piece_length)
            .flat_map(|piece| Sha1::digest(piece).to_vec())
            .collect();
        for kernel in kernels() {
            let options = Options {
                piece_length: piece_length as u64,
                v1: true,
                threads,
                kernel: Some(kernel.to_owned()),
                ..Options::default()
            };
            let copy = sources.iter().map(|source| Source {
                place: source.place.clone(),
                length: source.length,
            });
            let found = run(copy.collect(), &options).expect("hashes").pieces;
            prop_assert_eq!(&found, &expected, "{}", kernel);
        }
    }
}

#[test]
fn a_v1_piece_length_may_be_any_number() {
    let folder = Folder::new("odd");
    let content = bytes(1_000_000, 7);
    for piece_length in [1000_usize, 65_537, 999_999, 2_000_000] {
        let options = Options {
            piece_length: piece_length as u64,
            v1: true,
            ..Options::default()
        };
        let found = run(vec![folder.file("a", &content)], &options)
            .expect("hashes")
            .pieces;
        let expected: Vec<u8> = content
            .chunks(piece_length)
            .flat_map(|piece| Sha1::digest(piece).to_vec())
            .collect();
        assert_eq!(found, expected, "{piece_length}");
    }
}

#[test]
fn a_file_of_another_length_than_said_is_a_fault_that_names_it() {
    let folder = Folder::new("changed");
    let options = Options {
        piece_length: 16384,
        v1: true,
        ..Options::default()
    };
    for difference in [-1_i64, 1] {
        let mut source = folder.file("a", &bytes(100_000, 1));
        source.length = source.length.saturating_add_signed(difference);
        let path = source.path();
        match run(vec![source], &options) {
            Err(Fault::Changed { path: named }) => assert_eq!(Some(named), path),
            other => panic!("{other:?}"),
        }
    }
    let gone = Source {
        place: Place::File(folder.0.join("gone")),
        length: 5,
    };
    assert!(matches!(run(vec![gone], &options), Err(Fault::Read { .. })));
}

#[test]
fn layouts_that_cannot_be_are_refused() {
    let source = || {
        vec![Source {
            place: Place::File("a".into()),
            length: 5,
        }]
    };
    let refused = |piece_length: u64, v1: bool, v2: bool, sources: Vec<Source>| {
        let options = Options {
            piece_length,
            v1,
            v2,
            ..Options::default()
        };
        assert!(
            matches!(Job::start(sources, &options), Err(Fault::Plan(_))),
            "{piece_length}"
        );
    };
    refused(0, true, false, source());
    refused(8192, false, true, source());
    refused(49152, false, true, source());
    refused(
        16384,
        true,
        true,
        source().into_iter().chain(source()).collect(),
    );
    refused(
        16384,
        true,
        false,
        vec![Source {
            place: Place::Padding,
            length: u64::MAX,
        }],
    );
    let options = Options {
        piece_length: 16384,
        v1: true,
        kernel: Some("abacus".into()),
        ..Options::default()
    };
    assert!(matches!(Job::start(source(), &options), Err(Fault::Kernel(name)) if name == "abacus"));
}

#[test]
fn a_cancelled_job_ends_without_a_result() {
    let folder = Folder::new("cancelled");
    let sparse = folder.file("a", b"");
    let path = sparse.path().expect("a path");
    let length = 1_u64 << 36;
    let file = fs::File::options().write(true).open(&path).expect("a file");
    file.set_len(length).expect("a sparse file");
    let options = Options {
        piece_length: 1 << 20,
        v1: true,
        v2: true,
        ..Options::default()
    };
    let job = Job::start(
        vec![Source {
            place: Place::File(path),
            length,
        }],
        &options,
    )
    .expect("a job");
    assert!(
        !job.wait(Duration::from_millis(1)),
        "64 GiB were hashed in a millisecond"
    );
    job.cancel();
    assert!(job.wait(Duration::from_secs(5)), "the job did not stop");
    assert!(matches!(job.take(), Err(Fault::Cancelled)));
}

#[test]
fn nothing_to_hash_is_an_empty_result() {
    let options = Options {
        piece_length: 16384,
        v1: true,
        v2: true,
        ..Options::default()
    };
    let folder = Folder::new("empty");
    let hashes = run(vec![folder.file("a", b"")], &options).expect("hashes");
    assert_eq!(hashes.pieces, b"");
    assert_eq!(hashes.roots, [(vec![], vec![])]);
}

#[test]
fn checksums_are_those_of_whole_files_whatever_is_made_beside() {
    let folder = Folder::new("sums");
    let lengths = [
        0, 1, 63, 64, 65, 262_144, 262_145, 3_000_000, 16_384, 1_048_576,
    ];
    let contents: Vec<Vec<u8>> = (0..40)
        .map(|at| bytes(lengths[at % lengths.len()], at as u8))
        .collect();
    for (v1, v2) in [(false, false), (true, false), (false, true)] {
        for threads in [1, 3] {
            for kernel in kernels() {
                let mut sources: Vec<Source> = contents
                    .iter()
                    .enumerate()
                    .map(|(at, content)| folder.file(&at.to_string(), content))
                    .collect();
                if v1 {
                    sources.push(Source {
                        place: Place::Padding,
                        length: 1000,
                    });
                }
                let options = Options {
                    piece_length: 65_536,
                    v1,
                    v2,
                    sha256: true,
                    threads,
                    kernel: Some(kernel.to_owned()),
                };
                let found = run(sources, &options).expect("hashes").checksums;
                let mut expected: Vec<Vec<u8>> = contents
                    .iter()
                    .map(|content| Sha256::digest(content).to_vec())
                    .collect();
                if v1 {
                    expected.push(Vec::new());
                }
                assert_eq!(found, expected, "{kernel} {threads} {v1} {v2}");
            }
        }
    }
}

#[test]
fn a_file_that_changed_is_a_fault_of_its_checksum_too() {
    let folder = Folder::new("sum-changed");
    for length in [1000, 1_000_000] {
        let mut source = folder.file("a", &bytes(length, 1));
        source.length += 1;
        let options = Options {
            piece_length: 16384,
            sha256: true,
            ..Options::default()
        };
        assert!(matches!(
            run(vec![source], &options),
            Err(Fault::Changed { .. })
        ));
    }
}

"""What is made here against what libtorrent makes of the same files with the same options."""

import os
import random
import warnings

import libtorrent as lt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import outpour
from outpour import CreateOptions
from outpour.making.verifier import verify
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

PIECE_LENGTH = 16384
FLAGS = lt.create_torrent
CANONICAL = FLAGS.v1_only | FLAGS.canonical_files


def theirs(path, flags, piece_length=PIECE_LENGTH):
    """The info dictionary that libtorrent makes."""
    files = lt.list_files(str(path), lambda _: True, flags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        making = lt.create_torrent(files, piece_length, flags)
    lt.set_piece_hashes(making, str(path.parent), lambda _: None)
    return lt.bencode(making.generate()[b"info"])


def ours(path, piece_length=PIECE_LENGTH, **options):
    return outpour.create(path, CreateOptions(piece_length=piece_length, **options))


def load(metainfo):
    """Load a torrent into libtorrent, which checks that v1 and v2 agree."""
    info = lt.load_torrent_buffer(metainfo.raw).ti
    assert info is not None
    return info


@pytest.fixture
def single(tmp_path):
    path = tmp_path / "größe.iso"
    path.write_bytes(random.Random(1).randbytes(100_001))
    return path


@pytest.fixture
def tree(tmp_path):
    """Files below, at and above a piece, empty ones, executables and odd names."""
    source = random.Random(2)
    root = tmp_path / "tree"
    sizes = {
        "a/deep/er/x": 5, "a/empty": 0, "b": PIECE_LENGTH, "c.bin": 3 * PIECE_LENGTH + 1,
        "empty": 0, "größe/音楽": 40_000, "run.sh": 70, "z/last": PIECE_LENGTH - 1,
    }  # fmt: skip
    for name, size in sizes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(size))
    (root / "run.sh").chmod(0o755)
    return root


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (FLAGS.v1_only, {"format": "v1"}),
        (CANONICAL, {"format": "v1", "align": True}),
        (FLAGS.v2_only, {"format": "v2"}),
        (0, {"format": "hybrid"}),
    ],
)
def test_the_info_dictionary_of_a_file_is_that_of_libtorrent(single, flags, options):
    assert ours(single, attributes=True, **options).info.raw == theirs(single, flags)


@pytest.mark.parametrize("piece_length", [PIECE_LENGTH, 1 << 18, 4 << 20])
@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (CANONICAL, {"format": "v1", "align": True}),
        (FLAGS.v2_only, {"format": "v2"}),
        (0, {"format": "hybrid"}),
    ],
)
def test_the_info_dictionary_of_a_tree_is_that_of_libtorrent(tree, flags, options, piece_length):
    # As long as what is read at once, and not as a piece.
    for count in (1, 2, 3, 5, 16, 32):
        (tree / f"{count} chunks").write_bytes(random.Random(count).randbytes(count << 16))
    made = ours(tree, piece_length, attributes=True, **options)
    assert made.info.raw == theirs(tree, flags, piece_length)
    assert verify(made, tree).ok


@pytest.mark.parametrize("name", ["x", "sub/x", "sub/tree"])
@pytest.mark.parametrize(
    ("flags", "options"),
    [(CANONICAL, {"format": "v1", "align": True}), (0, {"format": "hybrid"})],
)
def test_the_info_dictionary_of_a_folder_of_one_file_is_that_of_libtorrent(
    tmp_path, flags, options, name
):
    path = tmp_path / "tree" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 20_001)
    made = ours(tmp_path / "tree", attributes=True, **options)
    assert made.info.raw == theirs(tmp_path / "tree", flags)
    assert not any(file.is_padding for file in made.info.files)
    load(made)
    (path.parent / "empty").write_bytes(b"")
    made = ours(tmp_path / "tree", attributes=True, **options)
    assert made.info.raw == theirs(tmp_path / "tree", flags)
    assert any(file.is_padding for file in made.info.files)


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (CANONICAL, {"format": "v1", "align": True}),
        (FLAGS.v2_only, {"format": "v2"}),
        (0, {"format": "hybrid"}),
    ],
)
def test_kept_links_are_those_of_libtorrent(tree, flags, options):
    (tree / "a" / "link").symlink_to("../c.bin")
    (tree / "folder").symlink_to("a")
    made = ours(tree, attributes=True, symlinks="keep", **options)
    assert made.info.raw == theirs(tree, flags | FLAGS.symlinks)
    links = {"/".join(file.path): file.symlink for file in made.info.files if file.symlink}
    assert links == {"a/link": ("c.bin",), "folder": ("a",)}
    layout = load(made).layout()
    assert [
        layout.symlink(index)
        for index in range(layout.num_files())
        if layout.file_flags(index) & lt.file_flags_t.flag_symlink
    ] == ["tree/c.bin", "tree/a"]


def test_the_v1_list_without_padding_is_that_of_libtorrent_in_our_order(tree):
    # Its own order is that of the folder on disk, so it is given the files in ours.
    made = ours(tree, attributes=True)
    files = [
        lt.create_file_entry(
            "/".join(("tree", *file.path)),
            file.length,
            lt.file_flags_t.flag_executable if "x" in file.attr else 0,
        )
        for file in made.info.files
    ]
    making = lt.create_torrent(files, PIECE_LENGTH, FLAGS.v1_only)
    lt.set_piece_hashes(making, str(tree.parent), lambda _: None)
    assert made.info.raw == lt.bencode(making.generate()[b"info"])


def test_names_around_the_separator_load_where_libtorrent_fails_its_own(tmp_path):
    # `-` and `.` sort before `/`: by paths as text `a-b` comes before `a/z`, in the tree after.
    root = tmp_path / "d"
    (root / "a").mkdir(parents=True)
    for name in ("a/z", "a-b", "a.b"):
        (root / name).write_bytes(b"x")
    info = load(ours(root, format="hybrid"))
    assert [info.layout().file_name(index) for index in (0, 2, 4)] == ["z", "a-b", "a.b"]
    with pytest.raises(RuntimeError, match="does not match"):
        load(Metainfo.parse(b"d4:info" + theirs(root, 0) + b"e"))


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_what_stands_in_the_info_dictionary_beside_the_content(single, format):
    digest = bytes(range(20))
    flags = {"v1": FLAGS.v1_only, "v2": FLAGS.v2_only, "hybrid": 0}[format]
    files = lt.list_files(str(single), lambda _: True, flags)
    making = lt.create_torrent(files, PIECE_LENGTH, flags)
    making.set_priv(True)
    making.add_similar_torrent(lt.sha1_hash(digest))
    making.add_collection("releases")
    making.add_node("127.0.0.1", 6881)
    lt.set_piece_hashes(making, str(single.parent), lambda _: None)
    their = making.generate()
    made = ours(
        single, format=format, private=True, similar=(digest,), collections=("releases",),
        nodes=(("127.0.0.1", 6881),), http_seeds=("http://127.0.0.1/seed",),
    )  # fmt: skip
    assert made.info.raw == lt.bencode(their[b"info"])
    root = bencode.decode(made.raw)
    assert isinstance(root, dict)
    assert root[b"nodes"] == their[b"nodes"]
    assert made.similar == (digest,)
    assert made.collections == ("releases",)
    assert made.nodes == (("127.0.0.1", 6881),)
    assert made.http_seeds == ("http://127.0.0.1/seed",)


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.dictionaries(
        st.text("ab-./", min_size=1, max_size=8).map(lambda text: text.strip("./")).filter(
            lambda text: text and not any(part in {"", ".", ".."} for part in text.split("/"))
        ),
        st.sampled_from([0, 1, PIECE_LENGTH - 1, PIECE_LENGTH, PIECE_LENGTH + 1, 70_000]),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_any_tree_loads_with_the_same_infohash_and_verifies(tmp_path_factory, format, sizes):
    root = tmp_path_factory.mktemp("any") / "d"
    root.mkdir()
    source = random.Random(3)
    for name, size in {**sizes, "content": 1}.items():
        path = root / name
        if any(parent.is_file() for parent in path.parents) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(size))
    made = ours(root, format=format, hidden=True)
    assert bencode.encode(bencode.decode(made.raw)) == made.raw
    hashes = load(made).info_hashes()
    assert (made.info.infohash_v1 or bytes(20)) == hashes.v1.to_bytes()
    assert (made.info.infohash_v2 or bytes(32)) == hashes.v2.to_bytes()
    report = verify(made, root)
    assert report.ok
    assert not report.extra


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_two_runs_and_two_orders_on_disk_make_the_same_bytes(tmp_path, format):
    names = [f"{number:02}" for number in range(40)]
    made = []
    for turn, order in enumerate((names, names[::-1])):
        root = tmp_path / str(turn) / "d"
        root.mkdir(parents=True)
        for name in order:
            (root / name).write_bytes(name.encode() * 900)
        os.utime(root / "00", (turn, turn))
        options = {"format": format, "creation_date": 1, "threads": turn + 1}
        made += [ours(root, **options).raw for _ in range(2)]
    assert len(set(made)) == 1

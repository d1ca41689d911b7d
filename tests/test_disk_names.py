"""Where names of a torrent lead on disk, against what libtorrent makes of the same names."""

import random
import warnings

import libtorrent as lt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpour.base.errors import BencodeError, MetainfoError
from outpour.torrent import bencode
from outpour.torrent.disk_names import (
    disk_names,
    libtorrent_name,
    other_disk_names,
    root_name,
    root_names,
    safe_name,
)
from outpour.torrent.metainfo import Metainfo
from outpour.torrent.paths import component_fault
from tests.hostile import PLACED, encoded, folder, single, tree

ODD = st.sampled_from(
    [
        b"/", b"\\", b".", b"..", b"\0", b"\r", b"\x1b", b"\x7f", b"\xc2\x85", b"\xd6\\", b"\xff",
        b"\xe2\x80\x8b", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80",
        b"\xc0\xaf", b"\xf9abcd", b"a" * 238, b"\xc3\xa9" * 119, b".iso", b"Icon", b" ", b"C:",
    ]
)  # fmt: skip
NAMES = st.lists(ODD | st.binary(max_size=3), max_size=4).map(b"".join)


def theirs(raw):
    """The paths at which libtorrent stores what is more than padding, in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        params = lt.load_torrent_buffer(raw)
    assert params.ti is not None
    layout = params.ti.layout()
    renamed = {int(index): path for index, path in params.renamed_files.items()}
    return [
        renamed.get(index, layout.file_path(index))
        for index in range(layout.num_files())
        if not layout.file_flags(index) & lt.file_flags_t.flag_pad_file
    ]


def joined(paths):
    return ["/".join(path) for path in paths]


@settings(max_examples=400)
@given(NAMES)
def test_every_name_is_spelt_as_libtorrent_spells_it(name):
    raw = bencode.encode(folder((["x", name, "y"], 1)))
    (path,) = theirs(raw)
    spelt = libtorrent_name(name.decode("utf-8", "surrogateescape"))
    assert f"d/x/{spelt}/y" == path
    assert spelt not in {"", ".", ".."}
    assert not {"/", "\0"} & {*spelt}


@settings(max_examples=200)
@given(NAMES)
def test_every_root_is_one_that_libtorrent_would_use(name):
    info = Metainfo.parse(bencode.encode(folder((["x"], 1), name=name))).info
    (path,) = theirs(bencode.encode(folder((["x"], 1), name=name)))
    try:
        names = root_names(info)
    except MetainfoError as error:
        assert "climbs" in error.message  # noqa: PT017 - libtorrent takes the infohash here
        return
    assert path.removesuffix("/x") in names
    assert component_fault(info.name) is None or names[0] == path.removesuffix("/x")


@pytest.mark.parametrize("case", PLACED)
def test_names_that_no_disk_takes_lead_where_libtorrent_stores_them(case):
    value, paths = PLACED[case]
    assert list(disk_names(Metainfo.parse(encoded(value)).info)) == paths
    if case != "a file is a folder":
        assert theirs(encoded(value)) == joined(paths)


def test_what_a_disk_takes_is_stored_as_it_is_and_found_where_libtorrent_stores_it():
    value = folder(
        ([b"latin1_\xe9"], 1), (["A"], 1), (["a"], 1), (["a" * 250], 1), (["x\u200by", "z"], 1)
    )
    info = Metainfo.parse(encoded(value)).info
    assert not info.has_odd_names
    assert [path[1:] for path in disk_names(info)] == [file.path for file in info.files]
    (other,) = other_disk_names(info)
    assert joined(other) == theirs(encoded(value))
    assert other[2] == ("d", "a.1")


def test_a_client_that_takes_every_name_as_it_is_is_found_too():
    value = folder((["Icon\r"], 1), (["a\\b"], 1), name="x\ny")
    info = Metainfo.parse(encoded(value)).info
    assert disk_names(info) == (("x_y", "Icon_"), ("x_y", "ab"))
    assert other_disk_names(info) == ((("x\ny", "Icon\r"), ("x\ny", "a\\b")),)
    assert root_names(info) == ("x_y", "x\ny")


def test_a_tree_of_one_file_may_lie_without_its_folder():
    info = Metainfo.parse(encoded(tree([(("x",), 1)]))).info
    assert disk_names(info) == (("d", "x"),)
    assert other_disk_names(info) == ((("x",),),)
    assert theirs(encoded(tree([(("x",), 1)]))) == ["x"]


def test_a_given_root_is_taken_as_it_is():
    info = Metainfo.parse(encoded(folder((["a/b"], 1), name="c/d"))).info
    assert root_name(info) == "cd"
    assert disk_names(info, "mine") == (("mine", "ab"),)
    assert disk_names(Metainfo.parse(encoded(single())).info, "mine") == (("mine",),)


def test_no_two_files_lie_in_one_place():
    chance = random.Random(5)
    letters = ["a", "A", "a.x", "/a", "a.1", "_", "/"]
    for _ in range(200):
        paths = [
            [chance.choice(letters) for _ in range(chance.randint(1, 3))]
            for _ in range(chance.randint(1, 12))
        ]
        info = Metainfo.parse(encoded(folder(*[(path, 1) for path in paths]))).info
        for way in (disk_names(info), *other_disk_names(info)[:1]):
            assert len({*way}) == len(way) == len(paths)
            folders = {path[:depth] for path in way for depth in range(1, len(path))}
            assert not folders & {*way}


def test_many_files_of_one_name_are_numbered_in_a_time_that_is_linear():
    info = Metainfo.parse(encoded(folder(*[(["a.x"], 1)] * 50_000))).info
    assert disk_names(info)[-1] == ("d", "a.49999.x")


@pytest.mark.parametrize("name", ["..", "/..", "../", "/\u200b..", "..\\", ".\0."])
def test_what_climbs_leads_nowhere(name):
    for value in (folder(([name, "x"], 1)), folder((["x"], 1), name=name)):
        info = Metainfo.parse(encoded(value)).info
        for placing in (disk_names, other_disk_names):
            with pytest.raises(MetainfoError, match="climbs out of the folder"):
                placing(info)
    assert safe_name(name) == "_"


CHANGED = [
    0, 1, -1, 5, b"", b"x", b"http://a/", [], [b"http://a/"], [1], [[b"http://a/"], 1], [[1]], {},
    {b"x": 1}, [[]], 1 << 20, b"\xff", [b"\0"], [b"a", b"a"],
]  # fmt: skip
KEYS = [
    "announce", "announce-list", "comment", "created by", "creation date", "encoding", "url-list",
    "httpseeds", "nodes", "piece layers", "similar", "collections", "publisher",
]  # fmt: skip
INFO_KEYS = [
    "name.utf-8", "private", "source", "similar", "collections", "meta version", "md5sum",
    "ssl-cert", "profiles", "file-duration", "publisher",
]  # fmt: skip
FILE_KEYS = ["path.utf-8", "attr", "mtime", "sha1", "md5sum", "ed2k", "symlink path"]


@pytest.mark.parametrize("key", [*KEYS, *map("info.{}".format, INFO_KEYS), *FILE_KEYS])
def test_what_libtorrent_loads_is_read_with_the_same_infohash(key):
    for changed in CHANGED:
        root = folder((["a"], 20_000), (["b", "c"], 5))
        where = root["info"]["files"][1] if key in FILE_KEYS else root
        where = root["info"] if key.startswith("info.") else where
        where[key.removeprefix("info.")] = changed
        raw = encoded(root)
        try:
            theirs(raw)
        except RuntimeError:
            continue
        info = Metainfo.parse(raw).info
        digest = lt.load_torrent_buffer(raw).info_hashes.v1.to_bytes()
        assert info.infohash == digest, (key, changed)
        ways = (disk_names(info), *other_disk_names(info))
        assert theirs(raw) in [joined(way) for way in ways], (key, changed)


@pytest.mark.parametrize("behind", [b"\n", b"\r\n", b"\0" * 9, b"e", b"d", b"<html>"])
def test_bytes_behind_the_end_are_read_over(behind):
    raw = encoded(single()) + behind
    theirs(raw)
    metainfo = Metainfo.parse(raw)
    assert metainfo.trailing == len(behind)
    assert metainfo.raw == raw


@pytest.mark.parametrize(("right", "wrong"), [(b"i12e", b"i-0e"), (b"i12e", b"i012e")])
def test_what_gives_one_file_two_infohashes_stays_refused(right, wrong):
    with pytest.raises(BencodeError):
        Metainfo.parse(encoded(single()).replace(right, wrong))


def test_a_torrent_of_padding_alone_has_nothing_on_disk():
    for raw in map(bencode.encode, (single(attr="p"), folder(([".pad", "1"], 1)))):
        info = Metainfo.parse(raw.replace(b"4:pathl", b"4:attr1:p4:pathl")).info
        assert [file.is_padding for file in info.files] == [True]
        assert disk_names(info) == ()

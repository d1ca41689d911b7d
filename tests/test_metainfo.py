import gzip
import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import BencodeError, FormatError, MetainfoError, ReadError
from outpour.torrent import bencode
from outpour.torrent.bencode import Limits
from outpour.torrent.merkle import root_of_layer
from outpour.torrent.metainfo import Metainfo
from tests.hostile import HOSTILE, LEAF, MALFORMED, encoded, folder, single, tree


def parse(value):
    return Metainfo.parse(encoded(value))


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_torrent_is_refused_at_its_field(case):
    value, field = HOSTILE[case]
    with pytest.raises(MetainfoError) as caught:
        parse(value)
    assert caught.value.field == field
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("raw", MALFORMED)
def test_what_readers_would_disagree_on_is_refused(raw):
    with pytest.raises(BencodeError):
        parse(raw)


@given(
    st.dictionaries(
        st.sampled_from(["info", "announce", "announce-list", "url-list", "piece layers", "nodes"]),
        st.recursive(
            st.integers() .filter(lambda n: abs(n) < 2**63) | st.binary(max_size=24),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [b"name", b"length", b"files", b"path", b"pieces", b"piece length", b"",
                     b"file tree", b"meta version", b"pieces root"]
                ),
                inner,
            ),
            max_leaves=30,
        ),
    )
)  # fmt: skip
def test_no_dictionary_fails_in_another_way(value):
    try:
        parse(value)
    except FormatError as error:
        assert str(error)  # noqa: PT017 - a torrent by chance is fine too


@given(st.binary(max_size=80))
def test_no_bytes_fail_in_another_way(raw):
    with pytest.raises(FormatError):
        Metainfo.parse(raw)


@given(st.integers(0, 300), st.binary(min_size=1, max_size=3))
def test_no_damage_fails_in_another_way(at, damage):
    raw = bencode.encode(folder((["a", "b"], 20000), (["c"], 5), source="x"))
    at %= len(raw)
    try:
        Metainfo.parse(raw[:at] + damage + raw[at + len(damage) :])
    except FormatError as error:
        assert str(error)  # noqa: PT017 - some damage leaves a torrent


def test_the_torrents_of_the_original_tools_are_read(classic):
    hello = Metainfo.read(classic / "hello.torrent")
    assert hello.info.infohash_hex == "e25d7c06d525617193e405c30a3c6a77b2e56510"
    assert hello.info.version == "v1"
    assert (hello.info.name, hello.info.length, hello.info.is_folder) == ("hello.txt", 12, False)
    assert [file.path for file in hello.info.files] == [("hello.txt",)]
    assert hello.tiers == (("http://127.0.0.1:7001/announce",),)
    assert (hello.comment, hello.creation_date) == ("a comment", 1795367587)
    folder = Metainfo.read(classic / "dir.torrent")
    assert folder.info.is_folder
    assert [(file.path, file.length, file.offset) for file in folder.info.files] == [
        (("a.txt",), 10, 0),
        (("sub", "b.txt"), 20, 10),
    ]
    assert Metainfo.read(classic / "big.torrent").info.piece_count == 5


def test_the_infohash_is_that_of_the_bytes_even_when_keys_are_not_sorted():
    info = b"d12:piece lengthi16384e4:name5:a.txt6:pieces20:" + b"\1" * 20 + b"6:lengthi12ee"
    metainfo = parse(b"d4:info" + info + b"8:announce9:http://a/e")
    assert metainfo.info.infohash == hashlib.sha1(info).digest()
    assert metainfo.announce == "http://a/"


def test_v2_is_read():
    metainfo = parse(tree([(("e",), 0), (("sub", "x"), 20000), (("y",), 3)]))
    info = metainfo.info
    assert info.version == "v2"
    assert info.infohash_v1 is None
    assert info.infohash_v2 == hashlib.sha256(info.raw).digest()
    assert info.infohash == info.infohash_v2[:20]
    assert [(file.path, file.offset) for file in info.files] == [
        (("e",), 0),
        (("sub", "x"), 0),
        (("y",), 32768),
    ]
    assert (info.length, info.piece_count) == (20003, 3)
    assert [file.pieces_root for file in info.files] == [None, LEAF, LEAF]


def test_a_single_file_of_v2_is_no_folder():
    info = parse(tree([(("d",), 5)])).info
    assert not info.is_folder
    assert info.files[0].path == ("d",)


def test_a_hybrid_is_read_with_its_padding():
    files = [
        {"length": 1, "path": ["a"]},
        {"attr": "p", "length": 16383, "path": [".pad", "16383"]},
        {"length": 1, "path": ["b"]},
    ]
    info = parse(tree([(("a",), 1), (("b",), 1)], files=files, pieces=b"\1" * 40)).info
    assert info.version == "hybrid"
    assert info.infohash == info.infohash_v1 == hashlib.sha1(info.raw).digest()
    assert (info.length, info.piece_count) == (2, 2)
    assert [(file.offset, file.is_padding) for file in info.files] == [
        (0, False),
        (1, True),
        (16384, False),
    ]
    assert info.files[2].pieces_root == LEAF


def test_piece_layers_are_read_when_they_lead_to_the_root():
    layer = b"\2" * 96
    root = root_of_layer(layer, 32768)
    padding = hashlib.sha256(bytes(64)).digest()
    pair = hashlib.sha256(b"\2" * 64).digest()
    assert root == hashlib.sha256(pair + hashlib.sha256(b"\2" * 32 + padding).digest()).digest()
    value = tree(
        [], piece_length=32768,
        **{"file tree": {"a": {"": {"length": 80000, "pieces root": root}}}},
    )  # fmt: skip
    assert parse({**value, "piece layers": {root: layer}}).piece_layers == {root: layer}


def test_names_that_are_not_utf8_keep_their_bytes():
    info = parse(single(name=b"latin1_\xe9")).info
    assert os.fsencode(info.name) == b"latin1_\xe9"


def test_a_name_in_utf8_is_preferred_to_one_in_an_old_code_page():
    info = parse(single(**{"name": b"\xb0\xa1", "name.utf-8": "啊"})).info
    assert info.name == "啊"


@pytest.mark.parametrize("name", ["...", "-rf", "a b", "CON.txt", "a:b", "ü", "a" * 255])
def test_odd_names_that_stay_inside_are_read(name):
    assert parse(single(name=name)).info.name == name


def test_forms_that_writers_of_the_wild_use_are_read():
    value = {
        **single(private=0),
        "announce": " http://a/ ",
        "announce-list": ["http://b/", ["http://c/", "", 1], []],
        "url-list": "http://seed/",
        "httpseeds": [],
        "nodes": [["::1", 6881], ["x"], ["y", 0]],
        "creation date": "yesterday",
    }
    metainfo = parse(value)
    assert metainfo.announce == "http://a/"
    assert metainfo.tiers == (("http://c/",),)
    assert {*metainfo.malformed} == {"announce-list", "creation date"}
    assert metainfo.web_seeds == ("http://seed/",)
    assert metainfo.nodes == (("::1", 6881),)
    assert metainfo.creation_date is None
    assert not metainfo.info.private


def test_a_flat_list_of_trackers_is_none_as_for_libtorrent():
    flat = {**single(), "announce": "http://a/", "announce-list": ["http://b/", "http://c/"]}
    assert parse(flat).tiers == (("http://a/",),)


@pytest.mark.parametrize(
    ("value", "is_private"), [(1, True), (2, True), (-1, True), (0, False), ("1", False)]
)
def test_any_number_but_zero_is_private(value, is_private):
    assert parse(single(private=value)).info.private is is_private


def test_private_source_and_empty_content_are_read():
    info = parse(single(private=1, source="S", length=0, pieces=b"")).info
    assert info.private
    assert info.source == "S"
    assert (info.length, info.piece_count) == (0, 0)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"none\.torrent`: no such file"):
        Metainfo.read(tmp_path / "none.torrent")
    with pytest.raises(ReadError, match="is a directory"):
        Metainfo.read(tmp_path)


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><title>Sign in</title>", "it is a web page"),
        (b"magnet:?xt=urn:btih:" + b"ab" * 20, "it holds a magnet link"),
        (gzip.compress(encoded(single()), mtime=0), "it is packed with gzip"),
        (b"d3:abc", None),
    ],
    ids=["nothing", "a page", "a link", "gzip", "bencode"],
)
def test_what_was_taken_for_a_torrent_is_told(raw, hint):
    with pytest.raises(BencodeError) as caught:
        Metainfo.parse(raw)
    said = caught.value.hint
    assert said is None if hint is None else said is not None and said.startswith(hint)


def test_an_endless_file_is_read_up_to_the_limit_only():
    with pytest.raises(BencodeError, match="longer than 4096 bytes"):
        Metainfo.read("/dev/zero", limits=Limits(length=4096))


def test_messages_name_the_file(tmp_path):
    path = tmp_path / "x.torrent"
    path.write_bytes(bencode.encode(single(pieces=None)))
    with pytest.raises(MetainfoError, match=r"x\.torrent`: `info\.pieces` is missing"):
        Metainfo.read(path)


def test_what_was_read_is_written_byte_for_byte(classic, tmp_path):
    metainfo = Metainfo.read(classic / "dir.torrent")
    metainfo.write(tmp_path / "copy.torrent")
    assert (tmp_path / "copy.torrent").read_bytes() == (classic / "dir.torrent").read_bytes()


def test_many_files_are_read_in_reasonable_time():
    value = folder(*[([f"{number % 100}", f"{number}"], 1) for number in range(100_000)])
    assert parse(value).info.length == 100_000

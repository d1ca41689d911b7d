"""Classic state files: both dialects, every damage, and back again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpour.base.errors import FormatError, ReadError, WriteError
from outpour.torrent import bencode
from outpour.tracker.figures import Peer
from outpour.tracker.state.dfile import Dfile, encode, parse, read, write

VECTORS = Path(__file__).parent / "vectors" / "classic"
HELLO = bytes.fromhex("e25d7c06d525617193e405c30a3c6a77b2e56510")
BIG = bytes.fromhex("d436a9ec0bd2d9273fe0b0ce8fc52d51ff91278f")
DIR = bytes.fromhex("2fec827bb5bf675dab3523d12794f42f7a9496f2")
PEER: dict[bytes, Any] = {b"ip": b"127.0.0.1", b"left": 0, b"port": 6881}


def test_a_file_of_3_4_2_is_read():
    found = read(VECTORS / "342.dfile")
    assert found.completed == {HELLO: 1, BIG: 0}
    assert found.peers == {
        BIG: (Peer("127.0.0.1", 6883, False), Peer("127.0.0.2", 6883, False)),
        HELLO: (Peer("127.0.0.1", 6882, True), Peer("127.0.0.1", 6881, True)),
    }
    assert found.skipped == 0


def test_a_file_of_bittornado_is_read():
    found = read(VECTORS / "tornado.dfile")
    assert found.completed == {HELLO: 1, BIG: 0, DIR: 0}
    assert set(found.peers) == {HELLO, BIG}
    assert Peer("127.0.0.1", 6883, False) in found.peers[BIG]
    assert found.skipped == 0


def test_the_oldest_files_are_the_peers_alone():
    swarm: Any = {HELLO: {b"p" * 20: PEER}}
    raw = bencode.encode(swarm)
    assert parse(raw) == Dfile({}, {HELLO: (Peer("127.0.0.1", 6881, True),)}, 0)
    assert parse(b"de") == Dfile()


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {},
        {**PEER, b"left": -5},
        {**PEER, b"port": 0},
        {**PEER, b"port": 65536},
        {**PEER, b"ip": b"tracker.example"},
        {**PEER, b"ip": b"\xff"},
        {**PEER, b"ip": 7},
        {b"ip": b"127.0.0.1", b"port": 6881},
    ],
)
def test_a_bad_peer_is_left_out_and_the_others_stay(entry):
    raw = bencode.encode({b"completed": {}, b"peers": {HELLO: {b"a" * 20: entry, b"b" * 20: PEER}}})
    assert parse(raw) == Dfile({}, {HELLO: (Peer("127.0.0.1", 6881, True),)}, 1)


def test_bad_torrents_and_counters_are_left_out_one_by_one():
    raw = bencode.encode(
        {
            b"completed": {HELLO: 2, BIG: -1, b"short": 3, DIR: b"many"},
            b"peers": {b"short": {b"a" * 20: PEER}, BIG: 7},
            b"unknown": 1,
        }
    )
    assert parse(raw) == Dfile({HELLO: 2}, {}, 5)


@pytest.mark.parametrize("key", [b"given ip", b"given_ip"])
def test_the_address_a_peer_gave_is_the_one_that_is_handed_out(key):
    raw = bencode.encode({b"peers": {HELLO: {b"a" * 20: {**PEER, key: b"192.0.2.7"}}}})
    assert parse(raw).peers[HELLO] == (Peer("192.0.2.7", 6881, True),)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"d5:peers",
        b"i5e",
        b"d9:completedd20:",
        (VECTORS / "hello.torrent").read_bytes(),
    ],
)
def test_what_is_no_state_file_at_all_is_refused(raw, tmp_path):
    path = tmp_path / "dfile"
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="dfile`: not a classic state file"):
        read(path)


@pytest.mark.parametrize(
    "number", [b"18446744073709551615", b"9" * 400, b"-9999999999999999999999", b"007", b"-0"]
)
def test_a_number_that_some_client_sent_costs_its_peer_at_the_most(number):
    raw = (
        b"d9:completedd20:" + HELLO + b"i7ee5:peersd20:" + HELLO + b"d20:" + b"a" * 20
        + b"d2:ip9:127.0.0.94:lefti" + number + b"e4:porti6881ee20:" + b"b" * 20
        + b"d2:ip9:127.0.0.84:lefti0e4:porti6881eeeee"
    )  # fmt: skip
    found = parse(raw)
    assert found.completed == {HELLO: 7}
    assert Peer("127.0.0.8", 6881, True) in found.peers[HELLO]
    assert found.skipped == (number not in (b"007", b"-0"))


def test_the_file_with_one_huge_left_keeps_its_counters_and_its_other_peer():
    found = read(VECTORS.parent / "state" / "huge-left.dfile")
    assert found == Dfile({b"D" * 20: 7}, {b"D" * 20: (Peer("127.0.0.8", 6881, True),)}, 1)


@pytest.mark.parametrize("rest", [b"\n", b"\r\n\0"])
def test_bytes_after_the_end_cost_nothing(rest):
    raw = (VECTORS / "342.dfile").read_bytes()
    assert parse(raw + rest) == parse(raw)


def test_a_file_that_is_cut_short_keeps_its_counters_and_says_so():
    raw = (VECTORS / "342.dfile").read_bytes()
    whole, cut = parse(raw), parse(raw[:200])
    assert cut.completed == whole.completed
    assert "unexpected end" in (cut.damage or "") or "longer than" in (cut.damage or "")


def test_keys_out_of_order_are_read_as_other_programs_write_them():
    assert parse(b"d5:peersde9:completedd20:" + HELLO + b"i4eee").completed == {HELLO: 4}


def test_what_is_written_has_what_either_classic_tracker_requires():
    written = encode(Dfile({HELLO: 3}, {HELLO: (Peer("10.0.0.1", 6881, False),)}))
    root: Any = bencode.decode(written)
    assert root[b"completed"] == {HELLO: 3}
    ((peer_id, entry),) = root[b"peers"][HELLO].items()
    assert len(peer_id) == 20
    assert entry == {
        b"ip": b"10.0.0.1",
        b"left": 1,
        b"nat": 0,
        b"port": 6881,
        b"requirecrypto": 0,
        b"supportcrypto": 0,
    }


def test_ipv6_peers_are_not_written_for_a_tracker_without_ipv6():
    written = encode(Dfile({}, {HELLO: (Peer("::1", 1, True), Peer("10.0.0.1", 2, True))}))
    assert parse(written).peers[HELLO] == (Peer("10.0.0.1", 2, True),)


peers = st.builds(
    Peer,
    host=st.ip_addresses(v=4).map(str),
    port=st.integers(1, 65535),
    is_seeder=st.booleans(),
)
infohashes = st.binary(min_size=20, max_size=20)


@settings(max_examples=50, deadline=None)
@given(
    completed=st.dictionaries(infohashes, st.integers(0, 2**63 - 1), max_size=5),
    swarms=st.dictionaries(
        infohashes, st.lists(peers, min_size=1, unique_by=lambda p: (p.host, p.port)), max_size=5
    ),
)
def test_what_is_written_is_read_back(completed, swarms):
    content = Dfile(completed, {key: tuple(some) for key, some in swarms.items()})
    found = parse(encode(content))
    assert found.completed == content.completed
    assert {k: set(v) for k, v in found.peers.items()} == {
        k: set(v) for k, v in content.peers.items()
    }


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(raw):
    with contextlib.suppress(FormatError):
        parse(raw)


def test_a_file_that_cannot_be_read_or_written_is_a_clear_error(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(WriteError):
        write(tmp_path / "none" / "dfile", Dfile())


def test_writing_replaces_the_file_as_a_whole(tmp_path):
    path = tmp_path / "dfile"
    path.write_bytes(b"old")
    write(path, Dfile({HELLO: 1}, {}))
    assert read(path).completed == {HELLO: 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["dfile"]

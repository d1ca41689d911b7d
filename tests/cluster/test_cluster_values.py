"""What nodes tell each other as values: frames, counters and the shared map."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour import _core
from outpour.base.errors import SettingsError
from outpour.base.redis_url import RedisUrl, split_urls
from outpour.making.maker import CreateOptions, create
from outpour.torrent.magnet_link import Magnet
from outpour.tracker.cluster.cluster_frame import Frame, PoisonedError, SnapshotNote, decode
from outpour.tracker.cluster.cluster_memory import MINE_MAX, ClusterMemory
from outpour.tracker.cluster.cluster_saver import last_read
from outpour.tracker.cluster.shared_counts import SharedCounts
from outpour.tracker.cluster.shared_map import SharedMap, is_there
from outpour.tracker.cluster.shared_names import SharedNames
from outpour.tracker.lists.allowed_set import AllowedSet
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.views.rows import RowMaker

HASH = st.binary(min_size=20, max_size=20)
NODE = st.binary(min_size=8, max_size=8)
COUNTS = st.lists(st.tuples(HASH, st.integers(0, 2**32 - 1)), max_size=5)
FRAMES = st.builds(
    Frame,
    NODE,
    st.integers(0, 2**32 - 1),
    st.binary(max_size=40),
    COUNTS,
    COUNTS,
    st.lists(st.tuples(st.binary(min_size=1, max_size=255), st.integers(0, 2**53 - 1)), max_size=5),
    st.none() | NODE,
    st.none() | st.builds(SnapshotNote, NODE, st.integers(0, 65_536), NODE),
)


@given(FRAMES)
def test_a_frame_is_read_as_it_was_written(frame):
    assert decode(frame.encode()) == frame


@given(FRAMES, st.integers(0, 400), st.binary(max_size=8))
def test_no_bytes_are_read_as_anything_but_a_frame(frame, at, change):
    raw = bytearray(frame.encode())
    raw[at : at + len(change)] = change
    for some in (bytes(raw), bytes(raw[:at])):
        try:
            decode(some)
        except PoisonedError:
            continue


def test_the_latest_downloads_are_kept_over_a_restart_but_for_those_taken_back(tmp_path):
    def one(number):
        return number.to_bytes(8, "little"), bytes([number % 251]) * 20

    def packed(first, last):
        return b"".join(b"".join(one(number)) for number in range(first, last))

    state = tmp_path / "s"
    memory = ClusterMemory(state, float)
    for first, last in ((1, 3), (3, 1500), (1500, 80_000), (80_000, 80_001)):
        memory.keep_mine(packed(first, last))
    memory.save([], [], [], [one(79_000)[0]], {"read 0": b"7-1"})
    memory.close()
    memory = ClusterMemory(state, float)
    kept = list(memory.mine())
    assert last_read(memory, 0) == b"7-1"
    assert last_read(memory, 1) is None
    memory.close()
    assert kept[-2:] == [one(79_999), one(80_000)]
    assert one(79_000) not in kept
    assert MINE_MAX <= len(kept) <= MINE_MAX + 1023
    assert one(10_000) not in kept


def test_names_of_others_are_cut_to_what_can_be_shown_and_never_take_the_place_of_known_ones():
    allowed, keeper = AllowedSet(), Keeper(None)
    keeper.name([(bytes(20), "mine", 1)])
    names = SharedNames(allowed, keeper, is_told=True)
    one, two, three = (bytes([number]) * 20 for number in (1, 2, 3))
    length = (7).to_bytes(8, "big")
    refused = names.take(
        [
            bytes(20) + length + b"theirs",
            one + length + "a\x1b[2J\u202eb\n".encode(),
            two + length + "größe".encode()[:5],
            three + length + b"\x00\xff",
            three + b"\xff" * 8 + b"too long",
            three,
        ]
    )
    assert refused == 3
    assert keeper.named == {bytes(20): ("mine", 1), one: ("a [2J b", 7), two: ("grö", 7)}
    assert keeper.foreign == {bytes(20): b"", one: b"", two: b""}
    keeper.close()


@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
def test_a_torrent_of_another_node_has_a_magnet_link_by_which_clients_find_it(version, tmp_path):
    (tmp_path / "größe.bin").write_bytes(bytes(70_000))
    metainfo = create(tmp_path / "größe.bin", CreateOptions(format=version))
    allowed = AllowedSet()
    allowed.give([Listing.of(metainfo)])
    infohash = metainfo.info.infohash
    (member,) = SharedNames(allowed, Keeper(None), is_told=True).members([infohash])
    keeper = Keeper(None)
    names = SharedNames(AllowedSet(), keeper, is_told=True)
    assert names.take([member]) == 0
    maker = RowMaker(lambda _: 0, lambda: keeper.named, lambda: keeper.foreign, show_names=True)
    (row,) = maker.some([infohash], {})
    made, own = Magnet.parse(str(row.magnet)), Magnet.of(metainfo)
    assert (made.infohash, made.name, made.length) == (own.infohash, "größe.bin", 70_000)
    assert (made.infohash_v1 is None, made.infohash_v2) == (
        version == "v2", own.infohash_v2 if version == "v2" else None,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), max_size=30))
def test_maps_that_heard_the_same_hold_the_same_in_whatever_order(steps):
    maps = [SharedMap(bytes(7) + bytes([number])) for number in range(3)]
    made = []
    for number, member, is_in in steps:
        made += maps[number].state([(b"c" + bytes([65 + member]), is_in)], None)
    for one in maps:
        one.merge(made)
        one.merge(reversed(made))
    assert maps[0].scores == maps[1].scores == maps[2].scores


def test_the_later_word_counts_and_what_a_stranger_brings_counts_least():
    one, other = SharedMap(bytes(8)), SharedMap(bytes([*bytes(7), 1]))
    member = b"c-XX"
    one.merge(other.state([(member, True)], 1000))
    # A machine whose server tells it an earlier time says something later all the same.
    removed = one.state([(member, False)], 5)
    assert other.merge(removed) == removed
    assert not is_there(other.scores[member])
    assert other.state([(member, True)], 2000, is_first=True) == []
    assert [is_there(score) for _, score in other.state([(member, True)], None)] == [True]


def test_a_map_takes_no_member_that_nobody_can_enforce():
    known = SharedMap(bytes(8))
    refused = [(b"zunknown", 3), (b"a" + bytes(19), 3), (b"", 3), (b"d", 3), (b"c" + bytes(255), 3)]
    assert known.merge([*refused, (b"ctoo late", 1 << 53)]) == []
    assert known.refused == 6


def test_counters_only_rise_whoever_tells_of_them():
    shown: dict[bytes, int] = {}
    own = _core.Ledger()
    own.add([(b"x" * 20, 2)])
    counts = SharedCounts(bytes(8), own, shown.update)
    other, third = b"otherone", b"thirdone"
    for count in (3, 5, 4, 5):
        counts.merge(other, "counted", [(b"x" * 20, count)])
    counts.merge(third, "counted", [(b"x" * 20, 1), (b"x" * 20, 1)])
    counts.merge(bytes(8), "counted", [(b"x" * 20, 1_000_000)])
    counts.withdraw([(b"x" * 20, 1)])
    assert counts.get(b"x" * 20) == counts.total() == 2 + 5 + 1 - 1
    assert shown == {b"x" * 20: 5}


def test_what_is_remembered_of_a_cluster_is_there_again_and_damage_is_set_aside(tmp_path):
    state = tmp_path / "s"
    memory = ClusterMemory(state, lambda: 0.0)
    memory.save([(b"otherone", "counted", b"x" * 20, 5)], [(b"cX", 9)], [(b"cX", True)])
    memory.save([(b"otherone", "counted", b"x" * 20, 4)], [(b"cX", 7)], [(b"cY", False)])
    memory.close()
    again = ClusterMemory(state, lambda: 0.0)
    assert list(again.counts()) == [(b"otherone", "counted", [(b"x" * 20, 5)])]
    assert [page for one in again.statements() for page in one] == [(b"cX", 9)]
    assert list(again.said()) == [b"cX"]
    again.close()
    (tmp_path / "s.cluster").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    anew = ClusterMemory(state, lambda: 0.0)
    assert anew.set_aside is not None
    assert list(anew.counts()) == []
    anew.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://h", "redis://h:6379/0"),
        ("redis://u:p%40x@[::1]:7/3", "redis://[::1]:7/3"),
        ("rediss://h/2?ssl_ca_certs=/ca", "rediss://h:6379/2"),
        ("unix://:p@/run/r.sock?db=4", "unix:///run/r.sock?db=4"),
        ("redis+sentinel://a,b:7/main/1", "redis+sentinel://a:26379,b:7/main/1"),
    ],
)
def test_a_url_is_read_and_shown_without_its_password(text, shown):
    url = RedisUrl.parse(text)
    assert str(url) == shown
    assert "p@" not in repr(url)
    assert split_urls(f"{text}, {text}") == (text, text)


@given(st.text(max_size=40))
def test_no_text_makes_the_reader_of_urls_fail(text):
    for one in (text, f"redis://{text}", f"unix://{text}", f"redis+sentinel://{text}"):
        with suppress(SettingsError):
            RedisUrl.parse(one)

"""What a download may choose of its engine: order, addresses, transport, interface, profile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from outpour.base.errors import NetworkError, SettingsError
from outpour.engine import (
    PROFILES,
    Engine,
    EngineSettings,
    PieceRead,
    connecting_hosts,
    disk_threads,
    own_host,
    session,
    tcp_first,
)
from outpour.engine.disk_threads import BLOCKS, TIMES, DiskThreads
from outpour.engine.engine_settings import settings_pack
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import make_torrent, reach
from .little_server import Callers

UTP_SOCKET = 1 << 17
"""libtorrent's flag of a connection, which has no name in Python."""


@pytest.fixture
def made(content: Path) -> Metainfo:
    return make_torrent(content, piece_length=16384)


def arrivals(engine: Engine, key: bytes, count: int) -> list[int]:
    """The numbers of the pieces in the order in which they are complete."""
    order: list[int] = []

    def is_whole() -> bool:
        has = engine.pieces(key)
        order.extend(piece for piece, is_there in enumerate(has)
                     if is_there and piece not in order)  # fmt: skip
        return len(order) == count

    wait_for(is_whole, seconds=60, what="content")
    return order


def test_pieces_come_in_order_when_asked_to(
    made: Metainfo, content: Path, tmp_path: Path, seeder: Engine
) -> None:
    seeder.add(made, content.parent, mode="seed")
    seeder.limit(upload_rate=2 << 20)
    with Engine(EngineSettings().isolated()) as engine:
        key = engine.add(made, tmp_path / "got", sequential=True)
        engine.connect_peer(key, *seeder.addresses[0])
        order = arrivals(engine, key, len(made.info.pieces) // 20)
    # Blocks of neighbours are in flight together; in no order they would be 60 apart on average.
    apart = sum(abs(at - piece) for at, piece in enumerate(order)) / len(order)
    assert apart < 15, order


def test_files_come_before_and_after_others_when_asked_to(
    made: Metainfo, content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    files = {file.path[-1]: number for number, file in enumerate(made.info.files)}
    image = made.info.files[files["image.bin"]]
    seeder.add(made, content.parent, mode="seed")
    seeder.limit(upload_rate=2 << 20)
    key = engine.add(made, tmp_path / "got",
                     urgency={files["image.bin"]: "last", files["notes.txt"]: "first"})  # fmt: skip
    engine.connect_peer(key, *seeder.addresses[0])
    order = arrivals(engine, key, len(made.info.pieces) // 20)
    inside = image.offset // 16384 + 1
    others = [at for at, piece in enumerate(order) if piece < inside - 1]
    assert others == [] or max(others) < 12


def test_a_piece_is_read_as_soon_as_it_is_there(
    made: Metainfo, content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    seeder.add(made, content.parent, mode="seed")
    key = engine.add(made, tmp_path / "got")
    last = len(made.info.pieces) // 20 - 1
    engine.read_piece(key, last)
    engine.connect_peer(key, *seeder.addresses[0])
    read: list[PieceRead] = []

    def is_read() -> bool:
        read.extend(event for event in engine.events() if isinstance(event, PieceRead))
        return bool(read)

    wait_for(is_read, what="piece")
    assert read[0].piece == last
    whole = b"".join((content.parent / made.info.name / "/".join(file.path)).read_bytes()
                     for file in made.info.files)  # fmt: skip
    assert read[0].data == whole[last * 16384 :]


def test_nothing_is_had_to_do_with_a_blocked_address(
    made: Metainfo, content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    seeder.add(made, content.parent, mode="seed")
    engine.block([("127.0.0.0", "127.0.0.255"), ("::", "::")])
    key = engine.add(made, tmp_path / "got")
    engine.connect_peer(key, *seeder.addresses[0])
    engine.wait(0.5)
    assert (engine.status(key).peers, seeder.status(key).peers) == (0, 0)
    engine.block([])
    engine.connect_peer(key, *seeder.addresses[0])
    reach(engine, key, "seeding")


@pytest.fixture
def utp_only(made: Metainfo, content: Path) -> Iterator[int]:
    """The port of a seeder that nobody reaches over TCP."""
    settings: Any = {
        "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "enable_incoming_tcp": False,
        "enable_outgoing_tcp": False,
    }  # fmt: skip
    session = lt.session(settings)
    params = lt.load_torrent_buffer(made.raw)
    params.save_path = str(content.parent)
    params.flags |= lt.torrent_flags.seed_mode
    session.add_torrent(params)
    wait_for(lambda: session.listen_port() > 0, what="port")
    yield session.listen_port()
    session.pause()


def test_tcp_comes_first_and_utp_where_it_reaches_nobody(
    made: Metainfo, tmp_path: Path, utp_only: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_first, "ALONE_S", 0.2)
    with Engine(EngineSettings(utp=True).isolated()) as engine:
        key = engine.add(made, tmp_path / "got")

        def is_there() -> bool:
            engine.connect_peer(key, "127.0.0.1", utp_only)
            engine.wait(0.1)
            engine.events()
            return any(status.complete for status in engine.statuses())

        wait_for(is_there, seconds=60, what="content over uTP")


def test_both_have_utp_and_tcp_is_spoken(made: Metainfo, content: Path, tmp_path: Path) -> None:
    with Engine(EngineSettings(utp=True).isolated()) as one:
        one.add(made, content.parent, mode="seed")
        one.limit(upload_rate=1 << 16)
        with Engine(EngineSettings(utp=True).isolated()) as other:
            key = other.add(made, tmp_path / "got")
            other.connect_peer(key, *one.addresses[0])
            wait_for(lambda: other.statuses()[0].peers, what="peer")
            handle = other._entry(key).handle
            (peer,) = handle.get_peer_info()
            assert not peer.flags & UTP_SOCKET


def test_an_interface_is_named_and_one_that_is_missing_is_told(
    made: Metainfo, content: Path, tmp_path: Path, seeder: Engine
) -> None:
    seeder.add(made, content.parent, mode="seed")
    with Engine(EngineSettings(listen=("lo:0",), interface="lo")) as engine:
        assert {host for host, _ in engine.addresses} <= {"127.0.0.1", "::1"}
        key = engine.add(made, tmp_path / "got")
        engine.connect_peer(key, *seeder.addresses[0])
        reach(engine, key, "seeding")
    with pytest.raises(NetworkError, match="nosuch0"):
        Engine(EngineSettings(listen=("nosuch0:0",), interface="nosuch0"))


def test_who_listens_on_one_address_connects_from_it(made: Metainfo, tmp_path: Path) -> None:
    settings = EngineSettings(listen=("127.0.0.7:0",), connect_from=("127.0.0.7",))
    with Callers() as called, Engine(settings) as engine:
        engine.connect_peer(engine.add(made, tmp_path / "got"), "127.0.0.1", called.port)
        wait_for(lambda: called.hosts, what="connection")
    assert called.hosts[0] == "127.0.0.7"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("[2001:DB8::7]", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::7%lo", "fe80::7%lo"),
        ("localhost", "127.0.0.1"),
        ("lo", "lo"),
    ],
)
def test_an_address_of_this_machine_may_be_written_as_people_do(text: str, host: str) -> None:
    assert own_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", "nosuch0", "192.0.2", "192.0.2.7:80", "192.0.2.7,192.0.2.8", "fe80::7", "224.0.0.1",
     "ff02::1%lo", "[192.0.2.7"],
)  # fmt: skip
def test_what_is_no_address_of_one_machine_is_told_at_once(text: str) -> None:
    with pytest.raises(NetworkError) as fault:
        own_host(text)
    assert fault.value.hint


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        ((), ()),
        (("192.0.2.7",), ("192.0.2.7",)),
        (("192.0.2.7", "192.0.2.8"), ("192.0.2.7", "192.0.2.8")),
        (("2001:db8::7",), ("2001:db8::7",)),
        (("eth0",), ("eth0",)),
        (("0.0.0.0",), ()),
        (("::",), ()),
        # From these the rest of the world is not reached, which was reached before.
        (("127.0.0.1",), ()),
        (("::1",), ()),
        # libtorrent would take them in turn, whatever the family of a peer.
        (("192.0.2.7", "2001:db8::7"), ()),
        (("eth0", "192.0.2.7"), ()),
    ],
    ids=str,
)
def test_what_is_listened_on_is_connected_from_where_all_peers_are_reached_from_it(
    hosts: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert connecting_hosts(hosts) == found


def test_every_profile_is_one_that_libtorrent_takes_whole() -> None:
    known: Any = lt.default_settings()
    for profile in PROFILES:
        pack = settings_pack(EngineSettings(profile=profile), alert_mask=0)
        assert pack.keys() <= known.keys()
        assert all(type(pack[name]) is type(known[name]) for name in pack)
    with pytest.raises(SettingsError, match="`client`: no profile"):
        replace(EngineSettings(), profile="client")  # type: ignore[arg-type]


def test_each_torrent_has_its_own_limits(made: Metainfo, tmp_path: Path) -> None:
    settings = replace(
        EngineSettings().isolated(), torrent_download_rate=5000, torrent_upload_rate=7000,
        torrent_connections=3,
    )  # fmt: skip
    with Engine(settings) as engine:
        handle = engine._entry(engine.add(made, tmp_path / "got")).handle
        limits = (handle.download_limit(), handle.upload_limit(), handle.max_connections())
        assert limits == (5000, 7000, 3)


def test_a_slow_disk_has_many_threads_and_a_fast_one_none(
    made: Metainfo, content: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = DiskThreads()
    time_us = blocks = 0
    counts: list[int] = []
    for each_us in (20, 5000, 1000, 20):
        time_us, blocks = time_us + 200 * each_us, blocks + 200
        half = dict.fromkeys(TIMES, time_us // 2) | dict.fromkeys(BLOCKS, blocks // 2)
        threads.take(half)
        counts.append(threads.count)
    assert counts == [0, 10, 10, 0]
    assert {*TIMES, *BLOCKS} <= {metric.name for metric in lt.session_stats_metrics()}
    monkeypatch.setattr(disk_threads, "SLOW_S", -1.0)
    monkeypatch.setattr(disk_threads, "BLOCKS_MIN", 1)
    monkeypatch.setattr(session, "LOOK_S", 0.0)
    with Engine(replace(EngineSettings().isolated(), profile="server")) as server:
        assert server._open.get_settings()["aio_threads"] == 0
        key = server.add(made, content.parent, mode="seed")
        engine.add(made, tmp_path / "got")
        engine.connect_peer(key, *server.addresses[0])

        def has_many() -> bool:
            server.wait(0.02)
            server.events()
            return server._open.get_settings()["aio_threads"] == 10

        wait_for(has_many, what="threads")


def test_rates_given_anew_are_in_force_as_far_as_the_engine_can_count(engine: Engine) -> None:
    def in_force() -> tuple[int, int]:
        found = engine._open.get_settings()
        return found["download_rate_limit"], found["upload_rate_limit"]

    engine.limit(download_rate=1000, upload_rate=2000)
    assert in_force() == (1000, 2000)
    engine.limit(upload_rate=1 << 40)
    assert in_force() == (1000, (1 << 31) - 1)
    engine.limit(download_rate=0)
    assert in_force() == (0, (1 << 31) - 1)


def test_downloaders_of_a_lone_seeder_do_not_all_take_runs_of_neighbouring_pieces(
    tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    # Several that do take the same run, and the seeder sends it to each of them.
    root = tmp_path / "large"
    root.mkdir()
    (root / "image.bin").write_bytes(os.urandom(8 << 20))
    made = make_torrent(root, piece_length=16384)
    seeder.add(made, tmp_path, mode="seed")
    seeder.limit(upload_rate=2 << 20)
    key = engine.add(made, tmp_path / "got")
    engine.connect_peer(key, *seeder.addresses[0])
    asked: set[int] = set()

    def has_most() -> bool:
        queue = engine._entry(key).handle.get_download_queue()
        now = {piece["piece_index"] for piece in queue}
        if len(now) > 50:
            asked.clear()
            asked.update(now)
        return sum(engine.pieces(key)) > 300

    wait_for(has_most, what="the first pieces")
    assert asked
    beside = sum(piece + 1 in asked for piece in asked) / len(asked)
    # Of pieces taken at random as many have a neighbour among them as they are of all; of runs,
    # as libtorrent asks for them, 0.3 more of them do.
    at_random = len(asked) / len(engine.pieces(key))
    assert beside < at_random + 0.15, sorted(asked)

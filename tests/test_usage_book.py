"""The book of who uses the tracker: bounded whatever strangers call themselves."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from outpour.tracker.lists.passkey import Key
from outpour.tracker.state import key_use_file
from outpour.tracker.state.key_use_file import KeyUseFile
from outpour.tracker.usage_figures import ClientKind, KeyUse, Latency, RefusedAddress
from outpour.tracker.views.client_names import agent_of, client_of
from outpour.tracker.views.key_uses import KeyUses
from outpour.tracker.views.recent_counts import KEYS_MAX, RecentCounts
from outpour.tracker.views.usage_book import UsageBook
from outpour.web.admin.latency_panel import latency_panel
from tests.web.conftest import FakeCore, FakeUsage

NOW = 1_795_000_000.0


class Core(FakeCore):
    """What is taken of it is gone."""

    def take_usage(self) -> FakeUsage:
        seen, self.seen = self.seen, FakeUsage()
        return seen

    def take_key_uses(self) -> list[tuple[str, int, int]]:
        uses, self.key_uses = self.key_uses, []
        return uses


class Time:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("prefix", "name", "version"),
    [
        ("-qB4650-", "qBittorrent", "4.6.5"),
        ("-TR4060-", "Transmission", "4.0.6"),
        ("-TR400Z-", "Transmission", "4.0"),
        ("-DE211s-", "Deluge", "2.1.1"),
        ("-lt0D60-", "rTorrent", "0.13.6"),
        ("-LT20B0-", "libtorrent", "2.0.11"),
        ("-UT3530-", "uTorrent", "3.5.3"),
        ("-UM1870-", "uTorrent", "1.8.7"),
        ("-ML2.7.2", "MLDonkey", "2.7.2"),
        ("A2-1-36-", "aria2", "1.36"),
        ("M7-10-1-", "BitTorrent", "7.10.1"),
        ("T03I----", "BitTornado", "0.3.I"),
        ("-OP0010-", "outpour", "0.0.1"),
        ("-ZZ1234-", "other", ""),
        ("", "other", ""),
        ("\ufffd" * 8, "other", ""),
    ],
)
def test_a_client_is_known_by_the_beginning_of_its_peer_id(prefix: str, name: str, version: str):
    assert client_of(prefix) == (name, version)


@pytest.mark.parametrize(
    ("product", "name", "version"),
    [
        ("qBittorrent/4.6.5", "qBittorrent", "4.6.5"),
        ("transmission/4.0.6", "Transmission", "4.0.6"),
        ("Azureus", "Vuze", ""),
        ("rtorrent/0.9.8/0.13.8", "rTorrent", "0.9.8/0.13.8"),
        ("<script>", "other", ""),
        ("", "other", ""),
    ],
)
def test_a_client_is_known_by_its_own_word(product: str, name: str, version: str):
    assert agent_of(product) == (name, version)


def test_announces_are_counted_by_name_since_the_start_and_by_version_lately():
    core, time = Core(), Time()
    book = UsageBook(core, time)
    core.seen = FakeUsage(
        clients=[(b"-qB4650-", 5), (b"-qB4600-", 2), (b"", 3)], agents=[(b"curl/8.1", 4)]
    )
    assert book.client_names() == {"qBittorrent": 7, "other": 3}
    assert book.agent_names() == {"curl": 4}
    assert book.clients(limit=2) == (
        ClientKind("qBittorrent", "4.6.5", "-qB4650-", 5),
        ClientKind("other", "", "", 3),
    )
    time.now += 2 * 3600
    core.seen = FakeUsage(clients=[(b"-qB4600-", 1)])
    assert book.clients() == (ClientKind("qBittorrent", "4.6", "-qB4600-", 1),)
    assert book.clients(86_400)[0].announces == 5
    assert book.client_names()["qBittorrent"] == 8


def test_refusals_are_told_by_torrent_address_and_client():
    core = Core()
    book = UsageBook(core, Time())
    core.seen = FakeUsage(
        refused_torrents=[("torrent", b"x" * 20, 9)],
        refused_addresses=[("torrent", "192.0.2.7", 4), ("rate", "2001:db8::", 5)],
        refused_clients=[("client", b"-XL0012-", 2)],
    )
    found = book.refusals()
    assert [(row.reason, row.infohash, row.count) for row in found.torrents] == [
        ("torrent", b"x" * 20, 9)
    ]
    assert found.addresses == (
        RefusedAddress("rate", "2001:db8::/64", 5),
        RefusedAddress("torrent", "192.0.2.7", 4),
    )
    assert [(row.name, row.prefix) for row in found.clients] == [("Xunlei", "-XL0012-")]


def test_how_long_answers_take_lately_forgets_what_was_before():
    core, time = Core(), Time()
    book = UsageBook(core, time)
    core.times = [("udp", [(100, 90), (200, 10)], 0, 0.01)]
    book.turn()
    time.now += 200
    core.times = [("udp", [(100, 90), (200, 10), (400, 99)], 1, 0.05)]
    (lately,) = book.lately()
    assert (lately.count, lately.quantile_s(0.5), lately.quantile_s(0.99)) == (100, 0.0004, 0.0004)
    assert lately.quantile_s(1.0) is None
    time.now += 301
    assert [one.count for one in book.lately()] == [0]
    panel = latency_panel(lambda: [lately, Latency("http", (), 0, 0.0)])()
    assert panel is not None
    assert panel.rows == [("UDP", "400 µs", "400 µs", "400 µs", "100")]
    assert latency_panel(list)() is None


def test_a_key_is_remembered_with_its_announces_and_the_last_of_them():
    core, time = Core(), Time()
    book = UsageBook(core, time)
    core.key_uses = [("one", 3, 2), ("two", 1, 0)]
    assert [book.keys.of(Key(key)) for key in ("one", "two", "three")] == [
        KeyUse(3, NOW - 2), KeyUse(1, NOW), None,
    ]  # fmt: skip
    time.now += 60
    core.key_uses = [("one", 2, 1)]
    assert book.keys.of(Key("one")) == KeyUse(5, NOW + 59)
    assert book.keys.of(Key("two")) == KeyUse(1, NOW)


def test_the_use_of_keys_goes_on_after_a_restart_and_is_written_as_it_changes(tmp_path: Path):
    time, path = Time(), tmp_path / "s.keys"
    written: list[int] = []

    class Counted(KeyUseFile):
        def _write(self, uses: Mapping[str, KeyUse]) -> None:
            written.append(len(uses))
            super()._write(uses)

    def run(*uses: tuple[str, int, int]) -> KeyUses:
        core = Core()
        keys = KeyUses(core, time, Counted(path, time))
        core.key_uses = [*uses]
        keys.finish()
        return keys

    def used(keys: KeyUses) -> list[int]:
        found = [keys.of(Key(key)) for key in ("one", "two")]
        return [0 if use is None else use.announces for use in found]

    assert used(run(("one", 3, 0), ("two", 1, 0))) == [3, 1]
    assert used(run()) == [3, 1]
    assert used(run(("one", 2, 0))) == [5, 1]
    assert written == [2, 1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"one" not in path.read_bytes()

    # A file that went away while the tracker ran is whole again after the next writing.
    core = Core()
    keys = KeyUses(core, time, Counted(path, time))
    path.unlink()
    core.key_uses = [("two", 1, 0)]
    keys.finish()
    assert used(run()) == [5, 2]
    core.key_uses = [("two", 1, 0)]
    path.write_bytes(b"no database at all, and longer than a header of one would be" * 99)
    keys.finish()
    assert used(run()) == [5, 3]
    assert [*tmp_path.glob("s.keys.damaged-*")]
    path.write_bytes(b"no database at all, and longer than a header of one would be" * 99)
    again = KeyUses(core, time, Counted(path, time))
    assert used(again) == [0, 0]
    assert "set aside" in (again.trouble or "")
    # On a disk that takes nothing it is kept in memory.
    nowhere = KeyUses(core, time, Counted(tmp_path / "s.keys.rates" / "x", time))
    (tmp_path / "s.keys.rates").write_text("")
    core.key_uses = [("one", 1, 0)]
    nowhere.finish()
    assert used(nowhere) == [1, 0]


def test_keys_that_were_not_used_for_longest_leave_the_file(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(key_use_file, "KEPT_MAX", 3)
    monkeypatch.setattr(key_use_file, "SPARE", 0)
    file = KeyUseFile(tmp_path / "s.keys", Time())
    for number in range(5):
        file.keep({f"{number}": KeyUse(1, float(number))}, dict)
    assert file.load().keys() == {"2", "3", "4"}


def test_made_up_keys_fill_no_more_than_their_windows_and_frequent_ones_stay():
    counts: RecentCounts[str] = RecentCounts()
    for number in range(20_000):
        counts.add([(f"made up {number}", 1), ("real", 1)], NOW + number)
    held = sum(len(window) for tier in counts._tiers for _, window in tier._windows)
    assert held <= (13 + 25) * 2 * KEYS_MAX
    [(key, count)] = counts.top(1, 86_400, NOW + 20_000)
    assert (key, count) == ("real", 20_000)


def test_what_is_long_past_is_not_recent():
    counts: RecentCounts[str] = RecentCounts()
    counts.add([("old", 1)], NOW)
    assert counts.top(9, 3600, NOW + 3000) == [("old", 1)]
    assert counts.top(9, 3600, NOW + 4000) == []
    assert counts.top(9, 86_400, NOW + 4000) == [("old", 1)]
    assert counts.top(9, 86_400, NOW + 100_000) == []


def test_a_share_of_answers_takes_no_longer_than_a_bound():
    latency = Latency("udp", ((0.001, 90), (0.002, 9)), 1, 0.2)
    assert latency.count == 100
    assert latency.quantile_s(0.5) == 0.001
    assert latency.quantile_s(0.99) == 0.002
    assert latency.quantile_s(1) is None
    assert Latency("udp", ((0.001, 0),), 0, 0.0).quantile_s(0.5) is None

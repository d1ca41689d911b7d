"""Lists of addresses, clients and infohashes: what they may hold, and what damage does to them."""

from __future__ import annotations

import http.client
import ipaddress
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import FormatError, ReadError, SettingsError
from outpour.torrent import bencode
from outpour.tracker.lists.address_ranges import parse_ranges
from outpour.tracker.lists.client_prefixes import parse_clients
from outpour.tracker.lists.list_file import SETTLE_S, ListFile, parse_infohashes
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.settings_file import load
from outpour.tracker.tracker_events import (
    ConnectionsAllowed,
    FileSkipped,
    ListChanged,
    SourceReadable,
    SourceUnreadable,
)
from tests.waiting import wait_for

HASH = b"\xab" * 20
OTHER = b"\xcd" * 20
BANNED = b"your IP is not allowed on this tracker"
DENIED = b"your client is not allowed on this tracker"


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.9/24", "192.0.2.0", "192.0.2.255"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        ("192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.1 - 192.0.2.9  # ours", "192.0.2.1", "192.0.2.9"),
        ("Some Corp:192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("a:b-c:192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("Corp #1:192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.1 # was:198.51.100.1", "192.0.2.1", "192.0.2.1"),
        ("Corp:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("Corp:010.000.000.001-010.000.001.255", "10.0.0.1", "10.0.1.255"),
        ("Beispiel Gr\xfc\xdfe:192.0.2.1-192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:DB8::1-2001:db8::ff", "2001:db8::1", "2001:db8::ff"),
        ("Some Corp:2001:db8::1-2001:db8::ff", "2001:db8::1", "2001:db8::ff"),
        ("::1", "::1", "::1"),
    ],
)
def test_an_address_list_takes_every_form_in_use(line, first, last):
    ranges, faults = parse_ranges(b"# comment\r\n\n" + line.encode("latin-1") + b"\r\n")
    assert faults == []
    assert ranges == {(first, last)}


@pytest.mark.parametrize(
    "line",
    ["nonsense", "192.0.2", "192.0.2.256", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.9-192.0.2.1",
     "192.0.2.1-2001:db8::1", "192.0.2.0/", "2001:db8::/129", "Corp:", "-", "1.2.3.4.5",
     "a:" * 100_000, "192.0.2.1-"],
)  # fmt: skip
def test_a_line_that_is_no_address_is_told_by_its_number(line):
    ranges, faults = parse_ranges(f"192.0.2.1\n{line}\n".encode())
    assert ranges == {("192.0.2.1", "192.0.2.1")}
    assert faults == ["line 2 is no address, network or range of addresses"]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_of_addresses_fail(raw):
    ranges, _ = parse_ranges(raw)
    for first, last in ranges:
        assert ipaddress.ip_address(first) <= ipaddress.ip_address(last)  # type: ignore[operator]


@given(st.ip_addresses(), st.integers(0, 128))
def test_networks_are_those_of_the_standard_library(address, prefix):
    network = ipaddress.ip_network((address, min(prefix, address.max_prefixlen)), strict=False)
    ranges, _ = parse_ranges(f"{address}/{network.prefixlen}".encode())
    ((first, last),) = ranges
    assert ipaddress.ip_address(first) == network[0]
    assert ipaddress.ip_address(last) == network[-1]


def test_a_client_list_takes_beginnings_of_peer_ids():
    prefixes, faults = parse_clients(b"-XL0012-  # old\n%00%ff\n\n" + b"x" * 21 + b"\na b\n")
    assert prefixes == {b"-XL0012-", b"\x00\xff"}
    assert [fault.split(" is ")[0] for fault in faults] == ["line 4", "line 5"]


def test_a_setting_that_is_no_beginning_of_a_peer_id_is_refused():
    with pytest.raises(SettingsError, match="not the beginning of a peer id"):
        load(flags={"denied_clients": ("x" * 21,)})


class Clock:
    def __init__(self, path):
        self.path = path
        self.age_s = 100.0

    def __call__(self):
        return self.path.stat().st_mtime + self.age_s


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "list.txt"
    made.write_text(HASH.hex() + "\n" + OTHER.hex() + "\n")
    return made


def replace(path, text):
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def scan(source):
    """Read again, and tell of everything but that it holds other items."""
    events = source.take(source.scan())
    return [event for event in events if not isinstance(event, ListChanged)]


def test_a_list_that_is_gone_keeps_what_it_held_and_says_so_once(path):
    source = ListFile(path, parse_infohashes)
    assert scan(source) == []
    raw = path.read_text()
    path.unlink()
    (event,) = scan(source)
    assert isinstance(event, SourceUnreadable)
    assert event.is_trouble
    assert scan(source) == []
    assert source.items == {HASH, OTHER}
    path.write_text(raw)
    assert scan(source) == [SourceReadable(path)]


def test_a_list_without_a_good_line_is_damaged_and_keeps_what_it_held(path):
    source = ListFile(path, parse_infohashes)
    scan(source)
    replace(path, "\x00\x00oops\n" * 1000)
    (event,) = scan(source)
    assert "not one good line: line 1" in str(event)
    assert "stays in force" in str(event)
    assert scan(source) == []
    assert source.items == {HASH, OTHER}
    replace(path, HASH.hex())
    assert scan(source) == [SourceReadable(path)]
    assert source.items == {HASH}


def test_a_list_without_a_good_line_is_refused_at_start(path):
    path.write_text("<html>\n" * 1000)
    with pytest.raises(FormatError, match="not one good line"):
        scan(ListFile(path, parse_infohashes))


def test_a_list_that_is_missing_is_refused_at_start(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        scan(ListFile(tmp_path / "none", parse_infohashes))


def test_a_mark_of_the_byte_order_does_not_cost_the_first_line(path):
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    source = ListFile(path, parse_infohashes)
    assert scan(source) == []
    assert source.items == {HASH, OTHER}


def test_an_empty_list_is_a_list(path):
    source = ListFile(path, parse_infohashes)
    scan(source)
    replace(path, "# nobody now\n")
    assert scan(source) == []
    assert source.items == frozenset()


def test_bad_lines_among_good_ones_do_not_fill_the_log(path):
    path.write_text(HASH.hex() + "\n" + "oops\n" * 1000)
    events = scan(ListFile(path, parse_infohashes))
    assert len(events) == 11
    assert all(isinstance(event, FileSkipped) for event in events)
    assert str(events[-1]).endswith("990 more bad lines")


def test_a_list_that_is_being_rewritten_in_place_stays_in_force_until_it_rests(path):
    clock = Clock(path)
    source = ListFile(path, parse_infohashes, clock=clock)
    scan(source)
    clock.age_s = SETTLE_S / 2
    path.write_text(OTHER.hex()[:17])
    assert scan(source) == []
    assert not source.is_settled
    path.write_text("")
    assert scan(source) == []
    assert source.items == {HASH, OTHER}
    path.write_text(OTHER.hex() + "\n")
    assert scan(source) == []
    assert source.items == {HASH, OTHER}
    clock.age_s = SETTLE_S
    assert scan(source) == []
    assert (source.items, source.is_settled) == (frozenset({OTHER}), True)


def test_a_list_that_grows_or_is_replaced_counts_at_once(path):
    clock = Clock(path)
    clock.age_s = 0.0
    source = ListFile(path, parse_infohashes, clock=clock)
    scan(source)
    with path.open("a") as stream:
        stream.write("ef" * 20 + "\n")
    scan(source)
    assert source.items == {HASH, OTHER, b"\xef" * 20}
    replace(path, HASH.hex())
    scan(source)
    assert source.items == {HASH}


def test_a_list_says_what_has_changed_in_it_but_not_what_it_held_at_the_start(path):
    source = ListFile(path, parse_infohashes, clock=Clock(path))
    assert source.take(source.scan()) == ()
    replace(path, "\n".join((HASH.hex(), "ef" * 20, "ee" * 20)))
    (event,) = source.take(source.scan())
    assert event == ListChanged(path, joined=2, left=1, held=3)
    assert str(event) == f"`{path}`: read again, 2 more and 1 less, 3 now"
    assert source.take(source.scan()) == ()


@contextmanager
def tracker(**given):
    events: list[object] = []
    chosen = TrackerSettings(listen=("127.0.0.1:0", "[::1]:0"), workers=1, open=True, **given)
    service = TrackerService(chosen, on_event=events.append)
    service.start()
    # How many connections there may be is said at each start.
    events[:] = [event for event in events if not isinstance(event, ConnectionsAllowed)]
    try:
        yield service, events
    finally:
        service.stop()


def announce(service, *, host="127.0.0.1", peer_id=b"-AA0000-" + b"x" * 12):
    """The failure reason, None if there is none."""
    port = service.http_addresses[0][1]
    to = "::1" if ":" in host else "127.0.0.1"
    connection = http.client.HTTPConnection(to, port, timeout=60, source_address=(host, 0))
    try:
        connection.request(
            "GET",
            f"/announce?info_hash={quote(HASH)}&peer_id={quote(peer_id)}&port=5&uploaded=0"
            "&downloaded=0&left=0&compact=1",
        )
        answer = bencode.decode(connection.getresponse().read(), strict=False)
        assert isinstance(answer, dict)
        return answer.get(b"failure reason")
    finally:
        connection.close()


def look(service):
    service._take(*service._read())
    service._hand_down_all()


def has_ipv6():
    import socket

    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


@needs_ipv6
def test_banned_addresses_are_turned_away_and_the_list_is_hot(tmp_path):
    bans = tmp_path / "bans.p2p"
    bans.write_text("Some Corp:127.0.0.2-127.0.0.4\n")
    with tracker(address_deny_list=bans) as (service, events):
        assert announce(service) is None
        assert announce(service, host="127.0.0.3") == BANNED
        replace(bans, "127.0.0.0/30\n::1/128\n")
        look(service)
        assert announce(service) == BANNED
        assert announce(service, host="::1") == BANNED
        assert announce(service, host="127.0.0.5") is None
        bans.unlink()
        look(service)
        assert announce(service) == BANNED
        assert [type(event) for event in events] == [ListChanged, SourceUnreadable]


@needs_ipv6
def test_only_admitted_addresses_are_served_and_a_ban_counts_more(tmp_path):
    admits, bans = tmp_path / "admits.txt", tmp_path / "bans.txt"
    admits.write_text("127.0.0.0/29\n")
    bans.write_text("127.0.0.7\n")
    with tracker(address_allow_list=admits, address_deny_list=bans) as (service, _):
        assert announce(service) is None
        assert announce(service, host="127.0.0.7") == BANNED
        assert announce(service, host="127.0.0.8") == BANNED
        assert announce(service, host="::1") == BANNED
        replace(admits, "")
        look(service)
        assert announce(service) == BANNED
        replace(admits, "::/0")
        look(service)
        assert announce(service, host="::1") is None


def test_denied_clients_come_from_setting_and_list(tmp_path):
    clients = tmp_path / "clients.txt"
    clients.write_text("-BB\n")
    with tracker(client_deny_list=clients, denied_clients=("-AA",)) as (service, _):
        assert announce(service) == DENIED
        assert announce(service, peer_id=b"-BB" + b"x" * 17) == DENIED
        assert announce(service, peer_id=b"-CC" + b"x" * 17) is None
        replace(clients, "%2dCC\n")
        look(service)
        assert announce(service) == DENIED
        assert announce(service, peer_id=b"-BB" + b"x" * 17) is None
        assert announce(service, peer_id=b"-CC" + b"x" * 17) == DENIED


def test_peers_that_cannot_be_reached_are_not_given_out_where_that_is_asked_for():
    def given_to(service):
        port = service.http_addresses[0][1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(
            "GET",
            f"/announce?info_hash={quote(HASH)}&peer_id={'q' * 20}&port=9&uploaded=0"
            "&downloaded=0&left=5&compact=1",
        )
        answer = bencode.decode(connection.getresponse().read(), strict=False)
        connection.close()
        assert isinstance(answer, dict)
        return answer[b"peers"]

    with tracker(nat_check_attempts=0) as (service, _):
        assert announce(service) is None
        assert given_to(service) == b"\x7f\0\0\1\0\5"
    with tracker(nat_check_attempts=1) as (service, _):
        assert announce(service) is None
        assert given_to(service) == b""
        wait_for(lambda: service.counters()["nat_failures"] >= 1)
        assert given_to(service) == b""


def test_a_list_of_200_000_ranges_is_read_and_told(tmp_path):
    bans = tmp_path / "level1.p2p"
    lines = (f"Label {n}:11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(200_000))
    bans.write_text("\n".join(lines))
    with tracker(address_deny_list=bans) as (service, events):
        assert announce(service) is None
        assert events == []
    assert bans.stat().st_size > 1 << 20

"""What a download keeps to: hours, lists of addresses, what was taken before, lines' widths."""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import pty
import struct
import termios
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from outpour.base.errors import FormatError, ReadError, UsageError
from outpour.base.units import parse_duration, parse_rate
from outpour.cli.shared.transfer_display import size_of
from outpour.cli.shared.transfer_run import Repeats
from outpour.cli.shared.transfer_screen import TransferScreen
from outpour.downloader import Rates, RateSchedule, TakenKeys, read_ip_filter, taken_keys
from outpour.engine import Status

MONDAY = datetime(2026, 11, 23)


def at(hour: int, minute: int = 0, day: int = 0) -> datetime:
    return MONDAY.replace(day=MONDAY.day + day, hour=hour, minute=minute)


def test_the_first_rule_that_fits_the_hour_says_the_rate():
    rules = ("08:00-18:00 down=1MiB/s up=200KiB", "mon-fri 17:00-19:00 down=2MiB/s",
             "sat,sun 00:00-24:00 up=0")  # fmt: skip
    schedule = RateSchedule.parse(rules, Rates(0, 500))
    assert schedule.rates_at(at(7, 59)) == Rates(0, 500)
    assert schedule.rates_at(at(8)) == Rates(1 << 20, 200 << 10)
    assert schedule.rates_at(at(17, 59)) == Rates(1 << 20, 200 << 10)
    assert schedule.rates_at(at(18)) == Rates(2 << 20, 500)
    assert schedule.rates_at(at(18, day=5)) == Rates(0, 0)
    assert schedule.rates_at(at(23, 59, day=6)) == Rates(0, 0)


def test_a_rule_over_midnight_belongs_to_the_day_on_which_it_begins():
    schedule = RateSchedule.parse(["fri-sat 22:00-06:00 down=1"], Rates())
    held = [(day, hour) for day in range(7) for hour in (5, 6, 21, 22)
            if schedule.rates_at(at(hour, day=day)).down]  # fmt: skip
    assert held == [(4, 22), (5, 5), (5, 22), (6, 5)]


@pytest.mark.parametrize(
    "text",
    ["", "08:00", "08:00-18:00", "8-18 down=1", "25:00-26:00 down=1", "08:60-09:00 up=1",
     "08:00-08:00 down=1", "24:00-08:00 down=1", "someday 08:00-09:00 down=1",
     "08:00-09:00 down=1 down=2", "08:00-09:00 sideways=1", "08:00-09:00 down=fast", "mon"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str):
    with pytest.raises(UsageError, match=r"^`"):
        RateSchedule.parse([text], Rates())


def test_rates_and_durations_are_read_with_their_units():
    assert (parse_rate("5MiB/s"), parse_rate("1k")) == (5 << 20, 1024)
    assert [parse_duration(text, "min") for text in ("2", "90s", "1.5h", "1d")] == [
        120, 90, 5400, 86400
    ]  # fmt: skip
    for text in ("", "1 week", "-1", "1e3"):
        with pytest.raises(UsageError):
            parse_duration(text, "min")


EMULE = b"""# a comment
001.009.096.105 - 001.009.096.110 , 000 , Some organization
002.000.000.000 - 002.255.255.255 , 127 , Just below
003.000.000.000 - 003.255.255.255 , 128 , let through
"""


@pytest.mark.parametrize(
    ("body", "ranges"),
    [
        (EMULE, [("1.9.96.105", "1.9.96.110"), ("2.0.0.0", "2.255.255.255")]),
        (b"Org: x:1.2.3.4-1.2.3.5\r\n", [("1.2.3.4", "1.2.3.5")]),
        (b"192.0.2.0/24\n2001:db8::/126\n", [("192.0.2.0", "192.0.2.255"),
                                             ("2001:db8::", "2001:db8::3")]),
        (b"# nothing yet\n", []),
    ],
    ids=["emule", "p2p", "cidr", "empty"],
)  # fmt: skip
def test_lists_of_addresses_are_read_in_the_forms_of_other_clients(
    body: bytes, ranges: list[tuple[str, str]], tmp_path: Path
):
    (tmp_path / "plain").write_bytes(body)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(body))
    assert read_ip_filter(tmp_path / "plain") == (ranges, [])
    assert read_ip_filter(tmp_path / "packed.gz") == (ranges, [])


def test_what_is_no_list_of_addresses_is_one_clear_error(tmp_path: Path):
    (tmp_path / "html").write_bytes(b"<html>\n<p>nothing here</p>")
    with pytest.raises(FormatError, match="no range of addresses"):
        read_ip_filter(tmp_path / "html")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(FormatError, match="compression"):
        read_ip_filter(tmp_path / "cut.gz")
    with pytest.raises(ReadError, match="no such file"):
        read_ip_filter(tmp_path / "none")
    (tmp_path / "half").write_bytes(b"192.0.2.1\nwhat\n")
    assert read_ip_filter(tmp_path / "half")[1] == [
        "line 2 is no address, network or range of addresses"
    ]


def test_what_was_taken_is_known_after_a_restart_and_a_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    taken = TakenKeys(tmp_path / "state", "http://x/", tmp_path)
    taken.add("one\n")
    taken.add("two")
    (file,) = (tmp_path / "state").iterdir()
    with file.open("a") as stream:
        stream.write('"tor')
    again = TakenKeys(tmp_path / "state", "http://x/", tmp_path)
    assert ("one\n" in again, "two" in again, "tor" in again) == (True, True, False)
    assert "two" not in TakenKeys(tmp_path / "state", "http://y/", tmp_path)
    monkeypatch.setattr(taken_keys, "KEYS_MAX", 3)
    for number in range(20):
        again.add(str(number))
    assert len(file.read_bytes().splitlines()) <= 7
    last = TakenKeys(tmp_path / "state", "http://x/", tmp_path)
    assert ("19" in last, "two" in last) == (True, False)


STATUS = Status(
    infohash=b"\1" * 20, name="a-release-with-a-long-name-日本語-amd64-netinst.iso",
    state="downloading", progress=0.5, total=3 << 30, done=1 << 30, down_rate=12 << 20,
    up_rate=1 << 20, downloaded=1 << 30, uploaded=1 << 28, peers=12, seeds=3, error=None,
    save_path=Path(),
)  # fmt: skip


@pytest.mark.parametrize("columns", [2, 8, 20, 40, 80, 200])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_what_is_drawn_fits_the_terminal(columns: int, count: int):
    screen = TransferScreen(lambda _: [True] * 40 + [False] * 80, "utf-8")
    statuses = [replace(STATUS, infohash=bytes([n % 256] * 20)) for n in range(count)]
    lines = screen.lines(statuses, columns, 24)
    assert len(lines) < 24
    assert max(map(cell_len, lines)) < columns


@pytest.mark.parametrize("columns", [20, 30, 40])
def test_a_narrow_terminal_has_names_and_no_half_figures(columns: int):
    many = [replace(STATUS, infohash=bytes([n] * 20), name="漢字" * 30) for n in range(3)]
    top, first, *_ = TransferScreen(lambda _: (), "utf-8").lines(many, columns, 24)
    assert "0 of 3 complete  33.3%  2 min 50 s left".startswith(top)
    assert top.endswith(("complete", "%", "left"))
    assert "漢字漢字" in first


def test_the_terminal_that_is_drawn_on_counts_wherever_data_goes():
    main, drawn = pty.openpty()
    with os.fdopen(main, "rb", buffering=0), os.fdopen(drawn, "w") as terminal:
        fcntl.ioctl(drawn, termios.TIOCSWINSZ, struct.pack("HHHH", 7, 33, 0, 0))
        assert size_of(terminal) == (33, 7)
        # One that does not know.
        fcntl.ioctl(drawn, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        assert all(size_of(terminal))
    assert all(size_of(io.StringIO()))


def test_what_many_torrents_have_to_say_of_one_tracker_is_said_once_a_minute():
    repeats = Repeats()
    said = [at for at in range(0, 200, 7) if not repeats.is_one("`http://x/`: refused", at)]
    assert said == [0, 63, 126, 189]
    assert not repeats.is_one("`http://y/`: refused", 190)
    assert repeats.is_one("`http://y/`: refused", 191)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_how_long_it_takes_is_told_however_narrow_the_terminal_is(columns: int):
    busy = replace(STATUS, name="a" * 99, down_rate=999 << 20, up_rate=999 << 20, peers=9999)
    many = [replace(busy, infohash=bytes([n] * 20)) for n in range(3)]
    screen = TransferScreen(lambda _: (), "utf-8")
    top, first, *_ = screen.lines(many, columns, 24)
    assert top.startswith("0 of 3 complete  33.3%")
    assert top.endswith("2 s left")
    assert first.endswith(" 2 s")
    assert screen.lines([busy], columns, 24)[2].endswith("2 s left")


def test_one_torrent_is_drawn_with_a_map_of_its_pieces_and_many_with_a_row_each():
    has = [True] * 40 + [False] * 80
    head, bar, figures = TransferScreen(lambda _: has, "utf-8").lines([STATUS], 80, 24)
    assert (head[:9], head[-5:]) == ("a-release", "3 GiB")
    assert bar.count("█") in range(18, 26)
    assert "down 12 MiB/s" in figures
    assert figures.endswith("2 min 50 s left")
    ascii_bar = TransferScreen(lambda _: has, "ascii").lines([STATUS], 80, 24)[1]
    assert ("#" in ascii_bar, ascii_bar.isascii()) == (True, True)
    done = replace(STATUS, infohash=b"\2" * 20, state="seeding", done=3 << 30, name="other")
    lines = TransferScreen(lambda _: has, "utf-8").lines([done, STATUS], 80, 24)
    assert "1 of 2 complete" in lines[0]
    assert ("a-release" in lines[1], "other" in lines[2]) == (True, True)

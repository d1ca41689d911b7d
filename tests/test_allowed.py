"""The allowed set: what a folder and lists allow, and how changes are followed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import shutil
import threading
from pathlib import Path

import pytest
import watchfiles

from outpour.base.errors import ReadError
from outpour.base.folder_watch import watch
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.allowed_set import AllowedSet
from outpour.tracker.lists.list_file import parse_infohashes
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.lists.torrent_folder import SETTLE_S, Folder
from outpour.tracker.tracker_events import (
    Allowed,
    DuplicateSkipped,
    FileSkipped,
    ListChanged,
    SourceReadable,
    SourceUnreadable,
    Withdrawn,
)
from tests.test_service import running, settings
from tests.waiting import until

VECTORS = Path(__file__).parent / "vectors" / "classic"
HELLO = bytes.fromhex("e25d7c06d525617193e405c30a3c6a77b2e56510")
BIG = bytes.fromhex("d436a9ec0bd2d9273fe0b0ce8fc52d51ff91278f")


def torrent(name, length=5, **more):
    pieces = hashlib.sha1(name.encode()).digest()
    info = {"length": length, "name": name, "piece length": 16384, "pieces": pieces}
    return bencode.encode({"announce": "http://127.0.0.1:1/announce", "info": info, **more})


def infohash_of(raw):
    return Metainfo.parse(raw).info.infohash


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "torrents"
    root.mkdir()
    for name in ("hello", "big"):
        shutil.copy(VECTORS / f"{name}.torrent", root / f"{name}.torrent")
    return root


def put(path, text):
    """Replace a file by a rename, as careful programs do."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def scan(allowed):
    return [*allowed.apply(allowed.read()).events]


def test_a_folder_allows_its_torrents_and_those_of_its_subfolders(folder):
    deep = folder / "2024" / "may"
    deep.mkdir(parents=True)
    (deep / "x.torrent").write_bytes(torrent("x"))
    (folder / "readme.txt").write_text("no torrent")
    allowed = AllowedSet(folder)
    events = scan(allowed)
    assert allowed.infohashes == {HELLO, BIG, infohash_of(torrent("x"))}
    assert allowed.listings[HELLO].name == "hello.txt"
    assert allowed.listings[HELLO].path == folder / "hello.torrent"
    assert [type(event) for event in events] == [Allowed]


def test_a_new_file_joins_and_a_removed_one_leaves(folder):
    allowed = AllowedSet(folder)
    scan(allowed)
    (folder / "x.torrent").write_bytes(torrent("x"))
    (folder / "big.torrent").unlink()
    assert scan(allowed) == [Allowed(("x",)), Withdrawn(("big.bin",))]
    assert allowed.infohashes == {HELLO, infohash_of(torrent("x"))}
    assert scan(allowed) == []


def test_files_that_did_not_change_are_not_read_again(folder, monkeypatch):
    allowed = AllowedSet(folder)
    scan(allowed)
    read = []
    original = Metainfo.read

    def counted(path):
        read.append(Path(path))
        return original(path)

    monkeypatch.setattr(Metainfo, "read", counted)
    (folder / "hello.torrent").write_bytes(torrent("other"))
    scan(allowed)
    scan(allowed)
    assert read == [folder / "hello.torrent"]


def test_a_bad_file_is_told_once_after_it_had_time_to_become_a_good_one(folder):
    clock = Clock()
    allowed = AllowedSet(folder, clock=clock)
    bad = folder / "bad.torrent"
    bad.write_bytes(torrent("x")[:-10])
    assert not any(isinstance(event, FileSkipped) for event in scan(allowed))
    waits = not allowed.is_settled
    assert waits
    assert allowed.infohashes == {HELLO, BIG}
    clock.now = SETTLE_S + 0.1
    (told,) = scan(allowed)
    assert isinstance(told, FileSkipped)
    assert told.path == bad
    assert str(bad) not in told.why
    assert allowed.is_settled
    assert scan(allowed) == []


def test_a_file_that_is_being_written_joins_without_a_complaint(folder):
    clock = Clock()
    allowed = AllowedSet(folder, clock=clock)
    raw = torrent("slow")
    (folder / "slow.torrent").write_bytes(raw[:50])
    scan(allowed)
    clock.now = 1.0
    (folder / "slow.torrent").write_bytes(raw)
    assert scan(allowed) == [Allowed(("slow",))]


def test_a_good_file_that_is_being_rewritten_stays_in_force_meanwhile(folder):
    clock = Clock()
    allowed = AllowedSet(folder, clock=clock)
    scan(allowed)
    raw = (folder / "hello.torrent").read_bytes()
    (folder / "hello.torrent").write_bytes(raw[:60])
    scan(allowed)
    assert HELLO in allowed.infohashes
    clock.now = SETTLE_S + 0.1
    events = scan(allowed)
    assert [type(event) for event in events] == [FileSkipped, Withdrawn]
    assert HELLO not in allowed.infohashes


def test_the_second_file_of_the_same_torrent_is_told_once_and_the_first_counts(folder):
    copy = folder / "zcopy.torrent"
    shutil.copy(folder / "hello.torrent", copy)
    allowed = AllowedSet(folder)
    events = scan(allowed)
    assert DuplicateSkipped(copy, folder / "hello.torrent") in events
    assert allowed.listings[HELLO].path == folder / "hello.torrent"
    (folder / "x.torrent").write_bytes(torrent("x"))
    assert scan(allowed) == [Allowed(("x",))]
    (folder / "hello.torrent").unlink()
    assert scan(allowed) == []
    assert allowed.listings[HELLO].path == copy


def test_hidden_files_are_what_others_write_before_they_rename(folder):
    (folder / ".hidden.torrent").write_bytes(torrent("x")[:20])
    (folder / ".git").mkdir()
    (folder / ".git" / "y.torrent").write_bytes(torrent("y"))
    allowed = AllowedSet(folder)
    scan(allowed)
    assert allowed.infohashes == {HELLO, BIG}
    assert allowed.is_settled


def test_links_in_a_circle_end(folder):
    (folder / "loop").symlink_to(folder)
    allowed = AllowedSet(folder)
    scan(allowed)
    assert allowed.infohashes == {HELLO, BIG}
    assert allowed.listings[HELLO].path == folder / "hello.torrent"


def test_a_missing_folder_is_refused_at_start_with_a_hint(tmp_path):
    with pytest.raises(ReadError) as caught:
        AllowedSet(tmp_path / "none").read()
    assert "--allowed-dir" in (caught.value.hint or "")


def test_a_folder_that_goes_away_later_keeps_what_it_held(folder):
    allowed = AllowedSet(folder)
    scan(allowed)
    away = folder.with_name("away")
    folder.rename(away)
    (told,) = scan(allowed)
    assert isinstance(told, SourceUnreadable)
    assert allowed.infohashes == {HELLO, BIG}
    assert scan(allowed) == []
    away.rename(folder)
    assert scan(allowed) == [SourceReadable(folder)]


def test_both_hashes_of_a_hybrid_are_allowed_and_it_is_listed_once():
    listing = Listing(
        HELLO, BIG + bytes(12), (HELLO, BIG), "x", 1, 1, "hybrid", False, "", None, None, (), None
    )
    allowed = AllowedSet()
    allowed.give([listing])
    assert allowed.infohashes == {HELLO, BIG}
    assert list(allowed.listings) == [HELLO]
    assert allowed.withdraw([HELLO]).events == (Withdrawn(("x",)),)
    assert allowed.infohashes == frozenset()


def test_what_is_read_counts_once_it_is_applied_and_not_before(folder):
    allowed = AllowedSet(folder)
    scan(allowed)
    (folder / "x.torrent").write_bytes(torrent("x"))
    found = allowed.read()
    # A publisher's torrent joins while the folder is read in another thread.
    given = Listing.of(Metainfo.parse(torrent("given")))
    assert allowed.give([given]).events == (Allowed(("given",)),)
    assert infohash_of(torrent("x")) not in allowed
    assert allowed.apply(found).events == (Allowed(("x",)),)
    assert {infohash_of(torrent("x")), given.infohash, HELLO, BIG} == allowed.infohashes


def test_only_what_changed_is_handed_down(folder, tmp_path):
    listed, denied = tmp_path / "allow.txt", tmp_path / "deny.txt"
    listed.write_text("ab" * 20 + "\n" + HELLO.hex())
    denied.write_text("")
    allowed = AllowedSet(folder, listed, denied)
    scan(allowed)
    joined, left = allowed.hand_down(2)
    joined += allowed.hand_down(9)[0]
    assert ({*joined}, left) == ({HELLO, BIG, b"\xab" * 20}, [])
    # Listed twice, it stays while one of the two says so.
    (folder / "hello.torrent").unlink()
    put(denied, BIG.hex())
    scan(allowed)
    assert allowed.hand_down(9) == ([], [BIG])
    put(listed, "")
    put(denied, "")
    scan(allowed)
    joined, left = allowed.hand_down(9)
    assert (joined, {*left}) == ([BIG], {HELLO, b"\xab" * 20})
    scan(allowed)
    assert allowed.hand_down(9) == ([], [])


def test_a_list_takes_both_lengths_comments_and_cases():
    infohashes, faults = parse_infohashes(
        b"# comment\n\n"
        + HELLO.hex().upper().encode()
        + b"\r\n  "
        + (BIG + bytes(12)).hex().encode()
        + b"  # v2\nnonsense\n"
        + b"a" * 41
    )
    assert infohashes == {HELLO, BIG}
    assert faults == [
        "line 5 is not 40 or 64 hexadecimal digits",
        "line 6 is not 40 or 64 hexadecimal digits",
    ]


def test_a_list_is_followed_and_joined_with_the_folder(folder, tmp_path):
    path = tmp_path / "allow.txt"
    path.write_text("ab" * 20 + "\n")
    allowed = AllowedSet(folder, path)
    scan(allowed)
    assert allowed.infohashes == {HELLO, BIG, b"\xab" * 20}
    put(path, "cd" * 20 + "\noops\n")
    assert scan(allowed) == [
        FileSkipped(path, "line 2 is not 40 or 64 hexadecimal digits"),
        ListChanged(path, joined=1, left=1, held=1),
    ]
    assert allowed.infohashes == {HELLO, BIG, b"\xcd" * 20}
    path.unlink()
    assert [type(event) for event in scan(allowed)] == [SourceUnreadable]
    assert b"\xcd" * 20 in allowed.infohashes


def test_denied_wins_over_allowed(folder, tmp_path):
    deny = tmp_path / "deny.txt"
    deny.write_text(HELLO.hex())
    allowed = AllowedSet(folder, None, deny)
    scan(allowed)
    assert allowed.infohashes == {BIG}
    assert list(allowed.listings) == [BIG]
    put(deny, "")
    assert scan(allowed) == [
        ListChanged(deny, joined=0, left=1, held=0),
        Allowed(("hello.txt",)),
    ]


def test_a_listing_takes_its_date_from_the_metainfo_or_the_file(folder):
    (folder / "x.torrent").write_bytes(torrent("x", **{"creation date": 1234}))
    (folder / "y.torrent").write_bytes(torrent("y"))
    os.utime(folder / "y.torrent", (99, 99))
    source = Folder(folder)
    changed = source.scan().changed
    dates = {new.name: new.published_at for _, _, new in changed if new is not None}
    assert (dates["x"], dates["y"]) == (1234, 99)


@pytest.mark.parametrize("change", ["create", "replace", "delete", "list"])
def test_a_change_wakes_the_tracker_at_once(folder, tmp_path, change):
    listed = tmp_path / "lists" / "allow.txt"
    listed.parent.mkdir()
    listed.write_text("")

    async def main():
        wake = asyncio.Event()
        task = asyncio.create_task(watch([folder], [listed], lambda _: wake.set(), 3600))
        # The watch needs a moment to begin, so the change is made until it is seen.
        for attempt in range(100):
            if change == "create":
                (folder / f"{attempt}.torrent").write_bytes(b"x")
            elif change == "replace":
                (folder / "new").write_bytes(b"x")
                (folder / "new").replace(folder / "hello.torrent")
            elif change == "delete":
                (folder / f"{attempt}.torrent").write_bytes(b"x")
                (folder / f"{attempt}.torrent").unlink()
            else:
                (listed.parent / "new").write_text("")
                (listed.parent / "new").replace(listed)
            try:
                await asyncio.wait_for(wake.wait(), 0.2)
                break
            except asyncio.TimeoutError:
                continue
        assert wake.is_set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_a_folder_that_is_exchanged_for_another_is_watched_on(folder):
    async def main():
        wake = asyncio.Event()
        task = asyncio.create_task(watch([folder], [], lambda _: wake.set(), 0.2))
        folder.rename(folder.with_name("old"))
        folder.mkdir()
        seen = 0
        for attempt in range(100):
            wake.clear()
            (folder / f"{attempt}.torrent").write_bytes(b"x")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(wake.wait(), 1)
                seen += 1
            # The first two may be the exchange itself.
            if seen == 4:
                break
        assert seen == 4
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


async def standing(wake):
    """Wait until a watch stands, or stands again; it says so by waking once."""
    await asyncio.wait_for(wake.wait(), 60)
    wake.clear()


@pytest.mark.parametrize("where", ["folder", "below", "list"])
def test_a_name_that_is_not_utf8_is_told_and_the_watch_comes_back(folder, tmp_path, where):
    listed = tmp_path / "lists" / "allow.txt"
    listed.parent.mkdir()
    listed.write_text("")
    (folder / "deep").mkdir()
    place = {"folder": folder, "below": folder / "deep", "list": listed.parent}[where]
    bad = Path(os.fsdecode(os.fsencode(place) + b"/bad\xff.torrent"))

    def touch():
        bad.write_bytes(b"x")

    async def main():
        wake = asyncio.Event()
        told: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(
            watch(
                [folder], [listed], lambda _: wake.set(), 3600, lambda _, why: told.put_nowait(why)
            )
        )
        why = None
        while why is None:
            touch()
            with contextlib.suppress(asyncio.TimeoutError):
                why = await asyncio.wait_for(told.get(), 0.5)
        assert "not UTF-8" in why
        assert await asyncio.wait_for(told.get(), 60) is None
        while wake.is_set():
            # What changed in between is looked for, too.
            wake.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(wake.wait(), 3)
        (place / "good.torrent").write_bytes(b"x")
        await asyncio.wait_for(wake.wait(), 60)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_while_nothing_can_be_notified_it_is_looked_again_and_again(folder, monkeypatch):
    is_broken = True
    real = watchfiles.watch

    def limited(*paths, **options):
        if is_broken:
            raise OSError(errno.ENOSPC, "OS file watch limit reached")
        return real(*paths, **options)

    monkeypatch.setattr("watchfiles.watch", limited)

    async def main():
        nonlocal is_broken
        wake = asyncio.Event()
        told: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(
            watch([folder], [], lambda _: wake.set(), 0.5, lambda _, why: told.put_nowait(why))
        )
        for _ in range(4):
            await standing(wake)
        is_broken = False
        assert await told.get() == "oS file watch limit reached"
        assert await asyncio.wait_for(told.get(), 60) is None
        assert told.empty()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_what_is_read_of_a_folder_is_put_in_force_where_others_publish_and_not_before(
    tmp_path, monkeypatch
):
    async def nothing(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr("outpour.tracker.source_watch.watch", nothing)
    infohash = Metainfo.parse(torrent("new")).info.infohash
    threads = []
    apply = AllowedSet.apply

    def noted(self, reading):
        threads.append(threading.current_thread())
        return apply(self, reading)

    monkeypatch.setattr(AllowedSet, "apply", noted)

    async def main():
        given = settings(allowed_dir=tmp_path, rescan_interval_s=3600)
        async with running(given) as service:
            (tmp_path / "new.torrent").write_bytes(torrent("new"))
            allowed = service._allowed
            readings = [await asyncio.to_thread(allowed.read) for _ in range(2)]
            assert readings[0].folder.changed == readings[1].folder.changed != ()
            assert infohash not in allowed
            service.reload()
            await until(lambda: infohash in allowed)

    asyncio.run(main())
    assert threads == [threading.main_thread()] * 2


def test_torrents_are_grouped_by_the_folders_that_they_lie_in(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    strange = os.fsdecode(b"\xff\n")
    (tmp_path / strange).mkdir()
    for folder in (".", "a", "a/b", strange):
        (tmp_path / folder / "x.torrent").write_bytes(torrent(f"in {folder!r}"))
    found = Folder(tmp_path).scan()
    groups = {listing.group for _, _, listing in found.changed if listing is not None}
    assert groups == {None, "a", "a/b", r"\xff\x0a"}

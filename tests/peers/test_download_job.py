"""What a download does besides moving pieces: saving, selecting, giving up, cleaning up."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from outpour.downloader import (
    Completed,
    DownloadOptions,
    Failed,
    Job,
    Note,
    Outcome,
    SeedJob,
    kept_downloads,
    unreachable,
)
from outpour.engine import Engine, EngineSettings, ResumeStore
from outpour.torrent import bencode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import TinyTracker, make_torrent, reach
from .little_server import LittleServer


def finish(engine: Engine, job: Job, *, seconds: float = 60) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def is_over() -> bool:
        outcomes.extend(job.turn()[1])
        engine.wait(0.02)
        return job.is_over

    wait_for(is_over, seconds=seconds, what="end")
    outcomes.extend(job.close())
    return outcomes


def small_torrents(folder: Path, count: int) -> list[Metainfo]:
    made: list[Metainfo] = []
    for number in range(count):
        data = b"%d" % number * 100
        (folder / f"file{number}").write_bytes(data)
        info: bencode.Value = {
            b"name": b"file%d" % number, b"piece length": 16384, b"length": len(data),
            b"pieces": hashlib.sha1(data).digest(),
        }  # fmt: skip
        made.append(Metainfo.parse(bencode.encode({b"info": info})))
    return made


@pytest.mark.long
def test_each_of_many_torrents_is_saved_a_few_times_however_many_there_are(
    tmp_path: Path, seeder: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    torrents = small_torrents(tmp_path, 100)
    saves: Counter[bytes] = Counter()
    before = ResumeStore.save

    def save(store: ResumeStore, infohash: bytes, *args: Any, **kwargs: Any) -> None:
        saves[infohash] += 1
        before(store, infohash, *args, **kwargs)

    monkeypatch.setattr(ResumeStore, "save", save)
    # What is saved on the way is a matter of how long it takes.
    monkeypatch.setattr(kept_downloads, "SAVE_EVERY_S", 3600.0)
    asked: list[int] = []
    ask = Engine.save_resume

    def save_resume(self: Engine, infohashes: Any = None, **kwargs: Any) -> dict[bytes, bytes]:
        asked.append(100 if infohashes is None else len(infohashes))
        return ask(self, infohashes, **kwargs)

    monkeypatch.setattr(Engine, "save_resume", save_resume)
    options = DownloadOptions(folder=tmp_path / "got", peers=(seeder.addresses[0],))
    job = Job(engine, options, ResumeStore(tmp_path / "resume"))
    outcomes: list[Outcome] = []

    def is_over() -> bool:
        outcomes.extend(job.turn()[1])
        engine.wait(0.02)
        return job.is_over

    # In groups, as completions come in some however fast the machine is.
    for at in range(0, 100, 10):
        for metainfo in torrents[at : at + 10]:
            seeder.add(metainfo, tmp_path, mode="seed")
            job.add(metainfo)
        wait_for(is_over, what="end of a group")
    job.close()
    assert sum(isinstance(outcome, Completed) for outcome in outcomes) == 100
    # Once as it begins, once complete, and at most once more, at the end.
    assert max(saves.values()) <= 3
    assert sum(asked) <= 100 * 3


def test_a_state_that_cannot_be_written_is_noted_and_the_download_is_whole(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    made = make_torrent(content / "image.bin")
    seeder.add(made, content, mode="seed")
    (tmp_path / "file").touch()
    options = DownloadOptions(folder=tmp_path / "got", peers=(seeder.addresses[0],))
    job = Job(engine, options, ResumeStore(tmp_path / "file" / "resume"))
    job.add(made)
    outcomes = finish(engine, job)
    told = [outcome.message for outcome in outcomes if isinstance(outcome, Note)]
    assert len(told) == 1
    assert "resume`: not a directory; the next run has to check" in told[0]
    assert any(isinstance(outcome, Completed) for outcome in outcomes)


@pytest.mark.parametrize("version", ["v1", "hybrid"])
def test_a_link_that_selects_files_brings_these_alone(
    version: str, content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    made = make_torrent(content, version, piece_length=16384)
    seeder.add(made, content.parent, mode="seed")
    paths = [file.path for file in made.info.files]
    at = paths.index(("docs", "notes.txt"))
    link = replace(Magnet.of(made), selected=((at, at + 1),))
    options = DownloadOptions(folder=tmp_path / "got", peers=(seeder.addresses[0],))
    job = Job(engine, options, ResumeStore(tmp_path / "resume"))
    job.add(link)
    finish(engine, job)
    found = [path.name for path in (tmp_path / "got").rglob("*") if path.is_file()]
    assert found == ["notes.txt"]


def test_an_empty_file_that_is_selected_alone_completes(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    (content / "nothing").touch()
    made = make_torrent(content)
    seeder.add(made, content.parent, mode="seed")
    for source in (made, Magnet.of(made)):
        folder = tmp_path / type(source).__name__
        options = DownloadOptions(folder=folder, files=("nothing",), peers=(seeder.addresses[0],))
        job = Job(engine, options, None)
        key = job.add(source)
        assert any(isinstance(outcome, Completed) for outcome in finish(engine, job))
        assert [path.name for path in folder.rglob("*") if path.is_file()] == ["nothing"]
        engine.remove(key)


@pytest.mark.parametrize("keeps", [True, False], ids=["with state", "without"])
def test_pieces_of_files_that_are_not_wanted_do_not_stay_beside_the_content(
    keeps: bool, content: Path, tmp_path: Path, seeder: Engine, settings: EngineSettings
) -> None:
    made = make_torrent(content)
    seeder.add(made, content.parent, mode="seed")
    store = ResumeStore(tmp_path / "resume") if keeps else None
    options = DownloadOptions(
        folder=tmp_path / "got", files=("docs/*",), peers=(seeder.addresses[0],)
    )
    for _ in range(2):
        with Engine(settings) as engine:
            job = Job(engine, options, store)
            key = job.add(made)
            finish(engine, job)
            if keeps and _:
                # What was kept of the pieces is used again.
                assert engine.status(key).downloaded < 70_000 + 2 * 65536 + 1
        assert [path.name for path in (tmp_path / "got").rglob("*") if path.is_file()] == [
            "notes.txt"
        ]


def test_sources_that_all_fail_end_a_download_long_before_its_patience(
    content: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unreachable, "DEAD_AFTER_S", 1.0)
    urls = ["http://127.0.0.1:1/announce", "http://127.0.0.1:1/release/"]
    made = make_torrent(content, trackers=urls[:1], web_seeds=urls[1:])
    job = Job(engine, DownloadOptions(folder=tmp_path / "got", stall_s=3000), None)
    job.add(made)
    (failed,) = [one for one in finish(engine, job) if isinstance(one, Failed)]
    assert failed.error.exit_code == 7
    assert "none of its sources answers" in failed.error.message
    assert all(url in failed.error.message for url in urls)


def test_a_tracker_that_knows_nobody_is_no_dead_source(
    content: Path, tmp_path: Path, engine: Engine, tracker: TinyTracker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(unreachable, "DEAD_AFTER_S", 0.5)
    made = make_torrent(content, trackers=[tracker.announce_url], web_seeds=["http://127.0.0.1:1/"])
    job = Job(engine, DownloadOptions(folder=tmp_path / "got", stall_s=3), None)
    job.add(made)
    (failed,) = [one for one in finish(engine, job) if isinstance(one, Failed)]
    assert "nothing came for 3 s" in failed.error.message


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def start(*words: object, **kwargs: Any) -> subprocess.Popen[str]:
        running.append(subprocess.Popen(
            [sys.executable, "-m", "outpour", *map(str, words), "--bind", "127.0.0.1"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}, **kwargs,
        ))  # fmt: skip
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_one_source_that_is_missing_does_not_keep_the_others(
    content: Path, tmp_path: Path, tracker: TinyTracker, seeder: Engine,
    start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    made = make_torrent(content, trackers=[tracker.announce_url])
    made.write(tmp_path / "t.torrent")
    seeder.add(made, content.parent, mode="seed")
    (tmp_path / "junk.torrent").write_bytes(b"junk")
    process = start("download", "missing.torrent", "junk.torrent", "t.torrent", "-o", "got")
    _, told = process.communicate(timeout=100)
    assert process.returncode == 4
    assert "`missing.torrent`: no such file" in told
    assert "`junk.torrent`: " in told
    assert (tmp_path / "got/release/image.bin").read_bytes() == (content / "image.bin").read_bytes()


@pytest.mark.parametrize("command", ["download", "seed"])
def test_a_terminal_that_goes_away_ends_it_as_ctrl_c_does(
    command: str, content: Path, tmp_path: Path, tracker: TinyTracker, settings: EngineSettings,
    start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    made = make_torrent(content, trackers=[tracker.announce_url])
    made.write(tmp_path / "t.torrent")
    where = ("-o", "got") if command == "download" else ("--content", content)
    is_read = threading.Event()
    peer = LittleServer(lambda _: is_read.set())
    tracker.peers[made.info.infohash].add(peer.port)
    # Whoever runs the tests under nohup has the signal ignored.
    process = start(
        command, "t.torrent", *where,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )  # fmt: skip
    # Only who has read the answer to its first announce says goodbye: it comes to the peer there.
    assert is_read.wait(60)
    process.send_signal(signal.SIGHUP)
    _, told = process.communicate(timeout=100)
    assert process.returncode == (130 if command == "download" else 0), told
    wait_for(lambda: (made.info.infohash, "stopped") in tracker.events, what="goodbye")
    peer.close()
    assert [*(tmp_path / "state" / "outpour" / "resume").glob("*.resume")]


def test_what_is_interrupted_while_it_is_begun_is_kept_all_the_same(
    content: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_torrent(content)
    add = Engine.add

    def interrupted(self: Engine, *args: Any, **kwargs: Any) -> None:
        add(self, *args, **kwargs)
        raise KeyboardInterrupt

    store = ResumeStore(tmp_path / "state")
    folder = tmp_path / "got"
    reached = DownloadOptions(folder=folder, peers=(("127.0.0.1", 9),))
    download, seed = Job(engine, reached, store), SeedJob(engine, store)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            download.add(made)
    assert not download.close()
    assert store.load(made.info.infohash, folder, None)
    engine.remove(made.info.infohash)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            seed.add(made, content, trust=False)
    assert not seed.close()


def test_under_nohup_it_goes_on(
    content: Path, tmp_path: Path, tracker: TinyTracker, engine: Engine,
    start: Callable[..., subprocess.Popen[str]],
) -> None:  # fmt: skip
    made = make_torrent(content, trackers=[tracker.announce_url])
    made.write(tmp_path / "t.torrent")
    process = start(
        "seed", "t.torrent", "--content", content,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    wait_for(lambda: tracker.peers[made.info.infohash], what="announce")
    process.send_signal(signal.SIGHUP)
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
    )
    assert int(status["SigIgn"], 16) & 1 << signal.SIGHUP - 1
    reach(engine, engine.add(made, tmp_path / "got"), "seeding")
    assert process.poll() is None


def test_content_that_is_replaced_while_it_is_seeded_is_noticed(
    content: Path, tmp_path: Path, tracker: TinyTracker, start: Callable[..., subprocess.Popen[str]]
) -> None:
    made = make_torrent(content, trackers=[tracker.announce_url])
    made.write(tmp_path / "t.torrent")
    process = start("seed", "t.torrent", "--content", content)
    wait_for(lambda: tracker.peers[made.info.infohash], what="announce")
    other = content.parent / "other"
    other.write_bytes(os.urandom(3_000_001))
    other.replace(content / "image.bin")
    _, told = process.communicate(timeout=100)
    assert process.returncode == 6, told
    assert "image.bin`: has changed; the content is checked again" in told
    assert "missing or differs" in told


def test_a_file_longer_than_its_torrent_is_not_seeded(
    content: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    make_torrent(content).write(tmp_path / "t.torrent")
    with (content / "image.bin").open("ab") as file:
        file.write(b"more")
    process = start("seed", "t.torrent", "--content", content)
    _, told = process.communicate(timeout=100)
    assert process.returncode == 6
    assert "image.bin`: longer than in the torrent" in told


def other_bytes(path: Path) -> None:
    """Write others in place of those of a file, as many."""
    new = path.with_name("new")
    new.write_bytes(os.urandom(path.stat().st_size))
    new.replace(path)


def test_content_that_changes_while_it_is_compared_is_compared_again(
    content: Path, engine: Engine
) -> None:
    made = make_torrent(content)
    job = SeedJob(engine, None)
    job.add(made, content, trust=False)
    # The comparison is over, and the job has not looked yet.
    reach(engine, made.info.infohash, "seeding")
    other_bytes(content / "image.bin")
    outcomes: list[Outcome] = []

    def has_failed() -> bool:
        outcomes.extend(job.turn()[1])
        engine.wait(0.02)
        return any(isinstance(one, Failed) for one in outcomes)

    wait_for(has_failed, what="failure", still=lambda: outcomes)
    assert [type(one) for one in outcomes] == [Completed, Note, Failed]


def test_content_that_changes_as_its_seed_ends_is_not_kept_as_compared(
    content: Path, tmp_path: Path, engine: Engine
) -> None:
    made = make_torrent(content)
    store = ResumeStore(tmp_path / "state")
    for changes in (False, True):
        job = SeedJob(engine, store)
        key = made.info.infohash
        job.add(made, content, trust=False)
        wait_for(
            lambda: any(isinstance(one, Completed) for one in job.turn()[1]),  # noqa: B023
            what="seeding",
        )
        if changes:
            other_bytes(content / "image.bin")
        assert job.close() == []
        kept = store.load(key, content.parent, content.name)
        assert kept is not None
        assert kept.trusted is not changes
        engine.remove(key)

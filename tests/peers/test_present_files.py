"""What was there before a download is not the download's to change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from outpour.downloader import (
    Completed,
    DownloadOptions,
    Failed,
    Job,
    Note,
    Outcome,
    SeedGoal,
    kept_downloads,
)
from outpour.downloader.present_files import ranges
from outpour.engine import Engine, EngineSettings, ResumeStore
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import TinyTracker, make_torrent, same_files

TEXT = b"a diary of ten years\n" * 30_000


class Run:
    """Downloads of one engine and folder, until each is over."""

    def __init__(self, engine: Engine, folder: Path, store: ResumeStore | None) -> None:
        self.engine = engine
        self.folder = folder
        self.store = store

    def __call__(
        self, *sources: Metainfo | Magnet, peer: Engine | None = None, **options: object
    ) -> list[Outcome]:
        peers = (peer.addresses[0],) if peer else ()
        given = DownloadOptions(folder=self.folder, peers=peers, **options)  # type: ignore[arg-type]
        job = Job(self.engine, given, self.store)
        outcomes: list[Outcome] = []
        keys = [job.add(source) for source in sources]

        def is_over() -> bool:
            outcomes.extend(job.turn()[1])
            self.engine.wait(0.02)
            return job.is_over

        try:
            wait_for(is_over, seconds=60, what="end")
        finally:
            job.close()
            for key in keys:
                self.engine.remove(key)
        return outcomes


@pytest.fixture
def got(tmp_path: Path) -> Path:
    folder = tmp_path / "got"
    folder.mkdir()
    return folder


@pytest.fixture
def download(engine: Engine, got: Path, tmp_path: Path) -> Run:
    return Run(engine, got, ResumeStore(tmp_path / "resume"))


@pytest.fixture
def single(content: Path, seeder: Engine) -> Metainfo:
    """A torrent of one file, which somebody seeds."""
    made = make_torrent(content / "image.bin")
    seeder.add(made, content, mode="seed")
    return made


@pytest.fixture
def folder(content: Path, seeder: Engine) -> Metainfo:
    """A torrent of three files, which somebody seeds."""
    made = make_torrent(content, piece_length=16384)
    seeder.add(made, content.parent, mode="seed")
    return made


def failure(outcomes: list[Outcome]) -> str:
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert failed.error.exit_code == 5
    return f"{failed.error.message}\n{failed.error.hint}"


def refused(download: Run, *sources: Metainfo | Magnet, **options: object) -> str:
    """The one refusal of a download, before it begins or after a look at the files."""
    from outpour.base.errors import WriteError

    try:
        return failure(download(*sources, **options))  # type: ignore[arg-type]
    except WriteError as error:
        return f"{error.message}\n{error.hint}"


@pytest.mark.parametrize("size", [100, 3_000_001, 4_000_000])
@pytest.mark.parametrize("by_link", [False, True], ids=["torrent", "magnet"])
def test_a_strangers_file_of_the_same_name_stays_as_it_is(
    size: int, by_link: bool, download: Run, got: Path, single: Metainfo, seeder: Engine
) -> None:
    mine = (TEXT * 8)[:size]
    (got / "image.bin").write_bytes(mine)
    source = Magnet.of(single) if by_link else single
    told = refused(download, source, peer=seeder)
    assert f"`{got / 'image.bin'}`: is there already" in told
    assert "--overwrite" in told
    assert (got / "image.bin").read_bytes() == mine
    # A second try finds nothing that would make it ours.
    assert "is there already" in refused(download, source, peer=seeder)


@pytest.mark.parametrize("size", [100, 3_000_001, 4_000_000])
def test_overwrite_replaces_it(
    size: int, download: Run, got: Path, single: Metainfo, seeder: Engine, content: Path
) -> None:
    (got / "image.bin").write_bytes((TEXT * 8)[:size])
    download(single, peer=seeder, overwrite=True)
    assert (got / "image.bin").read_bytes() == (content / "image.bin").read_bytes()


def test_one_strange_file_among_those_of_the_torrent_stays_as_it_is(
    download: Run, got: Path, folder: Metainfo, seeder: Engine, content: Path
) -> None:
    shutil.copytree(content, got / "release")
    notes = got / "release" / "docs" / "notes.txt"
    notes.write_bytes(TEXT[:70_000])
    assert "notes.txt`: is there already" in refused(download, folder, peer=seeder)
    assert notes.read_bytes() == TEXT[:70_000]


def test_a_file_that_ends_as_the_torrents_and_goes_on_is_not_called_verified(
    download: Run, got: Path, single: Metainfo, seeder: Engine, content: Path
) -> None:
    whole = (content / "image.bin").read_bytes()
    (got / "image.bin").write_bytes(whole + b"and what I wrote myself")
    assert "longer than the 3000001 bytes" in refused(download, single, peer=seeder)
    assert (got / "image.bin").read_bytes().endswith(b"myself")


def test_a_part_that_another_client_has_fetched_is_gone_on_with(
    download: Run, got: Path, single: Metainfo, seeder: Engine, content: Path
) -> None:
    whole = (content / "image.bin").read_bytes()
    (got / "image.bin").write_bytes(whole[:1_000_000])
    outcomes = download(single, peer=seeder)
    assert any(isinstance(outcome, Completed) for outcome in outcomes)
    assert (got / "image.bin").read_bytes() == whole


@pytest.mark.parametrize("kind", ["empty", "reserved"])
def test_a_file_that_holds_nothing_is_no_loss(
    kind: str, download: Run, got: Path, single: Metainfo, seeder: Engine, content: Path
) -> None:
    (got / "image.bin").touch()
    os.truncate(got / "image.bin", 0 if kind == "empty" else 2_000_000)
    assert any(isinstance(outcome, Completed) for outcome in download(single, peer=seeder))
    assert (got / "image.bin").read_bytes() == (content / "image.bin").read_bytes()


def test_what_a_killed_run_has_written_is_its_own_before_any_piece_is_whole(
    got: Path, tmp_path: Path, content: Path, download: Run, single: Metainfo, seeder: Engine
) -> None:
    with Engine(EngineSettings().isolated()) as first:
        job = Job(first, DownloadOptions(folder=got, discovers=True), download.store)
        job.add(single)
        # As if it had been killed here, after some blocks and before a piece or a save.
        (got / "image.bin").write_bytes(TEXT[:500_000])
    assert any(isinstance(outcome, Completed) for outcome in download(single, peer=seeder))
    assert (got / "image.bin").read_bytes() == (content / "image.bin").read_bytes()


def test_a_file_put_in_place_of_a_finished_one_is_a_strangers(
    download: Run, got: Path, single: Metainfo, seeder: Engine
) -> None:
    download(single, peer=seeder)
    (got / "image.bin").write_bytes(TEXT)
    assert "is there already" in refused(download, single, peer=seeder)
    assert (got / "image.bin").read_bytes() == TEXT


def test_a_file_that_an_earlier_run_left_out_is_no_less_a_strangers(
    download: Run, got: Path, folder: Metainfo, seeder: Engine
) -> None:
    download(folder, peer=seeder, files=("image.bin",))
    notes = got / "release" / "docs" / "notes.txt"
    notes.parent.mkdir()
    notes.write_bytes(TEXT[:70_000])
    assert "notes.txt`: is there already" in refused(download, folder, peer=seeder)
    assert notes.read_bytes() == TEXT[:70_000]


@pytest.mark.parametrize("kind", ["folder", "link to nowhere", "fifo"])
def test_what_is_no_file_is_refused(
    kind: str, download: Run, got: Path, single: Metainfo, seeder: Engine, tmp_path: Path
) -> None:
    target = got / "image.bin"
    match kind:
        case "folder":
            target.mkdir()
        case "fifo":
            os.mkfifo(target)
        case _:
            target.symlink_to(tmp_path / "elsewhere")
    assert "image.bin`: is" in refused(download, single, peer=seeder)
    assert not (tmp_path / "elsewhere").exists()


def test_two_torrents_that_write_the_same_file_are_not_both_taken(
    download: Run, seeder: Engine, single: Metainfo, content: Path
) -> None:
    other = make_torrent(content / "image.bin", piece_length=16384)
    assert other.info.infohash != single.info.infohash
    assert "two torrents of this download write it" in refused(download, single, other, peer=seeder)


def test_a_hidden_name_is_told(download: Run, got: Path, content: Path, seeder: Engine) -> None:
    (content / ".bashrc").write_bytes(b"rm -rf /\n")
    made = make_torrent(content / ".bashrc")
    seeder.add(made, content, mode="seed")
    notes = [outcome for outcome in download(made, peer=seeder) if isinstance(outcome, Note)]
    assert [note.message for note in notes] == [f"`{got / '.bashrc'}`: the name is hidden by `ls`"]


def test_names_that_differ_in_case_only_are_placed_as_the_torrent_has_them(
    download: Run, got: Path, tmp_path: Path, seeder: Engine
) -> None:
    root = tmp_path / "kernel"
    for name in ("net/xt_TCPMSS.c", "net/xt_tcpmss.c", "Net/xt_TCPMSS.c", "fs", "FS/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.urandom(40_000))
    made = make_torrent(root, piece_length=16384)
    seeder.add(made, tmp_path, mode="seed", trust=False)
    for source in (made, Magnet.of(made)):
        outcomes = download(source, peer=seeder)
        assert any(isinstance(outcome, Completed) for outcome in outcomes)
        assert same_files(root, got / "kernel")
        shutil.rmtree(got / "kernel")


def test_numbers_are_written_as_runs() -> None:
    assert [*ranges([])] == []
    assert [*ranges([3])] == [(3, 3)]
    assert [*ranges([0, 1, 2, 5, 7, 8])] == [(0, 2), (5, 5), (7, 8)]


@pytest.fixture
def outpour(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "outpour", *map(str, words), "--bind", "127.0.0.1"],
            capture_output=True, text=True, timeout=40, check=False, cwd=tmp_path,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        )  # fmt: skip

    return run


def test_the_command_refuses_and_overwrites_too(
    outpour: Callable[..., subprocess.CompletedProcess[str]], content: Path, tmp_path: Path,
    seeder: Engine, tracker: TinyTracker, got: Path,
) -> None:  # fmt: skip
    made = make_torrent(content / "image.bin", trackers=[tracker.announce_url])
    made.write(tmp_path / "t.torrent")
    seeder.add(made, content, mode="seed")
    (got / "image.bin").write_bytes(TEXT)
    done = outpour("download", "t.torrent", "-o", got)
    assert done.returncode == 5
    assert "error: " in done.stderr
    assert "hint: `--overwrite` replaces it" in done.stderr
    assert (got / "image.bin").read_bytes() == TEXT
    assert outpour("download", "t.torrent", "-o", got, "--overwrite").returncode == 0
    assert (got / "image.bin").read_bytes() == (content / "image.bin").read_bytes()


def test_what_was_changed_while_a_complete_download_was_seeded_is_checked_by_the_next_run(
    single: Metainfo, got: Path, content: Path, download: Run, seeder: Engine, tmp_path: Path,
    settings: EngineSettings, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(kept_downloads, "SAVE_EVERY_S", 0)
    options = DownloadOptions(folder=got, peers=(seeder.addresses[0],), seed=SeedGoal())
    job = Job(download.engine, options, download.store)
    key = job.add(single)
    outcomes: list[Outcome] = []

    def turned(until: Callable[[], object]) -> bool:
        outcomes.extend(job.turn()[1])
        download.engine.wait(0.02)
        return bool(until())

    def is_complete() -> bool:
        return any(isinstance(one, Completed) for one in outcomes)

    wait_for(lambda: turned(is_complete), what="complete download")
    path = got / "image.bin"
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"edited")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    # Of what it has sent something is kept every now and then.
    (kept,) = (tmp_path / "resume").glob("*.resume")
    inode = kept.stat().st_ino
    with Engine(settings) as other:
        other.connect_peer(other.add(single, tmp_path / "other"), *download.engine.addresses[0])
        wait_for(lambda: turned(lambda: kept.stat().st_ino != inode), what="another save")
    job.close()
    download.engine.remove(key)
    assert any(isinstance(one, Completed) for one in download(single, peer=seeder))
    assert path.read_bytes() == (content / "image.bin").read_bytes()

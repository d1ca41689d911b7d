"""Web seeds that fail, come back, or cannot be combined with the torrent."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from outpour.base.http_route import DIRECT
from outpour.downloader import (
    Completed,
    DownloadOptions,
    Job,
    Note,
    Outcome,
    tree_fetch,
    web_seed_retries,
)
from outpour.downloader.tree_fetch import Pace, TreeFetch
from outpour.engine import Engine, EngineSettings
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.waiting import wait_for

from .conftest import WebHost, make_torrent, same_files


def drive(
    engine: Engine, job: Job, until: Callable[[list[Outcome]], object], *, seconds: float = 60
) -> list[Outcome]:
    """Turn a job until its outcomes are as wanted."""
    outcomes: list[Outcome] = []

    def is_there() -> bool:
        outcomes.extend(job.turn()[1])
        engine.wait(0.02)
        return bool(until(outcomes))

    wait_for(is_there, seconds=seconds, what="outcome")
    return outcomes


def notes(outcomes: list[Outcome]) -> list[str]:
    return [outcome.message for outcome in outcomes if isinstance(outcome, Note)]


def is_complete(outcomes: list[Outcome]) -> bool:
    return any(isinstance(outcome, Completed) for outcome in outcomes)


@pytest.mark.parametrize("status", [503, 404, 500])
def test_a_web_seed_that_failed_once_is_asked_again(
    status: int, content: Path, tmp_path: Path, web_host: WebHost, engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(web_seed_retries, "FIRST_AFTER_S", 0.3)
    made = make_torrent(content / "image.bin", web_seeds=[f"{web_host.url}release/image.bin"])
    web_host.answers["/release/image.bin"] = (status, b"")
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(made)
    outcomes = drive(engine, job, notes)
    assert str(status) in notes(outcomes)[0]
    del web_host.answers["/release/image.bin"]
    drive(engine, job, is_complete)


class Answer(WebHost):
    """Answers every request in one way."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(Path("/nonexistent"))
        self.answer = (status, body, headers)

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        return self.answer


@pytest.mark.parametrize(
    ("status", "body", "headers", "reason"),
    [
        (200, b"x" * 100, {}, "it answers with other bytes than were asked for"),
        (206, b"x" * 100, {"Content-Range": "bytes 5-104/3000001"}, "other bytes than were asked"),
        (200, bytes(3_000_001), {}, "its content differs from the torrent"),
        (302, b"", {"Location": "/other?x=1"}, "it redirects to an address on the local network"),
        (403, b"", {}, "403"),
    ],
)
def test_the_reason_of_a_failure_is_told(
    status: int, body: bytes, headers: dict[str, str], reason: str, content: Path, tmp_path: Path,
    engine: Engine,
) -> None:  # fmt: skip
    host = Answer(status, body, headers)
    made = make_torrent(content / "image.bin", web_seeds=[f"{host.url}image.bin"])
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(made)
    outcomes = drive(engine, job, lambda found: any(reason in text for text in notes(found)))
    assert all(text.startswith(f"`{host.url}") for text in notes(outcomes))
    host.close()


def test_a_server_that_is_down_or_not_trusted_is_told(
    content: Path, tmp_path: Path, engine: Engine
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days",
         "2", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
        check=True, capture_output=True,
    )  # fmt: skip
    host = WebHost(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    host._server.socket = context.wrap_socket(host._server.socket, server_side=True)
    down = f"http://127.0.0.1:{free_port()}/image.bin"
    untrusted = f"{host.url.replace('http:', 'https:')}image.bin"
    made = make_torrent(content / "image.bin", web_seeds=[down, untrusted])
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(made)

    def are_told(outcomes: list[Outcome]) -> bool:
        is_distrusted = f"`{untrusted}`: its certificate is not trusted"
        told = notes(outcomes)
        return f"`{down}`: connection refused" in told and any(
            text.startswith(is_distrusted) for text in told
        )

    outcomes = drive(engine, job, are_told)
    assert any("to trust it" in (note.hint or "") for note in outcomes if isinstance(note, Note))
    host.close()


def tree(content: Path, *web_seeds: str) -> Metainfo:
    """A v2 torrent whose first file does not end where its last piece does."""
    (content / "another.bin").write_bytes(os.urandom(100_000))
    return make_torrent(content, "v2", web_seeds=web_seeds, piece_length=16384)


@pytest.mark.parametrize("by_link", [False, True], ids=["torrent", "magnet"])
def test_a_v2_tree_with_a_web_seed_comes_from_peers(
    by_link: bool, content: Path, tmp_path: Path, web_host: WebHost, seeder: Engine, engine: Engine
) -> None:
    made = tree(content, web_host.url)
    seeder.add(made, content.parent, mode="seed")
    options = DownloadOptions(folder=tmp_path / "got", peers=(seeder.addresses[0],))
    job = Job(engine, options, None)
    job.add(Magnet.of(made) if by_link else made)
    outcomes = drive(engine, job, is_complete)
    assert notes(outcomes) == []
    assert same_files(content, tmp_path / "got" / "release")
    # Its thread would ask on, while the next test runs.
    job.close()


@pytest.mark.parametrize("kind", ["torrent", "by hand", "single", "single in folder"])
def test_a_v2_tree_comes_from_a_web_seed_alone(
    kind: str, content: Path, tmp_path: Path, web_host: WebHost, engine: Engine
) -> None:
    if kind.startswith("single"):
        url = web_host.url if kind.endswith("folder") else f"{web_host.url}image.bin"
        (content / "image.bin").replace(content.parent / "image.bin")
        made = make_torrent(content.parent / "image.bin", "v2", web_seeds=[url])
        content = content.parent / "image.bin"
    else:
        made = tree(content, *([web_host.url] if kind == "torrent" else []))
    more = (web_host.url,) if kind == "by hand" else ()
    options = DownloadOptions(folder=tmp_path / "got", web_seeds=more)
    job = Job(engine, options, None)
    job.add(made)
    outcomes = drive(engine, job, is_complete)
    assert notes(outcomes) == []
    if content.is_dir():
        assert same_files(content, tmp_path / "got" / "release")
    else:
        assert (tmp_path / "got" / "image.bin").read_bytes() == content.read_bytes()
    job.close()


def test_the_web_seed_of_a_v2_tree_is_asked_again_when_it_failed(
    content: Path, tmp_path: Path, web_host: WebHost, engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tree_fetch, "FIRST_AFTER_S", 0.2)
    made = tree(content, web_host.url)
    web_host.answers["/release/image.bin"] = (503, b"")
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(made)
    assert notes(drive(engine, job, notes)) == [f"`{web_host.url}`: HTTP 503 service unavailable"]
    del web_host.answers["/release/image.bin"]
    drive(engine, job, is_complete)
    job.close()


def test_a_web_seed_with_other_content_of_a_v2_tree_is_told_and_dropped(
    content: Path, tmp_path: Path, web_host: WebHost, engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tree_fetch, "CHECK_S", 0.5)
    made = tree(content, web_host.url)
    (content / "image.bin").write_bytes(os.urandom(3_000_001))
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(made)
    assert "its content differs from the torrent" in notes(drive(engine, job, notes))[0]
    job.close()


def test_a_disk_that_checks_slowly_makes_no_web_seed_a_liar(
    content: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_fetch, "LOOK_S", 0.01)
    monkeypatch.setattr(tree_fetch, "CHECK_S", 0.05)
    info = tree(content).info
    fetch = TreeFetch(engine, DIRECT)
    one = tree_fetch._Tree(info.infohash, info, [], frozenset(range(len(info.files))))
    has = [False] * info.piece_count

    def checked(_: object) -> list[bool]:
        if False in has:
            has[has.index(False)] = True
        return has

    monkeypatch.setattr(fetch, "_pieces", checked)
    assert fetch._is_checked(one)
    monkeypatch.setattr(fetch, "_pieces", lambda _: [False] * len(has))
    assert not fetch._is_checked(one)


def test_no_thread_is_in_the_engine_any_more_when_a_job_is_closed(
    content: Path, tmp_path: Path, web_host: WebHost, engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # One that came back from it while the interpreter ended had the process aborted.
    entered, leave = threading.Event(), threading.Event()
    pieces = Engine.pieces

    def held(one: Engine, infohash: bytes) -> list[bool]:
        if one is engine and threading.current_thread().name.startswith("outpour-tree"):
            entered.set()
            leave.wait(60)
        return pieces(one, infohash)

    monkeypatch.setattr(Engine, "pieces", held)
    job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
    job.add(tree(content, web_host.url))
    drive(engine, job, lambda _: entered.is_set())
    closing = threading.Thread(target=job.close)
    closing.start()
    closing.join(0.3)
    assert closing.is_alive()
    leave.set()
    closing.join(60)
    assert not closing.is_alive()


def test_the_limit_of_a_download_holds_for_the_web_seed_of_a_v2_tree(
    content: Path, tmp_path: Path, web_host: WebHost, settings: EngineSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    taken: list[int] = []

    def take(pace: Pace, length: int, rate: int) -> float:
        assert length <= 1_000_000
        assert 0 < rate <= 1_000_000
        taken.append(length)
        return 0

    monkeypatch.setattr(Pace, "take", take)
    made = tree(content, web_host.url)
    with Engine(replace(settings, download_rate=1_000_000)) as engine:
        job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
        job.add(made)
        drive(engine, job, is_complete)
        job.close()
    assert same_files(content, tmp_path / "got" / "release")
    assert sum(taken) == made.info.length


class Asked(WebHost):
    """Keeps how long the ranges were that it was asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.lengths: list[int] = []

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        answer = super().respond(target, wanted)
        self.lengths.append(len(answer[1]))
        return answer


def test_of_a_web_seed_no_more_is_asked_at_once_than_a_limit_lets_through_in_a_second(
    tmp_path: Path, settings: EngineSettings
) -> None:
    (tmp_path / "long.bin").write_bytes(os.urandom(3 << 20))
    host = Asked(tmp_path)
    made = make_torrent(tmp_path / "long.bin", web_seeds=[f"{host.url}long.bin"])
    with Engine(replace(settings, torrent_download_rate=1 << 21)) as engine:
        engine.limit(download_rate=1 << 22)
        job = Job(engine, DownloadOptions(folder=tmp_path / "got"), None)
        job.add(made)
        drive(engine, job, is_complete)
        job.close()
    host.close()
    assert same_files(tmp_path / "long.bin", tmp_path / "got" / "long.bin")
    assert max(host.lengths) <= 1 << 21, host.lengths


def test_what_may_come_in_a_second_is_shared_by_all_who_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tree_fetch, "time", SimpleNamespace(monotonic=lambda: 7.0))
    pace = Pace()
    waits = [pace.take(1000, 1000) for _ in range(4)]
    assert waits == [0, 1, 2, 3]

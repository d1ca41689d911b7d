"""Commands that are run when something is published or withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from outpour.base.within import within
from outpour.making.maker import CreateOptions, create
from outpour.publisher import hooks
from outpour.publisher.entries import PublishEntry
from outpour.publisher.hooks import COMMANDS_AT_ONCE, Hooks
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication
from outpour.publisher.sight import look
from tests.waiting import until


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    entry = PublishEntry(path)
    return Publication.of(
        entry, look(entry, PublishOptions((path,))), create(path, CreateOptions())
    )


def run(made: Hooks, scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        running = asyncio.ensure_future(made.run())
        try:
            await asyncio.wait_for(scenario(), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


def is_known(process: str) -> bool:
    """Whether it runs, or ended and was not waited for."""
    return Path("/proc", process).exists()


def is_there(process: str) -> bool:
    try:
        return "Z (zombie)" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def test_a_command_that_takes_too_long_is_ended_with_what_it_has_started(
    publication: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hooks, "COMMAND_S", 1.0)
    pid = tmp_path / "pid"

    async def within_once_begun(seconds: float, work: Awaitable[Any]) -> Any:
        # A shell that gets no turn for a second has started nothing yet.
        await until(lambda: pid.exists() and pid.read_text().strip())
        return await within(seconds, work)

    monkeypatch.setattr(hooks, "within", within_once_begun)
    command = f"sleep 1000 & echo $! > {pid}; wait"
    said: list[str] = []
    made = Hooks(PublishOptions((tmp_path,), on_published=command), said.append)

    async def scenario() -> None:
        made.published(publication, None, reused=False)
        await until(lambda: said)
        await until(lambda: not is_there(pid.read_text().strip()))

    run(made, scenario)
    assert said == [f"`{command}`: ended after 1 s"]


def test_a_command_ends_with_the_publisher(publication: Publication, tmp_path: Path):
    pid = tmp_path / "pid"
    made = Hooks(PublishOptions((tmp_path,), on_withdrawn=f"echo $$ > {pid}; sleep 1000"), print)

    async def scenario() -> None:
        made.withdrawn(publication, "gone")
        await until(lambda: pid.exists() and pid.read_text().strip())
        assert is_there(pid.read_text().strip())

    run(made, scenario)
    asyncio.run(until(lambda: not is_there(pid.read_text().strip())))


def test_a_publisher_that_is_told_twice_to_end_leaves_no_command_behind(
    publication: Publication, tmp_path: Path
):
    pid = tmp_path / "pid"
    made = Hooks(PublishOptions((tmp_path,), on_withdrawn=f"echo $$ > {pid}; sleep 1000"), print)

    async def scenario() -> None:
        running = asyncio.ensure_future(made.run())
        made.withdrawn(publication, "gone")
        await until(lambda: pid.exists() and pid.read_text().strip())
        while not running.done():
            running.cancel()
            await asyncio.wait([running], timeout=0)
        assert not is_known(pid.read_text().strip())

    asyncio.run(scenario())


def test_a_flood_of_events_is_worked_off_a_few_at_a_time_and_bounded(
    publication: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hooks, "WAITING_MAX", 8)
    said: list[str] = []
    command = f"mktemp -p {tmp_path} run.XXXXXX; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    made = Hooks(PublishOptions((tmp_path,), on_published=command), said.append)

    def begun() -> int:
        return len([*tmp_path.glob("run.*")])

    async def scenario() -> None:
        for _ in range(10):
            made.published(publication, None, reused=False)
        assert len(said) == 2
        assert "left out for `file`, as too many wait" in said[0]
        await until(lambda: begun() == COMMANDS_AT_ONCE)
        (tmp_path / "go").touch()
        await until(lambda: begun() == 8)

    run(made, scenario)

"""Commands of the operator that are run when something is published or withdrawn."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from outpour.base.unhurried import to_the_end
from outpour.base.within import within
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication

# Commands that wait; of a flood beyond it the operator is told, and it is left out.
WAITING_MAX = 100_000
# A command that takes longer is ended, so that it cannot hold up the others for ever.
COMMAND_S = 300.0
COMMANDS_AT_ONCE = 4
# What a command leaves on its standard error is told up to here.
ERROR_BYTES_MAX = 500


class Hooks:
    """Runs the operator's commands, a few at once, in the order of events.

    They are given to the shell; what happened stands in the environment, where no name of a file
    can become a command.

    Args:
        options: The commands.
        tell: Told of commands that fail.
    """

    def __init__(self, options: PublishOptions, tell: Callable[[str], None]) -> None:
        self._on_published = options.on_published
        self._on_withdrawn = options.on_withdrawn
        self._tell = tell
        self._waiting: deque[tuple[str, dict[str, str]]] = deque()
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def published(self, publication: Publication, torrent: Path | None, *, reused: bool) -> None:
        """Run what is to be run when something was published."""
        more = {"OUTPOUR_TORRENT": str(torrent or ""), "OUTPOUR_HASHED": "0" if reused else "1"}
        self._put(self._on_published, "published", publication, more)

    def withdrawn(self, publication: Publication, why: str) -> None:
        """Run what is to be run when something was withdrawn."""
        self._put(self._on_withdrawn, "withdrawn", publication, {"OUTPOUR_REASON": why})

    def _put(
        self, command: str | None, event: str, publication: Publication, more: dict[str, str]
    ) -> None:
        if command is None:
            return
        if len(self._waiting) >= WAITING_MAX:
            self._tell(f"`{command}`: left out for `{publication.name}`, as too many wait")
            return
        values = {
            "OUTPOUR_EVENT": event,
            "OUTPOUR_NAME": publication.name,
            "OUTPOUR_PATH": publication.entry.where,
            "OUTPOUR_INFOHASH": publication.infohash.hex(),
            "OUTPOUR_LENGTH": str(publication.length),
            **more,
        }
        self._waiting.append((command, values))
        self._wake.set()

    async def run(self) -> None:
        """Run what comes, until cancelled; what runs then is ended."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    if len(self._running) >= COMMANDS_AT_ONCE:
                        await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                    task = asyncio.create_task(self._command(*self._waiting.popleft()))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
        finally:
            for task in self._running:
                task.cancel()
            await to_the_end(asyncio.gather(*self._running, return_exceptions=True))

    async def _command(self, command: str, values: dict[str, str]) -> None:
        try:
            process = await asyncio.create_subprocess_shell(
                command,
                env={**os.environ, **values},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # What the shell starts is to end with it.
                start_new_session=True,
            )
        except OSError as error:
            self._tell(f"`{command}`: {error.strerror}")
            return
        try:
            _, said = await within(COMMAND_S, process.communicate())
        except asyncio.TimeoutError:
            self._tell(f"`{command}`: ended after {COMMAND_S:.0f} s")
            return
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                # Who is impatient would leave it behind.
                await to_the_end(process.wait())
        if process.returncode:
            text = said[:ERROR_BYTES_MAX].decode("utf-8", "replace").strip()
            name = values["OUTPOUR_NAME"]
            why = f": {text}" if text else ""
            self._tell(f"`{command}`: failed with {process.returncode} for `{name}`{why}")

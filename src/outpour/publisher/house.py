"""Build a publication's parts in order, run them, and take them down in order."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from outpour.errors import ReadError, WriteError, reason
from outpour.publisher import events
from outpour.publisher.catalogue import Catalogue
from outpour.publisher.job import PublisherJob
from outpour.publisher.options import PublishOptions
from outpour.publisher.seeder import Seeder
from outpour.publisher.shelf import Shelf
from outpour.publisher.urls import public_urls
from outpour.publisher.window import Window
from outpour.tracker import events as tracker_events
from outpour.tracker import settings_file
from outpour.tracker.address import format_address
from outpour.tracker.lockfile import Lock
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings, default_state_dir
from outpour.web.app import make_app
from outpour.web.serving import serve
from outpour.web.view import WebOptions


def publish(options: PublishOptions, tell: Callable[[object], None]) -> None:
    """Publish until SIGTERM or SIGINT.

    Args:
        options: What to publish, and how.
        tell: Takes `publisher.events` and the tracker's events, as they happen.

    Raises:
        ReadError: A path is missing, or another process uses the state.
        WriteError: The state cannot be written.
        SettingsError: An address or a setting is wrong.
        NetworkError: A port is taken.
    """
    asyncio.run(_publish(options, tell))


def state_folder(options: PublishOptions) -> Path:
    """The folder for the state of these paths, the same at each start."""
    if options.state is not None:
        return options.state
    paths = [os.fsencode(path.resolve()) for path in options.paths]
    digest = hashlib.sha256(b"\0".join(sorted(paths))).hexdigest()[:8]
    return default_state_dir() / f"{options.paths[0].resolve().name or 'root'}-{digest}"


async def _publish(options: PublishOptions, tell: Callable[[object], None]) -> None:
    for path in options.paths:
        try:
            path.stat()
        except OSError as error:
            raise ReadError(
                f"`{path}`: {reason(error)}", hint="name a folder or file that you can read"
            ) from None
    state = state_folder(options)
    settings = _settings(options, state)
    with ExitStack() as stack:
        _claim(state, stack)
        catalogue = Catalogue(state)
        stack.callback(catalogue.close)
        if catalogue.set_aside is not None:
            tell(
                events.Noted(f"`{catalogue.set_aside}`: damaged, set aside; content is hashed anew")
            )
        tracker = TrackerService(settings, on_event=lambda event: _relay(event, tell))
        tracker.start()
        await _serve(options, state, tracker, catalogue, tell, stack)


async def _serve(
    options: PublishOptions,
    state: Path,
    tracker: TrackerService,
    catalogue: Catalogue,
    tell: Callable[[object], None],
    stack: ExitStack,
) -> None:
    try:
        host, port = tracker.http_addresses[0]
        urls = public_urls(options.url, host, port)
        seeder = None
        if options.seed:
            seeder = Seeder(options, [host for host, _ in tracker.http_addresses])
            stack.callback(seeder.close)
        shelf = Shelf()
        app = make_app(Window(tracker, shelf), WebOptions(public_url=options.url))
        job = PublisherJob(options, urls, catalogue, tracker, seeder, shelf, tell)
    except BaseException:
        tracker.stop()
        raise
    ready = events.Serving(urls.page, _local(host, port), state, seeder.port if seeder else None)
    await serve(tracker, app, on_ready=lambda: tell(ready), alongside=[job.run])


def _relay(event: object, tell: Callable[[object], None]) -> None:
    # What the tracker tracks here is what was published or withdrawn, and that is said already.
    if not isinstance(event, tracker_events.Allowed | tracker_events.Withdrawn):
        tell(event)


def _settings(options: PublishOptions, state: Path) -> TrackerSettings:
    flags = {"listen": options.listen, "state": state / "tracker.sqlite", "public_url": options.url}
    return settings_file.load(options.config, os.environ, flags)


def _claim(state: Path, stack: ExitStack) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"`{state}`: {reason(error)}", hint="choose another folder with `--state`"
        ) from None
    lock = Lock(state / "lock", state)
    stack.callback(lock.release)


def _local(host: str, port: int) -> str:
    """The page's address on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{format_address(here, port)}/"

"""The state of a publication: its folder, claimed by one process, and the settings within."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.base.event import Event
from outpour.publisher.publish_events import (
    CopyLies,
    CopyMissing,
    Noted,
    Settled,
    Skipped,
    Withdrawn,
)
from outpour.publisher.publish_options import PublishOptions
from outpour.tracker import settings_file, tracker_events
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.process_lock import Lock

NOTABLE = (CopyLies, CopyMissing, Noted, Skipped, Withdrawn)
"""Of the publisher's events, those that the tracker tells nothing of."""


def claim(state: Path, stack: ExitStack, user: str) -> None:
    """Make the folder, and keep all other processes out of it until the stack is closed.

    Args:
        state: The folder.
        stack: Gives it free.
        user: Who else may have it, for the error.

    Raises:
        WriteError: It cannot be made.
        ReadError: Another process has it.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"`{state}`: {reason(error)}", hint="choose another folder with `--state`"
        ) from None
    lock = Lock(
        state / "lock",
        state,
        user=user,
        hint="or give this one a `--state`, a `--listen` and a `--peer-port` of its own",
    )
    stack.callback(lock.release)


def settings_of(options: PublishOptions, state: Path) -> TrackerSettings:
    """The settings of the tracker: those of the file and the environment below the options."""
    flags = {
        "listen": options.listen,
        "state": state / "tracker.sqlite",
        "public_url": options.url,
        "web_seeds": options.web_seeds or None,
        "site_title": options.title,
        "site_description": options.description,
        "site_theme": options.theme,
        "admin_token_file": options.admin_token_file,
        "cluster": options.cluster or None,
        "cluster_name": options.cluster_name,
        "node": options.node,
        **options.log_flags,
    }
    return settings_file.load(options.config, os.environ, flags)


def started_tracker(settings: TrackerSettings, tell: Callable[[Event], None]) -> TrackerService:
    """Start the tracker of a publication."""

    def relay(event: Event) -> None:
        # What it tracks here is what was published or withdrawn, and that is said already.
        if not isinstance(event, tracker_events.Allowed | tracker_events.Withdrawn):
            tell(event)

    tracker = TrackerService(settings, on_event=relay, is_given=True)
    tracker.start()
    return tracker


def noted(
    tracker: TrackerService, tell: Callable[[Event], None], *, is_own: bool = True
) -> Callable[[Event], None]:
    """Let the tracker know when all is there, and have what operators want to know in its log.

    Args:
        tracker: Of the publication.
        tell: Told of all.
        is_own: What is there no more at a start was withdrawn by whoever publishes it.
    """

    def hear(event: Event) -> None:
        # Of ten thousand copies that are still on their way, each would be an event.
        is_news = not isinstance(event, CopyMissing) or event.was_good
        if (isinstance(event, NOTABLE) and is_news) or event.kind == "mirror":
            tracker.operation.log.note(event)
        if isinstance(event, Settled):
            tracker.settle(is_for_all=is_own)
        tell(event)

    return hear

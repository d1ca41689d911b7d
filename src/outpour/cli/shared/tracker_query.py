"""What `announce` and `scrape` share: what to ask about, and whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click

from outpour.base.errors import OutpourError, UsageError
from outpour.cli.shared.env import Env
from outpour.cli.shared.inputs import STDIO, Amount, read_torrent
from outpour.cli.shared.printer import Printer
from outpour.torrent.metainfo import Metainfo

AT_ONCE_MAX = 16

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("torrent", metavar="TORRENT|URL|MAGNET|INFOHASH"),
    click.option(
        "--tracker", multiple=True, metavar="URL", help="Ask this one instead; repeatable."
    ),
    click.option(
        "--family",
        type=click.Choice(["any", "ipv4", "ipv6"]),
        default="any",
        help="Which addresses of UDP trackers to use.",
    ),
    click.option("--timeout", type=Amount(min=0, min_open=True), default=15.0),
    click.option(
        "--json", "as_json", is_flag=True, help="Write JSON, a list with one object a tracker."
    ),
)


def query_options(command: _F) -> _F:
    """Give a command the argument and the flags of every question to trackers."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Subject:
    """A torrent that trackers are asked about.

    Attributes:
        infohash: 20 bytes.
        name: What to call it.
        left: Bytes of content, 1 when unknown, so that no tracker takes us for a seeder.
        trackers: URLs.
    """

    infohash: bytes
    name: str
    left: int
    trackers: tuple[str, ...]


def read_subject(env: Env, source: str, trackers: Sequence[str], *, timeout_s: float) -> Subject:
    """Turn a torrent, its URL, a magnet link or an infohash into what to ask about.

    Args:
        env: For a torrent on stdin.
        source: What a person typed.
        trackers: To be asked in place of the torrent's.
        timeout_s: For fetching a URL.

    Raises:
        OutpourError: There is no such torrent, or nobody to ask.
    """
    from outpour.downloader.sources import Asking, resolve

    found = (
        (read_torrent(env, source),)
        if source == STDIO
        else resolve(source, Asking(timeout_s=timeout_s))
    )
    if len(found) != 1:
        raise UsageError(f"`{source}`: it names {len(found)} torrents, and one can be asked about")
    torrent = found[0]
    asked = tuple(trackers) or tuple(dict.fromkeys(url for tier in torrent.tiers for url in tier))
    if isinstance(torrent, Metainfo):
        subject = Subject(torrent.info.infohash, torrent.info.name, torrent.info.length, asked)
    else:
        name = torrent.name or torrent.infohash.hex()
        subject = Subject(torrent.infohash, name, torrent.length or 1, asked)
    if not asked:
        raise UsageError(f"`{source}`: it names no tracker", hint="`--tracker URL` names one")
    return subject


@dataclass(frozen=True, slots=True)
class Answer(Generic[_T]):
    """What one tracker said."""

    url: str
    reply: _T | None
    error: OutpourError | None


def ask_all(urls: Sequence[str], ask: Callable[[str], _T]) -> list[Answer[_T]]:
    """Ask several trackers at once, and return what each said in the order of the URLs."""

    def one(url: str) -> Answer[_T]:
        try:
            return Answer(url, ask(url), None)
        except OutpourError as error:
            return Answer(url, None, error)

    with ThreadPoolExecutor(min(len(urls), AT_ONCE_MAX)) as pool:
        return [*pool.map(one, urls)]


def tell_answers(
    printer: Printer,
    answers: Sequence[Answer[_T]],
    *,
    as_json: bool,
    describe: Callable[[Answer[_T]], dict[str, object]],
    report: Callable[[Answer[_T]], None],
) -> int:
    """Write what the trackers said, and who failed.

    Args:
        printer: Takes it.
        answers: Of all trackers.
        as_json: For programs.
        describe: Turns an answer into an object for programs.
        report: Writes an answer for people.

    Returns:
        The exit code: 0 when at least one tracker answered.
    """
    if as_json:
        printer.json([describe(answer) for answer in answers])
    else:
        for answer in answers:
            if answer.error is None:
                report(answer)
    for answer in answers:
        if answer.error is not None:
            printer.fault(answer.error)
    if any(answer.error is None for answer in answers):
        return 0
    return next(answer.error.exit_code for answer in answers if answer.error is not None)

"""The flags of `outpour download`, and what they mean to a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from outpour.base.deadline import Deadline
from outpour.base.errors import UsageError
from outpour.base.host_port import read_host_port
from outpour.base.units import parse_duration
from outpour.cli.shared.engine_options import engine_route
from outpour.cli.shared.inputs import ANY_PATH, Amount, check_url

if TYPE_CHECKING:
    from typing import BinaryIO

    from outpour.downloader import DownloadOptions, SeedGoal
    from outpour.engine import EngineSettings

_F = TypeVar("_F", bound=Callable[..., Any])

_CHOICE = (
    click.option("--list", "lists", is_flag=True,
                 help="List the files instead, numbered; of what a magnet link names too."),
    click.option("--only", "--files", "files", multiple=True, metavar="PATTERN",
                 help="Download these files only: a glob, or numbers such as 1,3-5; repeatable."),
    click.option("--skip", multiple=True, metavar="PATTERN",
                 help="Leave these files out; repeatable."),
    click.option("--first", multiple=True, metavar="PATTERN",
                 help="Download these files before the others; repeatable."),
    click.option("--last", multiple=True, metavar="PATTERN",
                 help="Download these files after the others; repeatable."),
    click.option("--sequential", is_flag=True, help="Download pieces in their order."),
    click.option("--stdout", "to_stdout", is_flag=True,
                 help="Write one file to stdout while it comes, in order and verified; without -o"
                 " nothing of it is kept."),
)  # fmt: skip
_END = (
    click.option("--seed", is_flag=True, help="Go on seeding until interrupted."),
    click.option("--ratio", "--seed-ratio", "seed_ratio", type=Amount(min=0),
                 metavar="RATIO", help="Seed until so many times the content was sent."),
    click.option("--time", "--seed-time", "seed_time", metavar="DURATION",
                 help="Seed for so long, such as 90min or 2h; a number is of minutes."),
    click.option("--exec", "command_line", metavar="COMMAND",
                 help="Run this in the shell for each torrent that is complete: $OUTPOUR_NAME,"
                 " $OUTPOUR_PATH, $OUTPOUR_INFOHASH and $OUTPOUR_LENGTH say which."),
)  # fmt: skip
_SUPPLY = (
    click.option("--match", multiple=True, metavar="PATTERN",
                 help="Of pages and feeds take torrents so named only: a glob; repeatable."),
    click.option("--no-match", multiple=True, metavar="PATTERN",
                 help="Of pages and feeds leave torrents so named out; repeatable."),
    click.option("--follow", is_flag=True,
                 help="Go on: ask pages and feeds again for what is new, until interrupted. What"
                 " was downloaded once does not come again, though it was moved or removed."),
    click.option("--every", default="15min", show_default=True, metavar="DURATION",
                 help="How often --follow asks."),
    click.option("--watch", multiple=True, type=ANY_PATH, metavar="DIR",
                 help="Go on: download the .torrent and .magnet files that are put into this"
                 " folder, until interrupted; repeatable."),
)  # fmt: skip
_PEERS = (
    click.option("--tracker", multiple=True, metavar="URL",
                 help="Ask this tracker too; repeatable."),
    click.option("--web-seed", multiple=True, metavar="URL",
                 help="Use this web seed too; repeatable."),
    click.option("--peer", multiple=True, metavar="HOST:PORT",
                 help="Connect to this peer at once; repeatable."),
)  # fmt: skip
_LIMITS = (
    click.option("--timeout", type=Amount(min=0), default=300.0, show_default=True,
                 metavar="SECONDS",
                 help="Give up when nothing comes for so long, and sooner when no source answers;"
                 " 0 never does."),
    click.option("--connect-timeout", type=Amount(min=0, min_open=True), default=30.0,
                 show_default=True, metavar="SECONDS", help="For fetching each SOURCE."),
    click.option("--deadline", type=Amount(min=0, min_open=True), metavar="SECONDS",
                 help="Give up what is not complete after so long, however fast it comes."),
)  # fmt: skip


def _all(options: tuple[Callable[[_F], _F], ...]) -> Callable[[_F], _F]:
    def give(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return give


choice_flags = _all(_CHOICE)
end_flags = _all(_END)
supply_flags = _all(_SUPPLY)
peer_flags = _all(_PEERS)
limit_flags = _all(_LIMITS)


def job_options(
    flags: dict[str, Any], settings: EngineSettings, folder: Path, stream: BinaryIO | None
) -> DownloadOptions:
    """What a job does, from the flags of the command line.

    Args:
        flags: By their names.
        settings: Of the engine.
        folder: Where files go.
        stream: Gets the file that is streamed, if one is.
    """
    from outpour.downloader import DownloadOptions

    return DownloadOptions(
        folder=folder,
        files=flags["files"],
        skip=flags["skip"],
        first=flags["first"],
        last=flags["last"],
        sequential=flags["sequential"] or stream is not None,
        stream=stream,
        trackers=tuple(check_url(url) for url in flags["tracker"]),
        web_seeds=tuple(check_url(url) for url in flags["web_seed"]),
        peers=tuple(read_host_port(text) for text in flags["peer"]),
        seed=_seed_goal(flags),
        stall_s=flags["timeout"],
        discovers=settings.dht or settings.lsd,
        check=flags["check"],
        overwrite=flags["overwrite"],
        # Headers are for the servers that a person names, not for those that a torrent does.
        route=engine_route(settings),
        deadline=Deadline.after(flags["deadline"]) if flags["deadline"] else None,
    )


def name_filter(match: tuple[str, ...], no_match: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Make a test of names of two lists of globs; upper and lower case are alike in it."""
    if not match and not no_match:
        return None
    from outpour.making.globs import matcher

    taken = matcher([pattern.casefold() for pattern in match])
    left_out = matcher([pattern.casefold() for pattern in no_match])

    def matches(name: str) -> bool:
        path = (name.casefold(),)
        return (taken is None or taken(path)) and (left_out is None or not left_out(path))

    return matches


def refuse_contradictions(flags: dict[str, Any], *, as_json: bool, sources: int) -> None:
    """Refuse flags that cannot be had together.

    Raises:
        UsageError: There are such.
    """
    goes_on = flags["follow"] or bool(flags["watch"])
    if flags["to_stdout"]:
        others = {"--json": as_json, "--list": flags["lists"], "--follow": flags["follow"],
                  "--watch": bool(flags["watch"]), "--seed": flags["seed"]}  # fmt: skip
        wrong = [name for name, is_given in others.items() if is_given]
        if wrong:
            raise UsageError(f"`--stdout` and `{wrong[0]}`: only one can be had at a time")
        if sources > 1:
            raise UsageError("`--stdout`: takes one SOURCE")
    if flags["lists"] and goes_on:
        raise UsageError("`--list` and what goes on: only one can be had at a time")


def _seed_goal(flags: dict[str, Any]) -> SeedGoal | None:
    from outpour.downloader import SeedGoal

    ratio, time = flags["seed_ratio"], flags["seed_time"]
    if not flags["seed"] and ratio is None and time is None:
        return None
    return SeedGoal(ratio, None if time is None else parse_duration(time, "min"))

"""`outpour scrape`: ask trackers how many peers a torrent has."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from outpour.cli.shared.group import define
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.tracker_query import (
    Answer,
    Subject,
    ask_all,
    query_options,
    read_subject,
    tell_answers,
)

if TYPE_CHECKING:
    from outpour.announcer import Family, ScrapeReply


@define(
    "scrape",
    example="""
    outpour scrape debian.iso.torrent
    """,
)
@query_options
@click.pass_obj
def command(
    printer: Printer,
    /,
    torrent: str,
    tracker: tuple[str, ...],
    family: Family,
    timeout: float,
    as_json: bool,
) -> int:
    """Ask the trackers of a torrent how many peers it has.

    All trackers of all tiers are asked at once. The exit code is 0 when at least one answered.
    """
    from outpour.announcer import scrape

    subject = read_subject(printer.env, torrent, tracker, timeout_s=timeout)

    def ask(url: str) -> ScrapeReply | None:
        replies = scrape(url, [subject.infohash], timeout_s=timeout, family=family)
        return replies.get(subject.infohash)

    answers = ask_all(subject.trackers, ask)
    return tell_answers(
        printer,
        answers,
        as_json=as_json,
        describe=partial(_object, subject),
        report=partial(_report, printer),
    )


def _object(subject: Subject, answer: Answer[ScrapeReply | None]) -> dict[str, object]:
    shared: dict[str, object] = {"tracker": answer.url, "infohash": subject.infohash.hex()}
    shared["error"] = answer.error.message if answer.error else None
    if answer.reply is None:
        return shared | {"known": False}
    return shared | {"known": True} | asdict(answer.reply)


def _report(printer: Printer, answer: Answer[ScrapeReply | None]) -> None:
    reply = answer.reply
    printer.data(("bold", answer.url))
    if reply is None:
        printer.data("  the tracker does not know this torrent")
        return
    printer.data(
        f"  {reply.complete} seeders, {reply.incomplete} leechers, {reply.downloaded} completed"
    )

"""`outpour scrape`: ask trackers how many peers a torrent has."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from outpour.cli.shared.group import define
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.tracker_query import Answer, Subject, ask_all, exit_code, read_subject

if TYPE_CHECKING:
    from outpour.announcer import Family, ScrapeReply


@define(
    "scrape",
    example="""
    outpour scrape debian.iso.torrent
    """,
)
@click.argument("torrent", metavar="TORRENT|URL|MAGNET|INFOHASH")
@click.option("--tracker", multiple=True, metavar="URL", help="Ask this one instead; repeatable.")
@click.option(
    "--family",
    type=click.Choice(["any", "ipv4", "ipv6"]),
    default="any",
    help="Which addresses of UDP trackers to use.",
)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=15.0)
@click.option(
    "--json", "as_json", is_flag=True, help="Write JSON, a list with one object a tracker."
)
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
    if as_json:
        printer.json([_object(subject, answer) for answer in answers])
    else:
        for answer in answers:
            _report(printer, answer)
    return exit_code(printer, answers)


def _object(subject: Subject, answer: Answer[ScrapeReply | None]) -> dict[str, object]:
    shared: dict[str, object] = {"tracker": answer.url, "infohash": subject.infohash.hex()}
    shared["error"] = answer.error.message if answer.error else None
    if answer.reply is None:
        return shared | {"known": False}
    return shared | {"known": True} | asdict(answer.reply)


def _report(printer: Printer, answer: Answer[ScrapeReply | None]) -> None:
    if answer.error is not None:
        return
    reply = answer.reply
    printer.data(("bold", answer.url))
    if reply is None:
        printer.data("  the tracker does not know this torrent")
        return
    printer.data(
        f"  {reply.complete} seeders, {reply.incomplete} leechers, {reply.downloaded} completed"
    )

"""`outpour announce`: ask trackers for the peers of a torrent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from outpour.base.errors import OutpourError
from outpour.base.host_port import format_host_port
from outpour.base.units import format_duration
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
    from outpour.announcer import AnnounceReply, AnnounceRequest, Family, TrackerEvent


@define(
    "announce",
    example="""
    outpour announce debian.iso.torrent
    outpour announce --json --tracker udp://127.0.0.1:6969/announce debian.iso.torrent
    """,
)
@query_options
@click.option(
    "--event",
    type=click.Choice(["none", "started", "completed", "stopped"]),
    help="What to say; without it we take part for the moment only and say `stopped` afterwards.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=6881, show_default=True)
@click.option("--left", type=click.IntRange(min=0), help="Bytes missing; by default all of them.")
@click.option("--numwant", type=click.IntRange(min=0), default=50, show_default=True)
@click.pass_obj
def command(
    printer: Printer,
    /,
    torrent: str,
    tracker: tuple[str, ...],
    event: str | None,
    port: int,
    left: int | None,
    numwant: int,
    family: Family,
    timeout: float,
    as_json: bool,
) -> int:
    """Ask the trackers of a torrent for its peers.

    All trackers of all tiers are asked at once. The exit code is 0 when at least one answered.
    """
    from outpour.announcer import AnnounceRequest, announce

    subject = read_subject(printer.env, torrent, tracker, timeout_s=timeout)
    said: TrackerEvent = event if event in ("started", "completed", "stopped") else ""  # type: ignore[assignment]
    request = AnnounceRequest(
        infohash=subject.infohash,
        port=port,
        left=subject.left if left is None else left,
        numwant=numwant,
        event="started" if event is None else said,
    )
    answers = ask_all(
        subject.trackers, lambda url: announce(url, request, timeout_s=timeout, family=family)
    )
    if event is None:
        _leave(answers, request, family=family, timeout_s=timeout)
    return tell_answers(
        printer,
        answers,
        as_json=as_json,
        describe=partial(_object, subject),
        report=partial(_report, printer),
    )


def _leave(
    answers: list[Answer[AnnounceReply]],
    request: AnnounceRequest,
    *,
    family: Family,
    timeout_s: float,
) -> None:
    from outpour.announcer import announce

    goodbye = replace(request, event="stopped", numwant=0)
    urls = [answer.url for answer in answers if answer.reply is not None]

    def say(url: str) -> None:
        with suppress(OutpourError):
            announce(url, goodbye, timeout_s=min(timeout_s, 5.0), family=family)

    if urls:
        ask_all(urls, say)


def _object(subject: Subject, answer: Answer[AnnounceReply]) -> dict[str, object]:
    shared: dict[str, object] = {"tracker": answer.url, "infohash": subject.infohash.hex()}
    if answer.reply is None:
        return shared | {"error": answer.error.message if answer.error else None}
    values = asdict(answer.reply)
    values["peers"] = [{"host": host, "port": port} for host, port in answer.reply.peers]
    tracker_id = answer.reply.tracker_id
    values["tracker_id"] = None if tracker_id is None else tracker_id.hex()
    return shared | {"error": None} | values


def _report(printer: Printer, answer: Answer[AnnounceReply]) -> None:
    reply = answer.reply
    if reply is None:
        return
    printer.data(("bold", answer.url))
    counts = [
        f"{count} {word}"
        for count, word in (
            (reply.complete, "seeders"),
            (reply.incomplete, "leechers"),
            (reply.downloaded, "completed"),
        )
        if count is not None
    ]
    if counts:
        printer.data(f"  swarm     {', '.join(counts)}")
    printer.data(f"  interval  {format_duration(reply.interval)}")
    if reply.external_ip:
        printer.data(f"  seen as   {reply.external_ip}")
    if reply.warning:
        printer.data(("yellow", "  warning   "), reply.warning)
    printer.data(f"  peers     {len(reply.peers)}")
    for host, port in reply.peers:
        printer.data(f"    {format_host_port(host, port)}")

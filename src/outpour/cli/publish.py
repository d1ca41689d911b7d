"""`outpour publish`: one command turns folders into a live distribution."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from outpour.base.event import Event
from outpour.base.units import format_size, parse_size
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import check_url
from outpour.cli.shared.printer import Printer, Report


@define(
    "publish",
    example="""
    outpour publish ~/releases
    outpour publish ~/releases --listen 0.0.0.0:6969 --url http://downloads.example.org:6969
    """,
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="0.0.0.0:6969",
    show_default=True,
    help="Where page, tracker (TCP and UDP) and web seed answer.",
)
@click.option(
    "--url",
    metavar="PUBLIC_URL",
    help="What goes into announce and web-seed URLs; by default derived from --listen.",
)
@click.option(
    "--state",
    metavar="DIR",
    help="Where .torrent files, counters and swarms are kept.  [default: below "
    "$XDG_STATE_HOME/outpour, by the paths published]",
)
@click.option("--as-one", is_flag=True, help="Publish each folder itself as one torrent.")
@click.option("--no-seed", is_flag=True, help="Serve by web seed only, without peer engine.")
@click.option(
    "--peer-port",
    type=click.IntRange(0, 65535),
    default=6881,
    show_default=True,
    help="Port for peers; 0 takes a free one.",
)
@click.option(
    "--format",
    type=click.Choice(["v1", "v2", "hybrid"]),
    default="v1",
    show_default=True,
    help="Metainfo version of new torrents.",
)
@click.option("--piece-length", metavar="SIZE", help="Of new torrents.  [default: by size]")
@click.option("--private", is_flag=True, help="Bind peers to the tracker (BEP 27).")
@click.option("--source", metavar="TEXT", help="Source tag of new torrents.")
@click.option("--comment", metavar="TEXT", help="Comment of the torrents.")
@click.option("--tracker", metavar="URL", multiple=True, help="A further tracker; may be repeated.")
@click.option("--up-rate", metavar="SIZE", help="Bytes a second to peers.  [default: no limit]")
@click.option("--hidden", is_flag=True, help="Publish hidden files and folders too.")
@click.option("--config", metavar="FILE", help="Settings of the tracker, as TOML.")
@click.option("--dht", is_flag=True, help="Take part in the DHT (BEP 5).")
@click.option("--lsd", is_flag=True, help="Announce on the local network (BEP 14).")
@click.option("--upnp", is_flag=True, help="Ask the router to forward the peer port.")
@click.pass_obj
def command(printer: Printer, /, **given: Any) -> int:  # noqa: ANN401 - click's own values
    """Publish folders: torrents, tracker, seeder, page and web seed, until interrupted.

    Every file or folder in PATH becomes a torrent; what appears later is published, what goes is
    withdrawn. A second start hashes nothing that has not changed.
    """
    from outpour.publisher import PublishOptions, publish

    for name in ("state", "config"):
        given[name] = Path(given[name]) if given[name] else None
    for name in ("piece_length", "up_rate"):
        given[name] = parse_size(given[name]) if given[name] else None
    options = PublishOptions(
        paths=tuple(Path(path) for path in given.pop("paths")),
        seed=not given.pop("no_seed"),
        extra_trackers=tuple(check_url(url) for url in given.pop("tracker")),
        upload_rate=given.pop("up_rate") or 0,
        **given,
    )
    with ExitStack() as stack:
        publish(options, _Teller(printer, stack))
    return 0


class _Teller:
    """Says events as lines, and draws a bar while something large is hashed."""

    def __init__(self, printer: Printer, stack: ExitStack) -> None:
        self._printer = printer
        self._bar = stack.enter_context(ExitStack())
        self._hashing: tuple[str, Report] | None = None

    def __call__(self, event: Event) -> None:
        from outpour.publisher import publish_events

        if isinstance(event, publish_events.Hashing):
            self._progress(event.name, event.done, event.total)
            return
        self._bar.close()
        self._hashing = None
        match event:
            case publish_events.Serving():
                self._serving(event.url, event.local_url, event.state, event.peer_port)
            case publish_events.Published():
                how = "unchanged" if event.reused else "hashed"
                files = "1 file" if event.files == 1 else f"{event.files} files"
                self._printer.talk(
                    ("green", "published"),
                    f" {event.name} ({format_size(event.length)}, {files}, {how}) ",
                    ("dim", event.infohash.hex()),
                )
            case publish_events.Withdrawn():
                self._printer.talk(("yellow", "withdrawn"), f" {event.name}: {event.why}")
            case publish_events.Skipped():
                self._printer.talk(("yellow", "skipped"), f" {event.name}: {event.message}")
                if event.hint:
                    self._printer.talk(("cyan", "hint:"), f" {event.hint}")
            case publish_events.Noted():
                self._printer.note(event.message)
            case _:
                self._printer.talk(str(event))

    def _serving(self, url: str, local_url: str, state: Path, peer_port: int | None) -> None:
        self._printer.talk(("bold", "serving"), f" {url}")
        if local_url != url:
            self._printer.talk(f"  on this machine: {local_url}")
        seeding = "by web seed only" if peer_port is None else f"at port {peer_port}"
        self._printer.talk(("dim", f"  seeding {seeding}; state in {state}"))

    def _progress(self, name: str, done: int, total: int) -> None:
        if self._hashing is None or self._hashing[0] != name:
            self._bar.close()
            self._printer.talk(("dim", "hashing"), f" {name} ({format_size(total)})")
            self._hashing = (name, self._bar.enter_context(self._printer.progress("hashing")))
        self._hashing[1](done, total)

"""`outpour magnet`: turn a .torrent into a magnet link, or take a link apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from outpour.cli.group import define
from outpour.cli.inputs import read_torrent
from outpour.cli.printer import Printer

if TYPE_CHECKING:
    from outpour.magnet import Magnet


@define(
    "magnet",
    example="""
    outpour magnet debian.iso.torrent
    outpour magnet --json 'magnet:?xt=urn:btih:e25d7c06d525617193e405c30a3c6a77b2e56510'
    """,
)
@click.argument("sources", metavar="TORRENT|LINK...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Write the parts as JSON.")
@click.pass_obj
def command(printer: Printer, sources: tuple[str, ...], as_json: bool) -> None:
    """Write the magnet link of a .torrent, or take a link apart and write it in order.

    A link takes `btih` in hexadecimal or base32 and `btmh`; `-` reads a .torrent from stdin.
    """
    from outpour.magnet import Magnet

    described: list[dict[str, object]] = []
    for source in sources:
        if source[:7].lower() == "magnet:":
            link = Magnet.parse(source)
        else:
            link = Magnet.of(read_torrent(printer.env, source))
        if as_json:
            described.append(_describe(link))
        else:
            printer.data(str(link))
    if as_json:
        printer.json(described[0] if len(sources) == 1 else described)


def _describe(link: Magnet) -> dict[str, object]:
    return {
        "magnet": str(link),
        "infohash": link.infohash.hex(),
        "infohash_v1": link.infohash_v1.hex() if link.infohash_v1 else None,
        "infohash_v2": link.infohash_v2.hex() if link.infohash_v2 else None,
        "name": link.name,
        "length": link.length,
        "trackers": list(link.trackers),
        "web_seeds": list(link.web_seeds),
        "sources": list(link.sources),
        "peers": [{"host": host, "port": port} for host, port in link.peers],
        "selected": [{"first": first, "last": end - 1} for first, end in link.selected],
    }

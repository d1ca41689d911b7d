"""`outpour magnet`: turn a .torrent into a magnet link, take a link apart, or get its .torrent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import UsageError
from outpour.base.host_port import read_host_port
from outpour.cli.shared.engine_options import engine_options, engine_settings
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import STDIO, Amount, check_url, is_link, read_torrent
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo


@define(
    "magnet",
    example="""
    outpour magnet debian.iso.torrent
    outpour magnet --select 0,2-3 --peer 127.0.0.1:6881 debian.iso.torrent
    outpour magnet --json 'magnet:?xt=urn:btih:e25d7c06d525617193e405c30a3c6a77b2e56510'
    outpour magnet --fetch 'magnet:?xt=urn:btih:e25d7c06...&tr=http://127.0.0.1:6969/announce'
    """,
)
@click.argument("sources", metavar="TORRENT|LINK...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Write the parts as JSON.")
@click.option(
    "--fetch", is_flag=True, help="Ask peers for the .torrent of each LINK, and write it."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="With --fetch: file or folder to write to, by default NAME.torrent here; - is stdout.",
)
@click.option("--force", is_flag=True, help="With --fetch: replace a file that is there.")
@click.option(
    "--tracker", multiple=True, metavar="URL", help="Name, or ask, this tracker too; repeatable."
)
@click.option(
    "--peer",
    multiple=True,
    metavar="HOST:PORT",
    help="Name, or connect to, this peer too; repeatable.",
)
@click.option(
    "--select",
    metavar="FILES",
    help="Name only these files, as `0,3-5`: their `index` in `outpour show --json`.",
)
@click.option(
    "--timeout",
    type=Amount(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="With --fetch: give up after so long; 0 never does.",
)
@engine_options
@click.pass_obj
def command(
    printer: Printer,
    /,
    sources: tuple[str, ...],
    as_json: bool,
    fetch: bool,
    **flags: Any,  # noqa: ANN401 - one an option
) -> None:
    """Write the magnet link of a .torrent, or take a link apart and write it in order.

    A link takes `btih` in hexadecimal or base32 and `btmh`; `-` reads a .torrent from stdin, and
    its HTTP URL works as well. With --fetch peers are asked for the .torrent of a link; its
    content is not downloaded. `outpour show` tells people what a link says.
    """
    if fetch:
        _fetch(printer, sources, as_json, flags)
        return
    from outpour.cli.shared.report import describe_link

    described: list[dict[str, object]] = []
    for source in sources:
        link = _complete(_read(printer, source, flags["select"]), flags)
        if as_json:
            described.append(describe_link(link))
        else:
            printer.data(str(link))
    if as_json:
        printer.json(described[0] if len(sources) == 1 else described)


def _read(printer: Printer, source: str, select: str | None) -> Magnet:
    from outpour.torrent.magnet_link import Magnet, parse_selection

    selected = () if select is None else parse_selection(select)
    if is_link(source):
        link = Magnet.parse(source)
    else:
        metainfo = read_torrent(printer.env, source)
        number = len(metainfo.info.files)
        if selected and selected[-1][1] > number:
            raise UsageError(f"`--select`: `{source}` has files 0 to {number - 1} only")
        link = Magnet.of(metainfo)
    return replace(link, selected=selected) if selected else link


def _complete(link: Magnet, flags: dict[str, Any]) -> Magnet:
    trackers = (*link.trackers, *(check_url(url) for url in flags["tracker"]))
    peers = (*link.peers, *(read_host_port(text) for text in flags["peer"]))
    return replace(link, trackers=tuple(dict.fromkeys(trackers)), peers=tuple(dict.fromkeys(peers)))


def _fetch(
    printer: Printer, sources: tuple[str, ...], as_json: bool, flags: dict[str, Any]
) -> None:
    from outpour.cli.shared.metadata_fetch import fetch_metainfo
    from outpour.cli.shared.report import describe_link
    from outpour.cli.shared.target import target_of
    from outpour.torrent.magnet_link import Magnet

    output, force = flags["output"], flags["force"]
    if flags["select"] is not None:
        raise UsageError("`--select`: a .torrent is fetched as a whole")
    if output == STDIO and (as_json or len(sources) > 1):
        raise UsageError("`-o -`: stdout takes one torrent and nothing else")
    for source in sources:
        if not is_link(source):
            raise UsageError(f"`{source}`: not a magnet link", hint="--fetch takes links only")
    links = [Magnet.parse(source) for source in sources]
    asked = {
        "trackers": tuple(check_url(url) for url in flags["tracker"]),
        "peers": tuple(read_host_port(text) for text in flags["peer"]),
        "timeout_s": flags["timeout"],
    }
    settings = engine_settings(printer, flags)
    described: list[dict[str, object]] = []
    for link in links:
        # Refused before peers are asked, if the link says what it will be called.
        target_of(output, link.name or link.infohash.hex(), force=force)
        metainfo: Metainfo = fetch_metainfo(printer, link, settings, **asked)
        target = target_of(output, link.name or metainfo.info.name, force=force)
        if target is None:
            printer.raw(metainfo.raw)
            continue
        metainfo.write(target)
        described.append({"torrent": str(target), **describe_link(Magnet.of(metainfo))})
        if not as_json:
            printer.data(str(target))
    if as_json:
        printer.json(described[0] if len(sources) == 1 else described)

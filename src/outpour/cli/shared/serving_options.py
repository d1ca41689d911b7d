"""The flags of whoever seeds and serves, `publish` and `mirror`: engine, page and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from outpour.base.units import parse_size
from outpour.cli.shared.inputs import read_ip

_F = TypeVar("_F", bound=Callable[..., Any])

listen_option = click.option(
    "--listen",
    metavar="HOST:PORT",
    default=":6969",
    show_default=True,
    help="Where page, tracker (TCP and UDP) and web seed answer; `:6969` is all interfaces of both "
    "families.",
)
"""A flag of its own, since it stands among the first of both."""

_OPTIONS = (
    click.option(
        "--peer-port",
        type=click.IntRange(0, 65535),
        default=6881,
        show_default=True,
        help="Port for peers; 0 takes a free one.",
    ),
    click.option("--up-rate", metavar="SIZE", help="Bytes a second to peers.  [default: no limit]"),
    click.option(
        "--up-rate-each",
        metavar="SIZE",
        help="Bytes a second of each torrent.  [default: no limit]",
    ),
    click.option(
        "--connections",
        type=click.IntRange(1, 100_000),
        help="Peers connected at once.  [default: 4000]",
    ),
    click.option(
        "--bind",
        metavar="HOST",
        multiple=True,
        help="Listen for peers on this address only, and connect to them from it; may be repeated,"
        " and with both families the system chooses where connections begin."
        "  [default: listen as --listen]",
    ),
    click.option(
        "--peer-address",
        metavar="HOST[:PORT]",
        multiple=True,
        help="Where peers from outside reach the seeder, as behind NAT; may be repeated.  "
        "[default: the host of --url, else the address of this machine]",
    ),
    click.option("--title", metavar="TEXT", help="Heading of the page.  [default: what it shows]"),
    click.option("--description", metavar="TEXT", help="One sentence below it."),
    click.option(
        "--theme", metavar="DIR", help="Styles and templates of your own; docs/theme.md tells how."
    ),
    click.option(
        "--admin-token-file",
        metavar="FILE",
        help="File with the token, of at least 16 characters, that opens /admin; without one it is "
        "closed.",
    ),
    click.option(
        "--config", metavar="FILE", help="Settings of the tracker and of [site], as TOML."
    ),
    click.option(
        "--cluster",
        metavar="URL",
        multiple=True,
        help="Act as one tracker with the nodes of this Valkey or Redis server; may be repeated.",
    ),
    click.option("--cluster-name", metavar="NAME", help="Name of the cluster.  [default: outpour]"),
    click.option("--node", metavar="NAME", help="Name of this node.  [default: host and port]"),
    click.option("--dht", is_flag=True, help="Take part in the DHT (BEP 5)."),
    click.option("--lsd", is_flag=True, help="Announce on the local network (BEP 14)."),
    click.option("--upnp", is_flag=True, help="Ask the router to forward the peer port."),
)


def serving_options(command: _F) -> _F:
    """Give a command these flags."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_serving(given: dict[str, Any]) -> dict[str, Any]:
    """Take these flags out of a command's, as `PublishOptions` has them."""
    paths = ("state", "config", "theme", "admin_token_file")
    for name in paths:
        given[name] = Path(given[name]) if given[name] else None
    names = ("listen", "url", "peer_port", "title", "description", "dht", "lsd", "upnp")
    return {
        **{name: given.pop(name) for name in (*names, *paths)},
        **{name: given.pop(name) for name in ("log_format", "log_level")},
        "upload_rate": parse_size(given.pop("up_rate") or "0"),
        "torrent_upload_rate": parse_size(given.pop("up_rate_each") or "0"),
        "connections": given.pop("connections") or 0,
        "bind": tuple(read_ip(text) for text in given.pop("bind")),
        "peer_addresses": given.pop("peer_address"),
        **{name: given.pop(name) for name in ("cluster", "cluster_name", "node")},
    }

"""What `download` and `seed` share: the flags of the engine, and a loop until a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from outpour.base.host_port import format_host_port
from outpour.base.http_route import Proxy
from outpour.base.state_folder import default_state_folder
from outpour.base.units import parse_size

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True,
                 help="Listen for peers on this port; 0 lets the system choose."),
    click.option("--bind", metavar="HOST", help="Listen on this address only."),
    click.option("--down-rate", metavar="SIZE", default="0",
                 help="Receive at most so many bytes a second, such as 5MiB."),
    click.option("--up-rate", metavar="SIZE", default="0",
                 help="Send at most so many bytes a second, such as 500KiB."),
    click.option("--dht", is_flag=True, help="Look for peers in the distributed hash table."),
    click.option("--lsd", is_flag=True, help="Look for peers on the local network."),
    click.option("--upnp", is_flag=True, help="Ask the router to forward the port."),
    click.option("--utp", is_flag=True, help="Take part in uTP besides TCP."),
    click.option("--encryption", type=click.Choice(["allow", "require", "off"]), default="allow",
                 show_default=True, help="Of the connections to peers."),
    click.option("--profile", type=click.Choice(["server", "desktop", "small"]),
                 help="Limits fit for many peers, for a person's machine, or for one with little"
                 " memory; docs/engine.md lists them."),
    click.option("--proxy", metavar="URL", help="Reach trackers, peers and web seeds through this"
                 " proxy: http://HOST:PORT or socks5://HOST:PORT."),
    click.option("--ca-file", metavar="FILE",
                 type=click.Path(exists=True, dir_okay=False, path_type=Path),
                 help="Trust these certificates in place of the system's."),
)  # fmt: skip


def engine_options(command: _F) -> _F:
    """Give a command the flags that every peer has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def engine_settings(flags: dict[str, Any], *, own_content: bool = False) -> Any:  # noqa: ANN401 - lazy import
    """Take the flags of `engine_options` out of a command's, and make settings of them."""
    from outpour.engine import EngineSettings

    host, port = flags.pop("bind"), flags.pop("port")
    listen: tuple[str, ...] = (f"0.0.0.0:{port}", f"[::]:{port}")
    if host:
        listen = (format_host_port(host, port),)
    proxy = flags.pop("proxy")
    return EngineSettings(
        listen=listen,
        proxy=Proxy.parse(proxy) if proxy else None,
        ca_file=flags.pop("ca_file"),
        profile=flags.pop("profile") or ("server" if own_content else "desktop"),
        own_content=own_content,
        download_rate=parse_size(flags.pop("down_rate")),
        upload_rate=parse_size(flags.pop("up_rate")),
        **{name: flags.pop(name) for name in ("dht", "lsd", "upnp", "utp", "encryption")},
    )


def resume_folder() -> Path:
    """Where resume data is kept."""
    return default_state_folder() / "resume"


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a loop as Ctrl-C does, so that everything is saved."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    # Whoever starts it with `nohup` wants it to go on without its terminal.
    heard = [number for number, old in before.items() if old is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])

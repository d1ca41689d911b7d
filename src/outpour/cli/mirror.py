"""`outpour mirror`: follow a publisher, hold all that it publishes, and serve it too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from outpour.base.units import parse_duration, parse_size
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import CA_FLAG, ca_option, check_open_url
from outpour.cli.shared.log_options import log_options
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.serving_options import listen_option, serving_options, take_serving


@define(
    "mirror",
    example="""
    outpour mirror http://publisher.example:6969/ -o /srv/mirror
    outpour mirror https://downloads.example.org/ -o /srv/mirror --only '*.iso' --keep 5 --delete
    """,
)
@click.argument("source", metavar="URL")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    default=".",
    help="Where content goes, named as it is published; by default the current folder.",
)
@listen_option
@click.option(
    "--url",
    metavar="PUBLIC_URL",
    help="Where the public reaches the mirror; by default derived from --listen.",
)
@click.option(
    "--only",
    metavar="PATTERN",
    multiple=True,
    help="Mirror only torrents with such names, as in `*.iso`; may be repeated.",
)
@click.option("--skip", metavar="PATTERN", multiple=True, help="Leave such out; may be repeated.")
@click.option("--max-size", metavar="SIZE", help="Leave out torrents that are larger.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Mirror the newest N; an older one goes once those are all here.",
)
@click.option(
    "--delete",
    is_flag=True,
    help="Delete content that is no longer mirrored; without, it stays where it is.",
)
@click.option(
    "--grace",
    metavar="DURATION",
    default="7d",
    show_default=True,
    help="For how long the publisher has to list a torrent no longer, until it is withdrawn here.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Register with the publisher by the token in this file, so that it counts and names this "
    "mirror.",
)
@click.option(
    "--state",
    metavar="DIR",
    help="Where .torrent files, counters and resume data are kept.  [default: below "
    "$XDG_STATE_HOME/outpour, by the folder of content]",
)
@click.option(
    "--every",
    metavar="DURATION",
    default="5min",
    show_default=True,
    help="How often a feed of another tool is asked; an outpour publisher tells by itself.",
)
@click.option("--tracker", metavar="URL", multiple=True, help="A further tracker; may be repeated.")
@click.option("--no-content", is_flag=True, help="Serve no content over HTTP, only to peers.")
@ca_option
@serving_options
@log_options
@click.pass_context
def command(context: click.Context, /, source: str, **given: Any) -> int:  # noqa: ANN401 - click's own values
    """Mirror a publisher: fetch all that it lists, seed and serve it, until interrupted.

    URL is the page of an `outpour publish`, or a feed of another tool (RSS, Atom, JSON) whose items
    have .torrent files. A second start goes on where the first ended. What the publisher lists no
    longer is withdrawn after a while; while it is down, everything stays.
    """
    from outpour.tracker.core import check_system

    check_system()
    from outpour.base.http_route import Route
    from outpour.cli.shared.mirror_lines import MirrorLines
    from outpour.mirror import MirrorOptions, Wishes, mirror
    from outpour.publisher import PublishOptions
    from outpour.tracker.settings_file import load

    printer: Printer = context.obj
    printer.outlast()
    printer.speak(given["log_format"], given["log_level"])
    folder = Path(given["output"])
    serving = PublishOptions(
        **take_serving(given),
        paths=(folder,),
        extra_trackers=tuple(check_open_url(url) for url in given["tracker"]),
        content=not given["no_content"],
    )
    options = MirrorOptions(
        source=source,
        folder=folder,
        serving=serving,
        wishes=Wishes(
            given["only"],
            given["skip"],
            parse_size(given["max_size"]) if given["max_size"] else None,
            given["keep"],
        ),
        delete=given["delete"],
        token_file=given["token_file"],
        grace_s=parse_duration(given["grace"], "s"),
        route=Route(ca_file=given["ca_file"], ca_flag=CA_FLAG),
        feed_every_s=parse_duration(given["every"], "s"),
    )
    said = load(serving.config, os.environ, serving.log_flags)
    printer.become_log(said.log_format, said.log_level)
    flags = frozenset(flag for option in context.command.params for flag in option.opts)
    lines = MirrorLines(printer, flags)
    try:
        mirror(options, lines)
    finally:
        lines.close()
    return 0

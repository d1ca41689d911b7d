"""`outpour publish`: one command turns folders into a live distribution."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from outpour.base.errors import UsageError
from outpour.base.units import parse_size
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import check_open_url
from outpour.cli.shared.log_options import log_options
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.serving_options import listen_option, serving_options, take_serving


@define(
    "publish",
    example="""
    outpour publish ~/releases
    outpour publish --catalogue catalogue.toml
    outpour publish ~/releases --listen 0.0.0.0:6969 --url http://downloads.example.org:6969
    """,
)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--catalogue",
    metavar="FILE",
    multiple=True,
    help="Publish what this TOML file lists, wherever it lies; docs/publishing.md has an example; "
    "may be repeated.",
)
@listen_option
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
@click.option(
    "--web-seed",
    metavar="URL",
    multiple=True,
    help="Copies lie there too, a folder or with `{path}`; named once they are found to be good. "
    "`WHERE=URL` is of a published folder or a pattern of names. May be repeated.",
)
@click.option(
    "--mirror-tokens",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Let mirrors register by these tokens, a line `NAME TOKEN` each; docs/mirrors.md tells "
    "how.",
)
@click.option("--no-content", is_flag=True, help="Serve no content here, only name its copies.")
@click.option(
    "--on-published",
    metavar="COMMAND",
    help="Run by the shell for each torrent that is published, at every start; OUTPOUR_NAME, "
    "OUTPOUR_INFOHASH, OUTPOUR_PATH, OUTPOUR_TORRENT and OUTPOUR_LENGTH are in its environment, "
    "and OUTPOUR_HASHED is 1 where the content is new.",
)
@click.option(
    "--on-withdrawn",
    metavar="COMMAND",
    help="Run by the shell for each torrent that is withdrawn; OUTPOUR_REASON says why.",
)
@click.option("--hidden", is_flag=True, help="Publish hidden files and folders too.")
@click.option(
    "--symlinks",
    type=click.Choice(["inside", "follow", "keep", "refuse", "skip"]),
    default="inside",
    show_default=True,
    help="What becomes of links: only those that stay inside are followed, all are, they are kept "
    "as links (BEP 47), none is taken, or they are left out; as in `create`.",
)
@click.option(
    "--exclude",
    metavar="PATTERN",
    multiple=True,
    help="Leave out files and folders that match, such as `*.log`; may be repeated.",
)
@click.option(
    "--checksums",
    is_flag=True,
    help="Make the SHA-256 of each file as it is hashed, and show it on the page and in the API.",
)
@serving_options
@log_options
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:  # noqa: ANN401 - click's own values
    """Publish folders: torrents, tracker, seeder, page and web seed, until interrupted.

    Every file or folder in PATH becomes a torrent; what appears later is published, what goes is
    withdrawn. A second start hashes nothing that has not changed.
    """
    from outpour.tracker.core import check_system

    check_system()
    if not given["paths"] and not given["catalogue"]:
        raise UsageError("nothing to publish", hint="name a folder or file, or a `--catalogue`")
    from outpour.cli.shared.publish_lines import PublishLines
    from outpour.publisher import PublishOptions, publish
    from outpour.tracker.settings_file import load

    printer: Printer = context.obj
    printer.outlast()
    printer.speak(given["log_format"], given["log_level"])
    given["piece_length"] = parse_size(given["piece_length"]) if given["piece_length"] else None
    options = PublishOptions(
        **take_serving(given),
        paths=tuple(Path(path) for path in given.pop("paths")),
        catalogues=tuple(Path(path) for path in given.pop("catalogue")),
        seed=not given.pop("no_seed"),
        extra_trackers=tuple(check_open_url(url) for url in given.pop("tracker")),
        web_seeds=given.pop("web_seed"),
        content=not given.pop("no_content"),
        exclude=tuple(given.pop("exclude")),
        **given,
    )
    said = load(options.config, os.environ, options.log_flags)
    printer.become_log(said.log_format, said.log_level)
    flags = frozenset(flag for option in context.command.params for flag in option.opts)
    lines = PublishLines(printer, flags)
    try:
        publish(options, lines)
    finally:
        lines.close()
    return 0

"""The command line: one file a command, imported only when its command runs."""

from __future__ import annotations

from collections.abc import Sequence

COMMANDS = {
    "create": "outpour.cli.create:command",
    "publish": "outpour.cli.publish:command",
    "mirror": "outpour.cli.mirror:command",
    "track": "outpour.cli.track:command",
    "key": "outpour.cli.key:command",
    "show": "outpour.cli.show:command",
    "edit": "outpour.cli.edit:command",
    "reannounce": "outpour.cli.reannounce:command",
    "diff": "outpour.cli.diff:command",
    "verify": "outpour.cli.verify:command",
    "magnet": "outpour.cli.magnet:command",
    "announce": "outpour.cli.announce:command",
    "scrape": "outpour.cli.scrape:command",
    "download": "outpour.cli.download:command",
    "seed": "outpour.cli.seed:command",
}
"""Every command by name, in the order of the help, with where it lives."""


def main(args: Sequence[str] | None = None) -> int:
    """Run `outpour ARGS` and return its exit code.

    Args:
        args: The words after `outpour`; by default those of the process.

    Example:
        >>> main(["--version"])  # doctest: +SKIP
        0
    """
    # The classic commands import this package too, and need none of click.
    from outpour.cli.shared.interrupts import end_at_once

    if args is None:
        end_at_once()
    from outpour.cli.shared.group import run
    from outpour.cli.shared.standard_streams import hold_numbers
    from outpour.cli.shared.utf8_mode import ensure_utf8

    if args is None:
        ensure_utf8()
        hold_numbers()
    return run(args)

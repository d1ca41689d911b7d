"""`outpour key`: make, list and revoke the keys of a private tracker."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from outpour.base.errors import SettingsError, UsageError
from outpour.cli.shared.group import define, family
from outpour.cli.shared.inputs import read_date
from outpour.cli.shared.printer import Printer
from outpour.tracker.lists.key_list import KeyFile
from outpour.tracker.lists.passkey import Key, checked_time, clean_label, format_time

COUNT_MAX = 10_000
DAY_S = 86_400
ENV = "OUTPOUR_KEY_LIST"


@family(
    "key",
    example="""
    outpour key make --key-list keys.txt --label alice --expires 30d
    outpour track --open --key-list keys.txt
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Make, list and revoke the keys of a private tracker.

    A tracker that runs with `--key-list FILE` follows the file: a key counts within a second, and a
    revoked one no more. Peers announce to /KEY/announce, over UDP with the same path (BEP 41).
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--key-list",
            metavar="FILE",
            help=f"The key list; by default what ${ENV} or the settings file says.",
        ),
        click.option("--config", metavar="FILE", help="Read the place of the key list from TOML."),
    ):
        function = option(function)
    return function


def _file(key_list: str | None, config: str | None) -> KeyFile:
    place = key_list or os.environ.get(ENV)
    if place:
        return KeyFile(Path(place).expanduser())
    if config is not None:
        # Late, as settings take a while to import.
        from outpour.tracker.settings_file import load

        found = load(Path(config)).key_list
        if found is None:
            raise SettingsError(f"`{config}`: has no `key_list`", hint='key_list = "keys.txt"')
        return KeyFile(found)
    raise UsageError("no key list is named", hint="name one: `--key-list keys.txt`")


@define("make", example="outpour key make --key-list keys.txt --label alice")
@_place
@click.option("--label", default="", metavar="TEXT", help="Who gets it, for you to remember.")
@click.option(
    "--expires", metavar="DATE", help="Until when it counts: 2026-12-31, or 30d from now on."
)
@click.option(
    "--count",
    type=click.IntRange(1, COUNT_MAX),
    default=1,
    metavar="N",
    help="How many to make, with the same label.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, a list with one object a key.")
@click.pass_obj
def make(
    printer: Printer,
    /,
    key_list: str | None,
    config: str | None,
    label: str,
    expires: str | None,
    count: int,
    as_json: bool,
) -> None:
    """Make keys and write them to the list and to standard output, one a line.

    A new list is readable by its owner only.
    """
    file = _file(key_list, config)
    now = int(time.time())
    expires_at = None if expires is None else _expiry(expires, now)
    keys = [Key.random(clean_label(label), now, expires_at) for _ in range(count)]
    file.add(keys)
    if as_json:
        printer.json([key.describe(now, with_secret=True) for key in keys])
        return
    for key in keys:
        printer.data(key.secret)
    first = keys[0].secret if count == 1 else "KEY"
    printer.talk(f"announce URL: http://HOST:PORT/{first}/announce, or udp:// and the same")


@define("list", example="outpour key list --key-list keys.txt")
@_place
@click.option("--show", is_flag=True, help="Show the keys themselves, too.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, a list with one object a key.")
@click.pass_obj
def list_keys(
    printer: Printer,
    /,
    key_list: str | None,
    config: str | None,
    show: bool,
    as_json: bool,
) -> None:
    """List the keys: id, when it was made, until when it counts, label.

    An id tells nothing of its key, so it can stand in a ticket or a mail.
    """
    now = int(time.time())
    keys = _file(key_list, config).keys()
    if as_json:
        printer.json([key.describe(now, with_secret=show) for key in keys])
        return
    for key in keys:
        printer.data("  ".join(_columns(key, now, is_shown=show)).rstrip())


@define("revoke", example="outpour key revoke --key-list keys.txt alice")
@_place
@click.argument("names", nargs=-1, required=True, metavar="ID|LABEL|KEY...")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, a list with one object a key.")
@click.pass_obj
def revoke(
    printer: Printer,
    /,
    key_list: str | None,
    config: str | None,
    names: tuple[str, ...],
    as_json: bool,
) -> None:
    """Revoke keys; whoever has one is refused from then on.

    All are revoked or, if one of them is not there, none.
    """
    gone = _file(key_list, config).revoke(names)
    now = int(time.time())
    if as_json:
        printer.json([key.describe(now) for key in gone])
        return
    for key in gone:
        printer.talk(f"revoked {key.id}{f' ({key.label})' if key.label else ''}")


def _expiry(text: str, now: int) -> int:
    number = text.removesuffix("d")
    is_days = number != text and number.isascii() and number.isdigit() and len(number) < 8
    try:
        return checked_time(now + int(number) * DAY_S if is_days else read_date(text))
    except ValueError:
        raise UsageError(
            f"`{text}`: not within the years 1970 to 9999", hint="leave it away for no end"
        ) from None


def _columns(key: Key, now: int, *, is_shown: bool) -> list[str]:
    made = "made unknown" if key.made_at is None else f"made {format_time(key.made_at)}"
    ends = "never expires"
    if key.expires_at is not None:
        ends = f"{'expires' if key.is_active(now) else 'expired'} {format_time(key.expires_at)}"
    return [key.id, *([key.secret] if is_shown else []), made, ends, key.label]


for _command in (make, list_keys, revoke):
    command.add_command(_command)

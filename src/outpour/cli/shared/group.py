"""The `outpour` command itself: finds the command by name, imports it and runs it."""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from outpour.base.errors import UsageError
from outpour.cli import COMMANDS
from outpour.cli.shared.env import Env
from outpour.cli.shared.faults import guard
from outpour.cli.shared.printer import Printer

COMPLETION = "_OUTPOUR_COMPLETE"
"""What the completion of a shell asks through: `_OUTPOUR_COMPLETE=bash_source outpour`."""
GARBAGE_THRESHOLD = 100_000
"""Objects between searches for cycles. A large torrent is a million values and none of them; to
search after every 700, as is Python's habit, takes as long as to read them."""
PLACES = frozenset({"FILE", "FILE|URL", "FILES", "DIR", "PATH", "TORRENT", "HASH|FILE"})
"""What an option is given that names a place on disk."""
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 96}


class _WithExample(click.Command):
    """Ends the help with an example."""

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("context_settings", CONTEXT)
        super().__init__(*args, **kwargs)
        self.example = example

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words after the command."""
        if not ctx.resilient_parsing and any(not word or word.endswith("=") for word in args):
            self._refuse_empty(ctx, list(args))
        return super().parse_args(ctx, args)

    def _refuse_empty(self, ctx: click.Context, args: list[str]) -> None:
        # A script meant a variable that is not set, and would get the current folder, or no limit.
        given, _, _ = self.make_parser(ctx).parse_args(args)
        for parameter in self.get_params(ctx):
            value = given.get(parameter.name or "")
            values = value if isinstance(value, (list, tuple)) else (value,)
            if "" in values and _names_something(parameter):
                name = max(parameter.opts, key=len)
                if isinstance(parameter, click.Argument):
                    name = parameter.make_metavar(ctx).strip("[].")
                raise UsageError(
                    f"`{name}`: is empty",
                    hint="if a variable stands there, it is not set; else leave the quotes out",
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example below everything else."""
        del ctx
        if self.example:
            with formatter.section("Example"):
                for line in self.example.strip().splitlines():
                    formatter.write(f"  {line.strip()}\n")


def _names_something(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument) or parameter.metavar in PLACES


class Command(_WithExample):
    """A command."""


class Family(_WithExample, click.Group):
    """A command of several, each with a help of its own."""


def define(name: str, *, example: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command.

    The function takes the `Printer` first where it is decorated with `click.pass_obj`.

    Args:
        name: What follows `outpour`.
        example: Lines of a shell that run.
    """
    return click.command(name, cls=Command, example=example)


def family(name: str, *, example: str) -> Callable[[Callable[..., Any]], Family]:
    """Make a function a command of several, which `add_command` joins to it.

    Args:
        name: What follows `outpour`.
        example: Lines of a shell that run.
    """
    return click.group(name, cls=Family, example=example, invoke_without_command=True)


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UsageError(f"`{args[0]}`: no such command", hint=_nearest(args[0]))
        return super().resolve_command(ctx, args)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"did you mean `outpour {near[0]}`?" if near else "`outpour --help` lists them"


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from outpour._core import __version__

        ctx.obj.data(f"outpour {__version__}")
        ctx.exit()


@click.group(cls=_Group, context_settings=CONTEXT, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def group(ctx: click.Context) -> None:
    """Distribute files with BitTorrent: make, track, seed, serve and show them.

    Data goes to stdout, talk and progress to stderr.
    Exit codes: 0 ok, 1 failed, 2 usage, 3 settings, 4 cannot read, 5 cannot write,
    6 verification failed, 7 network, 130 interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(args: Sequence[str] | None) -> int:
    """Run `outpour ARGS` and return its exit code."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    printer = Printer(Env.of_process())
    return guard(printer, lambda: _invoke(printer, args))


def _invoke(printer: Printer, args: Sequence[str] | None) -> int:
    # Not `group.main`, which ends the process by itself when a pipe is closed.
    if COMPLETION in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(group, {}, "outpour", COMPLETION, os.environ[COMPLETION])
    words = list(sys.argv[1:] if args is None else args)
    try:
        with group.make_context("outpour", words, obj=printer) as context:
            result = group.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.UsageError as error:
        raise _usage(error) from None
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError) -> UsageError:
    where = error.ctx.command_path if error.ctx else "outpour"
    near = getattr(error, "possibilities", None)
    text = error.message if near else error.format_message()
    text = re.sub(r"'([^']*)'", r"`\1`", text).rstrip(".")
    hint = f"did you mean `{near[0]}`?" if near else f"`{where} --help` explains it"
    known = error.ctx.command.params if error.ctx else []
    if isinstance(error, click.NoSuchOption) and any(one.name == "config" for one in known):
        hint = _setting_hint(error.option_name) or hint
    return UsageError(text[:1].lower() + text[1:], hint=hint)


def _setting_hint(option: str) -> str | None:
    """Where to write what is a flag of `track` alone, and a setting wherever a tracker runs."""
    from outpour.tracker.settings import all_fields

    name = option.removeprefix("--").replace("-", "_")
    if name not in all_fields():
        return None
    return f"here it is a setting: write `{name} = ...` into the file of `--config`"

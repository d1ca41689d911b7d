"""Write what is generated of the docs: commands, settings, classic options, the table of rooms.

`python docs/generate.py` writes them; `--check` fails if one is out of date.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from outpour.base.toml_file import tomllib
from outpour.cli import COMMANDS
from outpour.cli.classic import client_options, download, launchmany, make, tracker_options
from outpour.cli.classic.option_table import Option
from outpour.cli.shared.group import group
from outpour.engine.tuning import KEPT, PROFILES, TABLE
from outpour.tracker.settings_doc import reference
from outpour.web.api.openapi_document import document_json

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SOURCE = ROOT / "src/outpour"
NOTE = "<!-- Written by docs/generate.py: change the source, then run `make docs`. -->\n\n"

CLASSIC: dict[str, tuple[Sequence[Option], Mapping[str, str], str]] = {
    "btmakemetafile": (make.OPTIONS, {}, ""),
    "bttrack": (
        tracker_options.OPTIONS,
        {name: f"no effect: {text}" for name, text in tracker_options.REPLACED.items()},
        "",
    ),
    "btdownloadheadless": (
        download.OPTIONS,
        client_options.TODAY,
        "`bittorrent-downloader` and `btdownloadcurses` take the same.\n\n",
    ),
    "btlaunchmany": (
        launchmany.OPTIONS,
        client_options.TODAY,
        "Besides these, `btlaunchmany` and `btlaunchmanycurses` take those of "
        "`btdownloadheadless`, but for `--responsefile` and `--url`.\n\n",
    ),
}
"""Classic commands with options: the table, what became of some of them, and a remark."""


def commands() -> str:
    """Render every command's help page."""
    parts = [
        "# Commands\n\n",
        NOTE,
        "Every command takes `--help`. Data goes to standard output, talk to standard error.\n",
    ]
    root = click.Context(group, info_name="outpour", terminal_width=96)
    for name in COMMANDS:
        command = group.get_command(root, name)
        assert command is not None, name
        parts += _help(command, name, root, "##")
    return "".join(parts)


def _help(command: click.Command, name: str, parent: click.Context, mark: str) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=96)
    help_page = command.get_help(context)
    parts = [f"\n{mark} {context.command_path}\n\n```text\n{help_page}\n```\n"]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            member = command.get_command(context, inner)
            assert member is not None, inner
            parts += _help(member, inner, context, f"{mark}#")
    return parts


def settings() -> str:
    """Render the reference of the tracker's settings."""
    return "# Settings\n\n" + NOTE + reference()


def engine() -> str:
    """Render the table of libtorrent's settings."""
    lines = [
        "# The peer engine\n\n", NOTE,
        "What outpour sets of libtorrent, by `--profile`: `server` is what `publish` and `seed` "
        "take, `desktop` what `download` takes, and `small` is for a machine with little memory.\n"
        "Figures are of `make bench-engine`, in which one setting at a time differs: "
        "[benchmarks.md](benchmarks.md#settings-of-the-engine) has them all.\n\n",
        "| setting | server | desktop | small | why | measured |\n"
        "| --- | ---: | ---: | ---: | --- | --- |\n",
    ]  # fmt: skip
    for one in TABLE:
        values = [json.dumps(one.of(profile)) for profile in PROFILES]
        lines.append(f"| `{one.name}` | {' | '.join(values)} | {one.why} | {one.figure} |\n")
    lines.append("\nMeasured too, and left as libtorrent has it:\n\n| setting | measured |\n")
    lines.append("| --- | --- |\n")
    lines += [f"| `{name}` | {found} |\n" for name, found in KEPT]
    return "".join(lines)


def classic() -> str:
    """Render the classic commands: what is said of them, and their option tables."""
    intro = (DOCS / "classic-intro.md").read_text()
    parts = [NOTE, intro]
    for name, (table, today, remark) in CLASSIC.items():
        parts.append(f"\n## Options of {name}\n\n{remark}{_options(table, today)}")
    return "".join(parts)


def _options(options: Sequence[Option], changed: Mapping[str, str]) -> str:
    rows = ["| option | default | meaning | today |\n|---|---|---|---|\n"]
    for option in options:
        default = "required" if option.required else f"`{option.default!r}`"
        today = changed.get(option.name, "no effect" if option.obsolete else "works")
        text = option.text.replace("|", "\\|")
        rows.append(f"| `--{option.name}` | {default} | {text} | {today} |\n")
    return "".join(rows)


ROOMS_BEGIN, ROOMS_END = "<!-- rooms: begin -->\n", "<!-- rooms: end -->"


def architecture() -> str:
    """Put the table of rooms into the page on the architecture, from the import contract."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    before, _, rest = page.partition(ROOMS_BEGIN)
    _, _, after = rest.partition(ROOMS_END)
    rows = ["| room | what | files |\n|---|---|---|\n"]
    for layer in _layers("Data flows one way"):
        for room in layer:
            rows.append(_room(SOURCE / room))
            inner = sorted(path.parent for path in (SOURCE / room).glob("*/__init__.py"))
            rows += map(_room, inner)
    return f"{before}{ROOMS_BEGIN}{''.join(rows)}{ROOMS_END}{after}"


def _layers(contract: str) -> list[list[str]]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        contracts = tomllib.load(stream)["tool"]["importlinter"]["contracts"]
    (found,) = (one for one in contracts if one["name"] == contract)
    return [
        [name.strip().removeprefix("outpour.") for name in layer.split("|")]
        for layer in found["layers"]
    ]


def _room(folder: Path) -> str:
    what = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    files = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    name = folder.relative_to(SOURCE).as_posix()
    line = what.partition("\n")[0].replace("|", "\\|")
    return f"| `{name}/` | {line} | {', '.join(f'`{file}`' for file in files)} |\n"


PAGES = {
    "commands.md": commands,
    "settings.md": settings,
    "engine.md": engine,
    "classic.md": classic,
    "../ARCHITECTURE.md": architecture,
    "../src/outpour/web/openapi.json": document_json,
}


def main() -> int:
    """Write or check the pages."""
    # Help pages are laid out for a terminal; every terminal shall give the same.
    os.environ["COLUMNS"] = "96"
    stale = []
    for name, render in PAGES.items():
        page, text = DOCS / name, render()
        if "--check" not in sys.argv:
            page.write_text(text)
        elif not page.is_file() or page.read_text() != text:
            stale.append(name)
    for name in stale:
        sys.stderr.write(f"error: `docs/{name}`: out of date\nhint: make docs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

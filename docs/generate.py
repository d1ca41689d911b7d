"""Write the generated pages of docs/: the command reference and the settings.

`python docs/generate.py` writes them; `--check` fails if one is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from outpour.cli import COMMANDS, cli
from outpour.tracker.settings_doc import reference

DOCS = Path(__file__).resolve().parent
NOTE = "<!-- Written by docs/generate.py: change the source, then run `make docs`. -->\n\n"


def commands() -> str:
    """Render every command's help page."""
    parts = [
        "# Commands\n\n",
        NOTE,
        "Every command takes `--help`. Data goes to standard output, talk to standard error.\n",
    ]
    root = click.Context(cli, info_name="outpour", terminal_width=96)
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=root, terminal_width=96)
        parts.append(f"\n## outpour {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def settings() -> str:
    """Render the reference of the tracker's settings."""
    return "# Settings\n\n" + NOTE + reference()


PAGES = {"commands.md": commands, "settings.md": settings}


def main() -> int:
    """Write or check the pages."""
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

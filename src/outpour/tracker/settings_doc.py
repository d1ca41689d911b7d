"""Turn the table of settings into its reference page and its commented TOML file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from outpour.tracker.settings import OF_PUBLISH, ROOMS, SECTION, all_fields
from outpour.tracker.settings_file import variable

_INTRO = """\
Each setting of the tracker has one name.
It is a key of the TOML file that `outpour track --config FILE` reads, a flag with dashes for
underscores, and an environment variable in capitals with `OUTPOUR_` in front:
`interval_s = 900`, `--interval-s 900` and `OUTPOUR_INTERVAL_S=900` say the same.
Flags win over the environment, and the environment over the file.
In the environment, lists are separated by commas.
Relative paths in the file are relative to the file.
An unknown key is an error.
A name such as `site.title` is the key `title` below `[site]`, the flag `--title` and the variable
`OUTPOUR_SITE_TITLE`.

`outpour track --print-config` writes the file with every setting and its default.
"""

_METAVARS = {
    "allowed_dir": "DIR",
    "public_url": "URL",
    "trusted_proxies": "NETWORK",
    "denied_clients": "TEXT",
    "cluster": "URL",
    "cluster_name": "NAME",
    "node": "NAME",
    "log_format": "FORMAT",
    "log_level": "LEVEL",
    "web_seeds": "URL",
    "site.title": "TEXT",
    "site.description": "TEXT",
    "site.contact": "TEXT",
    "site.licence": "TEXT",
    "site.colour": "COLOUR",
    "site.dark_colour": "COLOUR",
    "site.theme": "DIR",
}


def reference() -> str:
    """Write the text of `docs/settings.md`, below its title."""
    parts = [_INTRO]
    for name, field in all_fields().items():
        facts = [_default_fact(field), *filter(None, [_limits(field)])]
        parts.append(
            f"## `{name}`\n\n{field.description}\n\n"
            f"* {', '.join(facts)}\n* flag `{flag(name, field)}`\n"
            f"* environment `{variable(name)}`\n"
        )
    return "\n".join(parts)


def default_file() -> str:
    """Write a TOML file that names every setting, each commented out at its default."""
    parts = ["# Settings of `outpour track`. A line without `#` in front changes the default.\n"]
    is_in_section = False
    for name, field in all_fields().items():
        limits = _limits(field)
        sentence = f"{field.description}{f' ({limits})' if limits else ''}"
        comment = textwrap.fill(
            sentence, 96, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
        section, _, key = name.rpartition(".")
        if section and not is_in_section:
            is_in_section = True
            parts.append(f"# [{section}]\n")
        parts.append(f"{comment}\n# {key} = {_toml(_default(field))}\n")
    return "\n".join(parts)


def flag(name: str, field: FieldInfo) -> str:
    """Spell the flag of a setting, with what it takes."""
    plain = name.removeprefix(f"{SECTION}.").replace("_", "-")
    if name in OF_PUBLISH:
        # Such a flag is given once for each value.
        plain = plain.removesuffix("s")
    spelled = f"--{plain}"
    if field.annotation is bool:
        return f"{spelled}/--no-{plain}"
    return f"{spelled} {metavar(name, field)}"


def metavar(name: str, field: FieldInfo) -> str:
    """Name the argument of a flag in help texts."""
    if name in ("listen", "metrics_listen"):
        return "HOST:PORT"
    if field.annotation is int:
        return "N"
    if name in ROOMS:
        return "WHO"
    return _METAVARS.get(name, "FILE")


def _default(field: FieldInfo) -> object:
    value = field.default
    return list(value) if isinstance(value, tuple) else value


def _default_fact(field: FieldInfo) -> str:
    value = _default(field)
    if value in (None, []):
        return "not set by default"
    return f"default `{_toml(value)}`"


def _toml(value: object) -> str:
    if value is None:
        return '""'
    # For these types JSON and TOML are spelled alike.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _limits(field: FieldInfo) -> str:
    return " to ".join(_bounds(field)) if field.annotation is int else ""


def _bounds(field: FieldInfo) -> Iterator[str]:
    for fact in field.metadata:
        for side in ("ge", "le"):
            if hasattr(fact, side):
                yield str(getattr(fact, side))

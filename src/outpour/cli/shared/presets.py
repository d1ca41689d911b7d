"""Turns a named preset of the settings file into options that the command line did not give."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from outpour.base.errors import SettingsError
from outpour.base.text import printable

SECTION = "preset"
SHOWN_MAX = 10
_NO_SETTINGS = frozenset({"preset", "config", "help"})
_RIVALS = (("date", "no_date"), ("created_by", "no_created_by"), ("piece_length", "piece_count"))
"""Options of which the command line's one puts out the preset's other."""


def default_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where presets are looked for: `outpour/create.toml` among the user's settings."""
    home = environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "outpour" / "create.toml"


def apply_preset(
    ctx: click.Context, asked: Mapping[str, Any], name: str, file: Path | None
) -> dict[str, Any]:
    """Fill in what a preset says and the command line does not.

    Args:
        ctx: Of the command, whose options are the keys of presets.
        asked: Values of the options, as the command line gave them or by default.
        name: Of the preset: the table `[preset.NAME]`.
        file: The settings file, None for `default_file`.

    Raises:
        ReadError: The file cannot be read.
        SettingsError: There is no such preset, or a key or a value in it makes no sense.
    """
    path = file or default_file()
    presets = _presets(path)
    if name not in presets:
        raise SettingsError(
            f"`{path}`: no preset `{printable(name)}`", hint=_choices(name, presets)
        )
    options = {
        option.opts[-1].removeprefix("--"): option
        for option in ctx.command.params
        if isinstance(option, click.Option) and option.name not in _NO_SETTINGS
    }
    given = {key for key in asked if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE}
    given.update(rival for pair in _RIVALS if given & set(pair) for rival in pair)
    values = dict(asked)
    for key, value in presets[name].items():
        where = f"{path}:[{SECTION}.{name}].{key}"
        option = options.get(key.replace("_", "-"))
        if option is None:
            raise SettingsError(
                f"`{printable(where)}`: no such setting",
                hint=_nearest(key, options) or "keys are the long options of the command",
            )
        assert option.name is not None
        if option.name not in given:
            values[option.name] = _convert(ctx, option, value, where)
    return values


def _presets(path: Path) -> dict[str, dict[str, Any]]:
    # Who names no preset does not wait for the reader of TOML.
    from outpour.base.toml_file import read_toml

    values = read_toml(path, missing_hint=_shape("NAME"))
    for key in values:
        if key != SECTION:
            raise SettingsError(f"`{path}:{printable(key)}`: no such setting", hint=_shape("NAME"))
    presets = values.get(SECTION, {})
    if not isinstance(presets, dict) or not all(isinstance(p, dict) for p in presets.values()):
        raise SettingsError(f"`{path}:{SECTION}`: not a table of presets", hint=_shape("NAME"))
    return presets


def _convert(ctx: click.Context, option: click.Option, value: object, where: str) -> object:
    if option.is_flag:
        if not isinstance(value, bool):
            raise SettingsError(f"`{printable(where)}`: must be true or false")
        return value
    if option.multiple:
        items = value if isinstance(value, list) else [value]
        return tuple(_single(ctx, option, item, where) for item in items)
    return _single(ctx, option, value, where)


def _single(ctx: click.Context, option: click.Option, value: object, where: str) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise SettingsError(f"`{printable(where)}`: must be a text or a number")
    try:
        return option.type.convert(str(value), option, ctx)
    except click.BadParameter as error:
        text = re.sub(r"'([^']*)'", r"`\1`", error.message).rstrip(".")
        raise SettingsError(f"`{printable(where)}`: {text[:1].lower()}{text[1:]}") from None


def _nearest(name: str, known: Iterable[str]) -> str | None:
    near = get_close_matches(name.replace("_", "-"), list(known), n=1)
    return f"did you mean `{near[0]}`?" if near else None


def _choices(name: str, presets: Iterable[str]) -> str:
    known = ", ".join(f"`{printable(preset)}`" for preset in list(presets)[:SHOWN_MAX])
    return _nearest(name, presets) or (f"it has {known}" if known else _shape(name))


def _shape(name: str) -> str:
    return f'write a table such as: [{SECTION}.{name}] tracker = ["http://127.0.0.1:6969/announce"]'

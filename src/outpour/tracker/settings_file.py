"""Turn a TOML file, environment variables and flags into the tracker's settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from outpour.base.errors import SettingsError
from outpour.base.toml_file import read_toml
from outpour.tracker.settings import TrackerSettings

ENV_PREFIX = "OUTPOUR_"
REFERENCE = "see docs/settings.md, or `outpour track --print-config`"
_PATHS = tuple(
    name for name, field in TrackerSettings.model_fields.items() if "Path" in str(field.annotation)
)


def load(
    file: Path | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> TrackerSettings:
    """Put the settings together; flags win over environment, environment over the file.

    Relative paths inside the file are relative to the file.

    Args:
        file: A TOML file, or None.
        env: The environment; only `OUTPOUR_<SETTING>` is looked at.
        flags: Settings by name; None means that a flag was not given.

    Raises:
        SettingsError: A key is unknown or a value is out of bounds; the message names its source.
        ReadError: The file cannot be read.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in (
        (f"{file}:{{}}", _from_file(file) if file else {}),
        ("{}", _from_env(env or {})),
        ("--{}", {name: value for name, value in (flags or {}).items() if value is not None}),
    ):
        for name, value in layer.items():
            values[name] = value
            sources[name] = source.format(_spell(source, name))
    try:
        return TrackerSettings.model_validate(values)
    except ValidationError as error:
        raise _explain(error, sources, file) from None


def _spell(source: str, name: str) -> str:
    if source == "{}":
        return ENV_PREFIX + name.upper()
    return name.replace("_", "-") if source.startswith("--") else name


def _from_file(path: Path) -> dict[str, Any]:
    values = read_toml(
        path,
        missing_hint="`outpour track --print-config > FILE` makes a settings file",
        fault_hint=REFERENCE,
    )
    for name in values:
        if name not in TrackerSettings.model_fields:
            raise _unknown(f"{path}:{name}", name)
    for name in _PATHS:
        if isinstance(values.get(name), str) and values[name]:
            values[name] = path.parent / Path(values[name]).expanduser()
    return values


def _from_env(env: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for key, value in env.items():
        if not key.startswith(ENV_PREFIX):
            continue
        name = key.removeprefix(ENV_PREFIX).lower()
        if name in TrackerSettings.model_fields:
            values[name] = value
        elif _near(name, cutoff=0.8):
            # Other variables with this prefix belong to other commands; a near miss is a typo.
            raise _unknown(key, name)
    return values


def _near(name: str, cutoff: float = 0.6) -> str | None:
    return next(
        iter(difflib.get_close_matches(name, TrackerSettings.model_fields, 1, cutoff)), None
    )


def _unknown(where: str, name: str) -> SettingsError:
    near = _near(name.lower().replace("-", "_"))
    if near and where.startswith(ENV_PREFIX):
        near = ENV_PREFIX + near.upper()
    return SettingsError(
        f"`{where}`: no such setting", hint=f"did you mean `{near}`?" if near else REFERENCE
    )


def _explain(
    error: ValidationError, sources: Mapping[str, str], file: Path | None
) -> SettingsError:
    fault = error.errors(include_url=False)[0]
    name = str(fault["loc"][0]) if fault["loc"] else ""
    text = fault["msg"].removeprefix("Value error, ")
    text = text.replace("Input should be", "must be", 1)
    if not name:
        return SettingsError(f"`{file or 'settings'}`: {text}", hint=REFERENCE)
    if fault["type"] == "extra_forbidden":
        return _unknown(sources.get(name, name), name)
    field = TrackerSettings.model_fields[name]
    given = fault["input"]
    shown = f", not `{given}`" if text.startswith("must be") and _is_scalar(given) else ""
    return SettingsError(f"`{sources.get(name, name)}`: {text}{shown}", hint=field.description)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)

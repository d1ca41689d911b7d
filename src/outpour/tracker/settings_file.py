"""Turn a TOML file, environment variables and flags into the tracker's settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from outpour.base.errors import SettingsError
from outpour.base.toml_file import read_toml
from outpour.tracker.settings import SECTION, TrackerSettings, all_fields

ENV_PREFIX = "OUTPOUR_"
REFERENCE = "see docs/settings.md, or `outpour track --print-config`"
_FIELDS = all_fields()
_BY_IDENTIFIER = {name.replace(".", "_"): name for name in _FIELDS}
_PATHS = tuple(name for name, field in _FIELDS.items() if "Path" in str(field.annotation))


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
        flags: Settings by name, of a section as `site_title`; None means that a flag was not
            given.

    Raises:
        SettingsError: A key is unknown or a value is out of bounds; the message names its source.
        ReadError: The file cannot be read.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in (
        (f"{file}:{{}}", _from_file(file) if file else {}),
        ("{}", _from_env(env or {})),
        ("--{}", _from_flags(flags or {})),
    ):
        for name, value in layer.items():
            values[name] = value
            sources[name] = source.format(_spell(source, name))
    try:
        return TrackerSettings.model_validate(_nested(values))
    except ValidationError as error:
        raise _explain(error, sources, file) from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + name.replace(".", "_").upper()


def _spell(source: str, name: str) -> str:
    if source == "{}":
        return variable(name)
    if source.startswith("--"):
        return name.removeprefix(f"{SECTION}.").replace("_", "-")
    return name


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in values.items():
        section, _, inner = name.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[inner] = value
    return nested


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _BY_IDENTIFIER.get(name, name): value for name, value in flags.items() if value is not None
    }


def _from_file(path: Path) -> dict[str, Any]:
    values = read_toml(
        path,
        missing_hint="`outpour track --print-config > FILE` makes a settings file",
        fault_hint=REFERENCE,
    )
    section = values.pop(SECTION, {})
    if not isinstance(section, dict):
        raise SettingsError(f"`{path}:{SECTION}`: must be a section", hint=f"write `[{SECTION}]`")
    values |= {f"{SECTION}.{name}": value for name, value in section.items()}
    for name in values:
        if name not in _FIELDS:
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
        if name in _BY_IDENTIFIER:
            values[_BY_IDENTIFIER[name]] = value
        elif _near(name, cutoff=0.8):
            # Other variables with this prefix belong to other commands; a near miss is a typo.
            raise _unknown(key, name)
    return values


def _near(name: str, cutoff: float = 0.6) -> str | None:
    near = next(iter(difflib.get_close_matches(name, _BY_IDENTIFIER, 1, cutoff)), None)
    return None if near is None else _BY_IDENTIFIER[near]


def _unknown(where: str, name: str) -> SettingsError:
    in_section = f"{SECTION}.{name}"
    plain = name.lower().replace("-", "_").replace(".", "_")
    near = in_section if in_section in _FIELDS else _near(plain)
    if near and where.startswith(ENV_PREFIX):
        near = variable(near)
    elif near and near.startswith(f"{SECTION}."):
        inner = near.removeprefix(f"{SECTION}.")
        return SettingsError(
            f"`{where}`: no such setting", hint=f"did you mean `{inner}` below `[{SECTION}]`?"
        )
    return SettingsError(
        f"`{where}`: no such setting", hint=f"did you mean `{near}`?" if near else REFERENCE
    )


def _explain(
    error: ValidationError, sources: Mapping[str, str], file: Path | None
) -> SettingsError:
    fault = error.errors(include_url=False)[0]
    parts = fault["loc"][: 2 if fault["loc"][:1] == (SECTION,) else 1]
    name = ".".join(map(str, parts))
    text = fault["msg"].removeprefix("Value error, ")
    text = text.replace("Input should be", "must be", 1)
    if not name:
        return SettingsError(f"`{file or 'settings'}`: {text}", hint=REFERENCE)
    if fault["type"] == "extra_forbidden":
        return _unknown(sources.get(name, name), name)
    field = _FIELDS[name]
    given = fault["input"]
    shown = f", not `{given}`" if text.startswith("must be") and _is_scalar(given) else ""
    return SettingsError(f"`{sources.get(name, name)}`: {text}{shown}", hint=field.description)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)

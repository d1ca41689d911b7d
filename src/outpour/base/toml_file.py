"""Turns a TOML file that a person wrote into values: bounded in size, with one clear error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from outpour.base.errors import ReadError, SettingsError, reason

__all__ = ["read_toml", "tomllib"]

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BYTES_MAX = 1 << 20


def read_toml(path: Path, *, missing_hint: str, fault_hint: str | None = None) -> dict[str, Any]:
    """Read a settings file.

    Args:
        path: The file.
        missing_hint: What to do when it cannot be read.
        fault_hint: What to do when it is no TOML.

    Raises:
        ReadError: It cannot be read.
        SettingsError: It is too large, or no TOML.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}", hint=missing_hint) from error
    if len(raw) > BYTES_MAX:
        raise SettingsError(f"`{path}`: over {BYTES_MAX} bytes, which is no settings file")
    try:
        return tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"`{path}`: not TOML: {error}", hint=fault_hint) from None

"""Turns a TOML file that a person wrote into values: bounded in size, with one clear error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from outpour.base.errors import ReadError, SettingsError, reason
from outpour.base.text import typed

__all__ = ["read_toml", "tomllib"]

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BYTES_MAX = 1 << 20


def read_toml(
    path: Path, *, missing_hint: str, fault_hint: str | None = None, bytes_max: int = BYTES_MAX
) -> dict[str, Any]:
    """Read a settings file.

    Args:
        path: The file.
        missing_hint: What to do when it cannot be read.
        fault_hint: What to do when it is no TOML.
        bytes_max: How long it may be.

    Raises:
        ReadError: It cannot be read.
        SettingsError: It is too large, or no TOML.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(bytes_max + 1)
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}", hint=missing_hint) from error
    if len(raw) > bytes_max:
        raise SettingsError(f"`{path}`: over {bytes_max} bytes, which is too long")
    try:
        text = typed(raw).decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise SettingsError(f"`{path}`: not TOML: not text in UTF-8", hint="save it as UTF-8")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"`{path}`: not TOML: {error}", hint=fault_hint) from None
    except (ValueError, RecursionError):
        # Numbers of thousands of digits, and lists in lists in lists.
        text = f"`{path}`: not TOML: a number or list in it is beyond all bounds"
        raise SettingsError(text, hint=fault_hint) from None

"""Where a program of this user or service keeps what it must not lose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def default_state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for state: systemd's `StateDirectory=`, else `$XDG_STATE_HOME/outpour`."""
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    base = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "outpour"

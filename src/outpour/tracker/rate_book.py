"""The rates that an administrator changed, on disk: one file beside the state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, reason
from outpour.base.files import write_atomically
from outpour.tracker.rates import is_within

BYTES_MAX = 64 << 10


class RateBook:
    """Rates by name, those alone that are others than the settings have.

    Args:
        path: The file, readable by its owner alone; None keeps nothing, as the state is then.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def read(self) -> dict[str, int]:
        """What was written down.

        Raises:
            ReadError, FormatError: It cannot be read.
        """
        if self.path is None:
            return {}
        try:
            with self.path.open("rb") as stream:
                raw = stream.read(BYTES_MAX + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ReadError(f"`{self.path}`: {reason(error)}") from error
        try:
            if len(raw) > BYTES_MAX:
                raise ValueError
            rates = dict(json.loads(raw)["rates"])
            if not all(is_within(name, value) for name, value in rates.items()):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FormatError(f"`{self.path}`: not the rates of an administrator") from None
        return rates

    def write(self, rates: Mapping[str, int]) -> None:
        """Write rates down; this waits for the disk, and may run in a thread.

        Raises:
            WriteError: The file is as it was.
        """
        if self.path is not None:
            raw = json.dumps({"rates": dict(sorted(rates.items()))}) + "\n"
            write_atomically(self.path, raw.encode(), is_private=True)


def book_path(state: Path | None) -> Path | None:
    """Where the rates of a tracker lie, by its state file."""
    return None if state is None else state.with_name(f"{state.name}.rates")

"""The key list on disk, changed as a whole: a reader sees the old list or the new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, UsageError, WriteError, reason
from outpour.base.files import write_atomically
from outpour.base.text import typed
from outpour.tracker.lists.passkey import Key, parse_keys, read_line

BYTES_MAX = 16 << 20
"""100,000 keys with their labels; the tracker reads longer lists, which programs make."""


class KeyFile:
    """A key list.

    Several programs may change it at once: each waits for the others. What it holds beside keys,
    comments and bad lines, stays as it is.

    Args:
        path: The file. A new one is for its owner alone; one that is there loses what all others
            may do with it, and keeps owner and group.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def keys(self) -> tuple[Key, ...]:
        """The keys, in the order of the file.

        Raises:
            ReadError: It cannot be read.
        """
        found: dict[str, Key] = {}
        for line in self._lines(self._read()):
            key = _key(line)
            if key is not None:
                found.setdefault(key.secret, key)
        return tuple(found.values())

    def add(self, keys: Iterable[Key]) -> None:
        """Put keys at the end, making the file if it is not there.

        Raises:
            ReadError, WriteError: Nothing was changed.
        """
        with self._locked():
            raw = self._read() if self.path.exists() else b""
            if raw and not raw.endswith(b"\n"):
                raw += b"\n"
            raw += "".join(f"{key.line}\n" for key in keys).encode()
            write_atomically(self.path, raw, is_private=True)

    def revoke(self, names: Sequence[str]) -> tuple[Key, ...]:
        """Take keys out by id, label or by themselves; returns them.

        Raises:
            ReadError, WriteError: Nothing was changed.
            UsageError: There is no such key, or more than one has this label; nothing was changed.
        """
        with self._locked():
            raw = self._read()
            keys = [key for key in map(_key, self._lines(raw)) if key is not None]
            secrets = {_named(name, keys, self.path).secret for name in names}
            kept = [line for line in self._lines(raw) if _secret(line) not in secrets]
            write_atomically(self.path, "".join(kept).encode(errors=_LOSSLESS), is_private=True)
        gone: dict[str, Key] = {}
        for key in keys:
            if key.secret in secrets:
                gone.setdefault(key.secret, key)
        return tuple(gone.values())

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as stream:
                raw = stream.read(BYTES_MAX + 1)
        except OSError as error:
            raise ReadError(
                f"`{self.path}`: {reason(error)}", hint="`outpour key make` makes a key list"
            ) from error
        if len(raw) > BYTES_MAX:
            raise FormatError(f"`{self.path}`: over {BYTES_MAX} bytes, too long to be changed here")
        raw = typed(raw)
        if raw.strip() and not any(parse_keys(raw)[0]) and parse_keys(raw)[1]:
            raise FormatError(f"`{self.path}`: not a key list", hint="is it the right file?")
        return raw

    @staticmethod
    def _lines(raw: bytes) -> list[str]:
        return raw.decode("utf-8", _LOSSLESS).splitlines(keepends=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if os.name == "nt":
            yield  # where a folder is not opened, and no tracker runs
            return
        # The folder is locked and not the file, which is another one after each change.
        folder = Path(os.path.realpath(self.path)).parent
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise WriteError(
                f"`{self.path}`: {reason(error)}",
                hint=f"make the folder first: mkdir -p '{folder}'",
            ) from error
        try:
            import fcntl  # not at the top, where the help of `outpour` would miss it on Windows

            # File systems without locks are not for several writers anyway.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


_LOSSLESS = "surrogateescape"


def _key(line: str) -> Key | None:
    try:
        return read_line(line)
    except ValueError:
        return None


def _secret(line: str) -> str | None:
    key = _key(line)
    return None if key is None else key.secret


def _named(name: str, keys: Collection[Key], path: Path) -> Key:
    for key in keys:
        if name in (key.id, key.secret):
            return key
    found = {key.secret: key for key in keys if key.label == name}
    if len(found) > 1:
        ids = ", ".join(sorted(key.id for key in found.values())[:5])
        raise UsageError(f"`{name}`: {len(found)} keys have this label", hint=f"name one: {ids}")
    if not found:
        raise UsageError(
            f"`{path}`: has no key of this id or label", hint="`outpour key list` shows them"
        )
    return next(iter(found.values()))

"""The faults a user can meet, each with its exit code and the way out.

    OutpourError                    1  failed
    ├── UsageError                  2  the command line asks for something impossible
    ├── SettingsError               3  a setting is unknown, malformed or out of bounds
    ├── ReadError                   4  a file, folder or state cannot be read
    │   └── FormatError             4  it was read, and is not what it should be
    │       ├── BencodeError        4
    │       ├── MetainfoError       4
    │       └── MagnetError         4
    ├── WriteError                  5  a file or folder cannot be written
    │   └── NoRoomError             5  its disk is full
    ├── VerificationError           6  content differs from its torrent
    └── NetworkError                7  a socket, tracker, peer or web seed failed
        └── TrackerRefused          7  the tracker answered with a failure reason

Messages read `object: what is wrong`, name things in backticks and end without a full stop.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_OK = 0
EXIT_INTERRUPTED = 130


class OutpourError(Exception):
    """A fault that a user can act on.

    Attributes:
        message: One sentence, `object: what is wrong`.
        hint: The command, flag or change that mends it, or None.
        exit_code: What the process exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OutpourError):
    """The command line asks for something impossible."""

    exit_code = 2


class SettingsError(OutpourError):
    """A setting is unknown, malformed or out of bounds."""

    exit_code = 3


class ReadError(OutpourError):
    """A file, folder or state cannot be read."""

    exit_code = 4


class FormatError(ReadError):
    """What was read is not what it should be."""


class BencodeError(FormatError):
    """Bytes are not canonical bencode (BEP 3).

    Attributes:
        offset: Where reading stopped, in bytes from the start.
    """

    def __init__(self, message: str, *, offset: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.offset = offset


class MetainfoError(FormatError):
    """A .torrent is well-formed bencode and still not a torrent.

    Attributes:
        field: The offending key as a dotted path, such as `info.files[3].path`.
    """

    def __init__(self, message: str, *, field: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.field = field


class MagnetError(FormatError):
    """A text is not a magnet link (BEP 9)."""


class WriteError(OutpourError):
    """A file or folder cannot be written."""

    exit_code = 5


class NoRoomError(WriteError):
    """A disk has no room for what is to be written."""


class VerificationError(OutpourError):
    """Content differs from its torrent."""

    exit_code = 6


class NetworkError(OutpourError):
    """A socket, tracker, peer or web seed failed."""

    exit_code = 7


class TrackerRefused(NetworkError):
    """A tracker answered with a failure reason (BEP 3) or an error packet (BEP 15)."""


def reason(error: OSError) -> str:
    """Say an operating system error in lower case, without number or path.

    Example:
        >>> reason(FileNotFoundError(2, "No such file or directory"))
        'no such file or directory'
    """
    text = error.strerror or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]

"""What the head of an answer says: which part of a file comes, how, and when to ask again."""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from outpour.base.errors import NetworkError

INTERIM_MAX = 50
"""Answers that say only that another follows (RFC 9110, section 15.2)."""
CHUNK_MAX = 1 << 62
"""Bytes that a chunk may say it has; more fits into no number of the system."""
_NUMBER = "[0-9]{1,19}"
"""Of bytes; what is longer is no length of a file."""
_PART = re.compile(rf"bytes[ =]\s*(?:({_NUMBER})\s*-\s*{_NUMBER}|\*)\s*/\s*({_NUMBER}|\*)\Z", re.I)
_LENGTH = re.compile(rf"{_NUMBER}\Z")


class Answer(http.client.HTTPResponse):
    """An answer after all that only said that it would follow."""

    def _read_status(self) -> Any:  # noqa: ANN401 - as it is there
        # `http.client` skips 100 alone, and however many of them come.
        for _ in range(INTERIM_MAX):
            found = super()._read_status()  # type: ignore[misc]
            if not 100 <= found[1] < 200 or found[1] == http.client.SWITCHING_PROTOCOLS:
                return found
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("it only says that an answer will follow")

    def _read_next_chunk_size(self) -> int:
        # `http.client` takes a chunk of -1 bytes for all that comes, however much that is.
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if not 0 <= size <= CHUNK_MAX:
            raise http.client.HTTPException("a chunk of no length that there is")
        return size


@dataclass(frozen=True, slots=True)
class Part:
    """What `Content-Range` says (RFC 9110, section 14.4).

    Attributes:
        first: The first byte that comes, None where nothing of the file does.
        total: Bytes of the whole file, None where that is not known.
    """

    first: int | None
    total: int | None


def part_of(headers: Message) -> Part | None:
    """Read which part of a file comes; None where the answer does not say so."""
    match = _PART.match(headers.get("Content-Range", "").strip())
    if match is None:
        return None
    return Part(*(None if one in (None, "*") else int(one) for one in match.groups()))


def length_of(headers: Message) -> int | None:
    """Read `Content-Length`; None where there is none that can be meant."""
    match = _LENGTH.match(headers.get("Content-Length", "").strip())
    return int(match[0]) if match else None


def check_is_raw(url: str, headers: Message) -> None:
    """Refuse an answer whose bytes are not those of the file.

    Raises:
        NetworkError: It is compressed.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        encoding = headers.get("Transfer-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "chunked"):
        raise NetworkError(
            f"`{url}`: the server sends it compressed ({encoding[:20]}), and not as it is",
            hint="a web seed has to send the bytes themselves; turn compression off for this file",
        )


def wait_of(headers: Message) -> float:
    """Seconds after which a server wants to be asked again, 0 where it does not say."""
    said = headers.get("Retry-After", "").strip()
    if _LENGTH.match(said):
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return 0.0

"""Turns bencode (BEP 3) into plain values and back; what the values mean is left to the callers.

Reading and writing are loops, not recursion, so that no nesting can exhaust the stack.
Readers of the wild disagree on malformed input, which is how one file gets two infohashes; so
only what they agree on is let pass, and only with `strict=False`: unsorted keys, and bytes after
the end. Repeated keys, leading zeros, `-0`, signs and spaces are refused.
"""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, TypeAlias, Union

from outpour.base.errors import BencodeError
from outpour.base.units import MIB

Value: TypeAlias = Union[int, bytes, "list[Value]", "dict[bytes, Value]"]
Encodable: TypeAlias = Union[
    int, bytes, str, "Sequence[Encodable]", "Mapping[bytes, Encodable]", "Mapping[str, Encodable]"
]

INTEGER_MIN = -(1 << 63)
INTEGER_MAX = (1 << 63) - 1

LENGTH_DIGITS_MAX = 12
NAMES_KEPT = 256
"""Different keys remembered while reading; a torrent has some 30 and a v2 tree any number."""
COLLECTOR_PAUSED_FROM = MIB

INTEGER_DIGITS = 19
_NOTHING = -1
_ZERO, _NINE, _COLON = b"09:"
_INTEGER_MARK, _LIST_MARK, _DICTIONARY_MARK, _END_MARK = b"ilde"
_INTEGER = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")
_ANY_INTEGER = re.compile(rb"i(-?[0-9]{1,4000})e")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader spends at most on one input.

    Attributes:
        depth: Lists and dictionaries inside each other.
        length: Bytes of the whole input.
        tokens: Values and keys together; each costs up to 100 bytes of memory. A torrent has some
            seven a file, so that a million files can be read.
        integer_digits: Of one integer. With more than 19, integers may be of any size and have
            leading zeros.
    """

    depth: int = 64
    length: int = 64 * MIB
    tokens: int = 8_000_000
    integer_digits: int = INTEGER_DIGITS


LIMITS = Limits()


def decode(raw: bytes, *, limits: Limits = LIMITS, strict: bool = True) -> Value:
    """Read one value.

    Args:
        raw: The whole input.
        limits: What to spend at most.
        strict: Refuse dictionaries whose keys are not sorted, and bytes after the end.

    Raises:
        BencodeError: The input is malformed, repeats a key or exceeds a limit.

    Example:
        >>> decode(b"d4:name5:a.iso4:sizei12ee")
        {b'name': b'a.iso', b'size': 12}
    """
    return _Reader(raw, limits, strict).read()


def spans(
    raw: bytes, *, limits: Limits = LIMITS, strict: bool = False
) -> dict[bytes, tuple[int, int]]:
    """Say where the values of the outermost dictionary lie, as (start, end) byte offsets.

    Raises:
        BencodeError: As for `decode`, or the input is not a dictionary.

    Example:
        >>> spans(b"d1:ai1e1:bl1:xee")
        {b'a': (4, 7), b'b': (10, 15)}
    """
    return read_dictionary(raw, limits=limits, strict=strict).spans


class Table(NamedTuple):
    """A dictionary, and what its bytes tell beyond its values.

    Attributes:
        value: What was read.
        spans: Where the values of the outermost dictionary lie, as (start, end) byte offsets.
        unsorted_at: Offset of the first key, of any dictionary, that is out of order; None when
            all are sorted.
        end: Where it ends, in bytes from the beginning of the input.
    """

    value: dict[bytes, Value]
    spans: dict[bytes, tuple[int, int]]
    unsorted_at: int | None
    end: int


def read_dictionary(raw: bytes, *, limits: Limits = LIMITS, strict: bool = True) -> Table:
    """Read a dictionary together with the `spans` of its values, in one pass.

    Raises:
        BencodeError: As for `decode`, or the input is not a dictionary.
    """
    reader = _Reader(raw, limits, strict)
    value = reader.read()
    if not isinstance(value, dict):
        reader.fail("not a dictionary", 0)
    return Table(value, reader.spans, reader.unsorted_at, reader.end)


@contextlib.contextmanager
def collector_paused(length: int) -> Iterator[None]:
    """Keep the cycle collector from walking millions of values while they are made.

    They hold no cycles, and for a large torrent it takes most of the time.

    Args:
        length: Bytes of the input; small ones are not worth it.
    """
    if length < COLLECTOR_PAUSED_FROM or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Reader:
    __slots__ = ("_limits", "_names", "_raw", "_strict", "end", "spans", "unsorted_at")

    def __init__(self, raw: bytes, limits: Limits, strict: bool) -> None:
        self._raw = raw
        self._limits = limits
        self._strict = strict
        self.spans: dict[bytes, tuple[int, int]] = {}
        self.unsorted_at: int | None = None
        self.end = 0
        # The same few keys stand in every file of a torrent; each is kept once.
        self._names: dict[bytes, bytes] = {}

    def fail(self, what: str, offset: int) -> NoReturn:
        raise BencodeError(f"bencode: {what} at byte {offset}", offset=offset)

    def read(self) -> Value:
        if len(self._raw) > self._limits.length:
            self.fail(f"longer than {self._limits.length} bytes", self._limits.length)
        with collector_paused(len(self._raw)):
            return self._read()

    def _read(self) -> Value:
        # A loop with two registers instead of recursion: `table` or `items` is the container
        # being filled, `stack` holds those around it. A large torrent takes millions of turns,
        # so strings, nearly all of what it holds, are read in line.
        raw, end = self._raw, len(self._raw)
        names, tokens = self._names, self._limits.tokens
        stack: list[tuple[dict[bytes, Value] | None, list[Value] | None, bytes | None, int]] = []
        table: dict[bytes, Value] | None = None
        items: list[Value] | None = None
        key: bytes | None = None
        value: Value
        position = opened = 0
        while True:
            start = position
            mark = raw[position] if position < end else _NOTHING
            tokens -= mark != _END_MARK
            if tokens < 0:
                self.fail(f"more than {self._limits.tokens} values", position)
            if _ZERO <= mark <= _NINE:
                colon = raw.find(_COLON, position, position + LENGTH_DIGITS_MAX + 1)
                digits = raw[position:colon]
                if colon < 0 or not digits.isdigit() or (mark == _ZERO and len(digits) > 1):
                    self.fail("malformed string length", position)
                position = colon + 1 + int(digits)
                if position > end:
                    self.fail("string longer than the input", start)
                value = raw[colon + 1 : position]
                if key is None and table is not None:
                    key = names.get(value, value)
                    if len(names) < NAMES_KEPT:
                        names[key] = key
                    if key in table or (table and key < next(reversed(table))):
                        self._note_disorder(key in table, start)
                    continue
            elif mark == _END_MARK and stack:
                if key is not None:
                    self.fail("key without a value", position)
                position, start = position + 1, opened
                value = items if items is not None else table or {}
                table, items, key, opened = stack.pop()
            elif key is None and table is not None and mark != _NOTHING:
                self.fail("key that is not a string", position)
            elif mark == _INTEGER_MARK:
                value, position = self._integer(position)
            elif mark in (_LIST_MARK, _DICTIONARY_MARK):
                if len(stack) >= self._limits.depth:
                    self.fail(f"nested deeper than {self._limits.depth}", position)
                stack.append((table, items, key, opened))
                table, items = (None, []) if mark == _LIST_MARK else ({}, None)
                key, opened, position = None, position, position + 1
                continue
            else:
                self.fail("unexpected end" if mark == _NOTHING else "not a value", position)
            if items is not None:
                items.append(value)
            elif table is not None and key is not None:
                table[key] = value
                if len(stack) == 1:
                    self.spans[key] = (start, position)
                key = None
            else:
                self._finish(position)
                return value

    def _finish(self, position: int) -> None:
        if self._strict and position != len(self._raw):
            self.fail("bytes after the end", position)
        self.end = position

    def _note_disorder(self, is_repeated: bool, offset: int) -> None:
        if is_repeated:
            self.fail("repeated key", offset)
        if self._strict:
            self.fail("unsorted key", offset)
        if self.unsorted_at is None:
            self.unsorted_at = offset

    def _integer(self, position: int) -> tuple[int, int]:
        digits = self._limits.integer_digits
        is_usual = digits == INTEGER_DIGITS
        match = (_INTEGER if is_usual else _ANY_INTEGER).match(self._raw, position)
        if match is None or len(match[1]) > digits + 1:
            self.fail("malformed integer", position)
        value = int(match[1])
        if is_usual and not INTEGER_MIN <= value <= INTEGER_MAX:
            self.fail("integer of more than 64 bits", position)
        return value, match.end()


class Encoded(bytes):
    """One value that is bencode already, and is put in as it is.

    A list of a million files is large as objects and small as bytes.
    """


_END = object()


def encode(value: Encodable) -> bytes:
    """Write one value in canonical form: keys sorted, text as UTF-8.

    Names that came from file systems keep their bytes (`surrogateescape`).

    Raises:
        TypeError: A value has no form in bencode.
        ValueError: An integer exceeds 64 bits, or a dictionary has a key twice (as text and
            as bytes).

    Example:
        >>> encode({"b": [1, "x"], "a": b""})
        b'd1:a0:1:bli1e1:xee'
    """
    parts: list[bytes] = []
    pending: list[object] = [value]
    while pending:
        item = pending.pop()
        if item is _END:
            parts.append(b"e")
        elif isinstance(item, Encoded):
            parts.append(item)
        elif isinstance(item, bytes):
            parts.append(b"%d:%b" % (len(item), item))
        elif isinstance(item, str):
            pending.append(_as_bytes(item))
        elif isinstance(item, int):
            if not INTEGER_MIN <= item <= INTEGER_MAX:
                raise ValueError(f"{item} exceeds 64 bits")
            parts.append(b"i%de" % item)
        elif isinstance(item, (dict, Mapping)):
            parts.append(b"d")
            pending.append(_END)
            pairs = {_as_bytes(key): content for key, content in item.items()}
            if len(pairs) != len(item):
                raise ValueError("a key is there twice")
            for key in sorted(pairs, reverse=True):
                pending += (pairs[key], key)
        elif isinstance(item, (list, tuple)):
            parts.append(b"l")
            pending.append(_END)
            pending.extend(reversed(item))
        else:
            raise TypeError(f"{type(item).__name__} has no form in bencode")
    return b"".join(parts)


def _as_bytes(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    raise TypeError(f"{type(text).__name__} cannot be a key")

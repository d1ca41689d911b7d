"""Reads rows straight from the pages of an SQLite file, however damaged the file is.

A damaged root or schema makes all rows unreachable for SQLite, though they are there. Here every
page is looked at by itself, and whatever looks like a row is given out: of pages that are no longer
in use, too, so the caller must know a good row from a bad one, and a late one from an early one.

What is read (https://sqlite.org/fileformat2.html), of pages that hold rows:

    file    header: 0-15 magic, 16-17 page size (1 is 65536), 20 bytes unused at the end of a page
    log     32 bytes of header, then frames of 24 bytes of header and a page
    page    0 type, 3-4 number of cells, then from 8 (leaf) or 12 on 2 bytes for the place of each
            cell; on the first page all that begins at 100. Without rowid a table has leaves (0x0a)
            and interior pages (0x02), with one it has its rows on leaves alone (0x0d)
    cell    interior only: 4 bytes; varint length of the record; varint rowid if there is one;
            record; 4 bytes number of the page where the rest is, if it does not fit
    record  varint length of its header; a varint for each value's type; the values
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Value = int | str | bytes | float | None

PAGE_BYTES_DEFAULT = 4096
LOG_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
COLUMNS_MAX = 16
RECORD_BYTES_MAX = 1 << 20
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_LEAF, _INTERIOR, _LEAF_OF_ROWIDS = 0x0A, 0x02, 0x0D


def rows_of_file(raw: bytes) -> Iterator[Sequence[Value]]:
    """Everything in a database file that looks like a row.

    A rowid is the value of a column before all others that says nothing. Rows with one that do not
    fit their page are left out: none of them is worth it.
    """
    # The header may be what is damaged, and a row of another layout is none.
    unused = {0, raw[20] if len(raw) > 20 and raw[20] < 32 else 0}
    for size in _page_sizes(int.from_bytes(raw[16:18], "big")):
        for at_end in unused:
            yield from _rows_of_pages(raw, size, at_end)


def _rows_of_pages(raw: bytes, size: int, unused: int) -> Iterator[Sequence[Value]]:
    def page_of(number: int) -> bytes:
        return raw[(number - 1) * size : number * size]

    for number in range(1, -(-len(raw) // size) + 1):
        yield from _rows(page_of(number), page_of, unused, 100 if number == 1 else 0)


def rows_of_log(raw: bytes) -> Iterator[Sequence[Value]]:
    """Everything in a write-ahead log that looks like such a row."""
    for size in _page_sizes(int.from_bytes(raw[8:12], "big")):
        yield from _rows_of_frames(raw, size)


def _rows_of_frames(raw: bytes, size: int) -> Iterator[Sequence[Value]]:
    step = FRAME_HEADER_BYTES + size
    frames = range(LOG_HEADER_BYTES, len(raw), step)
    # Rests of long rows lie on other frames; they are found by the number of their page.
    places = {int.from_bytes(raw[at : at + 4], "big"): at for at in frames}

    def page_of(number: int) -> bytes:
        at = places.get(number, len(raw))
        return raw[at + FRAME_HEADER_BYTES : at + step]

    for at in frames:
        page = raw[at + FRAME_HEADER_BYTES : at + step]
        is_first = int.from_bytes(raw[at : at + 4], "big") == 1
        yield from _rows(page, page_of, 0, 100 if is_first else 0)


def _page_sizes(stated: int) -> set[int]:
    size = 65_536 if stated == 1 else stated
    is_good = 512 <= size <= 65_536 and size & (size - 1) == 0
    return {size if is_good else PAGE_BYTES_DEFAULT, PAGE_BYTES_DEFAULT}


def _rows(
    page: bytes, page_of: Callable[[int], bytes], unused: int, begin: int
) -> Iterator[Sequence[Value]]:
    kind = page[begin] if begin < len(page) else 0
    if kind not in (_LEAF, _INTERIOR, _LEAF_OF_ROWIDS) or len(page) < 512:
        return
    places = begin + (12 if kind == _INTERIOR else 8)
    usable = len(page) - unused
    count = min(_number(page, begin + 3, 2), (usable - places) // 2)
    for cell in range(count):
        at = _number(page, places + 2 * cell, 2)
        try:
            if kind == _LEAF_OF_ROWIDS:
                row = _row_with_id(page, at, usable)
            else:
                at += 4 * (kind == _INTERIOR)
                row = _values(_payload(page, at, page_of, usable))
        except (IndexError, ValueError):
            continue
        if row:
            yield row


def _row_with_id(page: bytes, at: int, usable: int) -> list[Value]:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if length > usable - 35:
        raise ValueError("does not fit its page")
    row = _values(_piece(page, at, length))
    return [rowid, *row[1:]] if row and row[0] is None else row


def _payload(page: bytes, at: int, page_of: Callable[[int], bytes], usable: int) -> bytes:
    """The record of a cell, with what lies on other pages."""
    length, at = _varint(page, at)
    if length > RECORD_BYTES_MAX:
        raise ValueError("too long")
    most = (usable - 12) * 64 // 255 - 23
    if length <= most:
        return _piece(page, at, length)
    least = (usable - 12) * 32 // 255 - 23
    local = least + (length - least) % (usable - 4)
    local = local if local <= most else least
    record = bytearray(_piece(page, at, local))
    following = _number(page, at + local, 4)
    while len(record) < length:
        # A chain is as long as its record, so one in a circle ends, too.
        rest = page_of(following) if following else b""
        piece = rest[4 : min(usable, 4 + length - len(record))]
        if not piece:
            raise ValueError("cut short")
        record += piece
        following = _number(rest, 0, 4)
    return bytes(record)


def _values(record: bytes) -> list[Value]:
    header, at = _varint(record, 0)
    if not at < header <= len(record):
        raise ValueError("no header")
    types = []
    while at < header:
        kind, at = _varint(record, at)
        types.append(kind)
        if len(types) > COLUMNS_MAX:
            raise ValueError("too many columns")
    values = []
    for kind in types:
        value, at = _value(record, kind, at)
        values.append(value)
    return values


def _value(record: bytes, kind: int, at: int) -> tuple[Value, int]:
    if kind < len(_INTEGER_BYTES):
        size = _INTEGER_BYTES[kind]
        piece = _piece(record, at, size)
        return (int.from_bytes(piece, "big", signed=True) if kind else None), at + size
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise ValueError("a type that is not used here")
    size = (kind - 12) // 2
    piece = _piece(record, at, size)
    return (piece if kind % 2 == 0 else piece.decode("utf-8", "replace")), at + size


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = raw[at]
        at += 1
        if place == 8:
            return value << 8 | byte, at
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, at


def _number(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(_piece(raw, at, size), "big")


def _piece(raw: bytes, at: int, size: int) -> bytes:
    piece = raw[at : at + size]
    if len(piece) != size:
        raise ValueError("beyond the end")
    return piece

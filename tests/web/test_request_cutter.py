"""Cutting a connection's bytes into requests, wherever packets cut them."""

from __future__ import annotations

import pytest

from outpour.web.request_cutter import RequestCutter

FIRST = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\n"
LAX = b"GET /c HTTP/1.1\nHost: x\n\n"


def cut(stream: bytes, size: int) -> list[bytes]:
    """The requests in a stream that comes in pieces of this size, each with its body."""
    cutter = RequestCutter()
    found = [b""]
    for at in range(0, len(stream), size):
        cutter.add(stream[at : at + size])
        while part := cutter.take():
            found[-1] += part
            if found[-1] == POST:
                cutter.expect_body(5)
            elif found[-1].endswith((b"\r\n\r\n", b"\n\n", b"12345")):
                found.append(b"")
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 1000])
def test_requests_are_told_apart_wherever_packets_end(size: int):
    stream = FIRST + POST + b"12345" + LAX + b"\r\n\r\n" + FIRST
    assert cut(stream, size) == [FIRST, POST + b"12345", LAX, FIRST, b""]


def test_what_is_not_taken_is_there_for_the_next_one():
    cutter = RequestCutter()
    cutter.add(FIRST + b"GET /announce")
    assert cutter.take() == FIRST
    assert len(cutter) == 13
    cutter.add(b" HTTP/1.1")
    assert cutter.rest() == b"GET /announce HTTP/1.1"
    assert cutter.take() == b""


def test_a_body_without_a_length_takes_all_that_comes():
    cutter = RequestCutter()
    cutter.add(POST + b"chunk")
    cutter.take()
    cutter.expect_body(None)
    assert cutter.take() == b"chunk"
    cutter.add(FIRST)
    assert cutter.take() == FIRST
    assert len(cutter) == 0

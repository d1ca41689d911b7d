"""What `outpour publish` says, from the events of a publisher."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from outpour.cli.shared.alike_lines import LINES_MAX
from outpour.cli.shared.env import Env
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.publish_lines import PublishLines
from outpour.publisher import publish_events

FLAGS = frozenset({"--exclude", "--symlinks"})


class Said:
    """Lines, and what was written of them."""

    def __init__(self) -> None:
        self.err = io.StringIO()
        env = Env(io.BytesIO(), io.StringIO(), self.err, True, False, False)
        self.lines = PublishLines(Printer(env), FLAGS)
        self.lines(publish_events.Serving("http://h:1/", "http://h:1/", Path("/state"), 6881))

    @property
    def text(self) -> str:
        return self.err.getvalue()


@pytest.fixture
def said() -> Said:
    return Said()


def published(number: int) -> publish_events.Published:
    return publish_events.Published(f"f{number}", 1024, 1, bytes(20), False)


def test_the_address_stands_in_the_last_line_of_a_start_with_many_torrents(said: Said):
    for number in range(1000):
        said.lines(published(number))
        if number % 100 == 49:
            said.lines(publish_events.Waiting(number + 1, 1000))
            said.lines(publish_events.Turned())
    said.lines(publish_events.Settled(1000, 1000 << 10, 3))
    lines = said.text.splitlines()
    assert "published 550 of 1000 so far" in lines
    # What they come to is told already.
    assert "more torrents" not in said.text
    assert lines[-1] == (
        "ready: http://h:1/ serves 1000 torrents (0.98 MiB), 3 skipped; Ctrl-C ends it"
    )
    assert len(lines) < 40


def test_what_is_refused_alike_is_said_in_one_line_with_examples(said: Said):
    for number in range(161):
        path = f"/content/f{number}"
        said.lines(publish_events.Skipped(f"f{number}", f"`{path}`: a link to nothing", None))
        said.lines(publish_events.Skipped(f"g{number}", f"`{path}`: `/x{number}` is odd", None))
    said.lines(publish_events.Turned())
    more = 161 - LINES_MAX
    assert f"skipped {more} more entries: a link to nothing, such as `f8`, `f9`, `f10`" in said.text
    assert f"skipped {more} more entries: … is odd, such as `g8`, `g9`, `g10`" in said.text


def test_single_events_keep_their_own_lines_and_hints(said: Said):
    skipped = publish_events.Skipped
    said.lines(skipped("a", "`/a`: a link to nothing", "leave it out with `--exclude`"))
    said.lines(skipped("b", "`/b`: not UTF-8", "take it with `--allow names-not-utf8`"))
    said.lines(published(1))
    said.lines(publish_events.Withdrawn("f1", bytes(20), "its content is gone"))
    said.lines(publish_events.Stopped())
    assert "skipped a: `/a`: a link to nothing\nhint: leave it out with `--exclude`\n" in said.text
    # A hint that names what the command does not have helps nobody.
    assert "skipped b: `/b`: not UTF-8\npublished f1 (1 KiB, 1 file, hashed)" in said.text
    assert "withdrawn f1: its content is gone" in said.text
    assert said.text.endswith("stopped; everything is saved\n")


def test_large_content_is_said_to_be_hashed_and_small_is_not(said: Said):
    for done in (0, 1 << 20):
        said.lines(publish_events.Hashing("small", done, 1 << 20))
        said.lines(publish_events.Hashing("large", done, 1 << 30))
    assert said.text.count("hashing large (1 GiB)") == 1
    assert "small" not in said.text

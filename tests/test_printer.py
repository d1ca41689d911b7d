import io
import json
import re

import pytest

from outpour.cli.shared import printer as module
from outpour.cli.shared.env import Env
from outpour.cli.shared.printer import Printer


@pytest.fixture
def terminal():
    """A printer whose stderr is a terminal."""
    out, err = io.StringIO(), io.StringIO()
    env = Env(io.BytesIO(), out, err, is_terminal=True, color_out=False, color_err=False)
    return Printer(env)


def test_short_work_draws_no_bar(terminal, monkeypatch):
    # However busy the machine is, that is shorter.
    monkeypatch.setattr(module, "PROGRESS_AFTER_S", 600.0)
    with terminal.progress("hashing") as report:
        report(1, 2)
        report(2, 2)
    assert terminal.env.stderr.getvalue() == ""


def test_long_work_draws_a_bar_with_rate_and_time_left(terminal, monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_AFTER_S", 0.0)
    monkeypatch.setenv("COLUMNS", "120")
    with terminal.progress("hashing") as report:
        report(0, 4 << 20)
        report(1 << 20, 4 << 20)
    drawn = terminal.env.stderr.getvalue()
    assert "hashing" in drawn
    assert "1.0/4.0 MiB" in drawn
    assert re.search(r"\d [KMGT]iB/s", drawn)
    assert re.search(r"\d:\d\d:\d\d|-:--:--", drawn)
    assert terminal.env.stdout.getvalue() == ""


@pytest.fixture
def pipe():
    return Printer(Env(io.BytesIO(), io.StringIO(), io.StringIO(), False, False, False))


def test_a_line_now_and_then_tells_a_pipe_how_far_long_work_is(pipe, monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_LINE_S", 0.0)
    with pipe.progress("hashing a\x1bb") as report:
        report(1 << 20, 4 << 20)
        report(4 << 20, 4 << 20)
    first, last = pipe.env.stderr.getvalue().splitlines()
    assert re.match(r"hashing a\\x1bb: 25 %, 1 MiB of 4 MiB, [\d.]+ [KMGT]?i?B/s\Z", first)
    assert "100 %" in last
    assert pipe.env.stdout.getvalue() == ""


def test_short_work_tells_a_pipe_nothing_and_no_bar_is_drawn_there(pipe, monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_AFTER_S", 0.0)
    monkeypatch.setattr(module, "PROGRESS_LINE_S", 600.0)
    with pipe.progress("hashing") as report:
        report(1, 2)
        report(0, 0)
    assert pipe.env.stderr.getvalue() == ""


def test_json_is_readable_and_holds_no_control_characters(terminal):
    value = {"name": "ü\x1b\x7f\x9b\u202e\udce9"}
    terminal.json(value)
    text = terminal.env.stdout.getvalue()
    assert "ü" in text
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == value


def test_styles_show_only_where_colour_is_wanted():
    for color, shown in ((False, "ab"), (True, "\x1b[1ma\x1b[0mb")):
        out = io.StringIO()
        env = Env(io.BytesIO(), out, io.StringIO(), False, color, color)
        Printer(env).data(("bold", "a"), "b")
        assert out.getvalue() == f"{shown}\n"


@pytest.mark.parametrize("is_json", [False, True])
def test_what_is_told_of_a_url_leaves_its_login_out(pipe, is_json):
    pipe.is_json = is_json
    pipe.note("`http://me:s3cret@h:1/a@b`: connection refused")
    pipe.error("`redis://:s3cret@h/0`: timed out", "ask `udp://s3cret@h` again")
    pipe.talk("`http://h/?mail=me@example.org`, me@example.org")
    told = pipe.env.stderr.getvalue()
    assert "s3cret" not in told
    for left in ("http://h:1/a@b", "redis://h/0", "udp://h", "http://h/?mail=me@example.org"):
        assert left in told

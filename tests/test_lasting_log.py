"""Logs fail, service goes on: a full disk, a reader that has gone away, one that does not read."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.base.lasting_stream import WAITING_MAX, LastingStream
from tests.conftest import BIN
from tests.free_ports import free_port
from tests.waiting import wait_for

HASH = b"h" * 20


def missing(count, why):
    return f"{count} missing: {why}\n"


class Served:
    """A command at a known port, with streams that fail."""

    def __init__(self, *words, **streams):
        self.port = free_port()
        program = words[0] if words[0] == "sh" else BIN / words[0]
        if program != "sh" and not Path(program).exists():
            pytest.skip(f"{words[0]} is not installed")
        where = (
            ("--port", str(self.port), "--bind", "127.0.0.1")
            if words[0] == "bttrack"
            else ("--listen", f"127.0.0.1:{self.port}")
        )
        self.process = subprocess.Popen([program, *map(str, words[1:]), *where], **streams)
        wait_for(self.answers, what="answer")

    def answers(self):
        assert self.process.poll() is None, self.process.returncode
        try:
            return self.get("/healthz") == 200
        except OSError:
            return False

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def download(self, number):
        for left, event in ((9, "started"), (0, "completed")):
            status = self.get(
                f"/announce?info_hash={quote(HASH)}&peer_id=-AA0000-{number:012}&uploaded=0"
                f"&downloaded=0&port={20_000 + number}&left={left}&event={event}"
            )
            assert status == 200

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


COMMANDS = {
    "track": ("outpour", "track", "--open", "--workers", "1", "--state", "state/s.sqlite"),
    "publish": ("outpour", "publish", "content", "--state", "state", "--no-seed"),
    "bttrack": ("bttrack", "--dfile", "dfile"),
    "bttrack with a log": ("bttrack", "--dfile", "dfile", "--logfile", "/dev/full"),
}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "a.txt").write_text("content")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        *((command, fault) for command in COMMANDS for fault in ("full", "gone")),
        ("track", "closed"),
        ("track", "silent"),
    ],
)
def test_a_service_whose_log_cannot_be_written_serves_on_and_ends_well(place, command, fault):
    reader, writer = os.pipe()
    streams: dict[str, object] = {"stdout": writer, "stderr": writer, "cwd": place}
    if fault == "full":
        full = os.open("/dev/full", os.O_WRONLY)
        streams |= {"stdout": full, "stderr": full}
    words = COMMANDS[command]
    if fault == "closed":
        # As a service manager starts what it has no log for.
        words = ("sh", "-c", 'exec "$0" "$@" >&- 2>&-', str(BIN / words[0]), *words[1:])
    served = Served(*words, **streams)
    try:
        if fault == "gone":
            os.close(reader)
            os.close(writer)
        for number in range(20):
            if command != "publish":
                served.download(number)
        assert served.get("/healthz") == 200
        assert served.end() == 0
    finally:
        served.process.kill()
        served.process.wait()


def test_what_was_left_out_is_said_once_there_is_room(tmp_path):
    target = tmp_path / "log"
    full = os.open("/dev/full", os.O_WRONLY)
    stream = LastingStream(full, missing)
    stream.write("one\ntwo\n")
    stream.write("three\n")
    wait_for(lambda: stream._lost == 3)
    with target.open("wb") as file:
        os.dup2(file.fileno(), full)
    stream.write("four\n")
    stream.close()
    assert target.read_text() == "3 missing: no space left on device\nfour\n"
    os.close(full)


def test_a_reader_that_does_not_read_holds_nobody_up_and_is_told_what_it_missed():
    reader, writer = os.pipe()
    stream = LastingStream(writer, missing)
    count = WAITING_MAX + 3000
    for number in range(count):
        stream.write(f"{number:0100}\n")
    assert stream._lost > 0
    read = lost = 0
    with os.fdopen(reader, "r") as lines:
        while read + lost < count:
            line = lines.readline()
            if "missing: nobody reads fast enough" in line:
                lost += int(line.split()[0])
            else:
                read += 1
    assert read >= WAITING_MAX
    assert lost > 0
    stream.close()
    os.close(writer)


def test_a_line_that_was_cut_short_does_not_run_into_the_next_one(tmp_path):
    """The disk is full in the middle of a line: here, a file may be no longer than 10 bytes."""
    code = (
        "import os, resource, signal, sys\n"
        "from outpour.base.lasting_stream import LastingStream\n"
        "from tests.waiting import wait_for\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))\n"
        "number = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600)\n"
        "stream = LastingStream(number, lambda count, why: f'{count} missing\\n')\n"
        "stream.write('a line that is too long\\n')\n"
        "wait_for(lambda: stream._lost)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "stream.write('next\\n'); stream.close()\n"
    )
    target = tmp_path / "log"
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", code, str(target)], check=True, cwd=root)
    assert target.read_text() == "a line tha\n1 missing\nnext\n"


def test_a_log_that_cannot_be_opened_again_is_written_on(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    words = (
        "bttrack",
        "--dfile",
        tmp_path / "dfile",
        "--logfile",
        folder / "log",
        "--hupmonitor",
        "1",
    )
    served = Served(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        folder.rename(tmp_path / "moved")
        served.process.send_signal(signal.SIGHUP)
        assert served.process.stderr is not None
        line = ""
        while "writing on" not in line:
            line = served.process.stderr.readline()
        served.download(1)
        assert served.end() == 0
        assert "GET /announce" in (tmp_path / "moved" / "log").read_text()
        served.process.stderr.close()
    finally:
        served.process.kill()
        served.process.wait()

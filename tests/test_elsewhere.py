"""Other systems than Linux: torrents are made, shown, edited and verified; trackers are not run."""

import subprocess
import sys

import pytest

ELSEWHERE = """
import sys, types
from outpour import _core

# As the core is built where there is no epoll, and Python where there is no fcntl.
rest = types.ModuleType("outpour._core")
for name in set(_core.__all__) - {"Ledger", "Logged", "Snapshot", "Tracker"}:
    setattr(rest, name, getattr(_core, name))
sys.modules["outpour._core"] = sys.modules["outpour"]._core = rest
sys.modules["fcntl"] = None

from outpour.cli import main
from outpour.cli.classic.track import bttrack
tool, words = sys.argv[1], sys.argv[2:]
sys.exit(bttrack(words) if tool == "bttrack" else main([tool, *words]))
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Run a command as on a system that is not Linux."""

    def call(*words):
        command = [sys.executable, "-c", ELSEWHERE, *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, timeout=200, check=False
        )

    return call


def test_torrents_are_made_shown_edited_and_verified_without_a_tracker_in_the_core(
    elsewhere, tmp_path
):
    content = tmp_path / "content"
    (content / "inner" / "deep").mkdir(parents=True)
    (content / "inner" / "deep" / "file").write_bytes(b"x" * 100_000)
    for words in (
        ["create", content, "--format", "hybrid", "-o", "made.torrent"],
        ["show", "made.torrent"],
        ["edit", "made.torrent", "--comment", "elsewhere"],
        ["verify", "made.torrent", content],
        ["magnet", "made.torrent"],
        ["track", "--print-config"],
        ["--help"],
    ):
        done = elsewhere(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert "elsewhere" in elsewhere("show", "made.torrent").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["track", "--listen", "127.0.0.1:0", "--open"],
        ["publish", "."],
        ["bttrack", "--dfile", "dfile", "--port", "0"],
    ],
    ids=lambda words: words[0],
)
def test_a_tracker_says_in_one_line_that_it_needs_linux(elsewhere, words):
    done = elsewhere(*words)
    error, hint = done.stderr.splitlines()[-2:]
    assert (done.returncode, done.stdout) == (2, "")
    assert error == f"error: `{sys.platform}`: a tracker runs on Linux only"
    assert hint.startswith("hint: make, show, edit and verify torrents here")
    assert "Traceback" not in done.stderr


def test_a_tracker_without_a_core_is_refused_as_a_fault_of_ours_to_tell(monkeypatch):
    from outpour import _core
    from outpour.base.errors import UsageError
    from outpour.tracker.core import bind
    from outpour.tracker.settings import TrackerSettings

    monkeypatch.delattr(_core, "Tracker")
    with pytest.raises(UsageError, match="runs on Linux only"):
        bind(TrackerSettings(open=True))


def test_where_libtorrent_is_not_to_be_had_that_is_said_in_one_line(tmp_path):
    program = (
        "import sys; sys.modules['libtorrent'] = None\n"
        "from outpour.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    link = "magnet:?xt=urn:btih:" + "a" * 40 + "&x.pe=127.0.0.1:1"
    done = subprocess.run(
        [sys.executable, "-c", program, "download", link], capture_output=True, text=True,
        cwd=tmp_path, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("error: `libtorrent`: not installed")
    assert done.stderr.splitlines()[1].startswith("hint: ")

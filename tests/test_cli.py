"""The frame: help, version, errors, exit codes, streams."""

import errno
import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import click
import pytest

from outpour.base.errors import OutpourError
from outpour.cli import COMMANDS
from outpour.cli.shared.faults import EXIT_BROKEN_PIPE, guard
from outpour.cli.shared.interrupts import end_at_once

HEAVY = (
    "rich",
    "libtorrent",
    "pydantic",
    "starlette",
    "uvicorn",
    "jinja2",
    "asyncio",
    "sqlite3",
    "importlib.metadata",
    "watchfiles",
)


def imported_by(*words, cwd):
    """The modules that a run of `outpour WORDS` has imported at its end."""
    script = (
        "import sys; from outpour.cli import main; code = main(sys.argv[1:]);"
        "print(*sys.modules, sep='\\n', file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True, text=True, check=False, cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_help_lists_every_command_with_its_sentence(run):
    for words in ((), ("-h",), ("--help",)):
        shown = run(*words)
        assert shown.code == 0
        listed = {line.split()[0] for line in shown.out.split("Commands:")[1].splitlines() if line}
        assert set(COMMANDS) <= listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(run, name):
    for flag in ("-h", "--help"):
        shown = run(name, flag)
        assert shown.code == 0
        assert shown.out.startswith(f"Usage: outpour {name} ")
        assert f"Example:\n  outpour {name} " in shown.out


def test_the_version_is_data(run):
    from outpour._core import __version__

    assert run("--version").out == f"outpour {__version__}\n"


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["shwo"], "`shwo`: no such command", "did you mean `outpour show`?"),
        (["zzz"], "`zzz`: no such command", "`outpour --help` lists them"),
        (["--nope"], "no such option", "`outpour --help` explains it"),
        (["show"], "missing argument `TORRENT...`", "`outpour show --help` explains it"),
        (["show", "--jsn", "x"], "no such option", "did you mean `--json`?"),
        (
            ["publish", "--key-list", "x", "."],
            "no such option",
            "here it is a setting: write `key_list = ...` into the file of `--config`",
        ),
        (["create", "x", "--format", "v3"], "v3", "`outpour create --help` explains it"),
    ],
)
def test_a_wrong_command_line_is_two_lines_and_exit_code_2(run, words, error, hint):
    said = run(*words)
    assert said.code == 2
    assert said.out == ""
    first, second = said.err.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert second == f"hint: {hint}"


def faults(tree=OutpourError):
    for fault in tree.__subclasses__():
        # Those of the classic commands and of servers have a wording and a hint of their own.
        if not fault.__module__.startswith(("outpour.cli.classic", "outpour.client")):
            yield fault
            yield from faults(fault)


@pytest.mark.parametrize("fault", sorted(set(faults()), key=str))
def test_every_fault_has_its_exit_code(capsys, fault):
    from outpour.cli.shared.env import Env
    from outpour.cli.shared.printer import Printer

    extra: Any = {"BencodeError": {"offset": 1}, "MetainfoError": {"field": "x"}}.get(
        fault.__name__, {}
    )

    def fail():
        raise fault("`thing`: is wrong", hint="mend it", **extra)

    assert guard(Printer(Env.of_process({})), fail) == fault.exit_code
    assert capsys.readouterr().err == "error: `thing`: is wrong\nhint: mend it\n"


@pytest.fixture
def failing(run, monkeypatch):
    """Run a command that raises what it is given."""

    def call(error):
        @click.command("fails")
        def command():
            raise error

        monkeypatch.setitem(COMMANDS, "fails", "tests_failing:command")
        module = SimpleNamespace(command=command)
        monkeypatch.setitem(sys.modules, "tests_failing", module)
        return run("fails")

    return call


def test_ctrl_c_is_one_line_and_exit_code_130(failing):
    said = failing(KeyboardInterrupt())
    assert (said.code, said.err.strip()) == (130, "error: interrupted")


def test_a_reader_that_went_away_is_no_news(failing):
    said = failing(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert (said.code, said.err) == (EXIT_BROKEN_PIPE, "")


def test_a_bug_says_that_it_is_one_without_a_traceback(failing, monkeypatch):
    monkeypatch.delenv("OUTPOUR_DEBUG", raising=False)
    said = failing(ZeroDivisionError("oops"))
    assert said.code == 1
    assert said.err.startswith("error: internal: ZeroDivisionError: oops; this is a bug")
    assert "Traceback" not in said.err
    monkeypatch.setenv("OUTPOUR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError("oops"))


def test_an_operating_system_error_names_its_file(failing):
    said = failing(PermissionError(errno.EACCES, "Permission denied", "/some/file"))
    assert (said.code, said.err) == (4, "error: `/some/file`: permission denied\n")


def test_a_full_disk_behind_stdout_is_exit_code_5(classic, outpour):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [outpour, "show", classic / "dir.torrent"],
            stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr == b"error: standard output: no space left on device\n"


def test_a_pipe_closed_early_ends_quietly(classic, outpour):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [outpour, "show", classic / "dir.torrent"],
        stdout=writing, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (EXIT_BROKEN_PIPE, b"")


@pytest.mark.parametrize(
    "words",
    [
        ["show", "t.torrent"],
        ["verify", "t.torrent", "content"],
        ["create", "content", "-o", "t2.torrent"],
        ["--version"],
    ],
)
def test_quick_commands_import_nothing_heavy(tmp_path, run, words):
    content = tmp_path / "content"
    content.mkdir()
    (content / "a").write_bytes(b"a")
    assert run("create", content, "-o", tmp_path / "t.torrent").code == 0
    modules = imported_by(*words, cwd=tmp_path)
    assert not [name for name in HEAVY if name in modules]


def test_a_download_of_what_is_here_imports_nothing_of_servers(tmp_path, run):
    (tmp_path / "a").write_bytes(b"a")
    assert run("create", tmp_path / "a", "-o", tmp_path / "t.torrent").code == 0
    modules = imported_by("download", "t.torrent", "--list", cwd=tmp_path)
    assert "outpour.downloader.followed_sources" in modules
    assert not [name for name in ("http.client", "ssl", "outpour.client") if name in modules]


def test_shells_are_given_completions(outpour):
    words = {"_OUTPOUR_COMPLETE": "bash_complete", "COMP_WORDS": "outpour rea", "COMP_CWORD": "1"}
    done = subprocess.run(
        [outpour], capture_output=True, text=True, check=False, env={**os.environ, **words}
    )
    assert done.stdout.split() == ["plain,reannounce"]


def test_module_and_script_are_the_same_command(spawn):
    script = spawn("outpour", "--version")
    module = spawn("python", "-m", "outpour", "--version")
    assert script == module
    assert script.code == 0


def test_colour_is_for_terminals_and_no_color_forbids_it(run, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" not in run("show", "none").err
    assert "\x1b[31merror:\x1b[0m" in run("show", "none", terminal=True).err
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("show", "none", terminal=True).err


def test_foreign_text_cannot_drive_the_terminal(run):
    said = run("show", "a\x1b[2Jb")
    assert said.err == "error: `a\\x1b[2Jb`: no such file or directory\n"


@pytest.mark.parametrize(
    "words",
    [
        ("show",),
        ("edit", "--comment", "x"),
        ("magnet",),
        ("seed",),
        ("create",),
        ("create", "--from"),
    ],
    ids=" ".join,
)
def test_a_url_of_another_scheme_is_called_that(run, words):
    said = run(*words, "file:///srv/a.torrent")
    assert (said.code, said.err) == (
        2,
        "error: `file:///srv/a.torrent`: no URL that can be read\n"
        "hint: `http://` and `https://` can; name a file of this machine by its path alone\n",
    )


def test_a_file_may_be_called_like_a_url(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file:").mkdir()
    (tmp_path / "file:" / "a").write_bytes(b"content")
    assert run("create", "file://a", "-o", "a.torrent").code == 0


def test_ctrl_c_before_and_after_a_command_ends_the_process_without_a_traceback():
    heard = []

    def call() -> int:
        heard.append(signal.getsignal(signal.SIGINT))
        signal.raise_signal(signal.SIGINT)
        return 0

    class Silent:
        def error(self, *_: object) -> None:
            heard.append(signal.getsignal(signal.SIGINT))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert guard(Silent(), call) == 130  # type: ignore[arg-type]
        assert heard == [signal.default_int_handler] * 2
        end_at_once()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        heard.clear()
        assert guard(Silent(), call) == 130  # type: ignore[arg-type]
        assert heard == [signal.default_int_handler, signal.SIG_DFL]
        # Whoever starts it in the background of a script has it hear nothing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_at_once()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("words", ["outpour.cli main", "outpour.cli.classic.show btshowmetainfo"])
def test_a_process_whose_command_is_done_ends_at_once_by_ctrl_c(words: str):
    module, name = words.split()
    code = f"import signal, {module} as it; it.{name}(); signal.raise_signal(signal.SIGINT)"
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (-signal.SIGINT, False)

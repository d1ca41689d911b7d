"""The programs that outpour is compared with: where they are, and how to get the rest.

Distributions package most of them. Those that are built from source live in a cache outside of
the repository and are found there first: `python bench/tracker.py --install` and the like.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

Command = list[str]

INSTALL_TIMEOUT_S = 1800


def cache() -> Path:
    """Return the folder of programs built for comparison."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "outpour-bench"


def find(name: str) -> Path | None:
    """Return the path of a program: one built for comparison, else one on the PATH."""
    built = cache() / "bin" / name
    if os.access(built, os.X_OK):
        return built
    found = shutil.which(name)
    return Path(found) if found else None


def call(name: str, *arguments: str | Path) -> Command | None:
    """Return the command that runs a program with arguments, or `None` when it is not here."""
    program = find(name)
    return None if program is None else [str(program), *map(str, arguments)]


def loadgen() -> Path:
    """Return the load generator of this repository, as built by cargo for release.

    Raises:
        FileNotFoundError: It is not built.
    """
    return _built("outpour-loadgen", "-p outpour-loadgen")


def store() -> Path:
    """Return the program that measures the swarm store alone; errors as for `loadgen`."""
    return _built("examples/memory", "-p outpour-tracker --example memory")


def together() -> Path:
    """Return the program that measures what a cluster costs a store; errors as for `loadgen`."""
    return _built("examples/cluster", "-p outpour-tracker --example cluster")


def _built(name: str, what: str) -> Path:
    root = Path(__file__).parents[2]
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    path = target / "release" / name
    if not path.exists():
        raise FileNotFoundError(f"`{path}`: run `cargo build --release {what}`")
    return path


def outpour() -> Command:
    """Return the command that runs the outpour of this interpreter's environment."""
    return [sys.executable, "-m", "outpour"]


def why_missing(program: str) -> str:
    """Return why a program is not here, as far as `--install` found out."""
    try:
        return (_reasons() / program).read_text().strip()
    except OSError:
        return "not installed"


def python_cache() -> Path:
    """Return the interpreter of the environment for Python programs under comparison."""
    return cache() / "venv" / "bin" / "python"


def install_crate(name: str, *features: str) -> None:
    """Build a program of the Rust registry into the cache, for this very processor."""
    env = os.environ | {"RUSTFLAGS": "-C target-cpu=native"}
    chosen = ["--no-default-features", "--features", ",".join(features)] if features else []
    _run(["cargo", "install", "--locked", "--root", str(cache()), *chosen, name], env, name)


def install_go(module: str) -> None:
    """Build a program of the Go module proxy into the cache."""
    env = os.environ | {"GOBIN": str(cache() / "bin")}
    _run(["go", "install", module], env, Path(module.partition("@")[0]).name)


def install_python(*names: str) -> None:
    """Install packages into the environment for Python programs under comparison."""
    if not python_cache().exists():
        _run([sys.executable, "-m", "venv", str(cache() / "venv")], dict(os.environ))
    _run([str(python_cache()), "-m", "pip", "install", "--quiet", *names], dict(os.environ), *names)


def run_script(command: Command) -> None:
    """Run a script that builds a program into the cache."""
    _run(command, dict(os.environ))


def _reasons() -> Path:
    return cache() / "missing"


def _run(command: Command, env: dict[str, str], *programs: str) -> None:
    """A peer that cannot be had is left out of the comparison, not an end to it."""
    print("+", *command, file=sys.stderr)
    for program in programs:
        (_reasons() / program).unlink(missing_ok=True)
    try:
        subprocess.run(command, env=env, check=True, timeout=INSTALL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"left out: {error}", file=sys.stderr)
        _reasons().mkdir(parents=True, exist_ok=True)
        for program in programs:
            words = " ".join(Path(word).name if os.sep == word[0] else word for word in command)
            (_reasons() / program).write_text(f"`{words}` failed\n")


def compile_outpour() -> None:
    """Compile outpour's modules, as whoever installs it does.

    A checkout is compiled when it first runs; where the environment forbids to keep the result, at
    every start, which takes a third of it.
    """
    source = Path(__file__).parents[2] / "src" / "outpour"
    compileall.compile_dir(source, quiet=1)

"""The rules of STYLE.md that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from outpour import _core

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 500
FUNCTION_LINES_MAX = 60
RUST_LINES_MAX = 700
# Split so that this file does not find itself.
MARKERS = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|dbg!\(")
TEXT = {".py", ".pyi", ".rs", ".toml", ".md", ".html", ".css", ".js", ".txt", ".yml", ""}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False, text=True,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def sources(suffix: str, *folders: str) -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == suffix and path.relative_to(ROOT).parts[0] in folders
    ]


def test_no_source_file_has_grown_out_of_one_noun():
    long = {
        str(path.relative_to(ROOT)): count
        for suffix, limit in ((".py", LINES_MAX), (".rs", RUST_LINES_MAX))
        for path in sources(suffix, "src", "crates")
        if (count := len(path.read_text().splitlines())) > limit
    }
    assert not long


def test_no_function_is_longer_than_a_screen():
    long = []
    for path in sources(".py", "src"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and (node.end_lineno or 0) - body[0].lineno + 1 > FUNCTION_LINES_MAX:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long


def test_no_leftover_markers():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in TEXT and path.name != "Cargo.lock"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if MARKERS.search(line)
    ]
    assert not found


def test_unsafe_code_says_why_it_is_sound():
    bare = []
    for path in sources(".rs", "crates"):
        text = path.read_text()
        if re.search(r"\bunsafe\b", text) and "SAFETY" not in text:
            bare.append(str(path.relative_to(ROOT)))
    assert not bare


def test_every_module_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(".py", "src")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_a_file_name_is_an_address():
    commands = {path.name for path in (ROOT / "src/outpour/cli").glob("*.py")}
    places: dict[str, list[str]] = {}
    for path in tracked():
        where = path.relative_to(ROOT).as_posix()
        is_classic_twin = "/cli/classic/" in where and path.name in commands
        if where.startswith("src/outpour/") and path.stem != "__init__" and not is_classic_twin:
            places.setdefault(path.name, []).append(where)
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_no_two_files_are_twins_that_differ_by_an_ending():
    endings = ("s", "es", "er", "ers", "ed", "ing", "ue", "ring", "file")
    commands = {path.stem for path in (ROOT / "src/outpour/cli").glob("*.py")}
    stems = {path.stem for path in sources(".py", "src")} - commands
    twins = [(stem, stem + end) for stem in stems for end in endings if stem + end in stems]
    assert not twins


def test_the_import_contract_is_short_enough_to_read_as_the_architecture():
    contract = (ROOT / "pyproject.toml").read_text().split('name = "Data flows one way"')[1]
    layers = contract.split("layers = [")[1].split("]")[0]
    assert 0 < layers.count('"outpour.') <= 12


def test_locks_name_versions_and_hashes_and_no_addresses():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        for requirement in re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL):
            assert "--hash=sha256:" in requirement, requirement


def test_tests_let_time_pass_in_one_place_only():
    # `asyncio.sleep(0)` lets others run, and waits for nothing.
    sleep = re.compile(r"\bsleep(?:_until|_ms)?\((?!0\))|Event\(\)\.wait\(\.?\d")
    helpers = {"tests/waiting.py", "crates/tracker/tests/common/mod.rs", "tests/test_tidy.py"}
    found = []
    for path in sources(".py", "tests") + sources(".rs", "crates"):
        name = str(path.relative_to(ROOT))
        text = path.read_text()
        if path.suffix == ".rs" and "tests" not in path.relative_to(ROOT).parts:
            text = text.partition("#[cfg(test)]")[2]
        if name not in helpers and sleep.search(text):
            found.append(name)
    assert not found


def test_the_version_is_the_same_everywhere():
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    version = manifest["workspace"]["package"]["version"]
    assert _core.__version__ == version
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", headings[1])
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()
    for name in (ROOT / "crates").glob("*/Cargo.toml"):
        assert tomllib.loads(name.read_text())["package"]["version"] == {"workspace": True}

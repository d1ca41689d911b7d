"""What is only seeded stays as it is, and what is missing of it stays missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpour.engine import Engine

from .conftest import make_torrent, reach


@pytest.fixture
def content(content: Path) -> Path:
    (content / "docs" / "empty").write_bytes(b"")
    return content


def test_content_that_goes_as_it_is_seeded_is_not_begun_anew(
    content: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of a publisher is unmounted after the last look at it, say."""
    monkeypatch.setattr("outpour.engine.parameters._is_there", lambda _: True)
    metainfo = make_torrent(content)
    content.rename(content.with_name("elsewhere"))
    key = engine.add(metainfo, content.parent, mode="seed")
    reach(engine, key, "seeding", "error")
    engine.flush()
    assert not content.exists()


@pytest.mark.parametrize("trust", [True, False])
def test_missing_content_is_an_error_and_nothing_is_made_of_it(
    content: Path, engine: Engine, *, trust: bool
) -> None:
    metainfo = make_torrent(content)
    content.rename(content.with_name("elsewhere"))
    key = engine.add(metainfo, content.parent, mode="seed", trust=trust)
    reach(engine, key, "error")
    assert not content.exists()


@pytest.mark.parametrize("trust", [True, False])
def test_a_missing_empty_file_is_not_made(content: Path, engine: Engine, *, trust: bool) -> None:
    metainfo = make_torrent(content)
    (content / "docs" / "empty").unlink()
    key = engine.add(metainfo, content.parent, mode="seed", trust=trust)
    reach(engine, key, "seeding")
    assert not (content / "docs" / "empty").exists()

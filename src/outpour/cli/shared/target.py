"""Where a .torrent is written to: a file that is not there, in a folder that is."""

from __future__ import annotations

from glob import escape
from pathlib import Path

from outpour.base.errors import WriteError
from outpour.cli.shared.inputs import STDIO
from outpour.torrent.disk_names import safe_name
from outpour.torrent.paths import COMPONENT_BYTES_MAX


def check_target(target: Path | None, force: bool) -> None:
    """Refuse a place where a .torrent cannot be written: before an hour of hashing, not after it.

    Raises:
        WriteError: A file is there and not to be replaced, or there is no such folder.
    """
    if target is None:
        return
    if target.is_file() and not force:
        raise WriteError(
            f"`{target}`: is already there", hint="`--force` replaces it, `-o` writes elsewhere"
        )
    if not target.parent.is_dir():
        raise WriteError(
            f"`{target}`: its folder is not there",
            hint=f"make it first: mkdir -p '{target.parent}'",
        )


def pattern_of_target(target: Path | None, root: Path) -> tuple[str, ...]:
    """Say how to leave a .torrent out of the content that it is made of.

    Returns:
        A pattern for `globs.matcher` if it lies in that folder, else none.
    """
    if target is None or not root.is_dir():
        return ()
    place, top = target.parent.resolve() / target.name, root.resolve()
    if not place.is_relative_to(top):
        return ()
    # The slash makes it a path and not a name in any folder.
    return (f"/{escape(place.relative_to(top).as_posix())}",)


def torrent_name(name: str) -> str:
    """What the .torrent of content of this name is called; cut where the ending has no room."""
    while len(f"{name}.torrent".encode("utf-8", "surrogateescape")) > COMPONENT_BYTES_MAX:
        name = name[:-1]
    return f"{name}.torrent"


def target_of(output: str | None, name: str, *, force: bool) -> Path | None:
    """Choose the file to write to; None is stdout.

    Args:
        output: A file, a folder, `-` for stdout, or None for the current folder.
        name: What to call the file in a folder; a foreign one is spelt so that it is one name.
        force: Replace what is there.

    Raises:
        WriteError: It is there already, or its folder is not.
    """
    if output == STDIO:
        return None
    target = Path(output if output is not None else ".")
    if target.is_dir():
        target /= torrent_name(safe_name(name))
    check_target(target, force)
    return target

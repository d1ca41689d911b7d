"""The files of a torrent into nested folders to show, cut where a page would grow too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from outpour.web.limits import TREE_DEPTH_MAX, TREE_FILES_MAX
from outpour.web.torrent_facts import Files


@dataclass(slots=True)
class Branch:
    """A folder of the tree.

    Attributes:
        path: Components from the torrent's root.
        length: Bytes of all files below it.
        file_count: Number of files below it.
        folders: Folders in it by name.
        files: Files in it as (name shown, path, bytes).
    """

    path: tuple[str, ...]
    length: int = 0
    file_count: int = 0
    folders: dict[str, Branch] = field(default_factory=dict)
    files: list[tuple[str, tuple[str, ...], int]] = field(default_factory=list)

    @property
    def sorted_folders(self) -> Mapping[str, Branch]:
        """The folders in the order they are shown in."""
        return dict(sorted(self.folders.items(), key=lambda item: item[0].casefold()))


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of a torrent.

    Attributes:
        root: Its root folder.
        left_out: Files that are not shown.
    """

    root: Branch
    left_out: int


def tree_of(files: Files) -> Tree:
    """Arrange at most `TREE_FILES_MAX` files in at most `TREE_DEPTH_MAX` levels of folders."""
    root = Branch(())
    in_order = sorted(files.by_path, key=lambda path: [part.casefold() for part in path])
    for path in in_order[:TREE_FILES_MAX]:
        length = files.by_path[path].length
        branch = root
        depth = min(len(path) - 1, TREE_DEPTH_MAX)
        for level in range(depth):
            _add(branch, length)
            branch = branch.folders.setdefault(path[level], Branch(path[: level + 1]))
        _add(branch, length)
        branch.files.append(("/".join(path[depth:]), path, length))
    return Tree(root, max(0, len(in_order) - TREE_FILES_MAX))


def _add(branch: Branch, length: int) -> None:
    branch.length += length
    branch.file_count += 1

"""The files of a torrent into nested folders to show, cut where a page would grow too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from outpour.web.limits import TREE_DEPTH_MAX, TREE_FILES_MAX
from outpour.web.torrent_facts import Files
from outpour.web.torrents.shown_files import ShownFiles


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file of the tree.

    Attributes:
        name: What is shown.
        path: Components from the torrent's root.
        length: Bytes.
        sha256: In hexadecimal, None if it is not known.
        modified: Unix time in seconds of its last change, None where its content is not here.
    """

    name: str
    path: tuple[str, ...]
    length: int
    sha256: str | None = None
    modified: int | None = None


@dataclass(slots=True)
class Branch:
    """A folder of the tree.

    Attributes:
        path: Components from the torrent's root.
        length: Bytes of all files below it.
        file_count: Number of files below it.
        folders: Folders in it by name.
        files: Files in it.
    """

    path: tuple[str, ...]
    length: int = 0
    file_count: int = 0
    folders: dict[str, Branch] = field(default_factory=dict)
    files: list[Leaf] = field(default_factory=list)

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


def shown_paths(files: Files) -> list[tuple[str, ...]]:
    """The paths of the files that a tree shows, in their order."""
    in_order = sorted(files.by_path, key=lambda path: [part.casefold() for part in path])
    return in_order[:TREE_FILES_MAX]


def tree_of(files: Files, shown: ShownFiles) -> Tree:
    """Arrange at most `TREE_FILES_MAX` files in at most `TREE_DEPTH_MAX` levels of folders."""
    root = Branch(())
    paths = shown_paths(files)
    for path in paths:
        length = files.by_path[path].length
        branch = root
        depth = min(len(path) - 1, TREE_DEPTH_MAX)
        for level in range(depth):
            _add(branch, length)
            branch = branch.folders.setdefault(path[level], Branch(path[: level + 1]))
        _add(branch, length)
        name = "/".join(path[depth:])
        leaf = Leaf(name, path, length, shown.sha256.get(path), shown.modified.get(path))
        branch.files.append(leaf)
    return Tree(root, len(files.by_path) - len(paths))


def _add(branch: Branch, length: int) -> None:
    branch.length += length
    branch.file_count += 1

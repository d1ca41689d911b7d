"""What a publisher put beside its content, for the web: descriptions, checksums, signatures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from outpour.base.text import printable
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.published_view import PublishedView
from outpour.publisher.sidecar_rule import DESCRIPTIONS, README
from outpour.publisher.sidecar_table import SidecarFile, SidecarTable
from outpour.web.contract import ContentRoot
from outpour.web.visitors.beside import About, Sidecar, Writing
from outpour.web.visitors.kept_writings import KeptWritings, read_writing

NAMES_MAX = 2000
"""Names of an entry's folder among which a description is looked for."""


class Told(Protocol):
    """What another publisher tells of torrents, and this one has of it alone.

    Attributes:
        revision: Changes with it.
    """

    revision: int

    def text_tag(self, infohash: bytes) -> str | None:
        """Changes with the description; None where there is none."""

    def text(self, infohash: bytes) -> str | None:
        """The description, as Markdown; this blocks."""

    def sha256(self, infohash: bytes) -> bytes | None:
        """Of the only file of a torrent; None where it is not told, and of a folder."""


class PublishedBeside:
    """Joins published content with the files beside it.

    Args:
        view: Has the content.
        published: What is published.
        table: Has the files.
        folders: The published folders.
        told: What the publisher tells of whose torrents these are; None of a publisher itself.
    """

    def __init__(
        self,
        view: PublishedView,
        published: PublishedTorrents,
        table: SidecarTable,
        folders: Sequence[Path],
        told: Told | None = None,
    ) -> None:
        self._view = view
        self._published = published
        self._table = table
        self._folders = folders
        self._told = told
        self._writings = KeptWritings()
        self._shown: tuple[int, dict[str, tuple[Sidecar, SidecarFile]]] = (-1, {})

    def revision(self) -> object:
        """Changes whenever one of the files comes, goes or changes, or what is told."""
        return self._table.revision, 0 if self._told is None else self._told.revision

    async def about(self, infohash: bytes) -> About:
        """What is said of a torrent."""
        publication = self._published.by_infohash(infohash)
        listed = None if publication is None else publication.entry.listed
        writing = await self._told_of(infohash)
        if listed is not None and listed.text is not None:
            writing = Writing(listed.text, is_markdown=True, is_in_file=False)
        if publication is None:
            return About(writing)
        files = self._files_of(publication)
        if writing is not None:
            return About(writing, self._sidecars_of(files))
        root = self._view.content(infohash)
        texts = [file for file in files if file.belonging.kind == "description"]
        return About(await self._description(publication, texts, root), self._sidecars_of(files))

    async def about_group(self, group: str | None) -> About:
        """What is said of a published folder: the only one, or that of a group."""
        chosen = [
            folder
            for folder in self._folders
            if (len(self._folders) == 1 if group is None else folder.name == group)
        ]
        if not chosen:
            return About()
        files = self._table.of(chosen[0], None)
        texts = [file for file in files if file.belonging.kind == "readme"]
        texts.sort(key=lambda file: file.path.suffix.lower() not in DESCRIPTIONS)
        writing = await self._of_file(texts[0]) if texts else None
        return About(writing, self._sidecars_of([one for one in files if one not in texts[:1]]))

    def checksums(self, infohash: bytes) -> Mapping[tuple[str, ...], str]:
        """The SHA-256 of a torrent's files: that of a single file as it was made, else written."""
        publication = self._published.by_infohash(infohash)
        sha256 = None if publication is None else publication.sha256
        if sha256 is None and self._told is not None:
            sha256 = self._told.sha256(infohash)
        if sha256 is not None:
            return {(): sha256.hex()}
        if publication is None or publication.entry.folder is None:
            return {}
        return self._table.sums(publication.entry.folder, publication.entry.name)

    def sidecars(self) -> Mapping[str, Sidecar]:
        """All files beside content, by what they are called below `/content/`."""
        return {name: sidecar for name, (sidecar, _) in self._names().items()}

    def group_of(self, name: str) -> str | None:
        """The group of what one of them belongs to, None without one."""
        found = self._names().get(name)
        if found is None:
            return None
        file = found[1]
        for owner in file.belonging.owners:
            publication = self._published.at(file.path.parent / owner)
            row = None if publication is None else self._view.row(publication.infohash)
            if row is not None:
                return row.group
        return printable(file.path.parent.name) if len(self._folders) > 1 else None

    def root(self, name: str) -> ContentRoot | None:
        """Where one of them lies."""
        found = self._names().get(name)
        if found is None:
            return None
        file = found[1]
        return ContentRoot(file.path, file.path.parent, lambda _, status: file.is_same(status))

    async def _told_of(self, infohash: bytes) -> Writing | None:
        told = self._told
        tag = None if told is None else told.text_tag(infohash)
        if told is None or tag is None:
            return None

        def read() -> Writing | None:
            text = told.text(infohash)
            return None if text is None else Writing(text, is_markdown=True, is_in_file=False)

        return await self._writings.get(("told", infohash, tag), read)

    async def _of_file(self, file: SidecarFile) -> Writing | None:
        key = (file.path, file.signature)
        return await self._writings.get(key, lambda: _of_file(file))

    async def _description(
        self, publication: Publication, texts: Sequence[SidecarFile], root: ContentRoot | None
    ) -> Writing | None:
        """The text beside an entry, else the one in its folder."""
        for file in texts:
            found = await self._of_file(file)
            if found is not None:
                return found
        if root is None or not publication.is_folder:
            return None
        key = (publication.infohash, publication.fingerprint)
        return await self._writings.get(key, lambda: _in_folder(publication, root))

    def _files_of(self, publication: Publication) -> list[SidecarFile]:
        folder = publication.entry.folder
        return [] if folder is None else self._table.of(folder, publication.entry.name)

    def _sidecars_of(self, files: Sequence[SidecarFile]) -> tuple[Sidecar, ...]:
        paths = {file.path for file in files if file.belonging.kind != "description"}
        return tuple(one for one, file in self._names().values() if file.path in paths)

    def _names(self) -> dict[str, tuple[Sidecar, SidecarFile]]:
        """All by name; of two folders with the same name in them, the first given has it plain."""
        revision = self._table.revision
        if self._shown[0] == revision:
            return self._shown[1]
        names: dict[str, tuple[Sidecar, SidecarFile]] = {}
        place = {folder: number for number, folder in enumerate(self._folders)}
        for file in sorted(
            self._table.files.values(), key=lambda file: (place[file.path.parent], file.path.name)
        ):
            name = label = file.path.name
            if name in names:
                name = f"{file.path.parent.name}-{label}"
            sidecar = Sidecar(name, label, file.belonging.kind, file.length, file.signature[0])
            names.setdefault(name, (sidecar, file))
        self._shown = (revision, names)
        return names


def _of_file(file: SidecarFile) -> Writing | None:
    root = ContentRoot(file.path, file.path.parent, lambda _, status: file.is_same(status))
    return read_writing(root, (), file.path.name, ())


def _in_folder(publication: Publication, root: ContentRoot) -> Writing | None:
    """The text in the folder of an entry; in a thread."""
    name = _readme_in(root.path)
    return None if name is None else read_writing(root, (name,), name, (publication.name,))


def _readme_in(folder: Path) -> str | None:
    names: list[str] = []
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                if README.match(item.name) or item.name.lower().endswith(DESCRIPTIONS):
                    names.append(item.name)
                if len(names) > NAMES_MAX:
                    break
    except OSError:
        return None
    readmes = sorted(filter(README.match, names), key=_rank)
    if readmes:
        return readmes[0]
    return names[0] if len(names) == 1 else None


def _rank(name: str) -> tuple[bool, str]:
    return not name.lower().endswith(DESCRIPTIONS), name

"""Where the content of a mirror lies: on the way in a folder of its own, then as it is published.

What is half there is never seen under its name. Content that the publisher published anew takes
the place of the old when it is whole, and what is in the folder besides is neither read nor
touched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import FormatError, OutpourError, WriteError, reason
from outpour.base.files import write_atomically
from outpour.base.text import from_bytes, is_utf8, printable
from outpour.engine import disk_paths, paths_found, root_of
from outpour.making.walker import Entry
from outpour.mirror.holdings import Held
from outpour.publisher.file_identities import FileIdentities
from outpour.torrent.info import Info
from outpour.torrent.metainfo import Metainfo
from outpour.torrent.paths import component_fault

OWN_FOLDER = ".outpour-mirror"
_ASIDE = ".old"
_TORRENT = "torrent"
_PLACE = "place"


@dataclass(frozen=True, slots=True)
class Placed:
    """Content that lies where it belongs.

    Attributes:
        root: The file or folder.
        fingerprint: Changes when one of its files does.
        files: What tells whether a file is still the same.
        modified_at: Unix second in which it was last written to.
        has_plain_names: Its files are called on disk as in the torrent, so that URLs lead to them.
    """

    root: Path
    fingerprint: bytes
    files: FileIdentities
    modified_at: int
    has_plain_names: bool


class Placement:
    """Knows the places of a mirror's content; each call blocks.

    Args:
        folder: The mirror's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, held: Held, info: Info) -> None:
        """Refuse what cannot lie in the folder.

        Raises:
            FormatError: A name climbs out of it, or is that of our own folder.
        """
        for name in (held.folder,) if held.folder else ():
            fault = component_fault(name) if is_utf8(name) else "is no text"
            if fault is not None:
                raise FormatError(f"`{printable(name)}`: the name of its group {fault}")
        root = root_of(disk_paths(info))
        if OWN_FOLDER in (held.folder, root):
            raise FormatError(f"`{OWN_FOLDER}`: the name of the mirror's own folder")

    def target(self, held: Held) -> Path:
        """The folder that its root is to lie in."""
        return self._folder / held.folder if held.folder else self._folder

    def root(self, held: Held, info: Info) -> Path:
        """Where its root file or folder is to lie."""
        return self.target(held) / root_of(disk_paths(info))

    def incoming(self, infohash: bytes) -> Path:
        """The folder that its root lies in until it is whole."""
        return self._folder / OWN_FOLDER / infohash.hex()

    def look(self, held: Held, info: Info) -> Placed | None:
        """Look at content in its place; None where not each file has its length."""
        target = self.target(held)
        paths = paths_found(info, target)
        files = [file for file in info.files if not file.is_padding]
        digest = hashlib.blake2b(digest_size=16)
        entries: list[Entry] = []
        newest_ns = 0
        for file, path in zip(files, paths, strict=True):
            place = os.path.join(os.fsencode(target), path)  # noqa: PTH118 - paths are bytes
            try:
                status = os.lstat(place) if file.symlink is not None else os.stat(place)  # noqa: PTH116
            except OSError:
                return None
            if file.symlink is None:
                if status.st_size != file.length:
                    return None
                newest_ns = max(newest_ns, status.st_mtime_ns)
                name = file.path if info.is_folder else (info.name,)
                entries.append(
                    Entry(name, "", file.length, status.st_mtime_ns, status.st_dev, status.st_ino)
                )
            digest.update(b"%d %d %d\0" % (status.st_ino, status.st_size, status.st_mtime_ns))
        return Placed(
            target / root_of(paths),
            digest.digest(),
            FileIdentities(entries, is_folder=info.is_folder),
            newest_ns // 10**9,
            _has_plain_names(info, paths),
        )

    def put_aside(self, held: Held, metainfo: Metainfo) -> None:
        """Take content out of its place for other content of the same name.

        Raises:
            WriteError: It cannot be moved.
        """
        aside = self._aside(held.infohash)
        root = self.root(held, metainfo.info)
        try:
            aside.mkdir(parents=True, exist_ok=True)
            # Should all end here, this says what of it is whose.
            write_atomically(aside / _TORRENT, metainfo.raw, is_durable=False)
            place = os.fsencode(root.relative_to(self._folder))
            write_atomically(aside / _PLACE, place, is_durable=False)
            root.rename(aside / "content")
        except FileNotFoundError:
            return
        except OSError as error:
            raise WriteError(f"`{root}`: {reason(error)}") from None

    def bring_back(self, held: Held, info: Info) -> None:
        """Put back what was put aside in vain."""
        content, root = self._aside(held.infohash) / "content", self.root(held, info)
        if os.path.lexists(content) and not os.path.lexists(root):
            with suppress(OSError):
                content.rename(root)
        self._drop(self._aside(held.infohash))

    def clear_aside(self, infohash: bytes) -> None:
        """Delete what was put aside; files in it that are not the torrent's go back."""
        aside = self._aside(infohash)
        content = aside / "content"
        if os.path.lexists(content):
            try:
                info = Metainfo.read(aside / _TORRENT).info
                root = self._folder / os.fsdecode((aside / _PLACE).read_bytes())
            except (OutpourError, OSError):
                return
            if info.is_folder:
                for path in disk_paths(info):
                    with suppress(OSError):
                        (content / from_bytes(path.partition(b"/")[2])).unlink()
                _give_back(content, root)
        self._drop(aside)

    def unfinished(self) -> list[bytes]:
        """The infohashes of what was put aside, in a run that ended then."""
        return self._folders_with(_ASIDE)

    def clear_incoming(self, infohash: bytes) -> None:
        """Delete what is half there."""
        self._drop(self.incoming(infohash))

    def half_there(self) -> list[bytes]:
        """The infohashes of what is on its way, or was."""
        return self._folders_with("")

    def delete(self, held: Held, info: Info) -> None:
        """Delete content from its place: its own files, and folders that are empty then."""
        target = self.target(held)
        folders: set[Path] = set()
        for path in paths_found(info, target):
            place = target / from_bytes(path)
            with suppress(OSError):
                place.unlink()
            for parent in place.parents:
                if parent == self._folder:
                    break
                folders.add(parent)
        for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()

    def _aside(self, infohash: bytes) -> Path:
        return self._folder / OWN_FOLDER / f"{infohash.hex()}{_ASIDE}"

    def _folders_with(self, ending: str) -> list[bytes]:
        found = []
        with suppress(OSError), os.scandir(self._folder / OWN_FOLDER) as listing:
            for item in listing:
                name = item.name.removesuffix(ending) if ending else item.name
                if len(name) == 40 and name + ending == item.name:
                    with suppress(ValueError):
                        found.append(bytes.fromhex(name))
        return found

    def _drop(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            (self._folder / OWN_FOLDER).rmdir()


def _give_back(content: Path, root: Path) -> None:
    """Move files that were there besides to where they were."""
    for folder, _, names in os.walk(content):
        for name in names:
            place = Path(folder, name)
            back = root / place.relative_to(content)
            with suppress(OSError):
                back.parent.mkdir(parents=True, exist_ok=True)
                if not os.path.lexists(back):
                    place.rename(back)


def _has_plain_names(info: Info, paths: Sequence[bytes]) -> bool:
    files = [file for file in info.files if not file.is_padding]
    return all(
        path.partition(b"/")[2] == "/".join(file.path).encode("utf-8", "surrogateescape")
        if info.is_folder
        else True
        for file, path in zip(files, paths, strict=True)
    )

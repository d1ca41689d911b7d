"""Turn an entry into a torrent: found among those made before, or hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import NetworkError, WriteError
from outpour.making.elsewhere.remote_plan import plan_file, plan_tree
from outpour.making.hasher import hash_files
from outpour.making.maker import CreateOptions, Plan, make_summed, plan
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.copy_places import CopyPlaces
from outpour.publisher.entries import PublishEntry
from outpour.publisher.made import MadeTorrents
from outpour.publisher.open_writers import is_written_to
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication
from outpour.publisher.remote_sight import sight_of_made
from outpour.publisher.sight import Sight
from outpour.torrent.editor import Changes, edit
from outpour.torrent.metainfo import Metainfo

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TorrentOfEntry:
    """A torrent of an entry.

    Attributes:
        metainfo: With our trackers and web seed in it.
        torrent: Where the .torrent file lies, None if it could not be written.
        reused: It was made before: nothing was hashed.
        fault: Why the .torrent file could not be written.
        checksums: The SHA-256 of its files in the order of the tree, empty where none are made.
        notes: What the operator should know of the servers that its content lies on.
    """

    metainfo: Metainfo
    torrent: Path | None
    reused: bool
    fault: WriteError | None = None
    checksums: Sequence[bytes] = ()
    notes: Sequence[str] = ()


class Torrents:
    """Makes torrents of entries, each once.

    Args:
        made: Torrents made before.
        options: What goes into them.
        urls: The addresses that go into them.
        bases: Where copies of their content lie.
    """

    def __init__(
        self, made: MadeTorrents, options: PublishOptions, urls: PublicUrls, bases: CopyPlaces
    ) -> None:
        self._made = made
        self._options = options
        self._urls = urls
        self._bases = bases
        self._mirrors: Callable[[], Sequence[CopyBase]] = tuple

    def heed(self, mirrors: Callable[[], Sequence[CopyBase]]) -> None:
        """Leave the copies on mirrors named that were found good before; by whoever knows them."""
        self._mirrors = mirrors

    def of(self, entry: PublishEntry, sight: Sight, progress: Progress) -> TorrentOfEntry | None:
        """Find the entry's torrent, or make it; None while the content is written to.

        A torrent that was made for other addresses gets the new ones: they lie outside the info
        dictionary, so its infohash stays and nothing is hashed. One that cannot be written down is
        returned all the same: hashing it again would not make room.

        Raises:
            ReadError: The content cannot be read, or changed while it was hashed.
        """
        found = self._made.find(entry.path, sight.fingerprint, self._choices(entry))
        kept = self._kept_checksums(entry, sight) if found is not None else ()
        is_whole = found is not None and (bool(kept) or not self._options.checksums)
        if entry.is_remote:
            # Of what lies elsewhere none are made once it is hashed: it would be read again.
            is_whole = found is not None
        elif not is_whole and is_written_to(sight.tree):
            return None
        notes: Sequence[str] = ()
        if found is None:
            whole, notes = self._plan(entry, sight)
            metainfo, checksums = make_summed(whole, progress)
        else:
            metainfo = self._readdress(entry, found)
            checksums = kept if is_whole else _checksums(sight, progress)
        if checksums and not is_whole:
            with suppress(WriteError):
                # Without room they are made again at the next start.
                self._made.keep_checksums(entry.path, sight.fingerprint, checksums)
        reused = found is not None
        if metainfo is found:
            torrent = self._made.torrent_path(entry.path)
            return TorrentOfEntry(found, torrent, reused=True, checksums=checksums)
        try:
            written = self.keep(entry, sight.fingerprint, metainfo)
        except WriteError as error:
            return TorrentOfEntry(metainfo, None, reused, error, checksums, notes)
        return TorrentOfEntry(metainfo, written, reused, checksums=checksums, notes=notes)

    def _kept_checksums(self, entry: PublishEntry, sight: Sight) -> tuple[bytes, ...]:
        if not self._options.checksums:
            return ()
        return self._made.checksums(entry.path, sight.fingerprint)

    def made_of(self, entry: PublishEntry) -> Metainfo:
        """The torrent of an entry as it was written down; this blocks.

        Raises:
            ReadError: It cannot be read.
        """
        return Metainfo.read(self._made.torrent_path(entry.path))

    def keep(self, entry: PublishEntry, fingerprint: bytes, metainfo: Metainfo) -> Path:
        """Write a torrent down.

        Raises:
            WriteError: The file or the database cannot be written.
        """
        return self._made.keep(entry.path, fingerprint, self._choices(entry), metainfo)

    def made_before(self, entry: PublishEntry) -> Sight | None:
        """What a torrent of an entry that lies elsewhere was made of, None if there is none."""
        choices = self._choices(entry)
        fingerprint = self._made.fingerprint(entry.path, choices)
        found = fingerprint and self._made.find(entry.path, fingerprint, choices)
        return sight_of_made(entry, fingerprint, found) if fingerprint and found else None

    def _choices(self, entry: PublishEntry) -> bytes:
        own = self._options.info_digest()
        if entry.listed is None or not entry.is_remote:
            return own
        return hashlib.sha256(own + entry.listed.digest).digest()

    def forget(self, gone: Iterable[Path]) -> None:
        """Remove the .torrent files of content that was deleted."""
        with suppress(WriteError):
            # What cannot be removed costs room and nothing else.
            self._made.forget(gone)

    def forget_missing(self, folders: Iterable[Path], present: Collection[Path]) -> None:
        """Remove those of content that was deleted since the last time.

        Args:
            folders: The published ones, and catalogues. One of which nothing is left is a disk that
                is not there at the moment, and loses nothing.
            present: The content that is there.
        """
        with suppress(WriteError):
            known = self._made.known()
            for folder in folders:
                of_it = [path for path in known if path.parent == folder]
                if any(path in present for path in of_it):
                    gone = (path for path in of_it if path not in present)
                    self.forget(path for path in gone if not os.path.lexists(path))

    def _plan(self, entry: PublishEntry, sight: Sight) -> tuple[Plan, Sequence[str]]:
        recipe = self._recipe(entry, sight)
        if entry.listed is None or not entry.is_remote:
            return plan(sight.tree, recipe), ()
        if sight.remote is None:
            raise NetworkError(f"`{entry.listed.where}`: not reached")
        files, found = sight.remote.files, sight.remote.found
        if entry.listed.base is None:
            planned = plan_file(files[0], recipe, found=found[0])
        else:
            planned = plan_tree(files, entry.listed.base, recipe, found=found)
        return planned.plan, planned.notes

    def _recipe(self, entry: PublishEntry, sight: Sight) -> CreateOptions:
        options = self._options
        paths = [file.path for file in sight.tree.entries]
        own = self._own_seeds(entry.name, paths if sight.tree.is_folder else None)
        return CreateOptions(
            name=entry.name if entry.is_remote else None,
            trackers=self._tiers(),
            web_seeds=() if entry.is_remote else own,
            comment=self._comment(entry),
            private=options.private,
            source=options.source,
            piece_length=options.piece_length,
            format=options.format,
            checksums=options.checksums,
        )

    def _comment(self, entry: PublishEntry) -> str | None:
        return (entry.listed and entry.listed.comment) or self._options.comment

    def _readdress(self, entry: PublishEntry, metainfo: Metainfo) -> Metainfo:
        """Give a torrent the addresses and the comment of this publication."""
        tiers = self._tiers()
        # A copy that was found good stays named until it is looked at again.
        name, is_folder = metainfo.info.name, metainfo.info.is_folder
        possible = (
            *self.seeds_of_copies(entry, name, is_folder),
            *(base.seed_of(name, is_folder=is_folder) for base in self._mirrors()),
        )
        copies = [seed for seed in possible if seed is not None and seed in metainfo.web_seeds]
        return edit(
            metainfo,
            Changes(
                announce=tiers[0][0],
                announce_list=tiers if len(tiers) > 1 else None,
                web_seeds=self._seeds(entry, metainfo, copies),
                comment=self._comment(entry),
            ),
        )

    def seeds_of_copies(self, entry: PublishEntry, name: str, is_folder: bool) -> tuple[str, ...]:
        """The web seeds that a torrent has where all copies are there, in the order given."""
        seeds = self._bases.seeds(entry, name, is_folder=is_folder)
        mirrors = entry.listed.mirrors if entry.listed else ()
        # What was read is no copy, and named by itself.
        source = _source_of(entry)
        return tuple(seed for seed in dict.fromkeys((*mirrors, *seeds)) if seed != source)

    def is_own_seed(self, url: str) -> bool:
        """Whether a web seed is one that this publisher serves."""
        return url.startswith(self._urls.content)

    def with_copies(
        self, publication: Publication, copies: Sequence[str]
    ) -> tuple[Metainfo, Path] | None:
        """Write down which copies a torrent names; None where nothing changes.

        Raises:
            WriteError: It cannot be written.
        """
        path, fingerprint = publication.entry.path, publication.fingerprint
        found = self._made.find(path, fingerprint, self._choices(publication.entry))
        if found is None:
            return None
        seeds = self._seeds(publication.entry, found, copies)
        if seeds == found.web_seeds:
            return None
        metainfo = edit(found, Changes(web_seeds=seeds))
        return metainfo, self.keep(publication.entry, fingerprint, metainfo)

    def _seeds(
        self, entry: PublishEntry, metainfo: Metainfo, copies: Sequence[str]
    ) -> tuple[str, ...]:
        if entry.is_remote:
            # Where it can be one, which its making has found out.
            source = [seed for seed in metainfo.web_seeds if seed == _source_of(entry)]
            return tuple(dict.fromkeys((*source, *copies)))
        info = metainfo.info
        paths = [file.path for file in info.files if not file.is_padding]
        own = self._own_seeds(info.name, paths if info.is_folder else None)
        return tuple(dict.fromkeys((*own, *copies)))

    def _own_seeds(self, name: str, paths: Sequence[tuple[str, ...]] | None) -> tuple[str, ...]:
        return self._urls.web_seeds(name, paths) if self._options.content else ()

    def _tiers(self) -> tuple[tuple[str, ...], ...]:
        return (*self._urls.tiers, *((url,) for url in self._options.extra_trackers))


def _source_of(entry: PublishEntry) -> str | None:
    """The web seed that the content of an entry elsewhere is read from."""
    if entry.listed is None or not entry.is_remote:
        return None
    base = entry.listed.base
    return base.rstrip("/").rpartition("/")[0] + "/" if base else entry.listed.urls[0]


def _checksums(sight: Sight, progress: Progress) -> tuple[bytes, ...]:
    """The SHA-256 of the files of a torrent that was made without."""
    sources = [(None if file.target else file.location, file.length) for file in sight.tree.entries]
    return hash_files(sources, progress=progress)

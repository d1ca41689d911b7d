"""What one run of `create` makes: one torrent, one of each thing, or one of everything in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from outpour.base.errors import OutpourError, UsageError, WriteError
from outpour.cli.shared.inputs import STDIO
from outpour.cli.shared.target import pattern_of_target, torrent_name

if TYPE_CHECKING:
    from outpour.base.http_route import Route
    from outpour.cli.shared.creation import Creation
    from outpour.making.elsewhere.remote_plan import RemotePlan
    from outpour.making.elsewhere.url_list import Listed
    from outpour.making.maker import CreateOptions, Plan

Thing: TypeAlias = "Path | Listed"
"""A file or folder on disk, or a file on a server."""


class CreationJobs:
    """What one run makes: a torrent of each thing, or of everything in each.

    Args:
        making: How torrents are made.
        options: What they say.
        output: Where to: a file, a folder, `-`, or None for the current folder.
        reuse: An older torrent, or a folder of them.
        route: By which way to servers.
    """

    def __init__(
        self,
        making: Creation,
        options: CreateOptions,
        output: str | None,
        reuse: str | None,
        route: Route,
    ) -> None:
        self._making = making
        self._options = options
        self._output = output
        self._reuse = reuse
        self._route = route
        self._code = 0
        self._taken: set[Path] = set()
        self._described: list[dict[str, object]] = []

    def run(self, things: Sequence[Thing]) -> int:
        """Make a torrent of each file, folder or file on a server."""
        options = self._options
        if len(things) == 1:
            target = _target(self._output, options.name or _name(things[0]))
            return self._only(self._make(things[0], target))
        if options.name is not None:
            raise UsageError("`--name`: one name for several torrents")
        folder = self._folder("several torrents are written")
        for thing in things:
            self._try(thing, folder / torrent_name(_name(thing)))
        return self._end()

    def as_one(self, listed: Sequence[Listed], base: str) -> int:
        """Make one torrent of files on servers.

        Args:
            listed: The files.
            base: The URL of the folder that they are below.
        """
        from outpour.making.elsewhere.remote_plan import plan_tree
        from outpour.making.elsewhere.url_list import folder_name

        target = _target(self._output, self._options.name or folder_name(base))
        self._refuse_reuse()
        chosen = _chosen(listed, self._options)
        remote = plan_tree(chosen, base, self._options, route=self._route)
        return self._only(self._run(remote, target))

    def each(self, folders: Sequence[Path]) -> int:
        """Make a torrent of everything in each folder that has none yet."""
        from outpour.base.units import count
        from outpour.making.batch import ENDING, is_made, things

        options = self._options
        if options.name is not None:
            raise UsageError("`--name`: contradicts `--each`, which takes each thing's own")
        target = self._folder("`--each` writes")
        done = 0
        for folder in folders:
            found = things(
                folder,
                hidden=options.hidden,
                junk=options.junk,
                symlinks=options.symlinks,
                exclude=options.exclude,
            )
            for fault in found.faults:
                self._fail(fault)
            for path in found.paths:
                torrent = target / f"{path.name}{ENDING}"
                try:
                    is_there = is_made(torrent) and not self._making.force
                    is_there = is_there and torrent not in self._taken
                except OutpourError as error:
                    self._fail(error)
                    continue
                done += is_there
                if not is_there:
                    self._try(path, torrent)
        if done:
            there = f"{count(done, 'torrent')} there already; `--force` makes them anew"
            self._making.printer.note(there)
        return self._end()

    def _folder(self, what: str) -> Path:
        folder = Path(self._output if self._output is not None else ".")
        if self._output == STDIO or not folder.is_dir():
            raise WriteError(
                f"`{self._output}`: not a folder", hint=f"{what} to a folder, as in `-o ~/torrents`"
            )
        return folder

    def _make(self, thing: Thing, target: Path | None) -> dict[str, object]:
        if isinstance(thing, Path):
            return self._making.run(_plan(thing, self._options, target, self._reuse), target)
        from outpour.making.elsewhere.remote_plan import plan_file

        self._refuse_reuse()
        return self._run(plan_file(thing, self._options, route=self._route), target)

    def _run(self, remote: RemotePlan, target: Path | None) -> dict[str, object]:
        for note in remote.notes:
            self._making.printer.note(note)
        return self._making.run(remote.plan, target)

    def _refuse_reuse(self) -> None:
        if self._reuse is not None:
            raise UsageError("`--reuse`: nobody knows what of a URL has not changed since")

    def _try(self, thing: Thing, target: Path) -> None:
        try:
            if target in self._taken:
                raise WriteError(
                    f"`{target}`: made of something else of this name just now",
                    hint="make the other one by itself, and choose a name with `-o`",
                )
            self._described.append(self._make(thing, target))
            self._taken.add(target)
        except OutpourError as error:
            self._fail(error)

    def _fail(self, error: OutpourError) -> None:
        # One that cannot be made keeps no other from it.
        self._making.printer.flush()
        self._making.printer.fault(error)
        self._code = self._code or error.exit_code

    def _only(self, described: dict[str, object]) -> int:
        if self._making.as_json:
            self._making.printer.json(described)
        return 0

    def _end(self) -> int:
        if self._making.as_json:
            self._making.printer.json(self._described)
        return self._code


def _plan(path: Path, options: CreateOptions, target: Path | None, reuse: str | None) -> Plan:
    from outpour.making.maker import plan_path

    earlier = None
    if reuse is not None:
        from outpour.torrent.metainfo import Metainfo

        place = Path(reuse)
        if place.is_dir():
            place /= torrent_name(options.name or path.absolute().name)
        # In a folder of torrents the new one has none yet.
        if place.exists() or not Path(reuse).is_dir():
            earlier = Metainfo.read(place)
    # What the last run has written is no content of this one.
    itself = pattern_of_target(target, path)
    options = replace(options, exclude=(*options.exclude, *itself))
    return plan_path(path, options, earlier=earlier)


def _name(thing: Thing) -> str:
    return thing.absolute().name if isinstance(thing, Path) else thing.path[-1]


def _chosen(listed: Sequence[Listed], options: CreateOptions) -> list[Listed]:
    from outpour.making.globs import matcher

    taken, left_out = matcher(options.include), matcher(options.exclude)
    found = [one for one in listed if taken is None or taken(one.path)]
    found = [one for one in found if left_out is None or not left_out(one.path)]
    if not found:
        raise UsageError("`--include`, `--exclude`: leave nothing of the list")
    return found


def _target(output: str | None, name: str) -> Path | None:
    if output == STDIO:
        return None
    target = Path(output if output is not None else ".")
    return target / torrent_name(name) if target.is_dir() else target

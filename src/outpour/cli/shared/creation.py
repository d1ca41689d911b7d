"""Makes torrents for a person: refuses the unwise, shows the work, writes and tells the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import UsageError
from outpour.base.files import write_atomically
from outpour.base.text import printable
from outpour.base.units import count, format_size
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.target import check_target
from outpour.making.checksum_file import checksum_file, path_beside
from outpour.making.maker import Draft, Made, Plan
from outpour.torrent.bencode import Encodable
from outpour.torrent.linter import LINTS, Lint

REFUSED = (
    "private-without-tracker",
    "duplicate-paths",
    "case-duplicates",
    "unicode-duplicates",
    "piece-length-large",
    "login-in-url",
)
"""Lints that make a new torrent useless to some of its users, or of use to others, unless allowed
by name."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Fields that a new torrent gets beside those that outpour knows.

    Attributes:
        outside: Beside the info dictionary.
        inside: In it.
    """

    outside: Mapping[str, Encodable | None]
    inside: Mapping[str, Encodable | None]

    def into(self, made: Made) -> Made:
        """Put them into a torrent.

        Raises:
            UsageError: What comes out would be no torrent.
        """
        if not self.outside and not self.inside:
            return made
        from outpour.torrent.editor import merge, merge_info
        from outpour.torrent.metainfo import Metainfo

        changed = merge_info(merge(Metainfo.parse(made.raw), self.outside), self.inside)
        return Made(changed.raw, changed.info.infohash)


NOTHING_MERGED = Merged({}, {})


@dataclass(frozen=True, slots=True)
class Creation:
    """How torrents are made in one run of a command.

    Attributes:
        printer: Takes what is said.
        force: Replace files that are there.
        allow: Names of lints that are nobody's business.
        dry_run: Read no content and write nothing.
        as_json: Tell programs.
        merged: Further fields.
    """

    printer: Printer
    force: bool = False
    allow: tuple[str, ...] = ()
    dry_run: bool = False
    as_json: bool = False
    merged: Merged = NOTHING_MERGED

    def __post_init__(self) -> None:
        for name in self.allow:
            if name not in LINTS:
                raise UsageError(
                    f"`--allow {printable(name)}`: no such lint", hint=f"one of {', '.join(LINTS)}"
                )

    def run(self, plan: Plan, target: Path | None) -> dict[str, object]:
        """Make one torrent and write it.

        Args:
            plan: The torrent.
            target: Where to, None for stdout.

        Returns:
            What to tell programs.

        Raises:
            UsageError: It is unwise in a way that is not allowed.
            ReadError: The content cannot be read, or changes meanwhile.
            WriteError: The file cannot be written, or is there.
        """
        check_target(target, self.force)
        summed = None
        if plan.options.checksums:
            if target is None:
                raise UsageError(
                    "`--checksums`: written beside the torrent, and `-o -` has no place"
                )
            summed = path_beside(target)
            check_target(summed, self.force)
        if self.dry_run:
            notes = self._check(plan)
            self._tell(plan, notes, target, None)
            if not self.as_json:
                for line in _files(plan):
                    self.printer.data(line)
            return _describe(plan, notes, target)
        with (
            Draft(plan) as draft,
            self.printer.progress(f"hashing {printable(plan.name)}") as progress,
        ):
            # A million names take seconds to look at; meanwhile the hashing has begun.
            notes = self._check(plan)
            drafted = draft.finish(progress)
            made = self.merged.into(drafted)
        if target is None:
            self.printer.raw(made.raw)
        else:
            # Somebody may have been faster in the time that hashing took.
            check_target(target, self.force)
            write_atomically(target, made.raw)
        if summed is not None:
            write_atomically(summed, checksum_file(plan.tree, plan.name, drafted.checksums))
        self._tell(plan, notes, target, made)
        if not self.as_json:
            return {}
        # Only whoever asks for it waits until these are imported.
        from outpour.cli.shared.report import describe
        from outpour.torrent.metainfo import Metainfo

        written = {} if target is None else {"torrent": str(target)}
        return {**written, **describe(Metainfo.parse(made.raw))}

    def _check(self, plan: Plan) -> tuple[Lint, ...]:
        notes = tuple(note for note in plan.lint() if note.name not in self.allow)
        for note in notes:
            if note.name in REFUSED:
                raise UsageError(note.message, hint=f"`--allow {note.name}` makes it all the same")
        return notes

    def _tell(
        self, plan: Plan, notes: Sequence[Lint], target: Path | None, made: Made | None
    ) -> None:
        size = f"{count(len(plan.tree.entries), 'file')}, {format_size(plan.tree.length)}"
        pieces = f"{count(plan.layout.piece_count, 'piece')} of {format_size(plan.piece_length)}"
        where = f"`{target}`: " if target is not None else ""
        end = "nothing written" if made is None else f"infohash {made.infohash.hex()}"
        self.printer.talk(f"{where}{size}, {pieces}, {end}")
        if plan.reuse is not None:
            self.printer.talk(f"{count(plan.reuse.reused, 'piece')} taken from the older torrent")
        skipped = plan.tree.skipped
        if skipped:
            first = "/".join(skipped[0])
            self.printer.note(f"{count(len(skipped), 'path')} left out, such as `{first}`")
        for note in notes:
            self.printer.note(f"{note.message} ({note.name})")


def _files(plan: Plan) -> Iterator[str]:
    for entry in plan.tree.entries:
        link = f" -> {'/'.join(entry.target)}" if entry.target else ""
        yield f"{entry.length} {'/'.join(entry.path)}{link}"


def _describe(plan: Plan, notes: Sequence[Lint], target: Path | None) -> dict[str, object]:
    return {
        "torrent": None if target is None else str(target),
        "name": plan.name,
        "version": plan.options.format,
        "length": plan.tree.length,
        "padding": plan.layout.padding,
        "is_folder": plan.tree.is_folder,
        "file_count": len(plan.tree.entries),
        "piece_length": plan.piece_length,
        "piece_count": plan.layout.piece_count,
        "files": [
            {"path": "/".join(entry.path), "length": entry.length}
            | ({"symlink": "/".join(entry.target)} if entry.target else {})
            for entry in plan.tree.entries
        ],
        "left_out": ["/".join(path) for path in plan.tree.skipped],
        "lints": [{"name": note.name, "message": note.message} for note in notes],
    }

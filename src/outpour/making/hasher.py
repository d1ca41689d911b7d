"""Turns files into v1 piece lists and v2 merkle trees, on native threads.

What the files are and in which order is up to the callers; a file that changes while it is hashed
is an error here, because neither its old nor its new content would match.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from outpour._core import Hashing, kernels
from outpour.base.errors import OutpourError, ReadError, SettingsError, UsageError, reason
from outpour.base.text import printable

if TYPE_CHECKING:
    from outpour._core import Memory

KERNEL_VARIABLE = "OUTPOUR_HASH"
"""Names the only kernel to use, for tests and measurements."""

POLL_S = 0.05
"""How often progress is told; Ctrl-C is noticed sooner."""

PIECE_LENGTH_ANY = 1 << 20
"""Where no pieces are made."""

Source: TypeAlias = "tuple[str | Path | Memory | None, int]"
"""Where content is and how many bytes it has; None is padding of zeros (BEP 47)."""
Progress: TypeAlias = Callable[[int, int], None]
"""Takes bytes done and bytes in total."""


class Merkle(NamedTuple):
    """The SHA-256 tree of one file (BEP 52).

    Attributes:
        root: 32 bytes; none for an empty file and for padding.
        layer: 32 bytes a piece, for files longer than one piece.
    """

    root: bytes
    layer: bytes


class Work:
    """Files being hashed on native threads, while whoever started it does something else.

    Leaving its `with` block stops what still runs.
    """

    def __init__(
        self,
        files: Sequence[Source],
        piece_length: int,
        *,
        v1: bool,
        v2: bool,
        sha256: bool = False,
        threads: int | None = None,
    ) -> None:
        """Start hashing.

        Args:
            files: In the order of the torrent. For v1 and v2 together they contain the padding that
                lets each file begin at a piece.
            piece_length: Bytes.
            v1: Make the piece list (BEP 3).
            v2: Make the merkle trees (BEP 52); each byte is read once all the same.
            sha256: Make the SHA-256 of each file, too, on threads beside those.
            threads: How many; one a core by default.

        Raises:
            UsageError: The piece length or the padding is impossible.
            SettingsError: The environment names a kernel that this CPU does not have.
        """
        kernel = os.environ.get(KERNEL_VARIABLE) or None
        if kernel is not None and kernel not in kernels():
            raise SettingsError(
                f"`{KERNEL_VARIABLE}`: `{kernel}` is not a kernel of this CPU",
                hint=f"choose one of {', '.join(kernels())}",
            )
        self._total = sum([length for path, length in files if path is not None])
        try:
            self._job = Hashing(
                files,
                piece_length,
                v1=v1,
                v2=v2,
                sha256=sha256,
                threads=threads or 0,
                kernel=kernel,
            )
        except ValueError as error:
            raise UsageError(f"hashing: {error}") from error

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *_: object) -> None:
        self._job.cancel()

    def wait(self, progress: Progress | None = None) -> None:
        """Wait for the hashes.

        Args:
            progress: Called some 20 times a second, and once at the end.

        Raises:
            ReadError: A file cannot be read, or changed since its length was taken.
        """
        try:
            while not self._job.wait(POLL_S):
                if progress is not None:
                    progress(self._job.progress(), self._total)
        except OSError as error:
            raise _fault(error) from error
        if progress is not None:
            progress(self._total, self._total)

    def pieces(self) -> bytes:
        """Return the v1 piece list: 20 bytes of SHA-1 a piece; after `wait`."""
        return self._job.pieces()

    def trees(self) -> tuple[Merkle, ...]:
        """Return the v2 tree of each of `files`; after `wait`."""
        return tuple(map(Merkle._make, self._job.roots()))

    def checksums(self) -> tuple[bytes, ...]:
        """Return the SHA-256 of each of `files`, none for padding; after `wait`."""
        return tuple(self._job.checksums())


def hash_files(
    files: Sequence[Source], *, threads: int | None = None, progress: Progress | None = None
) -> tuple[bytes, ...]:
    """Hash each file as a whole with SHA-256; arguments and errors as for `hash_v1`."""
    work = Work(files, PIECE_LENGTH_ANY, v1=False, v2=False, sha256=True, threads=threads)
    with work:
        work.wait(progress)
        return work.checksums()


def hash_v1(
    files: Sequence[Source],
    piece_length: int,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Hash files laid end to end: 20 bytes of SHA-1 a piece (BEP 3).

    Args:
        files: In the order of the torrent.
        piece_length: Bytes.
        threads: How many; one a core by default.
        progress: Called some 20 times a second, and once at the end.

    Raises:
        ReadError: A file cannot be read, or changed since its length was taken.
    """
    with Work(files, piece_length, v1=True, v2=False, threads=threads) as work:
        work.wait(progress)
        return work.pieces()


def hash_v2(
    files: Sequence[Source],
    piece_length: int,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[Merkle, ...]:
    """Hash each file into its merkle tree (BEP 52); arguments and errors as for `hash_v1`."""
    with Work(files, piece_length, v1=False, v2=True, threads=threads) as work:
        work.wait(progress)
        return work.trees()


def hash_hybrid(
    files: Sequence[Source],
    piece_length: int,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[bytes, tuple[Merkle, ...]]:
    """Do what `hash_v1` and `hash_v2` do, reading each byte once.

    `files` contain the padding that lets each file begin at a piece.
    """
    with Work(files, piece_length, v1=True, v2=True, threads=threads) as work:
        work.wait(progress)
        return work.pieces(), work.trees()


def _fault(error: OSError) -> OutpourError:
    name = printable(os.fsdecode(error.filename or "content"))
    if error.errno == errno.ESTALE:
        return ReadError(
            f"`{name}`: changed while it was hashed",
            hint="run this again when nothing writes to it any more",
        )
    return ReadError(f"`{name}`: {reason(error)}")

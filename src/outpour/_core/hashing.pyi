"""Files become hashes."""

from collections.abc import Sequence
from os import PathLike
from typing import final

from outpour._core.memory import Memory

@final
class Hashing:
    """Files being hashed by threads of their own; dropping the object stops them.

    Each byte is read once, whatever is computed of it. A file that is shorter, longer or newer at
    its end than at its beginning is a fault, not a hash.

    Example:
        >>> job = Hashing([("a.iso", 5_000_000)], 262_144, v1=True, v2=False)  # doctest: +SKIP
        >>> while not job.wait(0.05):
        ...     print(job.progress())
        >>> len(job.pieces())
        400
    """

    def __new__(
        cls,
        files: Sequence[tuple[str | bytes | PathLike[str] | Memory | None, int]],
        piece_length: int,
        *,
        v1: bool,
        v2: bool,
        sha256: bool = False,
        threads: int = 0,
        kernel: str | None = None,
    ) -> Hashing:
        """Start hashing.

        Args:
            files: Path and length in bytes of each file, in the order of the torrent. Memory in
                place of a path is hashed where it lies. None is padding: so many zeros (BEP 47).
                With both `v1` and `v2`, padding must let every file begin at a piece; with `v2`
                alone, files do so without it (BEP 52).
            piece_length: Bytes; for `v2` a power of two from 16 KiB.
            v1: Compute the SHA-1 piece list (BEP 3).
            v2: Compute merkle roots and piece layers (BEP 52).
            sha256: Compute the SHA-256 of each file, on as many threads beside.
            threads: How many; 0 for one a core.
            kernel: Use only this one of `kernels()`.

        Raises:
            ValueError: The piece length, padding or kernel is impossible.
        """

    def wait(self, timeout_s: float) -> bool:
        """Wait, without holding the interpreter, until the job has finished; say whether it has.

        Raises:
            OSError: A file could not be read; `filename` says which. A file that changed meanwhile
                has `errno.ESTALE`.
            RuntimeError: The job was cancelled.
        """

    def progress(self) -> int:
        """Bytes of content hashed so far."""

    def cancel(self) -> None:
        """Ask the threads to stop, which they do within milliseconds, and return at once."""

    def pieces(self) -> bytes:
        """v1: 20 bytes a piece, once `wait` has returned True."""

    def roots(self) -> list[tuple[bytes, bytes]]:
        """v2: pieces root and piece layer of each of `files`, once `wait` has returned True.

        The layer is empty for files of at most one piece, both are for empty files and padding.
        """

    def checksums(self) -> list[bytes]:
        """SHA-256 of each of `files`, empty for padding, once `wait` has returned True."""

def kernels() -> list[str]:
    """Names of the hashing kernels that this CPU can run, the best for many pieces first."""

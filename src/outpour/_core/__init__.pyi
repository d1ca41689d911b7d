"""The native half of outpour: hashing and tracking, on threads without the interpreter.

At run time this is one module without parts; its description has a file for each class. `Cluster`,
`CountBatch`, `Ledger`, `Logged`, `Snapshot`, `Tracker` and `Usage` are there on Linux alone.
"""

from os import PathLike

from outpour._core.cluster import Cluster
from outpour._core.count_batch import CountBatch
from outpour._core.hashing import Hashing, kernels
from outpour._core.ledger import Ledger
from outpour._core.logged import Logged
from outpour._core.memory import Memory
from outpour._core.snapshot import Snapshot
from outpour._core.tracker import Tracker
from outpour._core.usage import Usage

__all__ = [
    "Cluster",
    "CountBatch",
    "Hashing",
    "Ledger",
    "Logged",
    "Memory",
    "Snapshot",
    "Tracker",
    "Usage",
    "__version__",
    "give_back_free_memory",
    "kernels",
    "list_folder",
]

__version__: str

def give_back_free_memory() -> None:
    """Give the system the memory that lies free between blocks in use, where glibc keeps it.

    Takes well below a millisecond for what Python allocates.
    """

def list_folder(
    folder: str | PathLike[str],
) -> list[tuple[str, int, int, int, int, int]]:
    """List a folder in the byte order of its names, without following links.

    Returns:
        For each entry its name, mode, device, inode, length in bytes and time of the last change in
        nanoseconds since 1970. All but the name are 0 where the entry's status cannot be had.

    Raises:
        OSError: The folder cannot be read.
    """

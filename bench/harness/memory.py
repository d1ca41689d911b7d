"""The state of memory that whoever is measured finds."""

from __future__ import annotations

from pathlib import Path

from harness.content import MIB


def settle(folder: Path, length: int) -> None:
    """Have memory full of cached pages, as on a machine that has been up for a while.

    A virtual machine may give memory that is free back to its host (free page reporting), which
    has to find it anew, page by page, when it is next touched: there a program that writes 2 GiB in
    calls of 1 MiB took 0.45 to 2.6 CPU seconds, by where the kernel found room for each. Where no
    memory is left free, what is written takes the place of what was cached, for 0.44 to 0.66.

    Args:
        folder: Gets a file of no blocks whose pages are cached; to be the same each time.
        length: Bytes that are about to be written.
    """
    path = folder / "cached.bin"
    if not path.exists():
        path.touch()
        with path.open("rb+") as file:
            file.truncate(max(0, _available() - 3 * length // 2))
    buffer = bytearray(MIB)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0

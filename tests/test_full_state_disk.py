"""State on a disk without room: one name for it, and nothing is taken for damage."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = ["unshare", "-rm", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"'
TRIAL = """
import contextlib, os, sys
from pathlib import Path
from outpour.base.errors import OutpourError
from outpour.publisher.state_database import open_database
from outpour.tracker.cluster.cluster_memory import ClusterMemory
from outpour.tracker.state.store import Store

folder = Path(sys.argv[1])
memory = ClusterMemory(folder / "tracker.sqlite", lambda: 0.0)
memory.set_facts({"node": b"here"})
memory.close()
takers = {
    "catalogue": lambda: open_database(folder / "catalogue.db", [], lambda _: None),
    "tracker": lambda: Store(folder / "tracker.sqlite"),
    "cluster": lambda: ClusterMemory(folder / "tracker.sqlite", lambda: 0.0),
}
fillers = []
if "nr_inodes" in sys.argv[2]:
    with contextlib.suppress(OSError):
        while True:
            fillers.append(folder / f"filler{len(fillers)}")
            fillers[-1].touch(exist_ok=False)
    fillers.pop()
else:
    fillers.append(folder / "filler")
    with contextlib.suppress(OSError), fillers[0].open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
for spare in range(12):
    for name, taker in takers.items():
        try:
            taker()
        except OutpourError as error:
            print(name, error.exit_code, error.message, "/", error.hint)
    for path in folder.iterdir():
        if path not in fillers and "cluster" not in path.name:
            path.unlink()
    if "nr_inodes" in sys.argv[2]:
        fillers.pop().unlink()
    else:
        os.truncate(fillers[0], fillers[0].stat().st_size - 8192)
for path in folder.glob("*.cluster*damaged*"):
    print(path)
for path in fillers:
    path.unlink()
print(ClusterMemory(folder / "tracker.sqlite", lambda: 0.0).fact("node"))
"""


def has_namespaces() -> bool:
    words = [*WORDS, "mount -t tmpfs none /mnt"]
    return shutil.which("unshare") is not None and not subprocess.run(words, check=False).returncode


@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
@pytest.mark.parametrize("limit", ["size=1m", "size=1m,nr_inodes=40"])
def test_a_full_disk_has_one_name_and_is_no_damage(tmp_path: Path, limit: str):
    done = subprocess.run(
        [*WORDS, MOUNT, limit, tmp_path, sys.executable, "-c", TRIAL, tmp_path, limit],
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    *told, node = done.stdout.splitlines()
    assert node == "b'here'"
    assert {line.split()[0] for line in told} == {"catalogue", "tracker", "cluster"}
    name = r"no space left on device|the disk is full"
    words = re.compile(rf"\w+ 5 `[^`]+`: ({name}) / (free some space|make room)")
    assert [line for line in told if not words.match(line)] == []

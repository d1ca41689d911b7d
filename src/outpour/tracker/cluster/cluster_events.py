"""What happened in a cluster, as frozen values; `str(event)` is the line for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outpour.base.event import Event


@dataclass(frozen=True, slots=True)
class ServerReached(Event):
    """A server of the cluster is reached, for the first time or again."""

    kind = "cluster"

    url: str
    name: str
    others: int

    def __str__(self) -> str:
        nodes = f"{self.others} other node{'s' if self.others != 1 else ''}"
        return f"`{self.url}`: in cluster `{self.name}`, {nodes} there"


@dataclass(frozen=True, slots=True)
class ServerLost(Event):
    """A server of the cluster is not reached, refuses, or is full."""

    is_trouble = True
    kind = "cluster"

    url: str
    why: str

    def __str__(self) -> str:
        return f"`{self.url}`: {self.why}; going on alone, and trying again"


@dataclass(frozen=True, slots=True)
class SwarmsGiven(Event):
    """This node told the others all that it holds."""

    kind = "cluster"

    is_to_all: bool

    def __str__(self) -> str:
        if self.is_to_all:
            return "told the other nodes all swarms, as some news may have got lost"
        return "told a new node all swarms"


@dataclass(frozen=True, slots=True)
class SwarmsTaken(Event):
    """This node took in all that another one holds."""

    kind = "cluster"

    name: str
    changes: int

    def __str__(self) -> str:
        return f"took in all swarms of node `{self.name}`: {self.changes} peers were news"


@dataclass(frozen=True, slots=True)
class NobodyAnswered(Event):
    """No node gave its swarms; peers come as they announce."""

    is_trouble = True
    kind = "cluster"

    def __str__(self) -> str:
        return "no other node gave its swarms in time; peers come as they announce"


@dataclass(frozen=True, slots=True)
class NameTaken(Event):
    """Two nodes are called the same."""

    is_trouble = True
    kind = "cluster"

    name: str

    def __str__(self) -> str:
        return f"another node is called `{self.name}` too; `--node NAME` tells them apart"


@dataclass(frozen=True, slots=True)
class CountsFound(Event):
    """The server has counted more for this node than its state, which is an older copy."""

    is_trouble = True
    kind = "cluster"

    torrents: int
    downloads: int

    def __str__(self) -> str:
        return (
            f"the state is older than what the cluster knows of this node: {self.downloads} "
            f"downloads of {self.torrents} torrents are counted again"
        )


@dataclass(frozen=True, slots=True)
class MemoryDamaged(Event):
    """What was remembered of the cluster cannot be read; it is asked again."""

    is_trouble = True
    kind = "cluster"

    aside: Path

    def __str__(self) -> str:
        return f"what was known of the cluster is damaged; set aside as `{self.aside.name}`"


@dataclass(frozen=True, slots=True)
class MemoryNotSaved(Event):
    """What is known of the cluster cannot be saved now."""

    is_trouble = True
    kind = "cluster"

    why: str

    def __str__(self) -> str:
        return f"{self.why}; what is known of the cluster is tried again to save"

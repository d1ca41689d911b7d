"""What trackers that act as one tell each other."""

from collections.abc import Sequence
from typing import final

from outpour._core.tracker import Tracker

@final
class Cluster:
    """A tracker as one node of several: swarm events out, and those of the others in.

    Events are blobs, never single ones. A blob may come late, in another order or more than once:
    of two words about a peer the later one counts, at all nodes alike. A peer that says the same
    again within half its `peer_timeout_s` makes no event, and so a silent one is kept for one and a
    half of it. Peers of other nodes are given, counted and swept as all, and are no announces.

    What is counted lies in `Tracker.counters`: `cluster_events_out`, `cluster_blobs_out`,
    `cluster_bytes_out`; `cluster_events_in` and of these `cluster_events_stale` (something later
    was known) and `cluster_events_refused` (not served here, or no room); `cluster_blobs_in`,
    `cluster_bytes_in`, `cluster_blobs_refused`; `cluster_dropped_refreshes`,
    `cluster_dropped_changes` (for want of room to wait); `cluster_withdrawn`; and what is held now:
    `cluster_queued_bytes`, `cluster_tombstone_bytes`.
    """

    def __new__(cls, tracker: Tracker) -> Cluster:
        """See to a tracker whose configuration has `cluster_bytes_max`.

        Raises:
            RuntimeError: It has none, so that the tracker is alone.
        """

    def take(self, limit_bytes: int, part: int = 0) -> bytes:
        """Take the next events for the other nodes, changes before refreshes.

        What was dropped for want of room is told from the store once nothing else waits, but for
        peers that went.

        Args:
            limit_bytes: What the blob may have, about; of what is told from the store there may be
                more.
            part: Which range of infohashes, below `cluster_parts`.

        Returns:
            A blob; empty if there is nothing to tell.
        """

    def apply(self, blob: bytes, age_s: float) -> int:
        """Take in a blob of another node, or what `page` gave of it, all or nothing.

        A blob that this very process made changes nothing. One that it made before it was started
        again is taken in as any.

        Args:
            blob: What `take` or `page` gave elsewhere.
            age_s: How long ago, as the carrier measures it. It matters as long as the nodes do not
                go by a common clock, which the first blob that is taken in brings about.

        Returns:
            How many events changed something.

        Raises:
            ValueError: It is damaged, or of an unknown version; nothing is taken in.
        """

    def page(self, at: int, bytes_min: int) -> tuple[bytes, int | None]:
        """All peers, and the marks of downloads counted lately, as blobs for a node that joins.

        It is to read the events from before the first page on, and may apply all in any order.

        Args:
            at: Where the page begins: 0, or what came with the last page.
            bytes_min: What the blob is to have at least, unless it is the last.

        Returns:
            A blob, and where the next page begins; None after the last.
        """

    def set_foreign(self, counts: Sequence[tuple[bytes, int]]) -> None:
        """Set what scrapes and pages show beside the downloads counted here.

        Args:
            counts: Infohash, and what the other nodes counted less what was taken back, there and
                here; it may be below zero. Torrents that are not named keep what they had.

        Raises:
            ValueError: An infohash has not 20 bytes.
        """

    def take_counted_here(self) -> bytes:
        """Take the downloads counted here since they were last taken, to be kept.

        A download is only taken back as long as it is known; after a start `recall_counted_here`
        makes it known again.

        Returns:
            28 bytes of each: the mark, which `Tracker.recall_counted` takes as well, and infohash.
        """

    def recall_counted_here(self, counted: bytes, *, is_told: bool) -> None:
        """Know again of downloads that an earlier run counted and did not take back.

        Args:
            counted: 28 bytes of each.
            is_told: The earlier run has told the other nodes of all; else they are told now.
        """

    def make_old(self, silent_s: float) -> int:
        """Have peers that said nothing for so many seconds gone in two minutes, or by `drop_old`.

        Whatever another node then says of them counts, and keeps them: for a node that takes in
        what the others hold, after it missed who stopped.

        Returns:
            How many these are.
        """

    def drop_old(self) -> int:
        """Have those gone now of whom no other node has said anything since `make_old`.

        Returns:
            How many these are.
        """

    def take_withdrawn(self) -> tuple[list[tuple[bytes, int]], list[bytes]]:
        """Take the downloads counted here that another node counted as well: by torrent, and marks.

        Of the nodes that counted a download in the same moment all but the one with the lowest
        `cluster_node` take it back. What is shown is less by it already; it is to be kept, told to
        the other nodes, and left in what `set_foreign` is given from now on.
        """

"""What an administrator can do with a running mirror."""

from __future__ import annotations

from outpour.base.errors import UsageError
from outpour.publisher.seeder_deeds import SeederDeeds
from outpour.tracker.verification import Verification

NOT_HERE = "a mirror has what its publisher lists, and nothing else"


class MirrorDeeds(SeederDeeds):
    """Does with a mirror what an administrator wants."""

    async def publish(self, path: str) -> bytes | None:
        """Publish content; a mirror publishes none of its own."""
        raise UsageError(f"`{path[:200]}`: {NOT_HERE}")

    def verify(self, infohash: bytes) -> Verification:
        """Compare content with its torrent; what a mirror fetched was compared as it came."""
        raise UsageError(f"`{infohash.hex()}`: a mirror compares what it fetches as it comes")

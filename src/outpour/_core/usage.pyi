"""Who uses the tracker, and who is turned away."""

from typing import final

@final
class Usage:
    """What was seen most since it was last taken, each with about how many announces or requests.

    Numbers are estimates from samples, exact while few come, and none is too high by more than
    chance. Tables hold 128 rows: what makes up less may be missing.
    """

    @property
    def clients(self) -> list[tuple[bytes, int]]:
        """Beginnings of peer ids that name a client and its version (BEP 20), with announces.

        Up to 8 letters, digits, dashes and dots; empty for all that name none.
        """

    @property
    def agents(self) -> list[tuple[bytes, int]]:
        """First products of the field `User-Agent`, with announces over HTTP.

        Up to 24 printable bytes of ASCII; empty where there is none.
        """

    @property
    def refused_torrents(self) -> list[tuple[str, bytes, int]]:
        """Cause, infohash and announces of torrents that were refused."""

    @property
    def refused_addresses(self) -> list[tuple[str, str, int]]:
        """Cause, address and requests of those who were refused; of IPv6 the first 64 bits."""

    @property
    def refused_clients(self) -> list[tuple[str, bytes, int]]:
        """Cause, beginning of the peer id as in `clients`, and announces that were refused."""

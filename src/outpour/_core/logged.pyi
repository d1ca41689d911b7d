"""A row of the tracker's log."""

from typing import final

@final
class Logged:
    """A request that the tracker answered: what a line of its log is written from.

    Announces and scrapes are logged, refused ones too; over UDP once their connection id is proven.
    """

    @property
    def at_s(self) -> float:
        """When it was answered, in seconds since 1970."""

    @property
    def host(self) -> str:
        """Address that asked; behind a trusted proxy, the address of the proxy's client."""

    @property
    def asked(self) -> str:
        """`announce` or `scrape`."""

    @property
    def infohash(self) -> bytes | None:
        """None, with the next four, of a scrape and of an announce that could not be read."""

    @property
    def peer_id(self) -> bytes | None:
        """20 bytes that the client chose."""

    @property
    def port(self) -> int | None:
        """Where the peer listens."""

    @property
    def left(self) -> int | None:
        """Bytes still to download; 2**64 - 1 where the client did not say."""

    @property
    def event(self) -> str | None:
        """`started`, `completed`, `stopped`, `paused`, or empty."""

    @property
    def reached(self) -> bool | None:
        """The result, if this is no request but a NAT check of the peer that announced this."""

    @property
    def cause(self) -> str | None:
        """What stood against it, as `Tracker.request_counts` has it; None where it was answered."""

    @property
    def failure(self) -> str | None:
        """Why it was refused, in words."""

    @property
    def request(self) -> bytes | None:
        """Request line as it came, cut at 2 KiB; None over UDP, as are the next three."""

    @property
    def referer(self) -> bytes | None:
        """The field of that name, where there is one; cut at 2 KiB, as is the next."""

    @property
    def user_agent(self) -> bytes | None:
        """The client, by its own word, where it gives one."""

    @property
    def answer_bytes(self) -> int | None:
        """Bytes of the answer's body; 0 of a full scrape, which is sent later."""

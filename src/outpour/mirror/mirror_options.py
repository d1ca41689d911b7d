"""What a person decides about a mirror."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import UsageError
from outpour.base.http_route import DIRECT, Route
from outpour.base.web_url import check_web_url
from outpour.mirror.wishes import Wishes
from outpour.publisher.publish_options import PublishOptions

DAY_S = 86_400.0
GRACE_S = 7 * DAY_S
FEED_EVERY_S = 300.0
FEED_EVERY_MIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOptions:
    """What to mirror, and how.

    Attributes:
        source: URL of the page of a publisher, or of a feed.
        folder: Where content goes.
        serving: Page, tracker, seeder and state of the mirror, in the words of a publisher.
        wishes: Which torrents are wanted.
        delete: Delete content that was withdrawn.
        grace_s: Seconds for which the publisher has to list a torrent no longer, while it answers,
            until that is believed.
        token_file: Holds the token by which the mirror registers; None does not.
        route: By which way publisher and web seeds are asked.
        feed_every_s: Seconds between two looks at a feed.

    Raises:
        UsageError: A value is out of bounds.
    """

    source: str
    folder: Path
    serving: PublishOptions
    wishes: Wishes = Wishes()  # noqa: RUF009 - it is frozen
    delete: bool = False
    grace_s: float = GRACE_S
    token_file: Path | None = None
    route: Route = DIRECT
    feed_every_s: float = FEED_EVERY_S

    def __post_init__(self) -> None:
        if not self.source[:8].lower().startswith(("http://", "https://")):
            raise UsageError(
                f"`{self.source}`: not the URL of a publisher",
                hint="write the address of its page, such as `http://publisher.example:6969/`",
            )
        check_web_url(self.source)
        if self.feed_every_s < FEED_EVERY_MIN_S:
            raise UsageError("`--every`: a feed is asked once a second at most")
        if self.wishes.keep is not None and self.wishes.keep < 1:
            raise UsageError("`--keep`: the newest one at least")

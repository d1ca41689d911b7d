"""A client of what is published: the API of a tracker, and feeds of any program.

`Client` lists torrents, follows how they change, and does what administrators do; `fetch_feed`
reads RSS, Atom and JSON Feed.

client = Client("http://publisher:6969/")
for torrent in client.torrents("tool"):
    print(torrent.name, torrent.complete)
"""

from outpour.client.answers import (
    ListedCopy,
    ListedFile,
    ListedSidecar,
    ListedTorrent,
    Numbers,
    Stats,
    TorrentPage,
)
from outpour.client.api_client import Client
from outpour.client.feed_entry import Feed, FeedEntry
from outpour.client.feed_reader import FetchedFeed, fetch_feed, is_feed, read_feed
from outpour.client.problem_answer import ProblemAnswered

__all__ = [
    "Client",
    "Feed",
    "FeedEntry",
    "FetchedFeed",
    "ListedCopy",
    "ListedFile",
    "ListedSidecar",
    "ListedTorrent",
    "Numbers",
    "ProblemAnswered",
    "Stats",
    "TorrentPage",
    "fetch_feed",
    "is_feed",
    "read_feed",
]

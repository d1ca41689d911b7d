"""A client of the API: what a tracker lists, how it changes, and what administrators do.

client = Client("http://publisher:6969/")
for torrent in client.torrents("tool"):
    print(torrent.name, torrent.complete)
"""

from outpour.client.answers import (
    ListedCopy,
    ListedFile,
    ListedTorrent,
    Numbers,
    Stats,
    TorrentPage,
)
from outpour.client.api_client import Client
from outpour.client.problem_answer import ProblemAnswered

__all__ = [
    "Client",
    "ListedCopy",
    "ListedFile",
    "ListedTorrent",
    "Numbers",
    "ProblemAnswered",
    "Stats",
    "TorrentPage",
]

"""Downloads and seeds until a goal is reached: sources in, progress and outcomes out.

`sources` turns what a person names into torrents, `selection` says which of their files are
wanted, and `job` drives the engine, keeping what it knows for the next run; `seeding` does the same
for content that is there already, and `metadata` gets a .torrent for a magnet link.
"""

from __future__ import annotations

from outpour.downloader.completion_commands import CompletionCommands
from outpour.downloader.download_job import Job
from outpour.downloader.download_options import DownloadOptions, SeedGoal
from outpour.downloader.download_run import DownloadRun
from outpour.downloader.followed_sources import FollowedSources
from outpour.downloader.ip_filter_file import read_ip_filter
from outpour.downloader.metadata_job import MetadataJob
from outpour.downloader.outcome import CommandFailed, Completed, Failed, Note, Outcome
from outpour.downloader.rate_schedule import Rates, RateSchedule
from outpour.downloader.seed_job import SeedJob
from outpour.downloader.seed_run import SeedRun
from outpour.downloader.sources import Asking, resolve
from outpour.downloader.taken_keys import TakenKeys
from outpour.downloader.watched_folder import WatchedFolder

__all__ = [
    "Asking",
    "CommandFailed",
    "Completed",
    "CompletionCommands",
    "DownloadOptions",
    "DownloadRun",
    "Failed",
    "FollowedSources",
    "Job",
    "MetadataJob",
    "Note",
    "Outcome",
    "RateSchedule",
    "Rates",
    "SeedGoal",
    "SeedJob",
    "SeedRun",
    "TakenKeys",
    "WatchedFolder",
    "read_ip_filter",
    "resolve",
]

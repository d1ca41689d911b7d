"""Downloads and seeds until a goal is reached: sources in, progress and outcomes out.

`sources` turns what a person names into torrents, `selection` says which of their files are
wanted, and `job` drives the engine, keeping what it knows for the next run; `seeding` does the same
for content that is there already, and `metadata` gets a .torrent for a magnet link.
"""

from __future__ import annotations

from outpour.downloader.download_job import Job
from outpour.downloader.download_options import DownloadOptions, SeedGoal
from outpour.downloader.metadata_job import MetadataJob
from outpour.downloader.outcome import Completed, Failed, Note, Outcome
from outpour.downloader.seed_job import SeedJob
from outpour.downloader.sources import Asking, resolve

__all__ = [
    "Asking",
    "Completed",
    "DownloadOptions",
    "Failed",
    "Job",
    "MetadataJob",
    "Note",
    "Outcome",
    "SeedGoal",
    "SeedJob",
    "resolve",
]

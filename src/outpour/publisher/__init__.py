"""The whole job: one call turns folders into a live distribution.

`publish_job` keeps the folders and what is published the same; `torrent_of_entry` and `made`
make each torrent once; `seeder` seeds; `published_view` shows it all to the web. Nothing here
speaks a protocol.
"""

from outpour.publisher import publish_events as events
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.run import publish

__all__ = ["PublishOptions", "events", "publish"]

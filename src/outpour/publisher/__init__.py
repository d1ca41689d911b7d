"""The whole job: one call turns folders into a live distribution.

`job` keeps folders and shelf the same; `making` and `catalogue` make each torrent once; `seeder`
seeds; `window` shows it all to the web. Nothing here speaks a protocol.
"""

from outpour.publisher import events
from outpour.publisher.house import publish
from outpour.publisher.options import PublishOptions

__all__ = ["PublishOptions", "events", "publish"]

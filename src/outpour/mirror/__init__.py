"""A whole job: one call follows a publisher, fetches all it lists, and serves it in turn.

`follower` hears what the publisher lists, from `publisher_source` or `feed_source`; `mirror_job`
keeps what is held, placed and shown in line with it. `holdings` remember, `placement` knows where
content lies, `transfers` has the peer engine.
"""

from outpour.mirror.mirror_options import MirrorOptions
from outpour.mirror.mirror_run import mirror
from outpour.mirror.wishes import Wishes

__all__ = ["MirrorOptions", "Wishes", "mirror"]

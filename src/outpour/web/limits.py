"""The limits of the web side, each a number with its unit and its reason."""

from __future__ import annotations

CONNECTIONS_MAX = 1024
"""Open connections; above it the longest idle one is closed. A page and its stream take two."""

CONNECTIONS_PER_ADDRESS_MAX = 256
"""Open connections of one address, or IPv6 /64: more than a household has, a quarter of all."""

CONNECTIONS_SPARE_MAX = 64
"""Connections beyond these limits, to answer 503 on, and `/healthz` as ever."""

READ_BYTES = 64 << 10
"""Bytes read from a connection at once."""

REQUEST_BYTES_MAX = 32 << 10
"""A request line with its headers, and with its body where that is no upload."""

UPLOADS = (b"POST", (b"/api/v1/torrents", b"/admin/torrents"))
"""Method and ends of the paths that take a longer body: a .torrent from an administrator."""

UPLOAD_BYTES_MAX = 32 << 20
"""Such a body. Nothing is kept of it before its sender is known, and its reader takes it as it
comes."""

UPLOAD_S = 120.0
"""Time to send it."""

REQUEST_S = 10.0
"""Time to send a whole request, so that a trickle of bytes cannot hold a connection."""

KEEP_ALIVE_S = 15
"""Idle time between two requests; a web seed asks for its next piece well within it."""

HOLD_S = 2
"""The same before a connection on which content was asked for goes back to whoever accepted it."""

WRITE_STALL_S = 60.0
"""Time without a byte taken by the reader before its connection is cut."""

STOP_S = 1.2
"""Time for requests in progress when stopping; what is left is cut."""

EVENT_CLIENTS_MAX = 600
"""Open event streams; one more gets 503 and its page goes on without live numbers."""

EVENT_CLIENTS_PER_ADDRESS_MAX = 64
"""Open event streams of one address, or IPv6 /64."""

EVENT_QUEUE_MAX = 16
"""Messages waiting for one reader of the event stream before it is dropped as too slow."""

EVENT_TURN_S = 1.0
"""Pause between two looks at the numbers, while anyone listens."""

EVENT_HEARTBEAT_S = 15.0
"""Silence after which a comment is sent, so that proxies keep the stream and dead peers show."""

EVENT_SEND_S = 10.0
"""Time for one message to enter the socket before its reader is dropped as too slow."""

PAGE_ROWS_MAX = 50
"""Torrents on one page; more are reached by page links. Some 150 KB, 12 KB as it is sent."""

GROUPS_MAX = 200
"""Groups that are offered by name; those beyond it are reached by their URLs."""

GROUPS_SHOWN = 6
"""Groups whose newest torrent is shown at once; those of more fold away."""

WRITING_BYTES_MAX = 64 << 10
"""A description; a larger file is content, and not shown. A hostile one takes some seconds."""

WRITINGS_KEPT = 64
"""Descriptions that are kept as HTML."""

WRITING_SHOWN = 900
"""Letters of a description that are shown at once; what is longer folds away."""

SPARKLINES_WAIT_S = 0.1
"""How long a page waits for histories that nobody has looked at yet; they come by themselves."""

SPARKLINES_TYPED_S = 0.005
"""The same of who types a search, and is shown rows with each letter."""

CHARTS_KEPT = 2048
"""Small drawings that are kept until their history goes on: two or three kilobytes each."""

DRAWINGS_KEPT = 64
"""Large drawings that are kept until their minute is over: some fifty kilobytes each."""

ROWS_KEPT = 2048
"""Rows that are kept as HTML until they change: some three kilobytes each."""

PAGES_KEPT = 32
"""Pages kept as they were sent last, until what they show changes."""

PAGES_KEPT_BYTES_MAX = 8 << 20
"""The same in bytes, compressed forms included."""

ORDERS_KEPT = 16
"""Orders of all rows that are kept until the rows change: a reference a row each."""

SORTED_AT_ONCE_MAX = 1000
"""Rows that are sorted at once, within a millisecond; more are sorted beside the event loop."""

API_ROWS = 500
"""Torrents in one answer of the API unless it is asked for more; it names the URL of the next."""

API_ROWS_MAX = 10_000
"""Torrents in one answer of the API at most."""

METRICS_ROWS_MAX = 1000
"""Torrents with metrics of their own; above it only sums are given, as series cost memory."""

FEED_ITEMS_MAX = 100
"""Newest torrents in the feed."""

TREE_FILES_MAX = 2000
"""Files in the tree of a torrent's page; the folder listing and the API have the others."""

TREE_DEPTH_MAX = 16
"""Folders inside folders in the tree of a torrent's page; deeper paths are joined."""

SPARKLINE_PARTS_MAX = 16
"""Stretches of the small drawing beside a torrent, seven pixels and up to four points each."""

CHART_PARTS_MAX = 240
"""Stretches of a chart: about three pixels of its width each."""

RANGES_MAX = 16
"""Byte ranges in one request after joining; more are answered with the whole file (RFC 9110)."""

CONTENT_WINDOW_BYTES = 4 << 20
"""Bytes of a file that the kernel is asked to send in one step."""

CONTENT_CHUNK_BYTES = 1 << 20
"""Bytes of a file in memory, where the kernel cannot send it itself."""

FILE_HEADERS_KEPT = 256
"""Files whose headers are kept, some 2 KB each."""

FILES_HELD = 64
"""Files that are held open after they were asked for."""

HELD_S = 2.0
"""For how long: a web seed asks for its next piece well within it, and a disk is not kept busy."""

SLOW_LOOK_S, SLOW_REST_S = 0.01, 10.0
"""A look at a path that kept the event loop waiting, and how long none is done there then."""

FOLDER_ENTRIES_MAX = 1000
"""Files and folders on one page of a listing."""

ARCHIVES_MAX = 64
"""Archives of folders that are sent at once: each reads its files through this process."""

ARCHIVE_CHUNK_BYTES = 128 << 10
"""Bytes of a file in memory for each archive that is sent, and as many in its socket."""

ARCHIVE_FILES_MAX = 20_000
"""Files of a torrent whose folders are sent as archives; the directory of one is 100 bytes each."""

FACTS_KEPT = 16
"""Torrents whose metainfo is kept parsed, for their pages and the web seed."""

NAMES_KEPT_S = 1.0
"""Time for which URLs are those of before, unless a torrent or its content came or went."""

COST_FACTOR = 10
"""A value computed for everyone is kept this many times as long as it took to compute."""

NAMED_AT_ONCE_MAX = 500
"""Torrents whose URLs are worked out at once; those of more are, beside the event loop."""

PACKED_BYTES_MIN = 1024
"""Smaller texts fit one packet and are not compressed."""

WEB_SEED_URL_MAX, WEB_SEED_WHERE_MAX = 2000, 1000
"""Characters of a web seed that an administrator names, and of the pattern of names it is for."""

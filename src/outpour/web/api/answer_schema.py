"""What the answers of the API hold, as JSON Schema (2020-12), each object once."""

from __future__ import annotations

from typing import get_args

from outpour.tracker.rates import CHANGEABLE, SEEDER_RATES, bounds
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.verification import VerificationState
from outpour.web.api.problem import KINDS
from outpour.web.api.schema_words import (
    Schema,
    flag,
    known,
    many,
    number,
    or_null,
    real,
    text,
    whole,
)
from outpour.web.content_copy import CopyNamer, CopyState
from outpour.web.mirror_list import MirrorState
from outpour.web.visitors.beside import SidecarKind

INFOHASH_FORM = "^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$"
_IPV4 = (
    r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}"
)
_IPV6 = "([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
_IPV6_SHORT = "([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,5})?::"
_BITS = "(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
NETWORK_FORMS = (
    f"^{_IPV4}(/(3[0-2]|[12]?[0-9]))?$",
    f"^{_IPV6}{_BITS}$",
    f"^{_IPV6_SHORT}{_BITS}$",
)
"""How addresses and networks are written; other spellings of IPv6 are understood as well."""
CLIENT_FORM = r"^([!-$&-.0-~]|%([013-7][0-9A-F]|2[0-46-9A-F])){1,20}$"
"""How beginnings of peer ids are written; bytes beyond ASCII are for `client_deny_list`."""
_YEAR = "(19(7[1-9]|[89][0-9])|[2-8][0-9]{3})"
_DAY = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?"
TIME_FORM = f"^{_YEAR}-{_DAY}({_TIME})?$"
"""How a date or a moment is written (ISO 8601); other spellings are understood as well."""

_DIGEST = text(
    "What peers announce: SHA-1 of the info dictionary, or the first 20 bytes of its SHA-256.",
    pattern="^[0-9a-f]{40}$",
)
_COUNTS: dict[str, Schema] = {
    "complete": number("Connected seeders."),
    "downloading": number("Connected leechers."),
    "downloaded": number("Completed downloads reported, ever."),
    "transferred": or_null(number("Length times downloaded, in bytes.")),
}
TORRENT: dict[str, Schema] = {
    "infohash": _DIGEST,
    "infohash_v2": or_null(
        text("SHA-256 of the info dictionary (BEP 52).", pattern="^[0-9a-f]{64}$")
    ),
    "name": or_null(text("Name inside the metainfo.")),
    "length": or_null(number("Size of the content in bytes.")),
    "file_count": or_null(number("Number of files.")),
    "version": {"enum": ["v1", "v2", "hybrid", None], "description": "Kind of torrent."},
    "private": flag("Peers come from the tracker only (BEP 27)."),
    "created": {
        "type": ["integer", "null"],
        "description": "Creation date of the metainfo, or the date of its file, in Unix seconds.",
    },
    "comment": or_null(text("Comment inside the metainfo.")),
    "group": or_null(text("The group it is listed in: by default the folder of its content.")),
    **_COUNTS,
    "magnet": or_null(text("Magnet link.")),
    "page_url": text("Page of the torrent.", format="uri"),
    "torrent_url": or_null(text("The .torrent file.", format="uri")),
    "torrent_tag": or_null(
        text("Changes with the .torrent file, also where its infohash stays; null without one.")
    ),
    "content_url": or_null(
        text("The content itself: a file, or a folder without its last slash.", format="uri")
    ),
    "web_seeds": many(text(), "Web seeds inside the metainfo (BEP 19)."),
    "licence": or_null(
        text("Under which terms it may be used: as said of it, else of all that is published.")
    ),
    "about_tag": or_null(
        text(
            "Changes with what is told of it alone and stands in no file: a description in the "
            "publisher's catalogue, checksums that were made with it; null where nothing is."
        )
    ),
}
DETAIL: dict[str, Schema] = {
    **TORRENT,
    "piece_length": or_null(number("Bytes in a piece.")),
    "piece_count": or_null(number("Number of pieces.")),
    "created_by": or_null(text("Program that made the metainfo.")),
    "trackers": or_null(many(many(text()), "Tiers of trackers inside the metainfo (BEP 12).")),
    "files": or_null(many(known("File"), "Files without padding; null if they are not known.")),
    "description": or_null(
        text("What the publisher wrote beside the content, as it stands there.")
    ),
    "description_from": {
        "enum": ["catalogue", "file", None],
        "description": "Where that stands: in the publisher's catalogue, as Markdown, or in a file "
        "beside the content or in it.",
    },
    "sidecars": many(known("Sidecar"), "Files that belong to the content: checksums, signatures."),
    "copies": many(known("Copy"), "Copies on other servers, those in `web_seeds` among them."),
    "history": many(known("Sample"), "Samples of the swarm, oldest first."),
}
_OF_SEEDER = {
    "upload_rate": "Bytes a second that the seeder sends; 0 is no limit.",
    "download_rate": "Bytes a second that it takes; 0 is no limit.",
}
_SUMS: dict[str, Schema] = {
    "torrents": number("Torrents listed."),
    "length": number("Bytes of all torrents of known length."),
    "complete_ips": number("Different addresses among seeders."),
    "complete": number("Connections of seeders."),
    "downloading_ips": number("Different addresses among leechers."),
    "downloading": number("Connections of leechers."),
    "downloaded": number("Completed downloads of the torrents listed."),
    "downloaded_all": number("Completed downloads of all torrents ever counted."),
    "transferred": number("Bytes of all completed downloads of known length."),
}
_RATES: dict[str, Schema] = {
    name: {
        "type": "integer",
        "description": _OF_SEEDER.get(name) or TrackerSettings.model_fields[name].description or "",
        "minimum": bounds(name)[0],
        "maximum": bounds(name)[1],
    }
    for name in (*CHANGEABLE, *SEEDER_RATES)
}
RATES_SET: dict[str, Schema] = {name: or_null(schema) for name, schema in _RATES.items()}
"""What can be changed; the first are settings of these names, with their bounds."""
RATES: dict[str, Schema] = {
    **{
        name: or_null(schema) if name in SEEDER_RATES else schema for name, schema in _RATES.items()
    },
    "changed": many(
        {"enum": [*_RATES]}, "Those that an administrator changed; the others are the settings'."
    ),
}
_ABOUT: dict[str, Schema] = {
    "version": text("Version of the tracker."),
    "server_time": number("Server time in Unix seconds."),
}
_NEXT = or_null(text("URL of the following part, null after the last.", format="uri"))
_WHEN = text(format="date-time")
_KEY: dict[str, Schema] = {
    "id": text("A name that tells nothing of the key.", pattern="^[0-9a-f]{12}$"),
    "label": text("Who has it, in the operator's words."),
    "made": or_null(_WHEN | {"description": "When it was made, null if the list does not say."}),
    "expires": or_null(_WHEN | {"description": "Until when it counts, null if for ever."}),
    "active": flag("Whether it counts now."),
    "announces": number("Announces with it, ever, refused ones included."),
    "last_used": or_null(
        _WHEN | {"description": "When it was last announced with, null if never."}
    ),
}

_SIDECAR: dict[str, Schema] = {
    "name": text("Name of the file."),
    "kind": {"enum": [*get_args(SidecarKind)], "description": "What it is for."},
    "length": number("Bytes."),
    "url": text("Direct download.", format="uri"),
}
_REGISTRATION: dict[str, Schema] = {
    "name": text("By which it is known here."),
    "url": text("Of its page.", format="uri"),
    "state": {
        "enum": [*get_args(MirrorState)],
        "description": "Visitors are told of those that are `counted`; one is `checking` until its "
        "first copy was found to be right, `gone` when it asks no more, and `lies` when it gave "
        "other bytes than were published.",
    },
    "since": number("Since when, in Unix seconds."),
    "seen": number("When it asked last, in Unix seconds."),
    "torrents": number("Whole ones, as it says, since the publisher's start."),
    "good": number("Those whose copies are right, and named."),
    "is_pinned": flag("It is among the first peers that everyone is told of."),
    "why": text("What is wrong with it, empty for nothing."),
}

SCHEMAS: dict[str, Schema] = {
    "Torrent": whole("A torrent and its swarm.", TORRENT),
    "TorrentDetail": whole("A torrent with its files and history.", DETAIL),
    "SomeOfTorrent": {
        "type": "object",
        "description": "What `fields` asks for of a torrent.",
        "minProperties": 1,
        "properties": dict(DETAIL),
        "additionalProperties": False,
    },
    "File": whole(
        "A file of a torrent.",
        {
            "path": many(text(), "Components inside the torrent."),
            "length": number("Bytes."),
            "url": or_null(text("Direct download.", format="uri")),
            "sha256": or_null(
                text("SHA-256 of the file; null if it is not known.", pattern="^[0-9a-f]{64}$")
            ),
            "modified": {
                "type": ["integer", "null"],
                "description": "When it was last written to, in Unix seconds; null where it is "
                "not served here.",
            },
        },
    ),
    "Sidecar": whole("A file that belongs to content.", _SIDECAR),
    "ListedSidecar": whole(
        "A file that belongs to content, with what it belongs to.",
        {
            **_SIDECAR,
            "group": or_null(text("The group of that.")),
            "modified": number("When it was last written to, in Unix seconds."),
            "tag": text("Changes with the file."),
        },
    ),
    "Sidecars": whole("All of them.", {"sidecars": many(known("ListedSidecar"))}),
    "Copy": whole(
        "A copy of a torrent's content on another server.",
        {
            "url": text("Its web seed (BEP 19)."),
            "state": {
                "enum": [*get_args(CopyState)],
                "description": "`good` was compared with the torrent, in part; `missing` is not "
                "there, or not yet; `wrong` has other content; `unchecked` was not looked at.",
            },
            "by": {
                "enum": [*get_args(CopyNamer)],
                "description": "Who named it: the publisher, the torrent itself, or a mirror.",
            },
            "since": or_null(number("Unix second from which on it is in this state.")),
            "checked": or_null(number("Unix second of the latest look.")),
        },
    ),
    "WebSeed": whole(
        "A place where copies of published content lie.",
        {
            "id": text("What it is called here.", pattern="^[0-9a-f]{12}$"),
            "url": text("URL of a folder, or one with `{path}` in it."),
            "where": or_null(text("Of what: a pattern of names or a path; null is everything.")),
            "made": or_null(_WHEN | {"description": "When it was named; null of the settings'."}),
            "made_by": or_null(text("Who named it; null of the settings'.")),
        },
    ),
    "WebSeeds": whole("All of them.", {"web_seeds": many(known("WebSeed"))}),
    "Sample": whole(
        "The swarm at a moment.",
        {
            "at": number("Unix seconds."),
            "complete": number("Seeders."),
            "downloading": number("Leechers."),
            "downloaded": number("Completed downloads up to then."),
        },
    ),
    "Totals": whole("Sums over the torrents listed.", _SUMS),
    "Listing": whole(
        "A part of the torrents.",
        {
            **_ABOUT,
            "matched": number("Torrents that match, in all parts."),
            "next": _NEXT,
            "revision": text("Changes when a torrent comes or goes, and when the server starts."),
            "totals": known("Totals"),
            "torrents": many({"anyOf": [known("Torrent"), known("SomeOfTorrent")]}),
        },
    ),
    "Stats": whole(
        "Sums and counters.",
        {
            **_ABOUT,
            "totals": known("Totals"),
            "counters": {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "description": "Counters of the tracker since it started.",
            },
        },
    ),
    "Numbers": whole(
        "The data of an event `numbers`.",
        {
            "at": number("Server time in Unix seconds."),
            "torrents": many(whole("Its numbers.", {"infohash": _DIGEST, **_COUNTS})),
            "totals": known("Totals"),
        },
        optional=("totals",),
    ),
    "Charts": whole(
        "Drawings.",
        {
            "at": {
                "type": "integer",
                "description": "Unix time in seconds of the latest sample, below 0 without any.",
            },
            "is_late": flag("The histories are still being read; ask again."),
            "charts": many(known("Chart")),
        },
    ),
    "Chart": whole(
        "The swarm of a torrent over time.",
        {
            "infohash": _DIGEST,
            "width": number("Of the drawing."),
            "height": number("Of the drawing."),
            "complete": text("SVG path of the seeders, in a drawing of this width and height."),
            "downloading": text("SVG path of the leechers."),
            "top": number("The count at the upper edge."),
            "began": number("Unix time in seconds at the left edge."),
            "ended": number("Unix time in seconds at the right edge."),
            "label": text("What the drawing says to who cannot see it."),
        },
    ),
    "Key": whole("A key of a private tracker, without what is secret of it.", _KEY),
    "NewKey": whole(
        "A key that was just made.",
        {
            **_KEY,
            "key": text("The key itself.", pattern="^[0-9A-Za-z_-]{1,64}$"),
            "announce_url": text(
                "Where who has it announces over HTTP; over UDP the path is the same (BEP 41)."
            ),
        },
    ),
    "Keys": whole("A part of the keys.", {"keys": many(known("Key")), "next": _NEXT}),
    "Rule": whole(
        "What an administrator allowed, denied or banned.",
        {
            "subject": text("What it is about, in its only spelling."),
            "made": _WHEN | {"description": "When."},
            "made_by": text("By whom: how the administrator was known, and from where."),
            "note": text("Why, in the administrator's words."),
        },
    ),
    "Rules": whole("A part of the rules.", {"rules": many(known("Rule")), "next": _NEXT}),
    "Rates": whole("What is in force now.", RATES),
    "Cluster": whole(
        "A cluster, as one of its nodes sees it.",
        {
            "name": text("Of the cluster."),
            "is_ready": flag("This node holds all that the others hold, or goes on alone."),
            "is_alone": flag("A server is not reached."),
            "nodes": many(known("ClusterNode")),
            "servers": many(known("ClusterServer")),
            "counts": {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "description": "What happened since the start, by name.",
            },
            "levels": {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "description": "What is held or waits now, by name.",
            },
        },
    ),
    "ClusterNode": whole(
        "A node of a cluster, as it said itself.",
        {
            "id": text("The same after a restart.", pattern="^[0-9a-f]{16}$"),
            "name": text("What its operator calls it."),
            "version": text("Of its outpour."),
            "is_self": flag("It is the one that answers."),
            "is_alive": flag("It was heard of in the last seconds."),
            "is_ready": flag("It holds all that the others hold."),
            "seen_s_ago": real("Seconds since it was last heard of."),
            "lag_s": real("Seconds that news took to it at most, in the last ten."),
            "events_out_per_s": real("Swarm events that it told in a second."),
            "events_in_per_s": real("Swarm events that it heard in a second."),
            "dropped": number("Swarm events that it could not tell, since its start."),
            "peers": number("Peers that it holds."),
        },
    ),
    "ClusterServer": whole(
        "A Valkey or Redis server of a cluster, as this node sees it.",
        {
            "url": text("Without password."),
            "is_up": flag("It is reached."),
            "trouble": text("Why it is not; empty while it is."),
            "lag_s": real("Seconds that news took over it at most, in the last ten."),
            "entries": number("In its stream."),
            "memory_bytes": or_null(number("That it uses; null if it does not say.")),
            "memory_max_bytes": or_null(number("That it may use; null without a limit.")),
            "sent_bytes": number("Written to its stream since the start."),
            "received_bytes": number("Read from its stream since the start."),
        },
    ),
    "Latencies": whole(
        "How long announces and scrapes took, from being read to being answered.",
        {
            "seconds": number("How far back this goes, at most."),
            "latencies": many(
                whole(
                    "Of a protocol; the times are bounds that this share took no longer than, null "
                    "where nothing was timed, or it took longer than the last bound.",
                    {
                        "protocol": {"enum": ["http", "udp"]},
                        "count": number("Answers that were timed: one batch of 16 is."),
                        **{
                            name: {"type": ["number", "null"], "description": f"{share} of them."}
                            for name, share in (
                                ("p50_s", "Half"),
                                ("p90_s", "90 %"),
                                ("p99_s", "99 %"),
                            )
                        },
                    },
                )
            ),
        },
    ),
    "Publishing": whole(
        "Content that is to be published.",
        {
            "path": text("Where it is."),
            "infohash": or_null(_DIGEST | {"description": "Its torrent, null before it is made."}),
        },
    ),
    "Announcement": whole("A torrent that was announced.", {"infohash": _DIGEST}),
    "Verification": whole(
        "A comparison of content with its torrent.",
        {
            "infohash": _DIGEST,
            "state": {
                "enum": [*get_args(VerificationState)],
                "description": "How it goes; what is `wrong` was withdrawn.",
            },
            "asked": number("When it was asked for, in Unix seconds."),
            "ended": or_null(number("When it ended.")),
            "done": number("Bytes that were read."),
            "total": number("Bytes in total."),
            "message": or_null(text("What is wrong, or why it failed.")),
        },
    ),
    "Mirrors": whole(
        "The mirrors that visitors may use.",
        {
            "mirrors": many(
                whole(
                    "A mirror.",
                    {
                        "url": text("Of its page.", format="uri"),
                        "since": number("Since when it is counted, in Unix seconds."),
                    },
                )
            )
        },
    ),
    "Registration": whole(
        "A mirror that registered.",
        {**_REGISTRATION, "again_s": number("When to ask again.")},
        optional=("again_s",),
    ),
    "Registrations": whole(
        "All mirrors that registered.", {"mirrors": many(known("Registration"))}
    ),
    "Problem": whole(
        "What is wrong with a request (RFC 9457).",
        {
            "type": {"enum": [kind.type for kind in KINDS.values()], "description": "Its kind."},
            "title": text("Its kind, in words."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": text("What is wrong with this request."),
            "error": text("The same, for readers of before there were problem documents."),
            "parameter": text("The parameter, or member of the body, that is at fault."),
            "pages": number("How many pages there are."),
        },
        optional=("parameter", "pages"),
    ),
}

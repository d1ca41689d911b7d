"""Everything that can be asked of the API: the table that routes, document and tests come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from outpour.web import charts_api, event_stream
from outpour.web.api import cluster_api, deeds_api, keys_api, mirrors_api, read_api
from outpour.web.api.answer_schema import (
    DETAIL,
    INFOHASH_FORM,
    RATES_SET,
    TIME_FORM,
    TORRENT,
)
from outpour.web.api.endpoint import Answer, Asked, Body, Endpoint
from outpour.web.api.position import CURSOR_FORM, CURSOR_MAX
from outpour.web.api.rules_api import rule_endpoints
from outpour.web.api.schema_words import or_null, text
from outpour.web.api.url_parameter import Parameter
from outpour.web.limits import (
    API_ROWS,
    API_ROWS_MAX,
    PAGE_ROWS_MAX,
    UPLOAD_BYTES_MAX,
    WEB_SEED_URL_MAX,
    WEB_SEED_WHERE_MAX,
)
from outpour.web.query import COLUMNS, GROUP_MAX, TEXT_MAX

ROOT = "/api/v1"

_Q = Parameter("q", text(maxLength=TEXT_MAX), "Only torrents with this in their name or infohash.")
_SORT = Parameter(
    "sort",
    {"type": "string", "enum": [column.key for column in COLUMNS], "default": "name"},
    "Field to sort by.",
)
_ORDER = Parameter(
    "order",
    {"type": "string", "enum": ["asc", "desc"]},
    "Direction; numbers begin with the largest.",
)
_PAGE = Parameter(
    "page",
    {"type": "integer", "minimum": 1, "maximum": 10_000_000, "default": 1},
    "Page, from 1. Following `next` is better: rows that come and go move nothing then.",
)
_GROUP = Parameter("group", text(maxLength=GROUP_MAX), "Only torrents of this group.")
_SHOWN = (_Q, _GROUP, _SORT, _ORDER, _PAGE)


def _limit(default: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": API_ROWS_MAX, "default": default}
    return Parameter("limit", schema, "How many in one answer.")


def _fields(names: list[str]) -> Parameter:
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": names},
        "minItems": 1,
        "maxItems": len(names),
        "uniqueItems": True,
    }
    about = "Only these members of a torrent, with commas between them."
    return Parameter("fields", schema, about, is_list=True, example="infohash,name")


_CURSOR = Parameter(
    "cursor",
    text(pattern=CURSOR_FORM, maxLength=CURSOR_MAX),
    "Where the part begins, as `next` of the part before says.",
)
_PAGING = (_CURSOR, _limit(API_ROWS_MAX))
INFOHASH = Parameter(
    "infohash",
    text(pattern=INFOHASH_FORM),
    "40 hexadecimal digits, or the 64 of a v2 infohash.",
    "path",
)
_KEY_ID = Parameter("id", text(pattern="^[0-9a-f]{12}$"), "The id of the key.", "path")


def _of_page(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Asked], Awaitable[Response]]:
    async def answer(asked: Asked) -> Response:
        return await handler(asked.request)

    return answer


READING = (
    Endpoint(
        "GET", "/torrents", "listTorrents", "All torrents and their sums", read_api.torrents,
        {200: Answer("The torrents.", "Listing")}, ("no-such-page", "excluded-parameter"),
        (
            *_SHOWN, _limit(API_ROWS),
            Parameter(
                "cursor", text(pattern=CURSOR_FORM, maxLength=CURSOR_MAX),
                "Where the part begins, as `next` of the part before says. Empty, it begins to "
                "walk through all torrents in an order of their own, each part at the same cost "
                "however many there are; `q`, `group`, `sort`, `order` and `page` do not go with "
                "that, and there may be some more in a part than `limit` says.",
            ),
            _fields([*TORRENT]),
        ),
        description="An open tracker of more than 10,000 torrents lists the largest swarms; the "
        "cursor walks through all.",
        is_kept=True,
    ),
    Endpoint(
        "GET", "/torrents/{infohash}", "showTorrent", "One torrent with its files and history",
        read_api.torrent, {200: Answer("The torrent.", "TorrentDetail or SomeOfTorrent")},
        ("not-found",), (INFOHASH, _fields([*DETAIL])), is_kept=True,
    ),
    Endpoint(
        "GET", "/sidecars", "listSidecars", "The files beside content: checksums, signatures",
        read_api.sidecars, {200: Answer("All of them.", "Sidecars")}, is_kept=True,
        description="They are no torrents of their own; the event `listing` says that one changed.",
    ),
    Endpoint(
        "GET", "/charts", "drawCharts", "Drawings of swarms over time",
        _of_page(charts_api.charts), {200: Answer("The drawings.", "Charts")}, ("not-found",),
        (
            *_SHOWN,
            Parameter(
                "infohash", text(pattern=INFOHASH_FORM),
                "The large drawing of this torrent instead.",
            ),
            Parameter(
                "since", {"type": "integer", "minimum": 0, "maximum": 10**12},
                "Leave out torrents to which nothing happened since; `at` of the answer before.",
            ),
        ),
        description="Small drawings of the torrents that the page of the same query shows, or the "
        "large one of a single torrent. A page past the last is the last one.",
        is_kept=True,
    ),
    Endpoint(
        "GET", "/stats", "showStats", "Sums and counters", read_api.stats,
        {200: Answer("Sums over all torrents, and counters since the start.", "Stats")},
        is_kept=True,
    ),
    Endpoint(
        "GET", "/events", "followNumbers", "Numbers as they change, as server-sent events",
        _of_page(event_stream.events),
        {200: Answer("The stream.", "Numbers", "text/event-stream")}, ("unavailable",),
        (
            *_SHOWN,
            Parameter(
                "infohash",
                {
                    "type": "array", "maxItems": PAGE_ROWS_MAX,
                    "items": text(pattern="^[0-9A-Fa-f]{40}$"),
                },
                f"Only these torrents; may be given up to {PAGE_ROWS_MAX} times.",
            ),
            Parameter(
                "revision", text(pattern="^[0-9a-f]{16}$"),
                "That of the list which is shown: if it is another by now, the stream begins with "
                "`listing`.",
            ),
        ),
        description="The event `numbers` carries the torrents whose numbers changed; its first one "
        "carries all. The event `listing` says that a torrent came or went. A page past the last "
        "is the last one.",
    ),
    Endpoint(
        "GET", "/openapi.json", "describe", "This description", read_api.openapi,
        {200: Answer("The description, in the words of OpenAPI 3.1.")}, is_kept=True,
    ),
)  # fmt: skip

KEYS = (
    Endpoint(
        "GET", "/keys", "listKeys",
        "The keys of a private tracker, without what is secret of them", keys_api.list_keys,
        {200: Answer("The keys, expired ones included.", "Keys")},
        ("off", "no-such-page", "unavailable"), _PAGING,
        is_admin=True,
    ),
    Endpoint(
        "POST", "/keys", "makeKey", "Make a key", keys_api.make_key,
        {201: Answer("The key.", "NewKey")}, ("off", "unavailable"),
        body=Body(
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "label": text(
                        "Who gets it; blanks are joined, and what is above 200 characters is cut."
                    ),
                    "expires": {
                        "type": ["string", "integer", "null"],
                        "description": "Until when it counts: ISO 8601, in UTC unless it has an "
                        "offset, or Unix time in seconds; null or nothing is for ever.",
                        "pattern": TIME_FORM,
                        "minimum": 0,
                        "maximum": 253_402_300_799,
                    },
                },
            },
            is_required=False,
        ),
        description="It counts when the answer comes, which alone shows it.",
        is_admin=True,
    ),
    Endpoint(
        "GET", "/keys/{id}", "showKey", "One key, without what is secret of it",
        keys_api.show_key, {200: Answer("The key.", "Key")}, ("off", "not-found", "unavailable"),
        (_KEY_ID,), is_admin=True,
    ),
    Endpoint(
        "DELETE", "/keys/{id}", "revokeKey", "Revoke a key", keys_api.revoke_key,
        {200: Answer("The key that was revoked.", "Key")}, ("off", "not-found", "unavailable"),
        (_KEY_ID,), description="Whoever has it is refused when the answer comes.", is_admin=True,
    ),
)  # fmt: skip

_ONE = (INFOHASH,)
DEEDS = (
    Endpoint(
        "POST", "/torrents", "addTorrent", "Track a .torrent file, or publish content",
        deeds_api.add,
        {
            200: Answer("It is tracked already.", "Torrent"),
            201: Answer("It is tracked.", "Torrent"),
            202: Answer("The content is looked at.", "Publishing"),
        },
        ("conflict", "unavailable"),
        body=Body(
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["path"],
                "properties": {
                    "path": text("Content inside a published folder.", maxLength=1000),
                },
            },
            other={deeds_api.METAINFO: UPLOAD_BYTES_MAX},
        ),
        description="A tracker with `allowed_dir` takes a .torrent file, and writes it there. A "
        "publisher takes the path of content, whose torrent it makes. What was denied or withdrawn "
        "is so no more.",
        is_admin=True,
    ),
    Endpoint(
        "DELETE", "/torrents/{infohash}", "withdrawTorrent", "No longer track or publish a torrent",
        deeds_api.withdraw, {200: Answer("The torrent as it was.", "Torrent")},
        ("not-found", "conflict", "unavailable"), _ONE,
        description="Its infohashes are denied, over restarts too; files stay where they are. "
        "`DELETE /denied/INFOHASH` undoes it.",
        is_admin=True,
    ),
    Endpoint(
        "POST", "/torrents/{infohash}/announcement", "announceTorrent",
        "Have the publisher's seeder announce a torrent to other trackers now",
        deeds_api.reannounce, {202: Answer("It is being announced.", "Announcement")},
        ("not-found", "conflict"), _ONE, is_admin=True,
    ),
    Endpoint(
        "PUT", "/torrents/{infohash}/verification", "verifyTorrent",
        "Compare published content with its torrent", deeds_api.verify,
        {202: Answer("It is being verified, or waits for another.", "Verification")},
        ("not-found", "conflict"), _ONE,
        description="Peers are not served with it meanwhile. What differs from its torrent is "
        "withdrawn, and is published again once the content was changed.",
        is_admin=True,
    ),
    Endpoint(
        "GET", "/torrents/{infohash}/verification", "showVerification",
        "How the latest comparison goes", deeds_api.verification,
        {200: Answer("The comparison.", "Verification")}, ("not-found",), _ONE, is_admin=True,
    ),
    Endpoint(
        "GET", "/latencies", "showLatencies", "How long answers take lately",
        deeds_api.show_latencies, {200: Answer("By protocol.", "Latencies")}, is_admin=True,
    ),
    Endpoint(
        "GET", "/web-seeds", "listWebSeeds", "Where copies of published content lie",
        deeds_api.web_seeds,
        {200: Answer("Those of the settings, then those named here.", "WebSeeds")},
        is_admin=True,
    ),
    Endpoint(
        "POST", "/web-seeds", "addWebSeed",
        "Name a place where copies lie, for many torrents at once",
        deeds_api.add_web_seed,
        {200: Answer("It is named already.", "WebSeed"), 201: Answer("It is named.", "WebSeed")},
        ("conflict", "unavailable"),
        body=Body(
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["url"],
                "properties": {
                    "url": text(
                        "URL of a folder, or one with `{path}` in it.",
                        minLength=1,
                        maxLength=WEB_SEED_URL_MAX,
                    ),
                    "where": or_null(
                        text(
                            "Of what: a pattern of names, or the path of what is published; null "
                            "is everything.",
                            minLength=1,
                            maxLength=WEB_SEED_WHERE_MAX,
                        )
                    ),
                },
            }
        ),
        description="Copies are looked at, and those that are good are named in .torrent files, "
        "page and API, over restarts too; infohashes stay.",
        is_admin=True,
    ),
    Endpoint(
        "DELETE", "/web-seeds/{id}", "dropWebSeed", "No longer name such a place",
        deeds_api.drop_web_seed, {200: Answer("What was named.", "WebSeed")},
        ("not-found", "unavailable"),
        (Parameter("id", text(pattern="^[0-9a-f]{12}$"), "The id of the web seed.", "path"),),
        is_admin=True,
    ),
    Endpoint(
        "GET", "/rates", "showRates", "What is asked of peers, and how much they may ask",
        deeds_api.show_rates, {200: Answer("What is in force.", "Rates")}, is_admin=True,
    ),
    Endpoint(
        "GET", "/cluster", "showCluster", "The trackers that act as one with this",
        cluster_api.show_cluster, {200: Answer("What is known of them.", "Cluster")}, ("off",),
        is_admin=True,
    ),
    Endpoint(
        "PATCH", "/rates", "changeRates", "Change some of them", deeds_api.change_rates,
        {200: Answer("What is in force now.", "Rates")}, ("conflict", "unavailable"),
        body=Body(
            {"type": "object", "additionalProperties": False, "properties": RATES_SET},
        ),
        description="They hold when the answer comes, and over restarts; null gives back what the "
        "settings say.",
        is_admin=True,
    ),
)  # fmt: skip

_CLAIMS = text(maxLength=mirrors_api.CLAIMS_TEXT_MAX, pattern="^[0-9a-f,]*$")
MIRRORS = (
    Endpoint(
        "GET", "/mirrors", "listMirrors", "The mirrors that visitors may use", mirrors_api.show,
        {200: Answer("Those that are counted.", "Mirrors")},
    ),
    Endpoint(
        "GET", "/registrations", "listRegistrations", "All mirrors that registered",
        mirrors_api.show_all, {200: Answer("Whatever becomes of them.", "Registrations")},
        is_admin=True,
    ),
    Endpoint(
        "PUT", "/registrations", "registerMirror", "Say that a mirror is there",
        mirrors_api.register, {200: Answer("What is thought of it.", "Registration")},
        ("off", "needs-token", "not-allowed", "conflict"),
        body=Body(
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["url", "peer_port"],
                "properties": {
                    "url": text("Of the mirror's page.", maxLength=500),
                    "peer_port": {
                        "type": "integer", "minimum": 1, "maximum": 65535,
                        "description": "Where it seeds, at the address that it asks from.",
                    },
                    "complete": _CLAIMS | {
                        "description": "Infohashes of what is whole there and was not told yet, "
                        "with commas between."
                    },
                    "gone": _CLAIMS | {"description": "The same of what is so no longer."},
                },
            }
        ),
        description="It is for the token of a mirror, a line of the publisher's "
        "`--mirror-tokens`, which allows nothing else. A mirror asks each half a minute; when "
        "`torrents` is not what it told, the publisher has started anew, and is told all again.",
    ),
    Endpoint(
        "DELETE", "/registrations/{name}", "forgetMirror", "Forget a mirror",
        mirrors_api.forget, {200: Answer("It may register anew.", None)}, ("not-found",),
        (Parameter("name", text(pattern=mirrors_api.NAME_FORM), "Its name.", "path"),),
        description="One that gave other bytes than were published is not wanted for a day.",
        is_admin=True,
    ),
)  # fmt: skip

ENDPOINTS: tuple[Endpoint, ...] = (
    *READING, *DEEDS, *KEYS, *MIRRORS, *rule_endpoints(_PAGING),
)  # fmt: skip

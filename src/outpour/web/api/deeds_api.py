"""What an administrator does with torrents and rates."""

from __future__ import annotations

from starlette.responses import Response

from outpour.base.errors import FormatError
from outpour.tracker.figures import TorrentRow
from outpour.tracker.lists.admin_rule import AdminRule
from outpour.tracker.views.usage_book import TIMED_S
from outpour.web.api.administration import Admin
from outpour.web.api.endpoint import Asked, told
from outpour.web.api.problem import Problem
from outpour.web.api.read_api import row_of, torrent_object
from outpour.web.text_format import label

METAINFO = "application/x-bittorrent"


async def add(asked: Asked) -> Response:
    """`POST /api/v1/torrents`: track a .torrent file, or publish content."""
    if asked.raw is None:
        return await _publish(asked, asked.body["path"])
    admin = _admin(asked)
    try:
        infohash, is_new = await admin.deeds.add(asked.raw)
    except FormatError as error:
        raise Problem("wrong-body", error.message) from None
    row = asked.context.view.row(infohash)
    if row is None:
        raise Problem("unavailable", "it was written down, and cannot be listed yet")
    if is_new:
        admin.deeds.log(asked.who, f"added `{label(row.name or row.infohash_hex)}`")
    names = await asked.context.url_names.names()
    at = {"location": asked.links.at(f"/api/v1/torrents/{row.infohash_hex}")}
    return told(
        torrent_object(names, asked.links, row, asked.context.options.site.licence),
        201 if is_new else 200,
        at,
    )


async def _publish(asked: Asked, path: str) -> Response:
    admin = _admin(asked)
    infohash = await admin.deeds.publish(path)
    if infohash is None:
        admin.deeds.log(asked.who, f"wants `{label(path)}` published")
    return told({"path": path, "infohash": infohash and infohash.hex()}, 202)


async def withdraw(asked: Asked) -> Response:
    """`DELETE /api/v1/torrents/INFOHASH`: deny it under all infohashes that it has."""
    admin, row = _admin(asked), row_of(asked)
    names = await asked.context.url_names.names()
    shown = torrent_object(names, asked.links, row, asked.context.options.site.licence)
    await withdraw_row(admin, row, asked.who, int(asked.context.view.now()))
    return told(shown)


async def withdraw_row(admin: Admin, row: TorrentRow, who: str, at: int) -> None:
    """Deny a torrent at Unix second `at`, under all infohashes that it has."""
    for digest in (row.infohash, row.infohash_v2):
        if digest is not None:
            rule = AdminRule("denied", digest[:20].hex(), at, who, "withdrawn")
            await admin.rules.put(rule)
    admin.deeds.log(who, f"withdrew `{label(row.name or row.infohash_hex)}`")


async def reannounce(asked: Asked) -> Response:
    """`POST /api/v1/torrents/INFOHASH/announcement`."""
    admin, row = _admin(asked), row_of(asked)
    await admin.deeds.reannounce(row.infohash)
    admin.deeds.log(asked.who, f"announced `{label(row.name or row.infohash_hex)}` anew")
    return told({"infohash": row.infohash_hex}, 202)


async def verify(asked: Asked) -> Response:
    """`PUT /api/v1/torrents/INFOHASH/verification`."""
    admin, row = _admin(asked), row_of(asked)
    found = admin.deeds.verify(row.infohash)
    admin.deeds.log(asked.who, f"has `{label(row.name or row.infohash_hex)}` verified")
    return told(found.describe(), 202)


async def verification(asked: Asked) -> Response:
    """`GET /api/v1/torrents/INFOHASH/verification`: also of what was withdrawn for it."""
    found = _admin(asked).deeds.verification(bytes.fromhex(asked.given["infohash"])[:20])
    if found is None:
        raise Problem("not-found", "it was not verified since the start")
    return told(found.describe())


async def show_latencies(asked: Asked) -> Response:
    """`GET /api/v1/latencies`."""
    found = [
        {
            "protocol": one.protocol,
            "count": one.count,
            "p50_s": one.quantile_s(0.5),
            "p90_s": one.quantile_s(0.9),
            "p99_s": one.quantile_s(0.99),
        }
        for one in asked.context.view.usage.lately()
    ]
    return told({"seconds": int(TIMED_S), "latencies": found})


async def web_seeds(asked: Asked) -> Response:
    """`GET /api/v1/web-seeds`."""
    return told({"web_seeds": [*_admin(asked).deeds.web_seeds()]})


async def add_web_seed(asked: Asked) -> Response:
    """`POST /api/v1/web-seeds`: torrents name it once its copies were found to be good."""
    admin, url, where = _admin(asked), asked.body["url"], asked.body.get("where")
    key, is_new = await admin.deeds.add_web_seed(url, where, asked.who)
    if is_new:
        of_what = f" of `{label(where)}`" if where else ""
        admin.deeds.log(asked.who, f"named web seed `{label(url)}`{of_what}")
    found = next(one for one in admin.deeds.web_seeds() if one["id"] == key)
    return told(found, 201 if is_new else 200)


async def drop_web_seed(asked: Asked) -> Response:
    """`DELETE /api/v1/web-seeds/ID`."""
    admin = _admin(asked)
    gone = await admin.deeds.drop_web_seed(asked.given["id"])
    if gone is None:
        raise Problem("not-found", "no web seed that an administrator named has this id")
    admin.deeds.log(asked.who, f"no longer names web seed `{label(str(gone['url']))}`")
    return told(gone)


async def show_rates(asked: Asked) -> Response:
    """`GET /api/v1/rates`."""
    return told(_rates_of(_admin(asked)))


async def change_rates(asked: Asked) -> Response:
    """`PATCH /api/v1/rates`."""
    admin = _admin(asked)
    if changed := await admin.deeds.change_rates(asked.body):
        admin.deeds.log(asked.who, f"changed {changed}")
    return told(_rates_of(admin))


def _rates_of(admin: Admin) -> dict[str, object]:
    rates, own = admin.deeds.rates(), admin.deeds.settings_rates()
    return {**rates, "changed": [name for name in rates if rates[name] != own[name]]}


def _admin(asked: Asked) -> Admin:
    admin = asked.context.admin
    assert admin is not None
    return admin

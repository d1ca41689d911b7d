"""Build a publication's parts in order, run them, and take them down in order."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from starlette.applications import Starlette

from outpour.base.errors import ReadError, WriteError, reason
from outpour.base.event import Event
from outpour.base.host_port import format_host_port
from outpour.base.priority import give_way
from outpour.base.state_folder import default_state_folder
from outpour.base.text import printable
from outpour.making.maker import CreateOptions
from outpour.making.piece_length import check_piece_length
from outpour.publisher import publish_events
from outpour.publisher.catalogue_file import read_catalogue
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.copy_places import CopyPlaces
from outpour.publisher.made import MadeTorrents
from outpour.publisher.public_urls import PublicUrls, public_urls
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.published_beside import PublishedBeside
from outpour.publisher.published_view import PublishedView
from outpour.publisher.publisher_deeds import PublisherDeeds
from outpour.publisher.seeder import Seeder
from outpour.publisher.self_listing import SelfListing, peer_addresses
from outpour.publisher.sidecar_table import SidecarTable
from outpour.publisher.torrent_of_entry import Torrents
from outpour.tracker import settings_file, tracker_events
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.process_lock import Lock
from outpour.web.access import AccessRules
from outpour.web.admin.tracker_console import tracker_access, tracker_console
from outpour.web.api.tracker_administration import tracker_administration
from outpour.web.app import make_app
from outpour.web.content_copy import KnownCopies
from outpour.web.contract import WebOptions
from outpour.web.logs.request_logs import RequestLogs
from outpour.web.metrics.metrics_server import MetricsServer
from outpour.web.serve_until_signal import serve

NOTABLE = (
    publish_events.CopyLies,
    publish_events.CopyMissing,
    publish_events.Noted,
    publish_events.Skipped,
    publish_events.Withdrawn,
)
"""Of the publisher's events, those that the tracker tells nothing of."""


def publish(options: PublishOptions, tell: Callable[[Event], None]) -> None:
    """Publish until SIGTERM or SIGINT.

    Args:
        options: What to publish, and how.
        tell: Takes `publisher.events` and the tracker's events, as they happen.

    Raises:
        UsageError: No torrent can be made as the options ask for.
        ReadError: A path is missing, or another process uses the state.
        WriteError: The state cannot be written.
        SettingsError: An address or a setting is wrong.
        NetworkError: A port is taken.
    """
    asyncio.run(_publish(options, tell))
    tell(publish_events.Stopped())


def state_folder(options: PublishOptions) -> Path:
    """The folder for the state of these paths, the same at each start."""
    if options.state is not None:
        return options.state
    given = (*options.paths, *options.catalogues)
    paths = [os.fsencode(path.resolve()) for path in given]
    digest = hashlib.sha256(b"\0".join(sorted(paths))).hexdigest()[:8]
    return default_state_folder() / f"{given[0].resolve().name or 'root'}-{digest}"


async def _publish(options: PublishOptions, tell: Callable[[Event], None]) -> None:
    _check_recipe(options)
    for path in options.paths:
        try:
            path.stat()
        except OSError as error:
            raise ReadError(
                f"`{path}`: {reason(error)}", hint="name a folder or file that you can read"
            ) from None
    for file in options.catalogues:
        # What is wrong with its entries is said later; it itself is to be one.
        read_catalogue(file)
    state = state_folder(options)
    settings = _settings(options, state)
    with ExitStack() as stack:
        _claim(state, stack)
        made_torrents = MadeTorrents(state)
        stack.callback(made_torrents.close)
        if made_torrents.set_aside is not None:
            tell(
                publish_events.Noted(
                    f"`{made_torrents.set_aside}`: damaged, set aside; content is hashed anew"
                )
            )
        tracker = TrackerService(settings, on_event=lambda event: _relay(event, tell))
        tracker.start()
        give_way()
        await _serve(options, state, tracker, made_torrents, _noted(tracker, tell), stack)


async def _serve(
    options: PublishOptions,
    state: Path,
    tracker: TrackerService,
    made_torrents: MadeTorrents,
    tell: Callable[[Event], None],
    stack: ExitStack,
) -> None:
    try:
        host, port = tracker.http_addresses[0]
        settings = tracker.settings
        hosts = [host for host, _ in tracker.http_addresses]
        urls = public_urls(settings.public_url, hosts, port, has_udp=bool(tracker.udp_addresses))
        seeder = listing = None
        if options.seed:
            seeder = Seeder(options, hosts)
            stack.callback(seeder.close)
            tracker.operation.also_read(seeder.numbers)
            listing = await _self_listing(options, tracker, urls, seeder)
        published, sidecars = PublishedTorrents(), SidecarTable()
        view = PublishedView(
            tracker,
            published,
            follows_links=options.symlinks == "follow",
            has_content=options.content,
            checksums=made_torrents.checksums,
        )
        given = [CopyBase.of_setting(text) for text in settings.web_seeds]
        bases = CopyPlaces(given, state / "web-seeds.json")
        torrents = Torrents(made_torrents, options, urls, bases)
        job = PublisherJob(options, torrents, tracker, seeder, listing, published, sidecars, tell)
        deeds = PublisherDeeds(tracker, options, job, published, seeder, bases)
        deeds.begin()
        beside = PublishedBeside(view, published, sidecars, _folders(options))
        app = _app(options, tracker, view, beside, job.copies, deeds)
        numbers = MetricsServer(settings.metrics_addresses)
        stack.callback(numbers.close)
        logs = RequestLogs(settings, tracker, lambda text: tell(publish_events.Noted(text)))
    except BaseException:
        tracker.stop()
        raise
    ready = publish_events.Serving(
        urls.page, _local(host, port), state, seeder.port if seeder else None
    )

    def tell_ready() -> None:
        tell(ready)
        if urls.doubt is not None:
            tell(publish_events.Noted(urls.doubt))

    try:
        await serve(
            tracker,
            logs.wrap(app),
            on_ready=tell_ready,
            on_hangup=logs.reopen,
            alongside=[job.run, logs.run, lambda: numbers.run(app)],
            trusted_proxies=settings.trusted_proxies,
        )
    finally:
        logs.close()


def _app(
    options: PublishOptions,
    tracker: TrackerService,
    view: PublishedView,
    beside: PublishedBeside,
    copies: KnownCopies,
    deeds: PublisherDeeds,
) -> Starlette:
    settings = tracker.settings
    access = tracker_access(tracker)
    web = WebOptions(
        site=settings.site,
        name=_name(options),
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
    )
    return make_app(
        view,
        web,
        beside=beside,
        copies=copies,
        administration=tracker_administration(tracker, access, deeds),
        console=tracker_console(tracker, access),
        rules=AccessRules(settings.levels, tracker.is_key, access),
        tell=tracker.tell,
    )


async def _self_listing(
    options: PublishOptions, tracker: TrackerService, urls: PublicUrls, seeder: Seeder
) -> SelfListing:
    # Names are looked up, which may take long.
    addresses = await asyncio.to_thread(peer_addresses, options, urls, seeder.hosts, seeder.port)
    settings = tracker.settings
    is_everywhere = not (settings.open or settings.allowed_dir or settings.allow_list)
    return SelfListing(tracker, addresses, is_everywhere=is_everywhere)


def _noted(tracker: TrackerService, tell: Callable[[Event], None]) -> Callable[[Event], None]:
    """Let what operators want to know be in the tracker's log as well."""

    def hear(event: Event) -> None:
        # Of ten thousand copies that are still on their way, each would be an event.
        is_news = not isinstance(event, publish_events.CopyMissing) or event.was_good
        if isinstance(event, NOTABLE) and is_news:
            tracker.operation.log.note(event)
        tell(event)

    return hear


def _relay(event: Event, tell: Callable[[Event], None]) -> None:
    # What the tracker tracks here is what was published or withdrawn, and that is said already.
    if not isinstance(event, tracker_events.Allowed | tracker_events.Withdrawn):
        tell(event)


def _settings(options: PublishOptions, state: Path) -> TrackerSettings:
    flags = {
        "listen": options.listen,
        "state": state / "tracker.sqlite",
        "public_url": options.url,
        "web_seeds": options.web_seeds or None,
        "site_title": options.title,
        "site_description": options.description,
        "site_theme": options.theme,
        "cluster": options.cluster or None,
        "cluster_name": options.cluster_name,
        "node": options.node,
        **options.log_flags,
    }
    return settings_file.load(options.config, os.environ, flags)


def _folders(options: PublishOptions) -> tuple[Path, ...]:
    """The folders whose entries are published, each once."""
    if options.as_one:
        return ()
    return tuple(dict.fromkeys(path for path in options.paths if path.is_dir()))


def _name(options: PublishOptions) -> str:
    """What the page is called where nobody gave it a title."""
    if len(options.paths) != 1 or options.catalogues:
        return "Downloads"
    return printable(options.paths[0].resolve().name) or "Downloads"


def _check_recipe(options: PublishOptions) -> None:
    """Refuse what no torrent can be made with, once and not for each entry."""
    if options.piece_length is not None:
        check_piece_length(options.piece_length)
    CreateOptions(comment=options.comment, source=options.source).check()


def _claim(state: Path, stack: ExitStack) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"`{state}`: {reason(error)}", hint="choose another folder with `--state`"
        ) from None
    lock = Lock(
        state / "lock",
        state,
        user="another publisher of the same paths",
        hint="or give this one a `--state`, a `--listen` and a `--peer-port` of its own",
    )
    stack.callback(lock.release)


def _local(host: str, port: int) -> str:
    """The page's address on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{format_host_port(here, port)}/"

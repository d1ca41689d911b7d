"""Build a publication's parts in order, run them, and take them down in order."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from outpour.base.errors import ReadError, reason
from outpour.base.event import Event
from outpour.base.priority import give_way
from outpour.base.public_address import is_public
from outpour.base.state_folder import default_state_folder
from outpour.base.text import printable
from outpour.making.maker import CreateOptions
from outpour.making.piece_length import check_piece_length
from outpour.publisher import publish_events
from outpour.publisher.catalogue_file import read_catalogue
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.copy_places import CopyPlaces
from outpour.publisher.entries import check_apart
from outpour.publisher.made import MadeTorrents
from outpour.publisher.mirror_tokens import MirrorTokens
from outpour.publisher.public_urls import local_page, public_urls
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.publish_state import claim, noted, settings_of, started_tracker
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.published_beside import PublishedBeside
from outpour.publisher.published_view import PublishedView
from outpour.publisher.publisher_deeds import PublisherDeeds
from outpour.publisher.registered_mirrors import RegisteredMirrors
from outpour.publisher.seeder import Seeder
from outpour.publisher.self_listing import SelfListing, self_listing
from outpour.publisher.sidecar_table import SidecarTable
from outpour.publisher.site import Site, site_app
from outpour.publisher.torrent_of_entry import Torrents
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings


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
    settings = settings_of(options, state)
    options = replace(options, apart=(*options.apart, *_apart(options, state, settings)))
    check_apart(options)
    with ExitStack() as stack:
        claim(state, stack, "another publisher of the same paths")
        made_torrents = MadeTorrents(state)
        stack.callback(made_torrents.close)
        if made_torrents.set_aside is not None:
            tell(
                publish_events.Noted(
                    f"`{made_torrents.set_aside}`: damaged, set aside; content is hashed anew"
                )
            )
        tracker = started_tracker(settings, tell)
        give_way()
        await _serve(options, state, tracker, made_torrents, noted(tracker, tell), stack)


def _apart(options: PublishOptions, state: Path, settings: TrackerSettings) -> Iterator[Path]:
    """What holds secrets, addresses, or changes all the time."""
    for path in (
        state,
        options.config,
        options.mirror_tokens,
        settings.admin_token_file,
        settings.key_list,
        settings.access_log,
        settings.refusal_log,
    ):
        if path is not None:
            yield path.resolve()


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
            listing = await self_listing(options, tracker, urls, seeder)
        published, sidecars = PublishedTorrents(), SidecarTable()
        view = PublishedView(
            tracker,
            published,
            follows_links=options.symlinks == "follow",
            has_content=options.content,
            checksums=partial(_checksums, made_torrents, published),
        )
        given = [CopyBase.of_setting(text) for text in settings.web_seeds]
        bases = CopyPlaces(given, state / "web-seeds.json")
        torrents = Torrents(made_torrents, options, urls, bases)
        mirrors = _mirrors(options, state, tracker, listing, published, tell)
        if mirrors is not None:
            torrents.heed(mirrors.bases)
        job = PublisherJob(
            options, torrents, tracker, seeder, listing, published, sidecars, tell, mirrors
        )
        deeds = PublisherDeeds(tracker, options, job, published, seeder, bases)
        deeds.begin()
        beside = PublishedBeside(view, published, sidecars, _folders(options))
        app = site_app(_name(options), tracker, view, beside, deeds, job.copies, mirrors)
        site = Site(tracker, app, tell, stack)
    except BaseException:
        tracker.stop()
        raise
    ready = publish_events.Serving(
        urls.page, local_page(host, port), state, seeder.port if seeder else None
    )
    await site.serve(ready, urls, [job.run])


def _checksums(
    made_torrents: MadeTorrents, published: PublishedTorrents, infohash: bytes
) -> Sequence[bytes]:
    publication = published.by_infohash(infohash)
    if publication is None:
        return ()
    return made_torrents.checksums(publication.entry.path, publication.fingerprint)


def _mirrors(
    options: PublishOptions,
    state: Path,
    tracker: TrackerService,
    listing: SelfListing | None,
    published: PublishedTorrents,
    tell: Callable[[Event], None],
) -> RegisteredMirrors | None:
    if options.mirror_tokens is None:
        return None
    mirrors = RegisteredMirrors(
        MirrorTokens(options.mirror_tokens),
        state / "mirrors.json",
        published,
        listing.pin if listing is not None else lambda _: None,
        is_near=listing is None or not any(is_public(host) for host, _ in listing.addresses),
        clock=tracker.now,
        tell=tell,
    )
    tracker.operation.also_read(mirrors.numbers)
    return mirrors


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

"""Build a mirror's parts in order, run them, and take them down in order."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from outpour.base.errors import WriteError, reason
from outpour.base.event import Event
from outpour.base.host_port import format_host_port
from outpour.base.priority import give_way
from outpour.base.state_folder import default_state_folder
from outpour.engine import EngineSettings, connecting_hosts
from outpour.mirror.folder_lock import FolderLock, NoLocksError
from outpour.mirror.follower import Follower
from outpour.mirror.grace import Grace
from outpour.mirror.holdings import Holdings
from outpour.mirror.magnet_fetch import MagnetFetch
from outpour.mirror.mirror_deeds import MirrorDeeds
from outpour.mirror.mirror_job import MirrorJob
from outpour.mirror.mirror_options import MirrorOptions
from outpour.mirror.mirror_seeder import MirrorSeeder
from outpour.mirror.placement import Placement
from outpour.mirror.presented import Presented
from outpour.mirror.registration import Registration
from outpour.mirror.sidecar_copies import Beside, SidecarCopies
from outpour.mirror.told_copies import ToldCopies
from outpour.mirror.transfers import Transfers
from outpour.publisher.introductions import Introductions
from outpour.publisher.public_urls import PublicUrls, local_page, public_urls
from outpour.publisher.publish_events import Noted, Serving, Stopped
from outpour.publisher.publish_state import claim, noted, settings_of, started_tracker
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.published_beside import PublishedBeside
from outpour.publisher.published_view import PublishedView
from outpour.publisher.self_listing import SelfListing, self_listing
from outpour.publisher.sidecar_table import SidecarTable
from outpour.publisher.site import Site, site_app
from outpour.tracker.service import TrackerService


def mirror(options: MirrorOptions, tell: Callable[[Event], None]) -> None:
    """Mirror until SIGTERM or SIGINT.

    Args:
        options: What to mirror, and how.
        tell: Takes the events of mirror, publisher and tracker, as they happen.

    Raises:
        ReadError: Another process uses the folder or the state.
        WriteError: Folder or state cannot be written.
        SettingsError: An address or a setting is wrong.
        NetworkError: A port is taken, or the URL is that of no publisher.
    """
    asyncio.run(_mirror(options, tell))
    tell(Stopped())


def mirror_state(options: MirrorOptions) -> Path:
    """The folder for the state of a mirror, the same at each start."""
    if options.serving.state is not None:
        return options.serving.state
    place = options.folder.resolve()
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    return default_state_folder() / f"mirror-{place.name or 'root'}-{digest}"


async def _mirror(options: MirrorOptions, tell: Callable[[Event], None]) -> None:
    _make_writable(options.folder)
    state = mirror_state(options)
    settings = settings_of(options.serving, state)
    with ExitStack() as stack:
        _claim(options.folder, stack, tell)
        claim(state, stack, "another mirror")
        holdings = Holdings(state)
        stack.callback(holdings.close)
        if holdings.set_aside is not None:
            tell(Noted(f"`{holdings.set_aside}`: damaged, set aside; content is compared anew"))
        tracker = started_tracker(settings, tell)
        give_way()
        await _serve(options, state, tracker, holdings, noted(tracker, tell, is_own=False), stack)


async def _serve(
    options: MirrorOptions,
    state: Path,
    tracker: TrackerService,
    holdings: Holdings,
    tell: Callable[[Event], None],
    stack: ExitStack,
) -> None:
    serving = options.serving
    try:
        host, port = tracker.http_addresses[0]
        hosts = [host for host, _ in tracker.http_addresses]
        public_url = tracker.settings.public_url
        urls = public_urls(public_url, hosts, port, has_udp=bool(tracker.udp_addresses))
        seeder = MirrorSeeder(serving, hosts, (url for tier in urls.tiers for url in tier))
        stack.callback(seeder.close)
        tracker.operation.also_read(seeder.numbers)
        listing = await self_listing(serving, tracker, urls, seeder)
        published = PublishedTorrents()
        besides = Beside(SidecarTable(), [])
        job, works = _job(
            options, state, tracker, holdings, tell, urls, seeder, listing, published, besides
        )
        registration = None
        if options.token_file is not None:
            registration = Registration(
                options.source, options.token_file, options.route, urls.page, seeder.port, job, tell
            )

        view = PublishedView(
            tracker, published, follows_links=False, has_content=serving.content,
            checksums=holdings.told.checksums,
        )  # fmt: skip
        beside = PublishedBeside(view, published, besides.table, besides.folders, holdings.told)
        name = f"Mirror of {urlsplit(options.source).hostname}"
        deeds = MirrorDeeds(tracker, seeder)
        deeds.begin()
        app = site_app(name, tracker, view, beside, deeds)
        site = Site(tracker, app, tell, stack)
        obeying: set[asyncio.Task[None]] = set()

        def obey() -> None:
            task = asyncio.ensure_future(job.obey())
            obeying.add(task)
            task.add_done_callback(obeying.discard)

        tracker.ruling.on_change = obey
    except BaseException:
        tracker.stop()
        raise
    if registration is not None:
        works.append(registration.run)
    ready = Serving(urls.page, local_page(host, port), state, seeder.port)
    try:
        await site.serve(ready, urls, works)
    finally:
        listing.close()


def _job(
    options: MirrorOptions,
    state: Path,
    tracker: TrackerService,
    holdings: Holdings,
    tell: Callable[[Event], None],
    urls: PublicUrls,
    seeder: MirrorSeeder,
    listing: SelfListing,
    published: PublishedTorrents,
    besides: Beside,
) -> tuple[MirrorJob, list[Callable[[], Awaitable[None]]]]:
    serving = options.serving
    # Of what is still fetched the job knows, which is made below.
    introductions = Introductions(
        tracker, seeder, published, lambda announced: job.other(announced)
    )
    presented = Presented(
        holdings, tracker, published, listing, introductions, urls,
        has_content=serving.content,
    )  # fmt: skip
    transfers = Transfers(
        seeder, state / "resume", options.folder, options.route,
        discovers=serving.dht or serving.lsd,
    )  # fmt: skip

    def turn() -> None:
        introductions.turn()
        listing.turn()

    grace = Grace(options.grace_s)
    job = MirrorJob(
        holdings, Placement(options.folder), transfers, presented, grace, turn, tell,
        delete=options.delete,
    )  # fmt: skip
    magnets = MagnetFetch(
        EngineSettings(
            listen=tuple(format_host_port(host, 0) for host in seeder.hosts), profile="small",
            connect_from=connecting_hosts(serving.bind), dht=serving.dht, lsd=serving.lsd,
        ),
        serving.extra_trackers,
    )  # fmt: skip
    sidecars = SidecarCopies(
        options.folder, holdings, job.held, options.grace_s, besides, tell, delete=options.delete
    )
    told = ToldCopies(holdings, job, tell)
    follower = Follower(options, holdings, job, grace, magnets, sidecars, told, tell)
    return job, [job.run, follower.run, sidecars.run, told.run]


def _claim(folder: Path, stack: ExitStack, tell: Callable[[Event], None]) -> None:
    """Keep other mirrors out of the folder, whatever state they have, until the stack is closed.

    Raises:
        ReadError: One has it.
        WriteError: It cannot be opened.
    """
    try:
        lock = FolderLock(folder)
    except NoLocksError as error:
        # Content may well lie where there are none; the state keeps most second mirrors out.
        tell(Noted(f"{error.message}; let no other mirror write there"))
        return
    stack.callback(lock.release)


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise WriteError(f"`{folder}`: {reason(error)}", hint="choose another with `-o`") from None
    if not is_writable:
        raise WriteError(f"`{folder}`: not writable", hint="choose another folder with `-o`")

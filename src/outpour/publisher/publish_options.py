"""What a publisher is told, once, before it starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outpour.making.symlinks import Symlinks
    from outpour.torrent.info import Version

PEER_PORT_DEFAULT = 6881


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """The choices of one publication.

    Attributes:
        paths: Folders whose entries are published, and files published as they are.
        catalogues: Files that list what is published, wherever it lies; see `catalogue_file`.
        listen: `HOST:PORT` of the page, the tracker (TCP and UDP) and the web seed.
        url: What goes into announce and web-seed URLs; None derives it from `listen`.
        state: Folder for .torrent files, counters and swarms; None derives it from `paths`.
        as_one: Publish each folder itself as one torrent instead of each of its entries.
        seed: Seed with the peer engine; without it the web seed alone serves the content.
        peer_port: TCP and UDP port of the peer engine; 0 lets the system choose.
        format: Metainfo version of new torrents.
        piece_length: Bytes a piece of new torrents, None for automatic.
        private: Mark new torrents as private (BEP 27).
        source: Source tag of new torrents, None for none.
        comment: Comment of the torrents, None for none.
        extra_trackers: Announce URLs of further trackers, each a tier after our own.
        upload_rate: Bytes a second that the peer engine may send, 0 for no limit.
        torrent_upload_rate: The same for each torrent.
        web_seeds: Where copies of everything lie, as `CopyBase` reads them.
        mirror_tokens: File of the tokens by which mirrors register, None to have none register.
        content: Serve the content over HTTP; without it only copies are web seeds.
        connections: Peers at once, 0 for the engine's own limit.
        bind: IP addresses that the peer engine listens at and connects from; empty to listen at
            those of `listen`.
        peer_addresses: `HOST` or `HOST:PORT` where peers reach the engine; empty derives them.
        hidden: Publish hidden files and folders too.
        symlinks: What becomes of symbolic links, in published folders and below their entries; see
            `walker.walk`.
        exclude: Patterns of files and folders that are left out; see `globs.matcher`.
        title: Heading of the page; None takes that of `config`, else the folder's name.
        description: A sentence below it; None takes that of `config`.
        theme: Folder with styles and templates; None takes that of `config`.
        admin_token_file: File with the token that opens /admin; None takes that of `config`.
        checksums: Make the SHA-256 of each file, too.
        on_published: Command for the shell when something was published, None for none.
        on_withdrawn: The same when something was withdrawn.
        cluster: Servers of a cluster that the tracker is a node of; empty takes those of `config`.
        cluster_name: Name of the cluster; None takes that of `config`.
        node: What the tracker is called there; None takes that of `config`.
        config: Settings file of the tracker, None for none.
        dht: Take part in the distributed hash table (BEP 5).
        lsd: Announce on the local network (BEP 14).
        log_format: How logs are written, `human` or `json`; None leaves it to the settings.
        log_level: What is said at least, None for the same.
        upnp: Ask the router to forward the peer port (UPnP, NAT-PMP).
        apart: What is never published though it lies in a published folder, as absolute paths
            without links; who publishes adds its state, and the files of keys, tokens and logs.
    """

    paths: tuple[Path, ...]
    catalogues: tuple[Path, ...] = ()
    listen: str = ":6969"
    url: str | None = None
    state: Path | None = None
    as_one: bool = False
    seed: bool = True
    peer_port: int = PEER_PORT_DEFAULT
    format: Version = "v1"
    piece_length: int | None = None
    private: bool = False
    source: str | None = None
    comment: str | None = None
    extra_trackers: tuple[str, ...] = ()
    upload_rate: int = 0
    torrent_upload_rate: int = 0
    web_seeds: tuple[str, ...] = ()
    mirror_tokens: Path | None = None
    content: bool = True
    connections: int = 0
    bind: tuple[str, ...] = ()
    peer_addresses: tuple[str, ...] = ()
    hidden: bool = False
    symlinks: Symlinks = "inside"
    exclude: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    theme: Path | None = None
    checksums: bool = False
    on_published: str | None = None
    on_withdrawn: str | None = None
    cluster: tuple[str, ...] = ()
    cluster_name: str | None = None
    node: str | None = None
    admin_token_file: Path | None = None
    config: Path | None = None
    dht: bool = False
    lsd: bool = False
    upnp: bool = False
    log_format: str | None = None
    log_level: str | None = None
    apart: tuple[Path, ...] = ()

    @property
    def log_flags(self) -> dict[str, str | None]:
        """What stands above the settings of how logs are written."""
        return {"log_format": self.log_format, "log_level": self.log_level}

    def info_digest(self) -> bytes:
        """Identify the choices that change an infohash: a torrent made under others is stale.

        Which files are taken is no matter here: that shows in the fingerprint of what was found.
        """
        choices: tuple[object, ...] = (
            self.format, self.piece_length, self.private, self.source, self.hidden,
        )  # fmt: skip
        return hashlib.sha256(repr(choices).encode()).digest()

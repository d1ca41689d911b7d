"""How an engine behaves, and the libtorrent settings that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from outpour.base.errors import SettingsError
from outpour.base.host_port import PORT_MAX, split_host_port
from outpour.base.http_route import Proxy
from outpour.base.identity import fingerprint, user_agent
from outpour.engine.tuning import PROFILES, Profile, tuned

Encryption = Literal["allow", "require", "off"]

_ENCRYPTION = {"require": 0, "allow": 1, "off": 2}
COUNT_MAX = (1 << 31) - 1
"""What libtorrent counts with; two gigabytes a second are no limit to anybody."""
_PROXIES = {("socks5", False): 2, ("socks5", True): 3, ("http", False): 4, ("http", True): 5}
"""libtorrent's numbers, by what a proxy speaks and whether it asks for a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How an engine behaves.

    Attributes:
        listen: Addresses as `HOST:PORT`, IPv6 in brackets; port 0 lets the system choose.
        profile: `server` for many torrents and peers, `desktop` for a person's machine, `small`
            for one with little memory; `tuning` says what each means.
        own_content: Torrents are one's own, and their trackers may be anywhere; else they come
            from strangers, and may aim at what only this machine reaches.
        user_agent: What trackers and web seeds see.
        fingerprint: The first 8 bytes of the peer id (BEP 20).
        download_rate: Bytes a second, 0 for no limit; on the local network too.
        upload_rate: Bytes a second, 0 for no limit; on the local network too.
        torrent_upload_rate: The same for each torrent by itself.
        torrent_download_rate: Bytes a second received of each torrent, 0 for no limit.
        connections: Peers at once, 0 for what the profile says.
        torrent_connections: The same for each torrent by itself, 0 for no limit of its own.
        interface: Name of the network interface that all connections to peers, trackers and web
            seeds begin at, None for what the system chooses; without it there are none.
        connect_from: IP addresses of this machine that connections to peers and web seeds begin
            at, in turn; empty for what the system chooses, as it does for those to a proxy.
        upload_slots: Peers that are sent to at once, 0 for what the profile says.
        blocked: First and last address of ranges to have nothing to do with.
        dht: Take part in the DHT (BEP 5).
        lsd: Look for peers on the local network (BEP 14).
        upnp: Ask the router to forward the port (UPnP and NAT-PMP).
        utp: Take part in uTP (BEP 29) besides TCP: others may come over it, and where TCP reaches
            nobody it is tried.
        encryption: Of the connections to peers.
        announce_ip: Address that trackers are told, None for the one they see.
        proxy: Through which to speak to trackers, peers and web seeds.
        ca_file: Certificates to trust in place of the system's, in the whole process.
        stop_timeout_s: How long closing may wait for trackers to take the `stopped` announce.
    """

    listen: tuple[str, ...] = ("0.0.0.0:0", "[::]:0")
    profile: Profile = "desktop"
    own_content: bool = False
    user_agent: str = field(default_factory=user_agent)
    fingerprint: str = field(default_factory=fingerprint)
    download_rate: int = 0
    upload_rate: int = 0
    torrent_upload_rate: int = 0
    torrent_download_rate: int = 0
    connections: int = 0
    torrent_connections: int = 0
    interface: str | None = None
    connect_from: tuple[str, ...] = ()
    blocked: tuple[tuple[str, str], ...] = ()
    upload_slots: int = 0
    dht: bool = False
    lsd: bool = False
    upnp: bool = False
    utp: bool = False
    encryption: Encryption = "allow"
    announce_ip: str | None = None
    proxy: Proxy | None = None
    ca_file: Path | None = None
    stop_timeout_s: int = 2

    def __post_init__(self) -> None:
        for name in (
            "download_rate",
            "upload_rate",
            "torrent_upload_rate",
            "torrent_download_rate",
            "connections",
            "torrent_connections",
            "upload_slots",
        ):
            if getattr(self, name) < 0:
                raise SettingsError(f"`{name}`: must not be negative")
            object.__setattr__(self, name, min(getattr(self, name), COUNT_MAX))
        if self.profile not in PROFILES:
            hint = f"one of {', '.join(PROFILES)}"
            raise SettingsError(f"`{self.profile}`: no profile", hint=hint)
        self._check_proxy()
        if not self.listen:
            raise SettingsError("`listen`: needs at least one address")
        for address in self.listen:
            host, port = split_host_port(address)
            if not host or port is None or port > PORT_MAX:
                raise SettingsError(f"`{address}`: not an address", hint="write `HOST:PORT`")
        if len(self.fingerprint) != 8 or not self.fingerprint.isascii():
            raise SettingsError(f"`{self.fingerprint}`: a fingerprint has 8 ASCII characters")

    def _check_proxy(self) -> None:
        if self.proxy is None:
            return
        # These speak to the local network, or in packets that only SOCKS5 carries.
        around = [name for name in ("lsd", "upnp") if getattr(self, name)]
        if self.proxy.scheme == "http":
            around += [name for name in ("dht", "utp") if getattr(self, name)]
        if around:
            raise SettingsError(f"`{around[0]}`: would go around the proxy")
        if self.interface is not None:
            # libtorrent asks trackers through it from wherever the system says.
            raise SettingsError(f"`{self.interface}`: a proxy is not reached through this alone")

    def isolated(self) -> EngineSettings:
        """Return the same settings kept to this machine: loopback only, nothing discovered."""
        return replace(self, listen=("127.0.0.1:0",), dht=False, lsd=False, upnp=False)


REQUEST_BYTES_MIN, REQUEST_BYTES_MAX = 1 << 20, 16 << 20
"""Asked of a web seed at once: what may come in a second. libtorrent asks for no less than the
first, and for the second where nobody says otherwise."""


def request_bytes(settings: EngineSettings) -> int:
    """What to ask of a web seed at once, so that a limit of the rate lets something through.

    Nothing comes until all that was asked may come, or ten seconds are over: of 16 MiB at a limit
    of 1 MiB/s nothing for nine seconds.
    """
    limits = (settings.download_rate, settings.torrent_download_rate)
    rate = min(filter(None, limits), default=REQUEST_BYTES_MAX)
    return max(REQUEST_BYTES_MIN, min(rate, REQUEST_BYTES_MAX))


def settings_pack(settings: EngineSettings, *, alert_mask: int) -> dict[str, object]:
    """Return libtorrent's settings for an engine."""
    pack: dict[str, object] = {
        **tuned(settings.profile),
        "alert_mask": alert_mask,
        "user_agent": settings.user_agent,
        "peer_fingerprint": settings.fingerprint,
        "listen_interfaces": ",".join(settings.listen),
        "enable_dht": settings.dht,
        "enable_lsd": settings.lsd,
        "enable_upnp": settings.upnp,
        "enable_natpmp": settings.upnp,
        "enable_incoming_utp": settings.utp,
        "out_enc_policy": _ENCRYPTION[settings.encryption],
        "in_enc_policy": _ENCRYPTION[settings.encryption],
        "download_rate_limit": settings.download_rate,
        "upload_rate_limit": settings.upload_rate,
        "urlseed_max_request_bytes": request_bytes(settings),
        "stop_tracker_timeout": settings.stop_timeout_s,
        "ssrf_mitigation": not settings.own_content,
    }
    if not settings.dht:
        pack["dht_bootstrap_nodes"] = ""
    given = {
        "connections_limit": settings.connections,
        "unchoke_slots_limit": settings.upload_slots,
        "announce_ip": settings.announce_ip,
        "outgoing_interfaces": settings.interface or ",".join(settings.connect_from),
    }
    pack |= {name: value for name, value in given.items() if value}
    return pack | (_proxy_pack(settings.proxy) if settings.proxy else {})


def _proxy_pack(proxy: Proxy) -> dict[str, object]:
    return {
        "proxy_type": _PROXIES[proxy.scheme, bool(proxy.user)],
        "proxy_hostname": proxy.host,
        "proxy_port": proxy.port,
        "proxy_username": proxy.user,
        "proxy_password": proxy.password,
        "proxy_hostnames": True,
        "proxy_peer_connections": True,
        "proxy_tracker_connections": True,
    }

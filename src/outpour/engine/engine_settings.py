"""How an engine behaves, and the libtorrent settings that follow from it.

The choices were measured on loopback, where the path is as fast as it gets: uTP moves a twentieth
of what TCP does, larger buffers and queues change nothing or slow it down, and several such
tunings together cost a third. So both profiles leave libtorrent's buffers alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from outpour.base.errors import SettingsError
from outpour.base.host_port import PORT_MAX, split_host_port
from outpour.base.http_route import Proxy
from outpour.base.identity import fingerprint, user_agent

Profile = Literal["server", "client"]
Encryption = Literal["allow", "require", "off"]

_ENCRYPTION = {"require": 0, "allow": 1, "off": 2}
_PROXIES = {("socks5", False): 2, ("socks5", True): 3, ("http", False): 4, ("http", True): 5}
"""libtorrent's numbers, by what a proxy speaks and whether it asks for a name."""
_LIMITS: dict[Profile, dict[str, int]] = {
    "server": {
        "connections_limit": 4000,
        "unchoke_slots_limit": 400,
        "listen_queue_size": 512,
        "file_pool_size": 400,
    },
    "client": {
        "connections_limit": 500,
        "unchoke_slots_limit": 20,
        "listen_queue_size": 64,
        "file_pool_size": 100,
    },
}

_ALWAYS: dict[str, object] = {
    "alert_queue_size": 20_000,
    # A port that is taken is an error to report, never a reason to take its neighbour.
    "max_retry_port_bind": 0,
    "listen_system_port_fallback": False,
    # The default would have each WebTorrent offer ask a server that no torrent names.
    "webtorrent_stun_server": "",
    "mixed_mode_algorithm": 0,
    # Mirrors and fleets sit behind one address; connections_limit bounds them all.
    "allow_multiple_connections_per_ip": True,
    "active_downloads": -1,
    "active_seeds": -1,
    "active_limit": -1,
    "active_tracker_limit": -1,
    "active_checking": 2,
    # Each tracker of each tier: a publisher names several to be found on all, and who adds one by
    # hand wants it asked though another answers. Either alone leaves some out.
    "announce_to_all_trackers": True,
    "announce_to_all_tiers": True,
    "max_concurrent_http_announces": 100,
    "tracker_completion_timeout": 15,
    "min_reconnect_time": 10,
    "smooth_connects": False,
    "connection_speed": 100,
    "urlseed_wait_retry": 10,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How an engine behaves.

    Attributes:
        listen: Addresses as `HOST:PORT`, IPv6 in brackets; port 0 lets the system choose.
        profile: `server` for a publisher with many torrents and peers, `client` to download.
        user_agent: What trackers and web seeds see.
        fingerprint: The first 8 bytes of the peer id (BEP 20).
        download_rate: Bytes a second, 0 for no limit; on the local network too.
        upload_rate: Bytes a second, 0 for no limit; on the local network too.
        torrent_upload_rate: The same for each torrent by itself.
        connections: Peers at once, 0 for what the profile says.
        upload_slots: Peers that are sent to at once, 0 for what the profile says.
        dht: Take part in the DHT (BEP 5).
        lsd: Look for peers on the local network (BEP 14).
        upnp: Ask the router to forward the port (UPnP and NAT-PMP).
        utp: Take part in uTP (BEP 29) besides TCP.
        encryption: Of the connections to peers.
        announce_ip: Address that trackers are told, None for the one they see.
        proxy: Through which to speak to trackers, peers and web seeds.
        ca_file: Certificates to trust in place of the system's, in the whole process.
        stop_timeout_s: How long closing may wait for trackers to take the `stopped` announce.
    """

    listen: tuple[str, ...] = ("0.0.0.0:0", "[::]:0")
    profile: Profile = "client"
    user_agent: str = field(default_factory=user_agent)
    fingerprint: str = field(default_factory=fingerprint)
    download_rate: int = 0
    upload_rate: int = 0
    torrent_upload_rate: int = 0
    connections: int = 0
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
            "connections",
            "upload_slots",
        ):
            if getattr(self, name) < 0:
                raise SettingsError(f"`{name}`: must not be negative")
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

    def isolated(self) -> EngineSettings:
        """Return the same settings kept to this machine: loopback only, nothing discovered."""
        return replace(self, listen=("127.0.0.1:0",), dht=False, lsd=False, upnp=False)


def settings_pack(settings: EngineSettings, *, alert_mask: int) -> dict[str, object]:
    """Return libtorrent's settings for an engine."""
    pack: dict[str, object] = {
        **_ALWAYS,
        **_LIMITS[settings.profile],
        "alert_mask": alert_mask,
        "user_agent": settings.user_agent,
        "peer_fingerprint": settings.fingerprint,
        "listen_interfaces": ",".join(settings.listen),
        "enable_dht": settings.dht,
        "enable_lsd": settings.lsd,
        "enable_upnp": settings.upnp,
        "enable_natpmp": settings.upnp,
        "enable_outgoing_utp": settings.utp,
        "enable_incoming_utp": settings.utp,
        "out_enc_policy": _ENCRYPTION[settings.encryption],
        "in_enc_policy": _ENCRYPTION[settings.encryption],
        "download_rate_limit": settings.download_rate,
        "upload_rate_limit": settings.upload_rate,
        "stop_tracker_timeout": settings.stop_timeout_s,
        # What a publisher adds is its own; what a client adds may aim at the local network.
        "ssrf_mitigation": settings.profile == "client",
    }
    if not settings.dht:
        pack["dht_bootstrap_nodes"] = ""
    given = {
        "connections_limit": settings.connections,
        "unchoke_slots_limit": settings.upload_slots,
        "announce_ip": settings.announce_ip,
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

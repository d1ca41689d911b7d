"""The settings of the tracker, each written once; file, environment, flags and docs come from here.

A field is a name with its unit last, a default, bounds and one sentence.
`settings_file` reads them, `settings_doc` writes their reference and the commented file.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from outpour.base.errors import SettingsError
from outpour.base.host_port import Address
from outpour.base.redis_url import RedisUrl, split_urls
from outpour.base.state_folder import default_state_folder
from outpour.tracker.lists.client_prefixes import prefix_of
from outpour.tracker.site_settings import OptionalPath, SiteSettings, absent

WORKERS_MAX = 256


def _many(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(Address.parse(text)) for text in value)
    except SettingsError as error:
        raise ValueError(error.message) from None


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(text, strict=False)) for text in value)


def _clients(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        if prefix_of(text) is None:
            raise ValueError(f"`{text}` is not the beginning of a peer id, which has 20 bytes")
    return value


def _urls(value: object) -> object:
    return split_urls(value) if isinstance(value, str) else _many(value)


def _servers(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            RedisUrl.parse(text)
        except SettingsError as error:
            raise ValueError(error.message) from None
    return value


def _level(value: object) -> object:
    """Read a level; what is yes or no elsewhere is open or off here."""
    said = value.strip().lower() if isinstance(value, str) else value
    if said in ("", None):
        return None
    if said in (True, "true", "yes", "on", "1"):
        return "open"
    return "off" if said in (False, "false", "no", "0") else said


Level = Literal["open", "key", "token", "off"]
Access = Annotated[Level | None, BeforeValidator(_level)]
ROOMS = ("page", "api", "content", "metrics")
"""Settings that say who may see a part of the web side."""

Addresses = Annotated[tuple[str, ...], AfterValidator(_addresses), BeforeValidator(_many)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_many)]
Networks = Annotated[tuple[str, ...], AfterValidator(_networks), BeforeValidator(_many)]


class TrackerSettings(BaseModel):
    """What the operator of a tracker can choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: Addresses = Field(
        default=(":6969",),
        min_length=1,
        max_length=16,
        description="Addresses to serve at, over TCP and UDP; `:6969` is all interfaces of both "
        "families.",
    )
    udp: bool = Field(
        default=True, description="Answer UDP announces (BEP 15) at the same addresses as HTTP."
    )
    workers: int = Field(
        default=0,
        ge=0,
        le=WORKERS_MAX,
        description="Threads that answer announces; 0 takes one for each CPU the process may use.",
    )
    pin_workers: bool = Field(
        default=False,
        description="Keep each of these threads on a CPU of its own, on a machine that does little "
        "else.",
    )
    open: bool = Field(
        default=False,
        description="Track any torrent that anyone announces, instead of an allowed set.",
    )
    allowed_dir: OptionalPath = Field(
        default=None,
        description="Track the .torrent files in this folder and its subfolders; changes are "
        "followed at once.",
    )
    allow_list: OptionalPath = Field(
        default=None,
        description="Track the infohashes in this file, 40 or 64 hexadecimal digits a line; `#` "
        "starts a comment.",
    )
    deny_list: OptionalPath = Field(
        default=None,
        description="Never track the infohashes in this file, whatever else allows them.",
    )
    key_list: OptionalPath = Field(
        default=None,
        description="Track only for those who announce to `/KEY/announce` with a key of this file, "
        "one a line; `outpour key` makes, lists and revokes them.",
    )
    admin_token_file: OptionalPath = Field(
        default=None,
        description="File with the token, of at least 16 characters, that opens `/admin` and, in "
        "the API, whatever changes something; without one these are closed.",
    )
    address_allow_list: OptionalPath = Field(
        default=None,
        description="Serve only addresses in this file: `192.0.2.7`, `192.0.2.0/24`, "
        "`2001:db8::/32` or `LABEL:FIRST-LAST` a line; `#` starts a comment.",
    )
    address_deny_list: OptionalPath = Field(
        default=None,
        description="Turn away addresses in this file, in the same forms, whatever else admits "
        "them.",
    )
    client_deny_list: OptionalPath = Field(
        default=None,
        description="Turn away clients whose peer ids begin with a line of this file, such as "
        "`-XL0012-`, beside those of `denied_clients`; `%XX` is a byte.",
    )
    nat_check_attempts: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Give a peer out only once the tracker reached it with a handshake, and try so "
        "many times, one an announce; 0 gives out every peer.",
    )
    torrent_notices: bool = Field(
        default=False,
        description="Tell peers what the .torrent files of `allowed_dir` hold beside `info` as "
        "`failure reason`, which refuses them, or `warning message`.",
    )
    rescan_interval_s: int = Field(
        default=60,
        ge=1,
        le=86_400,
        description="How often folder and lists are looked through even if no change was "
        "notified, as on network file systems.",
    )
    interval_s: int = Field(
        default=1800, ge=1, le=28_800, description="How often peers are asked to announce."
    )
    min_interval_s: int = Field(
        default=300,
        ge=1,
        le=86_400,
        description="How soon a peer may announce again at the earliest, capped by `interval_s`.",
    )
    interval_jitter_percent: int = Field(
        default=10,
        ge=0,
        le=50,
        description="How far each interval strays from `interval_s`, so that peers that came "
        "together do not stay together.",
    )
    peer_timeout_s: int = Field(
        default=0,
        ge=0,
        le=43_200,
        description="A peer that was silent for this long is dropped; 0 is one and a half times "
        "`interval_s`.",
    )
    peers_per_answer: int = Field(
        default=50, ge=0, le=1000, description="Peers given to a client that does not say how many."
    )
    peers_per_answer_max: int = Field(
        default=200, ge=1, le=1000, description="Peers given at most, whatever a client asks for."
    )
    full_scrape: bool = Field(
        default=False, description="Answer a scrape that names no torrent with all of them."
    )
    connection_id_lifetime_s: int = Field(
        default=900,
        ge=120,
        le=7200,
        description="How long a UDP connection id is accepted; BEP 15 asks for 120 at least, and "
        "clients in use need more.",
    )
    cluster: Annotated[tuple[str, ...], AfterValidator(_servers), BeforeValidator(_urls)] = Field(
        default=(),
        max_length=16,
        description="Act as one tracker together with the other nodes of this Valkey or Redis "
        "server: `redis://HOST:PORT/DB`, `rediss://` over TLS, `unix:///PATH`, "
        "`redis+sentinel://HOST,HOST/SERVICE`; of several, each carries a range of infohashes.",
    )
    cluster_name: str = Field(
        default="outpour",
        pattern=r"^[0-9A-Za-z._-]{1,64}$",
        description="Name of the cluster, where several share a server; of all nodes the same.",
    )
    node: Annotated[str | None, BeforeValidator(absent)] = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="What this node is called among the others; by default the host's name and the "
        "port.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        max_length=256,
        description="Networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` "
        "are believed, such as `127.0.0.1/32`; where one does not say for whom it asks, `ip=` is "
        "not.",
    )
    private_networks: bool = Field(
        default=False,
        description="Believe `ip=` of announces that come from private and loopback addresses, for "
        "peers that share a network with the tracker.",
    )
    believe_every_ip: bool = Field(
        default=False,
        description="Believe `ip=` of everyone; whoever announces can then aim the swarm at a "
        "victim.",
    )
    denied_clients: Annotated[tuple[str, ...], AfterValidator(_clients), BeforeValidator(_many)] = (
        Field(
            default=(),
            max_length=256,
            description="Beginnings of peer ids that are turned away, such as `-XL0012-`; `%XX` is "
            "a byte.",
        )
    )
    requests_per_address_per_s: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests a second that one IPv4 address or IPv6 /64 may make; 0 is no limit.",
    )
    requests_per_address_burst: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests that one address may make at once before its rate counts; 0 is one "
        "second's worth.",
    )
    connections_max: int = Field(
        default=4096,
        ge=16,
        le=1_000_000,
        description="Open HTTP connections of each worker; above it the least active is closed.",
    )
    torrents_max: int = Field(
        default=16_000_000, ge=1, le=1_000_000_000, description="Torrents held in memory."
    )
    counters_max: int = Field(
        default=4_000_000,
        ge=1000,
        le=1_000_000_000,
        description="Counters of completed downloads kept by an open tracker, at 30 bytes each; "
        "beyond it the smallest of torrents without peers are forgotten, and stay in the sum of "
        "all.",
    )
    peers_max: int = Field(
        default=100_000_000,
        ge=1,
        le=4_000_000_000,
        description="Peers held in memory, over all torrents.",
    )
    peers_per_torrent_max: int = Field(
        default=2_000_000, ge=1, le=100_000_000, description="Peers held in memory of one torrent."
    )
    peers_per_address_max: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="Peers of one IPv4 address or IPv6 /64 in one torrent; 0 is no limit.",
    )
    state: OptionalPath = Field(
        default=None,
        description="SQLite file for counters, history and swarms; by default "
        "`outpour/tracker-PORT.sqlite` in `$STATE_DIRECTORY`, `$XDG_STATE_HOME` or "
        "`~/.local/state`.",
    )
    history_retention_d: int = Field(
        default=366,
        ge=1,
        le=3650,
        description="How long swarm history is kept: a sample a minute for a day, hours for 92 "
        "days, days after that.",
    )
    public_url: Annotated[str | None, BeforeValidator(absent)] = Field(
        default=None,
        description="URL under which the world reaches this tracker, for links, feed and magnet "
        "links; by default taken from each request. Its path may stand before `/announce` and "
        "`/scrape`.",
    )
    page: Access = Field(
        default=None,
        description="Who sees the page at `/` and those of torrents: `open` to all, who has a "
        "`key`, who has the administrator's `token`, or nobody (`off`); by default `key` with a "
        "`key_list` and `open` without.",
    )
    api: Access = Field(
        default=None,
        description="Who reads the JSON API and the feed: `open`, `key`, `token` or `off`, with "
        "the default of `page`.",
    )
    content: Access = Field(
        default=None,
        description="Who downloads .torrent files and content over HTTP: `open`, `key`, `token` "
        "or `off`, with the default of `page`.",
    )
    metrics: Access = Field(
        default=None,
        description="Who reads `/metrics`: `open`, `key`, `token` or `off`; by default `open` "
        "without a `key_list`, and with one `token` if there is one and `off` if not; with "
        "`metrics_listen` it is `off` here.",
    )
    metrics_listen: Addresses = Field(
        default=(),
        max_length=4,
        description="Addresses that answer `/metrics`, and nothing else but `/healthz`, to whoever "
        "reaches them, such as `127.0.0.1:9469`.",
    )
    log_format: Literal["human", "json"] = Field(
        default="human",
        description="How logs are written: `human` for people, or `json`, an object a line.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="What is said: `error` says least, then `warning`, `info` and `debug`.",
    )
    access_log: OptionalPath = Field(
        default=None,
        description="Write a line a request to this file, announces, scrapes and those of the web "
        "side; SIGHUP opens it anew.",
    )
    access_log_sample: int = Field(
        default=1, ge=1, le=1_000_000, description="Of requests, one in so many is written there."
    )
    refusal_log: OptionalPath = Field(
        default=None,
        description="Write a line to this file for each announce and scrape that is refused, with "
        "the reason; SIGHUP opens it anew.",
    )
    refusal_log_sample: int = Field(
        default=1, ge=1, le=1_000_000, description="Of these, one in so many is written."
    )
    log_lines_per_s: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Lines a second that each of the two takes at most; what is more is left out "
        "and counted.",
    )
    show_names: bool = Field(
        default=True,
        description="Show names of torrents on the page and in the API, not only infohashes.",
    )
    show_networks: bool = Field(
        default=False,
        description="Count on `/admin` which networks peers are in: /16 of IPv4, /32 of IPv6.",
    )
    keep_dead: bool = Field(
        default=False,
        description="List torrents without peers on the page of an open tracker, too.",
    )
    serve_torrents: bool = Field(
        default=True, description="Let visitors download the .torrent files of `allowed_dir`."
    )
    favicon: OptionalPath = Field(
        default=None, description="Image file to serve as `/favicon.ico`."
    )
    web_seeds: Texts = Field(
        default=(),
        description="Where copies of what `outpour publish` publishes lie: `URL`, or `WHERE=URL` "
        "for a published folder (a path) or names (a pattern); a folder, or with `{path}`.",
    )
    site: SiteSettings = Field(
        default=SiteSettings(), description="What the pages say of their publisher."
    )

    @model_validator(mode="after")
    def _consistent(self) -> TrackerSettings:
        if self.open and (self.allowed_dir or self.allow_list):
            raise ValueError("`open` tracks everything, so it excludes `allowed_dir`, `allow_list`")
        for room in ROOMS:
            level, needed = getattr(self, room), {"key": "key_list", "token": "admin_token_file"}
            if level in needed and getattr(self, needed[level]) is None:
                raise ValueError(f"`{room}` for a {level} needs `{needed[level]}`")
        if 0 < self.peer_timeout_s <= self.interval_s:
            raise ValueError(
                f"`peer_timeout_s` ({self.peer_timeout_s}) must be above "
                f"`interval_s` ({self.interval_s})"
            )
        if self.peers_per_answer > self.peers_per_answer_max:
            raise ValueError(
                f"`peers_per_answer` ({self.peers_per_answer}) must not be above "
                f"`peers_per_answer_max` ({self.peers_per_answer_max})"
            )
        return self

    @property
    def peer_timeout_in_effect_s(self) -> int:
        """`peer_timeout_s`, or what it is derived from."""
        return self.peer_timeout_s or max(self.interval_s + 1, self.interval_s * 3 // 2)

    @property
    def levels(self) -> dict[str, Level]:
        """Who may see what: a private tracker shows strangers nothing unless it is told to."""
        usual: Level = "open" if self.key_list is None else "key"
        closed: Level = "off" if self.admin_token_file is None else "token"
        defaults = dict.fromkeys(ROOMS, usual)
        if self.key_list is not None:
            defaults["metrics"] = closed
        if self.metrics_listen:
            defaults["metrics"] = "off"
        return {room: getattr(self, room) or defaults[room] for room in ROOMS}

    @property
    def addresses(self) -> tuple[Address, ...]:
        """`listen`, parsed."""
        return tuple(Address.parse(text) for text in self.listen)

    @property
    def cluster_servers(self) -> tuple[RedisUrl, ...]:
        """`cluster`, parsed."""
        return tuple(RedisUrl.parse(text) for text in self.cluster)

    @property
    def metrics_addresses(self) -> tuple[Address, ...]:
        """`metrics_listen`, parsed."""
        return tuple(Address.parse(text) for text in self.metrics_listen)

    @property
    def state_path(self) -> Path | None:
        """Where state is kept: `state`, else the default; None keeps it in memory only.

        A tracker at a port of the system's choice gets no default file: nobody finds it again.
        """
        if self.state is not None:
            return self.state
        port = self.addresses[0].port
        return default_state_folder() / f"tracker-{port}.sqlite" if port else None


SECTION = "site"
OF_PUBLISH = ("web_seeds",)
"""Settings that a tracker alone has no use for."""


def all_fields() -> dict[str, FieldInfo]:
    """Every setting by its name, those of a section as `site.title`, in the order of the file."""
    fields = {
        name: field for name, field in TrackerSettings.model_fields.items() if name != SECTION
    }
    return fields | {
        f"{SECTION}.{name}": field for name, field in SiteSettings.model_fields.items()
    }

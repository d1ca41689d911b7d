"""The one table of libtorrent's settings that outpour changes: what, for whom, and why.

`docs/engine.md` is written from it. What is not here stays as libtorrent has it: of the buffers,
queues and threads that one would think of first, measurements say that they are best left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["server", "desktop", "small"]
Value = int | bool | str


@dataclass(frozen=True, slots=True)
class Tuned:
    """One setting.

    Attributes:
        name: As libtorrent has it.
        values: For the profiles `server`, `desktop` and `small`, or one for all.
        why: The reason.
        figure: What was measured, empty where it is no matter of measuring.
    """

    name: str
    values: tuple[Value, Value, Value] | Value
    why: str
    figure: str = ""

    def of(self, profile: Profile) -> Value:
        """Its value in a profile."""
        if isinstance(self.values, tuple):
            return self.values[PROFILES.index(profile)]
        return self.values


KEPT: tuple[tuple[str, str], ...] = (
    (
        "send_buffer_watermark, send_buffer_low_watermark",
        "128 KiB and 1/8 MiB: 0.96 and 0.86 x of the rate, and 1.1 and 1.4 x of CPU to seed",
    ),
    ("send_socket_buffer_size, recv_socket_buffer_size", "4 MiB: no difference beyond the noise"),
    (
        "max_out_request_queue",
        "128, 250 and 1500: no difference beyond the noise; 12: none in one to ten over links of 40"
        " Mbit/s either",
    ),
    (
        "urlseed_max_request_bytes",
        "64 MiB: 0.20 CPU seconds a GB to serve a web seed alone, 0.33 with 16, and 0.94 x of CPU"
        " where peers send too; but 96 MiB from a peer of 8 MB/s and a web seed of 2 came after 34"
        " s, 12 with 16 MiB and 10 ideal: what was asked of the slow one is waited for. With a"
        " limit of the rate it is what may come in a second, 1 MiB at the least: of 8 MiB at 1"
        " MiB/s a quarter is there after 3 s, with 16 MiB nothing for 9 s",
    ),
    ("piece_extent_affinity", "on: no difference, with a web seed or without"),
    ("max_queued_disk_bytes", "4, 16 and 256 MiB: none faster, and less memory with none"),
    ("max_peer_recv_buffer_size", "256 KiB and 8 MiB: no difference beyond the noise"),
    (
        "hashing_threads",
        "2: no difference; none, so that the thread of the network hashes: 0.97 x of CPU to fetch,"
        " and peers wait for each piece",
    ),
    ("send_redundant_have", "off: no difference"),
    ("send_not_sent_low_watermark", "0 and 128 KiB: no difference"),
    ("suggest_mode", "one to ten over links of 40 Mbit/s: 2.0 x of the ideal time, 1.6 without"),
    (
        "super seeding",
        "one to ten over links of 20 Mbit/s: the seeder sends nothing twice, but has two pieces a"
        " peer on the way, which leaves its link idle: 1.62 x of the ideal time, 1.32 without",
    ),
    (
        "send_buffer_watermark_factor",
        "10 %: one to ten over links of 20 Mbit/s 1.31 x of the ideal time, as with 50 %",
    ),
    (
        "seed_choking_algorithm",
        "5 slots and those first that have just begun or are nearly complete (anti-leech): one to"
        " ten over links of 40 Mbit/s 1.24 x of the ideal time, 1.22 with a slot for each",
    ),
    ("prioritize_partial_pieces", "on: one to ten 1.62 x of the ideal time, 1.41 without"),
    ("tick_interval", "1 s: no difference under load, and not needed when idle"),
    ("disk_io_write_mode", "write through: 0.5 x of the rate, and 1.3 x of CPU to fetch"),
    ("encryption", "RC4 costs 2 x of CPU; the handshake alone nothing that can be measured"),
)
"""What was measured and left as libtorrent has it."""

PROFILES: tuple[Profile, ...] = ("server", "desktop", "small")

TABLE: tuple[Tuned, ...] = (
    Tuned("connections_limit", (4000, 500, 60), "Peers at once, over all torrents."),
    Tuned("unchoke_slots_limit", (400, 8, 4),
          "Peers that are sent to at once. Among downloaders the fewer are sent to, the sooner one"
          " of them has a whole piece to pass on; too few leave somebody waiting.",
          "160 MiB from one to ten over links of 40 Mbit/s, times of the ideal: 1.33 and 1.41 with"
          " 6 and libtorrent's intervals, 1.24 with 8 and those below, 1.24 with 20"),
    Tuned("unchoke_interval", 10,
          "Seconds between choices of whom to send to, as BEP 3 has it; libtorrent has 15."),
    Tuned("optimistic_unchoke_interval", 10,
          "Seconds until somebody else gets a chance. Whom all choke when they first choose, as it"
          " had nothing to give yet, waits that long; libtorrent has 30.",
          "the same with 10 slots and libtorrent's intervals: nine complete after 1.20 of the"
          " ideal, the last after 1.65"),
    Tuned("listen_queue_size", (512, 64, 16), "Peers that connect in the same moment."),
    Tuned("file_pool_size", (400, 100, 20), "Files that are open at once."),
    Tuned("aio_threads", 0,
          "Each block is a task of one of these threads, and waking them costs more than the work"
          " where content is in memory or on a fast disk: with none the thread of the network does"
          " it. There are ten, as libtorrent has, while a block takes its disk more than 2 ms.",
          "512 MiB in turns: 387 MB/s with none, 258 with one, 253 with two, 249 with ten; CPU"
          " seconds a GB with none, 1, 2 and 10: 1.5, 2.4, 2.7 and 2.8 to seed; 1.5, 1.9, 2.0 and"
          " 1.8 to fetch"),
    Tuned("alert_queue_size", 20_000, "Nothing that happened to a thousand torrents is lost."),
    Tuned("max_retry_port_bind", 0,
          "A port that is taken is an error to report, never a reason to take its neighbour."),
    Tuned("listen_system_port_fallback", False, "The same."),
    Tuned("webtorrent_stun_server", "",
          "The default would have each WebTorrent offer ask a server that no torrent names."),
    Tuned("request_queue_time", 1,
          "What is asked of one peer in advance, as seconds of its rate. With three, as libtorrent"
          " has it, many ask a lone seeder for the same pieces before one of them has it.",
          "64 MiB from one to ten over links of 40 Mbit/s, the start of the programs included: 25.3"
          " s with three, 21.9 s with one, 13.4 s ideal"),
    Tuned("whole_pieces_threshold", 0,
          "Else a downloader takes what a peer can send in 20 s as a run of neighbouring pieces,"
          " and several take the same run of a lone seeder, which sends it to each of them.",
          "64 MiB from one to ten over links of 20 Mbit/s, times of the ideal with 20, 3, 1 and 0:"
          " 1.43, 1.39, 1.31, 1.27; the seeder's link carried 1.33 to 1.18 times the content"),
    Tuned("mixed_mode_algorithm", 0, "TCP does not slow down for uTP."),
    Tuned("enable_outgoing_utp", False,
          "On where `--utp` is given and TCP reaches nobody for ten seconds: libtorrent would"
          " choose uTP first. `enable_incoming_utp` follows `--utp`.",
          "uTP moves 0.2 of what TCP does, with 4.4 CPU seconds a GB to fetch (TCP 1.5) and 4.9 to"
          " seed (TCP 1.5)"),
    Tuned("allow_multiple_connections_per_ip", True,
          "Mirrors and fleets sit behind one address; `connections_limit` bounds them all."),
    Tuned("active_downloads", -1, "What was named is downloaded, all of it at once."),
    Tuned("active_seeds", -1, "What is published is seeded, all of it at once."),
    Tuned("active_limit", -1, "The same."),
    Tuned("active_tracker_limit", -1, "The same."),
    Tuned("active_checking", 2, "Two are checked at once, so that a small one need not wait."),
    Tuned("announce_to_all_trackers", True,
          "A publisher names several trackers to be found on all, and who adds one by hand wants"
          " it asked though another answers."),
    Tuned("announce_to_all_tiers", True, "The same: either alone leaves some out."),
    Tuned("max_concurrent_http_announces", 100, "A thousand torrents are announced in seconds."),
    Tuned("tracker_completion_timeout", 15, "A tracker that is silent is given up sooner."),
    Tuned("min_reconnect_time", 10, "A peer that was restarted is found again soon."),
    Tuned("smooth_connects", False, "Peers are connected to at once, not one by one."),
    Tuned("connection_speed", 100, "The same: so many a second."),
    Tuned("urlseed_wait_retry", 10, "A web seed that was busy is asked again soon."),
)  # fmt: skip


def tuned(profile: Profile) -> dict[str, Value]:
    """Libtorrent's settings in a profile."""
    return {one.name: one.of(profile) for one in TABLE}

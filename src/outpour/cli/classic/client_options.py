"""The options of the old clients: every one of 3.4.2 and BitTornado, and what became of them."""

from __future__ import annotations

from outpour.cli.classic.option_table import Option

TABLE = (
    Option("max_uploads", 7, "How many peers to send to at once."),
    Option("keepalive_interval", 120.0, "Seconds between signs of life to a silent peer."),
    Option("download_slice_size", 2**14, "Bytes to ask for in one request."),
    Option("upload_unit_size", 1460, "Bytes to send at once when the rate is limited."),
    Option("request_backlog", 5, "Requests that may wait at one peer."),
    Option("max_message_length", 2**23, "Longest message taken from a peer, in bytes."),
    Option("ip", "", "Address to report to the tracker."),
    Option("minport", 6881, "Lowest port to listen on; the next is tried if it is taken."),
    Option("maxport", 6999, "Highest port to listen on."),
    Option("random_port", 0, "Whether to try the ports in random order."),
    Option(
        "bind", "", "Address to listen on and to connect to peers, trackers and web seeds from."
    ),
    Option("timeout", 300.0, "Seconds after which a silent connection is closed."),
    Option("timeout_check_interval", 60.0, "Seconds between looks for silent connections."),
    Option("max_slice_length", 2**17, "Longest request of a peer that is answered, in bytes."),
    Option("max_rate_period", 20.0, "Seconds over which a rate is measured at most."),
    Option("upload_rate_fudge", 5.0, "Seconds of sending that the socket is taken to hold."),
    Option("tcp_ack_fudge", 0.03, "Share of the download that acknowledgements take up."),
    Option("display_interval", 0.5, "Seconds between two reports."),
    Option("rerequest_interval", 5 * 60, "Seconds between two requests for more peers."),
    Option("min_peers", 20, "With so many peers no more are asked for."),
    Option("http_timeout", 60, "Seconds to wait for the .torrent file over HTTP."),
    Option("max_initiate", 35, "With so many peers no more connections are made."),
    Option("max_allow_in", 55, "How many connections to have at once."),
    Option("max_connections", 0, "How many connections to have at once; 0 leaves it open."),
    Option("check_hashes", 1, "Whether to check what is on the disk; 1 does it in any case."),
    Option("max_upload_rate", 0.0, "Send at most so many kB/s; 0 means no limit."),
    Option("max_download_rate", 0.0, "Receive at most so many kB/s; 0 means no limit."),
    Option("snub_time", 30.0, "Seconds after which a peer that sends nothing is passed over."),
    Option("spew", 0, "Whether to show every connection."),
    Option("rarest_first_cutoff", 4, "Pieces to have before the rarest are asked for first."),
    Option("rarest_first_priority_cutoff", 5, "Peers that make a piece common."),
    Option("min_uploads", 4, "Fill up with optimistic unchokes to so many uploads."),
    Option("report_hash_failures", 0, "Whether to tell of pieces that did not match."),
    Option("priority", "", "Comma-separated, one for each file; -1 leaves the file out."),
    Option("crypto_allowed", 1, "Whether connections to peers may be encrypted."),
    Option("crypto_only", 0, "Whether connections to peers must be encrypted."),
    Option("crypto_stealth", 0, "Whether to hide from peers that do not encrypt."),
    Option("upnp_nat_access", 0, "Whether to ask the router to forward the port."),
    Option("ipv6_enabled", 1, "Whether to speak to peers over IPv6 too."),
    Option("ipv6_binds_v4", 0, "Whether an IPv6 socket takes IPv4 connections."),
    Option("selector_enabled", 1, "Whether files can be chosen."),
    Option("expire_cache_data", 10, "Days after which what is known of a torrent is forgotten."),
    Option("alloc_type", "normal", "How files get their size."),
    Option("alloc_rate", 2.0, "Speed of growing files in the background, in MiB/s."),
    Option("buffer_reads", 1, "Whether to read ahead of requests."),
    Option("write_buffer_size", 4, "MiB to collect before they are written."),
    Option("breakup_seed_bitfield", 1, "Whether to hide being a seed from the provider."),
    Option("max_files_open", 50, "How many files to keep open."),
    Option("round_robin_period", 30, "Seconds between two choices of whom to send to."),
    Option("super_seeder", 0, "Whether to give each piece out once before it is given again."),
    Option("security", 1, "Whether to take one connection an address only."),
    Option("auto_kick", 1, "Whether to turn away peers that send bad data."),
    Option("double_check", 1, "Whether to check data as it is written."),
    Option("triple_check", 0, "Whether to check data once more when it is read."),
    Option("lock_files", 1, "Whether to lock files while they are written."),
    Option("lock_while_reading", 0, "Whether to lock files while they are read."),
    Option("auto_flush", 0, "Minutes between flushes to the disk."),
    Option("dedicated_seed_id", "", "Tells the tracker of a dedicated seed."),
    Option("overwrite", 0, "Whether to replace files that are there and no part of the torrent."),
    Option("save_options", 0, "Whether to make these options the default."),
)

REPLACED = {
    "spew": "`outpour download --json` tells the numbers of each torrent",
    "report_hash_failures": "pieces that do not match are asked for again",
    "super_seeder": "`outpour publish` adds a web seed, which takes the load off a first seed",
    "dedicated_seed_id": "`outpour publish` seeds, and its tracker knows its own seed",
    "alloc_type": "files grow as pieces come, and a full disk is told before the start",
    "alloc_rate": "files grow as pieces come, and a full disk is told before the start",
    "crypto_stealth": "`--crypto_only 1` turns away who does not encrypt",
    "ipv6_enabled": "both families are used; `--bind` names a single address",
    "ipv6_binds_v4": "both families are used; `--bind` names a single address",
    "security": "several peers may share an address; `--max_connections` bounds them all",
    "save_options": "write the options into a script",
}
"""What is said, in one line, about each option that has no effect any more."""

TUNING = frozenset({
    "keepalive_interval", "download_slice_size", "upload_unit_size", "request_backlog",
    "max_message_length", "timeout", "timeout_check_interval", "max_slice_length",
    "max_rate_period", "upload_rate_fudge", "tcp_ack_fudge", "rerequest_interval", "min_peers",
    "max_initiate", "snub_time", "rarest_first_cutoff", "rarest_first_priority_cutoff",
    "min_uploads", "selector_enabled", "expire_cache_data", "buffer_reads", "write_buffer_size",
    "breakup_seed_bitfield", "max_files_open", "round_robin_period", "auto_kick", "double_check",
    "triple_check", "lock_files", "lock_while_reading", "auto_flush",
})  # fmt: skip
"""Knobs of an engine that is no more: taken in silence, because nobody misses them."""

TODAY = {
    **dict.fromkeys(TUNING, "taken; the engine finds the value by itself"),
    **{name: f"no effect: {text}" for name, text in REPLACED.items()},
}
"""What the documentation says about each option that does not work as it did."""

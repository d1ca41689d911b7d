"""`bttrack`: the classic tracker's command line, state file and log on the tracker of today."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from outpour.cli.classic.frame import print_text, run
from outpour.cli.classic.options import Parsed, listing, parse, wants_help
from outpour.cli.classic.tracker_options import OPTIONS, REPLACED
from outpour.cli.printer import Printer

PEERS_GIVEN_MAX = 1000
STATE_SUFFIX = ".sqlite"


def bttrack(args: Sequence[str] | None = None) -> int:
    """Run `bttrack --dfile FILE [--option value ...]`."""
    return run(_track, args)


def _track(printer: Printer, args: list[str]) -> int:
    if not args or wants_help(args):
        print_text(printer, listing(OPTIONS).removesuffix("\n"))
        return 0
    parsed = parse(args, OPTIONS, words_max=0)
    _note_replaced(printer, parsed)
    # Late, so that the usage and mistakes are told without loading what serves.
    from outpour.tracker.core import check_system

    check_system()
    from outpour.cli.classic.announce_log import WAITING_MAX, AnnounceLog
    from outpour.cli.classic.tracker_log import Log, Logged
    from outpour.cli.track import tell
    from outpour.cli.tracking import Tracking
    from outpour.tracker.mirror import DfileMirror
    from outpour.tracker.settings_file import load

    settings = load(flags=settings_of(printer, parsed))
    log = Log(parsed.text("logfile"), printer)
    try:
        tracking = Tracking(printer, settings, on_event=partial(tell, printer), log_max=WAITING_MAX)
        tracking.start()
        announces = AnnounceLog(
            log,
            tracking.service.logged,
            lambda: tracking.service.counters()["unlogged"],
            with_nat_checks=parsed.flag("log_nat_checks"),
        )
        mirror = DfileMirror(
            tracking.service,
            Path(parsed.text("dfile")),
            max(1, parsed.integer("save_dfile_interval")),
            partial(tell, printer),
        )
        try:
            mirror.load()
        except BaseException:
            tracking.service.stop()
            raise
        try:
            tracking.serve(
                redirect=parsed.text("infopage_redirect") or None,
                wrap=lambda app: Logged(app, log),
                on_hangup=log.reopen if parsed.flag("hupmonitor") else lambda: None,
                alongside=[mirror.run, announces.run],
            )
        finally:
            announces.write()
            mirror.save()
    finally:
        log.close()
    return 0


def settings_of(printer: Printer, parsed: Parsed) -> dict[str, Any]:
    """Translate the old options into settings of the tracker."""
    port = parsed.integer("port")
    hosts = [host.strip() for host in parsed.text("bind").split(",") if host.strip()]
    interval_s = parsed.integer("reannounce_interval")
    allowed_dir, allowed_list = parsed.text("allowed_dir"), parsed.text("allowed_list")
    if allowed_dir and allowed_list:
        printer.note("--allowed_dir is disregarded because of --allowed_list")
        allowed_dir = ""
    give = parsed.integer("max_give")
    if give > PEERS_GIVEN_MAX:
        printer.note(f"--max_give is {PEERS_GIVEN_MAX} at most")
    give = min(give, PEERS_GIVEN_MAX)
    believe_every_ip = _believes_every_ip(parsed)
    if believe_every_ip:
        printer.note("--only_local_override_ip 0 lets everyone aim the swarm at a victim")
    if parsed.text("scrape_allowed") == "none":
        printer.note("--scrape_allowed none is specific: counts are in every announce anyway")
    return {
        "listen": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts]
        or [f":{port}" if parsed.flag("ipv6_enabled") else f"0.0.0.0:{port}"],
        "open": not (allowed_dir or allowed_list),
        "allowed_dir": allowed_dir or None,
        "allow_list": allowed_list or None,
        "rescan_interval_s": _rescan_interval_s(parsed),
        "interval_s": interval_s,
        "peer_timeout_s": max(parsed.integer("timeout_downloaders_interval"), interval_s + 1),
        "peers_per_answer": min(parsed.integer("response_size"), give),
        "peers_per_answer_max": give,
        "private_networks": True,
        "torrent_notices": parsed.flag("allowed_controls"),
        "believe_every_ip": believe_every_ip,
        "nat_check_attempts": max(0, parsed.integer("nat_check")),
        "address_allow_list": parsed.text("allowed_ips") or None,
        "address_deny_list": parsed.text("banned_ips") or None,
        "full_scrape": parsed.text("scrape_allowed") == "full",
        "state": Path(os.path.abspath(parsed.text("dfile") + STATE_SUFFIX)),  # noqa: PTH100
        "keep_dead": parsed.integer("keep_dead") == 1,
        "show_names": parsed.flag("show_names"),
        "serve_torrents": parsed.flag("allow_get"),
        "page": parsed.flag("show_infopage"),
        "favicon": parsed.text("favicon") or None,
    }


def _believes_every_ip(parsed: Parsed) -> bool:
    choice = parsed.integer("only_local_override_ip")
    # 2 is what BitTornado had by default: believe all whose addresses the NAT check looks into.
    return choice == 0 or (choice == 2 and parsed.integer("nat_check") > 0)


def _rescan_interval_s(parsed: Parsed) -> int:
    if "parse_allowed_interval" in parsed.given and "parse_dir_interval" not in parsed.given:
        return max(1, parsed.integer("parse_allowed_interval") * 60)
    return max(1, parsed.integer("parse_dir_interval"))


def _note_replaced(printer: Printer, parsed: Parsed) -> None:
    for name in sorted(parsed.given & REPLACED.keys()):
        printer.note(f"--{name} has no effect: {REPLACED[name]}")

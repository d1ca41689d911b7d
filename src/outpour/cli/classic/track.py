"""`bttrack`: the classic tracker's command line, state file and log on the tracker of today."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outpour.base.host_port import format_host_port
from outpour.cli.classic.frame import print_text, run
from outpour.cli.classic.log_notes import missing
from outpour.cli.classic.option_table import Parsed, listing, parse, wants_help
from outpour.cli.classic.tracker_options import OPTIONS, REPLACED
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.cli.classic.tracker_log import Log
    from outpour.cli.shared.tracker_run import TrackerRun
    from outpour.tracker.state.dfile_mirror import DfileMirror

PEERS_GIVEN_MAX = 1000
STATE_SUFFIX = ".sqlite"
SPELLINGS = {
    "--interval-s": "--reannounce_interval",
    "--peers-per-answer": "--response_size",
    "--peers-per-answer-max": "--max_give",
    "--peer-timeout-s": "--timeout_downloaders_interval",
    "--rescan-interval-s": "--parse_dir_interval",
    "--nat-check-attempts": "--nat_check",
    "--listen": "--port",
    "--allowed-dir": "--allowed_dir",
    "--allow-list": "--allowed_list",
    "--state": "--dfile",
}
"""What the settings that the old options become are called there."""


def bttrack(args: Sequence[str] | None = None) -> int:
    """Run `bttrack --dfile FILE [--option value ...]`."""
    return run(_track, args, OPTIONS, SPELLINGS)


def _track(printer: Printer, args: list[str]) -> int:
    if not args or wants_help(args):
        print_text(printer, listing(OPTIONS).removesuffix("\n"))
        return 0
    printer.outlast(missing)
    parsed = parse(args, OPTIONS, words_max=0)
    _note_replaced(printer, parsed)
    # Late, so that the usage and mistakes are told without loading what serves.
    from outpour.tracker.core import check_system

    check_system()
    from outpour.cli.classic.announce_log import WAITING_MAX
    from outpour.cli.classic.tracker_log import Log
    from outpour.cli.shared.tracker_run import TrackerRun
    from outpour.cli.track import tell
    from outpour.tracker.settings_file import load
    from outpour.tracker.state.dfile_mirror import DfileMirror

    settings = load(flags=settings_of(printer, parsed))
    log = Log(parsed.text("logfile"), printer)
    try:
        tracker = TrackerRun(
            printer, settings, on_event=partial(tell, printer), log_max=WAITING_MAX
        )
        tracker.start()
        mirror = DfileMirror(
            tracker.service.dfile_contents(),
            Path(parsed.text("dfile")),
            max(1, parsed.integer("save_dfile_interval")),
            partial(tell, printer),
        )
        try:
            mirror.load()
        except BaseException:
            tracker.service.stop()
            raise
        _serve(parsed, tracker, mirror, log)
    finally:
        log.close()
    return 0


def _serve(parsed: Parsed, tracker: TrackerRun, mirror: DfileMirror, log: Log) -> None:
    from outpour.cli.classic.announce_log import AnnounceLog
    from outpour.cli.classic.tracker_log import logged

    announces = AnnounceLog(
        log,
        tracker.service.logged,
        lambda: tracker.service.counters()["unlogged"],
        with_nat_checks=parsed.flag("log_nat_checks"),
    )
    try:
        tracker.serve(
            redirect=parsed.text("infopage_redirect") or None,
            wrap=lambda app: logged(app, log),
            is_classic=True,
            on_hangup=log.reopen if parsed.flag("hupmonitor") else lambda: None,
            alongside=[mirror.run, announces.run],
        )
    finally:
        announces.write()
        mirror.save()


def settings_of(printer: Printer, parsed: Parsed) -> dict[str, Any]:
    """Translate the old options into settings of the tracker."""
    interval_s = parsed.integer("reannounce_interval")
    given = min(parsed.integer("max_give"), PEERS_GIVEN_MAX)
    _note_limits(printer, parsed)
    return {
        "listen": _listen(parsed),
        **_who_may(printer, parsed),
        "rescan_interval_s": _rescan_interval_s(parsed),
        "interval_s": interval_s,
        "peer_timeout_s": max(parsed.integer("timeout_downloaders_interval"), interval_s + 1),
        "peers_per_answer": min(parsed.integer("response_size"), given),
        "peers_per_answer_max": given,
        "private_networks": True,
        "torrent_notices": parsed.flag("allowed_controls"),
        "believe_every_ip": _believes_every_ip(parsed),
        "nat_check_attempts": max(0, parsed.integer("nat_check")),
        "full_scrape": parsed.text("scrape_allowed") == "full",
        "state": Path(os.path.abspath(parsed.text("dfile") + STATE_SUFFIX)),  # noqa: PTH100
        "keep_dead": parsed.integer("keep_dead") == 1,
        "show_names": parsed.flag("show_names"),
        "serve_torrents": parsed.flag("allow_get"),
        "page": parsed.flag("show_infopage"),
        "favicon": parsed.text("favicon") or None,
    }


def _listen(parsed: Parsed) -> list[str]:
    port = parsed.integer("port")
    hosts = [host.strip() for host in parsed.text("bind").split(",") if host.strip()]
    everywhere = f":{port}" if parsed.flag("ipv6_enabled") else f"0.0.0.0:{port}"
    return [format_host_port(host, port) for host in hosts] or [everywhere]


def _who_may(printer: Printer, parsed: Parsed) -> dict[str, Any]:
    allowed_dir, allowed_list = parsed.text("allowed_dir"), parsed.text("allowed_list")
    if allowed_dir and allowed_list:
        printer.note("--allowed_dir is disregarded because of --allowed_list")
        allowed_dir = ""
    return {
        "open": not (allowed_dir or allowed_list),
        "allowed_dir": allowed_dir or None,
        "allow_list": allowed_list or None,
        "address_allow_list": parsed.text("allowed_ips") or None,
        "address_deny_list": parsed.text("banned_ips") or None,
    }


def _note_limits(printer: Printer, parsed: Parsed) -> None:
    if parsed.integer("max_give") > PEERS_GIVEN_MAX:
        printer.note(f"--max_give is {PEERS_GIVEN_MAX} at most")
    if _believes_every_ip(parsed):
        printer.note("--only_local_override_ip 0 lets everyone aim the swarm at a victim")
    if parsed.text("scrape_allowed") == "none":
        printer.note("--scrape_allowed none is specific: counts are in every announce anyway")


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

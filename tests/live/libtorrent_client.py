"""A client with libtorrent's defaults, kept to loopback: TORRENT FOLDER LISTEN, until killed.

A process of its own, because libtorrent shares UDP connection ids between the sessions of one.
"""

from __future__ import annotations

import sys

import libtorrent as lt


def main(torrent: str, folder: str, listen: str) -> None:
    """Download, and go on until killed."""
    params = lt.session_params()
    params.settings = {
        "listen_interfaces": listen, "alert_mask": int(lt.alert_category.status),
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_outgoing_utp": False, "enable_incoming_utp": False,
    }  # fmt: skip
    session = lt.session(params)
    source = lt.load_torrent_file(torrent)
    source.save_path = folder
    session.add_torrent(source)
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            print(alert.message(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A libtorrent client with one torrent: `libtorrent_client.py LISTEN_INTERFACE DIRECTORY TORRENT_OR_MAGNET`.

Prints each alert as a line. A line `scrape` on its input scrapes the tracker; the end of its input ends it,
once the tracker was told. It is a process of its own because libtorrent keeps connection ids for a
whole process by the tracker's IP address, whatever the port: it can't know several trackers on loopback.
"""

import sys
import threading

import libtorrent as lt

# For a tracker that does not answer, which is a failed test already.
STOPPING_SECONDS_MAX = 5


def settings(listen_interface: str) -> "lt.settings_pack":
    """Nothing but the tracker may tell of other clients."""
    return {
        "listen_interfaces": listen_interface,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_natpmp": False,
        "enable_upnp": False,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.connect_notification,
    }


def print_alerts(session: lt.session, tracker_told: threading.Event, ending: threading.Event) -> None:
    stopping = False
    while not ending.is_set():
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            print(describe(alert), flush=True)
            if isinstance(alert, lt.tracker_announce_alert):
                stopping = alert.event == lt.event_t.stopped
            told = stopping and isinstance(alert, lt.tracker_reply_alert | lt.tracker_error_alert)
            # A tracker that has not answered `started` yet is not told `stopped` either.
            if told or (not stopping and isinstance(alert, lt.torrent_paused_alert)):
                tracker_told.set()


def describe(alert: lt.alert) -> str:
    if isinstance(alert, lt.scrape_reply_alert):
        return f"scrape_reply complete={alert.complete} incomplete={alert.incomplete}"
    return f"{alert.what()} {alert.message()}"


def main(listen_interface: str, directory: str, torrent_or_magnet: str) -> None:
    if torrent_or_magnet.startswith("magnet:"):
        torrent = lt.parse_magnet_uri(torrent_or_magnet)
    else:
        torrent = lt.load_torrent_file(torrent_or_magnet)
    torrent.save_path = directory
    torrent.flags |= lt.torrent_flags.disable_pex
    session = lt.session(settings(listen_interface))
    tracker_told, ending = threading.Event(), threading.Event()
    printer = threading.Thread(target=print_alerts, args=(session, tracker_told, ending))
    printer.start()
    handle = session.add_torrent(torrent)
    for line in sys.stdin:
        assert line == "scrape\n", line
        handle.scrape_tracker()
    # The session's destructor does not tell the tracker: pausing does.
    session.pause()
    tracker_told.wait(STOPPING_SECONDS_MAX)
    ending.set()
    printer.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

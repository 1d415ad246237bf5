"""A libtorrent client: `libtorrent_client.py LISTEN_INTERFACE DIRECTORY TORRENT_OR_MAGNET...`.

Prints each alert as a line. A line `scrape` on its input scrapes the trackers; the end of its input ends it,
once the trackers were told. It is a process of its own because libtorrent keeps connection ids for a
whole process by the tracker's IP address, whatever the port: it can't know several trackers on loopback.
"""

import sys
import threading

import libtorrent as lt

# For a tracker that does not answer, which is a failed test already.
STOPPING_SECONDS_MAX = 50


def settings(listen_interface: str) -> "lt.settings_pack":
    """Nothing but the tracker may tell of other clients."""
    return {
        "listen_interfaces": listen_interface,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_natpmp": False,
        "enable_upnp": False,
        "allow_multiple_connections_per_ip": True,
        "validate_https_trackers": True,
        "stop_tracker_timeout": STOPPING_SECONDS_MAX,
        # On loopback it would ask for /announce only, and never scrape.
        "ssrf_mitigation": False,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.connect_notification,
    }


class Farewell:
    """Whether the tracker of each torrent was told of its end."""

    def __init__(self, torrents_count: int) -> None:
        self.is_complete = threading.Event()
        self._torrents_left = torrents_count
        # A torrent of two versions is announced with both hashes.
        self._unanswered: set[tuple[int, object]] = set()

    def note(self, alert: lt.alert) -> None:
        if isinstance(alert, lt.tracker_announce_alert) and alert.event == lt.event_t.stopped:
            self._unanswered.add((hash(alert.handle), alert.version))
        elif isinstance(alert, lt.tracker_reply_alert | lt.tracker_error_alert):
            self._unanswered.discard((hash(alert.handle), alert.version))
        elif isinstance(alert, lt.torrent_paused_alert):
            # What is to be told has been sent by then. Who has not been told `started` is told nothing.
            self._torrents_left -= 1
        if not self._torrents_left and not self._unanswered:
            self.is_complete.set()


def print_alerts(session: lt.session, farewell: Farewell, ending: threading.Event) -> None:
    while not ending.is_set():
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            print(describe(alert), flush=True)
            farewell.note(alert)


def describe(alert: lt.alert) -> str:
    if isinstance(alert, lt.scrape_reply_alert):
        return f"scrape_reply complete={alert.complete} incomplete={alert.incomplete}"
    return f"{alert.what()} {alert.message()}"


def add_torrent(session: lt.session, directory: str, torrent_or_magnet: str) -> lt.torrent_handle:
    if torrent_or_magnet.startswith("magnet:"):
        torrent = lt.parse_magnet_uri(torrent_or_magnet)
    else:
        torrent = lt.load_torrent_file(torrent_or_magnet)
    torrent.save_path = directory
    torrent.flags |= lt.torrent_flags.disable_pex
    return session.add_torrent(torrent)


def main(listen_interface: str, directory: str, *torrents_or_magnets: str) -> None:
    session = lt.session(settings(listen_interface))
    farewell, ending = Farewell(len(torrents_or_magnets)), threading.Event()
    printer = threading.Thread(target=print_alerts, args=(session, farewell, ending))
    printer.start()
    handles = [add_torrent(session, directory, each) for each in torrents_or_magnets]
    for line in sys.stdin:
        assert line == "scrape\n", line
        for handle in handles:
            handle.scrape_tracker()
    # The session's destructor does not tell the tracker: pausing does.
    session.pause()
    farewell.is_complete.wait(STOPPING_SECONDS_MAX)
    ending.set()
    printer.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

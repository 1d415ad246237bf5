"""The data plane's border with nothing behind it: tests say what it counts and how its workers end."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Literal

from aquatic.control.border import IpVersion
from aquatic.dataplane.stream.tls_context import TlsContext
from aquatic.dataplane.swarm.border import DOWNLOAD_RECORD_BYTES

WorkerBody = Callable[["FakeTracker", int], None]


class FakeTracker:
    def __init__(self, run_worker: WorkerBody = lambda tracker, _index: tracker.wait_until_stopped()) -> None:
        """`run_worker(tracker, index)` runs in the worker's thread."""
        self.stopped = threading.Event()
        self._run_worker = run_worker
        self.sockets: dict[int, tuple[int, int]] = {}
        self.beats: Counter[int] = Counter()
        self.counts: dict[tuple[int, IpVersion], Counter[str]] = defaultdict(Counter)
        self.latency: dict[tuple[int, str], list[int]] = {}  # by worker and request type
        self.swarm: Counter[str] = Counter()
        self.peers_per_torrent: dict[IpVersion, list[int]] = {4: [], 6: []}
        self.prefixes: list[tuple[bytes, int]] = []
        self.access_list: tuple[str, bytes] | None = None
        self.torrent_pieces: list[bytes] = []
        self.download_pieces: list[bytes] = []
        self.imported = b""
        self.cleaned = 0

    def wait_until_stopped(self) -> None:
        self.stopped.wait()

    def run_worker(self, index: int, ipv4_socket: int, ipv6_socket: int) -> None:
        self.sockets[index] = (ipv4_socket, ipv6_socket)
        self.run_body(index)

    def run_body(self, index: int) -> None:
        """Of the swarm's worker of this number, whatever it serves."""
        self._run_worker(self, index)

    def stop(self) -> None:
        self.stopped.set()

    def heartbeat(self, index: int) -> int:
        return self.beats[index]

    def counters(self, index: int, family: IpVersion) -> dict[str, int]:
        return self.counts[index, family].copy()

    def latency_buckets(self, index: int, request_type: str) -> list[int]:
        return list(self.latency.get((index, request_type), []))

    def swarm_counts(self) -> dict[str, int]:
        return self.swarm.copy()

    def peers_per_torrent_buckets(self, family: IpVersion) -> list[int]:
        return self.peers_per_torrent[family]

    def peer_prefixes(self) -> list[tuple[bytes, int]]:
        return self.prefixes

    def set_access_list(self, mode: Literal["off", "allow", "deny"], info_hashes: bytes) -> None:
        self.access_list = (mode, info_hashes)

    def export_torrents(self, cursor: int) -> tuple[int, bytes]:
        return _piece(self.torrent_pieces, cursor)

    def export_downloads(self, cursor: int) -> tuple[int, bytes]:
        return _piece(self.download_pieces, cursor)

    def import_downloads(self, records: bytes) -> int:
        self.imported += records
        return len(records) // DOWNLOAD_RECORD_BYTES

    def cleanings(self) -> int:
        return self.cleaned


class FakeWsSwarm:
    """WebTorrent's swarms."""

    def __init__(self) -> None:
        self.swarm: Counter[str] = Counter()
        self.prefixes: list[tuple[bytes, int]] = []

    def swarm_counts(self) -> dict[str, int]:
        return self.swarm.copy()

    def peer_prefixes(self) -> list[tuple[bytes, int]]:
        return self.prefixes


class FakeStream:
    """Stream workers of a fake tracker: its workers from `first_index` on, with bodies as it has them."""

    def __init__(self, tracker: FakeTracker, first_index: int = 0) -> None:
        self._tracker = tracker
        self._first_index = first_index
        self.sockets: dict[int, tuple[int, ...]] = {}
        self.contexts: dict[int, TlsContext] = {}  # by listener
        self.connections: dict[tuple[int, IpVersion], Counter[str]] = defaultdict(Counter)
        self.http: dict[tuple[int, IpVersion], Counter[str]] = defaultdict(Counter)
        self.ws: dict[tuple[int, IpVersion], Counter[str]] = defaultdict(Counter)
        self.latency: dict[tuple[int, str], list[int]] = {}  # by worker and kind of answer
        self.ws_latency: dict[tuple[int, str], list[int]] = {}

    def run_worker(self, index: int, listeners: tuple[int, ...]) -> None:
        self.sockets[index] = listeners
        self._tracker.run_body(self._first_index + index)

    def set_tls(self, listener: int, context: TlsContext) -> None:
        self.contexts[listener] = context

    def connection_counters(self, index: int, family: IpVersion) -> dict[str, int]:
        return self.connections[index, family].copy()

    def http_counters(self, index: int, family: IpVersion) -> dict[str, int]:
        return self.http[index, family].copy()

    def ws_counters(self, index: int, family: IpVersion) -> dict[str, int]:
        return self.ws[index, family].copy()

    def latency_buckets(self, index: int, answer_kind: str) -> list[int]:
        return list(self.latency.get((index, answer_kind), []))

    def ws_latency_buckets(self, index: int, answer_kind: str) -> list[int]:
        return list(self.ws_latency.get((index, answer_kind), []))


def _piece(pieces: list[bytes], cursor: int) -> tuple[int, bytes]:
    if cursor >= len(pieces):
        return -1, b""
    following = cursor + 1
    return (following if following < len(pieces) else -1), pieces[cursor]


def bucket_bound(index: int) -> int:
    """A log-linear scale: exact below 16, then 16 buckets for each power of two."""
    if index < 16:
        return index
    exponent, part = divmod(index, 16)
    return ((16 + part + 1) << (exponent - 1)) - 1

"""A fake tracker that has seen some traffic, and collectors for it."""

from typing import Any

from aquatic.control.access_list import ServedAccessList
from aquatic.control.border import DataPlane, WorkerCounts
from aquatic.control.model import AccessList, Protocol, Statistics
from aquatic.control.statistics.collector import Collector
from aquatic.dataplane.stream.border import (
    CONNECTION_COUNTER_NAMES,
    HTTP_COUNTER_NAMES,
    WS_COUNTER_NAMES,
)
from tests.support.fake_tracker import FakeStream, FakeTracker, FakeWsSwarm, bucket_bound


def collector_of(
    tracker: FakeTracker,
    workers: int = 2,
    stream: FakeStream | None = None,
    has_udp: bool = True,
    ws_swarm: FakeWsSwarm | None = None,
    has_http: bool = True,
    **settings: Any,
) -> Collector:
    """Of a tracker that serves UDP unless it is off, HTTP likewise if it has a stream, WebSocket if it has swarms."""
    access_list = ServedAccessList(AccessList(), tracker)
    served = {
        Protocol.UDP: has_udp,
        Protocol.HTTP: stream is not None and has_http,
        Protocol.WS: ws_swarm is not None,
    }
    return Collector(
        DataPlane(tracker, tracker if has_udp else None, stream, ws_swarm, bucket_bound),
        WorkerCounts(udp=workers if has_udp else 0, stream=workers if stream else 0),
        (protocol for protocol, is_on in served.items() if is_on),
        Statistics(**settings),
        access_list,
    )


def busy_tracker() -> FakeTracker:
    """Every counter of every worker and family has a value of its own; see `expected_counter`."""
    tracker = FakeTracker()
    serve_some(tracker)
    for place, name in enumerate(SWARM_NAMES):
        tracker.swarm[name] = 10_000 + place
    tracker.peers_per_torrent = {4: [0, 5, 3, 1, 1], 6: []}
    tracker.prefixes = [(b"-qB4250-", 7), (b"-TR3000-", 2), (b"\xff\xfe\x00xyzuv", 1), (b"", 4)]
    return tracker


def serve_some(tracker: FakeTracker) -> None:
    for worker in (0, 1):
        for family in (4, 6):
            for place, name in enumerate(COUNTERS):
                tracker.counts[worker, family][name] += 1_000 * worker + 100 * family + place


def busy_stream(tracker: FakeTracker) -> FakeStream:
    """The same for HTTP, WebSocket and their connections."""
    stream = FakeStream(tracker)
    serve_some_http(stream)
    return stream


def serve_some_http(stream: FakeStream) -> None:
    for worker in (0, 1):
        for family in (4, 6):
            for counts, names in (
                (stream.http, HTTP_COUNTER_NAMES),
                (stream.ws, WS_COUNTER_NAMES),
                (stream.connections, CONNECTION_COUNTER_NAMES),
            ):
                for name in names:
                    known = f"ws_{name}" if counts is stream.ws else name
                    counts[worker, family][name] += expected_stream_counter(known, worker, family)


def busy_ws_swarm() -> FakeWsSwarm:
    """The same for WebTorrent's swarms."""
    swarm = FakeWsSwarm()
    for place, name in enumerate(WS_SWARM_NAMES):
        swarm.swarm[name] = 20_000 + place
    swarm.prefixes = [(b"-WW0208-", 5), (b"-qB4250-", 1)]
    return swarm


COUNTERS = (
    *("requests_connect", "requests_announce", "requests_scrape"),
    *("responses_connect", "responses_announce", "responses_scrape", "responses_error"),
    *("errors_malformed", "errors_connection_id_bad", "errors_connection_id_expired"),
    *("errors_refused", "errors_not_allowed", "bytes_received", "bytes_sent"),
    *("dropped_by_kernel", "dropped_send_buffer_full", "dropped_send_error", "resent", "batches", "waits"),
)
SWARM_NAMES = (
    *(
        "torrents",
        "torrents_ipv4",
        "torrents_ipv6",
        "peers_ipv4",
        "peers_ipv6",
        "seeders_ipv4",
        "seeders_ipv6",
    ),
    *("memory_bytes", "evicted_torrents", "refused_torrents", "refused_peers"),
    *("lock_hold_ns_max", "lock_wait_ns_max"),
)
WS_SWARM_NAMES = (*SWARM_NAMES[: SWARM_NAMES.index("memory_bytes") + 1], "refused_peers")


def expected_counter(name: str, worker: int, family: int) -> int:
    return 1_000 * worker + 100 * family + COUNTERS.index(name)


def expected_stream_counter(name: str, worker: int, family: int) -> int:
    """Of WebSocket by the name of its counter with `ws_` before it."""
    names = (
        *HTTP_COUNTER_NAMES,
        *CONNECTION_COUNTER_NAMES,
        *(f"ws_{name}" for name in WS_COUNTER_NAMES),
    )
    return 50_000 + 1_000 * worker + 100 * family + names.index(name)

"""The part of a tracker's start that is about connections: listening sockets and the workers that serve them."""

from __future__ import annotations

import functools

from aquatic.control.border import StreamBorder
from aquatic.control.descriptors import connections_that_fit, descriptors_allowed
from aquatic.control.machine import usable_memory_bytes
from aquatic.control.model import Configuration, Listener, Protocol, WsAnswers, workers_on
from aquatic.control.sockets import BoundListener, open_stream_listeners
from aquatic.control.workers import WorkerRun
from aquatic.dataplane.stream.border import (
    ListenerSettings,
    StreamSettings,
    StreamWorkers,
    WebsocketSettings,
)
from aquatic.dataplane.swarm.border import Swarm
from aquatic.dataplane.ws.border import WsSwarm


class StreamStart:
    """Every worker serves every listener."""

    def __init__(self, configuration: Configuration, cores: frozenset[int]) -> None:
        self.wanted = stream_listeners(configuration)
        self.workers_count = workers_on(configuration.workers.stream_count, cores) if self.wanted else 0
        self.listeners: list[BoundListener] = []

    def open(self) -> None:
        """Bind all sockets and listen. StartError says why one can't be."""
        self.listeners = open_stream_listeners(self.wanted, self.workers_count)

    def runs(self, stream: StreamBorder) -> list[WorkerRun]:
        """What the workers' threads are to do, in their order."""
        return [
            WorkerRun(
                f"stream worker {index}",
                functools.partial(
                    stream.run_worker, index, tuple(each.sockets[index].fileno() for each in self.listeners)
                ),
            )
            for index in range(self.workers_count)
        ]


def stream_listeners(configuration: Configuration) -> list[Listener]:
    """Those that connections are made to."""
    return [each for each in configuration.listeners if Protocol.UDP not in each.protocols]


def make_ws_swarm(configuration: Configuration) -> WsSwarm | None:
    """WebTorrent's swarms where it is served. MemoryError."""
    if not configuration.speaks(Protocol.WS):
        return None
    settings, statistics = configuration.ws, configuration.statistics
    return WsSwarm(
        memory_bytes_max=settings.memory_bytes(usable_memory_bytes()),
        offer_age_seconds_max=settings.offer_age_seconds_max,
        peer_age_seconds_max=settings.peer_age_seconds_max,
        peer_clients=statistics.outputs and statistics.peer_clients,
    )


def make_stream_workers(
    swarm: Swarm,
    configuration: Configuration,
    workers_count: int,
    first_index: int,
    ws_swarm: WsSwarm | None = None,
) -> StreamWorkers:
    """The compiled workers, told what they need of the configuration. MemoryError."""
    connections, statistics = configuration.connections, configuration.statistics
    answers = configuration.http
    settings = StreamSettings(
        workers=workers_count,
        listeners=tuple(map(_listener_settings, stream_listeners(configuration))),
        poll_timeout_ms=configuration.workers.poll_timeout_ms,
        connections_max=connections_that_fit(
            connections.per_worker_max, descriptors_allowed(), workers_count
        ),
        connections_per_address_max=connections.per_address_max,
        connections_per_address_second_max=connections.new_per_address_per_second_max,
        handshake_seconds_max=connections.handshake_seconds_max,
        header_seconds_max=connections.header_seconds_max,
        idle_seconds_max=connections.idle_seconds_max,
        request_bytes_max=connections.header_bytes_max,
        output_bytes_max=connections.output_bytes_max,
        memory_bytes_max=connections.memory_bytes_max,
        announce_interval_seconds=answers.announce_interval_seconds,
        announce_interval_seconds_min=answers.announce_interval_seconds_min,
        announce_jitter_seconds_max=answers.announce_interval_jitter_seconds,
        large_swarm_peers=answers.large_swarm_peers_min,
        large_swarm_interval_seconds=answers.large_swarm_announce_interval_seconds,
        not_allowed_retry_minutes=answers.not_allowed_retry_minutes,
        response_peers_max=answers.response_peers_max,
        scrape_torrents_max=answers.scrape_torrents_max,
        latency=statistics.outputs and statistics.response_latency,
        websocket=None if ws_swarm is None else _websocket_settings(configuration.ws),
    )
    return StreamWorkers(swarm, settings, first_index, ws_swarm)


def _websocket_settings(answers: WsAnswers) -> WebsocketSettings:
    return WebsocketSettings(
        announce_interval_seconds=answers.announce_interval_seconds,
        scrape_torrents_max=answers.scrape_torrents_max,
        offers_max=answers.offers_max,
        message_bytes_max=answers.message_bytes_max,
        frame_bytes_max=answers.frame_bytes_max,
        output_bytes_max=answers.output_bytes_max,
        idle_seconds_max=answers.idle_seconds_max,
        look_seconds=answers.cleaning_interval_seconds,
        torrents_per_connection_max=answers.torrents_per_connection_max,
        tls_grace_seconds=answers.tls_grace_seconds,
    )


def _listener_settings(listener: Listener) -> ListenerSettings:
    return ListenerSettings(
        has_proxy_protocol=listener.proxy_protocol,
        address_header=listener.proxy_header_name.encode() if listener.proxy_header else b"",
        trusted_networks=tuple(
            (network.network_address.packed, network.prefixlen) for network in listener.trusted_proxies
        ),
        keeps_alive=listener.keep_alive,
        answers_health=listener.health_page,
        speaks_http=Protocol.HTTP in listener.protocols,
        speaks_websocket=Protocol.WS in listener.protocols,
        origins=tuple(origin.encode() for origin in listener.allowed_origins),
    )

"""The UDP part of a tracker's start: its sockets and its workers."""

from __future__ import annotations

import functools
from itertools import zip_longest

from aquatic.control.border import UdpBorder
from aquatic.control.model import Configuration, Protocol, workers_on
from aquatic.control.sockets import BoundListener, open_datagram_listeners
from aquatic.control.workers import WorkerRun
from aquatic.dataplane.swarm.border import Swarm
from aquatic.dataplane.udp.border import UdpSettings, UdpWorkers

NO_SOCKET = -1


class UdpStart:
    """A worker has an IPv4 and an IPv6 socket; with several of a family each listener has its own workers."""

    def __init__(self, configuration: Configuration, cores: frozenset[int]) -> None:
        self._configuration = configuration
        self._wanted = [each for each in configuration.listeners if Protocol.UDP in each.protocols]
        versions = [listener.address.ip_version for listener in self._wanted]
        pairs_count = max(versions.count(4), versions.count(6))
        self._workers_per_listener = workers_on(configuration.workers.udp_count, cores)
        self.workers_count = self._workers_per_listener * pairs_count
        self.listeners: list[BoundListener] = []

    def open(self) -> None:
        """Bind all sockets. StartError says why one can't be."""
        self.listeners = open_datagram_listeners(
            self._wanted,
            self._workers_per_listener,
            timestamps=self._configuration.statistics.response_latency,
            steering=self._configuration.workers.reuseport_steering,
        )

    def runs(self, udp: UdpBorder) -> list[WorkerRun]:
        """What the workers' threads are to do, in their order."""
        by_version: dict[int, list[BoundListener]] = {4: [], 6: []}
        for bound in self.listeners:
            by_version[bound.address.ip_version].append(bound)
        sockets = [
            (_descriptor(ipv4, worker), _descriptor(ipv6, worker))
            for ipv4, ipv6 in zip_longest(by_version[4], by_version[6])
            for worker in range(self._workers_per_listener)
        ]
        return [
            WorkerRun(f"UDP worker {index}", functools.partial(udp.run_worker, index, *pair))
            for index, pair in enumerate(sockets)
        ]


def make_udp_workers(swarm: Swarm, configuration: Configuration, workers_count: int) -> UdpWorkers:
    """The compiled workers, told what they need of the configuration. MemoryError."""
    answers, statistics = configuration.udp, configuration.statistics
    settings = UdpSettings(
        workers=workers_count,
        announce_interval_seconds=answers.announce_interval_seconds,
        response_peers_max=answers.response_peers_max,
        scrape_torrents_max=answers.scrape_torrents_max,
        connection_age_seconds_max=answers.connection_age_seconds_max,
        poll_timeout_ms=configuration.workers.poll_timeout_ms,
        resend_responses_max=configuration.workers.resend_responses_max,
        latency=statistics.outputs and statistics.response_latency,
    )
    return UdpWorkers(swarm, settings)


def _descriptor(bound: BoundListener | None, worker: int) -> int:
    return NO_SOCKET if bound is None else bound.sockets[worker].fileno()

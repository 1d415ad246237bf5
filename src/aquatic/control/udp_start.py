"""From a configuration to a tracker that is ready to serve: whatever can fail, before anything runs."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest

from aquatic.control.access_list import AccessListError, ServedAccessList, read_access_list
from aquatic.control.border import DataPlane, TrackerBorder
from aquatic.control.downloads import DownloadsFile
from aquatic.control.errors import StartError
from aquatic.control.machine import usable_cores, usable_memory_bytes
from aquatic.control.model import WORKERS_MAX, Configuration, LogLevel, Statistics, workers_on
from aquatic.control.privileges import drop_privileges, find_identity
from aquatic.control.service_manager import ServiceManager
from aquatic.control.sockets import BoundListener, open_listeners, receive_buffer_warning
from aquatic.control.statistics.http_endpoint import open_endpoint
from aquatic.control.workers import NO_SOCKET, WorkerPlace
from aquatic.dataplane.udp.tracker import Settings, Tracker, latency_bucket_bound_ns

DataPlaneMaker = Callable[[Configuration, int], DataPlane]


@dataclass(frozen=True, slots=True)
class PreparedTracker:
    """A tracker with its sockets bound and its rights given up, whose workers do not run yet."""

    configuration: Configuration
    data_plane: DataPlane
    listeners: tuple[BoundListener, ...]
    places: tuple[WorkerPlace, ...]
    access_list: ServedAccessList
    downloads: DownloadsFile | None  # None: not kept
    prometheus_socket: socket.socket | None
    service_manager: ServiceManager


def prepare_udp(configuration: Configuration, make_data_plane: DataPlaneMaker) -> PreparedTracker:
    """StartError says why the tracker can't start. Warnings go to standard error unless logging is off."""
    listeners_together = _pairs_count(configuration)
    cores = usable_cores()
    workers_per_listener = workers_on(configuration.workers.udp_count, cores)
    workers_count = workers_per_listener * listeners_together
    if workers_count > WORKERS_MAX:
        raise StartError(f"{workers_count} workers are more than {WORKERS_MAX}")
    listeners = open_listeners(
        configuration.listeners,
        workers_per_listener,
        timestamps=configuration.statistics.response_latency,
        steering=configuration.workers.reuseport_steering,
    )
    _warn(configuration.log_level, filter(None, map(receive_buffer_warning, listeners)))
    prometheus_socket = _open_prometheus(configuration.statistics)
    service_manager = ServiceManager.from_environment()
    try:
        data_plane = make_data_plane(configuration, workers_count)
    except MemoryError:
        raise StartError("there is not enough memory for the workers' buffers") from None
    access_list = ServedAccessList(configuration.access_list, data_plane.tracker)
    _drop_privileges_and_load(configuration, access_list)
    downloads = _load_downloads(configuration, data_plane.tracker)
    return PreparedTracker(
        configuration=configuration,
        data_plane=data_plane,
        listeners=tuple(listeners),
        places=_places(configuration, listeners, workers_per_listener, cores),
        access_list=access_list,
        downloads=downloads,
        prometheus_socket=prometheus_socket,
        service_manager=service_manager,
    )


def make_udp_data_plane(configuration: Configuration, workers_count: int) -> DataPlane:
    """The compiled data plane, told what it needs of the configuration."""
    swarm, answers = configuration.swarm.bounded(usable_memory_bytes()), configuration.udp
    statistics = configuration.statistics
    settings = Settings(
        workers=workers_count,
        peer_age_seconds_max=swarm.peer_age_seconds_max,
        cleaning_interval_seconds=swarm.cleaning_interval_seconds,
        torrents_max=swarm.torrents_max,
        peers_max=swarm.peers_max,
        memory_bytes_max=swarm.memory_bytes_max,
        announce_interval_seconds=answers.announce_interval_seconds,
        response_peers_max=answers.response_peers_max,
        scrape_torrents_max=answers.scrape_torrents_max,
        connection_age_seconds_max=answers.connection_age_seconds_max,
        poll_timeout_ms=configuration.workers.poll_timeout_ms,
        resend_responses_max=configuration.workers.resend_responses_max,
        latency=statistics.outputs and statistics.response_latency,
        peers_per_torrent=statistics.outputs and statistics.peers_per_torrent,
        peer_clients=statistics.outputs and statistics.peer_clients,
    )
    return DataPlane(Tracker(settings), latency_bucket_bound_ns)


def _open_prometheus(statistics: Statistics) -> socket.socket | None:
    return (
        open_endpoint(statistics.prometheus_address) if statistics.outputs and statistics.prometheus else None
    )


def _drop_privileges_and_load(configuration: Configuration, access_list: ServedAccessList) -> None:
    """Look for the list in the new root, where a reload will look; one found only outside serves until then.

    The Rust tracker reads its first list before it changes root.
    """
    privileges = configuration.privileges
    outside: bytes | None = None
    if privileges.drop:
        identity = find_identity(privileges)
        if access_list.is_on:
            with contextlib.suppress(AccessListError):
                outside = read_access_list(configuration.access_list.path)
        drop_privileges(privileges, identity)
    if not access_list.is_on:
        return
    try:
        access_list.load()
    except AccessListError as error:
        if outside is None or not isinstance(error.__cause__, OSError):
            raise StartError(str(error)) from None
        access_list.serve(outside)
        text = f"the access list cannot be reloaded, as it is outside of {privileges.chroot_path}: {error}"
        _warn(configuration.log_level, [text])


def _load_downloads(configuration: Configuration, tracker: TrackerBorder) -> DownloadsFile | None:
    if not configuration.downloads.path:
        return None
    downloads = DownloadsFile(tracker, configuration.downloads)
    warning = downloads.load()
    if warning is not None:
        _warn(configuration.log_level, [warning])
    return downloads


def _pairs_count(configuration: Configuration) -> int:
    versions = [listener.address.ip_version for listener in configuration.listeners]
    return max(versions.count(4), versions.count(6))


def _places(
    configuration: Configuration,
    listeners: list[BoundListener],
    workers_per_listener: int,
    cores: frozenset[int],
) -> tuple[WorkerPlace, ...]:
    """A worker has an IPv4 and an IPv6 socket; with several of a family each listener has its own workers."""
    by_version: dict[int, list[BoundListener]] = {4: [], 6: []}
    for bound in listeners:
        by_version[bound.address.ip_version].append(bound)
    pairs = list(zip_longest(by_version[4], by_version[6]))
    pinned = configuration.workers.cpu_pinning.worker_cores(len(pairs) * workers_per_listener, cores)
    places: list[WorkerPlace] = []
    for ipv4, ipv6 in pairs:
        for worker in range(workers_per_listener):
            core = None if pinned is None else pinned[len(places)]
            places.append(WorkerPlace(_descriptor(ipv4, worker), _descriptor(ipv6, worker), core))
    return tuple(places)


def _descriptor(bound: BoundListener | None, worker: int) -> int:
    return NO_SOCKET if bound is None else bound.sockets[worker].fileno()


def _warn(log_level: LogLevel, warnings: Iterable[str]) -> None:
    for warning in warnings if log_level is not LogLevel.OFF else ():
        print(f"Warning: {warning}", file=sys.stderr, flush=True)

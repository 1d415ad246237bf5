"""From a configuration to a tracker that is ready to serve: whatever can fail, before anything runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest

from aquatic.control.access_list import AccessListError, read_access_list
from aquatic.control.border import TrackerBorder
from aquatic.control.errors import StartError
from aquatic.control.machine import usable_cores, usable_memory_bytes
from aquatic.control.model import WORKERS_MAX, AccessList, AccessListMode, Configuration, LogLevel
from aquatic.control.privileges import drop_privileges, find_identity
from aquatic.control.service_manager import ServiceManager
from aquatic.control.sockets import BoundListener, open_listeners, receive_buffer_warning
from aquatic.control.workers import NO_SOCKET, WorkerPlace

TrackerMaker = Callable[[Configuration, int], TrackerBorder]


@dataclass(frozen=True, slots=True)
class PreparedTracker:
    """A tracker with its sockets bound and its rights given up, whose workers do not run yet."""

    configuration: Configuration
    tracker: TrackerBorder
    listeners: tuple[BoundListener, ...]
    places: tuple[WorkerPlace, ...]
    service_manager: ServiceManager


def prepare_udp(configuration: Configuration, make_tracker: TrackerMaker) -> PreparedTracker:
    """StartError says why the tracker can't start. Warnings go to standard error unless logging is off."""
    listeners_together = _pairs_count(configuration)
    cores = usable_cores()
    workers_per_listener = configuration.workers.count_on(cores)
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
    service_manager = ServiceManager.from_environment()
    try:
        tracker = make_tracker(configuration, workers_count)
    except MemoryError:
        raise StartError("there is not enough memory for the workers' buffers") from None
    _drop_privileges_and_load_access_list(configuration, tracker)
    return PreparedTracker(
        configuration=configuration,
        tracker=tracker,
        listeners=tuple(listeners),
        places=_places(configuration, listeners, workers_per_listener, cores),
        service_manager=service_manager,
    )


def make_udp_tracker(configuration: Configuration, workers_count: int) -> TrackerBorder:
    """The compiled data plane, told what it needs of the configuration."""
    from aquatic.dataplane.udp.tracker import Settings, Tracker  # noqa: PLC0415

    swarm, answers = configuration.swarm.bounded(usable_memory_bytes()), configuration.answers
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
    return Tracker(settings)


def load_access_list(access_list: AccessList, tracker: TrackerBorder) -> int:
    """Give the file's list to the workers and return its length; AccessListError, and the old one stays."""
    info_hashes = read_access_list(access_list.path)
    return _set_access_list(access_list, tracker, info_hashes)


def _set_access_list(access_list: AccessList, tracker: TrackerBorder, info_hashes: bytes) -> int:
    count = len(info_hashes) // 20
    try:
        tracker.set_access_list(access_list.mode.value, info_hashes)
    except MemoryError:
        raise AccessListError(
            f"access list {access_list.path}: no memory for {count:,} info hashes"
        ) from None
    return count


def _drop_privileges_and_load_access_list(configuration: Configuration, tracker: TrackerBorder) -> None:
    """Look for the list in the new root, where a reload will look; one found only outside serves until then.

    The Rust tracker reads its first list before it changes root.
    """
    access_list, privileges = configuration.access_list, configuration.privileges
    is_on = access_list.mode is not AccessListMode.OFF
    outside: bytes | None = None
    if privileges.drop:
        identity = find_identity(privileges)
        if is_on:
            with contextlib.suppress(AccessListError):
                outside = read_access_list(access_list.path)
        drop_privileges(privileges, identity)
    if not is_on:
        return
    try:
        load_access_list(access_list, tracker)
    except AccessListError as error:
        if outside is None or not isinstance(error.__cause__, OSError):
            raise StartError(str(error)) from None
        _set_access_list(access_list, tracker, outside)
        text = f"the access list cannot be reloaded, as it is outside of {privileges.chroot_path}: {error}"
        _warn(configuration.log_level, [text])


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

"""From a configuration to a tracker that is ready to serve: whatever can fail, before anything runs."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aquatic.control.access_list import AccessListError, ServedAccessList, read_access_list
from aquatic.control.border import DataPlane, SwarmBorder
from aquatic.control.downloads import DownloadsFile
from aquatic.control.errors import StartError
from aquatic.control.machine import usable_cores, usable_memory_bytes
from aquatic.control.model import WORKERS_MAX, Configuration, LogLevel, Statistics
from aquatic.control.privileges import drop_privileges, find_identity
from aquatic.control.service_manager import ServiceManager
from aquatic.control.sockets import BoundListener, receive_buffer_warning
from aquatic.control.statistics.http_endpoint import open_endpoint
from aquatic.control.udp_start import UdpStart, make_udp_workers
from aquatic.control.workers import WorkerJob, WorkerRun
from aquatic.dataplane.swarm.border import Swarm, SwarmSettings
from aquatic.dataplane.udp.border import latency_bucket_bound_ns

# Is told the number of UDP workers.
DataPlaneMaker = Callable[[Configuration, int], DataPlane]


@dataclass(frozen=True, slots=True)
class PreparedTracker:
    """A tracker with its sockets bound and its rights given up, whose workers do not run yet."""

    configuration: Configuration
    data_plane: DataPlane
    listeners: tuple[BoundListener, ...]  # their sockets are open for as long as these live
    jobs: tuple[WorkerJob, ...]
    udp_workers_count: int
    access_list: ServedAccessList
    downloads: DownloadsFile | None  # None: not kept
    prometheus_socket: socket.socket | None
    service_manager: ServiceManager


def prepare(configuration: Configuration, make_data_plane: DataPlaneMaker) -> PreparedTracker:
    """StartError says why the tracker can't start. Warnings go to standard error unless logging is off."""
    cores = usable_cores()
    udp = UdpStart(configuration, cores)
    if udp.workers_count > WORKERS_MAX:
        raise StartError(f"{udp.workers_count} workers are more than {WORKERS_MAX}")
    udp.open()
    _warn(configuration.log_level, filter(None, map(receive_buffer_warning, udp.listeners)))
    prometheus_socket = _open_prometheus(configuration.statistics)
    service_manager = ServiceManager.from_environment()
    try:
        data_plane = make_data_plane(configuration, udp.workers_count)
    except MemoryError:
        raise StartError("there is not enough memory for the workers' buffers") from None
    access_list = ServedAccessList(configuration.access_list, data_plane.swarm)
    _drop_privileges_and_load(configuration, access_list)
    downloads = _load_downloads(configuration, data_plane.swarm)
    return PreparedTracker(
        configuration=configuration,
        data_plane=data_plane,
        listeners=tuple(udp.listeners),
        jobs=_jobs(configuration, cores, udp.runs(data_plane.udp)),
        udp_workers_count=udp.workers_count,
        access_list=access_list,
        downloads=downloads,
        prometheus_socket=prometheus_socket,
        service_manager=service_manager,
    )


def make_data_plane(configuration: Configuration, udp_workers_count: int) -> DataPlane:
    """The compiled data plane, told what it needs of the configuration. MemoryError."""
    swarm = make_swarm(configuration, udp_workers_count)
    return DataPlane(
        swarm, make_udp_workers(swarm, configuration, udp_workers_count), latency_bucket_bound_ns
    )


def make_swarm(configuration: Configuration, workers_count: int) -> Swarm:
    """The store, which so many workers of all kinds share. MemoryError."""
    settings, statistics = configuration.swarm.bounded(usable_memory_bytes()), configuration.statistics
    return Swarm(
        SwarmSettings(
            workers=workers_count,
            peer_age_seconds_max=settings.peer_age_seconds_max,
            cleaning_interval_seconds=settings.cleaning_interval_seconds,
            torrents_max=settings.torrents_max,
            peers_max=settings.peers_max,
            memory_bytes_max=settings.memory_bytes_max,
            measures_locks=statistics.outputs and statistics.response_latency,
            peers_per_torrent=statistics.outputs and statistics.peers_per_torrent,
            peer_clients=statistics.outputs and statistics.peer_clients,
        )
    )


def _jobs(
    configuration: Configuration, cores: frozenset[int], runs: Sequence[WorkerRun]
) -> tuple[WorkerJob, ...]:
    """Each worker's run on its core; cores are given out in the swarm's order."""
    pinned = configuration.workers.cpu_pinning.worker_cores(len(runs), cores)
    return tuple(
        WorkerJob(run.name, run.function, None if pinned is None else pinned[index])
        for index, run in enumerate(runs)
    )


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


def _load_downloads(configuration: Configuration, swarm: SwarmBorder) -> DownloadsFile | None:
    if not configuration.downloads.path:
        return None
    downloads = DownloadsFile(swarm, configuration.downloads)
    warning = downloads.load()
    if warning is not None:
        _warn(configuration.log_level, [warning])
    return downloads


def _warn(log_level: LogLevel, warnings: Iterable[str]) -> None:
    for warning in warnings if log_level is not LogLevel.OFF else ():
        print(f"Warning: {warning}", file=sys.stderr, flush=True)

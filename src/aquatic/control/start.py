"""From a configuration to a tracker that is ready to serve: whatever can fail, before anything runs."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aquatic.control.access_list import AccessListError, ServedAccessList, read_access_list
from aquatic.control.border import DataPlane, SwarmBorder, WorkerCounts
from aquatic.control.certificates import CertificateError, ServedCertificates
from aquatic.control.descriptors import (
    allow_descriptors,
    descriptors_allowed,
    descriptors_needed,
    descriptors_warning,
)
from aquatic.control.downloads import DownloadsFile
from aquatic.control.errors import StartError, UnusableFileError
from aquatic.control.machine import usable_cores, usable_memory_bytes, waiting_connections_max
from aquatic.control.model import WORKERS_MAX, Configuration, LogLevel, Statistics
from aquatic.control.privileges import drop_privileges, find_identity
from aquatic.control.service_manager import ServiceManager
from aquatic.control.sockets import BoundListener, backlog_warning, receive_buffer_warning
from aquatic.control.statistics.http_endpoint import open_endpoint
from aquatic.control.statistics.process import ProcessFigures
from aquatic.control.stream_start import StreamStart, make_stream_workers, make_ws_swarm
from aquatic.control.udp_start import UdpStart, make_udp_workers
from aquatic.control.workers import WorkerJob, WorkerRun
from aquatic.dataplane.stream.tls_context import TlsContext
from aquatic.dataplane.swarm.border import Swarm, SwarmSettings, latency_bucket_bound_ns

T = TypeVar("T")

DataPlaneMaker = Callable[[Configuration, WorkerCounts], DataPlane]


@dataclass(frozen=True, slots=True)
class PreparedTracker:
    """A tracker with its sockets bound and its rights given up, whose workers do not run yet."""

    configuration: Configuration
    data_plane: DataPlane
    listeners: tuple[BoundListener, ...]  # their sockets are open for as long as these live
    jobs: tuple[WorkerJob, ...]
    counts: WorkerCounts
    access_list: ServedAccessList
    certificates: ServedCertificates | None  # None: nobody makes connections
    downloads: DownloadsFile | None  # None: not kept
    prometheus_socket: socket.socket | None
    process_figures: ProcessFigures
    service_manager: ServiceManager


def prepare(configuration: Configuration, make_data_plane: DataPlaneMaker) -> PreparedTracker:
    """StartError says why the tracker can't start. Warnings go to standard error unless logging is off."""
    cores = usable_cores()
    udp, stream = UdpStart(configuration, cores), StreamStart(configuration, cores)
    counts = WorkerCounts(udp.workers_count, stream.workers_count)
    if counts.total > WORKERS_MAX:
        raise StartError(f"{counts.total} workers are more than {WORKERS_MAX}")
    _open_sockets(configuration, udp, stream, counts)
    prometheus_socket = _open_prometheus(configuration.statistics)
    service_manager = ServiceManager.from_environment()
    process_figures = ProcessFigures()
    try:
        data_plane = make_data_plane(configuration, counts)
    except MemoryError:
        raise StartError("there is not enough memory for the workers' buffers") from None
    access_list = ServedAccessList(configuration.access_list, data_plane.swarm)
    certificates = ServedCertificates(stream.wanted, data_plane.stream) if data_plane.stream else None
    _drop_privileges_and_load(configuration, access_list, certificates)
    downloads = _load_downloads(configuration, data_plane.swarm)
    return PreparedTracker(
        configuration=configuration,
        data_plane=data_plane,
        listeners=(*udp.listeners, *stream.listeners),
        jobs=_jobs(
            configuration,
            cores,
            [
                *(udp.runs(data_plane.udp) if data_plane.udp else ()),
                *(stream.runs(data_plane.stream) if data_plane.stream else ()),
            ],
        ),
        counts=counts,
        access_list=access_list,
        certificates=certificates,
        downloads=downloads,
        prometheus_socket=prometheus_socket,
        process_figures=process_figures,
        service_manager=service_manager,
    )


def make_data_plane(configuration: Configuration, counts: WorkerCounts) -> DataPlane:
    """The compiled data plane, told what it needs of the configuration. MemoryError."""
    swarm = make_swarm(configuration, counts.total)
    udp = make_udp_workers(swarm, configuration, counts.udp) if counts.udp else None
    ws_swarm = make_ws_swarm(configuration)
    stream = None
    if counts.stream:
        stream = make_stream_workers(swarm, configuration, counts.stream, counts.udp, ws_swarm)
    return DataPlane(swarm, udp, stream, ws_swarm, latency_bucket_bound_ns)


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


def _open_sockets(
    configuration: Configuration, udp: UdpStart, stream: StreamStart, counts: WorkerCounts
) -> None:
    """Bind all, and say what of the kernel's limits is in their way."""
    allow_descriptors(descriptors_needed(configuration, counts.stream))
    udp.open()
    stream.open()
    queue_max = waiting_connections_max()
    warnings = [
        descriptors_warning(configuration, counts.stream, descriptors_allowed()),
        *map(receive_buffer_warning, udp.listeners),
        *(backlog_warning(bound, queue_max) for bound in stream.listeners),
    ]
    _warn(configuration.log_level, filter(None, warnings))


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


def _drop_privileges_and_load(
    configuration: Configuration, access_list: ServedAccessList, certificates: ServedCertificates | None
) -> None:
    """Look for files where a reload will look, in the new root and as the new user.

    What is only found before serves until then: the Rust trackers read their files before they change root, and keys
    are often for root alone.
    """
    privileges = configuration.privileges
    hashes_before: bytes | None = None
    contexts_before: list[TlsContext] | None = None
    if privileges.drop:
        identity = find_identity(privileges)
        if access_list.is_on:
            with contextlib.suppress(AccessListError):
                hashes_before = read_access_list(configuration.access_list.path)
        if certificates is not None:
            with contextlib.suppress(CertificateError):
                contexts_before = certificates.read()
        drop_privileges(privileges, identity)
    if access_list.is_on and (error := _load(access_list.load, access_list.serve, hashes_before)):
        text = f"the access list cannot be reloaded, as it is outside of {privileges.chroot_path}: {error}"
        _warn(configuration.log_level, [text])
    if certificates is not None and (error := _load(certificates.load, certificates.serve, contexts_before)):
        text = f"certificates cannot be reloaded with the rights that are left: {error}"
        _warn(configuration.log_level, [text])


def _load(load: Callable[[], None], serve: Callable[[T], None], before: T | None) -> UnusableFileError | None:
    """Serve what files say now, or what they said `before`; then return why they cannot be read any more."""
    try:
        load()
    except UnusableFileError as error:
        if before is None or not isinstance(error.__cause__, OSError):
            raise StartError(str(error)) from None
        serve(before)
        return error
    return None


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

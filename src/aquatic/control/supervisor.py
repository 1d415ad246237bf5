"""The life of a tracker process: start, watch, reload, end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys

from aquatic.control.access_list import AccessListError, ServedAccessList
from aquatic.control.certificates import CertificateError, ServedCertificates
from aquatic.control.errors import StartError
from aquatic.control.exports import ScrapeExporter
from aquatic.control.log import start_logging
from aquatic.control.loss_log import LossLog
from aquatic.control.model import Configuration, Protocol
from aquatic.control.process_end import describe, end_process
from aquatic.control.start import DataPlaneMaker, PreparedTracker, make_data_plane, prepare
from aquatic.control.statistics.collector import Collector
from aquatic.control.statistics.http_endpoint import endpoint_url
from aquatic.control.statistics.service import StatisticsService
from aquatic.control.tasks import EssentialTasks, end_process_on_lost_errors
from aquatic.control.threads import in_thread, let_workers_go_first, threads_ended
from aquatic.control.workers import HeartbeatWatch, WorkerThreads

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
HEARTBEAT_CHECK_SECONDS = 1.0
STILL_CHECKS_MAX = 10
STOP_SECONDS_MAX = 10.0
THREADS_SECONDS_MAX = 2.0


def run(configuration: Configuration, maker: DataPlaneMaker = make_data_plane) -> int:
    """Serve until SIGTERM or SIGINT; the process's exit code, 1 with `Error: ...` when it can't start."""
    start_logging(configuration.log_level)
    # A signal that comes before it can be obeyed waits until then.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        prepared = prepare(configuration, maker)
        asyncio.run(Supervisor(prepared).serve())
    except StartError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if not threads_ended(THREADS_SECONDS_MAX):
        # Somebody does not read our output, or a disk is dead.
        os._exit(0)
    return 0


class Supervisor:
    """Runs the workers of a prepared tracker and everything around them. Its `serve` is called once."""

    def __init__(self, prepared: PreparedTracker) -> None:
        self._prepared = prepared
        self._configuration = prepared.configuration
        self._swarm = prepared.data_plane.swarm
        self._workers = WorkerThreads(self._swarm, prepared.jobs)
        self._tasks = EssentialTasks()
        self._stop_asked = asyncio.Event()
        self._reload_asked = asyncio.Event()

    async def serve(self) -> None:
        """Until SIGTERM or SIGINT. Ends the process when anything that it started ends before."""
        try:
            await self._serve()
        except Exception as error:
            # Here, where the cause is known: asyncio would first cancel the tasks, which end the process too.
            end_process(f"supervisor failed unexpectedly: {describe(error)}")

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        end_process_on_lost_errors(loop)
        for number in SIGNALS:
            asked = self._reload_asked if number == signal.SIGUSR1 else self._stop_asked
            loop.add_signal_handler(number, asked.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self._workers.start()
        let_workers_go_first()
        self._tasks.start("heartbeat watch", self._watch_heartbeats())
        self._tasks.start("reload", self._reload())
        self._tasks.start("loss log", LossLog(self._prepared.data_plane, self._prepared.counts).run())
        self._start_outputs()
        self._announce_ready()
        await self._stop_asked.wait()
        await self._end()

    def _start_outputs(self) -> None:
        prepared, configuration = self._prepared, self._configuration
        if configuration.statistics.outputs:
            collector = Collector(
                prepared.data_plane,
                prepared.counts,
                filter(configuration.speaks, Protocol),
                configuration.statistics,
                prepared.access_list,
            )
            service = StatisticsService(
                configuration, collector, prepared.prometheus_socket, prepared.process_figures
            )
            service.start(self._tasks)
        if configuration.scrape_exports.enabled:
            exporter = ScrapeExporter(self._swarm, configuration.scrape_exports)
            self._tasks.start("scrape exports", exporter.run())
        if prepared.downloads is not None:
            self._tasks.start("download counts", prepared.downloads.run())

    def _announce_ready(self) -> None:
        listening = [url for bound in self._prepared.listeners for url in bound.urls]
        if self._prepared.prometheus_socket is not None:
            listening.append(endpoint_url(self._prepared.prometheus_socket))
        # Whoever started us may not read it.
        with contextlib.suppress(OSError):
            print("".join(f"listening on {url}\n" for url in listening), end="", flush=True)
        logger.info("serving with %d worker(s)", len(self._prepared.jobs))
        self._prepared.service_manager.ready()

    async def _end(self) -> None:
        self._prepared.service_manager.stopping()
        await self._tasks.end()
        await in_thread("stop", lambda: self._workers.stop(STOP_SECONDS_MAX))
        if self._prepared.downloads is not None:
            await in_thread("download counts", self._prepared.downloads.save)
        logger.info("stopped")
        self._prepared.service_manager.close()

    async def _watch_heartbeats(self) -> None:
        """A worker turns at least every poll timeout; the service manager hears of us only while all do."""
        manager = self._prepared.service_manager
        interval = max(HEARTBEAT_CHECK_SECONDS, 2 * self._configuration.workers.poll_timeout_ms / 1000)
        if manager.watchdog_seconds is not None:
            interval = min(interval, manager.watchdog_seconds / 2)
        watch = HeartbeatWatch(self._swarm, [job.name for job in self._prepared.jobs], STILL_CHECKS_MAX)
        while True:
            await asyncio.sleep(interval)
            if watch.check():
                manager.alive()

    async def _reload(self) -> None:
        access_list, certificates = self._prepared.access_list, self._prepared.certificates
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            if not access_list.is_on and not (certificates and certificates.count):
                logger.info("nothing to reload: there is no access list and no certificate")
                continue
            self._prepared.service_manager.reloading()
            if access_list.is_on:
                await self._reload_access_list(access_list)
            if certificates and certificates.count:
                await self._reload_certificates(certificates)
            self._prepared.service_manager.ready()

    async def _reload_access_list(self, access_list: ServedAccessList) -> None:
        try:
            await in_thread("access list", access_list.load)
        except AccessListError as error:
            logger.error("the old access list stays: %s", error)
        else:
            logger.info("access list read: %d info hashes", access_list.entries_count)

    async def _reload_certificates(self, certificates: ServedCertificates) -> None:
        try:
            await in_thread("certificates", certificates.load)
        except CertificateError as error:
            logger.error("the old certificates stay: %s", error)
        else:
            logger.info("certificates read for %d listener(s)", certificates.count)

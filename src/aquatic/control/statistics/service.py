"""The statistics at work: a report each interval, handed to every output that the configuration asks for."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Callable

from aquatic.control.border import IP_VERSIONS
from aquatic.control.errors import reason
from aquatic.control.model import Configuration, Protocol
from aquatic.control.replaced_file import replacing
from aquatic.control.statistics.collector import Collector, Report
from aquatic.control.statistics.html_page import render_page
from aquatic.control.statistics.http_endpoint import HttpEndpoint
from aquatic.control.statistics.process import ProcessFigures
from aquatic.control.statistics.prometheus import PrometheusText
from aquatic.control.statistics.standard_output import ServedFamilies, format_report
from aquatic.control.tasks import EssentialTasks
from aquatic.control.threads import in_thread

logger = logging.getLogger(__name__)

Output = Callable[[Report], None]


def served_families(configuration: Configuration) -> ServedFamilies:
    """Which clients may come, for each protocol that is served."""
    return {
        protocol: [
            family
            for family in IP_VERSIONS
            if any(
                protocol in listener.protocols and listener.serves(family)
                for listener in configuration.listeners
            )
        ]
        for protocol in Protocol
        if configuration.speaks(protocol)
    }


class StatisticsService:
    """Each output is written by a thread of its own: one that is stuck does not hold up the others."""

    def __init__(
        self,
        configuration: Configuration,
        collector: Collector,
        prometheus_socket: socket.socket | None,
        process: ProcessFigures,
    ) -> None:
        self._settings = configuration.statistics
        self._served = served_families(configuration)
        self._collector = collector
        self._prometheus_socket = prometheus_socket
        self._process = process
        self._next_report: asyncio.Future[Report] = asyncio.get_running_loop().create_future()

    def start(self, tasks: EssentialTasks) -> None:
        """Start what the configuration asks for."""
        settings = self._settings
        tasks.start("statistics", self._collect())
        if settings.standard_output:
            tasks.start("statistics on standard output", self._put_out("standard output", self._print))
        if settings.html_file:
            tasks.start("statistics page", self._put_out(settings.html_file_path, self._write_page))
        if self._prometheus_socket is not None:
            text = PrometheusText(self._collector, settings, self._process)
            tasks.start("Prometheus endpoint", HttpEndpoint(self._prometheus_socket, text.render).serve())

    async def _collect(self) -> None:
        while True:
            await asyncio.sleep(self._settings.interval_seconds)
            report = await in_thread("statistics", self._collector.report)
            self._next_report.set_result(report)
            self._next_report = asyncio.get_running_loop().create_future()

    async def _put_out(self, where: str, output: Output) -> None:
        """Write every report, or, when writing takes longer than an interval, the next one after it."""
        last_problem = ""
        while True:
            # Others wait for the same one.
            report = await asyncio.shield(self._next_report)
            try:
                await in_thread(f"statistics to {where}", lambda report=report: output(report))  # type: ignore[misc]
            except OSError as error:
                # Once, not each interval.
                if last_problem != reason(error):
                    logger.error("cannot write statistics to %s: %s", where, reason(error))
                last_problem = reason(error)
            else:
                last_problem = ""

    def _print(self, report: Report) -> None:
        sys.stdout.write(format_report(report, self._served))
        sys.stdout.flush()

    def _write_page(self, report: Report) -> None:
        path, interval = self._settings.html_file_path, self._settings.interval_seconds
        page = render_page(report, self._served, interval, time.time())
        with replacing(path, f"{path}.tmp") as file:
            file.write(page.encode())

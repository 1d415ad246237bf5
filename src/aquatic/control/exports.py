"""Scrape exports: the seeders and leechers of all torrents, in a file."""

from __future__ import annotations

import asyncio
import logging
import os
import threading

from aquatic.control.border import SwarmBorder
from aquatic.control.errors import reason
from aquatic.control.model import ScrapeExports
from aquatic.control.replaced_file import replacing
from aquatic.control.threads import in_thread

logger = logging.getLogger(__name__)

CLEANINGS_CHECK_SECONDS = 1.0
END = -1


class ScrapeExporter:
    """Writes an export after the first cleaning and then after every so many, as the Rust tracker does."""

    def __init__(self, swarm: SwarmBorder, settings: ScrapeExports) -> None:
        self._swarm = swarm
        self._settings = settings
        self._stopping = threading.Event()

    async def run(self) -> None:
        """Export until cancelled. Errors are logged; the file of the last good export stays."""
        frequency = max(1, self._settings.cleanings_per_export)
        next_at = 1
        try:
            while True:
                await asyncio.sleep(CLEANINGS_CHECK_SECONDS)
                cleanings = self._swarm.cleanings()
                if cleanings >= next_at:
                    next_at = cleanings + frequency - (cleanings - 1) % frequency
                    await self._export()
        finally:
            self._stopping.set()

    async def _export(self) -> None:
        path = self._settings.path
        try:
            count = await in_thread("scrape export", self._write)
        except OSError as error:
            logger.error("cannot export torrents to %s: %s", path, reason(error))
        except MemoryError:
            logger.error("cannot export torrents to %s: no memory", path)
        else:
            logger.info("exported torrents to %s: %d lines", path, count)

    def _write(self) -> int:
        """Piece by piece: the store gives a bounded piece at a time and serves requests in between."""
        path = self._settings.path
        count = 0
        with replacing(path, os.path.splitext(path)[0] + ".tmp") as file:
            cursor = 0
            while cursor != END:
                if self._stopping.is_set():
                    raise InterruptedError("the tracker ends")
                cursor, lines = self._swarm.export_torrents(cursor)
                count += lines.count(b"\n")
                file.write(lines)
        return count

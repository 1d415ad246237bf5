"""Download counts that outlive the process: a file read at start and replaced now and then and at the end.

The file: a line that names the format, the store's records one after the other, then the number of records
(8 bytes) and the CRC-32 of all before it (4 bytes); numbers are little endian.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
import threading
import zlib
from typing import Final

from aquatic.control.border import SwarmBorder
from aquatic.control.errors import StartError, reason
from aquatic.control.model import Downloads
from aquatic.control.replaced_file import replacing
from aquatic.control.threads import in_thread
from aquatic.dataplane.swarm.border import DOWNLOAD_RECORD_BYTES

logger = logging.getLogger(__name__)

# With the size of a record: one that was changed is no record any more.
HEAD: Final = f"aquatic downloads, {DOWNLOAD_RECORD_BYTES} bytes each\n".encode()
TAIL: Final = struct.Struct("<QI")
IMPORT_BYTES: Final = DOWNLOAD_RECORD_BYTES * 65_536
END: Final = -1


class DownloadsFile:
    """Keeps the swarms' download counts in a file."""

    def __init__(self, swarm: SwarmBorder, settings: Downloads) -> None:
        self._swarm = swarm
        self._path = settings.path
        self._interval_seconds = settings.interval_seconds
        self._last_problem = ""
        # The last save may begin before the one of an interval is over.
        self._writing = threading.Lock()

    def load(self) -> str | None:
        """Take over what the file says; a warning when it is damaged, StartError when it can't be read.

        The tracker then starts without counts, and the damaged file is kept under another name: serving goes
        before counting, but nobody's counts are overwritten.
        """
        try:
            with open(self._path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StartError(f"cannot read download counts from {self._path}: {reason(error)}") from None
        damage = _damage(content)
        if damage is not None:
            return self._put_aside(damage)
        records = memoryview(content)[len(HEAD) : -TAIL.size]
        fitted = sum(
            self._swarm.import_downloads(bytes(records[start : start + IMPORT_BYTES]))
            for start in range(0, len(records), IMPORT_BYTES)
        )
        logger.info("download counts of %d torrents read from %s", fitted, self._path)
        return None

    async def run(self) -> None:
        """Save at every interval until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            await in_thread("download counts", self.save)

    def save(self) -> None:
        """Replace the file by the counts of now. A failure is logged once, and the old file stays."""
        try:
            with self._writing:
                self._write()
        except OSError as error:
            if self._last_problem != reason(error):
                logger.error("cannot write download counts to %s: %s", self._path, reason(error))
            self._last_problem = reason(error)
        else:
            self._last_problem = ""

    def _write(self) -> None:
        with replacing(self._path, f"{self._path}.tmp") as file:
            file.write(HEAD)
            checksum = zlib.crc32(HEAD)
            cursor = count = 0
            while cursor != END:
                cursor, records = self._swarm.export_downloads(cursor)
                file.write(records)
                checksum = zlib.crc32(records, checksum)
                count += len(records) // DOWNLOAD_RECORD_BYTES
            checksum = zlib.crc32(count.to_bytes(8, "little"), checksum)
            file.write(TAIL.pack(count, checksum))

    def _put_aside(self, damage: str) -> str:
        aside = f"{self._path}.damaged"
        try:
            os.replace(self._path, aside)
        except OSError as error:
            text = f"download counts in {self._path} are damaged ({damage}), and the file cannot be put aside"
            raise StartError(f"{text}: {reason(error)}") from None
        return f"download counts start at zero: {self._path} is damaged ({damage}) and was kept as {aside}"


def _damage(content: bytes) -> str | None:
    """What is wrong with a file's content, if anything."""
    if not content.startswith(HEAD):
        return "it does not begin as such files do"
    records_bytes = len(content) - len(HEAD) - TAIL.size
    if records_bytes < 0 or records_bytes % DOWNLOAD_RECORD_BYTES:
        return "it is cut off"
    count, checksum = TAIL.unpack(content[-TAIL.size :])
    if count != records_bytes // DOWNLOAD_RECORD_BYTES:
        return "it is cut off or has grown"
    if checksum != zlib.crc32(content[:-4]):
        return "its checksum is wrong"
    return None

"""Log lines on standard error, by level."""

import logging
import sys
import time

from aquatic.control.model import LogLevel

TRACE = 5
LEVELS = {
    LogLevel.OFF: logging.CRITICAL + 1,
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARN: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.TRACE: TRACE,
}


class UtcFormatter(logging.Formatter):
    """UTC needs no time zone file, which a chroot would not have."""

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """Break down a time as `time.gmtime` does."""
        return time.gmtime(seconds)

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def start_logging(level: LogLevel) -> None:
    """Send this process's log lines of `level` and above to standard error."""
    logging.addLevelName(TRACE, "TRACE")
    logging.addLevelName(logging.WARNING, "WARN")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(UtcFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # A log line that can't be written must not bring down the tracker, nor write a traceback for each.
    logging.raiseExceptions = False

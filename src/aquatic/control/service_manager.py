"""The service manager's readiness and watchdog protocol (sd_notify(3)): datagrams to the socket it names."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Mapping

logger = logging.getLogger(__name__)


class ServiceManager:
    """Connected before chroot, which hides the socket's path. Without a manager every call does nothing."""

    def __init__(self, connected: socket.socket | None = None, watchdog_seconds: float | None = None) -> None:
        self._socket = connected
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ServiceManager:
        """The manager that `NOTIFY_SOCKET` and `WATCHDOG_USEC` tell of, if any."""
        path = environment.get("NOTIFY_SOCKET", "")
        if not path.startswith(("/", "@")):
            return cls()
        connected = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        )
        try:
            connected.connect("\0" + path[1:] if path.startswith("@") else path)
        except OSError as error:
            connected.close()
            logger.warning("cannot reach the service manager at %s: %s", path, error.strerror)
            return cls()
        return cls(connected, _watchdog_seconds(environment))

    def ready(self) -> None:
        """Tell that the start or a reload is over."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Tell that the configuration is being read again; `ready` ends it."""
        # Type=notify-reload wants the time, so that it can tell this reload from the one before.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Tell that the end is near."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        if self.watchdog_seconds is not None:
            self._send("WATCHDOG=1")

    def close(self) -> None:
        """Hear no more of this manager."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, message: str) -> None:
        if self._socket is not None:
            # The manager may be restarting or behind; a missed message is for its own timeouts to judge.
            with contextlib.suppress(OSError):
                self._socket.send(message.encode())


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """Longest time between signs of life, if the manager asks for them from this process."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    asked_of = environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or asked_of not in ("", str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000

"""The notification protocol as systemd's manual gives it (sd_notify(3), sd_watchdog_enabled(3))."""

import os
import socket
from pathlib import Path

import pytest

from aquatic.control.service_manager import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_messages(tmp_path: Path, abstract: bool) -> None:
    path = f"@aquatic-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path.replace("@", "\0") if abstract else path)
        manager.settimeout(30)
        service = ServiceManager.from_environment({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"})
        service.ready()
        assert manager.recv(1000) == b"READY=1"
        service.alive()
        assert manager.recv(1000) == b"WATCHDOG=1"
        service.reloading()
        first, second = manager.recv(1000).split(b"\n")
        assert first == b"RELOADING=1"
        assert int(second.removeprefix(b"MONOTONIC_USEC=")) > 0
        service.stopping()
        assert manager.recv(1000) == b"STOPPING=1"
        assert service.watchdog_seconds == 3
        service.close()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "nonsense"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(
    tmp_path: Path, environment: dict[str, str], expected: float | None
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        service = ServiceManager.from_environment(environment | {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert service.watchdog_seconds == expected
        service.close()


@pytest.mark.parametrize("path", ["", "relative", "/nonexistent/notify"])
def test_without_a_manager_nothing_happens(path: str) -> None:
    service = ServiceManager.from_environment({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000"})
    assert service.watchdog_seconds is None
    service.ready()
    service.alive()


def test_a_manager_that_went_away_is_no_error(tmp_path: Path) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    service = ServiceManager.from_environment({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    manager.close()
    service.ready()
    service.close()

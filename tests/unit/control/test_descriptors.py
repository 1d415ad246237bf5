"""How many file descriptors are needed, and how far the limit on them is raised."""

import resource
from pathlib import Path

import pytest

from aquatic.control import descriptors
from aquatic.control.descriptors import (
    allow_descriptors,
    connections_that_fit,
    descriptors_allowed,
    descriptors_needed,
    descriptors_warning,
)
from aquatic.control.machine import waiting_connections_max
from aquatic.control.model import Configuration, Connections, Listener


class Limits:
    """The kernel's, for a process that may raise its hard limit up to `system_max`, or not at all (0)."""

    RLIMIT_NOFILE = resource.RLIMIT_NOFILE
    RLIM_INFINITY = resource.RLIM_INFINITY

    def __init__(self, soft: int, hard: int, system_max: int) -> None:
        self.limits = (soft, hard)
        self._system_max = system_max

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.limits

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        soft, hard = limits
        if soft > hard > 0 or hard > max(self.limits[1], self._system_max) > 0:
            raise ValueError("not allowed to raise maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "system_max", "wanted", "allowed", "left"),
    [
        pytest.param(1_024, 4_096, 0, 1_000, 1_000, (1_024, 4_096), id="enough"),
        pytest.param(1_024, 4_096, 0, 2_000, 2_000, (2_000, 4_096), id="below the hard limit"),
        pytest.param(1_024, 4_096, 0, 9_000, 4_096, (4_096, 4_096), id="beyond it for a user"),
        pytest.param(1_024, 4_096, 99_999, 9_000, 9_000, (9_000, 9_000), id="beyond it for root"),
        pytest.param(1_024, 4_096, 5_000, 9_000, 4_096, (4_096, 4_096), id="beyond what the system has"),
        pytest.param(1_024, -1, 0, 9_000, 9_000, (9_000, -1), id="no hard limit"),
        pytest.param(-1, -1, 0, 9_000, 9_000, (-1, -1), id="no limit"),
    ],
)
def test_the_limit_is_raised_as_far_as_needed_and_allowed(
    monkeypatch: pytest.MonkeyPatch,
    soft: int,
    hard: int,
    system_max: int,
    wanted: int,
    allowed: int,
    left: tuple[int, int],
) -> None:
    limits = Limits(soft, hard, system_max)
    monkeypatch.setattr(descriptors, "resource", limits)
    allow_descriptors(wanted)
    assert limits.limits == left
    assert min(wanted, descriptors_allowed()) == allowed


CONFIGURATION = Configuration(listeners=(Listener(),), connections=Connections(per_worker_max=1_000))


def test_needed_are_enough_for_every_connection_of_every_worker() -> None:
    for workers in (1, 4):
        needed = descriptors_needed(CONFIGURATION, workers)
        assert connections_that_fit(1_000, needed, workers) == 1_000
        assert connections_that_fit(1_000, needed - 1, workers) < 1_000


def test_too_few_are_said_with_the_remedy() -> None:
    needed = descriptors_needed(CONFIGURATION, 2)
    assert descriptors_warning(CONFIGURATION, 2, needed) is None
    assert descriptors_warning(CONFIGURATION, 0, 10) is None, "nobody makes connections"
    warning = descriptors_warning(CONFIGURATION, 2, 1_024)
    assert warning is not None
    assert "only 1,024 file descriptors may be open" in warning
    assert "256 connections instead of 1,000" in warning
    assert f"raise the hard limit to {needed} (LimitNOFILE" in warning
    assert "connections.per_worker_max" in warning


@pytest.mark.parametrize(
    ("per_worker", "descriptors", "workers", "expected"),
    [(1000, 1 << 20, 4, 1000), (32_768, 20_512, 2, 10_000), (32_768, 1024, 2, 256), (100, 4, 16, 1)],
)
def test_connections_leave_descriptors_to_others(
    per_worker: int, descriptors: int, workers: int, expected: int
) -> None:
    assert connections_that_fit(per_worker, descriptors, workers) == expected


def test_the_kernels_bound_on_waiting_connections(tmp_path: Path) -> None:
    assert waiting_connections_max(tmp_path) is None
    folder = tmp_path / "proc/sys/net/core"
    folder.mkdir(parents=True)
    (folder / "somaxconn").write_text("4096\n")
    assert waiting_connections_max(tmp_path) == 4_096

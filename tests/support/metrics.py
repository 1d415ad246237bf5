"""What a tracker process shows to Prometheus."""

import urllib.request
from collections.abc import Mapping

from aquatic.bench.process import parse_metrics
from tests.support.processes import Process, wait_until


def metrics_url(process: Process) -> str:
    """Where the next endpoint is that the process tells of."""
    return process.wait_for_line("/metrics").removeprefix("listening on ")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:
        text: str = response.read().decode()
        return text


def metrics(url: str) -> dict[str, float]:
    """Values by name and labels as they are written."""
    return parse_metrics(fetch(url))


def metrics_showing(url: str, expected: Mapping[str, float]) -> dict[str, float]:
    """All values, once these are as expected: what is measured of an answer is noted when it has left."""
    found: dict[str, float] = {}

    def differences() -> dict[str, float | None]:
        found.update(metrics(url))
        return {name: found.get(name) for name, value in expected.items() if found.get(name) != value}

    wait_until(lambda: not differences(), lambda: f"instead of {expected} there is {differences()}")
    return found

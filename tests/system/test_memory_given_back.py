"""What many connections have left goes back to the system, as the system sees it: OpenSSL's memory is not ours."""

import os

import pytest

from aquatic.bench.idle import open_round
from aquatic.bench.process import started
from aquatic.bench.trackers import TRACKERS, Wire
from tests.support.processes import wait_until

CONNECTIONS = 200
# OpenSSL's alone are more (docs/benchmarks.md).
CONNECTION_BYTES = 12_000


@pytest.mark.parametrize("wire", ["https", "wss"])
def test_memory_of_connections_over_tls_goes_back(wire: Wire) -> None:
    cores = tuple(os.sched_getaffinity(0))
    with started(TRACKERS["ours"], wire, cores=cores, priority="normal") as running:
        before = running.memory_bytes()
        with open_round(running, wire, CONNECTIONS):
            opened = running.memory_bytes()
        assert opened - before > CONNECTIONS * CONNECTION_BYTES
        wait_until(
            lambda: running.memory_bytes() <= opened - 0.8 * CONNECTIONS * CONNECTION_BYTES,
            lambda: "it keeps what its connections took",
        )

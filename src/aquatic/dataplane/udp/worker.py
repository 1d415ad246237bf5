"""The loop of a UDP worker: wait, receive, handle, send, clean. The same for every backend."""

from cython import address, cast, declare
from cython.cimports.aquatic.abi.atomics import load_u32, memory_order_relaxed
from cython.cimports.aquatic.abi.backend import BACKEND_BROKEN
from cython.cimports.aquatic.abi.counters import BATCHES, WAITS, bump
from cython.cimports.aquatic.abi.histogram import bucket_of
from cython.cimports.aquatic.abi.threads import dprintf, exit_now, real_ns, strerror
from cython.cimports.aquatic.dataplane.swarm.upkeep import upkeep_clock, upkeep_turn
from cython.cimports.aquatic.dataplane.udp.handle import handle
from cython.cimports.libc.stdint import uint32_t, uint64_t

# Batches from one socket before the other one and cleaning have their turn.
BATCHES_A_TURN_MAX = declare(uint32_t, 16)
# More than a receive buffer holds: what is waiting at the end is answered, what still arrives is not.
BATCHES_AT_END_MAX = declare(uint32_t, 1024)
NS_PER_SECOND = declare(uint64_t, 1_000_000_000)


def worker_run(worker):
    """Turn until told to stop. A backend that breaks ends the process: there is no half of a tracker."""
    while not load_u32(address(worker.upkeep.stopping), memory_order_relaxed):
        if not worker_turn(worker):
            die(worker)
    if not drain(worker):
        die(worker)


def worker_turn(worker):
    """One turn of the loop; False if the backend is broken."""
    backend = address(worker.backend)
    ready = declare(
        int, backend.wait(backend.state, 0 if worker.upkeep.is_behind else worker.poll_timeout_ms)
    )
    if ready == BACKEND_BROKEN:
        return False
    bump(address(worker.counters.values[0][WAITS]), 1)
    read_clock(worker)
    socket = declare(uint32_t)
    for socket in range(2):
        if ready & (1 << socket) and not serve(worker, socket, BATCHES_A_TURN_MAX):
            return False
    upkeep_turn(address(worker.upkeep), backend.clock(backend.state))
    return True


def read_clock(worker):
    now_ns = worker.backend.clock(worker.backend.state)
    upkeep_clock(address(worker.upkeep), now_ns)
    worker.handler.now_seconds = cast(uint32_t, now_ns // NS_PER_SECOND)
    worker.handler.tick = worker.upkeep.tick


def serve(worker, socket, batches_max):
    """Answer what has arrived at one socket; False if the backend is broken."""
    backend = address(worker.backend)
    batch = address(worker.batch)
    round = declare(uint32_t)
    for round in range(batches_max):
        received = declare(int, backend.receive(backend.state, socket, batch))
        if received == BACKEND_BROKEN:
            return False
        if received == 0:
            return True
        handle(address(worker.handler), batch)
        if batch.response_count:
            backend.send(backend.state, socket, batch)
        if worker.measures_latency:
            note_latency(worker)
        bump(address(worker.counters.values[socket][BATCHES]), 1)
        if cast(uint32_t, received) < worker.batch_datagrams:
            return True
    return True


def note_latency(worker):
    """From receive (by the kernel's timestamp where there is one) to send, of each answer in the batch."""
    batch = address(worker.batch)
    now_ns = declare(uint64_t, real_ns())
    index = declare(uint32_t)
    for index in range(batch.response_count):
        response = address(batch.responses[index])
        received_ns = batch.requests[response.request].received_ns
        # The wall clock may be set back between the two.
        elapsed_ns = declare(uint64_t, now_ns - received_ns if now_ns > received_ns else 0)
        bump(address(worker.counters.latency[response.action][bucket_of(elapsed_ns)]), 1)


def drain(worker):
    """Answer what was received before the end; False if the backend is broken."""
    backend = address(worker.backend)
    ready = declare(int, backend.wait(backend.state, 0))
    socket = declare(uint32_t)
    read_clock(worker)
    for socket in range(2):
        if ready > 0 and ready & (1 << socket) and not serve(worker, socket, BATCHES_AT_END_MAX):
            return False
    return ready != BACKEND_BROKEN


def die(worker):
    """End the process at once, saying why. The interpreter is not needed: it may be what is stuck."""
    dprintf(
        2,
        b"Error: UDP worker %u failed while %s: %s\n",
        worker.index,
        worker.backend.error_step,
        strerror(worker.backend.error_number),
    )
    exit_now(1)

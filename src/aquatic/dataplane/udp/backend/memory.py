"""The backend of simulations: datagrams come from and go to memory, and time passes only when the driver says so."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.limits import REQUEST_BYTES_MAX
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.dataplane.udp.backend.memory import MEMORY_DATAGRAMS_MAX, Memory
from cython.cimports.libc.stdint import UINT32_MAX, uint32_t
from cython.cimports.libc.string import memcpy


def memory_init(backend, batch_datagrams):
    memory = cast(pointer(Memory), reserve(sizeof(Memory)))
    if memory == NULL:
        return False
    memory.batch_datagrams = batch_datagrams
    memory.sends_until_full = UINT32_MAX
    backend.state = memory
    backend.wait = memory_wait
    backend.receive = memory_receive
    backend.send = memory_send
    backend.clock = memory_clock
    return True


def memory_end(backend):
    unreserve(backend.state, sizeof(Memory))
    backend.state = NULL


def memory_deliver(memory, source, packet, length):
    """Queue a datagram; False when the queue, like a receive buffer, is full. What is too long is cut."""
    if memory.incoming_count == MEMORY_DATAGRAMS_MAX:
        return False
    place = declare(uint32_t, (memory.incoming_first + memory.incoming_count) % MEMORY_DATAGRAMS_MAX)
    incoming = address(memory.incoming[place])
    incoming.source = source[0]
    incoming.length = min(length, cast(uint32_t, REQUEST_BYTES_MAX))
    memcpy(incoming.bytes, packet, incoming.length)
    memory.incoming_count += 1
    return True


def memory_wait(state, timeout_ms):
    """Everything arrives at the first socket: families are told apart by the source."""
    return 1 if cast(pointer(Memory), state).incoming_count else 0


def memory_receive(state, socket, batch):
    memory = cast(pointer(Memory), state)
    count = declare(uint32_t, min(memory.incoming_count, memory.batch_datagrams))
    index = declare(uint32_t)
    for index in range(count):
        incoming = address(memory.incoming[(memory.incoming_first + index) % MEMORY_DATAGRAMS_MAX])
        batch.requests[index].source = incoming.source
        batch.requests[index].bytes = incoming.bytes
        batch.requests[index].length = incoming.length
        batch.requests[index].received_ns = memory.clock_ns
    memory.incoming_first = (memory.incoming_first + count) % MEMORY_DATAGRAMS_MAX
    memory.incoming_count -= count
    batch.request_count = count
    return count


def memory_send(state, socket, batch):
    memory = cast(pointer(Memory), state)
    index = declare(uint32_t)
    for index in range(batch.response_count):
        if memory.outgoing_count == MEMORY_DATAGRAMS_MAX or memory.sends_until_full == 0:
            return
        memory.sends_until_full -= 1
        response = address(batch.responses[index])
        outgoing = address(memory.outgoing[memory.outgoing_count])
        outgoing.source = batch.requests[response.request].source
        outgoing.length = response.length
        memcpy(outgoing.bytes, response.bytes, response.length)
        memory.outgoing_count += 1


def memory_clock(state):
    return cast(pointer(Memory), state).clock_ns

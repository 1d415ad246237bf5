"""See loop.pxd; what Python calls is said in loop.pyi."""

from cython import NULL, address, cast, declare, nogil, pointer, sizeof
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.threads import thread_cpu_ns
from cython.cimports.aquatic.bench.micro.loop import (
    PIECE_ALIGNMENT_BYTES,
    PIECE_SLACK_BYTES,
    build,
    compiler,
    mark,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

COMPILER = cast(bytes, compiler).decode()
BUILD = cast(bytes, build).decode()


class Loop:
    def __cinit__(self):
        self.operations = 1
        self.call = call_nothing

    def __dealloc__(self):
        free(self.pieces.at)
        free(self.pieces.lengths)
        if self.pieces.room != NULL:
            unreserve(self.pieces.room, self.pieces.room_bytes)

    def take(self, inputs):
        """Copy the inputs to where they stay."""
        pieces = address(self.pieces)
        places = []
        end = 0
        for content in inputs:
            places.append(end)
            end += len(content) + PIECE_SLACK_BYTES
            end += -end % PIECE_ALIGNMENT_BYTES
        pieces.at = cast(pointer(pointer(uint8_t)), calloc(len(inputs), sizeof(pieces.at[0])))
        pieces.lengths = cast(pointer(uint32_t), calloc(len(inputs), sizeof(uint32_t)))
        pieces.room_bytes = end
        pieces.room = cast(pointer(uint8_t), reserve(end))
        if pieces.at == NULL or pieces.lengths == NULL or pieces.room == NULL:
            raise MemoryError
        for index, content in enumerate(inputs):
            place = declare(uint32_t, index)
            pieces.at[place] = pieces.room + cast(uint64_t, places[index])
            pieces.lengths[place] = len(content)
            memcpy(pieces.at[place], cast(pointer(uint8_t), cast(bytes, content)), len(content))
        pieces.count = len(inputs)
        return True

    def run(self, calls: int):
        count = declare(uint64_t, calls)
        call = self.call
        state = self.state
        with nogil:
            started_ns = declare(uint64_t, thread_cpu_ns())
            done = declare(uint64_t, repeat(call, state, count))
            ended_ns = declare(uint64_t, thread_cpu_ns())
        return ended_ns - started_ns, done

    def run_marked(self, calls: int):
        count = declare(uint64_t, calls)
        call = self.call
        state = self.state
        with nogil:
            mark()
            done = declare(uint64_t, repeat(call, state, count))
            mark()
        return done


def repeat(call, state, calls):
    done = declare(uint64_t, 0)
    turn = declare(uint64_t)
    for turn in range(calls):
        done += call(state)
    return done


def call_nothing(state):
    """What the loop costs itself."""
    return 1

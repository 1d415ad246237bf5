"""What all loops have in common: inputs that take turns, a call that is repeated, and a sum that shows what it did."""
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "<unistd.h>" nogil:
    # Nothing else calls it where callgrind counts, which is told to write its counts down whenever it is entered.
    int mark "getppid"()

cdef extern from * nogil:
    """
    #ifdef __clang__
    #define AQUATIC_COMPILER "clang " __clang_version__
    #else
    #define AQUATIC_COMPILER "gcc " __VERSION__
    #endif
    """
    const char* compiler "AQUATIC_COMPILER"
    # Its options, by meson.
    const char* build "AQUATIC_BUILD"

cdef enum:
    # How fast memory is copied depends on where it lies: that must not differ from run to run.
    PIECE_ALIGNMENT_BYTES = 64
    # Behind each input and at each end of an output.
    PIECE_SLACK_BYTES = 64

# Inputs, one behind the other. They take turns from the first one on.
cdef struct Pieces:
    uint8_t* room
    size_t room_bytes
    uint8_t** at
    uint32_t* lengths
    uint32_t count
    uint32_t next

# One call does so many operations, and returns what they amount to: a number that says that they were done.
ctypedef uint64_t (*Call)(void* state) noexcept nogil

cdef class Loop:
    cdef Pieces pieces
    cdef Call call
    cdef void* state
    cdef readonly uint32_t operations

    cdef bint take(self, object inputs) except -1

cdef uint64_t repeat(Call call, void* state, uint64_t calls) noexcept nogil
cdef uint64_t call_nothing(void* state) noexcept nogil

cdef inline uint32_t next_piece(Pieces* pieces) noexcept nogil:
    """Whose turn it is."""
    cdef uint32_t piece = pieces.next
    pieces.next = piece + 1 if piece + 1 < pieces.count else 0
    return piece

from libc.stdint cimport uint64_t

from aquatic.abi.upkeep cimport Upkeep

cdef void upkeep_clock(Upkeep* upkeep, uint64_t now_ns) noexcept nogil
cdef void upkeep_turn(Upkeep* upkeep, uint64_t now_ns) noexcept nogil

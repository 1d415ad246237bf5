"""What a worker of any kind does for the tracker besides its requests. Types only."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u32, atomic_u64
from aquatic.abi.swarm cimport Store, Sweeper

# Written by the worker; `stopping` and `running` by the control plane, which reads `turns`.
cdef struct Upkeep:
    Store* store
    Sweeper sweeper
    atomic_u32 stopping
    atomic_u32 running  # from before its first turn until after its last
    atomic_u64 turns  # of its loop: the signs of life
    uint32_t tick  # the swarm's clock, as of this turn
    bint is_behind  # with cleaning: the next turn is not to wait

"""Errors made on purpose, one for each thing that a sanitizer is to find."""
from libc.stdint cimport int32_t, uint32_t

from aquatic.abi.atomics cimport atomic_u32

cdef atomic_u32 arrived
cdef uint32_t shared

cdef void touch_shared(uint32_t threads) noexcept nogil

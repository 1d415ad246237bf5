"""Errors made on purpose, one for each thing that a sanitizer is to find."""

import cython
from cython.cimports.aquatic.abi.atomics import add_u32, load_u32, memory_order_relaxed
from cython.cimports.libc.stdint import int32_t, uint32_t
from cython.cimports.libc.stdlib import free, malloc


def read_beyond(length: cython.int):
    """Read the byte after an allocation of `length` bytes (AddressSanitizer)."""
    memory = cython.cast(cython.p_char, malloc(length))
    byte = memory[length]
    free(memory)
    return byte


def read_beyond_bytes(packet: bytes):
    """Read the byte after a bytes object and its closing zero (AddressSanitizer)."""
    start = cython.cast(cython.p_char, packet)
    return start[len(packet) + 1]


def use_freed(length: cython.int):
    """Read memory that was given back (AddressSanitizer)."""
    memory = cython.cast(cython.p_char, malloc(length))
    free(memory)
    return memory[0]


def overflow(number: int32_t):
    """Add one to a signed number (UndefinedBehaviorSanitizer, for the greatest number)."""
    return number + cython.cast(int32_t, 1)


def touch_shared(threads):
    # Relaxed waiting orders nothing: the writes below race although each thread has waited for the others.
    add_u32(cython.address(arrived), 1, memory_order_relaxed)  # noqa: F821
    while load_u32(cython.address(arrived), memory_order_relaxed) < threads:  # noqa: F821
        pass
    global shared  # noqa: PLW0603
    shared += 1


def race(threads: uint32_t):
    """Write a variable without a lock, to be called by `threads` threads at once (ThreadSanitizer)."""
    with cython.nogil:
        touch_shared(threads)

"""OpenSSL's allocations, counted and made to fail, in a process of one thread. See tls_allocations.pyi."""

from cython import NULL, declare
from cython.cimports.aquatic.testing.tls_allocations import CRYPTO_set_mem_functions, OpensslMemory
from cython.cimports.libc.stdint import UINT64_MAX
from cython.cimports.libc.stdlib import free, malloc, realloc

MEMORY = declare(OpensslMemory)
MEMORY.allocations_until_failure = UINT64_MAX


def is_failing():
    if MEMORY.allocations_until_failure == UINT64_MAX:
        return False
    if MEMORY.allocations_until_failure == 0:
        return True
    MEMORY.allocations_until_failure -= 1
    return False


def allocate(size, file, line):
    if size == 0 or is_failing():
        return NULL
    block = malloc(size)
    MEMORY.blocks += 1 if block != NULL else 0
    return block


def reallocate(block, size, file, line):
    if block == NULL:
        return allocate(size, file, line)
    if size == 0:
        release(block, file, line)
        return NULL
    return NULL if is_failing() else realloc(block, size)


def release(block, file, line):
    MEMORY.blocks -= 1 if block != NULL else 0
    free(block)


def take_over():
    if not CRYPTO_set_mem_functions(allocate, reallocate, release):
        raise RuntimeError("OpenSSL has allocated memory already")


def fail_allocations(after: int):
    MEMORY.allocations_until_failure = UINT64_MAX if after < 0 else after


def allocations_left():
    return MEMORY.allocations_until_failure


def blocks():
    return MEMORY.blocks

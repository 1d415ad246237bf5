"""SipHash-2-4: a keyed hash for what strangers choose and must not be able to foresee."""

from cython import cast, declare
from cython.cimports.libc.stdint import uint32_t, uint64_t


def rotate_left(value, bits):
    return (value << bits) | (value >> (64 - bits))


def siphash_round(v):
    v[0] += v[1]
    v[1] = rotate_left(v[1], 13) ^ v[0]
    v[0] = rotate_left(v[0], 32)
    v[2] += v[3]
    v[3] = rotate_left(v[3], 16) ^ v[2]
    v[0] += v[3]
    v[3] = rotate_left(v[3], 21) ^ v[0]
    v[2] += v[1]
    v[1] = rotate_left(v[1], 17) ^ v[2]
    v[2] = rotate_left(v[2], 32)


def siphash(key, words, count):
    """SipHash-2-4 of a message given as little-endian words, the last of which holds the length in its top byte."""
    v = declare(uint64_t[4])
    v[0] = key.low ^ cast(uint64_t, 0x736F6D6570736575)
    v[1] = key.high ^ cast(uint64_t, 0x646F72616E646F6D)
    v[2] = key.low ^ cast(uint64_t, 0x6C7967656E657261)
    v[3] = key.high ^ cast(uint64_t, 0x7465646279746573)
    index = declare(uint32_t)
    for index in range(count):
        v[3] ^= words[index]
        siphash_round(v)
        siphash_round(v)
        v[0] ^= words[index]
    v[2] ^= 0xFF
    for index in range(4):
        siphash_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]

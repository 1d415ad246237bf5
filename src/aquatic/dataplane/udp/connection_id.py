"""Connection ids (BEP 15): proof that whoever asks receives what is sent to its address. Nothing is stored for them.

    bits 63..40   second of issue, modulo 2**24
    bits 39..0    SipHash-2-4 of the second of issue (all 32 bits) and the source address, under a key drawn at start

Threats:
- A spoofed source, to have answers sent to a victim or foreign peers listed: it has not seen the id that its address
  was given, and one guess in 2**40 is right. The comparison is of one word: its time says nothing.
- An id used by another address: the hash is of the address. The port is left out: behind some NATs it changes.
- An old id: the second of issue is part of the hash, and its age is checked. All 32 bits are hashed, so an id does not
  become valid again when the 24 bits have come round.
- Issue and check may happen in different workers, whose clocks are read at different times: an id from up to a minute
  ahead is valid.
"""

from cython import address, cast, declare
from cython.cimports.aquatic.abi.bits import read_u32, read_u64
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4
from cython.cimports.aquatic.dataplane.siphash import siphash
from cython.cimports.aquatic.dataplane.udp.connection_id import (
    CONNECTION_BAD,
    CONNECTION_EXPIRED,
    CONNECTION_VALID,
)
from cython.cimports.libc.stdint import uint32_t, uint64_t

SECONDS_BITS = declare(uint32_t, 24)
HASH_BITS = declare(uint32_t, 40)
SECONDS_MASK = declare(uint32_t, (1 << 24) - 1)
SECONDS_AHEAD_MAX = declare(uint32_t, 60)


def source_hash(key, source, seconds):
    """Of the four or sixteen bytes of the address and the four of the second (little endian)."""
    words = declare(uint64_t[3])
    if source.family == FAMILY_IPV4:
        words[0] = read_u32(address(source.ip[0])) | cast(uint64_t, seconds) << 32
        words[1] = cast(uint64_t, 8) << 56
        return siphash(key, words, 2)
    words[0] = read_u64(address(source.ip[0]))
    words[1] = read_u64(address(source.ip[8]))
    words[2] = seconds | cast(uint64_t, 20) << 56
    return siphash(key, words, 3)


def connection_id(key, source, seconds):
    """The id that the source gets at this second."""
    hash = source_hash(key, source, seconds)
    return cast(uint64_t, seconds & SECONDS_MASK) << HASH_BITS | hash >> SECONDS_BITS


def check_connection_id(key, source, id, now_seconds, age_seconds_max):
    """Whether the id was given to this address and is not too old (or too new)."""
    age_seconds = declare(uint32_t, (now_seconds - cast(uint32_t, id >> HASH_BITS)) & SECONDS_MASK)
    issued_seconds = declare(uint32_t, now_seconds - age_seconds)
    if age_seconds > SECONDS_MASK - SECONDS_AHEAD_MAX:
        # From a worker whose clock is ahead: 24 bits of "minus a few seconds".
        issued_seconds += SECONDS_MASK + 1
        age_seconds = 0
    if connection_id(key, source, issued_seconds) != id:
        return CONNECTION_BAD
    return CONNECTION_EXPIRED if age_seconds > age_seconds_max else CONNECTION_VALID

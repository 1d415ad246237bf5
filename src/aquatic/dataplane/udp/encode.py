"""From an answer to the bytes of a datagram (BEP 15). All return how many bytes they wrote."""

from cython import cast
from cython.cimports.aquatic.abi.bits import htobe32, htobe64, write_u32, write_u64
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_ERROR,
    ACTION_SCRAPE,
    ANNOUNCE_RESPONSE_HEAD_BYTES,
    CONNECT_RESPONSE_BYTES,
    ERROR_RESPONSE_HEAD_BYTES,
    SCRAPE_RESPONSE_HEAD_BYTES,
    SCRAPE_RESPONSE_TORRENT_BYTES,
)
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcpy, strlen


def encode_connect(out, transaction_id, connection_id):
    write_u32(out, htobe32(ACTION_CONNECT))
    write_u32(out + 4, transaction_id)
    write_u64(out + 8, htobe64(connection_id))
    return CONNECT_RESPONSE_BYTES


def encode_announce_head(out, transaction_id, interval_seconds, leechers, seeders):
    """The peers come behind it, in wire form as the swarm keeps them."""
    write_u32(out, htobe32(ACTION_ANNOUNCE))
    write_u32(out + 4, transaction_id)
    write_u32(out + 8, htobe32(interval_seconds))
    write_u32(out + 12, htobe32(leechers))
    write_u32(out + 16, htobe32(seeders))
    return ANNOUNCE_RESPONSE_HEAD_BYTES


def encode_scrape_head(out, transaction_id):
    write_u32(out, htobe32(ACTION_SCRAPE))
    write_u32(out + 4, transaction_id)
    return SCRAPE_RESPONSE_HEAD_BYTES


def encode_scrape_torrent(out, seeders, completed, leechers):
    write_u32(out, htobe32(seeders))
    write_u32(out + 4, htobe32(completed))
    write_u32(out + 8, htobe32(leechers))
    return SCRAPE_RESPONSE_TORRENT_BYTES


def encode_error(out, transaction_id, text):
    write_u32(out, htobe32(ACTION_ERROR))
    write_u32(out + 4, transaction_id)
    length = cast(uint32_t, strlen(text))
    memcpy(out + ERROR_RESPONSE_HEAD_BYTES, text, length)
    return ERROR_RESPONSE_HEAD_BYTES + length

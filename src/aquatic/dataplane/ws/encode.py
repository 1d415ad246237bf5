"""Messages to a client, as JSON: keys and shapes are those of the npm tracker and the Rust one.

The npm client closes the connection at a message without an action, so a failure always has one. It passes over what
is of an info hash that is not its own, and what bears its own peer id.
"""

from cython import NULL, cast, declare
from cython.cimports.aquatic.abi.ws_wire import WS_ACTION_SCRAPE
from cython.cimports.aquatic.dataplane.http.encode import put_number, put_text
from cython.cimports.aquatic.dataplane.ws.encode import ID_BYTES, put_character
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcpy


def put_announce_answer(out, info_hash, complete, incomplete, interval_seconds):
    out = put_text(out, b'{"action":"announce","info_hash":')
    out = put_id(out, info_hash)
    out = put_text(out, b',"complete":')
    out = put_number(out, complete)
    out = put_text(out, b',"incomplete":')
    out = put_number(out, incomplete)
    out = put_text(out, b',"interval":')
    out = put_number(out, interval_seconds)
    return put_text(out, b"}")


def put_offer(out, info_hash, peer_id, offer_id, offer, offer_bytes):
    return put_relayed(out, info_hash, peer_id, offer_id, b',"offer":', offer, offer_bytes)


def put_answer(out, info_hash, peer_id, offer_id, answer, answer_bytes):
    return put_relayed(out, info_hash, peer_id, offer_id, b',"answer":', answer, answer_bytes)


def put_relayed(out, info_hash, peer_id, offer_id, key, value, value_bytes):
    out = put_text(out, b'{"action":"announce","info_hash":')
    out = put_id(out, info_hash)
    out = put_text(out, b',"peer_id":')
    out = put_id(out, peer_id)
    out = put_text(out, b',"offer_id":')
    out = put_id(out, offer_id)
    out = put_text(out, key)
    out = put_bytes(out, value, value_bytes)
    return put_text(out, b"}")


def put_scrape_start(out):
    return put_text(out, b'{"action":"scrape","files":{')


def put_scrape_torrent(out, info_hash, complete, incomplete, downloaded, is_first):
    if not is_first:
        out = put_text(out, b",")
    out = put_id(out, info_hash)
    out = put_text(out, b':{"complete":')
    out = put_number(out, complete)
    out = put_text(out, b',"incomplete":')
    out = put_number(out, incomplete)
    out = put_text(out, b',"downloaded":')
    out = put_number(out, downloaded)
    return put_text(out, b"}")


def put_scrape_end(out):
    return put_text(out, b"}}")


def put_failure(out, action, info_hash, reason):
    out = put_text(out, b'{"action":')
    out = put_text(out, b'"scrape"' if action == WS_ACTION_SCRAPE else b'"announce"')
    if info_hash != NULL:
        out = put_text(out, b',"info_hash":')
        out = put_id(out, info_hash)
    out = put_text(out, b',"failure reason":"')
    out = put_text(out, reason)
    return put_text(out, b'"}')


def put_id(out, id):
    """Of 20 bytes: an info hash, or the id of a peer or of an offer."""
    out = put_text(out, b'"')
    index = declare(uint32_t)
    for index in range(cast(uint32_t, ID_BYTES)):
        out = put_character(out, id[index])
    return put_text(out, b'"')


def put_bytes(out, bytes, count):
    memcpy(out, bytes, count)
    return out + count

"""One request and its response: see udp_exchange.pxd."""

from cython import address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import be32toh, htobe16, htobe32, htobe64
from cython.cimports.aquatic.abi.udp_wire import (
    ACTION_ANNOUNCE,
    ACTION_CONNECT,
    ACTION_ERROR,
    ACTION_SCRAPE,
    ANNOUNCE_RESPONSE_HEAD_BYTES,
    CONNECT_RESPONSE_BYTES,
    INFO_HASH_BYTES,
    SCRAPE_RESPONSE_HEAD_BYTES,
    SCRAPE_RESPONSE_TORRENT_BYTES,
)
from cython.cimports.aquatic.loadtest.expectation import (
    FINDING_ERROR,
    FINDING_RIGHT,
    FINDING_WRONG_CONTENT,
    FINDING_WRONG_KIND,
    FINDING_WRONG_LENGTH,
    counts_possible,
    peer_possible,
    scraped_torrent,
    too_many_peers,
)
from cython.cimports.aquatic.loadtest.population import (
    announced_port,
    is_seeder,
    member_of,
    write_info_hash,
    write_peer_id,
)
from cython.cimports.aquatic.loadtest.udp_exchange import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ScrapedTorrent,
    ScrapeRequest,
)
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import memcpy


def write_request(terms, slot, connection_id, transaction_id, to):
    if slot.action == ACTION_CONNECT:
        return write_connect(transaction_id, to)
    if slot.action == ACTION_ANNOUNCE:
        return write_announce(terms, slot.subject, connection_id, transaction_id, to)
    return write_scrape(terms, slot.subject, connection_id, transaction_id, to)


def write_connect(transaction_id, to):
    request = cast(pointer[ConnectRequest], to)
    request.protocol_id = htobe64(cast(uint64_t, 0x41727101980))
    request.action = htobe32(ACTION_CONNECT)
    request.transaction_id = transaction_id
    return sizeof(ConnectRequest)


def write_announce(terms, peer, connection_id, transaction_id, to):
    request = cast(pointer[AnnounceRequest], to)
    member = member_of(terms.layout, peer)
    request.connection_id = connection_id
    request.action = htobe32(ACTION_ANNOUNCE)
    request.transaction_id = transaction_id
    write_info_hash(terms.layout, member.torrent, request.info_hash)
    write_peer_id(terms.layout, peer, request.peer_id)
    request.downloaded = 0
    request.left = 0 if is_seeder(terms.layout, peer) else htobe64(1)
    request.uploaded = 0
    request.event = htobe32(terms.event)
    request.ip = 0
    request.key = peer
    request.peers_wanted = htobe32(terms.peers_wanted)
    request.port = htobe16(announced_port(terms.layout, member))
    return sizeof(AnnounceRequest)


def write_scrape(terms, draw, connection_id, transaction_id, to):
    index = declare(uint32_t)
    request = cast(pointer[ScrapeRequest], to)
    request.connection_id = connection_id
    request.action = htobe32(ACTION_SCRAPE)
    request.transaction_id = transaction_id
    for index in range(terms.scrape_torrents):
        torrent = scraped_torrent(terms, draw, index)
        write_info_hash(terms.layout, torrent, request.info_hashes + index * INFO_HASH_BYTES)
    return sizeof(ScrapeRequest) + (terms.scrape_torrents - 1) * INFO_HASH_BYTES


def check_response(terms, slot, response, length):
    action = declare(uint32_t)
    memcpy(address(action), response, 4)
    action = be32toh(action)
    if action == ACTION_ERROR:
        return FINDING_ERROR
    if action != slot.action:
        return FINDING_WRONG_KIND
    if action == ACTION_CONNECT:
        return FINDING_RIGHT if length == CONNECT_RESPONSE_BYTES else FINDING_WRONG_LENGTH
    if action == ACTION_ANNOUNCE:
        return check_announce(terms, slot.subject, response, length)
    return check_scrape(terms, slot.subject, response, length)


def check_announce(terms, peer, response, length):
    """The counts, the length and one of the peers: not always the same one, as `peer` changes."""
    peer_bytes = terms.address_bytes + 2
    if length < ANNOUNCE_RESPONSE_HEAD_BYTES or (length - ANNOUNCE_RESPONSE_HEAD_BYTES) % peer_bytes:
        return FINDING_WRONG_LENGTH
    peers = (length - ANNOUNCE_RESPONSE_HEAD_BYTES) // peer_bytes
    if too_many_peers(terms, peers):
        return FINDING_WRONG_LENGTH
    head = cast(pointer[AnnounceResponse], response)
    torrent = member_of(terms.layout, peer).torrent
    if not counts_possible(terms, torrent, be32toh(head.seeders), be32toh(head.leechers)):
        return FINDING_WRONG_CONTENT
    if peers == 0 or terms.foreign_peers:
        return FINDING_RIGHT
    chosen = response + ANNOUNCE_RESPONSE_HEAD_BYTES + peer % peers * peer_bytes
    return FINDING_RIGHT if peer_possible(terms, torrent, chosen) else FINDING_WRONG_CONTENT


def check_scrape(terms, draw, response, length):
    """The length, and the counts of one torrent."""
    if length != SCRAPE_RESPONSE_HEAD_BYTES + terms.scrape_torrents * SCRAPE_RESPONSE_TORRENT_BYTES:
        return FINDING_WRONG_LENGTH
    index = draw % terms.scrape_torrents
    at = response + SCRAPE_RESPONSE_HEAD_BYTES + index * SCRAPE_RESPONSE_TORRENT_BYTES
    counts = cast(pointer[ScrapedTorrent], at)
    torrent = scraped_torrent(terms, draw, index)
    if counts_possible(terms, torrent, be32toh(counts.seeders), be32toh(counts.leechers)):
        return FINDING_RIGHT
    return FINDING_WRONG_CONTENT

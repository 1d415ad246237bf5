"""What a tracker says to a connection of a load test: see ws_verify.pxd."""

from cython import NULL, address, bint, cast, declare, pointer
from cython.cimports.aquatic.abi.atomics import load_u64, memory_order_relaxed, store_u64
from cython.cimports.aquatic.abi.threads import boot_ns
from cython.cimports.aquatic.abi.udp_wire import INFO_HASH_BYTES
from cython.cimports.aquatic.loadtest.drive import (
    ERRORS,
    LATE,
    WRONG_CONTENT,
    bump,
    latency_bucket,
    note_latency,
)
from cython.cimports.aquatic.loadtest.expectation import counts_possible, scraped_torrent
from cython.cimports.aquatic.loadtest.json_text import (
    Cursor,
    Text,
    cursor_of,
    first_member,
    next_member,
    read_bytes_20,
)
from cython.cimports.aquatic.loadtest.mix import draw
from cython.cimports.aquatic.loadtest.ws_board import (
    DELIVERY_LATE,
    DELIVERY_REPEATED,
    DELIVERY_RIGHT,
    NOBODY,
    STAGE_ANSWERED,
    STAGE_MADE,
    STAGE_RECEIVED,
    Delivery,
    OfferId,
    Stage,
    answer_offer,
    close_offer,
    connection_of,
    mark_of,
    peer_in,
    receive_answer,
    receive_offer,
    torrent_of,
    write_connection_id,
)
from cython.cimports.aquatic.loadtest.ws_link import link_put
from cython.cimports.aquatic.loadtest.ws_message import (
    KIND_ANNOUNCED,
    KIND_ANSWER,
    KIND_FAILURE,
    KIND_NOT_JSON,
    KIND_OFFER,
    KIND_SCRAPED,
    OFFER_ID_BYTES,
    Announced,
    Said,
    is_session,
    put_answer,
    read_counts,
    read_said,
)
from cython.cimports.aquatic.loadtest.ws_state import (
    ACKNOWLEDGEMENTS,
    GIVEN_UP_SCRAPES_KEPT,
    LATE_ANSWERS,
    LATE_OFFERS,
    LOST_ANSWERS,
    OFFERS_UNANSWERED,
    OFFERS_UNFORWARDED,
    RELAY_ANSWER,
    RELAY_OFFER,
    RIGHT_ANNOUNCE,
    RIGHT_ANSWER,
    RIGHT_OFFER,
    RIGHT_SCRAPE,
    SENT_ANSWER,
    SLOW_OFFERS,
    WRONG_ANSWER,
    WRONG_JSON,
    WRONG_MESSAGE,
    WRONG_OFFER,
    WRONG_REPEATED,
    WRONG_SESSION,
    WRONG_UNASKED,
    Asked,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy


def take_message(generator, client, message, length):
    said = declare(Said)
    now_ns = boot_ns()
    read_said(message, length, address(said))
    if said.kind == KIND_OFFER:
        take_offer(generator, client, address(said), now_ns)
    elif said.kind == KIND_ANSWER:
        take_answer(generator, client, address(said), now_ns)
    elif said.kind == KIND_ANNOUNCED:
        take_announced(generator, client, address(said), now_ns)
    elif said.kind == KIND_SCRAPED:
        take_scraped(generator, client, address(said), now_ns)
    elif said.kind == KIND_FAILURE:
        take_failure(generator, client, address(said))
    else:
        bump(generator.drive, WRONG_JSON if said.kind == KIND_NOT_JSON else WRONG_MESSAGE, 1)


def take_failure(generator, client, said):
    """The request that it is about, as far as it says so, is answered with it."""
    torrent = declare(uint32_t)
    bump(generator.drive, ERRORS, 1)
    peer = peer_of(generator, client, said, address(torrent))
    asked = oldest_asked(generator, client, False, peer)
    if asked != NULL:
        end_asked(client, asked)


def peer_of(generator, client, said, torrent):
    """The connection's peer in the torrent that is spoken of, or NOBODY."""
    torrent[0] = torrent_of(generator.board, said.info_hash) if said.has_info_hash else NOBODY
    return NOBODY if torrent[0] == NOBODY else peer_in(generator.terms.layout, torrent[0], client.number)


def take_announced(generator, client, said, now_ns):
    torrent = declare(uint32_t)
    peer = peer_of(generator, client, said, address(torrent))
    if peer == NOBODY:
        bump(generator.drive, WRONG_UNASKED, 1)
        return
    if generator.board.acknowledgements[peer]:
        generator.board.acknowledgements[peer] -= 1
        bump(generator.drive, ACKNOWLEDGEMENTS, 1)
        return
    asked = oldest_asked(generator, client, False, peer)
    if asked == NULL:
        count_unasked(generator, client)
        return
    is_right = counts_possible(generator.terms, torrent, said.seeders, said.leechers)
    bump(generator.drive, RIGHT_ANNOUNCE if is_right else WRONG_CONTENT, 1)
    if not client.slow:
        note_latency(generator.drive, now_ns - asked.due_ns)
    generator.board.acknowledgements[peer] += asked.answers_after
    end_asked(client, asked)


def count_unasked(generator, client):
    if client.given_up:
        client.given_up -= 1
        bump(generator.drive, LATE, 0 if client.slow else 1)
    else:
        bump(generator.drive, WRONG_UNASKED, 1)


def take_scraped(generator, client, said, now_ns):
    asked = oldest_asked(generator, client, True, 0)
    is_right = declare(bint, asked != NULL and is_scrape_right(generator, asked.subject, said))
    if asked == NULL or (not is_right and is_late_scrape(generator, client, said)):
        count_unasked(generator, client)
        return
    # It may have been the response to one that was given up: then this one's is still to come.
    if client.given_up:
        keep_scrape(client, asked.subject)
    bump(generator.drive, RIGHT_SCRAPE if is_right else WRONG_CONTENT, 1)
    if not client.slow:
        note_latency(generator.drive, now_ns - asked.due_ns)
    end_asked(client, asked)


def keep_scrape(client, draw):
    client.given_up_scrapes[client.given_up_scrape_count % GIVEN_UP_SCRAPES_KEPT] = draw
    client.given_up_scrape_count += 1


def is_late_scrape(generator, client, said):
    """Whether this would have been right for one that was given up."""
    i = declare(uint32_t)
    for i in range(min(client.given_up_scrape_count, cast(uint32_t, GIVEN_UP_SCRAPES_KEPT))):
        if is_scrape_right(generator, client.given_up_scrapes[i], said):
            return True
    return False


def is_scrape_right(generator, draw, said):
    """Torrents that were asked for, with counts that are possible. A tracker may leave out those it does not know."""
    key = declare(Text)
    info_hash = declare(uint8_t[INFO_HASH_BYTES])
    seeders = declare(uint64_t, 0)
    leechers = declare(uint64_t, 0)
    files = declare(Cursor, cursor_of(said.files.bytes, said.files.length))
    more = declare(bint, first_member(address(files), address(key)))
    while more:
        if not read_bytes_20(key, info_hash):
            return False
        torrent = torrent_of(generator.board, info_hash)
        if torrent == NOBODY or not was_scraped(generator, draw, torrent):
            return False
        if not read_counts(address(files), address(seeders), address(leechers)):
            return False
        if not counts_possible(generator.terms, torrent, seeders, leechers):
            return False
        more = next_member(address(files), address(key))
    return not files.failed


def was_scraped(generator, draw, torrent):
    index = declare(uint32_t)
    for index in range(generator.terms.scrape_torrents):
        if scraped_torrent(generator.terms, draw, index) == torrent:
            return True
    return False


def take_offer(generator, client, said, now_ns):
    torrent = declare(uint32_t)
    offer = declare(OfferId)
    memcpy(address(offer), said.offer_id, OFFER_ID_BYTES)
    peer = peer_of(generator, client, said, address(torrent))
    maker = connection_of(generator.terms.layout, said.peer_id)
    if maker == NOBODY and generator.terms.foreign_peers:
        return
    if peer == NOBODY or maker == NOBODY or maker != offer.maker or maker == client.number:
        bump(generator.drive, WRONG_OFFER, 1)
        return
    delivery = declare(
        Delivery,
        receive_offer(generator.board, address(offer), torrent, client.number, now_ns - generator.timeout_ns),
    )
    if client.slow and (delivery == DELIVERY_RIGHT or delivery == DELIVERY_LATE):
        bump(generator.drive, SLOW_OFFERS, 1)
        bump(generator.drive, RIGHT_OFFER, 1)
    elif delivery != DELIVERY_RIGHT:
        late = declare(uint32_t, LATE_OFFERS if delivery == DELIVERY_LATE else WRONG_OFFER)
        bump(generator.drive, WRONG_REPEATED if delivery == DELIVERY_REPEATED else late, 1)
    elif not is_session(
        address(generator.offer_sessions), mark_of(generator.board, address(offer)), said.session
    ):
        bump(generator.drive, WRONG_SESSION, 1)
    else:
        bump(generator.drive, RIGHT_OFFER, 1)
        note_relay(generator, RELAY_OFFER, now_ns - offer.made_ns)
        if generator.all_answer or cast(uint32_t, draw(address(client.walk))) < generator.answer_threshold:
            give_answer(generator, client, said, address(offer), peer, now_ns)


def give_answer(generator, client, said, offer, peer, now_ns):
    announced = declare(Announced)
    # Before it is sent: the tracker may deliver it to another worker before this one goes on.
    answer_offer(generator.board, offer, client.number, now_ns)
    memcpy(announced.info_hash, said.info_hash, INFO_HASH_BYTES)
    write_connection_id(generator.terms.layout, client.number, announced.peer_id)
    mark = mark_of(generator.board, offer) + 1
    end = put_answer(
        generator.written,
        address(announced),
        said.peer_id,
        said.offer_id,
        address(generator.answer_sessions),
        mark,
    )
    link_put(
        address(generator.desk),
        address(client.link),
        generator.written,
        cast(uint32_t, end - generator.written),
    )
    bump(generator.drive, SENT_ANSWER, 1)
    if generator.answers_acknowledged:
        expect_acknowledgement(generator, client, peer)


def expect_acknowledgement(generator, client, peer):
    """Responses come in the order of what they answer: behind that to the last announce of the torrent, if any."""
    i = declare(uint32_t)
    latest = cast(pointer[Asked], NULL)
    for i in range(generator.window):
        asked = address(client.asked[i])
        if asked.due_ns == 0 or asked.is_scrape or asked.subject != peer:
            continue
        if latest == NULL or asked.sent_ns > latest.sent_ns:
            latest = asked
    if latest == NULL:
        generator.board.acknowledgements[peer] += 1
    else:
        latest.answers_after += 1


def take_answer(generator, client, said, now_ns):
    torrent = declare(uint32_t)
    offer = declare(OfferId)
    answered_ns = declare(uint64_t, 0)
    memcpy(address(offer), said.offer_id, OFFER_ID_BYTES)
    peer = peer_of(generator, client, said, address(torrent))
    answerer = connection_of(generator.terms.layout, said.peer_id)
    if peer == NOBODY or answerer == NOBODY or offer.maker != client.number:
        bump(generator.drive, WRONG_ANSWER, 1)
        return
    delivery = declare(
        Delivery, receive_answer(generator.board, address(offer), torrent, answerer, address(answered_ns))
    )
    if delivery != DELIVERY_RIGHT:
        late = declare(uint32_t, LATE_ANSWERS if delivery == DELIVERY_LATE else WRONG_ANSWER)
        bump(generator.drive, WRONG_REPEATED if delivery == DELIVERY_REPEATED else late, 1)
        return
    mark = mark_of(generator.board, address(offer)) + 1
    if not is_session(address(generator.answer_sessions), mark, said.session):
        bump(generator.drive, WRONG_SESSION, 1)
        return
    bump(generator.drive, RIGHT_ANSWER, 1)
    if not client.slow:
        note_relay(generator, RELAY_ANSWER, now_ns - answered_ns)


def free_place(generator, client):
    i = declare(uint32_t)
    if client.asked_count == generator.window:
        return NULL
    for i in range(generator.window):
        if client.asked[i].due_ns == 0:
            return address(client.asked[i])
    return NULL


def oldest_asked(generator, client, is_scrape, subject):
    """Of the scrapes, or of the announces of this peer."""
    i = declare(uint32_t)
    oldest = cast(pointer[Asked], NULL)
    for i in range(generator.window):
        asked = address(client.asked[i])
        if asked.due_ns == 0 or asked.is_scrape != is_scrape or not (is_scrape or asked.subject == subject):
            continue
        if oldest == NULL or asked.sent_ns < oldest.sent_ns:
            oldest = asked
    return oldest


def end_asked(client, asked):
    asked.due_ns = 0
    client.asked_count -= 1


def count_stage(generator, client, serial, is_cut):
    stage = declare(Stage, close_offer(generator.board, client.number, serial))
    if stage == STAGE_MADE:
        bump(generator.drive, OFFERS_UNFORWARDED, 1)
    elif stage == STAGE_RECEIVED or (stage == STAGE_ANSWERED and (is_cut or client.slow)):
        bump(generator.drive, OFFERS_UNANSWERED, 1)
    elif stage == STAGE_ANSWERED:
        bump(generator.drive, LOST_ANSWERS, 1)


def note_relay(generator, relay, latency_ns):
    bucket = address(generator.relay_latency[cast(uint32_t, relay)][latency_bucket(latency_ns)])
    store_u64(bucket, load_u64(bucket, memory_order_relaxed) + 1, memory_order_relaxed)

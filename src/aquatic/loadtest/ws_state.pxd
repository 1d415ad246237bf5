"""One worker of a WebTorrent load test: its connections, and what they have asked for. Types only."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u64
from aquatic.abi.sockets cimport epoll_event
from aquatic.loadtest.drive cimport BATCH_MAX, COMMON_COUNTERS, LATENCY_BUCKETS, Drive
from aquatic.loadtest.expectation cimport Terms
from aquatic.loadtest.mix cimport Mix, Walk
from aquatic.loadtest.ws_board cimport BoardState
from aquatic.loadtest.ws_link cimport Desk, Link
from aquatic.loadtest.ws_message cimport Sessions

cdef enum:
    OFFERS_MAX = 64
    WS_SCRAPE_MAX = 255
    # A message that is written: of an announce the offers are most of it.
    WRITTEN_BYTES_MAX = 1 << 17
    OFFERS_BYTES_MAX = (1 << 17) - 1024
    OFFER_FRAME_BYTES = 160  # what an offer takes besides its session description
    # From one address; there are not many more ports.
    CONNECTIONS_PER_SOURCE = 20000
    # Connections that are looked at in each turn, whether there was an event or not.
    LOOKED_AT_MAX = 64
    # Of one worker at the same time: more than a tracker may have waiting to be accepted.
    OPENING_MAX = 100
    RETRY_NS = 100 * 1000 * 1000
    # A slow reader reads so often.
    SLOW_READS_PER_SECOND = 10
    # Scrapes of a connection that were given up, whose responses are known when they come.
    GIVEN_UP_SCRAPES_KEPT = 8

# In the order of OWN_COUNTER_NAMES.
cdef enum:
    SENT_ANNOUNCE = COMMON_COUNTERS
    SENT_SCRAPE
    SENT_OFFER  # within announces
    SENT_ANSWER
    RIGHT_ANNOUNCE
    RIGHT_SCRAPE
    RIGHT_OFFER
    RIGHT_ANSWER
    WRONG_FRAME  # against the rules of WebSockets: the connection is cut
    WRONG_JSON
    WRONG_MESSAGE  # none of the tracker's, or something is missing
    WRONG_UNASKED  # a response to nothing
    WRONG_OFFER  # that nobody made, or not so, or to its own maker
    WRONG_ANSWER  # to no offer, or of somebody who did not give it
    WRONG_REPEATED  # an offer or an answer that has been delivered
    WRONG_SESSION  # another session description than the one that was sent
    LOST_ANSWERS
    LATE_OFFERS
    LATE_ANSWERS
    OFFERS_UNFORWARDED  # there may have been nobody to forward them to
    OFFERS_UNANSWERED  # forwarded to who does not answer
    ACKNOWLEDGEMENTS  # responses to answers, as some trackers send
    CONNECTIONS_OPENED
    CONNECTIONS_FAILED
    CONNECTIONS_REFUSED  # of those, because nobody listens
    CONNECTIONS_CUT
    SLOW_OFFERS  # of the right ones, to slow readers
    SLOW_CUT

cdef enum Relay:
    RELAY_OFFER
    RELAY_ANSWER
    RELAYS

# A request under way.
cdef struct Asked:
    uint64_t due_ns  # when it was sent or, at a set rate, should have been; 0: the place is free
    uint64_t sent_ns
    uint32_t subject  # announce: the peer; scrape: what the torrents are drawn by
    bint is_scrape
    uint32_t answers_after  # given in the same torrent since: their acknowledgements come later

cdef struct Client:
    Link link
    uint32_t number  # among the connections of all workers
    Walk walk
    bint slow
    uint64_t opened_ns  # begun to
    uint64_t open_next_ns  # not before
    uint64_t read_next_ns  # of a slow reader
    Asked* asked
    uint32_t asked_count
    uint32_t given_up  # requests whose responses may come yet
    uint32_t given_up_scrapes[GIVEN_UP_SCRAPES_KEPT]  # what the torrents were drawn by, of the latest
    uint32_t given_up_scrape_count
    # Offers that may still come to something.
    uint32_t first_serial
    uint32_t next_serial

cdef struct Generator:
    Drive* drive
    const Terms* terms
    const Mix* mix
    BoardState* board
    Desk desk
    Client* clients
    uint32_t client_count
    uint32_t window  # requests under way at most, for each connection
    uint32_t offers  # of an announce
    uint32_t answer_threshold  # of 32 random bits: below, an offer is answered
    bint all_answer
    bint answers_acknowledged
    Sessions offer_sessions
    Sessions answer_sessions
    uint64_t timeout_ns
    uint64_t opening_interval_ns
    uint64_t open_next_ns
    uint32_t opening
    uint32_t slow_read_bytes
    uint32_t look_at  # the next connection
    uint32_t ask_at  # at a set rate
    uint8_t* written  # the message that is being written
    epoll_event events[BATCH_MAX]
    # Written by the generator's thread, read by others.
    atomic_u64 relay_latency[RELAYS][LATENCY_BUCKETS]

"""What a tracker says to a connection of a load test: whether it can be right, and what follows."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.loadtest.ws_board cimport OfferId
from aquatic.loadtest.ws_message cimport Said
from aquatic.loadtest.ws_state cimport Asked, Client, Generator, Relay

# Counts it, and puts the answer to an offer.
cdef void take_message(Generator* generator, Client* client, const uint8_t* message, uint32_t length) noexcept nogil
# A place for one more request, or NULL.
cdef Asked* free_place(Generator* generator, Client* client) noexcept nogil
cdef void end_asked(Client* client, Asked* asked) noexcept nogil
# Of an offer that comes to nothing any more, or has come to its end.
cdef void count_stage(Generator* generator, Client* client, uint32_t serial, bint is_cut) noexcept nogil

cdef void take_failure(Generator* generator, Client* client, const Said* said) noexcept nogil
cdef void take_announced(Generator* generator, Client* client, const Said* said, uint64_t now_ns) noexcept nogil
cdef void take_scraped(Generator* generator, Client* client, const Said* said, uint64_t now_ns) noexcept nogil
cdef void take_offer(Generator* generator, Client* client, const Said* said, uint64_t now_ns) noexcept nogil
cdef void take_answer(Generator* generator, Client* client, const Said* said, uint64_t now_ns) noexcept nogil
cdef void give_answer(
    Generator* generator, Client* client, const Said* said, const OfferId* offer, uint32_t peer, uint64_t now_ns
) noexcept nogil
cdef Asked* oldest_asked(Generator* generator, Client* client, bint is_scrape, uint32_t subject) noexcept nogil
cdef void expect_acknowledgement(Generator* generator, Client* client, uint32_t peer) noexcept nogil
cdef void count_unasked(Generator* generator, Client* client) noexcept nogil
cdef uint32_t peer_of(Generator* generator, const Client* client, const Said* said, uint32_t* torrent) noexcept nogil
cdef bint is_late_scrape(Generator* generator, const Client* client, const Said* said) noexcept nogil
cdef bint is_scrape_right(Generator* generator, uint32_t draw, const Said* said) noexcept nogil
cdef void keep_scrape(Client* client, uint32_t draw) noexcept nogil
cdef bint was_scraped(Generator* generator, uint32_t draw, uint32_t torrent) noexcept nogil
cdef void note_relay(Generator* generator, Relay relay, uint64_t latency_ns) noexcept nogil

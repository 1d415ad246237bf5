"""What load tests make of a tracker's answers over HTTP, for tests and the fuzzer. Says http_answer.pyi.

An input of the fuzzer is a byte of options, whom the request was of, where the response is cut, and the response.
"""

from array import array

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.loadtest.expectation import FINDING_WRONG_STATUS, Terms
from cython.cimports.aquatic.loadtest.http_exchange import (
    ARRIVAL_COMPLETE,
    ARRIVAL_PARTIAL,
    ARRIVAL_WRONG,
    HTTP_ANNOUNCE,
    HTTP_SCRAPE,
    RESPONSE_BYTES_MAX,
    Response,
    check_http_response,
    read_response,
)
from cython.cimports.aquatic.loadtest.population import Population
from cython.cimports.aquatic.testing.http_answer import (
    HAS_ENDED,
    HAS_FOREIGN_PEERS,
    INPUT_HEAD_BYTES,
    IS_IPV6,
    IS_SCRAPE,
    OPTIONS,
)
from cython.cimports.aquatic.testing.values import copied
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.libc.string import memcpy, memset

ARRIVALS = ("partial", "complete", "wrong")
FINDINGS = ("right", "error", "wrong length", "wrong content", "wrong kind", "wrong status")
PEERS_WANTED = 10
SCRAPED_TORRENTS = 3
FIRST_SOURCES = (bytes([127, 0, 0, 2]), bytes(15) + bytes([1]))
POPULATION = Population(array("I", [5, 1, 3, 0, 12]), 3, 0.5, 1)


def set_terms(terms, options):
    population = cast(Population, POPULATION)
    first_source = FIRST_SOURCES[1 if options & IS_IPV6 else 0]
    memset(terms, 0, sizeof(terms[0]))
    terms.layout = address(population.layout)
    terms.peers_wanted = PEERS_WANTED
    terms.scrape_torrents = SCRAPED_TORRENTS
    terms.address_bytes = len(first_source)
    memcpy(terms.first_source, cast(pointer(uint8_t), cast(bytes, first_source)), len(first_source))
    terms.foreign_peers = bool(options & HAS_FOREIGN_PEERS)
    return True


def made_terms():
    """By options; they stay."""
    terms = cast(pointer(Terms), calloc(OPTIONS, sizeof(Terms)))
    if terms == NULL:
        raise MemoryError
    for options in range(cast(int, OPTIONS)):
        set_terms(address(terms[cast(uint32_t, options)]), options)
    return terms


TERMS = declare(pointer(Terms), made_terms())


def read(data: bytes, ended: bool):
    response = declare(Response)
    memset(address(response), 0xA5, sizeof(Response))
    copy = copied(data)
    arrival = ARRIVALS[cast(int, read_response(copy, len(data), ended, address(response)))]
    body = cast(bytes, response.body[: response.body_bytes]) if arrival == "complete" else b""
    free(copy)
    if arrival != "complete":
        return arrival, None
    return arrival, (response.status, body, response.bytes, bool(response.closes))


def judge(body: bytes, subject: int, is_scrape: bool = False, family: int = 4, foreign_peers: bool = False):
    response = declare(Response)
    peer_count = declare(uint32_t)
    options = declare(uint32_t, (IS_IPV6 if family == 6 else 0) | (HAS_FOREIGN_PEERS if foreign_peers else 0))
    terms = address(TERMS[options])
    copy = copied(body)
    response.status = 200
    response.body = copy
    response.body_bytes = len(body)
    kind = HTTP_SCRAPE if is_scrape else HTTP_ANNOUNCE
    finding = check_http_response(terms, kind, subject, address(response), address(peer_count))
    free(copy)
    return FINDINGS[cast(int, finding)], peer_count


def run(data: bytes):
    failure = run_input(cast(pointer(uint8_t), data), len(data))
    return cast(bytes, failure).decode() if failure != NULL else None


def run_input(data, size):
    if size < INPUT_HEAD_BYTES or size > RESPONSE_BYTES_MAX:
        return NULL
    options = declare(uint32_t, data[0])
    content = data + INPUT_HEAD_BYTES
    length = declare(uint32_t, size - INPUT_HEAD_BYTES)
    part = declare(uint32_t, (data[2] | cast(uint32_t, data[3]) << 8) % (length + 1))
    response = declare(Response)
    copy = declare(pointer(uint8_t), NULL)
    arrival = read_copy(content, length, False, address(response), address(copy))
    fault = fault_of_part(content, part, arrival, address(response))
    if arrival == ARRIVAL_PARTIAL and options & HAS_ENDED:
        free(copy)
        arrival = read_copy(content, length, True, address(response), address(copy))
    if fault == NULL and arrival == ARRIVAL_COMPLETE:
        fault = fault_of_response(options, data[1], length, address(response))
    free(copy)
    return fault


def read_copy(content, length, ended, response, copy):
    """Of bytes with nothing behind them; to be freed. What is not set shows."""
    memset(response, 0xA5, sizeof(response[0]))
    copy[0] = cast(pointer(uint8_t), malloc(max(length, 1)))
    if copy[0] == NULL:
        return ARRIVAL_PARTIAL
    memcpy(copy[0], content, length)
    return read_response(copy[0], length, ended, response)


def fault_of_part(content, part, whole_arrival, whole):
    """What has come in part is not whole yet, or wrong as all of it is, and is whole with its last byte."""
    response = declare(Response)
    copy = declare(pointer(uint8_t), NULL)
    arrival = read_copy(content, part, False, address(response), address(copy))
    free(copy)
    if arrival == ARRIVAL_WRONG and whole_arrival != ARRIVAL_WRONG:
        return b"a part is wrong, but not the whole"
    if whole_arrival == ARRIVAL_COMPLETE and (arrival == ARRIVAL_COMPLETE) != (part >= whole.bytes):
        return b"a part is whole, or the whole is not"
    if arrival == ARRIVAL_COMPLETE and whole_arrival != ARRIVAL_COMPLETE:
        return b"what was whole is not, with what follows it"
    if arrival == ARRIVAL_COMPLETE and (
        response.bytes != whole.bytes or response.body_bytes != whole.body_bytes
    ):
        return b"what follows a response is taken for a part of it"
    return NULL


def fault_of_response(options, subject, length, response):
    peer_count = declare(uint32_t)
    if response.bytes > length or response.head_bytes > response.bytes:
        return b"more than has come"
    if response.body_bytes > response.bytes - response.head_bytes:
        return b"a body that is longer than it can be"
    terms = address(TERMS[options % OPTIONS])
    kind = HTTP_SCRAPE if options & IS_SCRAPE else HTTP_ANNOUNCE
    if kind == HTTP_ANNOUNCE:
        subject %= terms.layout.peer_count
    finding = check_http_response(terms, kind, subject, response, address(peer_count))
    if (response.status != 200) != (finding == FINDING_WRONG_STATUS):
        return b"another status than was read"
    if peer_count > response.body_bytes or (kind == HTTP_SCRAPE and peer_count):
        return b"more peers than there can be"
    return NULL

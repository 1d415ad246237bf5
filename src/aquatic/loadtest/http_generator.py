"""Connections that ask an HTTP tracker: see http_generator.pxd."""

import ipaddress
import socket
import string
import struct

import cython
from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.sockets import (
    EPOLLERR,
    EPOLLHUP,
    EPOLLIN,
    EPOLLRDHUP,
    epoll_event,
    epoll_wait,
)
from cython.cimports.aquatic.abi.threads import boot_ns
from cython.cimports.aquatic.loadtest.drive import (
    BYTES_RECEIVED,
    BYTES_SENT,
    ERRORS,
    LATE,
    LOST,
    MODE_DRAIN,
    MODE_FILL,
    MODE_GREET,
    PEERS_RECEIVED,
    SOCKET_ERRORS,
    WRONG_CONTENT,
    WRONG_LENGTH,
    LoadGenerator,
    bump,
    note_latency,
    take_due,
)
from cython.cimports.aquatic.loadtest.expectation import (
    FINDING_ERROR,
    FINDING_RIGHT,
    FINDING_WRONG_CONTENT,
    FINDING_WRONG_KIND,
    FINDING_WRONG_LENGTH,
    FINDING_WRONG_STATUS,
    Finding,
)
from cython.cimports.aquatic.loadtest.http_exchange import (
    ARRIVAL_COMPLETE,
    ARRIVAL_PARTIAL,
    HTTP_ANNOUNCE,
    HTTP_SCRAPE,
    HTTP_SCRAPE_TORRENTS_LIMIT,
    REQUEST_BYTES_MAX,
    REQUEST_TEXTS_BYTES_MAX,
    RESPONSE_BYTES_MAX,
    Response,
    Text,
    check_http_response,
    read_response,
    write_http_request,
)
from cython.cimports.aquatic.loadtest.http_generator import (
    CONNECTIONS_CUT,
    CONNECTIONS_FAILED,
    CONNECTIONS_OPENED,
    CONNECTIONS_REFUSED,
    ENDING_NS,
    EVENTS_MAX,
    HANDSHAKES,
    HANDSHAKES_RESUMED,
    PHASE_ASKING,
    PHASE_ENDING,
    PHASE_FREE,
    PHASE_OVERDUE,
    PHASE_RESTING,
    PHASE_WAITING,
    RIGHT_ANNOUNCE,
    SENT_ANNOUNCE,
    SWEEP_NS_MAX,
    WRONG_SHAPE,
    WRONG_STATUS,
    Connection,
    Generator,
)
from cython.cimports.aquatic.loadtest.mix import Walk, draw, drawn_peer, next_unfilled, put_back, walk_ended
from cython.cimports.aquatic.loadtest.wire import (
    WIRE_CLOSED,
    WIRE_OPEN,
    SocketAddress,
    wire_close,
    wire_end,
    wire_has_pending,
    wire_open,
    wire_proceed,
    wire_receive,
    wire_send,
    wires_end,
    wires_init,
)
from cython.cimports.libc.errno import EAGAIN
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, realloc
from cython.cimports.libc.string import memcpy

OWN_COUNTER_NAMES = (
    "sent_announce",
    "sent_scrape",
    "right_announce",
    "right_scrape",
    "wrong_status",
    "wrong_shape",
    "connections_opened",
    "connections_failed",
    "connections_refused",
    "connections_cut",
    "handshakes",
    "handshakes_resumed",
)
EVENT_NAMES = ("", "completed", "started", "stopped")
# RFC 3986, 2.3; other bytes are escaped in a query.
UNRESERVED = (string.ascii_letters + string.digits + "-._~").encode()


class HttpGenerator(LoadGenerator):
    def __init__(self, population, terms) -> None:
        LoadGenerator.__init__(self, population, terms)
        self.own_names = OWN_COUNTER_NAMES
        if terms.connections < population.sources:
            raise ValueError("each worker needs a connection for each source address")
        if not 1 <= terms.scrape_torrents <= HTTP_SCRAPE_TORRENTS_LIMIT:
            raise ValueError(f"a scrape asks for 1 to {HTTP_SCRAPE_TORRENTS_LIMIT} torrents")
        self.generator = cast(pointer[Generator], calloc(1, sizeof(Generator)))
        if self.generator == NULL:
            raise MemoryError
        generator = self.generator
        generator.drive = address(self.drive)
        generator.terms = address(self.terms)
        generator.mix = address(self.mix)
        generator.source_count = population.sources
        generator.connection_count = terms.connections
        generator.timeout_ns = int(terms.timeout_seconds * 1e9)
        generator.keep_alive = terms.keep_alive
        if terms.connections_per_second:
            generator.opening_interval_ns = 1e9 / terms.connections_per_second
        self.write_script(terms)
        if not prepare(generator, terms.tls):
            raise MemoryError
        self.set_addresses(terms)
        for i in range(generator.source_count):
            generator.walks[i].random = terms.random_seed + i

    def write_script(self, terms) -> None:
        """What requests have in common. The texts stay here, where they are pointed at."""
        host = ipaddress.ip_address(terms.tracker_address)
        event = EVENT_NAMES[terms.event]
        keeping = "" if terms.keep_alive else "Connection: close\r\n"
        texts = [
            f"GET /announce{terms.url_suffix}?info_hash=",
            f"&uploaded=0&downloaded=0&compact=1&numwant={terms.peers_wanted}"
            + (f"&event={event}" if event else ""),
            f"GET /scrape{terms.url_suffix}",
            f" HTTP/1.1\r\nHost: {f'[{host}]' if host.version == 6 else host}:{terms.tracker_port}\r\n"
            f"User-Agent: aquatic\r\n{keeping}\r\n",
        ]
        self.texts = [text.encode() for text in texts]
        if sum(map(len, self.texts)) > REQUEST_TEXTS_BYTES_MAX:
            raise ValueError("the URL's suffix is too long")
        script = address(self.generator.script)
        script.announce_start = text_of(self.texts[0])
        script.announce_end = text_of(self.texts[1])
        script.scrape_start = text_of(self.texts[2])
        script.end = text_of(self.texts[3])
        for byte in range(256):
            spelling = bytes([byte]) if byte in UNRESERVED else b"%%%02X" % byte
            padded = cython.declare(bytes, spelling.ljust(3) + bytes([len(spelling)]))
            memcpy(script.escapes[byte], cast(pointer[uint8_t], padded), 4)

    def set_addresses(self, terms) -> None:
        """The tracker's, and those of the sources."""
        generator = self.generator
        generator.wires.resumes = terms.resumption
        put_address(
            address(generator.wires.tracker), packed_address(terms.tracker_address, terms.tracker_port)
        )
        if not terms.binds:
            return
        generator.wires.sources = cast(
            pointer[SocketAddress], calloc(generator.source_count, sizeof(SocketAddress))
        )
        if generator.wires.sources == NULL:
            raise MemoryError
        first = ipaddress.ip_address(terms.first_source)
        for i in range(generator.source_count):
            put_address(address(generator.wires.sources[i]), packed_address((first + i).packed, 0))

    def __dealloc__(self) -> None:
        if self.generator != NULL:
            release(self.generator)


def packed_address(host: bytes, port: int) -> bytes:
    """A struct sockaddr_in or sockaddr_in6."""
    if len(host) == 4:
        return struct.pack("=H2s4s8x", socket.AF_INET, port.to_bytes(2, "big"), host)
    return struct.pack("=H2s4x16s4x", socket.AF_INET6, port.to_bytes(2, "big"), host)


def text_of(encoded):
    text = declare(Text)
    text.bytes = cast(pointer[uint8_t], encoded)
    text.length = len(encoded)
    return text


def put_address(to, packed):
    to.length = len(packed)
    memcpy(to.bytes, cast(pointer[uint8_t], packed), len(packed))
    return 0


def prepare(generator, tls):
    """Take the memory of all connections; False without it. `release` gives back what was taken."""
    i = declare(uint32_t)
    count = generator.connection_count
    generator.drive.sweep_interval_ns = min(generator.timeout_ns // 8, cast(uint64_t, SWEEP_NS_MAX))
    generator.connections = cast(pointer[Connection], calloc(count, sizeof(Connection)))
    generator.free = cast(pointer[uint32_t], calloc(count, sizeof(uint32_t)))
    generator.walks = cast(pointer[Walk], calloc(generator.source_count, sizeof(Walk)))
    generator.received = cast(pointer[uint8_t], calloc(1, RESPONSE_BYTES_MAX))
    generator.request = cast(pointer[uint8_t], calloc(1, REQUEST_BYTES_MAX))
    if not generator.connections or not generator.free or not generator.walks:
        return False
    if not generator.received or not generator.request or not wires_init(address(generator.wires), tls):
        return False
    for i in range(generator.source_count):
        generator.walks[i].source = i
        # No more peers are under way than there are connections.
        generator.walks[i].retries = cast(pointer[uint32_t], calloc(count, sizeof(uint32_t)))
        if not generator.walks[i].retries:
            return False
    for i in range(count):
        generator.connections[i].wire.source = i % generator.source_count
        set_free(generator, address(generator.connections[i]))
    generator.drive.verbs.turn = turn
    generator.drive.verbs.aim_reached = aim_reached
    generator.drive.verbs.sweep = sweep
    generator.drive.state = generator
    return True


def release(generator):
    i = declare(uint32_t)
    if generator.connections != NULL:
        for i in range(generator.connection_count):
            wire_end(address(generator.wires), address(generator.connections[i].wire))
            free(generator.connections[i].kept)
    if generator.walks != NULL:
        for i in range(generator.source_count):
            free(generator.walks[i].retries)
    wires_end(address(generator.wires))
    free(generator.wires.sources)
    free(generator.connections)
    free(generator.free)
    free(generator.walks)
    free(generator.received)
    free(generator.request)
    free(generator)


# The verbs


def turn(state):
    i = declare(cython.int)
    events = declare(epoll_event[EVENTS_MAX])
    generator = cast(pointer[Generator], state)
    count = epoll_wait(generator.wires.epoll, events, EVENTS_MAX, 0)
    for i in range(count):
        take_event(generator, address(generator.connections[events[i].data.u64]), events[i].events)
    if generator.drive.plan.mode == MODE_GREET:
        greet(generator, boot_ns())
    return cast(uint32_t, max(count, 0)) + issue(generator)


def aim_reached(state):
    i = declare(uint32_t)
    generator = cast(pointer[Generator], state)
    mode = generator.drive.plan.mode
    if mode == MODE_GREET:
        return generator.greeted_count == generator.connection_count
    if generator.under_way:
        return False
    if mode == MODE_FILL:
        for i in range(generator.source_count):
            if not walk_ended(generator.mix, address(generator.walks[i])):
                return False
    return True


def sweep(state, now_ns):
    i = declare(uint32_t)
    generator = cast(pointer[Generator], state)
    for i in range(generator.connection_count):
        sweep_connection(generator, address(generator.connections[i]), now_ns)


def sweep_connection(generator, connection, now_ns):
    """Give up what takes too long."""
    age_ns = now_ns - connection.since_ns
    phase = connection.phase
    if phase == PHASE_FREE:
        if generator.drive.plan.mode == MODE_GREET:
            open_again(generator, connection)
    elif phase == PHASE_RESTING:
        set_free(generator, connection)
    elif phase == PHASE_ENDING:
        if age_ns >= ENDING_NS:
            end(generator, connection, True)
    elif age_ns >= generator.timeout_ns:
        if phase == PHASE_WAITING:
            lose(generator, connection)
            connection.phase = PHASE_OVERDUE
            connection.since_ns = now_ns
        elif phase == PHASE_ASKING:
            fail(generator, connection)
        else:
            end(generator, connection, True)


# Opening


def greet(generator, now_ns):
    """Open connections for the first time, at the rate that is asked for."""
    while generator.opened_count < generator.connection_count:
        opened = cast(cython.double, generator.opened_count)
        due_ns = cast(uint64_t, opened * generator.opening_interval_ns)
        if now_ns < generator.drive.plan.start_ns + due_ns:
            return
        connection = address(generator.connections[generator.opened_count])
        generator.opened_count += 1
        if connection.wire.phase == WIRE_CLOSED:
            open_connection(generator, connection)


def open_again(generator, connection):
    """One that was refused."""
    has_been_tried = declare(
        cython.bint, cast(uint32_t, connection - generator.connections) < generator.opened_count
    )
    if has_been_tried and not connection.greeted and connection.wire.phase == WIRE_CLOSED:
        open_connection(generator, connection)


def open_connection(generator, connection):
    number = cast(uint64_t, connection - generator.connections)
    if not wire_open(address(generator.wires), address(connection.wire), number):
        fail(generator, connection)
    else:
        go_on(generator, connection, 0)


def go_on(generator, connection, events):
    """Towards an open connection; then with the request that waits for it."""
    if not wire_proceed(address(connection.wire), events):
        fail(generator, connection)
        return
    if connection.wire.phase != WIRE_OPEN:
        return
    bump(generator.drive, CONNECTIONS_OPENED, 1)
    if connection.wire.tls != NULL:
        bump(generator.drive, HANDSHAKES, 1)
        if connection.wire.resumed:
            bump(generator.drive, HANDSHAKES_RESUMED, 1)
    if not connection.greeted:
        connection.greeted = True
        generator.greeted_count += 1
    if connection.phase == PHASE_ASKING:
        ask(generator, connection)


# Asking


def issue(generator):
    """Let free connections ask, as the plan goes; returns how many did."""
    done = declare(uint32_t, 0)
    left = generator.free_count
    mode = generator.drive.plan.mode
    if mode in (MODE_GREET, MODE_DRAIN) or left == 0:
        return 0
    now_ns = boot_ns()
    while left:
        left -= 1
        connection = address(generator.connections[generator.free[generator.free_first]])
        is_chosen = choose(generator, connection, now_ns)
        # Another source may have peers that are not announced yet.
        if not is_chosen and mode != MODE_FILL:
            break
        generator.free_first = (generator.free_first + 1) % generator.connection_count
        generator.free_count -= 1
        if not is_chosen:
            set_free(generator, connection)
            continue
        done += 1
        generator.under_way += 1
        bump(generator.drive, SENT_ANNOUNCE + connection.kind, 1)
        connection.phase = PHASE_ASKING
        connection.since_ns = now_ns
        connection.sent_bytes = 0
        if connection.wire.phase == WIRE_OPEN:
            ask(generator, connection)
        elif connection.wire.phase == WIRE_CLOSED:
            open_connection(generator, connection)
    return done


def choose(generator, connection, now_ns):
    """What to ask next on this connection; False for nothing now."""
    walk = address(generator.walks[connection.wire.source])
    connection.kind = HTTP_ANNOUNCE
    if generator.drive.plan.mode == MODE_FILL:
        connection.due_ns = now_ns
        return next_unfilled(generator.mix, walk, address(connection.subject))
    if not take_due(address(generator.drive.plan), now_ns, address(connection.due_ns)):
        return False
    random = draw(walk)
    subject = cast(uint32_t, random >> 32)
    if cast(uint32_t, random) < generator.mix.scrape_threshold:
        connection.kind = HTTP_SCRAPE
        connection.subject = subject
    else:
        connection.subject = drawn_peer(generator.mix, walk, subject)
    return True


def ask(generator, connection):
    """Send the request, or what is left of it: it comes out the same again."""
    length = write_http_request(
        address(generator.script), generator.terms, connection.kind, connection.subject, generator.request
    )
    sent = declare(
        int64_t,
        wire_send(
            address(connection.wire),
            generator.request + connection.sent_bytes,
            length - connection.sent_bytes,
        ),
    )
    if sent == -EAGAIN:
        return
    if sent < 0:
        fail(generator, connection)
        return
    bump(generator.drive, BYTES_SENT, sent)
    connection.sent_bytes += cast(uint32_t, sent)
    if connection.sent_bytes == length:
        connection.phase = PHASE_WAITING


# Being answered


def take_event(generator, connection, events):
    if connection.wire.phase != WIRE_OPEN:
        go_on(generator, connection, events)
        return
    if connection.phase == PHASE_ASKING:
        ask(generator, connection)
    ends = EPOLLRDHUP | EPOLLHUP | EPOLLERR
    if events & (EPOLLIN | ends):
        receive(generator, connection, events & ends != 0)


def receive(generator, connection, has_ended):
    """What came: an event tells of it once only, and of the end together with what came before."""
    wire = address(connection.wire)
    while wire.phase == WIRE_OPEN:
        # Where the rest of a response follows.
        kept = connection.kept_bytes
        received = declare(
            int64_t, wire_receive(wire, generator.received + kept, cast(uint32_t, RESPONSE_BYTES_MAX) - kept)
        )
        if received == -EAGAIN:
            return
        if received < 0:
            fail(generator, connection)
            return
        if received == 0:
            take_end(generator, connection)
            return
        bump(generator.drive, BYTES_RECEIVED, received)
        take_bytes(generator, connection, cast(uint32_t, received))
        # OpenSSL hands out a record at a time, and there may be more.
        is_incomplete = connection.phase in (PHASE_WAITING, PHASE_OVERDUE)
        if not has_ended and not wire_has_pending(wire) and not (wire.tls != NULL and is_incomplete):
            return


def take_bytes(generator, connection, length):
    """So many more, behind those that are kept."""
    if connection.phase not in (PHASE_ASKING, PHASE_WAITING, PHASE_OVERDUE):
        # Nothing was asked.
        bump(generator.drive, WRONG_LENGTH, 1)
        end(generator, connection, True)
        return
    kept = connection.kept_bytes
    if kept:
        memcpy(generator.received, connection.kept, kept)
    if take_response(generator, connection, kept + length, False):
        return
    if not keep(connection, generator.received + kept, length):
        fail(generator, connection)


def keep(connection, bytes, length):
    """Until the rest has come; False without memory."""
    kept = cast(pointer[uint8_t], realloc(connection.kept, connection.kept_bytes + length))
    if kept == NULL:
        return False
    memcpy(kept + connection.kept_bytes, bytes, length)
    connection.kept = kept
    connection.kept_bytes += length
    return True


def forget(connection):
    free(connection.kept)
    connection.kept = NULL
    connection.kept_bytes = 0


def take_end(generator, connection):
    """The tracker ended the connection: in order, or with a response that it cut off or did not give."""
    phase = connection.phase
    kept = connection.kept_bytes
    if phase in (PHASE_FREE, PHASE_ENDING):
        end(generator, connection, False)
    elif kept == 0:
        fail(generator, connection)
    else:
        memcpy(generator.received, connection.kept, kept)
        if not take_response(generator, connection, kept, True):
            take_answer(generator, connection, FINDING_WRONG_LENGTH, 0)
        end(generator, connection, False)


def take_response(generator, connection, length, has_ended):
    """False when it has not come whole, or never will."""
    response = declare(Response)
    peers = declare(uint32_t, 0)
    arrival = read_response(generator.received, length, has_ended, address(response))
    if arrival == ARRIVAL_PARTIAL and (has_ended or length < RESPONSE_BYTES_MAX):
        return False
    finding = declare(Finding, FINDING_WRONG_KIND)
    is_framed = declare(cython.bint, arrival == ARRIVAL_COMPLETE and response.bytes == length)
    if is_framed:
        finding = check_http_response(
            generator.terms, connection.kind, connection.subject, address(response), address(peers)
        )
    elif arrival in (ARRIVAL_COMPLETE, ARRIVAL_PARTIAL):
        # More than one, or more than can be.
        finding = FINDING_WRONG_LENGTH
    forget(connection)
    # What is answered before it is asked is not read any further either.
    closes = declare(
        cython.bint, response.closes or not generator.keep_alive or connection.phase == PHASE_ASKING
    )
    take_answer(generator, connection, finding, peers)
    if not is_framed:
        end(generator, connection, True)
    elif closes:
        connection.phase = PHASE_ENDING
        connection.since_ns = boot_ns()
    else:
        set_free(generator, connection)
    return True


def take_answer(generator, connection, finding, peers):
    if connection.phase == PHASE_OVERDUE:
        bump(generator.drive, LATE, 1)
        return
    note_latency(generator.drive, boot_ns() - connection.due_ns)
    generator.under_way -= 1
    count_finding(generator, connection, finding, peers)
    # It has no request any more, whatever becomes of the connection.
    connection.phase = PHASE_ENDING


def count_finding(generator, connection, finding, peers):
    """Count a response by what is right or wrong with it."""
    counter = declare(uint32_t, WRONG_SHAPE)
    if finding == FINDING_RIGHT:
        bump(generator.drive, RIGHT_ANNOUNCE + connection.kind, 1)
        bump(generator.drive, PEERS_RECEIVED, peers)
        return
    if finding == FINDING_ERROR:
        counter = ERRORS
    elif finding == FINDING_WRONG_CONTENT:
        counter = WRONG_CONTENT
    elif finding == FINDING_WRONG_LENGTH:
        counter = WRONG_LENGTH
    elif finding == FINDING_WRONG_STATUS:
        counter = WRONG_STATUS
    bump(generator.drive, counter, 1)
    retry(generator, connection)


# Losing


def lose(generator, connection):
    bump(generator.drive, LOST, 1)
    generator.under_way -= 1
    retry(generator, connection)


def retry(generator, connection):
    """Filling means that every peer is acknowledged in the end."""
    if generator.drive.plan.mode == MODE_FILL and connection.kind == HTTP_ANNOUNCE:
        put_back(address(generator.walks[connection.wire.source]), connection.subject)


def fail(generator, connection):
    """Something went wrong with the connection: it rests until the next sweep."""
    has_request = connection.phase in (PHASE_ASKING, PHASE_WAITING)
    bump(generator.drive, SOCKET_ERRORS, 1)
    if connection.wire.phase != WIRE_OPEN:
        bump(generator.drive, CONNECTIONS_FAILED, 1)
        bump(generator.drive, CONNECTIONS_REFUSED, 1 if connection.wire.refused else 0)
    elif has_request:
        bump(generator.drive, CONNECTIONS_CUT, 1)
    if has_request:
        lose(generator, connection)
    wire_close(address(generator.wires), address(connection.wire), True)
    forget(connection)
    if connection.phase != PHASE_FREE:
        connection.phase = PHASE_RESTING


def end(generator, connection, resets):
    """A connection without a request is closed, and is opened again for the next."""
    wire_close(address(generator.wires), address(connection.wire), resets)
    forget(connection)
    if connection.phase != PHASE_FREE:
        set_free(generator, connection)


def set_free(generator, connection):
    connection.phase = PHASE_FREE
    last = (generator.free_first + generator.free_count) % generator.connection_count
    generator.free[last] = cast(uint32_t, connection - generator.connections)
    generator.free_count += 1

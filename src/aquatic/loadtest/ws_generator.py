"""Connections to a WebTorrent tracker: see ws_generator.pxd."""

import cython
from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    add_u32,
    load_u32,
    load_u64,
    memory_order_relaxed,
    subtract_u32,
)
from cython.cimports.aquatic.abi.sockets import epoll_wait
from cython.cimports.aquatic.abi.threads import boot_ns
from cython.cimports.aquatic.abi.udp_wire import EVENT_STARTED, INFO_HASH_BYTES
from cython.cimports.aquatic.loadtest.drive import (
    BATCH_MAX,
    BYTES_RECEIVED,
    BYTES_SENT,
    LATENCY_BUCKETS,
    LOST,
    MODE_CLOSED,
    MODE_DRAIN,
    MODE_FILL,
    MODE_GREET,
    MODE_HOLD,
    MODE_OPEN,
    LoadGenerator,
    bump,
    take_due,
)
from cython.cimports.aquatic.loadtest.expectation import scraped_torrent
from cython.cimports.aquatic.loadtest.json_text import Text
from cython.cimports.aquatic.loadtest.mix import draw, drawn_peer, next_unfilled, put_back, walk_ended
from cython.cimports.aquatic.loadtest.population import is_seeder, member_of, write_info_hash
from cython.cimports.aquatic.loadtest.wire import SOCKET_ADDRESS_BYTES, SocketAddress
from cython.cimports.aquatic.loadtest.ws_board import (
    STAGE_ANSWERED,
    STAGE_DONE,
    STAGE_NONE,
    OfferId,
    Stage,
    make_offer,
    mark_of,
    offer_at,
    stage_of,
    write_connection_id,
)
from cython.cimports.aquatic.loadtest.ws_link import (
    KEY_BYTES_MAX,
    LINK_CLOSED,
    LINK_CONNECTING,
    LINK_OPEN,
    READING_BROKEN,
    READING_MESSAGE,
    READING_MORE,
    RECEIVE_BYTES,
    UPGRADE_BYTES_MAX,
    desk_end,
    desk_init,
    link_close,
    link_end,
    link_flush,
    link_open,
    link_proceed,
    link_put,
    link_read,
    link_receive,
)
from cython.cimports.aquatic.loadtest.ws_message import (
    SESSION_BYTES_MAX,
    SESSIONS_MAX,
    Announced,
    put_announce,
    put_announce_end,
    put_offer,
    put_scrape,
    put_scrape_end,
    put_scraped,
)
from cython.cimports.aquatic.loadtest.ws_state import (
    CONNECTIONS_CUT,
    CONNECTIONS_FAILED,
    CONNECTIONS_OPENED,
    CONNECTIONS_PER_SOURCE,
    CONNECTIONS_REFUSED,
    LOOKED_AT_MAX,
    OFFER_FRAME_BYTES,
    OFFERS_BYTES_MAX,
    OFFERS_MAX,
    OPENING_MAX,
    RELAY_ANSWER,
    RELAY_OFFER,
    RETRY_NS,
    SENT_ANNOUNCE,
    SENT_OFFER,
    SENT_SCRAPE,
    SLOW_CUT,
    SLOW_READS_PER_SECOND,
    WRITTEN_BYTES_MAX,
    WRONG_FRAME,
    WS_SCRAPE_MAX,
    Asked,
    Client,
    Generator,
)
from cython.cimports.aquatic.loadtest.ws_verify import (
    count_stage,
    end_asked,
    free_place,
    keep_scrape,
    take_message,
)
from cython.cimports.libc.errno import EAGAIN
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.libc.string import memcpy

OWN_COUNTER_NAMES = (
    "sent_announce",
    "sent_scrape",
    "sent_offer",
    "sent_answer",
    "right_announce",
    "right_scrape",
    "right_offer",
    "right_answer",
    "wrong_frame",
    "wrong_json",
    "wrong_message",
    "wrong_unasked",
    "wrong_offer",
    "wrong_answer",
    "wrong_repeated",
    "wrong_session",
    "lost_answers",
    "late_offers",
    "late_answers",
    "offers_unforwarded",
    "offers_unanswered",
    "acknowledgements",
    "connections_opened",
    "connections_failed",
    "connections_refused",
    "connections_cut",
    "slow_offers",
    "slow_cut",
)
# Of a connection from its first packet to its last: the tracker may be opening others.
OPENING_NS_MAX = declare(uint64_t, 10 * 1000 * 1000 * 1000)


class WsGenerator(LoadGenerator):
    def __init__(self, population, board, terms) -> None:
        LoadGenerator.__init__(self, population, terms)
        self.board = board
        self.own_names = OWN_COUNTER_NAMES
        self.generator = cast(pointer[Generator], calloc(1, sizeof(Generator)))
        if self.generator == NULL:
            raise MemoryError
        generator = self.generator
        generator.drive = address(self.drive)
        generator.terms = address(self.terms)
        generator.mix = address(self.mix)
        generator.board = address(self.board.state)
        self.read_load(terms)
        self.read_sessions(terms)
        self.read_desk(terms)
        if not prepare(generator, terms.tls) or not prepare_clients(
            generator, terms.first_connection, terms.slow_readers, terms.random_seed
        ):
            raise MemoryError

    def __dealloc__(self) -> None:
        if self.generator != NULL:
            release(self.generator)

    def read_load(self, terms) -> None:
        generator = self.generator
        generator.client_count = terms.connections
        generator.window = terms.window
        generator.offers = terms.offers
        generator.answer_threshold = int(terms.answer_probability * 0xFFFFFFFF)
        generator.all_answer = terms.answer_probability >= 1
        generator.answers_acknowledged = terms.answers_acknowledged
        generator.timeout_ns = int(terms.timeout_seconds * 1e9)
        generator.opening_interval_ns = (
            int(1e9 / terms.connections_per_second) if terms.connections_per_second else 0
        )
        generator.slow_read_bytes = max(terms.slow_bytes_per_second // SLOW_READS_PER_SECOND, 1)
        if terms.connections < 1 or terms.window < 1 or not 1 <= terms.scrape_torrents <= WS_SCRAPE_MAX:
            raise ValueError(
                f"a connection, a request under way, and 1 to {WS_SCRAPE_MAX} torrents of a scrape at least"
            )

    def read_sessions(self, terms) -> None:
        """Session descriptions stay where they are: the terms hold them."""
        self.kept = terms
        for sessions in (terms.offer_sessions, terms.answer_sessions):
            if not 1 <= len(sessions) <= SESSIONS_MAX or max(map(len, sessions)) > SESSION_BYTES_MAX:
                raise ValueError(
                    f"1 to {SESSIONS_MAX} session descriptions of up to {SESSION_BYTES_MAX} bytes"
                )
        longest = max(map(len, terms.offer_sessions))
        if terms.offers > OFFERS_MAX or terms.offers * (longest + OFFER_FRAME_BYTES) > OFFERS_BYTES_MAX:
            raise ValueError(f"at most {OFFERS_MAX} offers, of {OFFERS_BYTES_MAX} bytes together")
        set_sessions(address(self.generator.offer_sessions), terms.offer_sessions, terms.offer_mark)
        set_sessions(address(self.generator.answer_sessions), terms.answer_sessions, terms.answer_mark)

    def read_desk(self, terms) -> None:
        """What connections have in common: addresses, the handshake, the size of frames."""
        desk = address(self.generator.desk)
        if len(terms.upgrade) > UPGRADE_BYTES_MAX or len(terms.accept) > KEY_BYTES_MAX:
            raise ValueError("the path is too long")
        desk.upgrade_bytes = len(terms.upgrade)
        memcpy(desk.upgrade, cast(pointer[uint8_t], cython.cast(bytes, terms.upgrade)), desk.upgrade_bytes)
        desk.accept_bytes = len(terms.accept)
        memcpy(desk.accept, cast(pointer[uint8_t], cython.cast(bytes, terms.accept)), desk.accept_bytes)
        desk.frame_bytes_max = terms.frame_bytes_max
        desk.wires.resumes = True
        set_address(address(desk.wires.tracker), terms.tracker)
        if terms.sources:
            desk.wires.sources = cast(
                pointer[SocketAddress], calloc(len(terms.sources), sizeof(SocketAddress))
            )
            if desk.wires.sources == NULL:
                raise MemoryError
            for i in range(len(terms.sources)):
                set_address(address(desk.wires.sources[i]), terms.sources[i])

    def relay_buckets(self) -> dict[str, list[int]]:
        return {
            "offer": read_buckets(self.generator.relay_latency[cast(uint32_t, RELAY_OFFER)]),
            "answer": read_buckets(self.generator.relay_latency[cast(uint32_t, RELAY_ANSWER)]),
        }


def read_buckets(buckets):
    return [load_u64(address(buckets[i]), memory_order_relaxed) for i in range(LATENCY_BUCKETS)]


def set_sessions(sessions, texts, mark_at):
    sessions.count = len(texts)
    sessions.mark_at = mark_at
    for i in range(len(texts)):
        text = cython.cast(bytes, texts[i])
        sessions.texts[i].bytes = cast(pointer[uint8_t], text)
        sessions.texts[i].length = len(text)


def set_address(to, packed):
    to.length = min(len(packed), SOCKET_ADDRESS_BYTES)
    memcpy(to.bytes, cast(pointer[uint8_t], packed), to.length)


def prepare(generator, tls):
    """Take what all connections share; False without it. `release` gives back what was taken."""
    generator.drive.verbs.turn = turn
    generator.drive.verbs.aim_reached = aim_reached
    generator.drive.verbs.sweep = sweep
    generator.drive.state = generator
    generator.drive.sweep_interval_ns = generator.timeout_ns // 8
    generator.written = cast(pointer[uint8_t], malloc(WRITTEN_BYTES_MAX))
    return desk_init(address(generator.desk), tls) and generator.written != NULL


def prepare_clients(generator, first, slow_count, seed):
    """The first of them are the slow readers."""
    i = declare(uint32_t)
    generator.desk.random = seed
    generator.clients = cast(pointer[Client], calloc(generator.client_count, sizeof(Client)))
    if generator.clients == NULL:
        return False
    for i in range(generator.client_count):
        client = address(generator.clients[i])
        client.number = client.walk.source = first + i
        client.walk.random = seed + i
        client.link.wire.source = client.number // CONNECTIONS_PER_SOURCE
        client.slow = i < slow_count
        client.first_serial = client.next_serial = 1
        client.asked = cast(pointer[Asked], calloc(generator.window, sizeof(Asked)))
        client.walk.retries = cast(pointer[uint32_t], calloc(generator.window, sizeof(uint32_t)))
        if client.asked == NULL or client.walk.retries == NULL:
            return False
    return True


def release(generator):
    i = declare(uint32_t)
    if generator.clients != NULL:
        for i in range(generator.client_count):
            link_end(address(generator.desk), address(generator.clients[i].link))
            free(generator.clients[i].asked)
            free(generator.clients[i].walk.retries)
    desk_end(address(generator.desk))
    free(generator.desk.wires.sources)
    free(generator.clients)
    free(generator.written)
    free(generator)


def turn(state):
    i = declare(cython.int)
    work = declare(uint32_t, 0)
    generator = cast(pointer[Generator], state)
    count = epoll_wait(generator.desk.wires.epoll, generator.events, BATCH_MAX, 0)
    for i in range(count):
        client = address(generator.clients[generator.events[i].data.u64])
        work += serve(generator, client, generator.events[i].events)
    work += look_at_some(generator)
    if generator.drive.plan.mode == MODE_OPEN:
        work += ask_due(generator)
    return work


def aim_reached(state):
    i = declare(uint32_t)
    generator = cast(pointer[Generator], state)
    if generator.drive.plan.mode == MODE_HOLD:
        return False
    # Other workers' offers come to this one's connections.
    if generator.drive.plan.mode == MODE_DRAIN and load_u32(
        address(generator.board.unsettled), memory_order_relaxed
    ):
        return False
    for i in range(generator.client_count):
        if not is_at_aim(generator, address(generator.clients[i])):
            return False
    return True


def is_at_aim(generator, client):
    mode = generator.drive.plan.mode
    if mode == MODE_CLOSED or mode == MODE_OPEN or mode == MODE_DRAIN:
        return client.slow or client.asked_count == 0
    if client.link.phase != LINK_OPEN:
        return False
    return mode == MODE_GREET or (client.asked_count == 0 and walk_ended(generator.mix, address(client.walk)))


def serve(generator, client, events):
    """What an event lets a connection do; whether that was anything."""
    link = address(client.link)
    if link.phase == LINK_CLOSED:
        return 0
    if not link_proceed(address(generator.desk), link, events):
        cut(generator, client)
        return 1
    if link.phase == LINK_CONNECTING:
        return 0
    # A slow reader does not look.
    if client.slow and link.phase == LINK_OPEN:
        if not link_flush(address(generator.desk), link):
            cut(generator, client)
        return 0
    if receive_all(generator, client, RECEIVE_BYTES):
        finish(generator, client)
    return 1


def receive_all(generator, client, bytes_max):
    """False when the connection has been cut."""
    link = address(client.link)
    while True:
        received = declare(int64_t, link_receive(address(generator.desk), link, bytes_max))
        if received == -EAGAIN:
            return True
        if received <= 0 or not take_messages(generator, client):
            cut(generator, client)
            return False
        bump(generator.drive, BYTES_RECEIVED, received)
        # The epoll tells of what comes later, but for what lies in OpenSSL's buffers.
        if client.slow or (link.wire.tls == NULL and received < bytes_max):
            return True


def take_messages(generator, client):
    """Of what was received; False where the connection is to be cut."""
    message = declare(Text)
    link = address(client.link)
    was_open = declare(bint, link.phase == LINK_OPEN)
    reading = link_read(address(generator.desk), link, address(message))
    if link.phase == LINK_OPEN and not was_open:
        bump(generator.drive, CONNECTIONS_OPENED, 1)
        generator.opening -= 1
    while reading == READING_MESSAGE:
        take_message(generator, client, message.bytes, message.length)
        reading = link_read(address(generator.desk), link, address(message))
    if reading == READING_BROKEN:
        bump(generator.drive, WRONG_FRAME, 1)
    elif reading != READING_MORE:
        link_flush(address(generator.desk), link)
    return reading == READING_MORE


def look_at_some(generator):
    """Connections get on without an event too: they are opened, and begin to ask when a run begins."""
    i = declare(uint32_t)
    work = declare(uint32_t, 0)
    now_ns = boot_ns()
    for i in range(min(generator.client_count, cast(uint32_t, LOOKED_AT_MAX))):
        work += look_at(generator, address(generator.clients[generator.look_at]), now_ns)
        generator.look_at += 1
        if generator.look_at == generator.client_count:
            generator.look_at = 0
    return work


def look_at(generator, client, now_ns):
    phase = client.link.phase
    if phase == LINK_CLOSED:
        open_next(generator, client, now_ns)
        return 0
    if phase != LINK_OPEN:
        return 0
    if client.slow and now_ns >= client.read_next_ns:
        client.read_next_ns = now_ns + 1000 * 1000 * 1000 // SLOW_READS_PER_SECOND
        if receive_all(generator, client, generator.slow_read_bytes):
            finish(generator, client)
        return 1
    if wants_more(generator, client):
        finish(generator, client)
        return 1
    return 0


def open_next(generator, client, now_ns):
    """If it is its turn. What is due for long is not made up for all at once."""
    if generator.opening == OPENING_MAX or now_ns < client.open_next_ns or now_ns < generator.open_next_ns:
        return
    if generator.drive.plan.mode == MODE_DRAIN:
        return
    generator.open_next_ns = max(generator.open_next_ns, now_ns - RETRY_NS) + generator.opening_interval_ns
    client.opened_ns = now_ns
    generator.opening += 1
    index = cast(uint64_t, client - generator.clients)
    if not link_open(address(generator.desk), address(client.link), index):
        cut(generator, client)


def cut(generator, client):
    """The connection has ended, or never came to be: it is opened again, and what it asked for is lost."""
    i = declare(uint32_t)
    now_ns = boot_ns()
    if client.link.phase != LINK_OPEN:
        bump(generator.drive, CONNECTIONS_FAILED, 1)
        bump(generator.drive, CONNECTIONS_REFUSED, 1 if client.link.wire.refused else 0)
        generator.opening -= 1
    else:
        bump(generator.drive, SLOW_CUT if client.slow else CONNECTIONS_CUT, 1)
    link_close(address(generator.desk), address(client.link))
    client.open_next_ns = now_ns + RETRY_NS
    for i in range(generator.window):
        if client.asked[i].due_ns:
            give_up_asked(generator, client, address(client.asked[i]))
    client.given_up = 0
    client.given_up_scrape_count = 0
    while client.first_serial != client.next_serial:
        count_stage(generator, client, client.first_serial, True)
        settle_first(generator, client)
    # The tracker has forgotten its peers.
    client.walk.filled = 0
    client.walk.retry_count = 0


def give_up_asked(generator, client, asked):
    if not client.slow:
        bump(generator.drive, LOST, 1)
    client.given_up += 1
    if asked.is_scrape:
        keep_scrape(client, asked.subject)
    else:
        generator.board.acknowledgements[asked.subject] += asked.answers_after
        if generator.drive.plan.mode == MODE_FILL:
            put_back(address(client.walk), asked.subject)
    end_asked(client, asked)


def finish(generator, client):
    """Ask for more, and send all that was put for this connection."""
    if wants_more(generator, client):
        ask_more(generator, client)
    if not link_flush(address(generator.desk), address(client.link)):
        cut(generator, client)


def wants_more(generator, client):
    """Whether it may ask without being told when."""
    mode = generator.drive.plan.mode
    if mode != MODE_CLOSED and mode != MODE_FILL:
        return False
    if client.link.phase != LINK_OPEN or client.asked_count == generator.window:
        return False
    # The tracker has not even taken what it was sent before.
    if client.link.waiting.length:
        return False
    plan = address(generator.drive.plan)
    if mode == MODE_CLOSED:
        return plan.requests_max == 0 or plan.issued < plan.requests_max
    return not walk_ended(generator.mix, address(client.walk))


def ask_more(generator, client):
    peer = declare(uint32_t)
    due_ns = declare(uint64_t)
    now_ns = boot_ns()
    plan = address(generator.drive.plan)
    while client.asked_count < generator.window:
        if plan.mode == MODE_CLOSED and take_due(plan, now_ns, address(due_ns)):
            ask_by_mix(generator, client, due_ns)
        elif plan.mode == MODE_CLOSED:
            return
        elif next_unfilled(generator.mix, address(client.walk), address(peer)):
            announce(generator, client, peer, now_ns, EVENT_STARTED, 0)
        else:
            return


def ask_due(generator):
    """At a set rate the connections take turns; one with too much under way is passed over."""
    due_ns = declare(uint64_t)
    count = declare(uint32_t, 0)
    now_ns = boot_ns()
    while count < BATCH_MAX:
        client = next_free(generator)
        if client == NULL or not take_due(address(generator.drive.plan), now_ns, address(due_ns)):
            return count
        ask_by_mix(generator, client, due_ns)
        finish(generator, client)
        generator.ask_at = cast(uint32_t, client - generator.clients) + 1
        count += 1
    return count


def next_free(generator):
    """From where the last one was, but not all round in one turn."""
    i = declare(uint32_t)
    for i in range(min(generator.client_count, cast(uint32_t, LOOKED_AT_MAX))):
        if generator.ask_at >= generator.client_count:
            generator.ask_at = 0
        client = address(generator.clients[generator.ask_at])
        if (
            client.link.phase == LINK_OPEN
            and client.asked_count < generator.window
            and not client.link.waiting.length
        ):
            return client
        generator.ask_at += 1
    return NULL


def ask_by_mix(generator, client, due_ns):
    random = draw(address(client.walk))
    subject = cast(uint32_t, random >> 32)
    if cast(uint32_t, random) < generator.mix.scrape_threshold:
        scrape(generator, client, subject, due_ns)
    else:
        peer = drawn_peer(generator.mix, address(client.walk), subject)
        announce(generator, client, peer, due_ns, generator.terms.event, generator.offers)


def begin(generator, client, subject, due_ns):
    """Take a place that is known to be there."""
    asked = free_place(generator, client)
    asked.due_ns = due_ns
    asked.sent_ns = boot_ns()
    asked.subject = subject
    asked.answers_after = 0
    client.asked_count += 1
    return asked


def announce(generator, client, peer, due_ns, event, offers):
    i = declare(uint32_t)
    offer = declare(OfferId)
    announced = declare(Announced)
    begin(generator, client, peer, due_ns).is_scrape = False
    layout = generator.terms.layout
    torrent = member_of(layout, peer).torrent
    write_info_hash(layout, torrent, announced.info_hash)
    write_connection_id(layout, client.number, announced.peer_id)
    announced.is_seeder = is_seeder(layout, peer)
    announced.event = event
    announced.offers = offers
    end = put_announce(generator.written, address(announced))
    offer.maker = client.number
    offer.made_ns = due_ns
    for i in range(offers):
        # The oldest, if it still is not answered, has to make room.
        if client.next_serial - client.first_serial > generator.board.ring_mask:
            count_stage(generator, client, client.first_serial, True)
            settle_first(generator, client)
        offer.serial = client.next_serial
        client.next_serial += 1
        if not client.slow:
            add_u32(address(generator.board.unsettled), 1, memory_order_relaxed)
        make_offer(generator.board, torrent, address(offer))
        mark = mark_of(generator.board, address(offer))
        end = put_offer(end, cast(pointer[uint8_t], address(offer)), address(generator.offer_sessions), mark)
    end = put_announce_end(end, address(announced))
    length = cast(uint32_t, end - generator.written)
    link_put(address(generator.desk), address(client.link), generator.written, length)
    bump(generator.drive, SENT_ANNOUNCE, 1)
    bump(generator.drive, SENT_OFFER, offers)
    bump(generator.drive, BYTES_SENT, length)


def scrape(generator, client, draw, due_ns):
    i = declare(uint32_t)
    info_hash = declare(uint8_t[INFO_HASH_BYTES])
    begin(generator, client, draw, due_ns).is_scrape = True
    end = put_scrape(generator.written)
    for i in range(generator.terms.scrape_torrents):
        write_info_hash(generator.terms.layout, scraped_torrent(generator.terms, draw, i), info_hash)
        end = put_scraped(end, i == 0, info_hash)
    length = cast(uint32_t, put_scrape_end(end) - generator.written)
    link_put(address(generator.desk), address(client.link), generator.written, length)
    bump(generator.drive, SENT_SCRAPE, 1)
    bump(generator.drive, BYTES_SENT, length)


def sweep(state, now_ns):
    """Give up what was not answered in time."""
    i = declare(uint32_t)
    j = declare(uint32_t)
    generator = cast(pointer[Generator], state)
    for i in range(generator.client_count):
        client = address(generator.clients[i])
        for j in range(generator.window):
            asked = address(client.asked[j])
            if asked.due_ns and now_ns - asked.sent_ns >= generator.timeout_ns:
                give_up_asked(generator, client, asked)
        sweep_offers(generator, client, now_ns)
        phase = client.link.phase
        if phase != LINK_CLOSED and phase != LINK_OPEN and now_ns - client.opened_ns >= OPENING_NS_MAX:
            cut(generator, client)


def sweep_offers(generator, client, now_ns):
    """What was not forwarded in time, and answers that have had as long again."""
    while client.first_serial != client.next_serial:
        serial = client.first_serial
        stage = declare(Stage, stage_of(generator.board, client.number, serial))
        if stage != STAGE_DONE and stage != STAGE_NONE:
            made = offer_at(generator.board, client.number, serial)
            patience_ns = declare(uint64_t, generator.timeout_ns * (2 if stage == STAGE_ANSWERED else 1))
            if now_ns - made.made_ns < patience_ns:
                return
            count_stage(generator, client, serial, False)
        settle_first(generator, client)


def settle_first(generator, client):
    """The oldest offer has come to what it comes to."""
    client.first_serial += 1
    if not client.slow:
        subtract_u32(address(generator.board.unsettled), 1, memory_order_relaxed)

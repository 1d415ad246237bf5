"""The microbenchmarks by name. Names and inputs stay, so that figures of two commits can be compared."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from ipaddress import ip_address
from itertools import accumulate
from typing import Literal

from aquatic.bench.micro import http_loops, inputs, stream_loops, swarm_loops, udp_loops, ws_loops
from aquatic.bench.micro.loop import Loop
from aquatic.bench.micro.swarm_loops import PEERS_WANTED
from aquatic.protocol import http, ws

# What so many calls amount to, from the first one on, when they do what they should.
Done = Callable[[int], int]
Family = Literal[4, 6]

CALLS = 16_384
# Where one takes microseconds.
SLOW_CALLS = 1024
INPUTS = 64
# Of announces that are answered: whole swarms, each peer of which announces again.
TORRENTS, PEERS_EACH = 64, 50
PEERS = TORRENTS * PEERS_EACH
BATCH_DATAGRAMS = 32
# By how many peers: how many torrents, so that no round needs more than a moment to prepare.
SWARMS = (("1", 1, 25_600), ("50", 50, 2560), ("10k", 10_000, 8))
ANNOUNCE_CALLS, ANNOUNCE_WARM_UP = 2048, 512
LISTED_HASHES = 100_000
JOINED_PEER_ID = b"-WW0208-zyxwvutsrqpo"


@dataclass(frozen=True, slots=True)
class Case:
    """One microbenchmark. Its loop is made anew for each round: some calls to warm up, and then those that count."""

    name: str
    text: str  # what one operation is
    make: Callable[[], Loop]
    done: Done
    calls: int = CALLS
    warm_up: int = CALLS // 4

    @property
    def area(self) -> str:
        """The first word of its name."""
        return self.name.partition("-")[0]


@cache
def cases() -> Mapping[str, Case]:
    """All of them, by name."""
    found = [Case("loop", "nothing: what is in all others", Loop, each(1))]
    found += [*_udp_cases(), *_http_cases(), *_ws_cases(), *_swarm_cases(), *_ws_swarm_cases()]
    found += [*_relay_cases(), *_connection_cases()]
    return {case.name: case for case in found}


def each(value: int) -> Done:
    """As much for each call."""
    return lambda calls: calls * value


def in_turns(values: Iterable[int], times: int = 1) -> Done:
    """So much for each input, so many times in a row; inputs take turns."""
    sums = [0, *accumulate(values)]

    def all_of(inputs_used: int) -> int:
        rounds, rest = divmod(inputs_used, len(sums) - 1)
        return rounds * sums[-1] + sums[rest]

    def done(calls: int) -> int:
        used, rest = divmod(calls, times)
        return all_of(used) * (times - rest) + all_of(used + 1) * rest

    return done


def lengths(contents: Iterable[bytes]) -> Done:
    """The bytes of inputs that take turns."""
    return in_turns(map(len, contents))


def _udp_cases() -> Iterable[Case]:
    wholes = {
        "connect": inputs.udp_connects(INPUTS),
        "announce": inputs.udp_announces(PEERS, TORRENTS),
        "scrape-10": inputs.udp_scrapes(INPUTS, TORRENTS),
    }
    for number, (kind, datagrams) in enumerate(wholes.items(), 1):
        make = partial(udp_loops.decodings, datagrams[:INPUTS])
        yield Case(f"udp-decode-{kind}", "request decoded", make, each(number))
    yield Case("udp-encode-connect", "answer encoded", udp_loops.connect_answers, each(16))
    yield Case("udp-encode-announce", "answer but for peers encoded", udp_loops.announce_heads, each(20))
    yield Case("udp-encode-scrape-10", "answer encoded", udp_loops.scrape_answers, each(8 + 12 * 10))
    ips = {"ipv4": inputs.ipv4_addresses(PEERS), "ipv6": inputs.ipv6_addresses(PEERS)}
    for family, addresses in ips.items():
        make = partial(udp_loops.new_ids, addresses[:INPUTS])
        yield Case(f"udp-id-make-{family}", "connection id made", make, each(1))
        make = partial(udp_loops.id_checks, addresses[:INPUTS])
        yield Case(f"udp-id-check-{family}", "connection id checked", make, each(1))
    for kind, datagrams in wholes.items():
        known = wholes["announce"], ips["ipv4"]
        make = partial(udp_loops.answers, datagrams, ips["ipv4"][: len(datagrams)], *known)
        text = "datagram answered, in batches of 32"
        yield Case(f"udp-answer-{kind}", text, make, each(BATCH_DATAGRAMS), PEERS // BATCH_DATAGRAMS, 2)


def _http_cases() -> Iterable[Case]:
    targets = inputs.http_targets(PEERS, TORRENTS)
    requests = inputs.http_requests(targets)
    some = requests[:INPUTS]
    yield Case("http-decode-head", "request's head decoded", partial(http_loops.heads, some), lengths(some))
    make = partial(http_loops.targets, targets[:INPUTS])
    yield Case("http-decode-announce", "announce's target decoded", make, each(1))
    forms: Iterable[tuple[str, Family, bool]] = (
        ("ipv4", 4, True),
        ("ipv6", 6, True),
        ("dictionaries", 4, False),
    )
    for name, family, is_compact in forms:
        peers = inputs.peers(family, PEERS_WANTED)
        make = partial(http_loops.announce_answers, peers, family, is_compact)
        text = f"answer with {PEERS_WANTED} peers encoded"
        size = _http_announce_bytes(family, is_compact=is_compact)
        yield Case(f"http-encode-{name}", text, make, each(size), SLOW_CALLS, INPUTS)
    hashes = inputs.info_hashes(10)
    files = {
        one: http.ScrapeEntry(complete=13, downloaded=1000, incomplete=37, downloaders=37) for one in hashes
    }
    size = len(http.ScrapeResponse(files).to_bytes())
    make = partial(http_loops.scrape_answers, sorted(hashes))
    yield Case("http-encode-scrape-10", "answer but for its head encoded", make, each(size))
    ips = inputs.ipv4_addresses(PEERS)
    for kind, whole in (("announce", requests), ("scrape-10", inputs.http_scrapes(INPUTS, TORRENTS))):
        make = partial(http_loops.requests, whole, ips[: len(whole)], requests, ips)
        yield Case(f"http-answer-{kind}", "request answered", make, each(1), PEERS, INPUTS)


def _http_announce_bytes(family: Family, *, is_compact: bool) -> int:
    """Head and content, by the library for others; as a list of dictionaries there is an empty `peers6` besides."""
    packed = inputs.peers(family, PEERS_WANTED)
    size = 18 if family == 6 else 6
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    peers = tuple(http.Peer(ip_address(piece[:-2]), int.from_bytes(piece[-2:], "big")) for piece in pieces)
    body = http.AnnounceResponse(
        1800,
        peers,
        complete=13,
        incomplete=37,
        downloaded=0,
        downloaders=37,
        min_interval_seconds=900,
        external_ip=ip_address(bytes(size - 2)),
    ).to_bytes(compact=is_compact)
    length = len(body) + (0 if is_compact else len("6:peers60:"))
    return length + len(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n")


def _ws_cases() -> Iterable[Case]:
    for offers in (1, 5, 10):
        texts = [announce.to_text().encode() for announce in inputs.ws_announces(INPUTS // offers, offers)]
        kib = sum(map(len, texts)) / len(texts) / 1024
        make = partial(ws_loops.messages, texts)
        text = f"message of {kib:.1f} KiB decoded"
        yield Case(f"ws-decode-offers-{offers}", text, make, each(offers), SLOW_CALLS, INPUTS)
    texts = [announce.to_text().encode() for announce in inputs.ws_announces(INPUTS, 1)]
    make = partial(ws_loops.frames, inputs.frames(texts))
    yield Case("ws-decode-frame", "frame with one offer decoded and unmasked", make, lengths(texts))
    make = partial(ws_loops.texts, texts)
    yield Case("ws-check-utf8", "message with one offer checked", make, each(1))
    answers = inputs.ws_answers(inputs.ws_announces(INPUTS, 1), JOINED_PEER_ID)
    make = partial(ws_loops.messages, [answer.to_text().encode() for answer in answers])
    yield Case("ws-decode-answer", "message with an answer decoded", make, each(1))
    answer = ws.AnnounceResponse(b"\xa5" * 20, 13, 37, 120)
    size = frame_bytes(answer.to_text())
    yield Case("ws-encode-announce", "answer to an announce encoded", ws_loops.announce_answers, each(size))
    values = inputs.offer_values(INPUTS)
    rest = len(ws.OfferMessage(b"\xa5" * 20, b"-" * 20, b"-" * 20, 0).to_text().encode()) - 1
    sizes = (4 + rest + len(value) for value in values)
    make = partial(ws_loops.offers, values)
    yield Case("ws-encode-offer", "offer encoded for its receiver", make, in_turns(sizes))


def _swarm_cases() -> Iterable[Case]:
    for name, size, torrents in SWARMS:
        yield from _announce_cases(name, size, torrents, 4)
        if size > 1:
            make = partial(swarm_loops.selections, torrents, size)
            chosen = min(PEERS_WANTED, size - _seeders(size))
            yield Case(f"swarm-select-{name}", f"peers chosen among {size:,}", make, each(chosen))
        rounds = -(-(ANNOUNCE_CALLS + ANNOUNCE_WARM_UP) // torrents)
        yield Case(
            f"swarm-stop-{name}",
            f"peer stops, beside {size:,}",
            partial(swarm_loops.stops, torrents, size, rounds),
            in_turns((size + rounds - 1 - turn for turn in range(rounds)), torrents),
            ANNOUNCE_CALLS,
            ANNOUNCE_WARM_UP,
        )
        make = partial(swarm_loops.scrapes, torrents, size)
        yield Case(f"swarm-scrape-{name}", f"torrent of {size:,} counted", make, each(size))
        peers = torrents * size
        make = partial(swarm_loops.cleanings, torrents, size, False)
        yield Case(f"swarm-clean-{name}", f"peer cleaned, of {size:,}", make, each(peers), 4, 1)
        make = partial(swarm_loops.cleanings, torrents, size, True)
        yield Case(f"swarm-expire-{name}", f"peer expired, of {size:,}", make, each(peers), 1, 0)
    yield from _announce_cases("50-ipv6", 50, 2560, 6)
    listed = inputs.random().randbytes(20 * LISTED_HASHES)
    some = [listed[at : at + 20] for at in range(0, len(listed), len(listed) // INPUTS // 20 * 20)]
    make = partial(swarm_loops.look_ups, listed, some[:INPUTS])
    yield Case("swarm-allowed", f"look-up in a list of {LISTED_HASHES:,}, found", make, each(2))
    make = partial(swarm_loops.look_ups, listed, [bytes(reversed(one)) for one in some[:INPUTS]])
    yield Case("swarm-not-allowed", f"look-up in a list of {LISTED_HASHES:,}, not found", make, each(1))


def _announce_cases(name: str, size: int, torrents: int, family: Family) -> Iterable[Case]:
    counted = ANNOUNCE_CALLS, ANNOUNCE_WARM_UP
    make = partial(swarm_loops.newcomers, torrents, size, family)
    text = f"new peer announces, beside {size:,}"
    yield Case(f"swarm-new-{name}", text, make, newcomers_done(torrents, size), *counted)
    if size > 1:
        make = partial(swarm_loops.announces, torrents, size, family)
        text = f"peer announces again, one of {size:,}"
        yield Case(f"swarm-again-{name}", text, make, announces_done(torrents, size), *counted)


def _seeders(peers: int) -> int:
    """Every fourth, from the first one on."""
    return -(-peers // 4)


def newcomers_done(torrents: int, size: int) -> Done:
    """Who was there before; and as many of them as are wanted, for seeders leechers only."""
    turns = (ANNOUNCE_CALLS + ANNOUNCE_WARM_UP) // torrents + 1
    answers = []
    for before in range(turns):
        others = size + before
        leechers = others - _seeders(size) - _seeders(before)
        answers.append(others + min(PEERS_WANTED, leechers if before % 4 == 0 else others))
    return in_turns(answers, torrents)


def announces_done(torrents: int, size: int) -> Done:
    """All others; and as many of them as are wanted, for seeders leechers only."""
    leechers = size - _seeders(size)
    answers = (size - 1 + min(PEERS_WANTED, leechers if peer % 4 == 0 else size - 1) for peer in range(size))
    return in_turns(answers, torrents)


def _ws_swarm_cases() -> Iterable[Case]:
    for name, size in (("20", 20), ("10k", 10_000)):
        for offers in (0, 5):
            make = partial(ws_loops.announces, size, offers)
            text = f"peer announces {offers} offers, one of {size:,}"
            yield Case(f"ws-again-{name}-offers-{offers}", text, make, each(1 + offers))
        make = partial(ws_loops.answers, size)
        yield Case(f"ws-answer-{name}", f"offer of a peer and its answer, of {size:,}", make, each(1))
        make = partial(ws_loops.visits, size)
        yield Case(f"ws-new-{name}", f"new peer announces and leaves, beside {size:,}", make, each(size))


def _relay_cases() -> Iterable[Case]:
    offers = inputs.ws_announces(INPUTS, 1)
    answers = inputs.ws_answers(offers, JOINED_PEER_ID)
    values = inputs.offer_values(INPUTS)
    join = ws.AnnounceRequest(offers[0].info_hash, JOINED_PEER_ID, left=1)
    pairs = [message.to_text().encode() for pair in zip(offers, answers, strict=True) for message in pair]
    (joining,) = inputs.frames([join.to_text().encode()])
    for name, workers in (("same-worker", 1), ("other-worker", 2)):
        make = partial(stream_loops.relayed, values, workers)
        yield Case(f"relay-{name}", "message of 1 to 2 KB passed on and sent", make, lengths(values))
        make = partial(stream_loops.exchanges, joining, inputs.frames(pairs), workers)
        sent = (exchanged_bytes(*pair) for pair in zip(offers, answers, strict=True))
        text = "offer and its answer, from frames to frames"
        yield Case(f"relay-exchange-{name}", text, make, in_turns(sent), SLOW_CALLS, INPUTS)


def exchanged_bytes(offering: ws.AnnounceRequest, answering: ws.AnnounceRequest) -> int:
    """What is sent for both: an answer to the announce, its offer to the other, and the answer to that."""
    info_hash, offer, answer = offering.info_hash, offering.offers[0], answering.answer
    assert answer is not None
    texts = (
        ws.AnnounceResponse(info_hash, 0, 2, 120).to_text(),
        ws.OfferMessage(info_hash, offering.peer_id, offer.offer_id, offer.offer).to_text(),
        ws.AnswerMessage(info_hash, answering.peer_id, offer.offer_id, answer.answer).to_text(),
    )
    return sum(map(frame_bytes, texts))


def frame_bytes(text: str) -> int:
    """Of a server's frame of this message."""
    length = len(text.encode())
    return length + (2 if length < 126 else 4)


def _connection_cases() -> Iterable[Case]:
    for version, headers in ((1, inputs.proxy_lines(INPUTS)), (2, inputs.proxy_headers(INPUTS))):
        make = partial(stream_loops.proxy_headers, headers)
        yield Case(f"connection-proxy-{version}", "PROXY header decoded", make, lengths(headers))
    make = partial(stream_loops.timers, False)
    yield Case("connection-timer-later", "time limit set again, with each request", make, each(1))
    make = partial(stream_loops.timers, True)
    yield Case("connection-timer-expire", "time limit set and over", make, each(1024), 8, 2)

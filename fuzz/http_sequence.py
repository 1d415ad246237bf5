"""Sequences of bytes on connections to the HTTP handler: requests in pieces, clock jumps, failed allocations, no room.

The fuzzer's bytes are read as a list of steps. What is checked is what must hold whatever happens: no more is used than
came or written than there is room for, all that is written is whole responses whose bencode is strict, a connection
that is to be closed says so, the bounds of the swarm hold, and at the end a stranger is served as if nothing had been.
"""

from aquatic.protocol import bencode
from aquatic.testing.http import HttpService
from aquatic.testing.swarm import Swarm
from fuzz.steps import take_all

PEERS_MAX = 96
TORRENTS_MAX = 24
# The least that the handler is promised, with what five peers or torrents take.
ROOM_BYTES = 1500
REQUEST_BYTES_MAX = 1024
# Few addresses and info hashes, so that what one step leaves behind is met by another.
SOURCES = [bytes([10, 0, 0, host]) for host in range(6)] + [
    bytes.fromhex("20010db8000000000000000000000000")[:15] + bytes([host]) for host in range(4)
]
STRANGER = bytes([192, 0, 2, 1])
EVENTS = ["", "started", "completed", "stopped", "paused", "other"]
LINES = [
    b"",
    b"Connection: close\r\n",
    b"connection: Keep-Alive\r\n",
    b"X-Forwarded-For: 10.1.1.1, 10.0.0.1\r\n",
    b"x-forwarded-for: 2001:db8::1\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
]


def read_responses(output: bytes) -> bool:
    """Check that these are whole responses; returns whether the last one ends the connection."""
    closes = False
    while output:
        assert not closes
        head, separator, rest = output.partition(b"\r\n\r\n")
        assert separator
        status, *lines = head.split(b"\r\n")
        assert status.startswith(b"HTTP/1.1 ")
        headers = dict(line.split(b": ", 1) for line in lines)
        length = int(headers[b"Content-Length"])
        body = rest[:length]
        assert len(body) == length
        if body.startswith(b"d"):
            assert isinstance(bencode.decode(body), dict)
        closes = headers.get(b"Connection") == b"close"
        output = rest[length:]
    return closes


class Sequence:
    """One handler, its swarm, and the steps that they are put through."""

    def __init__(self) -> None:
        self.swarm = Swarm(torrents_max=TORRENTS_MAX, peers_max=PEERS_MAX, peer_age_ticks_max=1800, tags=True)
        self.service = HttpService(
            self.swarm,
            request_bytes_max=REQUEST_BYTES_MAX,
            response_bytes_max=ROOM_BYTES,
            address_header=b"X-Forwarded-For",
            announce_jitter_seconds_max=9,
            not_allowed_retry_minutes=5,
        )
        self.seconds = 1_000_000
        self.swarm.set_time(self.seconds)
        self.waiting = dict.fromkeys(SOURCES, b"")
        self.capacity = ROOM_BYTES

    def deliver(self, content: bytes, ip: bytes, is_from_proxy: bool = False) -> bytes:
        """Let the handler answer all that it can; returns what it wrote."""
        self.waiting[ip] = self.waiting.get(ip, b"") + content
        output = b""
        while True:
            waiting = self.waiting[ip]
            used, written, answered, needs_room, closes = self.service.serve(
                waiting, ip, 6881, is_from_proxy, self.capacity
            )
            assert used <= len(waiting)
            assert len(written) <= self.capacity
            assert read_responses(written) == closes
            assert sum(answered) <= written.count(b"HTTP/1.1 ")
            self.waiting[ip] = b"" if closes else waiting[used:]
            output += written
            if closes or not needs_room:
                assert closes or len(self.waiting[ip]) < REQUEST_BYTES_MAX
                return output
            assert written

    def announce(self, fields: bytes, ip: bytes) -> None:
        """Announce; the fields are chosen from few, or odd, values by six bytes."""
        torrent, event, left, wanted, form, line = fields.ljust(6, b"\1")[:6]
        info_hash = "".join(f"%{torrent % 40:02x}" for _ in range(20))
        target = (
            f"/announce?info_hash={info_hash}&peer_id={chr(65 + torrent % 26) * 20}&port={event + 1000 * left}"
            f"&event={EVENTS[event % len(EVENTS)]}&left={left - 1}&numwant={wanted - 9}&compact={form % 3}"
            f"&trackerid={'t' * (form // 3)}"
        )
        head = f"GET {target} HTTP/1.{form % 2}\r\n".encode()
        self.deliver(head + LINES[line % len(LINES)] + b"\r\n", ip, line >= 128)

    def scrape(self, hashes: bytes, ip: bytes) -> None:
        """Scrape the torrents of these first bytes."""
        query = b"&".join(b"info_hash=" + b"%%%02X" % (byte % 40) * 20 for byte in hashes[:12])
        self.deliver(b"GET /scrape?" + query + b" HTTP/1.1\r\n\r\n", ip)

    def step(self, kind: int, which: int, rest: bytes) -> None:
        """Take one step."""
        ip = SOURCES[which % len(SOURCES)]
        number = int.from_bytes(rest[:4], "little")
        match kind % 10:
            case 0 | 1:
                self.deliver(rest, ip, is_from_proxy=kind >= 128)
            case 2 | 3 | 4:
                self.announce(rest, ip)
            case 5:
                self.scrape(rest, ip)
            case 6:
                self.seconds += number >> 8 if number & 1 else number % 256
                self.swarm.set_time(self.seconds)
            case 7:
                self.swarm.sweep(self.seconds)
            case 8:
                self.capacity = ROOM_BYTES + number % 4096
            case 9:
                self.swarm.fail_allocation(number % 9 - 1)
        if kind & 0x40:
            self.service.set_access_list(["off", "allow", "deny"][number % 3], bytes([kind % 40]) * 20)

    def end(self) -> None:
        """Check the bounds, and that a stranger is served once memory is back."""
        self.swarm.fail_allocation(-1)
        self.service.set_access_list("off", b"")
        counts = self.swarm.counts()
        assert counts["torrents"] <= TORRENTS_MAX
        assert 0 <= counts["peers"] <= PEERS_MAX
        target = b"/announce?info_hash=" + b"h" * 20 + b"&peer_id=" + b"p" * 20 + b"&port=1"
        output = self.deliver(b"GET " + target + b" HTTP/1.1\r\n\r\n", STRANGER)
        assert output.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"11:external ip4:\xc0\0\2\1" in output


def run(data: bytes) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    take_all(Sequence(), data, 255)

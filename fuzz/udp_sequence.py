"""Sequences of packets through the whole UDP worker: requests, clock jumps, full send buffers, failed allocations.

The fuzzer's bytes are read as a list of steps. What is checked is what must hold whatever happens: answers go to who
asked, echo a transaction id that was sent, and keep to their length; the bounds of the swarm hold; and at the end a
stranger is served as if nothing had been.
"""

import struct
from collections.abc import Iterator

from aquatic.dataplane.swarm.border import SwarmSettings
from aquatic.dataplane.udp.border import UdpSettings
from aquatic.testing.udp import Simulation

PEERS_MAX = 96
TORRENTS_MAX = 24
RESPONSE_BYTES_MAX = 1400
HOUR_SECONDS = 3600
# Few addresses and info hashes, so that what one step leaves behind is met by another.
SOURCES = [(bytes([10, 0, 0, host]), 6881) for host in range(6)] + [
    (bytes.fromhex("20010db8000000000000000000000000")[:15] + bytes([host]), 6881) for host in range(4)
]
STRANGER = (bytes([192, 0, 2, 1]), 1024)
CONNECT_MAGIC = 0x41727101980


def settings() -> tuple[SwarmSettings, UdpSettings]:
    """Small bounds, so that sequences reach them; a batch of a few, so that they span some."""
    swarm = SwarmSettings(
        workers=1,
        peer_age_seconds_max=HOUR_SECONDS,
        cleaning_interval_seconds=60,
        torrents_max=TORRENTS_MAX,
        peers_max=PEERS_MAX,
        memory_bytes_max=0,
        measures_locks=True,
        peers_per_torrent=True,
        peer_clients=True,
    )
    return swarm, UdpSettings(
        workers=1,
        announce_interval_seconds=120,
        response_peers_max=50,
        scrape_torrents_max=70,
        connection_age_seconds_max=120,
        poll_timeout_ms=0,
        resend_responses_max=4,
        batch_datagrams=4,
        latency=True,
    )


class Sequence:
    """One tracker and the steps that it is put through."""

    def __init__(self) -> None:
        self.simulation = Simulation(*settings())
        self.seconds = 1_000_000.0
        self.transactions: set[bytes] = set()
        self.connection_ids: dict[tuple[bytes, int], bytes] = {}
        self.simulation.set_time(self.seconds)

    def send(self, packet: bytes, source: tuple[bytes, int]) -> None:
        """Queue a packet; a full queue is emptied by the worker first."""
        self.transactions.add(packet[12:16])
        if not self.simulation.deliver(packet, *source):
            self.turn()
            self.simulation.deliver(packet, *source)

    def turn(self) -> list[bytes]:
        """Let the worker work, and check what it answers."""
        self.simulation.turn()
        packets = []
        for packet, ip, port in self.simulation.answers():
            assert len(packet) <= RESPONSE_BYTES_MAX
            assert packet[4:8] in self.transactions
            assert (ip, port) in {*SOURCES, STRANGER}
            if packet[:4] == b"\0\0\0\0":
                assert len(packet) == 16
                self.connection_ids[ip, port] = packet[8:16]
            packets.append(packet)
        return packets

    def connect(self, source: tuple[bytes, int]) -> None:
        """Ask for a connection id."""
        self.send(struct.pack(">QI4s", CONNECT_MAGIC, 0, b"conn"), source)

    def announce(self, fields: bytes, source: tuple[bytes, int]) -> None:
        """Announce; the fields are chosen from few, or odd, values by four bytes."""
        torrent, event, left, wanted = fields.ljust(4, b"\1")[:4]
        packet = struct.pack(
            ">8sI4s20s20sqqqIIIiH",
            self.connection_ids.get(source, bytes(8)),
            1,
            b"anno",
            bytes([torrent % 40]) * 20,
            bytes([torrent]) * 20,
            0,
            left - 128,
            0,
            event,
            0,
            0,
            wanted - 128,
            event + left,
        )
        self.send(packet, source)

    def scrape(self, hashes: bytes, source: tuple[bytes, int]) -> None:
        """Scrape the torrents of these first bytes."""
        head = self.connection_ids.get(source, bytes(8)) + struct.pack(">I4s", 2, b"scra")
        self.send(head + b"".join(bytes([byte % 40]) * 20 for byte in hashes), source)

    def step(self, kind: int, source: tuple[bytes, int], rest: bytes) -> None:
        """Take one step."""
        number = int.from_bytes(rest[:4], "little", signed=True)
        match kind % 10:
            case 0:
                self.send(rest, source)
            case 1:
                self.send(self.connection_ids.get(source, bytes(8)) + rest, source)
            case 2 | 3 | 4:
                self.announce(rest, source)
            case 5:
                self.scrape(rest, source)
            case 6:
                self.connect(source)
            case 7:
                # Both ways: suspended machines and clocks set right.
                self.seconds = max(self.seconds + (number >> 8 if number & 1 else number % 256), 0)
                self.simulation.set_time(self.seconds)
            case 8:
                self.simulation.limit_sends(number % 9 - 1)
            case 9:
                self.simulation.fail_allocation(number % 9 - 1)
        if kind & 0x80:
            self.turn()

    def end(self) -> None:
        """Check the bounds, and that a stranger is served once memory and the network are back."""
        self.simulation.limit_sends(-1)
        self.simulation.fail_allocation(-1)
        while self.turn():
            pass
        counts = self.simulation.swarm.swarm_counts()
        assert counts["torrents"] <= TORRENTS_MAX
        assert 0 <= counts["peers_ipv4"] + counts["peers_ipv6"] <= PEERS_MAX
        self.connect(STRANGER)
        assert [packet[4:8] for packet in self.turn()] == [b"conn"]
        self.scrape(b"\0", STRANGER)
        (answer,) = self.turn()
        assert answer[:8] == struct.pack(">I4s", 2, b"scra")


def steps(data: bytes) -> Iterator[tuple[int, tuple[bytes, int], bytes]]:
    """Read the fuzzer's bytes: kind, source, length and content of each step."""
    place = 0
    while place + 3 <= len(data):
        kind, source, length = data[place : place + 3]
        yield kind, SOURCES[source % len(SOURCES)], data[place + 3 : place + 3 + length]
        place += 3 + length


def run(data: bytes) -> None:
    """Take all steps in the fuzzer's bytes. What must not be ends in an AssertionError or a crash."""
    sequence = Sequence()
    for step in steps(data):
        sequence.step(*step)
    sequence.end()

"""The HTTP handler on a swarm, every announce and scrape compared with the reference swarm."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

from aquatic.testing.http import HttpService
from aquatic.testing.swarm import Swarm
from tests.support.addresses import info_hash_of
from tests.support.http_answers import HttpAnswer, read_answers
from tests.support.reference_swarm import Address, CheckedSwarm, Torrent, family_of

HASH = info_hash_of(1)
OUTPUT_BYTES = 16384
RULES: dict[str, Any] = {
    "response_bytes_max": OUTPUT_BYTES,
    "peers_max": 50,
    "announce_interval_seconds": 120,
}


@dataclass
class Served:
    """What one exchange came to."""

    used: int
    output: bytes
    answered: tuple[int, int, int]
    needs_room: bool
    closes: bool

    @property
    def answers(self) -> list[HttpAnswer]:
        return read_answers(self.output)


def query_of(parameters: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        return quote_from_bytes(value, safe="") if isinstance(value, bytes) else str(value)

    return "&".join(f"{name}={text(value)}" for name, value in parameters.items() if value is not None)


def request_for(target: str, *lines: str, version: str = "1.1", method: str = "GET") -> bytes:
    head = [f"{method} {target} HTTP/{version}", "Host: tracker.example", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


def announce_target(port: int | None, /, **parameters: Any) -> str:
    defaults = {"info_hash": HASH, "peer_id": b"-XX0000-abcdefghijkl", "port": port, "left": 1}
    return "/announce?" + query_of(defaults | parameters)


class HttpTracker:
    def __init__(self, **rules: Any):
        self.rules = RULES | rules
        self.checked = CheckedSwarm(Swarm())
        self.service = HttpService(self.checked.swarm, **self.rules)

    def serve(self, data: bytes, source: Address, output_capacity: int = OUTPUT_BYTES) -> Served:
        return Served(*self.service.serve(data, *source, output_capacity=output_capacity))

    def serve_from_proxy(self, data: bytes, source: Address) -> Served:
        return Served(*self.service.serve(data, *source, is_from_proxy=True))

    def get(self, target: str, source: Address) -> HttpAnswer:
        data = request_for(target)
        served = self.serve(data, source)
        assert (served.used, served.needs_room, served.closes) == (len(data), False, False)
        (answer,) = served.answers
        return answer

    def announce(self, source: Address, port: int | None = None, **parameters: Any) -> dict[bytes, Any]:
        """An accepted announce of a peer (its port is the source's unless given), held against the reference."""
        peer = (source[0], source[1] if port is None else port)
        answer = self.get(announce_target(peer[1], **parameters), source).dictionary
        assert b"failure reason" not in answer
        info_hash = parameters.get("info_hash", HASH)
        self.check_announce(answer, info_hash, peer, parameters)
        return answer

    def check_announce(
        self, answer: dict[bytes, Any], info_hash: bytes, peer: Address, parameters: dict[str, Any]
    ) -> None:
        event = parameters.get("event")
        flags = [event] if event in ("stopped", "completed", "paused") else []
        if parameters.get("left", 1) == 0:
            flags.append("seeder")
        reference = self.checked.reference
        reference.announce(info_hash, peer, flags, b"-XX0000-")
        others = reference.others(info_hash, peer)
        seeders = sum(other.is_seeder for other in others.values())
        leechers = len(others) - seeders
        assert (answer[b"complete"], answer[b"incomplete"]) == (seeders, leechers)
        assert answer[b"downloaders"] == sum(not other.wants_nothing for other in others.values())
        assert answer[b"downloaded"] == reference.downloads[info_hash, family_of(peer[0])]
        assert answer[b"external ip"] == peer[0]
        wanted = int(parameters.get("numwant", -1))
        wanted = self.rules["peers_max"] if wanted < 0 else min(wanted, self.rules["peers_max"])
        self.checked.check_chosen(others, peer, flags, wanted, peers_in(answer, peer))

    def scrape(self, hashes: list[bytes], source: Address) -> dict[bytes, Any]:
        target = "/scrape?" + "&".join(query_of({"info_hash": info_hash}) for info_hash in hashes)
        files = self.get(target, source).dictionary[b"files"]
        assert isinstance(files, dict)
        reference = self.checked.reference
        for info_hash, counts in files.items():
            torrent = reference.torrents.get(info_hash, Torrent())
            family = family_of(source[0])
            seeders, leechers = torrent.by_role(family)
            assert counts == {
                b"complete": seeders,
                b"downloaded": reference.downloads[info_hash, family],
                b"downloaders": leechers - torrent.partial_seeds(family),
                b"incomplete": leechers,
            }
        return files


def peers_in(answer: dict[bytes, Any], asker: Address) -> list[Address]:
    """Peers of an answer, of which the key of the other family must be empty."""
    assert isinstance(answer[b"peers"], bytes)
    own, other = (b"peers", b"peers6") if len(asker[0]) == 4 else (b"peers6", b"peers")
    assert answer[other] == b""
    stride = len(asker[0]) + 2
    packed = answer[own]
    assert len(packed) % stride == 0
    return [
        (
            packed[start : start + stride - 2],
            int.from_bytes(packed[start + stride - 2 : start + stride], "big"),
        )
        for start in range(0, len(packed), stride)
    ]

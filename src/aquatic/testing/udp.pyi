"""The UDP data plane for tests: bytes in and out."""

from typing import Any

from aquatic.dataplane.swarm.border import Swarm, SwarmSettings
from aquatic.dataplane.udp.border import UdpSettings, UdpWorkers

def decode_datagram(packet: bytes) -> dict[str, Any]:
    """The verdict and, where it is "accepted", the fields of the request."""

def issue_connection_id(key: bytes, ip: bytes, seconds: int) -> int: ...
def judge_connection_id(key: bytes, ip: bytes, issued: int, now_seconds: int, age_seconds_max: int) -> str:
    """Return "valid", "bad" or "expired"."""

class Simulation:
    """A tracker whose workers run the real loop on the in-memory backend. Time passes only by `set_time`."""

    swarm: Swarm
    workers: UdpWorkers
    def __init__(self, swarm_settings: SwarmSettings, settings: UdpSettings, seed: int = 1) -> None: ...
    def set_time(self, seconds: float) -> None: ...
    def deliver(self, packet: bytes, ip: bytes, port: int, worker: int = 0) -> bool:
        """Queue a datagram for a worker; False if its queue is full."""
    def turn(self, worker: int = 0) -> None:
        """One turn of the worker's loop."""
    def answers(self, worker: int = 0) -> list[tuple[bytes, bytes, int]]:
        """What the worker has sent since the last call: datagram, address, port."""
    def limit_sends(self, count: int, worker: int = 0) -> None:
        """Drop all answers after so many more, as a full send buffer does; a negative number ends that."""
    def fail_allocation(self, after: int) -> None:
        """Let all allocations of the swarm fail after so many more; a negative number ends that."""
    def turns(self, worker: int = 0) -> int: ...

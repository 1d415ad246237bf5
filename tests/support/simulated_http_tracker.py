"""HTTP on the connection server, configured as `aquatic serve` is, on connections in memory (aquatic.testing.http)."""

from typing import Any

from aquatic.control.model import Configuration, Connections, HttpAnswers, Listener, Protocol
from aquatic.control.socket_address import SocketAddress
from aquatic.control.start import make_swarm
from aquatic.control.stream_start import make_stream_workers
from aquatic.testing.http import HttpSimulation
from tests.support.addresses import global_address
from tests.support.http_answers import HttpAnswer, read_answers
from tests.support.http_tracker import announce_target, request_for

CLIENT = global_address(1)[0]
LISTENER = Listener(address=SocketAddress.parse("127.0.0.1:0"), protocols=(Protocol.HTTP,))


class Tracker:
    """A worker that is told what the control plane makes of a configuration."""

    def __init__(
        self, listener: Listener = LISTENER, answers: HttpAnswers | None = None, **connections: Any
    ) -> None:
        configuration = Configuration(
            listeners=(listener,), http=answers or HttpAnswers(), connections=Connections(**connections)
        )
        self.swarm = make_swarm(configuration, 1)
        self.simulation = HttpSimulation(make_stream_workers(self.swarm, configuration, 1, 0))

    def exchange(self, number: int, content: bytes, turns: int = 3) -> list[HttpAnswer]:
        assert self.simulation.deliver(number, content) == len(content)
        for _ in range(turns):
            self.simulation.turn()
        return read_answers(self.simulation.take(number))

    def get(self, target: str, ip: bytes = CLIENT, *lines: str) -> HttpAnswer:
        (answer,) = self.exchange(self.simulation.connect(ip), request_for(target, *lines))
        return answer

    def announce(self, number: int = 1, **parameters: Any) -> dict[bytes, Any]:
        return self.get(announce_target(number, **parameters), global_address(number)[0]).dictionary

"""Load on a UDP tracker, run from Python."""

import socket
from dataclasses import dataclass
from types import TracebackType

from aquatic.loadtest.population import Population
from aquatic.loadtest.run import Load, LoadTest, first_source
from aquatic.loadtest.target import Address, Target
from aquatic.loadtest.terms import UdpTerms
from aquatic.loadtest.udp_generator import UdpGenerator

# Linux; not in every Python's socket module.
SO_RCVBUFFORCE = 33
# What the kernel accounts for one queued answer: the receive buffer must hold a whole window of them.
_QUEUED_ANSWER_BYTES = 2304


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpLoad(Load):
    """The same over UDP. See `terms.UdpTerms` for what is not said here."""

    weight_connect: int = 20
    weight_announce: int = 78
    # Requests under way at most, each socket its even share: with this many, none is lost to a tracker that
    # leaves its receive buffer as Linux has it.
    requests_under_way_max: int = 128
    additional_request_probability: float = 0.2
    connection_age_seconds: float = 60.0
    segmenting: bool = True
    # Of each socket; more where the answers under way need it.
    receive_buffer_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is made anew, and that would still name the first.
        Load.__post_init__(self)
        # Of a transaction id's 32 bits enough must remain to tell a slot's uses apart.
        if not 1 <= self.requests_under_way_max <= 1 << 20:
            raise ValueError("at least one and at most 1,048,576 requests under way")
        if not 0 <= self.additional_request_probability <= 1:
            raise ValueError("at least 0 and at most 1 for the probability of an additional request")


class UdpLoadTest(LoadTest):
    """Workers with open sockets.

    OSError when a source address cannot be bound.
    """

    def __init__(self, target: Target, population: Population, load: UdpLoad) -> None:
        super().__init__(target, population, load)
        self._sockets: list[socket.socket] = []
        window = max(1, load.requests_under_way_max // (population.sources * load.workers))
        try:
            for index in range(load.workers):
                sockets = self._open_sockets(load, window)
                terms = UdpTerms(
                    **load.common_terms(target, population.sources, index),
                    window=window,
                    additional_request_probability=load.additional_request_probability,
                    connection_age_seconds=load.connection_age_seconds,
                    segmenting=load.segmenting,
                )
                self.add_worker(UdpGenerator(population, sockets, terms))
        except BaseException:
            self._close_sockets()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._close_sockets()

    def _close_sockets(self) -> None:
        for each in self._sockets:
            each.close()

    def _open_sockets(self, load: UdpLoad, window: int) -> list[socket.socket]:
        """One for each source, for one worker."""
        target, sources = self.target, self.population.sources
        first = first_source(target, load.first_source, sources)
        for index in range(sources):
            opened = socket.socket(target.family, socket.SOCK_DGRAM)
            self._sockets.append(opened)
            _size_receive_buffer(opened, max(window * _QUEUED_ANSWER_BYTES, load.receive_buffer_bytes))
            _connect(opened, target, None if first is None else first + index)
        return self._sockets[-sources:]


def _connect(opened: socket.socket, target: Target, source: Address | None) -> None:
    if source is not None:
        opened.bind((str(source), 0))
    opened.connect((str(target.address), target.port))
    opened.setblocking(False)


def _size_receive_buffer(opened: socket.socket, size: int) -> None:
    """Past the system's limit where that is allowed: what is lost here would be held against the tracker."""
    try:
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

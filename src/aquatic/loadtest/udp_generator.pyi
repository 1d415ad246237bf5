"""The compiled part of the UDP load generator: one thread's sockets."""

from collections.abc import Sequence
from socket import socket

from aquatic.loadtest.drive import LoadGenerator
from aquatic.loadtest.population import Population
from aquatic.loadtest.terms import UdpTerms

class UdpGenerator(LoadGenerator):
    """Asks a tracker over UDP."""

    def __init__(self, population: Population, sockets: Sequence[socket], terms: UdpTerms) -> None:
        """`sockets`: non-blocking, connected to the tracker, bound to the population's sources.

        ValueError, MemoryError.
        """

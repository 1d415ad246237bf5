"""Load on an HTTP tracker, run from Python."""

import re
import socket
from dataclasses import dataclass

from aquatic.control.descriptors import DESCRIPTORS_RESERVED, allow_descriptors, descriptors_allowed
from aquatic.loadtest.http_generator import HttpGenerator
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import Load, LoadTest, first_source
from aquatic.loadtest.target import Address, Target
from aquatic.loadtest.terms import HttpTerms

_URL_SUFFIX = re.compile(r"[!-~]{0,1000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLoad(Load):
    """The same over HTTP. See `terms.HttpTerms` for what is not said here."""

    timeout_seconds: float = 5.0
    # Of all workers; each has one request under way at most.
    connections: int = 128
    # Of each worker, while connections are opened for the first time; 0: all at once.
    connections_per_second: float = 0.0
    # Otherwise one for each request.
    keep_alive: bool = True
    # Certificates are not verified.
    tls: bool = False
    # Whether a connection continues the TLS session of the one before it.
    resumption: bool = True
    # Follows `/announce` and `/scrape`.
    url_suffix: str = ""

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is made anew, and that would still name the first.
        Load.__post_init__(self)
        if self.connections < self.workers:
            raise ValueError("at least one connection for each worker")
        if not _URL_SUFFIX.fullmatch(self.url_suffix):
            raise ValueError(
                "at least one character of the URL's suffix has to be escaped, or it is too long"
            )


class HttpLoadTest(LoadTest):
    """Workers that will open their connections. OSError when a source address cannot be bound."""

    def __init__(self, target: Target, population: Population, load: HttpLoad) -> None:
        super().__init__(target, population, load)
        first = first_source(target, load.first_source, population.sources)
        if first is not None:
            _try_sources(target, first, population.sources)
        _allow_connections(load.connections)
        for index in range(load.workers):
            terms = HttpTerms(
                **load.common_terms(target, population.sources, index),
                tracker_address=target.address.packed,
                tracker_port=target.port,
                binds=first is not None,
                connections=(load.connections + index) // load.workers,
                connections_per_second=load.connections_per_second,
                keep_alive=load.keep_alive,
                tls=load.tls,
                resumption=load.resumption,
                url_suffix=load.url_suffix,
            )
            self.add_worker(HttpGenerator(population, terms))


def _try_sources(target: Target, first: Address, sources: int) -> None:
    for index in range(sources):
        with socket.socket(target.family, socket.SOCK_STREAM) as probe:
            probe.bind((str(first + index), 0))


def _allow_connections(connections: int) -> None:
    allow_descriptors(connections + DESCRIPTORS_RESERVED)
    if descriptors_allowed() < connections + DESCRIPTORS_RESERVED:
        raise ValueError(
            f"{connections} connections need as many file descriptors, {descriptors_allowed()} are allowed"
        )

"""A process that counts what a warm connection's requests allocate: of the arenas, and of malloc in the whole process.

LD_PRELOAD=COUNTER python -m tests.support.warm_connections COUNTER CERTIFICATE PRIVATE_KEY

COUNTER is what `count_allocations.c` makes.
"""

# Before anything that makes OpenSSL allocate.
from aquatic.testing import tls_allocations

tls_allocations.take_over()

import ctypes  # noqa: E402
import ssl  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys  # noqa: E402
from tests.support.certificates import Certificate, TlsPeer  # noqa: E402
from tests.support.http_answers import read_answers  # noqa: E402
from tests.support.http_tracker import HASH, announce_target, query_of, request_for  # noqa: E402
from tests.support.simulated_http_tracker import CLIENT, Tracker  # noqa: E402

REQUESTS = [request_for(announce_target(5)), request_for("/scrape?" + query_of({"info_hash": HASH}))]
# Python's own small objects do not come from malloc, so nothing but the server's turn counts.
PLENTY = 1 << 20
WARMING = 20
COUNTED = 1000


class Connection:
    """One, kept alive, plain or with TLS."""

    def __init__(
        self, counter: ctypes.c_ulong, context: TlsContext | None, client: ssl.SSLContext | None
    ) -> None:
        self.counter = counter
        self.simulation = Tracker().simulation
        if context is not None:
            self.simulation.workers.set_tls(0, context)
        self.number = self.simulation.connect(CLIENT)
        self.simulation.turn()
        self.peer = None if client is None else TlsPeer(client)
        while self.peer is not None and not self.peer.is_open:
            received = self.simulation.take(self.number)
            self.simulation.deliver(self.number, self.peer.shake_hands(received))
            self.simulation.turn()

    def exchange(self, request: bytes) -> tuple[int, int]:
        """Returns OpenSSL's allocations, and all others of the process."""
        sealed = request if self.peer is None else self.peer.seal(request)
        self.simulation.deliver(self.number, sealed)
        self.simulation.fail_allocation(PLENTY)
        tls_allocations.fail_allocations(PLENTY)
        before = self.counter.value
        self.simulation.turn()
        after = self.counter.value
        of_openssl = PLENTY - tls_allocations.allocations_left()
        tls_allocations.fail_allocations(-1)
        received = self.simulation.take(self.number)
        (answer,) = read_answers(received if self.peer is None else self.peer.open(received))
        assert b"failure reason" not in answer.dictionary
        return of_openssl, after - before - of_openssl

    def count(self) -> set[tuple[int, int]]:
        """Announces of a known peer, and scrapes: what they allocated once nothing was new, each number once."""
        for _ in range(WARMING):
            for request in REQUESTS:
                self.exchange(request)
        found = set()
        for _ in range(COUNTED):
            for request in REQUESTS:
                found.add(self.exchange(request))
                assert self.simulation.allocations_left() == (PLENTY, PLENTY)
        return found


def report(spoken: str, counts: set[tuple[int, int]]) -> None:
    """A line: what is spoken, and each number of OpenSSL's allocations and others that a request came to."""
    print(spoken, *(f"{of_openssl}+{others}" for of_openssl, others in sorted(counts)))


def main() -> None:
    library, certificate, private_key = map(Path, sys.argv[1:])
    counter = ctypes.c_ulong.in_dll(ctypes.CDLL(str(library)), "allocations")
    before = counter.value
    bytearray(10_000)
    assert counter.value == before + 1
    report("plain", Connection(counter, None, None).count())
    context = TlsContext(certificate, private_key, TlsTicketKeys())
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = Certificate(certificate, private_key).client_context()
        client.minimum_version = client.maximum_version = version
        report(version.name, Connection(counter, context, client).count())


if __name__ == "__main__":
    main()

"""A process in which OpenSSL's allocations fail, one after the other, while a simulated server is at work.

python -m tests.support.tls_allocation_failures CERTIFICATE PRIVATE_KEY
"""

# Before anything that makes OpenSSL allocate.
from aquatic.testing import tls_allocations

tls_allocations.take_over()

import ssl  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from aquatic.dataplane.stream.tls_context import TlsContext, TlsTicketKeys  # noqa: E402
from aquatic.testing.stream import StreamSettings, StreamSimulation  # noqa: E402
from tests.support.certificates import Certificate, TlsPeer  # noqa: E402

LINE = b"a line that comes back\n"
# More than a connection ever needs, and far from what a counter that is not armed has.
ALLOCATIONS_MAX = 1 << 20


class Driver:
    """Plays clients of a server whose allocations of OpenSSL, and only its, fail after so many."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self.server = StreamSimulation(StreamSettings())
        self.context = TlsContext(certificate.certificate, certificate.private_key, TlsTicketKeys())
        self.server.set_tls(self.context)
        self.left = -1
        self.bystander = self.server.connect()
        self.bystander_peer = TlsPeer(certificate.client_context())
        self.greet(self.bystander, self.bystander_peer)
        assert self.bystander_peer.is_open

    def turn(self) -> None:
        tls_allocations.fail_allocations(self.left)
        self.server.turn()
        if self.left >= 0:
            self.left = tls_allocations.allocations_left()
        tls_allocations.fail_allocations(-1)

    def greet(self, number: int, peer: TlsPeer) -> None:
        """Shake hands, unless the server gives up."""
        to_send = peer.shake_hands()
        for _ in range(10):
            self.server.deliver(number, to_send)
            self.turn()
            self.turn()
            received = self.server.take(number)
            if peer.is_open:
                peer.open(received)
                return
            if self.server.state(number) != "open":
                return
            to_send = peer.shake_hands(received)

    def exchange(self, number: int, peer: TlsPeer) -> bytes:
        self.server.deliver(number, peer.seal(LINE))
        self.turn()
        return peer.open(self.server.take(number))

    def visit(self, context: ssl.SSLContext, session: ssl.SSLSession | None, after: int) -> TlsPeer:
        """A whole connection: handshake, a line, the end; its session is what a ticket gives."""
        self.left = after
        number = self.server.connect()
        peer = TlsPeer(context, session=session)
        try:
            self.greet(number, peer)
            if peer.is_open and self.server.state(number) == "open":
                answer = self.exchange(number, peer)
                assert answer in (LINE, b"")
        except ssl.SSLError:
            pass  # an alert, or the end before the handshake's
        self.server.end(number)
        self.turn()
        self.left = -1
        self.turn()
        assert self.server.state(number) in ("closed", "ended"), self.server.state(number)
        self.server.forget(number)
        return peer

    def check_bystander(self) -> None:
        assert self.exchange(self.bystander, self.bystander_peer) == LINE
        assert self.server.counters()["active"] == 1

    def fail_each(self, version: ssl.TLSVersion, resumes: bool) -> int:
        """Let each allocation of a visit fail, and all after it; returns how many there are."""
        context = self.certificate.client_context()
        context.minimum_version = context.maximum_version = version
        session = self.visit(context, None, -1).tls.session if resumes else None
        allocations = self.allocations_of(context, session)
        for after in range(allocations + 1):
            # What OpenSSL keeps for later it has after the first one.
            self.visit(context, session, after)
            before = tls_allocations.blocks()
            self.visit(context, session, after)
            assert tls_allocations.blocks() == before, after
            self.check_bystander()
        peer = self.visit(context, session, -1)
        assert peer.is_open
        assert peer.tls.session_reused == resumes
        return allocations

    def allocations_of(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> int:
        """How many a visit needs."""
        self.left = ALLOCATIONS_MAX
        number = self.server.connect()
        peer = TlsPeer(context, session=session)
        self.greet(number, peer)
        assert self.exchange(number, peer) == LINE
        self.server.end(number)
        self.turn()
        used = ALLOCATIONS_MAX - self.left
        self.left = -1
        self.server.forget(number)
        return used


def main() -> None:
    certificate, private_key = map(Path, sys.argv[1:])
    driver = Driver(Certificate(certificate, private_key))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for resumes in (False, True):
            print("allocations:", driver.fail_each(version, resumes))


if __name__ == "__main__":
    main()

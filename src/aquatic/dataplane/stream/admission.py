"""Whether the client of a connection may have one more, as soon as it is known who that is."""

from cython import address
from cython.cimports.aquatic.abi.stream_counters import (
    CONNECTIONS_ACCEPTED,
    REFUSED_ADDRESS_FULL,
    REFUSED_ADDRESS_RATE,
)
from cython.cimports.aquatic.dataplane.stream.address_limits import (
    ADDRESS_COUNTED,
    ADDRESS_FULL,
    ADDRESS_TOO_FAST,
    address_admit,
    address_verdict,
)
from cython.cimports.aquatic.dataplane.stream.networks import is_trusted


def admit(worker, connection):
    """Count the connection with its client's address, unless that is a proxy's: those have many clients.

    Returns CONNECTIONS_ACCEPTED, or why it is refused, to be counted.
    """
    listener = address(worker.listeners[connection.listener])
    source = address(connection.source)
    if listener.has_proxy_address_header and is_trusted(listener.trusted, source):
        connection.is_from_proxy = True
        return CONNECTIONS_ACCEPTED
    verdict = address_admit(address(worker.addresses), address(worker.limits), source, worker.now_ns)
    connection.is_counted = verdict == ADDRESS_COUNTED
    if verdict == ADDRESS_FULL:
        return REFUSED_ADDRESS_FULL
    if verdict == ADDRESS_TOO_FAST:
        return REFUSED_ADDRESS_RATE
    return CONNECTIONS_ACCEPTED


def may_be_admitted(worker, listener, source):
    """Whether a new connection of this socket's address would be, as far as is known now: behind a proxy it is not."""
    found = address(worker.listeners[listener])
    has_proxies = found.has_proxy_protocol or found.has_proxy_address_header
    if has_proxies and is_trusted(found.trusted, source):
        return True
    verdict = address_verdict(address(worker.addresses), address(worker.limits), source, worker.now_ns)
    return verdict == ADDRESS_COUNTED

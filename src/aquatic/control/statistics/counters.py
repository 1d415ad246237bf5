"""What the data plane's counters are called for people and Prometheus, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from aquatic.control.border import IP_VERSIONS, IpVersion
from aquatic.control.model import Protocol

FamilyCounters = dict[IpVersion, Counter[str]]

# UDP
UDP_REQUEST_TYPES: Final = ("connect", "announce", "scrape")
UDP_RESPONSE_TYPES: Final = (*UDP_REQUEST_TYPES, "error")
UDP_REQUEST_COUNTERS: Final = (
    *(f"requests_{kind}" for kind in UDP_REQUEST_TYPES),
    # The Rust tracker counts what it could read, before it looks at the connection id.
    "errors_connection_id_bad",
    "errors_connection_id_expired",
)
UDP_ERROR_CAUSES: Final = (
    "malformed",
    "connection_id_bad",
    "connection_id_expired",
    "refused",
    "not_allowed",
)
# Label of a cause of loss, and the data plane's counter.
UDP_DROP_CAUSES: Final = {
    "kernel": "dropped_by_kernel",
    "send_buffer_full": "dropped_send_buffer_full",
    "send_error": "dropped_send_error",
}
# Preamble, Ethernet header and checksum, IP and UDP headers: the Rust tracker counts bytes of the link.
LINK_BYTES_PER_DATAGRAM: Final[dict[IpVersion, int]] = {4: 8 + 18 + 20 + 8, 6: 8 + 18 + 40 + 8}

# HTTP. The Rust tracker counts nothing of pages and of what is neither an announce nor a scrape.
HTTP_REQUEST_TYPES: Final = ("announce", "scrape")
HTTP_RESPONSES: Final = {
    "announce": "responses_announce",
    "scrape": "responses_scrape",
    "error": "responses_failure",
}
HTTP_ERROR_CAUSES: Final = (
    "not_http",
    "too_large",
    "not_found",
    "method",
    "upgrade",
    "no_client_address",
    "refused",
    "not_allowed",
)

# WebSocket
WS_REQUEST_TYPES: Final = ("announce", "scrape")
WS_RESPONSE_TYPES: Final = ("announce", "scrape", "error", "offer", "answer")
# Label of a cause, and the data plane's counter.
WS_ERROR_CAUSES: Final = {
    "frame": "errors_frame",
    "too_large": "errors_too_large",
    "not_json": "errors_not_json",
    "malformed": "errors_malformed",
    "refused": "errors_refused",
    "not_allowed": "errors_not_allowed",
    "answer_unexpected": "answers_unexpected",
}
OFFER_DROP_CAUSES: Final = {
    "no_receiver": "offers_without_receiver",
    "over_limit": "offers_over_limit",
}

# Connections
CLOSE_CAUSES: Final = {
    "peer": "closed_by_peer",
    "answer": "closed_by_answer",
    "error": "closed_by_error",
    "handshake_time": "closed_handshake_time",
    "header_time": "closed_header_time",
    "idle_time": "closed_idle_time",
    "output_time": "closed_output_time",
    "output_full": "closed_output_full",
    "request_too_long": "closed_request_too_long",
    "proxy_header": "closed_proxy_header",
    "tls": "closed_tls",
    "no_memory": "closed_no_memory",
    "address_limit": "closed_address_limit",
    "newcomer": "closed_for_newcomer",
    "end": "closed_at_end",
}
REFUSAL_CAUSES: Final = {
    "worker_full": "refused_worker_full",
    "address_full": "refused_address_full",
    "address_rate": "refused_address_rate",
    "no_memory": "refused_no_memory",
}
# Why a message from one connection to another was lost.
MESSAGE_DROP_CAUSES: Final = {
    "slow": "messages_dropped_slow",
    "no_memory": "messages_dropped_no_memory",
    "inbox_full": "messages_dropped_inbox_full",
    "gone": "messages_to_gone",
}

# What a protocol's latencies are told apart by.
LATENCY_TYPES: Final = {
    Protocol.UDP: UDP_REQUEST_TYPES,
    Protocol.HTTP: ("announce", "scrape", "other"),
    Protocol.WS: ("announce", "scrape", "other"),
}
LATENCY_PERCENTILES: Final = (50, 90, 99, 99.9, 100)


def total(workers: Iterable[FamilyCounters]) -> FamilyCounters:
    """All workers' counters together."""
    together: FamilyCounters = {family: Counter() for family in IP_VERSIONS}
    for worker in workers:
        for family in IP_VERSIONS:
            together[family].update(worker[family])
    return together


def between(earlier: Iterable[FamilyCounters], later: Iterable[FamilyCounters]) -> FamilyCounters:
    """What all workers together have counted from one moment to another."""
    counted, before = total(later), total(earlier)
    for family in IP_VERSIONS:
        counted[family].subtract(before[family])
    return counted


def udp_requests_count(counters: Counter[str]) -> int:
    """Requests that could be read, whatever their connection id."""
    return sum(counters[name] for name in UDP_REQUEST_COUNTERS)


def udp_responses_count(counters: Counter[str]) -> int:
    """Responses of all types."""
    return sum(counters[f"responses_{kind}"] for kind in UDP_RESPONSE_TYPES)


def link_bytes_received(counters: Counter[str], family: IpVersion) -> int:
    """What all datagrams received took on an Ethernet link."""
    datagrams = udp_requests_count(counters) + counters["errors_malformed"]
    return counters["bytes_received"] + datagrams * LINK_BYTES_PER_DATAGRAM[family]


def link_bytes_sent(counters: Counter[str], family: IpVersion) -> int:
    """What all responses took on an Ethernet link."""
    return counters["bytes_sent"] + udp_responses_count(counters) * LINK_BYTES_PER_DATAGRAM[family]


def http_requests_count(counters: Counter[str]) -> int:
    """Requests that could be read."""
    return sum(counters[f"requests_{kind}"] for kind in (*HTTP_REQUEST_TYPES, "other"))


def http_responses_count(counters: Counter[str]) -> int:
    """Responses of all types."""
    return sum(counters[name] for name in (*HTTP_RESPONSES.values(), "responses_other"))


def ws_requests_count(counters: Counter[str]) -> int:
    """Requests that could be read."""
    return sum(counters[f"requests_{kind}"] for kind in WS_REQUEST_TYPES)


def ws_responses_count(counters: Counter[str]) -> int:
    """Messages sent, of all types."""
    return sum(counters[f"responses_{kind}"] for kind in WS_RESPONSE_TYPES)


def connections_open(workers: Iterable[FamilyCounters]) -> int:
    """How many connections all workers have now."""
    return sum(counters["active"] for counters in total(workers).values())

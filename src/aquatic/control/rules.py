"""Rules between settings: contradictions end the start, doubts are said at it.

They name fields of the model; whoever read the file turns those into keys and lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from aquatic.control.answer_sizes import (
    RESPONSE_BYTES_MAX,
    announce_peers_fitting,
    http_peers_fitting,
    http_torrents_asked,
    http_torrents_fitting,
    scrape_torrents_fitting,
    ws_torrents_fitting,
)
from aquatic.control.model import (
    LISTENERS_MAX,
    ORIGINS_MAX,
    TRUSTED_NETWORKS_MAX,
    AccessListMode,
    Answers,
    Configuration,
    Connections,
    CpuPinning,
    HttpAnswers,
    Listener,
    ModelField,
    Protocol,
    Statistics,
    Swarm,
    WsAnswers,
)
from aquatic.control.setting import setting_of
from aquatic.control.socket_address import SocketAddress

# RFC 9110, section 5.6.2, and as long as the data plane compares.
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
STREAM_FIELDS = (
    "backlog_connections",
    "keep_alive",
    "health_page",
    "proxy_header",
    "proxy_protocol",
    "trusted_proxies",
    "allowed_origins",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about settings together. `text` refers to them as {0}, {1} ..., the one to change first."""

    text: str
    fields: tuple[ModelField, ...]


def contradictions(configuration: Configuration, usable_cores: frozenset[int]) -> Iterator[Finding]:
    """Settings that can't be had together: no start with any of them."""
    yield from _contradicting_places(configuration.listeners)
    for index, listener in enumerate(configuration.listeners):
        yield from _contradicting_listener(listener, index)
    if configuration.speaks(Protocol.HTTP):
        yield from _contradicting_intervals(configuration.http)
    yield from _contradicting_statistics(configuration.statistics)
    yield from _contradicting_prometheus(configuration.statistics, configuration.listeners)
    yield from _missing_names(configuration)
    exports = configuration.scrape_exports
    if exports.enabled and exports.path.endswith(".tmp"):
        text = "{0} must not end in .tmp, the name that the file has while incomplete"
        yield Finding(text, (_field(exports, "path"),))
    pinning = configuration.workers.cpu_pinning
    try:
        pinning.worker_cores(1, usable_cores)
    except ValueError as error:
        yield Finding(f"{{0}}: {error}", (_field(pinning, "cores"),))


def doubts(configuration: Configuration) -> Iterator[Finding]:
    """Settings that work otherwise than one may think: said at start."""
    for index, listener in enumerate(configuration.listeners):
        yield from _doubtful_listener(listener, index)
    if configuration.speaks(Protocol.UDP):
        yield from _udp_answers_too_long(configuration)
        yield from _forgotten_peers(configuration.swarm, configuration.udp, "announce_interval_seconds", 0)
    if configuration.speaks(Protocol.HTTP):
        yield from _http_answers_too_long(configuration.http, configuration.connections)
        yield from _doubtful_intervals(configuration)
    if configuration.speaks(Protocol.WS):
        yield from _doubtful_websocket(configuration.ws)
    if configuration.speaks(Protocol.HTTP) or configuration.speaks(Protocol.WS):
        yield from _doubtful_connections(configuration.connections)
    yield from _doubtful_statistics(configuration.statistics)
    yield from _doubtful_pinning(configuration.workers.cpu_pinning)


def _contradicting_places(listeners: tuple[Listener, ...]) -> Iterator[Finding]:
    of_listeners = (ModelField(Configuration, "listeners"),)
    if not listeners:
        yield Finding("{0}: there is nothing to listen on", of_listeners)
    transports = ({protocol.transport for protocol in listener.protocols} for listener in listeners)
    for transport, count in Counter(chain.from_iterable(transports)).items():
        if count > LISTENERS_MAX:
            yield Finding(f"{{0}}: {count} for {transport} are more than {LISTENERS_MAX}", of_listeners)
    taken: dict[tuple[str, SocketAddress], tuple[ModelField, ModelField]] = {}
    for index, listener in enumerate(listeners):
        for transport in dict.fromkeys(protocol.transport for protocol in listener.protocols):
            place = (transport, listener.address)
            fields = (ModelField(Listener, "address", index), ModelField(Listener, "protocols", index))
            if place in taken:
                text = f"{{0}}: {transport} {listener.address} is listened on more than once"
                yield Finding(text, fields + taken[place])
            elif listener.address.port != 0:  # another port each time
                taken[place] = fields


def _contradicting_listener(listener: Listener, index: int) -> Iterator[Finding]:
    protocols = ModelField(Listener, "protocols", index)
    if not listener.protocols:
        yield Finding("{0} must not be empty", (protocols,))
    if len(set(listener.protocols)) < len(listener.protocols):
        yield Finding("{0} has a protocol twice", (protocols,))
    if Protocol.UDP in listener.protocols and set(listener.protocols) != {Protocol.UDP}:
        yield Finding('{0}: "udp" stands alone, the others need a table of their own', (protocols,))
    if listener.tls and Protocol.UDP in listener.protocols:
        yield Finding("{0}: there is no TLS over UDP", (ModelField(Listener, "tls", index), protocols))
    for name in ("tls_certificate_path", "tls_private_key_path"):
        if listener.tls and not getattr(listener, name):
            fields = (ModelField(Listener, name, index), ModelField(Listener, "tls", index))
            yield Finding("{0} must not be empty while {1} is on", fields)
    if len(listener.allowed_origins) > ORIGINS_MAX:
        text = f"{{0}}: {len(listener.allowed_origins)} are more than {ORIGINS_MAX}"
        yield Finding(text, (ModelField(Listener, "allowed_origins", index),))
    yield from _contradicting_proxies(listener, index)


def _contradicting_proxies(listener: Listener, index: int) -> Iterator[Finding]:
    header, protocol, name, trusted = (
        ModelField(Listener, field_name, index)
        for field_name in ("proxy_header", "proxy_protocol", "proxy_header_name", "trusted_proxies")
    )
    if listener.proxy_header and listener.proxy_protocol:
        yield Finding("{0} and {1} both tell the client's address: use one of them", (header, protocol))
    if listener.proxy_header and not HEADER_NAME.fullmatch(listener.proxy_header_name):
        yield Finding("{0} is not what a header can be called", (name,))
    if len(listener.trusted_proxies) > TRUSTED_NETWORKS_MAX:
        text = f"{{0}}: {len(listener.trusted_proxies)} networks are more than {TRUSTED_NETWORKS_MAX}"
        yield Finding(text, (trusted,))
    for switch, is_on in ((header, listener.proxy_header), (protocol, listener.proxy_protocol)):
        if is_on and not listener.trusted_proxies:
            yield Finding("{0} must not be empty while {1} is on", (trusted, switch))


def _contradicting_intervals(answers: HttpAnswers) -> Iterator[Finding]:
    interval = answers.announce_interval_seconds
    if answers.announce_interval_seconds_min > interval:
        names = ("announce_interval_seconds_min", "announce_interval_seconds")
        yield Finding("{0} is above {1}", tuple(_field(answers, name) for name in names))
    if answers.large_swarm_peers_min and answers.large_swarm_announce_interval_seconds < interval:
        names = ("large_swarm_announce_interval_seconds", "announce_interval_seconds")
        yield Finding("{0} is below {1}", tuple(_field(answers, name) for name in names))


def _doubtful_listener(listener: Listener, index: int) -> Iterator[Finding]:
    is_udp = Protocol.UDP in listener.protocols
    for name in STREAM_FIELDS if is_udp else ("receive_buffer_bytes",):
        if getattr(listener, name) != setting_of(Listener, name).default:
            text = "{0} has no effect over UDP" if is_udp else "{0} has no effect but over UDP"
            yield Finding(text, (ModelField(Listener, name, index),))
    switches = {
        "tls_certificate_path": "tls",
        "tls_private_key_path": "tls",
        "proxy_header_name": "proxy_header",
    }
    for name, switch in switches.items():
        if not getattr(listener, switch) and getattr(listener, name) != setting_of(Listener, name).default:
            fields = (ModelField(Listener, name, index), ModelField(Listener, switch, index))
            yield Finding("{0} has no effect because {1} is off", fields)
    if listener.allowed_origins and Protocol.WS not in listener.protocols and not is_udp:
        text = "{0} has no effect but over WebSocket"
        yield Finding(text, (ModelField(Listener, "allowed_origins", index),))
    if not is_udp:
        yield from _doubtful_proxies(listener, index)


def _doubtful_proxies(listener: Listener, index: int) -> Iterator[Finding]:
    trusted = ModelField(Listener, "trusted_proxies", index)
    switches = [name for name in ("proxy_header", "proxy_protocol") if getattr(listener, name)]
    if listener.trusted_proxies and not switches:
        yield Finding("{0} has no effect because proxies are not asked for the client's address", (trusted,))
    if any(network.prefixlen == 0 for network in listener.trusted_proxies):
        for switch in switches:
            text = "{0}: everybody is in {1}, so whoever connects can claim any address"
            yield Finding(text, (ModelField(Listener, switch, index), trusted))


def _doubtful_intervals(configuration: Configuration) -> Iterator[Finding]:
    answers = configuration.http
    jitter = answers.announce_interval_jitter_seconds
    yield from _forgotten_peers(configuration.swarm, answers, "announce_interval_seconds", jitter)
    if answers.large_swarm_peers_min:
        name = "large_swarm_announce_interval_seconds"
        yield from _forgotten_peers(configuration.swarm, answers, name, jitter)


def _forgotten_peers(
    keeper: Swarm | WsAnswers, answers: Answers | WsAnswers, name: str, jitter_seconds: int
) -> Iterator[Finding]:
    if getattr(answers, name) + jitter_seconds < keeper.peer_age_seconds_max:
        return
    fields = [_field(answers, name), _field(keeper, "peer_age_seconds_max")]
    text = "{0} is not below {1}"
    if jitter_seconds:
        fields.append(_field(answers, "announce_interval_jitter_seconds"))
        text = "{0} with {2} is not below {1}"
    yield Finding(f"{text}: peers are forgotten before they announce again", tuple(fields))


def _doubtful_websocket(answers: WsAnswers) -> Iterator[Finding]:
    yield from _forgotten_peers(answers, answers, "announce_interval_seconds", 0)
    if answers.idle_seconds_max <= answers.announce_interval_seconds:
        text = "{0} is not above {1}: connections are closed before their clients announce again"
        fields = (_field(answers, "idle_seconds_max"), _field(answers, "announce_interval_seconds"))
        yield Finding(text, fields)
    fitting = ws_torrents_fitting(answers.output_bytes_max)
    if answers.scrape_torrents_max > fitting:
        text = (
            f"{{0}}: {answers.scrape_torrents_max} torrents do not fit {{1}}, answers carry at most {fitting}"
        )
        fields = (_field(answers, "scrape_torrents_max"), _field(answers, "output_bytes_max"))
        yield Finding(text, fields)


def _doubtful_connections(connections: Connections) -> Iterator[Finding]:
    if connections.per_address_max >= connections.per_worker_max:
        text = "{0} is not below {1}: one address can take them all"
        fields = (_field(connections, "per_address_max"), _field(connections, "per_worker_max"))
        yield Finding(text, fields)


def _doubtful_statistics(statistics: Statistics) -> Iterator[Finding]:
    for name in ("standard_output", "html_file", "prometheus"):
        if getattr(statistics, name) and statistics.interval_seconds == 0:
            text = "{0} has no effect because {1} is 0"
            yield Finding(text, (_field(statistics, name), _field(statistics, "interval_seconds")))
    for name in ("peers_per_torrent", "peer_clients", "response_latency"):
        if getattr(statistics, name) and not statistics.outputs:
            text = "{0} has no effect because nothing puts out statistics"
            yield Finding(text, (_field(statistics, name),))


def _doubtful_pinning(pinning: CpuPinning) -> Iterator[Finding]:
    if pinning.cores and not pinning.active:
        text = "{0} has no effect because {1} is off"
        yield Finding(text, (_field(pinning, "cores"), _field(pinning, "active")))
    elif pinning.cores and pinning.core_offset:
        text = "{0} has no effect because {1} lists the cores"
        yield Finding(text, (_field(pinning, "core_offset"), _field(pinning, "cores")))


def _contradicting_statistics(statistics: Statistics) -> Iterator[Finding]:
    if statistics.prometheus_peer_id_prefixes and not statistics.peer_clients:
        prefixes = _field(statistics, "prometheus_peer_id_prefixes")
        yield Finding("{0} needs {1} to be on", (prefixes, _field(statistics, "peer_clients")))


def _contradicting_prometheus(statistics: Statistics, listeners: tuple[Listener, ...]) -> Iterator[Finding]:
    """Its socket is neither shared nor for one family only."""
    address = statistics.prometheus_address
    if not statistics.prometheus or not statistics.outputs or address.port == 0:
        return
    endpoint = Listener(address=address, protocols=(Protocol.HTTP,), ipv6_only=False)
    for index, listener in enumerate(listeners):
        is_stream = any(protocol.transport == "tcp" for protocol in listener.protocols)
        is_covered = listener.covers(address) or endpoint.covers(listener.address)
        if is_stream and is_covered and listener.address.port == address.port:
            fields = (_field(statistics, "prometheus_address"), ModelField(Listener, "address", index))
            yield Finding(f"{{0}}: {address} is taken by {{1}}, {listener.address}", fields)


def _missing_names(configuration: Configuration) -> Iterator[Finding]:
    access_list, statistics = configuration.access_list, configuration.statistics
    privileges, exports = configuration.privileges, configuration.scrape_exports
    needed = (
        (access_list.mode is not AccessListMode.OFF, access_list, "mode", ("path",)),
        (statistics.html_file, statistics, "html_file", ("html_file_path",)),
        (privileges.drop, privileges, "drop", ("chroot_path", "group", "user")),
        (exports.enabled, exports, "enabled", ("path",)),
    )
    for is_on, part, switch, names in needed:
        for name in names:
            if is_on and not getattr(part, name):
                text = "{0} must not be empty while {1} is on"
                yield Finding(text, (_field(part, name), _field(part, switch)))


def _udp_answers_too_long(configuration: Configuration) -> Iterator[Finding]:
    answers = configuration.udp
    for ip_version in (4, 6):
        fitting = announce_peers_fitting(ip_version)
        served = any(
            listener.serves(ip_version)
            for listener in configuration.listeners
            if Protocol.UDP in listener.protocols
        )
        if served and answers.response_peers_max > fitting:
            text = f"{{0}}: {answers.response_peers_max} peers do not fit {RESPONSE_BYTES_MAX} bytes,"
            text += f" responses to IPv{ip_version} clients carry at most {fitting}"
            yield Finding(text, (_field(answers, "response_peers_max"),))
    if answers.scrape_torrents_max > scrape_torrents_fitting():
        text = f"{{0}}: {answers.scrape_torrents_max} torrents do not fit {RESPONSE_BYTES_MAX} bytes,"
        text += f" scrape responses carry at most {scrape_torrents_fitting()}"
        yield Finding(text, (_field(answers, "scrape_torrents_max"),))


def _http_answers_too_long(answers: HttpAnswers, connections: Connections) -> Iterator[Finding]:
    peers, torrents = answers.response_peers_max, answers.scrape_torrents_max
    output = _field(connections, "output_bytes_max")
    fitting = http_peers_fitting(connections.output_bytes_max)
    if peers > fitting:
        text = f"{{0}}: {peers} peers do not fit {{1}}, responses carry at most {fitting}"
        yield Finding(text, (_field(answers, "response_peers_max"), output))
    fitting = http_torrents_fitting(connections.output_bytes_max)
    if torrents > fitting:
        text = f"{{0}}: {torrents} torrents do not fit {{1}}, responses carry at most {fitting}"
        yield Finding(text, (_field(answers, "scrape_torrents_max"), output))
    asked = http_torrents_asked(connections.header_bytes_max)
    if torrents > asked:
        text = (
            f"{{0}}: {torrents} percent-encoded info hashes do not fit {{1}}, requests have at most {asked}"
        )
        fields = (_field(answers, "scrape_torrents_max"), _field(connections, "header_bytes_max"))
        yield Finding(text, fields)


def _field(part: object, name: str) -> ModelField:
    return ModelField(type(part), name)

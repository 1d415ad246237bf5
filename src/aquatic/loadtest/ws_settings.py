"""The file of `aquatic load-test ws`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from aquatic.control.layout import model_key
from aquatic.control.model import LogLevel
from aquatic.control.setting import setting, setting_again
from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.settings import COUNT_MAX, LoadFormat, LoadSettings, common_keys, rust_keys
from aquatic.loadtest.target import Target
from aquatic.loadtest.ws import WsLoad, WsLoadTest

# A browser has one announce under way. At a set rate requests must not wait for the one before.
UNDER_WAY_OPEN: Final = 16


@dataclass(frozen=True, kw_only=True)
class WsSettings(LoadSettings):
    """WebTorrent, over WebSockets."""

    log_level: LogLevel = setting_again(LoadSettings, "log_level", LogLevel.WARN)
    scrape_torrents: int = setting_again(LoadSettings, "scrape_torrents", 5)
    connections: int = setting(16, "Connections of each worker.", minimum=1, maximum=COUNT_MAX)
    connection_creation_interval_ms: int = setting(
        10,
        "Open one after the other with this pause in each worker; 0: all at once.",
        minimum=0,
        maximum=3_600_000,
    )
    measure_after_max_connections_reached: bool = setting(
        True, "Begin when all connections are open; false: with the first."
    )
    torrents_per_connection: int = setting(
        10,
        "Torrents that each connection announces, about. A torrent has at most one peer of a connection: those that"
        " would have more give them to others.",
        minimum=1,
        maximum=COUNT_MAX,
    )
    enable_tls: bool = setting(
        True, "Use TLS, as the Rust load tester always does. Certificates are not verified."
    )
    path: str = setting("/", "Of the tracker's URL.")
    idle: bool = setting(False, "Ask for nothing, but keep connections open and answer pings and offers.")
    offers: int = setting(10, "Offers of each announce.", minimum=0, maximum=64)
    answer_probability: float = setting(
        1.0, "Probability that an offer that was received is answered.", minimum=0, maximum=1
    )
    answers_acknowledged: bool = setting(
        False, "The tracker responds to answers as it does to announces, as the Rust aquatic_ws."
    )
    session_bytes_min: int = setting(
        1000, "The shortest session descriptions, as JSON, about.", minimum=1, maximum=8192
    )
    session_bytes_max: int = setting(2000, "The longest.", minimum=1, maximum=8192)
    requests_under_way_max: int = setting(
        0,
        f"Requests of each connection without a response at a time; 0: one, or {UNDER_WAY_OPEN} at a set rate.",
        minimum=0,
        maximum=1024,
    )
    slow_reader_share: float = setting(
        0.0,
        "So many of the connections read slowly, and answer no offers. What comes late or not at all to them is no"
        " error, and in no latency.",
        minimum=0,
        maximum=1,
    )
    slow_bytes_per_second: int = setting(4096, "That each of those reads.", minimum=1, maximum=1_000_000_000)
    frame_bytes_max: int = setting(
        16_384, "Messages that are longer are sent in several frames.", minimum=4096, maximum=65_535
    )

    @property
    def mode(self) -> Literal["closed", "open", "hold"]:
        """How it goes on after all have announced, if they do."""
        return "hold" if self.idle else super().mode

    @property
    def greets(self) -> bool:
        """Whether all connections are opened before anything is measured."""
        return self.measure_after_max_connections_reached

    @property
    def greeting_seconds_max(self) -> float:
        """With the pauses between connections."""
        return 10 + self.connections * self.connection_creation_interval_ms / 1000

    def population(self, target: Target, share: float, seed: int) -> Population:
        """The sources of its peers are connections. ValueError."""
        del target
        connections = max(1, round(self.connections * share)) * self.workers
        sizes = self._torrent_sizes(connections * self.torrents_per_connection)
        return Population(shapes.capped(sizes, connections), connections, self.seeder_probability, seed)


def _ws_load(settings: WsSettings, terms: dict[str, Any], share: float) -> WsLoad:
    del share  # The population has it.
    interval_ms = settings.connection_creation_interval_ms
    return WsLoad(
        **terms,
        connections_per_second=1000 / interval_ms if interval_ms else 0.0,
        tls=settings.enable_tls,
        path=settings.path,
        offers=settings.offers,
        answer_probability=settings.answer_probability,
        answers_acknowledged=settings.answers_acknowledged,
        session_bytes_min=settings.session_bytes_min,
        session_bytes_max=settings.session_bytes_max,
        requests_under_way_max=settings.requests_under_way_max
        or (UNDER_WAY_OPEN if settings.requests_per_second else 1),
        slow_reader_share=settings.slow_reader_share,
        slow_bytes_per_second=settings.slow_bytes_per_second,
        frame_bytes_max=settings.frame_bytes_max,
    )


_WS_NAMES: Final = {
    "server_address": "server_address",
    "log_level": "log_level",
    "workers": "num_workers",
    "connections": "num_connections_per_worker",
    "connection_creation_interval_ms": "connection_creation_interval_ms",
    "duration_seconds": "duration",
    "measure_after_max_connections_reached": "measure_after_max_connections_reached",
    "offers": "torrents.offers_per_request",
    "torrents": "torrents.number_of_torrents",
    "seeder_probability": "torrents.peer_seeder_probability",
    "weight_announce": "torrents.weight_announce",
    "weight_scrape": "torrents.weight_scrape",
    "gamma_shape": "torrents.torrent_gamma_shape",
    "gamma_scale": "torrents.torrent_gamma_scale",
}
_ADDITIONS: Final = {
    "enable_tls": "enable_tls",
    "path": "path",
    "idle": "idle",
    "slow_reader_share": "slow_reader_share",
    "slow_bytes_per_second": "slow_bytes_per_second",
    "frame_bytes_max": "frame_bytes_max",
    "torrents_per_connection": "torrents.torrents_per_connection",
    "requests_under_way_max": "torrents.requests_under_way_max",
    "answer_probability": "torrents.answer_probability",
    "answers_acknowledged": "torrents.answers_acknowledged",
    "session_bytes_min": "torrents.session_bytes_min",
    "session_bytes_max": "torrents.session_bytes_max",
}
# Connections are what peers come from, offers what they ask with.
_WITHOUT: Final = dict.fromkeys(("sources", "peers", "peers_wanted"), "")
WS_LOAD_FORMAT: Final = LoadFormat(
    WsSettings,
    (
        *rust_keys(WsSettings, _WS_NAMES),
        *(model_key(place, WsSettings, name, is_addition=True) for name, place in _ADDITIONS.items()),
        *common_keys(WsSettings, "torrents", _WS_NAMES | _WITHOUT),
    ),
    _ws_load,
    WsLoadTest,
)

"""WebTorrent on the connection server, for tests: connections speak in frames from the first byte on."""

from dataclasses import dataclass
from typing import Literal

from aquatic.testing.stream import StreamServer
from aquatic.testing.swarm import Swarm
from aquatic.testing.ws_swarm import WsSwarmWindow

@dataclass(frozen=True, kw_only=True)
class WsSettings:
    announce_interval_seconds: int = 120
    scrape_torrents_max: int = 20
    offers_max: int = 10
    memberships_max: int = 20
    frame_bytes_max: int = 4000
    message_bytes_max: int = 8000

class WsService:
    """Lets a server that has no connection yet speak WebTorrent on all of its listeners. To be kept as long as it."""

    def __init__(
        self, server: StreamServer, peers: WsSwarmWindow, downloads: Swarm, settings: WsSettings
    ) -> None: ...
    def counters(self, family: Literal[4, 6] = 4) -> dict[str, int]: ...
    def set_access_list(self, mode: Literal["allow", "deny"], info_hashes: bytes) -> None: ...

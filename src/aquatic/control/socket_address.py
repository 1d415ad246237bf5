"""An IP address with a port, as configuration files write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

PORT_MAX = 65_535
EXPECTED = 'expected ADDRESS:PORT, such as "0.0.0.0:3000" or "[::]:3000"'


@dataclass(frozen=True, slots=True, order=True)
class SocketAddress:
    """Where a socket is bound. Port 0: one that the system chooses."""

    host: IPv4Address | IPv6Address
    port: int

    @classmethod
    def parse(cls, text: str) -> SocketAddress:
        """Read `1.2.3.4:80`, `[::1]:80` or `[fe80::1%eth0]:80`; ValueError says what is wrong.

        An IPv4-mapped address is refused: bound to an IPv6-only socket it could never receive anything.
        """
        host_text, colon, port_text = text.rpartition(":")
        if not colon or not re.fullmatch("[0-9]{1,5}", port_text):
            raise ValueError(EXPECTED)
        bracketed = host_text.startswith("[") and host_text.endswith("]")
        try:
            host = ip_address(host_text[1:-1] if bracketed else host_text)
        except ValueError:
            raise ValueError(EXPECTED) from None
        if bracketed != (host.version == 6):
            raise ValueError(EXPECTED)
        if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
            raise ValueError(f'an IPv4-mapped address; write it as IPv4: "{host.ipv4_mapped}:{port_text}"')
        if int(port_text) > PORT_MAX:
            raise ValueError(f"the port must be at most {PORT_MAX}")
        return cls(host, int(port_text))

    @property
    def ip_version(self) -> Literal[4, 6]:
        """The address family, as people number it."""
        return self.host.version

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.ip_version == 6 else f"{self.host}:{self.port}"

"""Who may be load-tested: this machine, or what is the user's own."""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TargetError(ValueError):
    """The target is not one, or not one that load may be sent to."""


@dataclass(frozen=True, slots=True)
class Target:
    """A tracker's address and port."""

    address: Address
    port: int

    @classmethod
    def parse(cls, text: str, *, is_mine: bool = False) -> Self:
        """From `HOST:PORT` or `[IPv6]:PORT`. Anything but loopback needs `is_mine`. TargetError."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise TargetError(f"{text!r} is not HOST:PORT")
        try:
            found = socket.getaddrinfo(
                host.removeprefix("[").removesuffix("]"), int(port), type=socket.SOCK_DGRAM
            )
        except OSError as error:
            raise TargetError(f"{host}: {error.strerror}") from error
        address = ipaddress.ip_address(found[0][4][0])
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        if not (mapped or address).is_loopback and not is_mine:
            raise TargetError(
                f"{address} is not this machine: load is for trackers of your own; --target-is-mine says that it is one"
            )
        return cls(mapped or address, int(port))

    @property
    def family(self) -> socket.AddressFamily:
        """Of the sockets that reach it."""
        return socket.AF_INET if self.address.version == 4 else socket.AF_INET6

    def own_address(self) -> Address:
        """The address of this machine that packets to it come from. OSError when there is no way to it."""
        with socket.socket(self.family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(self.address), self.port))
            return ipaddress.ip_address(probe.getsockname()[0])

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"

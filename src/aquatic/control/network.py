"""A range of IP addresses, as configuration files write it."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

EXPECTED = 'expected ADDRESS/LENGTH, such as "10.0.0.0/8" or "fd00::/8"'
# ip_network() would also take netmasks, host masks, and zones, which say nothing about a range.
WRITTEN_NETWORK = re.compile(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?")


def parse_network(text: str) -> Network:
    """Read `10.0.0.0/8`, `fd00::/8`, or an address alone; ValueError says what is wrong.

    An IPv4-mapped network is refused: IPv4 clients of IPv6 sockets count as IPv4.
    """
    if not WRITTEN_NETWORK.fullmatch(text):
        raise ValueError(EXPECTED)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(EXPECTED) from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("an IPv4-mapped network; write it as IPv4")
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f'has bits set beyond its length; the network is "{network}"')
    return network

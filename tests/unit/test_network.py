"""Networks as configuration files write them."""

import re
from ipaddress import ip_network

import pytest

from aquatic.control.network import EXPECTED, parse_network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("FD00::/8", "fd00::/8"),
        ("::/0", "::/0"),
        ("2001:db8::1", "2001:db8::1/128"),
    ],
)
def test_a_network_or_an_address_alone(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        *((text, EXPECTED) for text in ("", "localhost", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "/8")),
        *((text, EXPECTED) for text in ("10.0.0.0/255.0.0.0", "fe80::%eth0/64", "[::]/0", " ::/0", "::/0\n")),
        ("10.1.2.3/8", 'has bits set beyond its length; the network is "10.0.0.0/8"'),
        ("fd00::1/8", 'has bits set beyond its length; the network is "fd00::/8"'),
        ("::ffff:10.0.0.0/104", "an IPv4-mapped network; write it as IPv4"),
        ("::ffff:10.0.0.1", "an IPv4-mapped network; write it as IPv4"),
    ],
)
def test_what_is_no_network(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(error)}$"):
        parse_network(text)

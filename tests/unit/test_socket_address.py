"""Addresses with ports, as configuration files write them."""

from ipaddress import ip_address

import pytest

from aquatic.control.socket_address import EXPECTED, SocketAddress


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:3000", "0.0.0.0", 3000),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::]:65535", "::", 65535),
        ("[2001:db8::1]:1", "2001:db8::1", 1),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ],
)
def test_addresses_are_read_and_written(text: str, host: str, port: int) -> None:
    address = SocketAddress.parse(text)
    assert (address.host, address.port) == (ip_address(host), port)
    assert str(address) == text
    assert address.ip_version == ip_address(host).version


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "3000", ":3000", "localhost:1", " 0.0.0.0:1"),
        *("0.0.0.0", "0.0.0.0:", "0.0.0.0:-1", "0.0.0.0:+1", "0.0.0.0: 1", "0.0.0.0:1_0", "0.0.0.0:\u0661"),
        *("0.0.0.0:000001", "0.0.0:1", "00.0.0.0:1", "[0.0.0.0]:1"),
        *("::1:3000", "[::1]", "[::1]3000", "[::1:3000", "::1]:3000", "[]:1", "[::1%]:1"),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the message is compared below
        SocketAddress.parse(text)
    assert str(caught.value) == EXPECTED


def test_a_port_beyond_the_range() -> None:
    with pytest.raises(ValueError, match="the port must be at most 65535"):
        SocketAddress.parse("0.0.0.0:65536")


def test_a_mapped_address_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(ValueError, match=r'write it as IPv4: "1\.2\.3\.4:5"'):
        SocketAddress.parse("[::ffff:1.2.3.4]:5")

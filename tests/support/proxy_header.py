"""PROXY headers as a proxy writes them."""

import socket
import struct
from ipaddress import ip_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def text_header(source: str, port: int, destination: str = "", destination_port: int = 443) -> bytes:
    """Version 1."""
    version = ip_address(source).version
    destination = destination or ("192.0.2.1" if version == 4 else "2001:db8::1")
    return f"PROXY TCP{version} {source} {destination} {port} {destination_port}\r\n".encode()


def binary_header(source: str, port: int, values: bytes = b"", command: int = 0x21) -> bytes:
    """Version 2; `values` are the type-length-values behind the addresses."""
    address = ip_address(source)
    family, other = (0x11, "192.0.2.1") if address.version == 4 else (0x21, "2001:db8::1")
    content = address.packed + ip_address(other).packed + struct.pack(">HH", port, 443) + values
    return SIGNATURE + struct.pack(">BBH", command, family, len(content)) + content


def packed(text: str) -> bytes:
    """An address as the server keeps it."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)

"""A tracker process that serves HTTP, and requests to it over real connections."""

from __future__ import annotations

import re
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aquatic.protocol import bencode
from tests.support.processes import Process, running

INFO_HASH = bytes(range(7, 27))
Address = tuple[str, int]


@contextmanager
def running_tracker(folder: Path, command: str, configuration: str) -> Iterator[Process]:
    """`aquatic COMMAND` with a configuration file, in `folder`."""
    path = folder / "aquatic.toml"
    path.write_text(configuration)
    with running([sys.executable, "-m", "aquatic", command, "-c", str(path)], cwd=folder) as process:
        yield process


def http_address(process: Process, scheme: str = "") -> Address:
    """Where the next HTTP socket (of that scheme) listens that the process tells of."""
    line = process.wait_for_line(f"listening on {scheme}://" if scheme else "listening on http")
    match = re.fullmatch(r"listening on https?://\[?([^\]]+?)\]?:(\d+)", line)
    assert match is not None, line
    return match[1], int(match[2])


@contextmanager
def connection_to(address: Address, context: ssl.SSLContext | None = None) -> Iterator[HTTPConnection]:
    made = HTTPSConnection(*address, context=context) if context else HTTPConnection(*address)
    with closing(made):
        yield made


def get(connection: HTTPConnection, path: str, **headers: str) -> dict[bytes, Any]:
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    decoded = bencode.decode(response.read())
    assert isinstance(decoded, dict)
    return decoded


def announce_path(port: int, info_hash: bytes = INFO_HASH, **parameters: object) -> str:
    query = {"port": port, "left": 1, "uploaded": 0, "downloaded": 0, "compact": 1} | parameters
    rest = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/announce?info_hash={quote(info_hash, safe='')}&peer_id=-XX0000-abcdefghijkl&{rest}"

"""A minimal HTTP server for one page, bounded in every way a stranger could use."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable

from aquatic.control.errors import StartError, reason
from aquatic.control.socket_address import SocketAddress
from aquatic.control.statistics.exposition import CONTENT_TYPE

logger = logging.getLogger(__name__)

CONNECTIONS_MAX = 32
REQUEST_BYTES_MAX = 8_192
CONNECTION_SECONDS_MAX = 10
ACCEPT_RETRY_SECONDS = 1.0
COMPLAINT_SECONDS = 60.0
PATHS = ("/", "/metrics")


def open_endpoint(address: SocketAddress) -> socket.socket:
    """Bind and listen; StartError when that can't be."""
    family = socket.AF_INET6 if address.ip_version == 6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        # Without it a restart would have to wait for the old connections' TIME_WAIT.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(address.host), address.port))
        listening.listen(CONNECTIONS_MAX)
    except OSError as error:
        listening.close()
        hint = " (by another process)" if error.errno == errno.EADDRINUSE else ""
        raise StartError(f"cannot serve Prometheus on http://{address}: {reason(error)}{hint}") from None
    return listening


def endpoint_url(listening: socket.socket) -> str:
    """Where the metrics are to be had."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/metrics" if ":" in host else f"http://{host}:{port}/metrics"


class HttpEndpoint:
    """Answers GET requests for `/` and `/metrics` with what `render` returns, and closes the connection."""

    def __init__(self, listening: socket.socket, render: Callable[[], bytes]) -> None:
        self._listening = listening
        self._render = render
        self._connections = 0
        # In the loop's time.
        self._complained: float | None = None

    async def serve(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        with self._listening:
            # Not asyncio's server: without descriptors it logs thousands of lines.
            while True:
                try:
                    connection, _ = await loop.sock_accept(self._listening)
                except ConnectionError:
                    continue  # it ended while it waited
                except OSError as error:
                    self._complain(error, loop.time())
                    await asyncio.sleep(ACCEPT_RETRY_SECONDS)
                    continue
                await loop.connect_accepted_socket(self._protocol, connection)

    def _complain(self, error: OSError, now: float) -> None:
        if self._complained is None or now - self._complained >= COMPLAINT_SECONDS:
            self._complained = now
            text = (
                "Prometheus has to wait: no connection can be accepted: %s (raise LimitNOFILE or ulimit -n)"
            )
            logger.error(text, reason(error))

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(REQUEST_BYTES_MAX), self._connection)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            # A client that is slow or gone is no failure of ours. Cancelled is who is still there at the end;
            # asyncio's own callback would take that for a failure.
            with contextlib.suppress(TimeoutError, ConnectionError, asyncio.CancelledError):
                async with asyncio.timeout(CONNECTION_SECONDS_MAX):
                    writer.write(await self._response(reader))
                    writer.close()
                    await writer.wait_closed()
        finally:
            self._connections -= 1
            writer.transport.abort()

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        if self._connections > CONNECTIONS_MAX:
            return _plain("503 Service Unavailable")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _plain("431 Request Header Fields Too Large")
        except asyncio.IncompleteReadError:
            return b""
        method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
        target, _, version = rest.rpartition(b" ")
        if not version.startswith(b"HTTP/1."):
            return _plain("400 Bad Request")
        if method != b"GET":
            return _plain("405 Method Not Allowed", "Allow: GET\r\n")
        if target.partition(b"?")[0].decode("latin-1") not in PATHS:
            return _plain("404 Not Found")
        return _respond("200 OK", CONTENT_TYPE, self._render())


def _plain(status: str, header: str = "") -> bytes:
    return _respond(status, "text/plain; charset=utf-8", f"{status}\n".encode(), header)


def _respond(status: str, content_type: str, body: bytes, header: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n{header}\r\n"
    )
    return head.encode("ascii") + body

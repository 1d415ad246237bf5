"""The metrics' HTTP server, spoken to byte by byte."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from aquatic.control.errors import StartError
from aquatic.control.socket_address import SocketAddress
from aquatic.control.statistics import http_endpoint
from aquatic.control.statistics.http_endpoint import HttpEndpoint, endpoint_url, open_endpoint

BODY = b"aquatic_peers 1\n"
Conversation = Callable[[int], Coroutine[None, None, None]]


def serve(conversation: Conversation, render: Callable[[], bytes] = lambda: BODY) -> None:
    """Run a conversation with an endpoint, given its port."""

    async def run() -> None:
        listening = open_endpoint(SocketAddress.parse("127.0.0.1:0"))
        server = asyncio.create_task(HttpEndpoint(listening, render).serve())
        try:
            await asyncio.wait_for(conversation(listening.getsockname()[1]), 30)
        finally:
            server.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await server
            listening.close()

    asyncio.run(run())


async def ask(port: int, request: bytes) -> bytes:
    """Everything that is answered until the server closes the connection."""
    loop = asyncio.get_running_loop()
    answer = b""
    with socket.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        # A server that has read enough of a request resets the connection: its answer came before.
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(client, request)
        with contextlib.suppress(ConnectionError):
            while received := await loop.sock_recv(client, 65_536):
                answer += received
    return answer


@pytest.mark.parametrize("target", ["/metrics", "/", "/metrics?name[]=aquatic_peers"])
def test_a_scrape(target: str) -> None:
    async def conversation(port: int) -> None:
        answer = await ask(port, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, body = answer.split(b"\r\n\r\n")
        assert body == BODY
        lines = head.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in lines
        assert f"Content-Length: {len(BODY)}" in lines
        assert "Connection: close" in lines

    serve(conversation)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"HEAD / HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET /other HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /metrics/../etc/passwd HTTP/1.0\r\n\r\n", b"404 Not Found"),
        (b"GET \xff\xfe HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /metrics\r\n\r\n", b"400 Bad Request"),
        (b"\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000, b"431 Request Header Fields Too Large"),
    ],
)
def test_what_is_no_scrape_is_refused(request_bytes: bytes, status: bytes) -> None:
    async def conversation(port: int) -> None:
        answer = await ask(port, request_bytes)
        assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
        assert BODY not in answer

    serve(conversation)


def test_connections_over_the_bound_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_endpoint, "CONNECTIONS_MAX", 2)

    async def conversation(port: int) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        answer = await ask(port, b"GET / HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        while not (await ask(port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 "):
            await asyncio.sleep(0)

    serve(conversation)


def test_a_silent_connection_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_endpoint, "CONNECTION_SECONDS_MAX", 0.05)

    async def conversation(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HT")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    serve(conversation)


def test_a_client_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_endpoint, "CONNECTION_SECONDS_MAX", 0.05)
    monkeypatch.setattr(http_endpoint, "CONNECTIONS_MAX", 1)
    more_than_buffers_hold = b"x" * 50_000_000
    pages = iter([more_than_buffers_hold])

    async def conversation(port: int) -> None:
        with socket.socket() as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            while BODY not in await ask(port, b"GET / HTTP/1.1\r\n\r\n"):
                await asyncio.sleep(0.01)

    serve(conversation, lambda: next(pages, BODY))


def test_a_client_that_leaves_is_no_failure() -> None:
    async def conversation(port: int) -> None:
        for request in (b"", b"GET /", b"GET / HTTP/1.1\r\n\r\n"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            writer.transport.abort()
        assert BODY in await ask(port, b"GET / HTTP/1.1\r\n\r\n")

    serve(conversation)


@pytest.mark.parametrize(("complaint_seconds", "complaints"), [(3_600.0, 1), (0.0, 5)])
def test_accepting_goes_on_when_descriptors_are_there_again(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    complaint_seconds: float,
    complaints: int,
) -> None:
    monkeypatch.setattr(http_endpoint, "ACCEPT_RETRY_SECONDS", 0)
    monkeypatch.setattr(http_endpoint, "COMPLAINT_SECONDS", complaint_seconds)
    errors = iter([errno.EMFILE, errno.ECONNABORTED, errno.ENFILE, errno.ENOBUFS, errno.EMFILE, errno.EMFILE])
    accept = asyncio.SelectorEventLoop.sock_accept

    async def fail_at_first(loop: asyncio.SelectorEventLoop, listening: socket.socket) -> Any:
        for error in errors:
            raise OSError(error, os.strerror(error))
        return await accept(loop, listening)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_accept", fail_at_first)

    async def conversation(port: int) -> None:
        assert BODY in await ask(port, b"GET / HTTP/1.1\r\n\r\n")

    serve(conversation)
    assert len(caplog.messages) == complaints
    assert caplog.messages[0].startswith(
        "Prometheus has to wait: no connection can be accepted: Too many open"
    )


def test_an_address_in_use_is_an_error() -> None:
    with open_endpoint(SocketAddress.parse("127.0.0.1:0")) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(
            StartError, match=f"cannot serve Prometheus on http://{address}: Address already in use"
        ):
            open_endpoint(SocketAddress.parse(address))


def test_urls() -> None:
    for text in ("127.0.0.1:0", "[::1]:0"):
        with open_endpoint(SocketAddress.parse(text)) as listening:
            port = listening.getsockname()[1]
            assert endpoint_url(listening) == f"http://{text[:-2]}:{port}/metrics"

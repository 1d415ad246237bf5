"""Reads what the tracker sends over HTTP with llhttp, and bencode with the library's strict decoder."""

from dataclasses import dataclass, field
from typing import Any

import httptools

from aquatic.protocol import bencode


@dataclass
class HttpAnswer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    @property
    def dictionary(self) -> dict[bytes, Any]:
        assert self.status == 200
        assert self.headers[b"content-type"] == b"text/plain"
        decoded = bencode.decode(self.body)
        assert isinstance(decoded, dict)
        return decoded

    @property
    def failure(self) -> str:
        reason = self.dictionary[b"failure reason"]
        assert isinstance(reason, bytes)
        return reason.decode()

    @property
    def closes(self) -> bool:
        return self.headers.get(b"connection") == b"close"


class _Collector:
    """The callbacks that httptools looks for."""

    def __init__(self) -> None:
        self.answers: list[HttpAnswer] = []
        self.is_complete = True

    def on_message_begin(self) -> None:
        self.answers.append(HttpAnswer())
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.answers[-1].headers
        assert name.lower() not in headers
        headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.answers[-1].body += body

    def on_message_complete(self) -> None:
        self.is_complete = True


def read_answers(data: bytes) -> list[HttpAnswer]:
    """All responses of a connection, each whole and with a length."""
    collector = _Collector()
    answers: list[HttpAnswer] = []
    while data:
        # One parser each, as one does not tell the status of a response before the next has begun.
        collector = _Collector()
        parser = httptools.HttpResponseParser(collector)
        length = response_bytes(data)
        parser.feed_data(data[:length])
        assert collector.is_complete
        (answer,) = collector.answers
        answer.status = parser.get_status_code()
        assert len(answer.body) == int(answer.headers[b"content-length"])
        assert b"transfer-encoding" not in answer.headers
        answers.append(answer)
        data = data[length:]
    return answers


def response_bytes(data: bytes) -> int:
    head, _, _ = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
    assert len(lengths) == 1
    return len(head) + 4 + int(lengths[0])

"""What the connection server does for a connection, on the network in memory."""

from aquatic.bench.micro.loop import Loop

def relayed(messages: list[bytes], workers: int) -> Loop:
    """Messages from one connection to another, of the same worker or (2) of another one. Done: bytes sent."""

def exchanges(join: bytes, offers_and_answers: list[bytes], workers: int) -> Loop:
    """WebSocket frames through all of the tracker: offers on one connection, each answered on the other, which has sent
    `join` before. Done: bytes sent on both.
    """

def timers(expire: bool) -> Loop:
    """Time limits of 1,024 connections, one after the other; or all of them, until their time comes: a call is as many
    operations then. Done: timers that are set, or have expired.
    """

def proxy_headers(headers: list[bytes]) -> Loop:
    """Done: bytes of complete headers."""

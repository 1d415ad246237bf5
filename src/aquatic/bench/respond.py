"""`python -m aquatic.bench.respond PORT`: the floor of what an HTTP tracker can cost, see responder.pyi."""

import argparse
import socket

from aquatic.bench.responder import respond

BACKLOG_CONNECTIONS = 1024
# As long as one with thirty IPv4 peers.
CONTENT = b"d8:completei0e10:incompletei0e8:intervali900e7:padding175:" + bytes(175) + b"5:peers0:e"


def answer(*, closes: bool) -> bytes:
    """An announce response without peers, as a tracker would send it."""
    connection = "close" if closes else "keep-alive"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(CONTENT)}\r\nConnection: {connection}"
    return head.encode() + b"\r\n\r\n" + CONTENT


def main() -> None:
    """Run as a program, until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m aquatic.bench.respond", description=__doc__)
    parser.add_argument("port", type=int, help="on 127.0.0.1")
    parser.add_argument("--close", action="store_true", help="close each connection after its answer")
    options = parser.parse_args()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", options.port))
        listener.listen(BACKLOG_CONNECTIONS)
        listener.setblocking(False)
        respond(listener.fileno(), answer(closes=options.close), options.close)


if __name__ == "__main__":
    main()

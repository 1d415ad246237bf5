"""Connections that misbehave, from a process of their own: on the generator's cores and behind it, for the
tracker's are the tracker's alone.

Each does one of the things that a server must bear: a request that comes a byte at a time, bytes that mean nothing,
a handshake that is not gone on with, an end in the middle, silence. One that is closed comes back.
"""

import argparse
import asyncio
import contextlib
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from aquatic.bench.process import on_cores
from aquatic.bench.trackers import Wire
from aquatic.loadtest.target import Target

REQUEST = b"GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&port=1 HTTP/1.1\r\nHost: tracker\r\n\r\n"
# The beginning of a TLS record that announces a handshake message of 512 bytes.
TLS_BEGINNING = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
# Each connection does something about once a second.
PAUSE_SECONDS = 1.0
OPEN_SECONDS_MAX = 60
READY = "all are open"
# The generator, whose priority it inherits.
BEHIND = ("nice", "-n", "15")

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextmanager
def misbehaving(target: Target, wire: Wire, connections: int, cores: tuple[int, ...]) -> Iterator[None]:
    """That many, while the context lasts. OSError when they do not all come to be."""
    command = [sys.executable, "-m", "aquatic.bench.hostile", str(target), str(connections)]
    if wire in ("https", "wss"):
        command.append("--tls")
    process = subprocess.Popen(
        [*BEHIND, *on_cores(cores), *command],
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdout is not None
    with process:
        try:
            if process.stdout.readline().strip() != READY:
                raise OSError(f"no {connections} connections to misbehave on")
            yield
        finally:
            process.terminate()


async def _trickle(connection: Connection, beginning: bytes) -> None:
    """A byte a second, and what was asked for is never read."""
    for byte in beginning:
        connection[1].write(bytes([byte]))
        await connection[1].drain()
        await asyncio.sleep(PAUSE_SECONDS)


async def _noise(connection: Connection, _beginning: bytes) -> None:
    """No protocol's bytes."""
    connection[1].write(random.randbytes(200))
    await connection[1].drain()
    await asyncio.sleep(PAUSE_SECONDS)


async def _half(connection: Connection, beginning: bytes) -> None:
    """Half of what is wanted, then an end in one direction."""
    connection[1].write(beginning[: len(beginning) // 2])
    connection[1].write_eof()
    await asyncio.sleep(PAUSE_SECONDS)


async def _reset(connection: Connection, beginning: bytes) -> None:
    """Whole, and gone before the answer."""
    connection[1].write(beginning)
    await asyncio.sleep(PAUSE_SECONDS)
    connection[1].transport.abort()


async def _silence(connection: Connection, _beginning: bytes) -> None:
    """Nothing, until the other side has enough of it."""
    await connection[0].read(1)


MISDEEDS: Sequence[Callable[[Connection, bytes], Awaitable[None]]] = (
    _trickle,
    _noise,
    _half,
    _reset,
    _silence,
)


async def _client(host: str, port: int, index: int, beginning: bytes, opened: asyncio.Semaphore) -> None:
    """One that comes back as often as it is closed."""
    misdeed = MISDEEDS[index % len(MISDEEDS)]
    is_first = True
    while True:
        with contextlib.suppress(OSError):
            connection = await asyncio.open_connection(host, port)
            if is_first:
                opened.release()
                is_first = False
            try:
                await misdeed(connection, beginning)
            finally:
                connection[1].transport.abort()
        await asyncio.sleep(PAUSE_SECONDS * random.random())


async def _all(target: Target, count: int, beginning: bytes) -> None:
    opened = asyncio.Semaphore(0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit)
    async with asyncio.TaskGroup() as group:
        for index in range(count):
            group.create_task(_client(str(target.address), target.port, index, beginning, opened))
        async with asyncio.timeout(OPEN_SECONDS_MAX):
            for _ in range(count):
                await opened.acquire()
        print(READY, flush=True)


def main() -> None:
    """Run as a program, until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m aquatic.bench.hostile", description=__doc__)
    parser.add_argument("target", metavar="HOST:PORT", type=Target.parse, help="on this machine")
    parser.add_argument("connections", type=int)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    asyncio.run(_all(options.target, options.connections, TLS_BEGINNING if options.tls else REQUEST))


if __name__ == "__main__":
    main()

"""Writes the named inputs of udp_sequence's corpus: a short story for each way into the data plane."""

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus" / "udp_sequence"
# As in src/aquatic/testing/udp_sequence.pxd.
TAGS, FEW, LITTLE, SMALL, SHORT, CONNECTED, EXPIRE = (1 << bit for bit in range(7))
CONNECT, ANNOUNCE, PORTS, TORRENTS, SCRAPE, RAW, RAW_CONNECTED, DAMAGED = range(8)
TURN, TIME, FAIL, FULL, ACCESS, CLEAN, EXPORT, DELTAS = range(8, 16)
SEEDER, STOPPED, COMPLETED = 8, 3, 1  # manners
BACK = 128  # in time


def step(kind: int, source: int = 0, *operands: int) -> bytes:
    """Return one step."""
    return bytes([kind | source << 4, *operands])


def ports(source: int, torrent: int, first: int, count: int, manner: int = 0) -> bytes:
    """Return a row of announces for one torrent from many ports."""
    return step(PORTS, source, torrent, first & 255, first >> 8, count, manner)


def torrents(source: int, first: int, count: int, manner: int = 0) -> bytes:
    """Return a row of announces of one peer for many torrents."""
    return step(TORRENTS, source, first & 255, first >> 8, count, 7, manner)


# Some turns of both workers, enough of them for long queues, and a cleaning after which all have expired.
TURNS = step(TURN, 0) + step(TURN, 1)
LONG_TURNS = step(TURN, 14) + step(TURN, 15)
AGED = step(TIME, 0, 3, 1)

INPUTS = {
    "connect_announce_scrape": [
        bytes([0]),
        step(CONNECT) + step(TURN),
        step(ANNOUNCE, 0, 1, 9, 2, 50) + step(TURN) + step(SCRAPE, 0, 0, 0, 3) + step(TURN),
    ],
    "both_families": [
        bytes([CONNECTED | EXPIRE]),
        *(step(ANNOUNCE, source, 5, 10 + source, 0, 255) for source in range(16)),
        TURNS,
        step(ANNOUNCE, 2, 5, 10, SEEDER | COMPLETED, 255) + step(ANNOUNCE, 2, 5, 10, STOPPED, 255) + TURNS,
    ],
    "id_expires": [
        bytes([CONNECTED]),
        step(ANNOUNCE, 0, 0, 1, 0, 1) + TURNS,
        step(TIME, 0, 1, 121) + step(ANNOUNCE, 0, 0, 1, 0, 1) + TURNS,
        step(TIME, 0, BACK | 1, 121) + step(ANNOUNCE, 0, 0, 1, 0, 1) + TURNS,
    ],
    "large_swarm": [
        bytes([CONNECTED | EXPIRE]),
        *(ports(source, 3, 1, 255) for source in (0, 2, 4)),
        ports(8, 3, 1, 255, SEEDER) + LONG_TURNS,
        ports(0, 3, 1, 255, SEEDER | COMPLETED) + step(TURN, 14) + step(CLEAN),
        ports(0, 3, 1, 255, STOPPED) + step(TURN, 14) + step(CLEAN) + AGED + step(CLEAN) + step(CLEAN),
    ],
    "large_swarm_tags": [
        bytes([CONNECTED | EXPIRE | TAGS]),
        ports(0, 3, 1, 255, 0x20) + ports(2, 3, 1, 255, 0x40) + ports(4, 3, 1, 255),
        ports(9, 3, 1, 255, SEEDER) + LONG_TURNS,
        ports(2, 3, 1, 255, SEEDER | COMPLETED) + step(TURN, 14) + step(CLEAN) + step(CLEAN),
    ],
    "many_torrents": [
        bytes([CONNECTED | EXPIRE]),
        torrents(0, 0, 255) + torrents(0, 255, 255, COMPLETED) + torrents(1, 0, 200, COMPLETED) + LONG_TURNS,
        step(EXPORT) + torrents(0, 510, 255, SEEDER) + step(TURN, 14) + step(EXPORT, 15) + step(EXPORT, 15),
        step(CLEAN) + torrents(0, 0, 255, STOPPED) + step(TURN, 14) + step(CLEAN) + step(CLEAN),
    ],
    "bounds": [
        bytes([CONNECTED | FEW | EXPIRE | TAGS]),
        torrents(0, 0, 60) + TURNS + ports(2, 200, 5, 120) + LONG_TURNS,
        torrents(9, 30, 60, COMPLETED) + TURNS + step(CLEAN),
    ],
    "memory_bound": [
        bytes([CONNECTED | LITTLE | EXPIRE]),
        torrents(0, 0, 255) + ports(2, 200, 5, 255) + LONG_TURNS,
        ports(2, 200, 500, 255, SEEDER) + ports(8, 200, 500, 255, SEEDER) + LONG_TURNS,
        step(CLEAN) + LONG_TURNS,
    ],
    "allocation_fails": [
        bytes([CONNECTED | EXPIRE]),
        *(
            step(FAIL, after) + ports(0, after, 1, 5) + ports(8, after, 1, 3, SEEDER) + TURNS
            for after in range(15)
        ),
        step(FAIL, 2) + step(CLEAN),
    ],
    "access_list": [
        bytes([CONNECTED | EXPIRE]),
        torrents(0, 0, 40) + step(TURN) + step(ACCESS, 0, 2, 0, 0, 20) + step(CLEAN),
        torrents(0, 0, 40) + step(SCRAPE, 0, 10, 0, 20) + step(TURN),
        step(ACCESS, 0, 1, 0, 0, 20) + step(CLEAN) + step(ACCESS, 0, 0, 0, 0, 0),
        step(ANNOUNCE, 0, 30, 7, 0, 3) + step(TURN),
    ],
    "full_send_buffer": [
        bytes([CONNECTED | SMALL]),
        step(FULL, 4) + torrents(0, 0, 40) + step(TURN, 14),
        step(FULL, 15) + step(SCRAPE, 0, 0, 0, 116) + step(TURN, 14),
    ],
    "raw": [
        bytes([CONNECTED]),
        step(RAW, 0, 16) + bytes.fromhex("0000041727101980000000000badcafe") + step(RAW, 1, 5) + b"hello",
        step(RAW_CONNECTED, 0, 8) + bytes.fromhex("0000000212345678"),
        step(RAW_CONNECTED, 0, 9) + bytes.fromhex("000000021234567800"),
        step(DAMAGED, 0, 97, 1, 98) + step(DAMAGED, 2, 5, 0, 250) + step(DAMAGED, 2, 16, 0, 97) + TURNS,
    ],
    "deltas": [
        bytes([CONNECTED | EXPIRE | TAGS]),
        step(DELTAS, 0, 9, 1, 200, 1, 30) + step(DELTAS, 8, 9, 1, 200, 4, 0),
        step(DELTAS, 0, 9, 50, 20, 2, 0) + step(DELTAS, 8, 9, 50, 20, 0, 255),
        step(ANNOUNCE, 0, 9, 1, 0, 255) + TURNS + step(EXPORT, 1) + step(CLEAN),
    ],
    "clock": [
        bytes([CONNECTED | EXPIRE]),
        torrents(0, 0, 40) + TURNS + step(TIME, 0, 3, 255) + TURNS + torrents(8, 20, 40) + TURNS,
        step(TIME, 0, BACK | 2, 255) + torrents(0, 0, 40) + TURNS + step(TIME, 0, 2, 90) + LONG_TURNS,
        step(CONNECT) + step(TURN) + step(ANNOUNCE, 0, 3, 9, 2, 50) + TURNS,
    ],
}

if __name__ == "__main__":
    for name, parts in INPUTS.items():
        (CORPUS / name).write_bytes(b"".join(parts))

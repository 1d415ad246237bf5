"""A scrape export and a save of the download counts shared one buffer without a lock."""

from concurrent.futures import ThreadPoolExecutor

from aquatic.dataplane.swarm.border import Swarm, SwarmSettings

RECORDS = [
    index.to_bytes(20, "big") + bytes([1, 0, 0, 0, 2, 0, 0, 0]) + (20_000).to_bytes(2, "little")
    for index in range(20_000)
]


def export(swarm: Swarm) -> bytes:
    pieces = []
    cursor = 0
    while cursor != -1:
        cursor, records = swarm.export_downloads(cursor)
        pieces.append(records)
    return b"".join(pieces)


def test_exports_at_the_same_time_do_not_mix() -> None:
    swarm = Swarm(
        SwarmSettings(
            workers=1,
            peer_age_seconds_max=1200,
            cleaning_interval_seconds=120,
            torrents_max=1_000_000,
            peers_max=1_000_000,
            memory_bytes_max=1 << 30,
        )
    )
    assert swarm.import_downloads(b"".join(RECORDS)) == len(RECORDS)
    expected = export(swarm)
    assert len(expected) == 30 * len(RECORDS)
    with ThreadPoolExecutor(4) as threads:
        exports = list(threads.map(lambda _: export(swarm), range(12)))
    assert all(each == expected for each in exports)

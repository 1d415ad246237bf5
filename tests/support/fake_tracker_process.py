"""`python -m tests.support.fake_tracker_process WORKER PARTS`: a tracker process around a fake data plane.

WORKER says how its workers behave; PARTS is a JSON object of changes to the configuration's parts.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
import time
from typing import Any, Literal

from aquatic.control import supervisor
from aquatic.control.border import DataPlane, IpVersion, WorkerCounts
from aquatic.control.model import Configuration, Listener, Protocol
from aquatic.control.setting import setting_of
from aquatic.control.socket_address import SocketAddress
from tests.support.fake_tracker import FakeStream, FakeTracker, WorkerBody, bucket_bound


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # in one piece: workers do so at the same time


def quiet(tracker: FakeTracker, index: int) -> None:
    while not tracker.stopped.wait(0.01):
        tracker.beats[index] += 1


def beat(tracker: FakeTracker, index: int) -> None:
    quiet(tracker, index)
    say(f"worker {index} stopped")


def fail(tracker: FakeTracker, index: int) -> None:
    if index == 1:
        raise OSError(5, "a made-up failure")
    beat(tracker, index)


def end(tracker: FakeTracker, index: int) -> None:
    if index != 1:
        beat(tracker, index)


def hang(tracker: FakeTracker, index: int) -> None:
    if index == 1:
        tracker.stopped.wait()
    beat(tracker, index)


def stay(tracker: FakeTracker, index: int) -> None:
    while True:
        tracker.beats[index] += 1
        time.sleep(0.01)


def show(tracker: FakeTracker, index: int) -> None:
    blocked = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    name = threading.current_thread().name
    say(json.dumps({"blocked": blocked, "cores": sorted(os.sched_getaffinity(0)), "name": name}))
    beat(tracker, index)


WORKERS = {worker.__name__: worker for worker in (quiet, beat, fail, end, hang, stay, show)}


BEATS_BEFORE_FAILURE = 20
EXPORT_LINE = b"4 0123456789abcdef0123456789abcdef01234567 1 2\n"


class Tracker(FakeTracker):
    """Tells of the lists that it is given, and fails where the environment says so."""

    def __init__(self, worker: WorkerBody) -> None:
        super().__init__(worker)
        self.cleaned = 1
        self.torrent_pieces = [EXPORT_LINE]
        self.download_pieces = [bytes(30)]

    def counters(self, index: int, family: IpVersion) -> dict[str, int]:
        if os.environ.get("FAIL") == "counters" and self.beats[0] > BEATS_BEFORE_FAILURE:
            raise ArithmeticError("made up")
        return super().counters(index, family)

    def swarm_counts(self) -> dict[str, int]:
        if os.environ.get("FAIL") == "start":
            raise ArithmeticError("made up")
        return super().swarm_counts()

    def heartbeat(self, index: int) -> int:
        if os.environ.get("FAIL") == "heartbeat":
            raise ArithmeticError("made up")
        return super().heartbeat(index)

    def set_access_list(self, mode: Literal["off", "allow", "deny"], info_hashes: bytes) -> None:
        super().set_access_list(mode, info_hashes)
        say(f"access list {mode} {info_hashes.hex()}")
        if os.environ.get("SIGNAL_AT_START"):
            for name in os.environ["SIGNAL_AT_START"].split():
                os.kill(os.getpid(), signal.Signals[name])
            del os.environ["SIGNAL_AT_START"]


def configuration(parts: dict[str, Any]) -> Configuration:
    listeners = parts.pop("listeners", ["127.0.0.1:0"])
    made = Configuration(listeners=tuple(map(listener, listeners)))
    changed: Configuration = change(made, parts)
    return changed


def listener(text: str) -> Listener:
    """`ADDRESS:PORT`, or `http://ADDRESS:PORT`."""
    protocol = Protocol.HTTP if text.startswith("http://") else Protocol.UDP
    return Listener(address=SocketAddress.parse(text.removeprefix("http://")), protocols=(protocol,))


def change(part: Any, changes: dict[str, Any]) -> Any:
    values = {}
    for name, value in changes.items():
        is_part = isinstance(value, dict)
        values[name] = (
            change(getattr(part, name), value) if is_part else setting_of(type(part), name).read(value)
        )
    return dataclasses.replace(part, **values)


def main() -> int:
    worker, parts = WORKERS[sys.argv[1]], json.loads(sys.argv[2])
    # Only where that is waited for: on a busy machine the others take what they need.
    if worker is hang:
        supervisor.HEARTBEAT_CHECK_SECONDS = 0.2
    if worker is stay:
        supervisor.STOP_SECONDS_MAX = 0.5
    tracker = Tracker(worker)

    def make(_configuration: Configuration, counts: WorkerCounts) -> DataPlane:
        udp = tracker if counts.udp else None
        stream = FakeStream(tracker, first_index=counts.udp) if counts.stream else None
        return DataPlane(tracker, udp, stream, None, bucket_bound)

    return supervisor.run(configuration(parts), make)


if __name__ == "__main__":
    sys.exit(main())

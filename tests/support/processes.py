"""Processes under test: lines awaited with a time limit, ends awaited, nothing left behind."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]

# Far above what anything takes on a busy machine: it bounds a failing test, it measures nothing.
WAIT_SECONDS_MAX = 60


class Process:
    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self.output: list[str] = []
        self.errors: list[str] = []
        # A stream's number and a line of it, or None at its end.
        self._lines: queue.Queue[tuple[int, str | None]] = queue.Queue()
        self._passed: list[tuple[int, str]] = []
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.popen: subprocess.Popen[str] = subprocess.Popen(command, text=True, **(streams | options))
        self._readers = [
            threading.Thread(target=self._read, args=(number, stream, lines), daemon=True)
            for number, stream, lines in (
                (1, self.popen.stdout, self.output),
                (2, self.popen.stderr, self.errors),
            )
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, number: int, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))
                self._lines.put((number, line.rstrip("\n")))
        self._lines.put((number, None))

    def wait_for_line(self, part: str) -> str:
        """The next line, of either stream, that contains `part`; those before it in its stream are passed over.

        Those of the other stream are not: which of two streams is read first says nothing.
        """
        for number, line in self._passed:
            if part in line:
                return self._pass_over(number, line)
        ends = 0
        while ends < len(self._readers):
            number, read = self._lines.get(timeout=WAIT_SECONDS_MAX)
            if read is None:
                ends += 1
                continue
            self._passed.append((number, read))
            if part in read:
                return self._pass_over(number, read)
        raise AssertionError(f"no line with {part!r}: {self.output} {self.errors}")

    def _pass_over(self, number: int, line: str) -> str:
        """Forget the stream's lines up to this one."""
        last = self._passed.index((number, line))
        self._passed = [
            passed for index, passed in enumerate(self._passed) if passed[0] != number or index > last
        ]
        return line

    def signal(self, number: int) -> None:
        os.kill(self.popen.pid, number)

    def pause(self) -> None:
        """Stop every thread until `resume`."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def wait(self) -> int:
        """The exit code, with `output` and `errors` complete."""
        code = self.popen.wait(WAIT_SECONDS_MAX)
        for reader in self._readers:
            reader.join(WAIT_SECONDS_MAX)
        return code


def wait_until(condition: Callable[[], T], complaint: Callable[[], str] = lambda: "waited too long") -> T:
    """What `condition` returns as soon as that is true; fails with `complaint` when it does not become so."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not (result := condition()):
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.01)
    return result


@contextlib.contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[Process]:
    process = Process(command, **options)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
        process.wait()


def running_fake(
    worker: str = "beat", parts: dict[str, Any] | None = None, **options: Any
) -> contextlib.AbstractContextManager[Process]:
    """The supervisor round a fake data plane; see fake_tracker_process."""
    command = [sys.executable, "-m", "tests.support.fake_tracker_process", worker, json.dumps(parts or {})]
    environment = {**options.pop("env", os.environ), "PYTHONPATH": str(ROOT)}
    return running(command, env=environment, **options)

"""Files that others read while they are written: complete or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO


@contextlib.contextmanager
def replacing(path: str, temporary_path: str) -> Iterator[IO[bytes]]:
    """Give a file to write that takes the place of `path` at the end; on any error the old one stays.

    Both must be on one file system. The content is on the disk before the name is: a power cut leaves one or
    the other, never half.
    """
    # What somebody else put there, a link to another file perhaps, is not written through.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary_path)
    descriptor = os.open(temporary_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary_path, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary_path)
        raise

"""What the kernel says of this process in /proc, also after the root directory was changed."""

from __future__ import annotations

import os

PROC = "/proc/self"
# The second field of statm is what is in memory, in pages (proc(5)).
STATM_BYTES_MAX = 256


class ProcessFigures:
    """Opens what it reads at once: an empty root directory has no /proc. What cannot be read is None."""

    def __init__(self) -> None:
        self._memory = _open(f"{PROC}/statm", os.O_RDONLY)
        self._descriptors = _open(f"{PROC}/fd", os.O_RDONLY | os.O_DIRECTORY)
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def resident_memory_bytes(self) -> int | None:
        """What the process has in memory."""
        if self._memory is None:
            return None
        try:
            return int(os.pread(self._memory, STATM_BYTES_MAX, 0).split()[1]) * self._page_bytes
        except OSError:
            return None

    def open_descriptors(self) -> int | None:
        """How many file descriptors are open."""
        if self._descriptors is None:
            return None
        try:
            # Linux 6.2 and later tell the number as the directory's size, which was 0 before. Listing opens one.
            return os.fstat(self._descriptors).st_size or len(os.listdir(self._descriptors)) - 1
        except OSError:
            return None


def _open(path: str, flags: int) -> int | None:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        return None

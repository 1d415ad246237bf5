"""What of the machine this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cores() -> frozenset[int]:
    """The cores that the process may run on, numbered as the system does (its cpuset)."""
    return frozenset(os.sched_getaffinity(0))


def usable_memory_bytes(root: Path = Path("/")) -> int:
    """The machine's memory, or less where a control group of the process has a smaller limit."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_control_group_limits(root)])


def waiting_connections_max(root: Path = Path("/")) -> int | None:
    """The most connections that the kernel lets wait for any listener; None where it does not say."""
    try:
        return int((root / "proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):
        return None


def _control_group_limits(root: Path) -> Iterator[int]:
    for path in _limit_files(root):
        try:
            yield int(path.read_text())
        except (OSError, ValueError):
            continue  # no such limit, or "max"


def _limit_files(root: Path) -> Iterator[Path]:
    """The limits of the process's groups and of those above (version 2, and the memory groups of version 1).

    In a container the path may be the host's: the limit is then at the top of what is mounted.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    mounts = {
        "": ("sys/fs/cgroup", "memory.max"),
        "memory": ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
    }
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers in mounts:
            mount, name = mounts[controllers]
            within = PurePosixPath(group.lstrip("/"))
            for part in (within, *within.parents):
                yield root / mount / part / name

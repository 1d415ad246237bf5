"""The tracker's process, found by its socket where it runs on this machine: its CPU time and memory."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from aquatic.loadtest.target import Address, Target

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"  # TCP_LISTEN, in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tracker's processes have used since their start, and what they have in memory now."""

    cpu_user_seconds: float
    cpu_system_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class LocalTracker:
    """The processes that have a socket at an address: several where workers are processes."""

    pids: tuple[int, ...]

    @classmethod
    def find(cls, target: Target, transport: Literal["tcp", "udp"]) -> Self | None:
        """None when there is no such process that this one may look at."""
        inodes = {f"socket:[{inode}]" for inode in _inodes(target, transport)}
        pids = tuple(pid for pid in _pids() if pid != os.getpid() and _has_any(pid, inodes))
        return cls(pids) if inodes and pids else None

    def usage(self) -> Usage | None:
        """Of all of them; None when one has ended."""
        try:
            each = [_usage(Path(f"/proc/{pid}")) for pid in self.pids]
        except OSError:
            return None
        return Usage(
            sum(one.cpu_user_seconds for one in each),
            sum(one.cpu_system_seconds for one in each),
            sum(one.memory_bytes for one in each),
        )


def _usage(process: Path) -> Usage:
    # The second field, the program's name, may hold spaces and parentheses.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    rss_kib = 0
    for line in (process / "status").read_text().splitlines():
        if line.startswith(("VmRSS:", "HugetlbPages:")):
            rss_kib += int(line.split()[1])
    return Usage(int(fields[11]) / _TICKS_PER_SECOND, int(fields[12]) / _TICKS_PER_SECOND, rss_kib * 1024)


def _inodes(target: Target, transport: str) -> Iterator[str]:
    """Of the sockets that take what is sent to the target."""
    for suffix in ("", "6"):
        try:
            table = Path(f"/proc/net/{transport}{suffix}").read_text()
        except OSError:
            continue
        for row in table.splitlines()[1:]:
            columns = row.split()
            if transport == "tcp" and columns[3] != _LISTENING:
                continue
            if _is_at(columns[1], target):
                yield columns[9]


def _is_at(local: str, target: Target) -> bool:
    """Whether a row's own address is the target's, or stands for all addresses."""
    host, _, port = local.partition(":")
    if int(port, 16) != target.port:
        return False
    address = _address(host)
    return address.is_unspecified or address == target.address


def _address(text: str) -> Address:
    """The kernel writes words of 32 bits in the machine's byte order."""
    words = (text[at : at + 8] for at in range(0, len(text), 8))
    return ipaddress.ip_address(b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words))


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _has_any(pid: int, links: set[str]) -> bool:
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            if os.readlink(f"/proc/{pid}/fd/{descriptor}") in links:
                return True
        except OSError:
            continue
    return False

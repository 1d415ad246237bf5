"""File descriptors: how many a configuration needs, the process's limit on them, and what that leaves."""

from __future__ import annotations

import contextlib
import resource

from aquatic.control.model import Configuration

# For everything that is not a client's connection: sockets of listeners, files, who reads the metrics.
DESCRIPTORS_RESERVED = 512
DESCRIPTORS_LIMIT = 1 << 20  # where there is none: the system's own for a process (fs.nr_open)


def descriptors_needed(configuration: Configuration, stream_workers: int) -> int:
    """With every connection taken that the workers may have."""
    return DESCRIPTORS_RESERVED + stream_workers * configuration.connections.per_worker_max


def allow_descriptors(wanted: int) -> None:
    """Raise the limit for this process as far as needed and the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _suffices(soft, wanted):
        return
    # Up to the hard limit anybody may go, beyond it root, and only to fs.nr_open.
    for limits in ((wanted, hard if _suffices(hard, wanted) else wanted), (hard, hard)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return


def descriptors_allowed() -> int:
    """How many the process may have open now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return DESCRIPTORS_LIMIT if soft == resource.RLIM_INFINITY else soft


def connections_that_fit(per_worker_max: int, descriptors: int, workers_count: int) -> int:
    """Connections of a worker, so that files and the metrics still find a descriptor when all workers are full."""
    reserved = min(DESCRIPTORS_RESERVED, descriptors // 2)
    return max(1, min(per_worker_max, (descriptors - reserved) // workers_count))


def descriptors_warning(configuration: Configuration, stream_workers: int, allowed: int) -> str | None:
    """What to tell the operator when they do not suffice for the connections that are to be had."""
    needed, wanted = (
        descriptors_needed(configuration, stream_workers),
        configuration.connections.per_worker_max,
    )
    if stream_workers == 0 or allowed >= needed:
        return None
    fitting = connections_that_fit(wanted, allowed, stream_workers)
    return (
        f"only {allowed:,} file descriptors may be open, so a worker gets {fitting:,} connections instead of"
        f" {wanted:,}; raise the hard limit to {needed} (LimitNOFILE in a unit, ulimit -Hn) or lower"
        " connections.per_worker_max [limits.max_connections_per_worker]"
    )


def _suffices(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted

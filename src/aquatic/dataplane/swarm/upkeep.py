"""A worker's part in keeping the swarm: its clock, its share of the cleaning, its signs of life."""

from cython import address, cast, declare
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.dataplane.swarm.store import store_tick
from cython.cimports.aquatic.dataplane.swarm.sweep import sweep_due
from cython.cimports.libc.stdint import uint64_t

NS_PER_SECOND = declare(uint64_t, 1_000_000_000)


def upkeep_clock(upkeep, now_ns):
    """Read the swarm's clock, before requests are answered."""
    upkeep.tick = store_tick(upkeep.store, cast(uint64_t, now_ns // NS_PER_SECOND), upkeep.tick)


def upkeep_turn(upkeep, now_ns):
    """Clean what is due, and show that the loop turns."""
    upkeep.is_behind = sweep_due(address(upkeep.sweeper), now_ns, upkeep.tick)
    bump(address(upkeep.turns), 1)

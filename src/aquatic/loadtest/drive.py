"""What the generators of all protocols have in common: see drive.pxd."""

import math

import cython
from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.atomics import load_u32, load_u64, memory_order_relaxed, store_u32, store_u64
from cython.cimports.aquatic.abi.bits import log2_floor, relax
from cython.cimports.aquatic.abi.threads import boot_ns, sleep_ns
from cython.cimports.aquatic.loadtest.drive import (
    BATCH_MAX,
    BUSY_NS,
    DUE,
    LATENCY_BUCKETS,
    LATENCY_STEPS_LOG2,
    MODE_CLOSED,
    MODE_DRAIN,
    MODE_OPEN,
    NOT_SENT,
    STALL_NS,
    STALLS,
    STOPPING_ALL,
    STOPPING_LOAD,
    STOPPING_NOTHING,
    TURNS,
    bump,
)
from cython.cimports.libc.math import ceil
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy

COMMON_COUNTER_NAMES = (
    "errors",
    "wrong_length",
    "wrong_content",
    "lost",
    "late",
    "bytes_sent",
    "bytes_received",
    "peers_received",
    "socket_errors",
    "turns",
    "stalls",
    "busy_ns",
    "due",
    "not_sent",
)
MODES = ("greet", "closed", "open", "fill", "drain", "hold")


class LoadGenerator:
    def __init__(self, population, terms) -> None:
        self.population = population
        self.read_terms(terms)
        self.read_share(terms.shares, terms.share_index)
        self.drive.idle_sleep_ns = terms.idle_sleep_us * 1000

    def read_terms(self, terms) -> None:
        """From what Python was told to what the loop reads."""
        self.terms.layout = address(self.population.layout)
        self.terms.peers_wanted = terms.peers_wanted & 0xFFFFFFFF
        self.terms.scrape_torrents = terms.scrape_torrents
        self.terms.event = terms.event
        self.terms.foreign_peers = terms.foreign_peers
        first_source = cython.declare(bytes, terms.first_source)
        self.terms.address_bytes = len(first_source)
        memcpy(self.terms.first_source, cast(pointer[uint8_t], first_source), min(len(first_source), 16))
        weights = terms.weight_connect + terms.weight_announce + terms.weight_scrape
        self.mix.connect_threshold = terms.weight_connect * 0xFFFFFFFF // weights
        self.mix.scrape_threshold = (terms.weight_connect + terms.weight_scrape) * 0xFFFFFFFF // weights

    def read_share(self, shares: int, index: int) -> None:
        """Divide the rows of peers among the workers."""
        rows = -(-self.population.peers // self.population.sources)
        self.mix.layout = address(self.population.layout)
        self.mix.first_row = rows * index // shares
        self.mix.row_count = rows * (index + 1) // shares - self.mix.first_row
        if self.mix.row_count == 0:
            raise ValueError("fewer rows of peers than workers")
        self.mix.row_step = coprime_step(self.mix.row_count)

    def run(self, mode: str, seconds: float, requests_per_second: float = 0.0, requests_max: int = 0) -> bool:
        drive = address(self.drive)
        if drive.state == NULL:
            raise ValueError("no generator of any protocol")
        drive.plan.mode = MODES.index(mode)
        drive.plan.issued = drive.plan.due = drive.plan.not_sent = 0
        drive.plan.requests_max = requests_max
        drive.plan.interval_ns = 1e9 / requests_per_second if drive.plan.mode == MODE_OPEN else 0
        drive.plan.start_ns = boot_ns()
        drive.plan.end_ns = drive.plan.start_ns + int(seconds * 1e9)
        with cython.nogil:
            reached = run_plan(drive)
        return bool(reached)

    def stop(self) -> None:
        if load_u32(address(self.drive.stopping), memory_order_relaxed) == STOPPING_NOTHING:
            store_u32(address(self.drive.stopping), STOPPING_LOAD, memory_order_relaxed)

    def stop_all(self) -> None:
        store_u32(address(self.drive.stopping), STOPPING_ALL, memory_order_relaxed)

    def counters(self) -> dict[str, int]:
        names = COMMON_COUNTER_NAMES + self.own_names
        return {
            name: load_u64(address(self.drive.counters[i]), memory_order_relaxed)
            for i, name in enumerate(names)
        }

    def latency_buckets(self) -> list[int]:
        return [
            load_u64(address(self.drive.latency[i]), memory_order_relaxed) for i in range(LATENCY_BUCKETS)
        ]

    def relay_buckets(self) -> dict[str, list[int]]:
        return {}


def latency_bucket_bound_ns(index: int) -> int:
    if not 0 <= index < LATENCY_BUCKETS:
        raise IndexError(index)
    if index < 1 << LATENCY_STEPS_LOG2:
        return index
    shift = (index >> LATENCY_STEPS_LOG2) - 1
    step = (1 << LATENCY_STEPS_LOG2) + (index & ((1 << LATENCY_STEPS_LOG2) - 1))
    return ((step + 1) << shift) - 1


def latency_bucket_of(latency_ns: int) -> int:
    return latency_bucket(latency_ns)


def coprime_step(count: int) -> int:
    """A step by which a walk round `count` places visits each of them and does not stay near."""
    step = int(count * 0.6180339887) or 1
    while math.gcd(step, count) != 1:
        step += 1
    return step


def run_plan(drive):
    """Take turns until the plan's end, its aim or `stop`; whether its aim is reached."""
    started = boot_ns()
    next_sweep = started
    while started < drive.plan.end_ns and not is_stopped(drive) and not plan_aim_reached(drive):
        if started >= next_sweep:
            drive.verbs.sweep(drive.state, started)
            next_sweep = started + drive.sweep_interval_ns
        active = drive.verbs.turn(drive.state)
        ended = boot_ns()
        bump(drive, TURNS, 1)
        note_due(drive, ended)
        if active:
            bump(drive, BUSY_NS, ended - started)
        # A batch is worth waiting for: this is what makes an answer cheap while the tracker has enough to do.
        if drive.idle_sleep_ns and active < BATCH_MAX:
            sleep_ns(drive.idle_sleep_ns)
            ended = boot_ns()
        elif not active:
            relax()
        if ended - started > STALL_NS:
            bump(drive, STALLS, 1)
        started = ended
    note_due(drive, boot_ns())
    # What has become overdue by the end is lost, however long ago it was looked at.
    if drive.plan.mode == MODE_DRAIN:
        drive.verbs.sweep(drive.state, boot_ns())
    return plan_aim_reached(drive)


def is_stopped(drive):
    stopping = load_u32(address(drive.stopping), memory_order_relaxed)
    return stopping == STOPPING_ALL or (stopping == STOPPING_LOAD and drive.plan.mode != MODE_DRAIN)


def note_due(drive, now_ns):
    """At a set rate: what should have been sent by now, and what of it has not been."""
    plan = address(drive.plan)
    if plan.mode != MODE_OPEN:
        return
    elapsed_ns = min(now_ns, plan.end_ns) - plan.start_ns
    # The first is due at once, and the one that is due at the very end is none any more.
    due = cast(uint64_t, ceil(cast(cython.double, elapsed_ns) / plan.interval_ns))
    if plan.requests_max:
        due = min(due, plan.requests_max)
    due = max(due, plan.issued)
    bump(drive, DUE, due - plan.due)
    # It grows and shrinks: what is added wraps round.
    bump(drive, NOT_SENT, due - plan.issued - plan.not_sent)
    plan.due = due
    plan.not_sent = due - plan.issued


def plan_aim_reached(drive):
    """The aim of load at a rate or in a closed loop is a number of requests, if one is given."""
    plan = address(drive.plan)
    is_load = declare(cython.bint, plan.mode in (MODE_CLOSED, MODE_OPEN))
    if is_load and (plan.requests_max == 0 or plan.issued < plan.requests_max):
        return False
    return drive.verbs.aim_reached(drive.state)


def note_latency(drive, latency_ns):
    bucket = latency_bucket(latency_ns)
    value = load_u64(address(drive.latency[bucket]), memory_order_relaxed)
    store_u64(address(drive.latency[bucket]), value + 1, memory_order_relaxed)


def latency_bucket(latency_ns):
    """Exact below 2 ** LATENCY_STEPS_LOG2, then so many steps for each power of two."""
    if latency_ns < 1 << LATENCY_STEPS_LOG2:
        return latency_ns
    shift = log2_floor(latency_ns) - LATENCY_STEPS_LOG2
    return (cast(uint32_t, shift + 1) << LATENCY_STEPS_LOG2) + (
        cast(uint32_t, latency_ns >> shift) - (1 << LATENCY_STEPS_LOG2)
    )

"""A population and what is asked about it, over any protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

from aquatic.bench.process import RunningTracker
from aquatic.loadtest import shapes
from aquatic.loadtest.http import HttpLoad, HttpLoadTest
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import Load, LoadTest
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from aquatic.loadtest.ws import WsLoad, WsLoadTest

# Peers that a tracker takes in a second while it is filled, about, for estimates.
FILLED_PER_SECOND: Mapping[type[Load], int] = {UdpLoad: 200_000, HttpLoad: 20_000, WsLoad: 20_000}


def load_test(running: RunningTracker, population: Population, load: Load) -> LoadTest:
    """The load test of this kind of load. OSError when a source address cannot be bound."""
    target = running.target
    if running.tracker.renames_loopback:
        load = replace(load, foreign_peers=True)
    if isinstance(load, UdpLoad):
        return UdpLoadTest(target, population, load)
    if isinstance(load, HttpLoad):
        return HttpLoadTest(target, population, load)
    if isinstance(load, WsLoad):
        acknowledged = running.tracker.acknowledges_answers
        return WsLoadTest(target, population, replace(load, answers_acknowledged=acknowledged))
    raise TypeError(type(load).__name__)


@dataclass(frozen=True, slots=True)
class Workload:
    """One of a run's loads."""

    name: str
    caption: str
    torrents: int
    peers: int
    load: Load
    shape: Literal["uniform", "scattered", "zipf"] = "scattered"
    sources: int = 4
    # Other info hashes and ports for another number.
    seed: int = 1
    # Whether all peers announce before it is measured.
    is_filled: bool = True
    # How the names of those counters begin that count responses.
    counted: tuple[str, ...] = ("right_",)

    @property
    def fill_seconds(self) -> float:
        """About."""
        return self.peers / FILLED_PER_SECOND[type(self.load)] if self.is_filled else 0.0

    def by_workers(self, workers: int, cpus: tuple[int, ...]) -> Self:
        """The same from so many of the generator's workers, on these cores in turn."""
        return replace(self, load=replace(self.load, workers=workers, cpus=cpus)) if workers > 1 else self

    def population(self) -> Population:
        """The same each time."""
        sizes = {"uniform": shapes.uniform, "scattered": shapes.scattered, "zipf": shapes.zipf}[self.shape](
            self.torrents, self.peers
        )
        return Population(sizes, self.sources, seeder_share=0.5, seed=self.seed)

    def test(self, running: RunningTracker, population: Population) -> LoadTest:
        """On a tracker that runs."""
        return load_test(running, population, self.load)

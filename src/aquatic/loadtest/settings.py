"""What a load test's file may say: the Rust load testers' keys with their defaults, and more."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from aquatic.control.compat import CPU_PINNING_KEYS
from aquatic.control.layout import Key, Values, check_values, model_key
from aquatic.control.model import CpuPinning, LogLevel, PinningDirection
from aquatic.control.setting import setting
from aquatic.control.socket_address import SocketAddress
from aquatic.control.toml_file import ConfigurationError, Problem, TomlFile
from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, Load, LoadTest, sources_needed
from aquatic.loadtest.target import Address, Target

COUNT_MAX: Final = (1 << 31) - 1
DEFAULT_ADDRESS: Final = SocketAddress.parse("127.0.0.1:3000")
# The last cores first: a tracker has the first ones.
PINNING_KEYS: Final = tuple(
    replace(key, setting=replace(key.setting, default=PinningDirection.DESCENDING))
    if key.name == "cpu_pinning.direction"
    else key
    for key in CPU_PINNING_KEYS
)


class Popularity(enum.StrEnum):
    """How peers spread over torrents, and so which torrents requests are about."""

    UNIFORM = "uniform"
    SCATTERED = "scattered"
    GAMMA = "gamma"
    ZIPF = "zipf"


class Event(enum.StrEnum):
    """What announces tell besides being there."""

    NONE = "none"
    STARTED = "started"
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class LoadSettings:
    """What all load tests have in common. Times have their unit in their names, 0 is said where it means something."""

    server_address: SocketAddress = setting(DEFAULT_ADDRESS, "Address and port of the tracker.")
    log_level: LogLevel = setting(LogLevel.ERROR, "The least severe of the messages told beside the results.")
    workers: int = setting(1, "Threads that send requests.", minimum=1, maximum=256)
    duration_seconds: int = setting(0, "Seconds to run; 0: until SIGINT.", minimum=0, maximum=COUNT_MAX)
    summarize_last_seconds: int = setting(
        0, "Report on the last seconds only, on so many; 0: on all.", minimum=0, maximum=86_400
    )
    requests_max: int = setting(0, "End after so many requests; 0: no bound.", minimum=0, maximum=1 << 62)
    requests_per_second: float = setting(
        0.0,
        "Send at this rate, whatever comes back, and count latency from when a request should have been sent; 0: send"
        " a request for each answer.",
        minimum=0,
        maximum=1_000_000_000,
    )
    fill_first: bool = setting(False, "Before the load, announce every peer until it is acknowledged.")
    timeout_ms: int = setting(
        5000, "After this long a request without an answer is lost.", minimum=1, maximum=3_600_000
    )
    idle_sleep_us: int = setting(
        20,
        "A worker with less than a batch to do sleeps so long, which makes requests cheap for it; 0: never, for exact"
        " latencies. 0 is taken where a rate is set.",
        minimum=0,
        maximum=1_000_000,
    )
    second_address: str = setting(
        "",
        "Another address of the tracker, of the other family, which a part of the load goes to; empty: none.",
    )
    second_share: float = setting(0.2, "The part of the load for that address.", minimum=0, maximum=1)
    sources: int = setting(
        4,
        "Loopback addresses to send from, over IPv4; more where the largest torrent needs them, as an address has"
        " 65,535 ports.",
        minimum=1,
        maximum=250,
    )
    torrents: int = setting(10_000, "Torrents that there are.", minimum=1, maximum=COUNT_MAX)
    peers: int = setting(100_000, "Peers that there are, in all torrents.", minimum=1, maximum=COUNT_MAX)
    seeder_probability: float = setting(0.25, "Probability that a peer is a seeder.", minimum=0, maximum=1)
    popularity: Popularity = setting(
        Popularity.GAMMA,
        "How peers spread over torrents: as evenly as can be, each in a torrent chosen evenly, by the gamma"
        " distribution of the torrents' numbers, or one each and the rest by Zipf's law.",
    )
    gamma_shape: float = setting(
        0.2,
        "Peers choose torrents according to this Gamma distribution shape.",
        minimum=1e-6,
        maximum=1_000_000,
    )
    gamma_scale: float = setting(
        100.0,
        "Peers choose torrents according to this Gamma distribution scale.",
        minimum=1e-6,
        maximum=1_000_000_000,
    )
    zipf_exponent: float = setting(1.0, "Of Zipf's law.", minimum=0, maximum=10)
    random_seed: int = setting(
        1, "Another number makes other info hashes, ports and seeders.", minimum=0, maximum=COUNT_MAX
    )
    foreign_peers: bool = setting(
        False, "The torrents may have other peers than these: neither counts nor addresses are checked."
    )
    weight_announce: int = setting(
        5, "Announces among requests: this weight in the sum of all.", minimum=0, maximum=COUNT_MAX
    )
    weight_scrape: int = setting(
        0, "Scrapes among requests: this weight in the sum of all.", minimum=0, maximum=COUNT_MAX
    )
    event: Event = setting(Event.NONE, "The event of every announce.")
    peers_wanted: int = setting(
        30, "Peers that an announce asks for; -1: as the tracker likes.", minimum=-1, maximum=COUNT_MAX
    )
    scrape_torrents: int = setting(10, "Torrents that a scrape asks for.", minimum=1, maximum=74)
    extra_statistics: bool = setting(True, "Tell every counter at the end.")
    cpu_pinning: CpuPinning = field(default_factory=CpuPinning)

    @property
    def source_count(self) -> int:
        """Loopback addresses to send from, at least."""
        return self.sources

    def first_source(self, target: Target) -> Address | None:
        """The first of these; None: the usual one."""
        del target
        return None

    @property
    def mode(self) -> Literal["closed", "open", "hold"]:
        """How the load goes on."""
        return "open" if self.requests_per_second else "closed"

    @property
    def greets(self) -> bool:
        """Whether the tracker has to be ready for load before anything is measured."""
        return True

    @property
    def greeting_seconds_max(self) -> float:
        """How long the tracker may take to be ready for load."""
        return 10.0

    def load_terms(self, usable_cores: frozenset[int]) -> dict[str, Any]:
        """What `Load` has. ValueError for cores that are not to be had."""
        return {
            "weight_announce": self.weight_announce,
            "weight_scrape": self.weight_scrape,
            "peers_wanted": self.peers_wanted,
            "scrape_torrents": self.scrape_torrents,
            "event": EVENTS[self.event],
            "timeout_seconds": self.timeout_ms / 1000,
            "idle_sleep_us": 0 if self.requests_per_second else self.idle_sleep_us,
            "foreign_peers": self.foreign_peers,
            "random_seed": self.random_seed,
            "workers": self.workers,
            "cpus": self.cpu_pinning.worker_cores(self.workers, usable_cores) or (),
        }

    def population(self, target: Target, share: float, seed: int) -> Population:
        """The peers that announce over an address's family: this share of all. ValueError."""
        peers = max(1, round(self.peers * share))
        sizes = self._torrent_sizes(peers)
        # ::1 is the only loopback address over IPv6, and another machine sees one of ours.
        several = target.address.version == 4 and target.address.is_loopback
        sources = sources_needed(sizes, self.source_count) if several else 1
        return Population(sizes, sources, self.seeder_probability, seed)

    def _torrent_sizes(self, peers: int) -> shapes.TorrentSizes:
        seed = self.random_seed
        if self.popularity is Popularity.GAMMA:
            return shapes.gamma(self.torrents, peers, self.gamma_shape, self.gamma_scale, seed)
        if self.popularity is Popularity.ZIPF:
            return shapes.zipf(self.torrents, peers, self.zipf_exponent)
        if self.popularity is Popularity.SCATTERED:
            return shapes.scattered(self.torrents, peers, seed)
        return shapes.uniform(self.torrents, peers)


def common_keys(settings: type[LoadSettings], requests: str, names: dict[str, str]) -> Iterator[Key]:
    """The additions to each of the Rust load testers' files, but for those in `names` (by field), which it has.

    `requests`: its table of what is asked for.
    """
    top = (
        "requests_max",
        "requests_per_second",
        "fill_first",
        "timeout_ms",
        "idle_sleep_us",
        "second_address",
    )
    more = ("second_share", "summarize_last_seconds", "extra_statistics")
    inner = {
        "sources": "source_addresses",
        "torrents": "number_of_torrents",
        "peers": "number_of_peers",
        "seeder_probability": "peer_seeder_probability",
        "popularity": "torrent_popularity",
        "gamma_shape": "torrent_gamma_shape",
        "gamma_scale": "torrent_gamma_scale",
        "zipf_exponent": "torrent_zipf_exponent",
        "random_seed": "random_seed",
        "foreign_peers": "foreign_peers",
        "event": "event",
        "peers_wanted": "announce_peers_wanted",
        "scrape_torrents": "scrape_max_torrents",
    }
    places = {name: name.removesuffix("_seconds") for name in (*top, *more)}
    places |= {name: f"{requests}.{key}" for name, key in inner.items()}
    for name, place in places.items():
        if name not in names:
            yield model_key(place, settings, name, is_addition=True)


def rust_keys(settings: type[LoadSettings], names: dict[str, str]) -> Iterator[Key]:
    """The keys that the Rust load tester has too, by field."""
    for name, place in names.items():
        yield model_key(place, settings, name)


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """A usable file."""

    settings: LoadSettings
    # What each of the keys is set to.
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoadFormat:
    """One protocol's file, and the test that it describes."""

    settings: type[LoadSettings]
    keys: tuple[Key, ...]
    # With the terms of `load_terms`, for one address that gets a share of it all.
    make_load: Callable[[Any, dict[str, Any], float], Load]
    make_test: Callable[[Target, Population, Any], LoadTest]

    @property
    def all_keys(self) -> tuple[Key, ...]:
        """In the order in which they are printed: tables one after the other."""
        keys = (*self.keys, *PINNING_KEYS)
        tables = list(dict.fromkeys(("", *(key.table_name for key in keys))))
        return tuple(sorted(keys, key=lambda key: tables.index(key.table_name)))

    def load(self, file: TomlFile, usable_cores: frozenset[int]) -> LoadedSettings:
        """Check a file; ConfigurationError tells all that is wrong with it."""
        values = check_values(file, self.all_keys)
        if not values.problems:
            values.problems.extend(self._contradictions(values, usable_cores))
        if values.problems:
            raise ConfigurationError(values.problems)
        settings = values.build(self.settings)
        return LoadedSettings(settings, {key.name: values.by_name[key.name] for key in self.all_keys})

    def _contradictions(self, values: Values, usable_cores: frozenset[int]) -> Iterator[Problem]:
        settings = values.build(self.settings)
        names = {target.name: name for target, name in values.names.items()}

        def problem(field_name: str, text: str) -> Problem:
            name = names[field_name]
            return values.file.problem(values.path(name), f"{name}: {text}")

        if settings.second_address:
            try:
                second = SocketAddress.parse(settings.second_address)
            except ValueError as error:
                yield problem("second_address", str(error))
            else:
                if second.ip_version == settings.server_address.ip_version:
                    yield problem("second_address", f"is of the same family as {names['server_address']}")
        if settings.popularity is Popularity.ZIPF and settings.peers < settings.torrents:
            yield problem("peers", f"Zipf's law needs at least as many as {names['torrents']}")
        try:
            self.make_load(settings, settings.load_terms(usable_cores), 1.0)
        except ValueError as error:
            yield Problem(values.file.name, None, str(error))

    def prepare(
        self, settings: LoadSettings, usable_cores: frozenset[int], *, is_mine: bool
    ) -> list[tuple[LoadTest, float]]:
        """A test for each address that gets some of the load, with its share. TargetError, ValueError, OSError."""
        terms = settings.load_terms(usable_cores)
        addresses = [(str(settings.server_address), 1.0)]
        if settings.second_address:
            addresses = [
                (str(settings.server_address), 1 - settings.second_share),
                (settings.second_address, settings.second_share),
            ]
        tests = []
        for number, (address, share) in enumerate(addresses):
            if not share:
                continue
            target = Target.parse(address, is_mine=is_mine)
            population = settings.population(target, share, settings.random_seed + number)
            own = {
                "first_source": settings.first_source(target),
                "random_seed": settings.random_seed + number,
            }
            load = self.make_load(settings, terms | own, share)
            tests.append((self.make_test(target, population, load), share))
        return tests

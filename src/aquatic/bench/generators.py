"""Whether the generator is the bottleneck: what it costs beside the Rust load tester and wrk on the same tracker.

And whether a second one, beside the first on its core, gets more out of the tracker.
"""

import re
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from aquatic.bench.load import Workload
from aquatic.bench.process import RunningTracker, TrackerError
from aquatic.bench.result import Bar, BarChart, Result, Spread
from aquatic.bench.runs import Conditions, keep_configuration, log
from aquatic.bench.trackers import Tracker, Wire, found_programs
from aquatic.loadtest.population import Population

FILL_SECONDS_MAX = 600
START_SECONDS = 4
# Of other testers' preparation, which they do not tell apart.
OTHERS_END_SECONDS_MAX = 60
_RUST_RATE = re.compile(r"Average responses per second: ([\d.]+)")
_WRK_RATE = re.compile(r"Requests/sec: +([\d.]+)")

WRK_SCRIPT = """\
local requests, count, at = {{}}, 0, 0
for path in io.lines("{}") do
  count = count + 1
  requests[count] = "GET " .. path .. " HTTP/1.1\\r\\nHost: tracker\\r\\n\\r\\n"
end
function request()
  at = at % count + 1
  return requests[at]
end
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one generator: what it got, and its own CPU."""

    responses_per_second: float
    user_us: float
    system_us: float
    tracker_us: float

    @property
    def tracker_share(self) -> float:
        """Of a core. Near 1 the tracker is what all wait for, and not the generator."""
        return self.responses_per_second * self.tracker_us / 1e6


@dataclass(frozen=True, slots=True)
class Spent:
    """What a generator did on one tracker."""

    responses: int
    seconds: float
    user_seconds: float
    system_seconds: float
    # The tracker's CPU before the load began.
    filling_seconds: float


Generate = Callable[[RunningTracker, Population], Spent]
HEAD = (
    "generator",
    "responses/s, k",
    "its user CPU, us",
    "its system CPU, us",
    "the tracker's CPU, us",
    "its core used",
)


@dataclass(frozen=True, slots=True)
class GeneratorRun:
    """Ours, ours with two workers, and others', in turns on one tracker."""

    name: str
    title: str
    wire: Wire
    workload: Workload
    tracker: str
    rust_program: str
    # In the layout of the Rust load testers, of everything but the address and the duration.
    rust_configuration: str
    rounds: int = 3
    seconds: float = 6

    @property
    def estimated_seconds(self) -> float:
        """Three or four generators in each round."""
        return self.rounds * 4 * (self.seconds + START_SECONDS + self.workload.fill_seconds)

    def measure(self, conditions: Conditions) -> Result:
        """A table for each tracker: the run's own, unless the user wants others."""
        result = Result(self.name, self.title, conditions.command)
        for tracker in conditions.choose((self.tracker,), self.wire, result):
            self._on(tracker, conditions, result)
        result.notes.append(
            "CPU of the generators' whole processes; what others take to prepare counts as theirs"
        )
        return result

    def _on(self, tracker: Tracker, conditions: Conditions, result: Result) -> None:
        """One tracker's table."""
        found: dict[str, list[Cost]] = {}
        for _ in range(conditions.rounds or self.rounds):
            for name, generate in self._generators(conditions).items():
                try:
                    found.setdefault(name, []).append(self._once(generate, tracker, conditions, result))
                except (TrackerError, ConnectionError, subprocess.SubprocessError) as error:
                    result.notes.append(f"{name}: {error}")
                    result.failed = True
                else:
                    log(f"{name}: {found[name][-1]}")
        result.data[tracker.name] = found
        caption = f"On {tracker.name}, {self.workload.caption}"
        result.table(caption, HEAD, [table_row(name, costs) for name, costs in found.items() if costs])
        bars = [cost_bar(name, costs) for name, costs in found.items() if costs]
        result.bar_charts.append(BarChart(caption, "microseconds a response", ["user", "system"], bars))

    def _generators(self, conditions: Conditions) -> dict[str, Generate]:
        """Those that are here."""
        seconds = conditions.seconds or self.seconds
        two = replace(self.workload, load=replace(self.workload.load, workers=2))
        found: dict[str, Generate] = {
            "ours": partial(_ours, self.workload, seconds),
            "ours, two workers": partial(_ours, two, seconds),
        }
        # That is all that others can be told.
        whole_seconds = max(1, round(seconds))
        if found_programs((self.rust_program,)):
            found[self.rust_program] = partial(
                _rust, self.rust_program, self.rust_configuration, whole_seconds
            )
        if self.wire == "http" and found_programs(("wrk",)):
            connections = str(getattr(self.workload.load, "connections", 1))
            found["wrk, one request"] = partial(_wrk_one, connections, whole_seconds)
            found["wrk, one request for each peer"] = partial(_wrk_all, connections, whole_seconds)
        return found

    def _once(self, generate: Generate, tracker: Tracker, conditions: Conditions, result: Result) -> Cost:
        """TrackerError, SilentTrackerError, SubprocessError."""
        population = self.workload.population()
        with conditions.start(
            tracker,
            self.wire,
            info_hashes=map(population.info_hash, range(population.torrents)),
        ) as running:
            keep_configuration(result, running)
            before = running.cpu_time()
            spent = generate(running, population)
            after = running.cpu_time()
        tracker_seconds = (
            after.user_seconds
            + after.system_seconds
            - before.user_seconds
            - before.system_seconds
            - spent.filling_seconds
        )
        per_response = 1e6 / max(spent.responses, 1)
        return Cost(
            spent.responses / spent.seconds,
            spent.user_seconds * per_response,
            spent.system_seconds * per_response,
            tracker_seconds * per_response,
        )


def _ours(workload: Workload, seconds: float, running: RunningTracker, population: Population) -> Spent:
    begin = running.cpu_time()
    with workload.test(running, population) as test:
        test.greet()
        if workload.is_filled:
            test.fill(FILL_SECONDS_MAX)
        filled = running.cpu_time()
        report = test.run("closed", seconds)
    filling = filled.user_seconds + filled.system_seconds - begin.user_seconds - begin.system_seconds
    return Spent(
        report.responses, report.seconds, report.cpu_user_seconds, report.cpu_system_seconds, filling
    )


def _rust(
    program: str, configuration: str, seconds: int, running: RunningTracker, _population: Population
) -> Spent:
    path = running.directory / "load_test.toml"
    head = f'server_address = "{running.target}"\nduration = {seconds}\n'
    path.write_text(head + configuration)
    return _spent([program, "-c", str(path)], _RUST_RATE, seconds)


def _wrk_one(connections: str, seconds: int, running: RunningTracker, population: Population) -> Spent:
    """With the same request all the time."""
    return _wrk([f"http://{running.target}{_announce_path(population, 0)}"], connections, seconds)


def _wrk_all(connections: str, seconds: int, running: RunningTracker, population: Population) -> Spent:
    """With one request for each peer, put together before it begins, as quick as wrk can be asked to do that."""
    requests = running.directory / "requests.txt"
    lines = (f"{_announce_path(population, peer)}\n" for peer in range(population.peers))
    requests.write_text("".join(lines))
    script = running.directory / "requests.lua"
    script.write_text(WRK_SCRIPT.format(requests))
    return _wrk(["-s", str(script), f"http://{running.target}"], connections, seconds)


def _announce_path(population: Population, peer: int) -> str:
    _, info_hash, _, port, is_seeder = population.describe(peer)
    query = f"info_hash={quote(info_hash)}&peer_id={'a' * 20}&port={port}&uploaded=0&downloaded=0"
    return f"/announce?{query}&left={int(not is_seeder)}&compact=1&numwant=30"


def _wrk(arguments: list[str], connections: str, seconds: int) -> Spent:
    command = ["wrk", "-t", "1", "-c", connections, "-d", f"{seconds}s", *arguments]
    return _spent(command, _WRK_RATE, seconds)


def _spent(command: list[str], rate: re.Pattern[str], seconds: int) -> Spent:
    """Of a program, its rate as it tells it. SubprocessError."""
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + OTHERS_END_SECONDS_MAX
    ).stdout
    # Both stay what they were while the tracker, the other child, has not ended.
    lasted, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = rate.search(told)
    if found is None:
        raise subprocess.SubprocessError(f"{command[0]} told no rate")
    # Its rate is that of its load; what it took to prepare is spread over that.
    loaded = min(seconds, lasted)
    return Spent(
        round(float(found[1]) * loaded),
        loaded,
        after.ru_utime - before.ru_utime,
        after.ru_stime - before.ru_stime,
        0.0,
    )


def table_row(name: str, costs: Sequence[Cost]) -> list[str]:
    """One generator's."""
    return [
        name,
        Spread.of(each.responses_per_second for each in costs).show(1, 1000),
        *(
            Spread.of(getattr(each, part) for each in costs).show(2)
            for part in ("user_us", "system_us", "tracker_us")
        ),
        Spread.of(each.tracker_share for each in costs).show(0, 0.01) + " %",
    ]


def cost_bar(name: str, costs: Sequence[Cost]) -> Bar:
    """Its own CPU."""
    total = Spread.of(each.user_us + each.system_us for each in costs)
    user = Spread.of(each.user_us for each in costs).median
    return Bar(name, [user, total.median - user], total.lowest, total.highest)

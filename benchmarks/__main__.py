"""Speed as ratios within one run, on this machine: `make bench` writes benchmarks/RESULTS.md.

The baseline is tests/reference with ordinary random numbers: the same model, every mechanism, agent by agent in plain
Python on Mesa, nothing recorded. It does what the compiled model does in a month, only one person at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from reference.model import ReferenceModel  # noqa: E402

from benchmarks import budget, warm  # noqa: E402
from valign.experiments import design as designs  # noqa: E402
from valign.experiments.batch.batch import run_batch  # noqa: E402
from valign.experiments.simulate import simulate  # noqa: E402
from valign.model.run.block import run_block  # noqa: E402
from valign.model.run.initial import build  # noqa: E402
from valign.model.scenario.scenario import Scenario  # noqa: E402
from valign.model.society.generate import build_society  # noqa: E402
from valign.model.state.scenario_arrays import lower  # noqa: E402


def seconds(action: Callable[[], object], repeats: int = 3) -> float:
    """Median time of a call, after one that is not counted."""
    action()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def grown(services: int, months: int) -> Scenario:
    """The services of `two-services`, many times over; local ties."""
    return Scenario.load("two-services").replace(
        {
            "organisations.hostel.count": services // 2,
            "organisations.outreach.count": services - services // 2,
            "commissioners.count": max(1, services // 9),
            "months": months,
        }
    )


def per_agent_month(scenario: Scenario, width: int, *, accounting: bool = False, repeats: int = 3) -> float:
    """Nanoseconds per agent and month on one core, society and start included."""
    society, lowered = build_society(scenario, 1), lower(scenario)

    def run() -> None:
        run_block(lowered, build(lowered, society, list(range(width)), accounting=accounting))

    return seconds(run, repeats) / (len(society.role) * scenario.months * width) * 1e9


def plain_mesa(scenario: Scenario) -> float:
    """Nanoseconds per agent and month of the baseline."""
    society = build_society(scenario, 1)

    def run() -> None:
        model = ReferenceModel(scenario, society, 1, ordinary_random=True, recording=False)
        for _ in range(scenario.months):
            model.step()

    return seconds(run, 1) / (len(society.role) * scenario.months) * 1e9


def against_plain_mesa(scenario: Scenario, rounds: int = 7) -> np.ndarray:
    """Plain Mesa and blocks of 64 in nanoseconds; blocks, those with decomposition and single runs as times as fast.

    Medians of rounds in which all are measured, since the machine is at times half as fast as at others.
    """
    found = []
    for _ in range(rounds):
        mesa, blocks = plain_mesa(scenario), per_agent_month(scenario, 64)
        recorded = per_agent_month(scenario, 64, accounting=True)
        found.append([mesa, blocks, mesa / blocks, mesa / recorded, mesa / per_agent_month(scenario, 1, repeats=9)])
    return np.median(found, axis=0)


def of_a_million(months: int = 60, threads: int | None = None) -> dict[str, float]:
    """One million people: time with society and start, and peak memory, in a process of its own."""
    code = (
        "import json, resource, time; from benchmarks.__main__ import grown; "
        "from valign.experiments.simulate import simulate; simulate(grown(4, 2), runs=1, record=()); "
        f"begun = time.perf_counter(); s = grown(36_400, {months}); simulate(s, runs=1, record=(), threads={threads}); "
        "print(json.dumps({'people': s.people(), 'seconds': time.perf_counter() - begun, "
        "'GB': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))"
    )
    return json.loads(
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    )


def england() -> float:
    """Seconds of one run of `england` over 60 months on all cores."""
    scenario = Scenario.load("england").replace({"months": 60})
    return seconds(lambda: simulate(scenario, runs=1, record=()), 2)


def design_of(runs: int, societies: int = 50) -> pd.DataFrame:
    """Points of a Latin hypercube, 250 runs of each in so many societies."""
    points = designs.latin_hypercube(["fit_effect", "peer_effect", "turnover_staff"], runs // 250)
    return designs.replicate(points, 250, societies=societies)


@contextlib.contextmanager
def kernel_seconds() -> Iterator[list[float]]:
    """Collects the CPU seconds that compiled code takes from here on, by call."""
    from valign.model.run import block as running
    from valign.model.run import initial as built

    names = {running: ("run_months", "run_steps"), built: ("run_steps",)}
    spent: list[float] = []

    def timed(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            begun = time.thread_time()
            try:
                return function(*arguments)
            finally:
                spent.append(time.thread_time() - begun)

        return call

    before = [(module, name, getattr(module, name)) for module, all_names in names.items() for name in all_names]
    for module, name, function in before:
        setattr(module, name, timed(function))
    try:
        yield spent
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def throughput(say: Callable[[str, str, str], None]) -> None:
    """A large design, in turns without and with storage: how busy cores are, what is spent outside compiled code."""
    two, cores = Scenario.load("two-services"), os.cpu_count() or 1
    design = design_of(50_000)
    simulate(design.iloc[:500], base=two)
    taken: list[tuple[float, float, float, float]] = []  # seconds in memory and stored; of processors, and in kernels
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(3):
            begun = time.perf_counter()
            simulate(design, base=two)
            in_memory = time.perf_counter() - begun
            with kernel_seconds() as spent:
                begun, cpu = time.perf_counter(), cpu_seconds()
                run_batch(two, design, f"{folder}/plain-{turn}")
                taken.append((in_memory, time.perf_counter() - begun, cpu_seconds() - cpu, sum(spent)))
        few = design.iloc[:5000]
        begun = time.perf_counter()
        run_batch(two, few, f"{folder}/few")
        plain = time.perf_counter() - begun
        begun = time.perf_counter()
        run_batch(two, few, f"{folder}/series", ("series",))
        series = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(folder, "series").rglob("*.parquet")) / 5000
    stored = float(np.median([each[1] for each in taken]))
    busy = np.median([cpu / seconds / cores for _, seconds, cpu, _ in taken])
    outside = np.median([1 - kernels / cpu for _, _, cpu, kernels in taken])
    kept = np.median([memory / seconds for memory, seconds, _, _ in taken])
    say(f"50,000 runs of two-services on {cores} cores, stored", f"{stored:.1f} s", "")
    say("runs a second", f"{50_000 / stored:,.0f}", "")
    say("how busy it keeps the cores", f"{100 * busy:.0f} %", "at least 90 %")
    say("CPU time outside compiled code", f"{100 * outside:.1f} %", "at most 5 %")
    say("throughput with storage, of that in memory", f"{100 * kept:.0f} %", "at least 90 %")
    say("monthly series: time on top, disk a run", f"{100 * (series / plain - 1):.0f} %, {size / 1024:.0f} KB", "")
    baseline = batch_run_of_mesa(two)
    say("mesa.batch_run of plain Mesa, seconds a run and core", f"{baseline:.2f}", "baseline")
    ratio = baseline * 50_000 / stored / cores
    say("the design, runs a second and core: times as fast", f"{ratio:,.0f}", "at least 500")


def batch_run_of_mesa(scenario: Scenario, runs: int = 2) -> float:
    """Seconds of one run in mesa.batch_run of the plain model, in one process."""
    import mesa

    society = build_society(scenario, 1)

    class Plain(ReferenceModel):
        def __init__(self, rng: int = 1, **_: object) -> None:
            super().__init__(scenario, society, int(rng), ordinary_random=True, recording=False)
            self.running = True
            self.datacollector = mesa.DataCollector({"months": "steps"})

        def step(self) -> None:
            super().step()
            self.datacollector.collect(self)

    begun = time.perf_counter()
    mesa.batch_run(
        Plain,
        {"rng": list(range(runs))},
        max_steps=scenario.months,
        number_processes=1,
        data_collection_period=-1,
        display_progress=False,
    )
    return (time.perf_counter() - begun) / runs


def main() -> None:
    two = Scenario.load("two-services")
    rows: list[tuple[str, str, str]] = []

    def say(what: str, measured: str, bound: str) -> None:
        rows.append((what, measured, bound))
        print(f"{what:70s} {measured:>24s}   {bound}", flush=True)

    mesa, blocks, by_blocks, by_recorded, by_single = against_plain_mesa(two)
    say("plain Mesa, two-services: ns per agent-month", f"{mesa:,.0f}", "baseline")
    say("blocks of 64 runs, ns per agent-month and core", f"{blocks:,.0f}", "")
    say("blocks of 64 runs, times as fast as plain Mesa", f"{by_blocks:,.0f}", "at least 400")
    say("the same with the decomposition", f"{by_recorded:,.0f}", "")
    say("single runs, times as fast as plain Mesa", f"{by_single:,.0f}", "at least 100")
    small, large = per_agent_month(grown(36, 12), 1), per_agent_month(grown(36_400, 12), 1, repeats=1)
    say("cost per agent-month, a million people against a thousand", f"{large / small:.2f}", "at most 2.5")
    million = of_a_million()
    say(
        f"{million['people'] / 1e6:.2f} million people, 60 months, society included",
        f"{million['seconds']:.0f} s",
        "at most 90 s",
    )
    say("its peak memory", f"{million['GB']:.1f} GB", "at most 3 GB")
    alone = of_a_million(threads=1)
    say("the same, times as fast as by one thread", f"{alone['seconds'] / million['seconds']:.2f}", "at least 1.5")
    hundred_thousand = grown(3_640, 12)
    one, sixteen = (per_agent_month(hundred_thousand, width, repeats=2) for width in (1, 16))
    say("100,000 people, block of 16, times as fast as single runs", f"{one / sixteen:.1f}", "at least 1.5")
    say("england, 60 months, one run", f"{england():.1f} s", "at most 4 s")
    hundred = seconds(lambda: simulate(two, runs=100, record=()))
    say("two-services, 100 runs, own societies, in process", f"{hundred:.2f} s", "")
    for row in (*warm.measure(), *budget.measure()):
        say(*row)
    throughput(say)
    text = [
        "# Speed",
        "",
        f"`make bench`, one run on {os.cpu_count()} cores ({platform.machine()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}); figures move by a third from machine to machine and run to run, ratios less.",
        "",
        "Baseline: the model of docs/ODD.md agent by agent in plain Python on Mesa (tests/reference), ordinary random "
        "numbers, nothing recorded.",
        "",
        "| what | measured | bound |",
        "|---|---|---|",
        *(f"| {a} | {b} | {c} |" for a, b, c in rows),
        "",
        f"Peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB.",
        "",
    ]
    (ROOT / "benchmarks" / "RESULTS.md").write_text("\n".join(text), "utf-8")


if __name__ == "__main__":
    main()

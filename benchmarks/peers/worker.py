"""One tool, one task, one size, in a process of its own: says what it measured, a JSON object a line, as it goes.

    python -m benchmarks.peers.worker MEASURE TASK TOOL PEOPLE NETWORK SMALL SECONDS

NETWORK, SMALL: files with the network of so many people and of 100. MEASURE: start (a first small run, to be timed from
outside), single, ensemble, check; SECONDS: no further repeat (single) and no more runs (ensemble, check) than fit.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))  # reference

from .tasks import write_network
from .tools import TOOLS, Prepared, Tool

SMALL, REPEATS, ENSEMBLE = 100, 5, 1000


def say(**found: object) -> None:
    print(json.dumps(found), flush=True)


def peak() -> float:
    """Most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(action: object, *arguments: object) -> tuple[float, float, object]:
    """Seconds by the clock, seconds of a core (what others on the machine took is not in them), and the result."""
    begun, busy = time.perf_counter(), time.process_time()
    result = action(*arguments)  # type: ignore[operator]
    return time.perf_counter() - begun, time.process_time() - busy, result


def warm(tool: Tool, task: str, path: Path, many: bool) -> None:
    """Small runs that are not counted: imports and compilation."""
    prepared = tool.prepare(task, SMALL, path)
    prepared.run(1)
    if many:
        prepared.ensemble(2)


def single(tool: Tool, task: str, people: int, path: Path, seconds: float) -> None:
    """Set-up (from the ties in memory or on disk to a network that can run), then a run, several times over."""
    begun, before = time.perf_counter(), peak()
    for repeat in range(REPEATS):
        _, setup, prepared = timed(tool.prepare, task, people, path)
        taken, busy, _ = timed(prepared.run, repeat + 1)
        say(
            people=prepared.people,
            ties=prepared.ties,
            repeat=repeat,
            runs=1,
            setup_cpu=setup,
            seconds=taken,
            cpu=busy,
            start_MB=before,
            peak_MB=peak() if repeat == 0 else None,
        )
        del prepared
        if time.perf_counter() - begun > seconds / 2:
            return


def affordable(prepared: Prepared, seconds: float) -> int:
    """How many runs fit, at most 1,000: judged by one, and if that was quick by a dozen together."""
    taken, *_ = timed(prepared.run, 1)
    if taken < seconds / 100:
        taken = timed(prepared.ensemble, 12)[0] / 12
    return int(np.clip(seconds / taken, 2, ENSEMBLE))


def ensemble(tool: Tool, task: str, people: int, path: Path, seconds: float) -> None:
    """So many runs of 1,000 as fit, on a network made once."""
    before = peak()
    prepared = tool.prepare(task, people, path)
    runs = affordable(prepared, seconds)
    taken, busy, _ = timed(prepared.ensemble, runs)
    say(
        people=prepared.people,
        ties=prepared.ties,
        repeat=0,
        runs=runs,
        seconds=taken,
        cpu=busy,
        start_MB=before,
        peak_MB=peak(),
    )


def check(tool: Tool, task: str, people: int, path: Path, seconds: float) -> None:
    """Does it do the task? Uptake: mean curve over runs. Values: how far anybody's last value is from valign's."""
    prepared = tool.prepare(task, people, path)
    if task == "uptake":
        if tool.name == "valign":
            curves = np.asarray(prepared.ensemble(4 * ENSEMBLE)).T
        else:
            curves = np.array([prepared.run(seed) for seed in range(affordable(prepared, seconds))])
        sd = curves.std(axis=0, ddof=1)
        curve = [*zip(range(curves.shape[1]), curves.mean(axis=0).tolist(), sd.tolist(), strict=True)]
        say(people=prepared.people, ties=prepared.ties, repeat=0, runs=len(curves), curve=curve)
        return
    prepared.run(1)
    ours = TOOLS["valign"].prepare(task, people, path).final
    assert ours is not None
    difference = None if prepared.final is None else float(np.abs(prepared.final() - ours()).max())
    say(people=prepared.people, ties=prepared.ties, repeat=0, runs=1, difference=difference)


def main(measure: str, task: str, name: str, people: str, network: str, small: str, seconds: str) -> None:
    if measure == "network":
        write_network(task, int(people), Path(network))
        return
    tool = TOOLS[name]
    warm(tool, task, Path(small), measure in ("ensemble", "check"))
    if measure == "start":
        say(people=SMALL, repeat=0, runs=1, version=importlib.metadata.version(tool.package))
    else:
        {"single": single, "ensemble": ensemble, "check": check}[measure](
            tool, task, int(people), Path(network), float(seconds)
        )


if __name__ == "__main__":
    main(*sys.argv[1:])

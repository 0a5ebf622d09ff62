"""How long the answer to "what should we do with £300,000" takes: `python -m benchmarks.budget`; part of `make bench`.

All of it: the race of 200 mixes over up to 1,000 worlds, judging in 500 others, rules, studies; kernels compiled.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from valign.experiments.decide.decide import decide

BOUNDS = {"two-services": 90, "housing-first": 360}  # seconds, two cores
WORLDS, MIXES = 1000, 200


def measure(names: tuple[str, ...] = tuple(BOUNDS), worlds: int = WORLDS) -> Iterator[tuple[str, str, str]]:
    """What, seconds, bound."""
    for name in names:
        decide(name, 300_000, mixes=4, worlds=40)  # not counted: imports
        begun = time.perf_counter()
        asked = decide(name, 300_000, mixes=MIXES, worlds=worlds).asked.iloc[0]
        taken = time.perf_counter() - begun
        runs = asked["race_runs"] + asked["fresh_runs"]
        yield (
            f"decide {name}: {asked['mixes']} mixes, up to {worlds:,} worlds, {runs:,} runs",
            f"{taken:.0f} s",
            f"at most {BOUNDS[name]} s",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(BOUNDS), metavar="SCENARIO")
    parser.add_argument("--worlds", type=int, default=WORLDS)
    wish = parser.parse_args()
    for row in measure(tuple(wish.scenarios), wish.worlds):
        print("  ".join(row), flush=True)

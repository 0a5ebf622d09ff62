"""Machine code, WebAssembly under wasmtime and in Chromium on random scenarios and the shipped ones: the same bits?

    python -m tests.page.bits --cases 220 --out results/reference/page_bits.csv

A row a case: scenario, people, months, runs of the block, whether with the decomposition, and how many arrays differ.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import serving  # noqa: E402
import strategies  # noqa: E402

from tests.page.three_engines import Case, compared  # noqa: E402
from valign.model.compiled.kernel_sources import kernels_hash  # noqa: E402
from valign.model.scenario.scenario import Scenario  # noqa: E402

WIDTHS, FIRST_SEED = (1, 4, 16, 64), 19_000
SHIPPED = ("two-services", "housing-first", "social-prescribing", "low-fit")
COLUMNS = ["kernels", "case", "people", "months", "runs", "decomposition", "arrays_wasmtime", "arrays_browser"]


def cases(number: int) -> Iterator[tuple[str, Case]]:
    """The shipped scenarios at all widths, then random ones."""
    for name in SHIPPED:
        for width in WIDTHS:
            yield name, Case(Scenario.load(name), width, width == 4)
    for n in range(number):
        scenario = strategies.random_scenario(FIRST_SEED + n)
        yield f"random {n}", Case(scenario, WIDTHS[n % len(WIDTHS)], n % 8 >= 4)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=220, help="random scenarios beside the shipped ones")
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    rows: list[list[object]] = []
    began, wrong = time.perf_counter(), 0
    with serving.chromium() as browser:
        page = browser.new_page()
        page.goto(Path(__file__).with_name("empty.html").as_uri())  # what hashes needs an origin
        for name, case in cases(chosen.cases):
            found = compared(case, page)
            count = [len(found[engine]) for engine in ("wasmtime", "browser")]
            if any(count):
                wrong += 1
                print(f"{name}, {case.width} runs: {found}", flush=True)
            scenario = case.scenario
            rows.append(
                [kernels_hash(), name, scenario.people(), scenario.months, case.width, int(case.accounting), *count]
            )
    print(f"{len(rows)} cases, {wrong} with a difference, {time.perf_counter() - began:.0f} s")
    if chosen.out is not None:
        with chosen.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([COLUMNS, *rows])
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

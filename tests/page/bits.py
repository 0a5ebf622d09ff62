"""Machine code, WebAssembly under wasmtime and in Chromium on random scenarios and the shipped ones: the same bits?

    python -m tests.page.bits --cases 220 [--out FILE.csv] [--resume]

A row a case: scenario, people, months, runs of the block, whether with the decomposition, and how many arrays differ.
--resume: leave out what FILE.csv has already, of the same kernels.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import serving  # noqa: E402
import strategies  # noqa: E402

from tests.page.three_engines import Case, compared, started  # noqa: E402
from valign.model.compiled.kernel_sources import kernels_hash  # noqa: E402
from valign.model.errors import InputError  # noqa: E402
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
        width, seed = WIDTHS[n % len(WIDTHS)], FIRST_SEED + n
        while not reachable(scenario := strategies.random_scenario(seed), width):
            seed += 1000
        yield f"random {n}", Case(scenario, width, n % 8 >= 4)


def reachable(scenario: Scenario, width: int) -> bool:
    """Whether the level of alignment that a scenario asks for can be reached in its society."""
    if scenario.alignment_level is None:
        return True
    try:
        started(scenario, width, False)
    except InputError:
        return False
    return True


def rows_there(path: Path | None, kernels: str) -> list[list[str]]:
    """What was compared before, of these kernels."""
    if path is None or not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in list(csv.reader(file))[1:] if len(row) == len(COLUMNS) and row[0] == kernels]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=220, help="random scenarios beside the shipped ones")
    options.add_argument("--out", type=Path)
    options.add_argument("--resume", action="store_true", help="go on with what --out holds")
    chosen, kernels = options.parse_args(), kernels_hash()
    known = rows_there(chosen.out, kernels) if chosen.resume else []
    began, wrong, count = time.perf_counter(), sum(row[6:] != ["0", "0"] for row in known), len(known)
    done = {(row[1], row[4]) for row in known}
    lines = io.StringIO() if chosen.out is None else chosen.out.open("w", newline="", encoding="utf-8")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerows([COLUMNS, *known])
    with serving.chromium() as browser:
        page = browser.new_page()
        page.goto(Path(__file__).with_name("empty.html").as_uri())  # what hashes needs an origin
        for name, case in cases(chosen.cases):
            if (name, str(case.width)) in done:
                continue
            found = compared(case, page)
            differing = [len(found[engine]) for engine in ("wasmtime", "browser")]
            if any(differing):
                wrong += 1
                print(f"{name}, {case.width} runs: {found}", flush=True)
            scenario = case.scenario
            count += 1
            told = [kernels, name, scenario.people(), scenario.months, case.width, int(case.accounting), *differing]
            writer.writerow(told)
            lines.flush()
    print(f"{count} cases, {wrong} with a difference, {time.perf_counter() - began:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

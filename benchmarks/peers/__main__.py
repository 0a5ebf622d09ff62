"""`make bench-peers`: measures valign and its peers, each in a process of its own, and writes the table.

What is measured is appended to raw.part.csv at once, so that a stopped run goes on where it was; complete, it becomes
raw.csv, from which `--table` alone writes RESULTS.md and the figure.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RAW, PART = HERE / "raw.csv", HERE / "raw.part.csv"
COLUMNS = (
    "measure",
    "task",
    "tool",
    "size",
    "people",
    "ties",
    "months",
    "repeat",
    "runs",
    "setup_cpu",
    "seconds",
    "cpu",
    "start_MB",
    "peak_MB",
    "month",
    "mean",
    "sd",
    "difference",
    "status",
    "version",
    "load",
    "note",
    "ceilings",
    "machine",
)
MONTHS, SIZES, CHECK_SIZE, SMALL = 60, (1_000, 10_000, 100_000, 1_000_000), 1_000, 100
ENSEMBLE_SIZES = (1_000, 100_000)
ABLE = {
    "uptake": ("valign", "Starsim", "Mesa", "ndlib", "plain-Mesa reference"),
    "values": ("valign", "Mesa", "ndlib", "plain-Mesa reference"),
    "whole": ("valign", "plain-Mesa reference"),
}  # what tools.TOOLS can do, in the order of the tables; here, so that this process stays small
MAKE_THEIR_OWN = ("valign", "plain-Mesa reference")  # networks: they build the same one from its seed
GROWTH = 10.0  # from one size to the next

Row = dict[str, object]


class Book:
    """The rows of raw.part.csv: read, looked up, appended."""

    def __init__(self, path: Path, fixed: Row) -> None:
        self.path, self.fixed = path, fixed
        self.rows: list[Row] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as stream:
                self.rows = [
                    row
                    for row in csv.DictReader(stream)
                    if row["ceilings"] == fixed["ceilings"] and row["machine"] == fixed["machine"]
                ]
        self.write()

    def write(self) -> None:
        """The whole file anew, without rows of other settings."""
        with self.path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def found(self, measure: str, task: str, tool: str, size: int) -> list[Row]:
        wanted = (measure, task, tool, str(size))
        return [row for row in self.rows if (row["measure"], row["task"], row["tool"], str(row["size"])) == wanted]

    def add(self, rows: list[Row]) -> None:
        """Append rows that belong together, all at once."""
        rows = [{**dict.fromkeys(COLUMNS, ""), **self.fixed, **row} for row in rows]
        self.rows += rows
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, COLUMNS, lineterminator="\n").writerows(rows)


def too_much(before: list[Row], seconds: float, memory: float) -> str:
    """Why the next size is not tried: from the rows of the size before; "" if it is."""
    if any(row["status"] != "ok" for row in before):
        return "not tried: the size before was too large"
    if not before:
        return ""
    expected = GROWTH * min(float(row["setup_cpu"]) + float(row["cpu"]) for row in before)
    if expected > seconds:
        return f"not tried: about {expected:,.0f} s expected, {seconds:g} s allowed"
    needed = GROWTH * max(float(row["peak_MB"]) - float(row["start_MB"]) for row in before if row["peak_MB"]) / 1000
    if needed > memory:
        return f"not tried: about {needed:,.0f} GB expected, {memory:g} GB allowed"
    return ""


def too_slow(single: list[Row], many: float) -> str:
    """Why no ensemble of a size is tried: from the rows of its single runs; "" if it is. Two runs must fit."""
    if not single or any(row["status"] != "ok" for row in single):
        return "not tried: no single run of this size"
    expected = 2 * min(float(row["cpu"]) for row in single)
    return f"not tried: about {expected:,.0f} s expected for two runs" if expected > many else ""


def worker(
    measure: str,
    task: str,
    tool: str,
    size: int,
    network: tuple[str, str],
    seconds: float,
    limit: float,
    environment: dict[str, str],
) -> tuple[list[Row], str]:
    """Rows that a process of its own reports, and how it ended ("ok", or why not), at most `limit` seconds later."""
    one_core = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.peers.worker",
        measure,
        task,
        tool,
        str(size),
        *network,
        str(seconds),
    ]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            code = subprocess.run(
                command,
                cwd=ROOT,
                stdout=out,
                stderr=err,
                timeout=limit,
                env={**os.environ, **one_core, "MPLBACKEND": "Agg", "STARSIM_INSTALL_FONTS": "0", **environment},
            ).returncode
            status = "ok"
        except subprocess.TimeoutExpired:
            code, status = 0, f"stopped after {limit:,.0f} s"
        out.seek(0)
        err.seek(0)
        if code:
            last = (err.read().strip().splitlines() or ["killed"])[-1]
            status = f"failed: {last[:120]}"
        return [json.loads(line) for line in out if line.startswith("{")], status


def measured(
    book: Book,
    measure: str,
    task: str,
    tool: str,
    size: int,
    network: tuple[str, str],
    seconds: float,
    limit: float,
    environment: dict[str, str] | None = None,
    started: bool = False,
) -> None:
    """One entry of the plan, unless the book has it."""
    if book.found(measure, task, tool, size):
        return
    load = f"{os.getloadavg()[0]:.1f}"
    begun = time.perf_counter()
    kind = "start" if started else measure
    found, status = worker(kind, task, tool, size, network, seconds, limit, environment or {})
    taken = time.perf_counter() - begun
    shared = {"measure": measure, "task": task, "tool": tool, "size": size, "load": load}
    rows: list[Row] = []
    for each in found:
        curve = each.pop("curve", None)
        if started:
            each["seconds"] = taken
        if curve is None:
            rows.append({**shared, **each, "status": "ok"})
        else:
            rows += [
                {**shared, **each, "month": month, "mean": mean, "sd": sd, "status": "ok"} for month, mean, sd in curve
            ]
    if not rows:
        rows = [{**shared, "status": status if status != "ok" else "failed: said nothing"}]
    book.add(rows)
    print(f"{measure:11s} {task:7s} {tool:21s} {size:9,d}  {taken:7.1f} s  {rows[-1]['status']}", flush=True)


def ways(task: str | None = None) -> Iterator[tuple[str, str]]:
    """Tasks and the tools that can do them."""
    for name, tools in ABLE.items():
        if task in (None, name):
            yield from ((name, tool) for tool in tools)


def run(book: Book, seconds: float, memory: float, many: float, largest: int) -> None:
    """The whole plan: starts, checks, single runs by size, ensembles."""
    with tempfile.TemporaryDirectory() as folder:

        def network(task: str, tool: str, size: int) -> tuple[str, str]:
            """Files with the network of so many people and of a small one, made when first asked for."""
            paths = str(Path(folder, f"{task}-{size}.npz")), str(Path(folder, f"{task}-{SMALL}.npz"))
            for path, people in zip(paths, (size, SMALL), strict=True):
                if tool not in MAKE_THEIR_OWN and not Path(path).exists():
                    _, status = worker("network", task, "valign", people, (path, "-"), 0, 3600, {})
                    if not Path(path).exists():
                        raise SystemExit(f"the network of {people:,} people could not be made: {status}")
            return paths

        for task, tool in [*ways("uptake"), ("whole", "valign")]:
            caches = {name: str(Path(folder, "empty", task, tool)) for name in ("VALIGN_CACHE", "NUMBA_CACHE_DIR")}
            measured(book, "start-cold", task, tool, SMALL, network(task, tool, SMALL), 0, 1200, caches, started=True)
            measured(book, "start-warm", task, tool, SMALL, network(task, tool, SMALL), 0, 1200, caches, started=True)
        for task, tool in [*ways("uptake"), *list(ways("values"))[1:]]:
            measured(book, "check", task, tool, CHECK_SIZE, network(task, tool, CHECK_SIZE), many, 10 * many + 120)
        for task, tool in ways():
            before: list[Row] = []
            for size in (each for each in SIZES if each <= largest):
                if (reason := too_much(before, seconds, memory)) and not book.found("single", task, tool, size):
                    book.add([{"measure": "single", "task": task, "tool": tool, "size": size, "status": reason}])
                elif not reason:
                    measured(book, "single", task, tool, size, network(task, tool, size), seconds, 3 * seconds + 120)
                before = book.found("single", task, tool, size)
        for task, tool in ways():
            for size in (each for each in ENSEMBLE_SIZES if each <= largest):
                if reason := too_slow(book.found("single", task, tool, size), many):
                    if not book.found("ensemble", task, tool, size):
                        book.add([{"measure": "ensemble", "task": task, "tool": tool, "size": size, "status": reason}])
                else:
                    measured(book, "ensemble", task, tool, size, network(task, tool, size), many, 10 * many + 120)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="no larger size once a run would take longer")
    parser.add_argument("--memory", type=float, default=8.0, help="nor once it would need more GB")
    parser.add_argument("--many", type=float, default=60.0, help="seconds for each ensemble and each check")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="the largest population")
    parser.add_argument("--note", default="", help='about the machine, for the table ("others were working on it")')
    parser.add_argument("--table", action="store_true", help="only write RESULTS.md and the figure from raw.csv")
    given = parser.parse_args()
    if not given.table:
        ceilings = f"{given.seconds:g} s, {given.memory:g} GB, {given.many:g} s an ensemble"
        machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        book = Book(PART, {"months": MONTHS, "note": given.note, "ceilings": ceilings, "machine": machine})
        run(book, given.seconds, given.memory, given.many, given.largest)
        PART.replace(RAW)
    from .table import write

    write(RAW, HERE)


if __name__ == "__main__":
    main()

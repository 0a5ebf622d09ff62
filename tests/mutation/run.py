"""Mutation testing: does a test fail when one operator, number or condition of the code is changed?

    python tests/mutation/run.py [--each 40] [--only PART-OF-A-NAME] [--jobs 1] [--out results/reference/mutation]

A sample of each module's mutants (`mutants.py`) is tested. No file is changed: a forked process imports the mutated
source in place of the module and runs the tests of that module, first those that run the changed line, the quickest
first. The mechanisms are tested uncompiled (compiled code of the original, kept on disk, would hide a mutant) at widths
1 and 2; the statistics above compiled kernels.

A mutant is killed when a test fails or takes far longer than the unmutated tests. What each came to is kept in
.cache/mutation.csv: a stopped run goes on, and what was killed is not tested again until its module changes (what
survived: until a test does). Survivors get the reason written beside them in `reasons.csv`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutants import ROOT, Mutant, forget, mutants, put_in_place
from noticing import TESTS
from watching import Known, Ordered, Watch

HERE = Path(__file__).resolve().parent
KEPT = ROOT / ".cache" / "mutation.csv"
# not for what is mutated here, and slow
LEFT_OUT = ("pairing_reduces", "command", "netcdf", "a_report", "figure", "replay", "labels", "session")
SEEDS, MONTHS = range(16), 16  # of "agree"
BROKEN = "pytest could not run:"
LONGER, SECONDS = 3, 20  # a mutant may compute so many times as long as the unmutated tests, and so much longer


# --- a process for each mutant ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Ended:
    """What the work of a forked process came to: what it returned (None: it was ended) and seconds of computing."""

    task: Any
    found: Any
    too_slow: bool
    seconds: float


def in_forks(work: Iterable[tuple[Any, Callable[[], Any]]], jobs: int, limit: int) -> Iterator[Ended]:
    """Do each (task, function) in a forked process, `jobs` at a time; `limit`: seconds of computing, not of waiting, so
    that a busy machine kills nothing."""
    running: dict[int, tuple[Any, Path]] = {}
    tasks = iter(work)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(sys.maxsize):
            task = next(tasks, None)
            if task is None and not running:
                return
            if task is not None:
                told = Path(folder, str(number))
                sys.stdout.flush()
                child = os.fork()
                if child == 0:
                    _in_the_child(task[1], told, limit)
                running[child] = task[0], told
            if task is None or len(running) == jobs:
                child, status, used = os.wait4(-1, 0)
                task, told = running.pop(child)
                slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
                found = pickle.loads(told.read_bytes()) if told.exists() else None
                yield Ended(task, found, slow, used.ru_utime + used.ru_stime)


def _in_the_child(work: Callable[[], Any], told: Path, limit: int) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
        try:
            told.write_bytes(pickle.dumps(work()))
        finally:
            os._exit(0)


# --- the tests of a module --------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Tester:
    """Runs the tests of one module on mutants of it.

    fresh : modules to import anew in every fork. replays : what the reference model did in the scenarios of "agree".
    learned : what is known of tests, and their limit, by tests: every mechanism's are the same.
    """

    module: str
    fresh: tuple[str, ...]
    replays: Sequence[Any]
    learned: dict[tuple[str, ...], tuple[dict[str, Known], int]]
    known: dict[str, Known] = field(default_factory=dict)
    noticed: Counter = field(default_factory=Counter)  # by seed of "agree": the ones that noticed most go first
    limit: int = 3600

    @property
    def agrees(self) -> bool:
        return "agree" in TESTS[self.module]

    def learn(self) -> None:
        """Run the tests without a mutation: for how long, and which of them runs which lines (not of mechanisms)."""

        def work() -> tuple[str, dict[str, Known]]:
            forget(self.fresh)
            watch = Watch("" if self.agrees else str(ROOT / f"{self.module}.py"))
            return self._difference() or self._failure(watch), watch.known()

        tests = TESTS[self.module]
        if not self.agrees or tests not in self.learned:
            (ended,) = in_forks([("", work)], 1, self.limit)
            if ended.found is None or ended.found[0]:
                raise SystemExit(f"{self.module}: its tests fail without any mutation: {ended.found}")
            self.learned[tests] = ended.found[1], int(LONGER * ended.seconds) + SECONDS
        self.known, self.limit = self.learned[tests]

    def work(self, mutant: Mutant) -> Callable[[], str]:
        """What is done in the fork: the test that noticed the mutant, or nothing."""

        def work() -> str:
            forget(self.fresh)
            put_in_place(mutant)
            return self._difference() or self._failure(Ordered(self.known, mutant.line))

        return work

    def _difference(self) -> str:
        """The first random scenario in which the uncompiled model differs from the reference model."""
        if not self.agrees:
            return ""
        try:
            from agreement import compare
            from strategies import random_scenario
        except Exception:
            return "import"
        for seed in sorted(SEEDS, key=lambda seed: -self.noticed[seed]):
            try:
                differs = compare(
                    random_scenario(seed),
                    seed,
                    width=2,
                    months=MONTHS,
                    reference=self.replays[seed],
                    accounting=seed % 4 == 0,
                )
            except Exception:
                return str(seed)
            if differs.differences:
                return str(seed)
        return ""

    def _failure(self, plugin: Watch | Ordered) -> str:
        """The first test that fails, by pytest's name."""
        import pytest

        files = [str(ROOT / test) for test in TESTS[self.module] if test != "agree"]
        code = pytest.main(
            [
                "-x",
                "-q",
                "--no-header",
                "-p",
                "no:cacheprovider",
                "-m",
                "not slow and not browser",
                "-k",
                f"not ({' or '.join(LEFT_OUT)})",
                *files,
            ],
            plugins=[plugin],
        )
        if code > pytest.ExitCode.INTERRUPTED:
            return f"{BROKEN} {code!s}"
        return plugin.failed or ("" if code == 0 else "interrupted")


def replayed() -> list[Any]:
    """What the reference model does in the scenarios of "agree", once for all mutants."""
    from agreement import Replay
    from reference.model import ReferenceModel
    from strategies import random_scenario

    from valign.model.society.generate import build_society

    models = [ReferenceModel(scenario := random_scenario(seed), build_society(scenario, seed), seed) for seed in SEEDS]
    return [Replay(model, MONTHS) for model in models]


# --- what each mutant came to -----------------------------------------------------------------------------------------
def kept() -> dict[tuple[str, str], dict[str, str]]:
    """By mutant and state of the tests ("": whatever they are, for those that a test noticed)."""
    if not KEPT.exists():
        return {}
    with KEPT.open(encoding="utf-8", newline="") as lines:
        return {(row["mutant"], row["tests"]): row for row in csv.DictReader(lines)}


def keep(row: dict[str, str]) -> None:
    new = not KEPT.exists()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.open("a", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def state_of(tests: Sequence[str]) -> str:
    """Hash of the files of tests."""
    paths = [ROOT / test.partition("::")[0] for test in tests if test != "agree"]
    if "agree" in tests:
        paths += [
            ROOT / "tests" / "agreement.py",
            ROOT / "tests" / "strategies.py",
            *sorted((ROOT / "tests" / "reference").glob("*.py")),
        ]
    digest = hashlib.blake2b(f"{SEEDS} {MONTHS}".encode(), digest_size=8)
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tested(tester: Tester, drawn: Sequence[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what it came to: killed, too slow or survived."""
    before, tests = kept(), state_of(TESTS[tester.module])
    left = []
    for mutant in drawn:
        row = before.get((mutant.key, "")) or before.get((mutant.key, tests))
        if row is None:
            left.append(mutant)
        else:
            yield mutant, row["outcome"]
    if not left:
        return
    tester.learn()
    work = ((mutant, tester.work(mutant)) for mutant in left)
    for ended in in_forks(work, jobs, tester.limit):
        mutant = ended.task
        outcome = "too slow" if ended.too_slow else "survived" if ended.found == "" else "killed"
        by = ended.found or ""
        if by.startswith(BROKEN):
            raise SystemExit(f"{mutant.module}:{mutant.line}: {by}")
        if by.isdigit():
            tester.noticed[int(by)] += 1
        keep(
            {
                "mutant": mutant.key,
                "tests": tests if outcome == "survived" else "",
                "module": mutant.module,
                "line": str(mutant.line),
                "outcome": outcome,
                "by": by,
                "seconds": f"{ended.seconds:.1f}",
            }
        )
        if outcome == "survived":
            print(
                f"  {mutant.module}:{mutant.line} {mutant.operator}",
                f"- {mutant.before}",
                f"+ {mutant.after}",
                sep="\n    ",
                flush=True,
            )
        yield mutant, outcome


# --- tables -----------------------------------------------------------------------------------------------------------
COUNTS = ("module", "mutants", "tested", "killed", "too slow", "survived", "noticed")
SURVIVORS = ("module", "line", "operator", "before", "after", "reason")


def write(folder: Path, rows: Sequence[dict[str, Any]], survivors: Sequence[Mutant]) -> None:
    """counts.csv and survivors.csv; modules that were not tested this time keep their lines."""
    folder.mkdir(parents=True, exist_ok=True)
    with (HERE / "reasons.csv").open(encoding="utf-8", newline="") as lines:
        known = {(row["module"], row["before"], row["after"]): row["reason"] for row in csv.DictReader(lines)}
    order, now = list(TESTS), {row["module"] for row in rows}

    def table(name: str, columns: Sequence[str], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        path, old = folder / f"{name}.csv", []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as lines:
                old = [row for row in csv.DictReader(lines) if row["module"] in order and row["module"] not in now]
        return sorted([*old, *new], key=lambda row: (order.index(row["module"]), int(row.get("line", 0))))

    modules = table("counts", COUNTS, rows)
    parts = {
        "all mechanisms": [row for row in modules if row["module"].startswith("model/")],
        "all statistics": [row for row in modules if not row["module"].startswith("model/")],
    }
    together = [
        {"module": name, **share({column: sum(int(row[column]) for row in part) for column in COUNTS[1:6]})}
        for name, part in parts.items()
        if part
    ]
    lines = table("survivors", SURVIVORS, [
        {"module": m.module, "line": m.line, "operator": m.operator, "before": m.before, "after": m.after}
        for m in survivors])  # fmt: skip
    for line in lines:
        line["reason"] = known.get((line["module"], line["before"], line["after"]), "")
    for name, columns, found in (("counts", COUNTS, modules + together), ("survivors", SURVIVORS, lines)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)


def share(row: dict[str, Any]) -> dict[str, Any]:
    """With the share that was noticed: a test failed or went on for too long."""
    return row | {"noticed": f"{(row['killed'] + row['too slow']) / max(1, row['tested']):.3f}"}


def warm(compiled: bool) -> tuple[str, ...]:
    """Import what no mutant changes, once; what has to be imported anew in every fork."""
    for name in ("numpy", "numba", "pandas", "scipy.stats", "networkx", "pytest", "hypothesis", "matplotlib.pyplot"):
        importlib.import_module(name)
    if not compiled:
        importlib.import_module("mesa")
        return ("valign.", "agreement", "reference", "strategies", "small")
    for name in ("sklearn.ensemble", "SALib.analyze", "statsmodels.api", "threadpoolctl"):
        importlib.import_module(name)
    from valign.experiments.simulate import simulate

    simulate("two-services", runs=2, seed=1)
    return ("valign.experiments", "valign.calibration", "valign.results", "valign.cli.app")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=40, help="mutants per module at most")
    parser.add_argument("--only", default="", help="modules with this in their name")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--out", type=Path, help="folder for the two tables")
    given = parser.parse_args(arguments)
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    os.environ.setdefault("VALIGN_CACHE", str(ROOT / ".cache"))
    os.environ |= {"MPLBACKEND": "Agg", "CI": "1"}
    # first what runs compiled, in this process; then, in a process of its own, what runs uncompiled
    compiled = not os.environ.get("NUMBA_DISABLE_JIT")
    modules = [name for name in TESTS if given.only in name]
    mine = [name for name in modules if name.startswith("model/") != compiled]
    fresh = warm(compiled) if mine else ()
    replays, learned = replayed() if mine and not compiled else [], {}
    for module in mine:
        began, possible = time.monotonic(), mutants(module)
        drawn = sorted(possible[: given.each], key=lambda mutant: mutant.line)
        outcomes = list(tested(Tester(module, fresh, replays, learned), drawn, given.jobs))
        number = Counter(outcome for _, outcome in outcomes)
        row = share(
            {
                "module": module,
                "mutants": len(possible),
                "tested": len(drawn),
                "killed": number["killed"],
                "too slow": number["too slow"],
                "survived": number["survived"],
            }
        )
        print(row, f"{time.monotonic() - began:.0f} s", flush=True)
        if given.out:
            write(given.out, [row], [mutant for mutant, outcome in outcomes if outcome == "survived"])
    if compiled and len(mine) < len(modules):
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        os.execv(sys.executable, [sys.executable, __file__, *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    main()

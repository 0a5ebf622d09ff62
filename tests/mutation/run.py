"""Mutation testing: does a test fail when one operator, number or condition of the code is changed?

    python tests/mutation/run.py [--each 40] [--only PART-OF-A-NAME] [--out results/reference/mutation]

Cosmic Ray makes the mutants; a sample of each module, drawn with a fixed seed, is tested. No file is changed: a forked
process imports the mutated source in place of the module and runs the tests of that module. The mechanisms are tested
uncompiled (compiled code of the original, kept on disk, would hide a mutant); the statistics above compiled kernels.

A mutant is killed when a test fails or takes too long. Survivors get the reason written beside them in `reasons.csv`.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.machinery
import os
import random
import re
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEED = 20
ARITHMETIC = {"Add": ("Sub", "Mul"), "Sub": ("Add", "Mul"), "Mul": ("Add", "Div"), "Div": ("Mul", "Sub"),
              "FloorDiv": ("Mul",), "Mod": ("Mul",), "Pow": ("Mul",), "BitAnd": ("BitOr",), "BitOr": ("BitAnd",)}
COMPARISONS = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")  # each by each; not by `is`
OTHER = ("ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not",
         "ReplaceUnaryOperator_Delete_Invert", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
         "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
         "NumberReplacer", "ZeroIterationForLoop")  # fmt: skip
# Equal by construction, so not counted: the row of a parameter that is the same in every setting (of those that
# organisations may set, the row is a variable), and the last axis of an array that has one.
EQUAL = re.compile(r"(?<![\w.])((?:P|S\.parameters)\[[^\],]*,\s*)-?[01](?=(?:, r)?\])"
                   r"|((?:role|setting|runs|tie_a|_start|posts)\.shape\[\s*)(?:0|-1)(?=\])")
MECHANISMS = tuple(
    f"model/mechanisms/{path.stem}"
    for path in sorted((ROOT / "model" / "mechanisms").glob("*.py")) if path.stem != "__init__"
)  # fmt: skip
# The tests that are to notice a mutant, the quickest first. "agree": random scenarios against tests/reference.
TESTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(MECHANISMS, ("agree", "tests/test_terms.py")),
    "model/mechanisms/changes": ("tests/test_changes.py", "agree"),
    "experiments/compare": ("tests/test_outcomes.py", "tests/test_compare.py"),
    "experiments/outcomes": ("tests/test_outcomes.py", "tests/test_compare.py", "tests/test_design.py"),
    "experiments/hypotheses/verdict": ("tests/test_claims.py",),
    "experiments/sensitivity/indices": ("tests/test_sensitivity.py",),
    "calibration/estimators": ("tests/test_calibration.py",),
}
SLOW_TESTS = ("test_pairing_reduces", "test_the_command", "netcdf",
              "test_a_report", "replayed", "as_a_command", "wrong_commands")  # not for what is mutated here
AGREE_SEEDS, AGREE_MONTHS = 24, 16
SECONDS = 120  # of computing, so that a busy machine kills nothing; the unmutated tests take 15 to 60


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    operator: str
    line: int
    before: str
    after: str
    code: str


def operators() -> list[str]:
    """Names of Cosmic Ray's operators that are used."""
    arithmetic = [f"ReplaceBinaryOperator_{a}_{b}" for a, others in ARITHMETIC.items() for b in others]
    comparison = [f"ReplaceComparisonOperator_{a}_{b}" for a in COMPARISONS for b in COMPARISONS if a != b]
    return [*arithmetic, *comparison, *OTHER]


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, those of annotations left out."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = (ROOT / f"{module}.py").read_text("utf-8")
    lines, tree, found = source.splitlines(), get_ast(source), []
    for name in operators():
        operator = get_operator(f"core/{name}")()
        positions = [start[0] for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)]
        for occurrence, line in enumerate(positions):
            code = mutate_code(source, operator, occurrence)
            assert code is not None
            after = code.splitlines()[line - 1]
            if "->" not in after and EQUAL.sub("@", after) != EQUAL.sub("@", lines[line - 1]):
                found.append(Mutant(module, name, line, lines[line - 1].strip(), after.strip(), code))
    return found


def package(module: str) -> str:
    return "valign." + module.replace("/", ".")


class _Loader(importlib.machinery.SourceFileLoader):
    """Gives a module the source of its mutant."""

    mutant: Mutant

    def get_code(self, fullname: str):
        return compile(self.mutant.code, self.path, "exec")


class _Finder:
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None):
        if name != package(self.mutant.module):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.origin is not None
        loader = _Loader(name, spec.origin)
        loader.mutant = self.mutant
        spec.loader = loader
        return spec


def forget(prefixes: Sequence[str]) -> None:
    """Take modules out of sys.modules, so that the next import runs them anew."""
    for name in [name for name in sys.modules if name.startswith(tuple(prefixes))]:
        parent, _, child = name.rpartition(".")
        if parent in sys.modules and hasattr(sys.modules[parent], child):
            delattr(sys.modules[parent], child)
        del sys.modules[name]


def agree() -> int:
    """1 when the uncompiled model differs from the reference model in any of some random scenarios."""
    from agreement import compare
    from strategies import random_scenario

    return int(any(
        compare(random_scenario(seed), seed, width=1 + seed % 2, months=AGREE_MONTHS).differences
        for seed in range(AGREE_SEEDS)
    ))  # fmt: skip


def tests_fail(module: str) -> bool:
    import pytest

    for test in TESTS[module]:
        if test == "agree":
            if agree():
                return True
            continue
        if not (ROOT / test).exists():
            continue
        wanted = f"not ({' or '.join(SLOW_TESTS)})"
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not slow and not browser", "-k", wanted]
        if pytest.main([str(ROOT / test), *options]) != 0:
            return True
    return False


def in_a_fork(work: Callable[[], bool]) -> str:
    """killed, survived or too slow."""
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
            try:
                os._exit(1 if work() else 0)
            except BaseException:
                os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return "too slow"
    return "survived" if status == 0 else "killed"


def judge(mutant: Mutant | None, module: str, fresh: Sequence[str]) -> str:
    def work() -> bool:
        forget(fresh)
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant))
        return tests_fail(module)

    return in_a_fork(work)


def reasons() -> dict[tuple[str, str, str], str]:
    path = HERE / "reasons.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {(row["module"], row["before"], row["after"]): row["reason"] for row in csv.DictReader(lines)}


def test_module(module: str, each: int, fresh: Sequence[str]) -> tuple[dict[str, object], list[Mutant]]:
    """Counts of a module and the mutants that survived."""
    possible = mutants(module)
    drawn = random.Random(f"{SEED} {module}").sample(possible, min(each, len(possible)))
    if judge(None, module, fresh) != "survived":
        raise SystemExit(f"{module}: its tests fail without any mutation")
    counts, left = {"killed": 0, "too slow": 0, "survived": 0}, []
    for mutant in sorted(drawn, key=lambda mutant: mutant.line):
        outcome = judge(mutant, module, fresh)
        counts[outcome] += 1
        if outcome == "survived":
            left.append(mutant)
            print(f"  {module}:{mutant.line} {mutant.operator}", f"- {mutant.before}", f"+ {mutant.after}",
                  sep="\n    ", flush=True)
    row = {"module": module, "mutants": len(possible), "tested": len(drawn), **counts}
    print(row, flush=True)
    return row, left


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=40, help="mutants per module at most")
    parser.add_argument("--only", default="", help="modules with this in their name")
    parser.add_argument("--out", type=Path, help="folder for the two tables")
    given = parser.parse_args(arguments)
    modules = [name for name in TESTS if given.only in name]
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    os.environ.setdefault("VALIGN_CACHE", str(ROOT / ".cache"))
    os.environ |= {"MPLBACKEND": "Agg", "CI": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    # first what runs compiled, in this process; then, in a process of its own, what runs uncompiled
    compiled = not os.environ.get("NUMBA_DISABLE_JIT")
    mine = [name for name in modules if name.startswith("model/") != compiled]
    if mine:
        fresh = warm(compiled)
        for module in mine:
            row, left = test_module(module, given.each, fresh)
            if given.out:
                write(given.out, [row], left)
    if compiled and len(mine) < len(modules):
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        os.execv(sys.executable, [sys.executable, __file__, *(sys.argv[1:] if arguments is None else arguments)])


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
    return ("valign.experiments", "valign.calibration", "valign.results", "valign.cli")


def write(folder: Path, rows: Sequence[dict[str, object]], survivors: Sequence[Mutant]) -> None:
    """counts.csv and survivors.csv; modules that were not tested this time keep their lines."""
    folder.mkdir(parents=True, exist_ok=True)
    known = reasons()
    lines = [{"module": m.module, "line": m.line, "operator": m.operator, "before": m.before, "after": m.after,
              "reason": known.get((m.module, m.before, m.after), "")} for m in survivors]  # fmt: skip
    tested = {row["module"] for row in rows}
    tables = {"counts": (rows, ("module", "mutants", "tested", "killed", "too slow", "survived")),
              "survivors": (lines, ("module", "line", "operator", "before", "after", "reason"))}
    for name, (new, columns) in tables.items():
        path, kept = folder / f"{name}.csv", []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as old:
                kept = [row for row in csv.DictReader(old) if row["module"] not in tested]
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns, lineterminator="\n")
            writer.writeheader()
            order = list(TESTS)
            writer.writerows(sorted([*kept, *new], key=lambda row: (order.index(str(row["module"])),
                                                                    int(str(row.get("line", 0))))))


if __name__ == "__main__":
    main()

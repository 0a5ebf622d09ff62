"""Settings of all tests, and what a run of them left out.

Compiled code is kept in .cache of the checkout, once for a version of the sources: before several processes start, one
compiles the kernels for all.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("VALIGN_CACHE", str(ROOT / ".cache"))  # before anything of valign.model is imported
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.pop("DISPLAY", None)  # tests open no pictures

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes: libraries compute on one thread in each
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("here", **calm)
settings.register_profile("ci", derandomize=True, print_blob=True, **calm)
settings.load_profile("ci" if os.environ.get("CI") else "here")

LEFT_OUT = pytest.StashKey[Counter[str]]()
KINDS = ("browser", "slow")  # a slow test in a browser counts as one in a browser
ELSEWHERE = "`make test-all` installs what they need and runs them"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()
    several = config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")
    if several and not config.option.collectonly:
        from warming import warm

        warm()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with most slow tests first, then those with most tests: so that no process ends long after the other."""
    tests, slow = Counter(each.path for each in items), Counter(each.path for each in items if "slow" in each.keywords)
    items.sort(key=lambda each: (-slow[each.path], -tests[each.path], each.path))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        kind = next((kind for kind in KINDS if item.get_closest_marker(kind)), "other")
        item.config.stash[LEFT_OUT][kind] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every process deselects the same tests: what one of them says holds."""
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Generator[None]:
    """The last lines before the result: what was left out, and what command runs it."""
    yield
    left, skipped = config.stash[LEFT_OUT], Counter[str]()
    for report in terminalreporter.stats.get("skipped", []):
        skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
    lines = [
        f"{number} skipped: {reason}" + (f" ({ELSEWHERE})" if "could not import" in reason else "")
        for reason, number in sorted(skipped.items())
    ]
    lines += [f"{left['slow']} slow: `make test-all` runs them"] if left["slow"] else []
    lines += [f"{left['browser']} in a browser: {ELSEWHERE}"] if left["browser"] else []
    lines += [f"{left['other']} that do not match the options of this run"] if left["other"] else []
    if lines:
        terminalreporter.section("left out")
        for line in lines:
            terminalreporter.line(line)


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def browser() -> Generator[Any]:
    """A browser, one for all tests of a process."""
    import serving

    yield from serving.browser_or_skip()


@pytest.fixture(scope="session")
def published() -> Path:
    """The published file of Medical Innovation: named by VALIGN_MEDICAL_INNOVATION, or beside the project."""
    named = os.environ.get("VALIGN_MEDICAL_INNOVATION")
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "medical_innovation"
    path = path / "medInnovations.rdata" if path.is_dir() else path
    if not path.is_file():
        pytest.skip("medInnovations.rdata is not here: name it in VALIGN_MEDICAL_INNOVATION")
    return path


@pytest.fixture
def valign(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The command line, in this process and in an empty folder; the first argument may be several words."""
    from valign.cli.app import main

    monkeypatch.chdir(tmp_path)

    def call(typed: str = "", *arguments: object) -> Said:
        capsys.readouterr()
        code = main([*shlex.split(typed), *map(str, arguments)])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are empty pictures: drawing them is most of a short command, and many tests ask about all but that."""
    from valign.results.figures import helper
    from valign.results.reports import render

    def save(figures: Sequence[Any], folder: Path, kept: object, helper: object = None) -> None:
        for each in figures:
            (folder / f"{each.name}.svg").write_text('<svg viewBox="0 0 9 9" width="9pt" height="9pt"></svg>')
            (folder / f"{each.name}.png").write_bytes(b"")

    monkeypatch.setattr(render, "save_all", save)
    monkeypatch.setattr(helper, "helped", contextlib.nullcontext)

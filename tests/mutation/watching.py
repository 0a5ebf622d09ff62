"""Plugins of pytest: which test runs which lines of a module; the tests in the order that notices a mutant soonest."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest


@dataclass(frozen=True)
class Known:
    """Seconds that a test takes, with its fixtures, and the lines of the module that it runs."""

    seconds: float
    lines: frozenset[int]


class _Failed:
    failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or f"{report.nodeid} (import)"


class Watch(_Failed):
    """Notes the lines of a file and the seconds of each test and fixture."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: defaultdict[str, set[int]] = defaultdict(set)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.fixtures: dict[str, tuple[str, ...]] = {}
        self.now: list[str] = []  # what is running, the innermost last

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != self.path:
            return None
        if self.now:
            self.lines[self.now[-1]].add(frame.f_lineno)
        return self._trace

    @contextmanager
    def _during(self, name: str) -> Iterator[None]:
        before, began = sys.gettrace(), time.monotonic()
        self.now.append(name)
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)
            self.now.pop()
            self.seconds[name] += time.monotonic() - began

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        with self._during(f"fixture {fixturedef.argname}"):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.fixtures[item.nodeid] = tuple(f"fixture {name}" for name in getattr(item, "fixturenames", ()))
        with self._during(item.nodeid):
            yield

    def known(self) -> dict[str, Known]:
        """By test."""
        return {
            test: Known(
                sum(self.seconds[name] for name in (test, *fixtures)),
                frozenset().union(*(self.lines[name] for name in (test, *fixtures))),
            )
            for test, fixtures in self.fixtures.items()
        }


class Ordered(_Failed):
    """Of the tests that run anything of the module, those first that run the changed line, the quickest first.

    What only the import of the module runs concerns all tests.
    """

    def __init__(self, known: dict[str, Known], line: int) -> None:
        self.known, self.line = known, line

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = {item: self.known.get(item.nodeid, Known(0.0, frozenset())) for item in items}
        if any(self.line in each.lines for each in known.values()):
            items[:] = [item for item in items if known[item].lines]
        items.sort(key=lambda item: (self.line not in known[item].lines, known[item].seconds))

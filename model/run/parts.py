"""Months of one large society by several threads, each with some of the services at a time.

A step that keeps to the rows of its part (`in_parts`) is taken for all parts, by whichever thread is free; any other is
taken once, by the thread that comes last. No step begins before the one before it has ended, and no sum is made across
parts, so the bits depend on neither threads nor parts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from ..compiled import calling
from ..compiled.compiling import IN_PARTS
from ..mechanisms.sensemaking.kernel import sensemaking
from ..state.arrays import State
from .step import Step

PEOPLE_A_PART, PARTS_A_THREAD = 4_000, 8


def parts_of(S: State, threads: int) -> list[State]:
    """The state once for each part: the same arrays, and its own rows in `span`."""
    N, E, O = len(S.role), len(S.tie_a), len(S.setting)
    count = max(threads, min(PARTS_A_THREAD * threads, N // PEOPLE_A_PART))
    ends = np.unique(np.searchsorted(S.first[: O + 1], np.linspace(0, S.first[O], count + 1)))
    ends[0], ends[-1] = 0, O
    ties = np.linspace(0, E, len(ends)).astype(np.int64)
    parts = []
    for n, (start, stop) in enumerate(pairwise(ends)):
        last = n == len(ends) - 2
        people = S.first[start], N if last else S.first[stop]
        span = np.array([*people, start, stop, O + 1 if last else stop, ties[n], ties[n + 1]], np.int64)
        parts.append(S.with_array("span", span))
    return parts


def _take(step: Step, S: State, number: int) -> None:
    calling.run(S, number, number + 1, [step._replace(argument=-1)])


def run_in_parts(S: State, first: int, last: int, steps: Sequence[Step], threads: int) -> None:
    """Months first … last - 1 by so many threads."""
    parts = parts_of(S, threads)
    left = ((step, t if step.argument < 0 else step.argument) for t in range(first, last) for step in steps)
    recorded = S.ledger.shape[0] > 0  # sums over everybody, which sensemaking adds to
    now: Step | None = None
    argument = 0
    turn: Iterator[State] = iter(())

    def go_on() -> None:
        """Take the steps up to the next that is taken in parts."""
        nonlocal now, argument, turn
        for now, argument in left:
            if now.function in IN_PARTS and not (recorded and now.function is sensemaking):
                turn = iter(parts)
                return
            _take(now, S, argument)
        now = None

    barrier = threading.Barrier(threads, go_on)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while barrier.wait() >= 0 and now is not None:
                for part in turn:
                    _take(now, part, argument)
        except threading.BrokenBarrierError:
            pass  # another thread has failed, and its error is raised below
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    others = [threading.Thread(target=work, daemon=True) for _ in range(threads - 1)]
    for each in others:
        each.start()
    work()
    for each in others:
        each.join()
    if errors:
        raise errors[0]

"""The month as a list of steps, and months of it: the same compiled steps for `World` and for ensembles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType

import numpy as np

from ..alignment import align_changed, align_commissioners, align_everybody, align_managers, align_replaced, perceive
from ..compiled import calling
from ..compiled.compiling import COMPILED, copy, fill, in_parts, of_people, of_services
from ..entry import month_draws
from ..ledger.accounting import account
from ..ledger.booking import account_moves, flush
from ..ledger.decomposition import POINT
from ..mechanism import INNOVATION, POSTS, Mechanism
from ..mechanisms.turnover.kernel import restart_ties
from ..parameters import MECHANISMS, RECORDS
from ..state.arrays import State
from .conditions import conditions
from .outcomes import observe
from .parts import run_in_parts
from .step import Function, Step


def _kernel(record: Mechanism) -> ModuleType:
    return import_module(f"..mechanisms.{record.name}.kernel", __package__)


# The functions of every mechanism: PHASES of its kernel, one after the other, or the one that has its name.
_COMPUTE: dict[str, tuple[Function, ...]] = {
    record.name: getattr(kernel, "PHASES", None) or (getattr(kernel, record.name),)
    for record, kernel in ((record, _kernel(record)) for record in RECORDS)
}
_ALWAYS: dict[str, Function] = {
    record.name: getattr(_kernel(record), record.always) for record in RECORDS if record.always
}
# What brings up to date what a mechanism moved or reads, as its record says.
_FOLLOW = {INNOVATION: perceive, POSTS: restart_ties}
_READ = {"managers": align_managers, "everybody": align_everybody}
_ALIGN = {
    "everybody": align_everybody,
    "replaced": align_replaced,
    "changed": align_changed,
    "commissioners": align_commissioners,
}


@in_parts
def begin(S, t):
    """Start month t: new draws, nobody replaced yet."""
    month_draws(S, t)
    fill(of_people(S, S.replaced), 0)
    copy(of_services(S, S.service_stage), of_services(S, S.service_stage_before))


def _steps(
    switches: Sequence[int] | np.ndarray, accounting: bool, insertions: Sequence[tuple[int, Function]], touched: bool
) -> Iterator[Step]:
    own = [Step("own", perceive)]
    own += (
        [Step("own", account, POINT["outside"]), Step("own", account_moves)]
        if accounting
        else [Step("own", align_everybody)]
    )
    yield Step("begin", begin)
    yield from own if touched else ()
    stale = False  # has something moved that the alignment of everybody does not know of?
    for record in RECORDS:
        name, position = record.name, MECHANISMS.index(record.name)
        for switch in range(position, position + len(record.switches)):
            for where, function in insertions:
                if where == switch:
                    yield from (Step("own", function), *own)
        if stale and record.reads and switches[position]:
            yield Step(name, _READ[record.reads])
            stale = record.reads != "everybody"
        if switches[position]:
            if name == "changes":
                yield Step(name, conditions)
            yield from (Step(name, phase) for phase in _COMPUTE[name])
            yield from (Step(name, follow) for moved, follow in _FOLLOW.items() if record.moves & moved)
            if accounting:
                yield from (Step(name, account, POINT[name]),) if record.moves else ()
                yield from (Step(name, account_moves),) if record.stages else ()
            elif record.aligns:
                yield Step(name, _ALIGN[record.aligns])
            elif record.moves:
                stale = True
        if record.always:
            yield Step(name, _ALWAYS[name])
    for where, function in insertions:
        if where == len(MECHANISMS):
            yield from (Step("own", function), *own)
    if stale:
        yield Step("observe", align_everybody)
    yield Step("observe", observe)
    if accounting:
        yield Step("observe", flush)


def month_steps(
    switches: Sequence[int] | np.ndarray,
    accounting: bool,
    insertions: Sequence[tuple[int, Function]] = (),
    *,
    touched: bool = False,
) -> Sequence[Step]:
    """Steps of a month in order (`MONTH` in model/mechanisms), those of mechanisms that are off left out.

    Between the mechanisms stands what keeps versions, ties and alignment up to date: with accounting, `account` after
    every step that moves them; without, a pass before whoever reads the alignment that others have moved.
    insertions: (position in MECHANISMS before which it runs, function) of mechanisms of one's own.
    touched: the state may have been changed from outside since the last month.
    """
    if insertions:
        return list(_steps(switches, accounting, insertions, touched))
    return _known_steps(np.asarray(switches, np.uint8).tobytes(), accounting, touched)


@cache
def _known_steps(switches: bytes, accounting: bool, touched: bool) -> tuple[Step, ...]:
    return tuple(_steps(switches, accounting, (), touched))


def run_steps(S: State, steps: Sequence[Step]) -> None:
    """Steps of the start or the end of a run, once."""
    run_months(S, 0, 1, steps)


def run_months(S: State, first: int, last: int, steps: Sequence[Step], threads: int = 1) -> None:
    """Months first … last - 1. Compiled when every step is; in WebAssembly where the arrays live there.

    threads: that share the people of a large society, in machine code; the bits do not depend on it.
    """
    if S.host is not None:
        S.host.run(S, first, last, steps)
    elif threads > 1 and COMPILED:
        run_in_parts(S, first, last, steps, threads)
    else:
        calling.run(S, first, last, steps)


# Every function that may be a step of a month
MONTH_FUNCTIONS: tuple[Function, ...] = tuple(
    dict.fromkeys(
        (
            *(begin, conditions, perceive, align_everybody, account, account_moves, flush, observe),
            *(phase for phases in _COMPUTE.values() for phase in phases),
            *(function for group in (_ALWAYS, _FOLLOW, _READ, _ALIGN) for function in group.values()),
        )
    )
)

"""Compile all kernels into the cache: `python -m valign.model.run.compile_all [blocks] [single]`.

--beside: at low priority, and only for as long as the process that began it lives (standard input is open); by one process
at a time.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from ..compiled import calling, compiling, engine, machine_code
from ..compiled.handle import signature_of
from ..compiled.numba_handle import compiled_for, kinds_of, type_of
from ..parameters import MECHANISMS
from ..scenario.scenario import Scenario
from ..society.generate import build_society
from ..state.scenario_arrays import lower
from .initial import build
from .kernels import SOCIETY, STEPS
from .month import month_steps, run_months

LONG = 15 * 60.0  # seconds: a process that compiles for so long has been killed


def compile_all(kind: str) -> None:
    """Everything of a kind (`engine.KINDS`), also what makes a society, and keep it as one file; nothing where that is kept."""
    if engine.has_machine_code(kind):
        return
    engine.CHOICE.only = engine.NUMBA
    scenario = Scenario.load("two-services").replace(
        {"months": 1, **{f"mechanisms.{name}": True for name in MECHANISMS}}
    )
    society = build_society(scenario, 1)
    S = build(lower(scenario), society, [1] if kind == "single" else [1, 2], accounting=True)
    results = {calling.symbol(function, S.layout): compiled_for(function, S.layout) for function in STEPS.values()}
    run_months(S, 1, 2, month_steps(S.switches, True))
    state = type_of(S.layout)
    results[calling.symbol(calling.months, S.layout)] = next(
        result for types, result in calling.months.overloads.items() if types[0] == state
    )
    for function in SOCIETY.values():
        for types, result in function.overloads.items():
            results[signature_of(function, kinds_of(types))] = result
    if (path := engine.code_file(kind)) is not None:
        machine_code.write(path, results)
    engine.CHOICE.only = ""


def _end_with_the_other() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _alone(path: Path) -> bool:
    """Whether no other process compiles; then this one has said that it does."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > LONG:
            path.unlink()
    try:
        path.open("x").close()
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> None:
    kinds = [each for each in arguments if each in engine.KINDS] or list(engine.KINDS)
    if "--beside" not in arguments:
        for kind in kinds:
            compile_all(kind)
        return
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(15)
    if compiling.CACHE is None or not _alone(lock := Path(compiling.CACHE) / "compiling"):
        return
    try:
        for kind in kinds:
            compile_all(kind)
    finally:
        lock.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""`valign doctor`: which engine computes here, what is kept, how fast, and what is missing."""

from __future__ import annotations

import time
from importlib.util import find_spec

from . import terminal

EXTRAS = {
    "data": ("pooch", "rdata"),
    "analysis": ("sklearn", "threadpoolctl"),
    "calibration": ("statsmodels",),
    "cluster": ("distributed",),
    "netcdf": ("h5netcdf", "xarray"),
    "web": ("starlette", "uvicorn"),
}
MEASURED = "two-services"
WIDTH, SECONDS = 16, 0.5


def doctor(compile_now: bool, as_json: bool, quiet: bool) -> None:
    """Print it; with `compile_now` compile first what is not compiled yet."""
    from valign.model.compiled import compiling, engine

    if compile_now:
        _compile(quiet)
    there = {kind: engine.has_machine_code(kind) for kind in engine.KINDS}
    why_not = engine.why_not_webassembly()
    facts = {
        "engine": _engine(compiling.COMPILED, all(there.values()), why_not),
        "machine code": "all there" if all(there.values()) else "not compiled yet (`valign doctor --compile` does it)",
        "WebAssembly": why_not or "ready",
        "cache": str(compiling.CACHE or "none: nothing is kept between runs"),
        "speed": f"{_nanoseconds():,.0f} ns for a person and a month, on one core ({WIDTH} runs of {MEASURED} at once)",
        "not installed": ", ".join(_missing()) or "nothing",
    }
    if as_json:
        terminal.as_json(facts)
        return
    terminal.table(("what", "here"), list(facts.items()), numbers_from=2)


def _engine(compiled: bool, machine_code: bool, why_not: str) -> str:
    if not compiled:
        return "plain Python (NUMBA_DISABLE_JIT is set): slow"
    if machine_code:
        return "machine code"
    return "Numba, which compiles what is called first" if why_not else "WebAssembly, until machine code is compiled"


def _compile(quiet: bool) -> None:
    from valign.model.compiled import compiling, engine
    from valign.model.errors import InputError

    if compiling.CACHE is None:
        raise InputError(["--compile: there is no folder to keep compiled code in; set VALIGN_CACHE to one"])
    from valign.model.run.compile_all import compile_all

    waiting = [kind for kind in engine.KINDS if not engine.has_machine_code(kind)]
    if waiting:
        terminal.say("Compiling the model; this takes about two minutes", quiet)
    for kind in waiting:
        compile_all(kind)


def _missing() -> list[str]:
    """Extras of which something is not installed."""
    return [f"valign[{extra}]" for extra, modules in EXTRAS.items() if not all(map(find_spec, modules))]


def _nanoseconds() -> float:
    """Of a person and a month, as the model runs here now."""
    from valign.experiments.simulate import simulate
    from valign.model.scenario.scenario import Scenario

    scenario = Scenario.load(MEASURED)
    best, until = float("inf"), None
    while until is None or time.perf_counter() < until:
        began = time.perf_counter()
        simulate(scenario, runs=WIDTH, seed=1, societies=1, record=(), threads=1)
        best = min(best, time.perf_counter() - began)
        until = until or time.perf_counter() + SECONDS
    return best / (WIDTH * scenario.months * scenario.people()) * 1e9

"""Steps(S, number) called one after the other: from machine code by their addresses, or from Python one by one.

A kernel's machine code is taken from the library that holds all of them where there is one (machine_code.py), and
else from Numba, which reads it from its own files or compiles it now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np

from .compiling import COMPILED, compiled, compiler
from .engine import kept
from .machine_code import Library
from .handle import Handle, Layout, name_of

Step = Any  # model.run.step.Step, which stands above


def call(address: int, S: Handle, number: int) -> int:
    """Call the function(state, number) at this address; the status that it ends with. In compiled code."""
    raise NotImplementedError("addresses cannot be called in plain Python")


@compiled
def months(S, first, last, addresses, arguments):
    """Months first … last - 1 of the steps at `addresses`; 0, or the status of the one that failed."""
    for t in range(first, last):
        for n in range(addresses.shape[0]):
            status = call(addresses[n], S, t if arguments[n] < 0 else arguments[n])
            if status != 0:
                return status
    return 0


def symbol(function: Callable[..., Any], kind: Layout) -> str:
    """The name of a kernel for states of this kind in a library."""
    return f"{kind.name}.{name_of(function)}"


@cache
def _address(function: Callable[..., Any], kind: Layout, library: Library | None) -> int:
    """Where the machine code of a step for such states begins; 0 where it is plain Python."""
    if library is not None and (found := library.address(symbol(function, kind))):
        return found
    if not COMPILED or not hasattr(function, "overloads"):
        return 0
    result = compiler().compiled_for(function, kind)
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


def run(S: Handle, first: int, last: int, steps: Sequence[Step]) -> None:
    """Months first … last - 1 of the steps. Raises FloatingPointError where machine code stops with a status."""
    library = kept(S.layout.single)
    where, arguments = (_known_places if isinstance(steps, tuple) else _places)(steps, S.layout, library)
    if where.all():
        _call_months(S, first, last, where, arguments, library)
        return
    for t in range(first, last):
        for machine_code, part in groupby(range(len(steps)), key=lambda n: bool(where[n])):
            some = list(part)
            if machine_code:
                _call_months(S, t, t + 1, where[some], arguments[some], library)
            else:
                for n in some:
                    steps[n].function(S, t if arguments[n] < 0 else steps[n].argument)


def _places(steps: Sequence[Step], kind: Layout, library: Library | None) -> tuple[np.ndarray, np.ndarray]:
    """Addresses of the steps for such a state, and their arguments."""
    where = [_address(step.function, kind, library) for step in steps]
    return np.array(where, np.int64), np.array([step.argument for step in steps], np.int64)


_known_places = cache(_places)  # of tuples of steps, which are few


def _call_months(
    S: Handle, first: int, last: int, addresses: np.ndarray, arguments: np.ndarray, library: Library | None
) -> None:
    name = symbol(months, S.layout)
    if library is not None and library.address(name):
        status = library.call(name, S.address, first, last, addresses, arguments)
    else:
        status = months(S, first, last, addresses, arguments)
    if status != 0:
        raise FloatingPointError(f"a kernel stopped with status {status}")

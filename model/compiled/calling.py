"""Steps(S, number) called one after the other: from machine code by their addresses, or from Python one by one.

A kernel's machine code is taken from the library that holds all of them where there is one (machine_code.py), and
else from Numba, which reads it from its own files or compiles it now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from .compiling import COMPILED, compiled, compiler
from .engine import kept
from .machine_code import Library, words_of
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


class Calls(NamedTuple):
    """Addresses of steps, 0 of those in plain Python, and their arguments; both as words of a kernel.

    compiled: whether all of them are.
    """

    addresses: np.ndarray
    arguments: np.ndarray
    words: list[float]
    compiled: bool


def _calls(addresses: np.ndarray, arguments: np.ndarray) -> Calls:
    words = [word for each in (addresses, arguments) for word in words_of(each)]
    return Calls(addresses, arguments, words, bool(addresses.all()))


def run(S: Handle, first: int, last: int, steps: Sequence[Step]) -> None:
    """Months first … last - 1 of the steps. Raises FloatingPointError where machine code stops with a status."""
    library = kept(S.layout.single)
    calls = (_known_calls if isinstance(steps, tuple) else _calls_of)(steps, S.layout, library)
    if calls.compiled:
        _call_months(S, first, last, calls, library)
        return
    for t in range(first, last):
        for machine_code, part in groupby(range(len(steps)), key=lambda n: bool(calls.addresses[n])):
            some = list(part)
            if machine_code:
                _call_months(S, t, t + 1, _calls(calls.addresses[some], calls.arguments[some]), library)
            else:
                for n in some:
                    steps[n].function(S, t if steps[n].argument < 0 else steps[n].argument)


def _calls_of(steps: Sequence[Step], kind: Layout, library: Library | None) -> Calls:
    where = [_address(step.function, kind, library) for step in steps]
    return _calls(np.array(where, np.int64), np.array([step.argument for step in steps], np.int64))


_known_calls = cache(_calls_of)  # of tuples of steps, which are few


def _call_months(S: Handle, first: int, last: int, calls: Calls, library: Library | None) -> None:
    name = symbol(months, S.layout)
    if library is not None and library.address(name):
        status = library.call(name, [S.address, first, last, *calls.words])
    else:
        status = months(S, first, last, calls.addresses, calls.arguments)
    if status != 0:
        raise FloatingPointError(f"a kernel stopped with status {status}")

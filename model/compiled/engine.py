"""Which engine computes: machine code where it is kept on disk; else WebAssembly, and machine code once it has been compiled.

Both give the same bits. Compiling takes about a minute, and most of what a new user asks for is done in less. So what is
small is computed in WebAssembly and nothing is compiled; beside more than that a process of low priority compiles, and the
blocks that begin when it is done take what it made. Where there is no WebAssembly, Numba compiles what is called first.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import compiling, machine_code
from .handle import flattened, kind_of, signature_of
from .webassembly import Host, Instance, Module, Unavailable, module

COMPILE_SECONDS = 60.0
SECONDS_PER_PERSON_MONTH = 0.9e-6  # WebAssembly, one core; a run alone takes twice that
MACHINE_CODE, NUMBA, WEBASSEMBLY = "machine code", "Numba", "WebAssembly"
KINDS = ("blocks", "single")  # kernels for several runs, and for one
SMALL = 1 << 20
State = Any  # model.state.arrays.State, which stands above

_local = threading.local()


class _Choice:
    """What this process knows and has begun."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept = dict.fromkeys(KINDS, False)
        self.libraries: dict[str, machine_code.Library | None] = {}
        self.only = ""  # one engine, whatever is there: MACHINE_CODE, NUMBA (which compiles) or WEBASSEMBLY
        self.expected = 0.0  # seconds in WebAssembly so far
        self.compiler: subprocess.Popen[bytes] | None = None


CHOICE = _Choice()


def code_file(kind: str) -> Path | None:
    """The file of the machine code of a kind."""
    return None if compiling.CACHE is None else machine_code.file_of(kind, compiling.CACHE)


def has_machine_code(kind: str) -> bool:
    """Whether nothing of a kind has to be compiled any more (or compiling is switched off)."""
    if not CHOICE.kept[kind]:
        path = code_file(kind)
        CHOICE.kept[kind] = not compiling.COMPILED or (path is not None and path.exists())
    return CHOICE.kept[kind]


def kept(single: bool) -> machine_code.Library | None:
    """The machine code that is kept, for a run alone or for several; None where Numba has it, or has to compile it."""
    kind = KINDS[single]
    if CHOICE.only == NUMBA or not compiling.COMPILED or not has_machine_code(kind):
        return None
    with CHOICE.lock:
        if kind not in CHOICE.libraries:
            path = code_file(kind)
            CHOICE.libraries[kind] = machine_code.library(path) if path is not None else None
        return CHOICE.libraries[kind]


def why_not_webassembly() -> str:
    """Why WebAssembly cannot be used here; empty where it can."""
    try:
        module()
    except Unavailable as why:
        return str(why)
    return ""


def _module(kind: str) -> Module | None:
    """The WebAssembly to be used for a kind, None for machine code."""
    if CHOICE.only in (MACHINE_CODE, NUMBA) or (CHOICE.only != WEBASSEMBLY and has_machine_code(kind)):
        return None
    try:
        return module()
    except Unavailable:
        return None


def settle(S: State) -> None:
    """Let the state live where it will be computed."""
    found = _module("single" if len(S.runs) == 1 else "blocks")
    if found is not None:
        try:
            Host(found, S)
        except Unavailable:
            pass


def release(S: State) -> None:
    """The state is not computed any further."""
    if S.host is not None:
        S.host.release(S)


def expect(person_months: float, threads: int) -> None:
    """So much is about to be simulated: begin to compile beside it where that is done sooner."""
    if all(map(has_machine_code, KINDS)) or _module("blocks") is None:
        return
    with CHOICE.lock:
        CHOICE.expected += person_months * SECONDS_PER_PERSON_MONTH / threads
        if CHOICE.expected > COMPILE_SECONDS and CHOICE.compiler is None and compiling.CACHE is not None:
            CHOICE.compiler = _begin_to_compile()


def _begin_to_compile() -> subprocess.Popen[bytes]:
    """A process of low priority, which ends with this one (its standard input ends then)."""
    command = [sys.executable, "-m", "valign.model.run.compile_all", "--beside"]
    lower = {"creationflags": 0x00004000} if sys.platform == "win32" else {}  # BELOW_NORMAL_PRIORITY_CLASS
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
        **lower,
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


# --- functions of plain arrays -----------------------------------------------------------------------------------------
def through(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a compiled function of C-contiguous arrays and numbers; the arrays hold what it wrote."""
    flat, found = flattened(arguments), _module("blocks")
    name = signature_of(function, map(kind_of, flat))
    if found is not None:
        if name in found.society:
            return _call(found, found.society[name], flat)
    elif (library := kept(False) or kept(True)) is not None and library.has(name, flat):
        return library.call(name, [word for each in flat for word in machine_code.words_of(each)])
    return function(*arguments)


def _call(found: Module, name: str, arguments: list[Any]) -> int:
    needed = (
        found.heap_base + 1024 + sum(each.nbytes + 64 for each in arguments if isinstance(each, np.ndarray)) + SMALL
    )
    instance: Instance | None = getattr(_local, "instance", None)
    if instance is None or instance.size < needed:
        instance = _local.instance = Instance(found, needed)
    scratch = -(-found.heap_base // 64) * 64
    end = scratch + 1024
    flat: list[Any] = []
    copies: list[tuple[np.ndarray, np.ndarray]] = []
    for each in arguments:
        if not isinstance(each, np.ndarray):
            flat += machine_code.words_of(each)
            continue
        copy = instance.array(end, each.shape, each.dtype)
        copy[...] = each
        copies.append((each, copy))
        flat += machine_code.words_of(copy, end)
        end = -(-(end + each.nbytes) // 64) * 64
    instance.array(instance.value("heap"), (1,), np.dtype(np.uint32))[0] = end
    instance.call(name, scratch, scratch + 64, *flat)
    for given, copy in copies:
        if given.flags.writeable:
            given[...] = copy
    return int(instance.array(scratch, (1,), np.dtype(np.int64))[0])

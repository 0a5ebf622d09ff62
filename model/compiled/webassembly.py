"""The kernels as WebAssembly (month.wasm) under `wasmtime`: the same code and bits where no machine code has been compiled.

The arrays of a state move into the memory of an instance, so that what happens between the steps in Python works on them
as before, and kernels that Numba has compiled too.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from . import compiling
from .kernel_sources import stale
from .handle import name_of

FOLDER = Path(__file__).parent
PAGE, ALIGNED, MOST_BYTES = 65536, 64, 1.5e9
# Where kernels write down flows of the decomposition: large, read up to what was written, and empty in between
UNREAD = frozenset({"flow_position", "flow_change"})
ORDER_BYTES, ROWS_BYTES = 16 * 1024, 1 << 20  # room for the order of steps; for temporary rows at first (it grows)
WORD = 8
State, Step = Any, Any  # model.state.arrays.State and model.run.step.Step, which stand above


_alive: weakref.WeakSet[Any] = weakref.WeakSet()


@atexit.register
def _leave() -> None:
    """wasmtime gives memory back when Python has half gone, and complains; the process ends anyway."""
    for each in list(_alive):
        with suppress(Exception):
            each._consume()


class Unavailable(Exception):
    """Why there is no WebAssembly here."""


class Module:
    """month.wasm, ready to be used, and what month.json says of it."""

    def __init__(self) -> None:
        try:
            import wasmtime
        except ImportError:
            raise Unavailable("the package wasmtime is not installed") from None
        self.wasmtime = wasmtime
        kept = compiling.CACHE and next(
            Path(compiling.CACHE).glob("month-*.cwasm"), None
        )  # of these sources: not stale
        if not kept and (why := stale()):
            raise Unavailable(why)
        told = json.loads((FOLDER / "month.json").read_text("utf-8"))
        self.step = {name: number for number, name in enumerate(told["steps"])}
        self.society: dict[str, str] = told["society"]  # names of exports by signature
        self.fields = [tuple(field) for field in told["fields"]]
        try:
            self.engine = wasmtime.Engine()
            self.module = self._ready(told["kernels_hash"])
            _alive.update((self.engine, self.module))
            self.heap_base = int(Instance(self, PAGE).value("__heap_base"))
        except Exception as error:  # whatever keeps it from working here, Numba works
            raise Unavailable(f"wasmtime does not work here ({str(error).splitlines()[0]})") from None

    def _ready(self, kernels: str) -> Any:
        """Compiled by wasmtime, which takes .3 s, or as it was kept with the compiled kernels."""
        kept = Path(compiling.CACHE or "") / f"month-{kernels}-{version('wasmtime')}.cwasm"
        if compiling.CACHE is not None and kept.is_file():
            try:
                return self.wasmtime.Module.deserialize_file(self.engine, str(kept))
            except Exception:
                kept.unlink(missing_ok=True)
        module = self.wasmtime.Module(self.engine, (FOLDER / "month.wasm").read_bytes())
        if compiling.CACHE is not None:
            aside = kept.with_name(f"{kept.name}.{threading.get_native_id()}")
            try:
                aside.write_bytes(bytes(module.serialize()))
                aside.replace(kept)
            except OSError:
                aside.unlink(missing_ok=True)
        return module


@cache
def _module() -> Module | str:
    """The module, or why there is none."""
    try:
        return Module()
    except Unavailable as why:
        return str(why)


def module() -> Module:
    """The module. Raises Unavailable; what keeps it from being used is found out once."""
    found = _module()
    if isinstance(found, str):
        raise Unavailable(found)  # a new one: an exception holds on to the frames that it went through
    return found


class Instance:
    """The module with a memory of its own, of at least so many bytes. For one thread."""

    def __init__(self, module: Module, size: int) -> None:
        wasmtime = module.wasmtime
        self.store = wasmtime.Store(module.engine)
        _alive.add(self.store)
        pages = max(2 * 1024 * 1024 // PAGE, -(-size // PAGE))
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(pages, PAGE)))
        self.exports = wasmtime.Instance(self.store, module.module, [self.memory]).exports(self.store)
        self.address = ctypes.addressof(self.memory.data_ptr(self.store).contents)
        self.size = int(self.memory.data_len(self.store))

    def value(self, name: str) -> int:
        return self.exports[name].value(self.store)

    def call(self, name: str, *arguments: Any) -> None:
        try:
            status = self.exports[name](self.store, *arguments)
        except Exception as error:
            raise MemoryError(f"WebAssembly stopped: {str(error).splitlines()[0]}") from None
        if status != 0:
            raise FloatingPointError(f"a kernel stopped with status {status}")

    def array(self, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array in the memory, which lives as long as the array does."""
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        buffer = (ctypes.c_ubyte * count).from_address(self.address + offset)
        buffer.owner = (self.store, self.memory)
        return np.frombuffer(buffer, dtype).reshape(shape) if count else np.zeros(shape, dtype)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNED) * ALIGNED


class Host:
    """An instance in which the arrays of a state live.

    Memory, from the bottom: what the module itself needs, the arrays, the table of their headers as kernels read it, the
    order of the steps, temporary rows.
    """

    def __init__(self, module: Module, S: State) -> None:
        fields = [(each.name, each.word, each.kind) for each in S.layout.fields]
        if fields != module.fields:
            raise Unavailable("this state has other arrays than those that month.wasm was made for")
        arrays = {name: getattr(S, name) for name, *_ in fields if name not in S.views} | {
            "runs": np.arange(len(S.runs))
        }
        headers = dict(S.headers())
        offsets: dict[str, int] = {}
        end = _aligned(module.heap_base)
        for name, array in arrays.items():
            offsets[name], end = end, _aligned(end + array.nbytes)
        for name in S.views:
            offsets[name] = offsets["parameters"] + headers[name][0] - headers["parameters"][0]
        self.table, words = end, max(word for _, word, _ in fields) + 2 + 2 * 6
        self.order = _aligned(self.table + WORD * words)
        self.rows = self.order + ORDER_BYTES
        if self.rows + ROWS_BYTES > MOST_BYTES:
            raise Unavailable("there is too much to simulate at once")
        self.module = module
        try:
            self.instance = Instance(module, self.rows + ROWS_BYTES)
        except Exception as error:
            raise Unavailable(f"there is no memory for WebAssembly ({str(error).splitlines()[0]})") from None
        for name, array in arrays.items():
            moved = self.instance.array(offsets[name], array.shape, array.dtype)
            if name not in UNREAD:  # an instance's memory is zero at first
                moved[...] = array
            arrays[name] = moved
        table = self.instance.array(self.table, (words,), np.dtype(np.int64))
        for name, word, _ in fields:
            table[word : word + len(headers[name])] = [offsets[name], *headers[name][1:]]
        S.place(len(S.runs), arrays)
        S.host = self

    def release(self, S: State) -> None:
        """The arrays into ordinary memory again."""
        S.host = None
        arrays = {name: getattr(S, name) for name, _ in S.headers() if name not in {*S.views, "runs"}}
        S.place(
            len(S.runs), {name: np.zeros_like(each) if name in UNREAD else each.copy() for name, each in arrays.items()}
        )

    def run(self, S: State, first: int, last: int, steps: Sequence[Step]) -> None:
        """Months first … last - 1 of the steps; those that month.wasm does not know are called from here."""
        known = [self.module.step.get(name_of(step.function), -1) for step in steps]
        if min(known, default=0) >= 0:
            self._run(known, steps, first, last)
            return
        for t in range(first, last):
            for there, part in groupby(zip(known, steps, strict=True), lambda each: each[0] >= 0):
                numbers, some = zip(*part, strict=True)
                if there:
                    self._run(numbers, some, t, t + 1)
                else:
                    for step in some:
                        step.function(S, t if step.argument < 0 else step.argument)

    def _run(self, numbers: Sequence[int], steps: Sequence[Step], first: int, last: int) -> None:
        order = self.instance.array(self.order, (len(steps), 2), np.dtype(np.int64))
        order[:, 0], order[:, 1] = numbers, [step.argument for step in steps]
        self.instance.call("run", self.table, self.order, len(steps), first, last, self.rows)

"""All kernels for one kind of state as one object of machine code, which is loaded in ten milliseconds.

Numba keeps each kernel in a file of its own, with all that others need to be built with it; to load these takes a second,
half of it for a compiler that has nothing to compile. So when all of a kind are compiled (run/compile_all.py) they are
linked, optimised together and kept as one file; then neither Numba nor its files are needed to run them. A tenth of the
time of a month is gained by that, most of it because rows need not be counted as if other threads held them too.

    a kernel:  int32 status = f(result *, error **, state *, int64 number)
    others:    the same with arrays as seven words and more: owner, parent, size, bytes of an item, address, shape, strides
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding as llvm

from .handle import address

RUNTIME = Path(__file__).with_name("runtime.ll")
DIGEST = 16
HOST_FUNCTIONS = ("PyMem_RawMalloc", "PyMem_RawFree")  # memory for temporary rows (runtime.ll)


def file_of(kind: str, folder: str | Path) -> Path:
    """Where the machine code of a kind is kept, for this processor and this version of the compiler."""
    return Path(folder) / f"{kind}-{_made_by()}.code"


@cache
def _made_by() -> str:
    told = (
        version("numba"),
        version("llvmlite"),
        llvm.get_process_triple(),
        os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name(),
        os.environ.get("NUMBA_CPU_FEATURES") or llvm.get_host_cpu_features().flatten(),
    )
    return hashlib.blake2b(repr(told).encode(), digest_size=6).hexdigest()


def library(path: Path) -> Library | None:
    """What is kept in this file; None where nothing can be used of it."""
    try:
        return Library(path)
    except (OSError, ValueError, RuntimeError):
        return None


def words_of(argument: Any, where: int | None = None) -> list[float]:
    """An argument as a kernel's words. where: the address of an array, where it is not its own."""
    if isinstance(argument, np.ndarray):
        where = address(argument) if where is None else where
        return [0, 0, argument.size, argument.itemsize, where, *argument.shape, *argument.strides]
    return [float(argument) if isinstance(argument, float) else (int(argument) + 2**63) % 2**64 - 2**63]


class Library:
    """Loaded machine code. Raises ValueError where the file is not whole."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        code = content[DIGEST:]
        if not code or hashlib.blake2b(code, digest_size=DIGEST).digest() != content[:DIGEST]:
            raise ValueError(f"{path} is not whole")
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        for name in HOST_FUNCTIONS:
            llvm.add_symbol(name, ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value)
        machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._addresses: dict[str, int] = {}
        self._functions: dict[str, Any] = {}

    def address(self, symbol: str) -> int:
        """Where a function begins; 0 where there is none of this name."""
        if symbol not in self._addresses:
            self._addresses[symbol] = self._engine.get_function_address(symbol)
        return self._addresses[symbol]

    def has(self, symbol: str, arguments: Sequence[Any]) -> bool:
        """Whether it may be called with these arguments: it takes contiguous arrays alone."""
        return bool(self.address(symbol)) and all(
            each.flags.c_contiguous for each in arguments if isinstance(each, np.ndarray)
        )

    def call(self, symbol: str, words: Sequence[float]) -> int:
        """Call a function with the words of its arguments, other threads running on; what it returns, as a whole number."""
        if symbol not in self._functions:
            kinds = (ctypes.c_double if isinstance(each, float) else ctypes.c_int64 for each in words)
            form = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *kinds)
            self._functions[symbol] = form(self.address(symbol))
        returned, error = ctypes.c_int64(), ctypes.c_void_p()
        status = self._functions[symbol](ctypes.byref(returned), ctypes.byref(error), *words)
        if status != 0:
            raise FloatingPointError(f"a kernel stopped with status {status}")
        return returned.value


# --- writing it ------------------------------------------------------------------------------------------------------
def write(path: Path, results: Mapping[str, Any]) -> None:
    """Link what Numba made (results of compilation by symbol) and keep it.

    Where that cannot be done, or loaded, as another process finds out, an empty file says so, and Numba's own are used.
    """
    try:
        code = emitted(linked(results), results)
    except (AttributeError, NameError, RuntimeError):  # with another version of Numba or LLVM
        code = b""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(hashlib.blake2b(code, digest_size=DIGEST).digest() + code)
        asked = [sys.executable, "-m", __name__, str(aside), *results]
        if subprocess.run(asked, check=False, stderr=subprocess.DEVNULL).returncode != 0:
            aside.write_bytes(b"")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def linked(results: Mapping[str, Any]) -> llvm.ModuleRef:
    """One module of all functions under their symbols, with what they call and nothing else."""
    whole = llvm.parse_assembly(RUNTIME.read_text("utf-8"))  # first, so that what it has stands for Numba's own
    for symbol, result in results.items():
        part = result.library._get_module_for_linking().clone()  # where whatever nobody calls is left out when linked
        function = part.get_function(result.fndesc.llvm_func_name)
        function.linkage, function.name = "external", symbol
        whole.triple, whole.data_layout = part.triple, part.data_layout
        whole.link_in(part)
    return whole


def emitted(module: llvm.ModuleRef, kept: Collection[str]) -> bytes:
    """Machine code for this processor, by the options of Numba. kept: what is called from outside."""
    from numba.core.registry import cpu_target

    for each in (*module.functions, *module.global_variables):
        if not each.is_declaration and each.name not in kept:
            each.linkage = "internal"
    module.verify()
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="default", codemodel="jitdefault", jit=True
    )
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _check(arguments: Sequence[str]) -> None:
    """Whether a file can be loaded and has all these functions."""
    found = Library(Path(arguments[0]))
    if not all(map(found.address, arguments[1:])):
        sys.exit("functions are missing")


if __name__ == "__main__":
    _check(sys.argv[1:])

"""What Numba makes of kernels and of the state (handle.py). Loaded when something is compiled, and not to run what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, models, register_model, unbox
from numba.np import numpy_support

from .compiling import Kernel
from .handle import Layout, kind

# A kernel reads many arrays: let LLVM check at run time that they do not overlap, and vectorise.
llvm.set_option("valign", "--runtime-memory-check-threshold=64")


# --- kernels ---------------------------------------------------------------------------------------------------------
def dispatcher(function: Callable[..., Any], folder: str | None, **options: Any) -> Any:
    """Numba's njit with the settings that every kernel shares. folder: where compiled code is kept."""
    from . import numba_lanes  # noqa: F401  (what kernels say and Python cannot)

    former, numba.config.CACHE_DIR = numba.config.CACHE_DIR, folder or ""
    try:
        return numba.njit(cache=folder is not None, nogil=True, error_model="numpy", **options)(function)
    finally:
        numba.config.CACHE_DIR = former


def type_of_kernel(kernel: Kernel) -> types.Type:
    """Its type in functions that call it."""
    return numba.typeof(kernel.dispatcher)


def compiled_for(function: Any, layout: Layout) -> Any:
    """The result of compiling a step(state, number) for states of this layout."""
    arguments = (type_of(layout), types.int64)
    function.compile(arguments)
    return function.overloads[arguments]


def kinds_of(arguments: Iterable[types.Type]) -> list[str]:
    """The `kind` of arguments of these types, with those that stand in tuples one by one."""
    kinds: list[str] = []
    for each in arguments:
        for of in each if isinstance(each, types.UniTuple) else (each,):
            numbers, axes = (of.dtype, of.ndim) if isinstance(of, types.Array) else (of, 0)
            kinds.append(kind(numpy_support.as_dtype(numbers), axes))
    return kinds


# --- the state -------------------------------------------------------------------------------------------------------
class HandleType(types.Type):
    """Type of a Handle: positions and types of its arrays, by name."""

    def __init__(self, layout: Layout) -> None:
        self.position: dict[str, tuple[int, types.Type, bool]] = {}
        for name, word, code, axes, unit in layout.fields:
            self.position[name] = word, types.Array(numpy_support.from_dtype(np.dtype(code)), axes, "C"), unit
        if layout.single:
            self.position["runs"] = (-1, types.UniTuple(types.int64, 1), False)
        super().__init__(name=layout.name)


type_of = cache(HandleType)


@register_model(HandleType)
class HandleModel(models.OpaqueModel):
    pass


@unbox(HandleType)
def unbox_handle(kind, value, c):
    address = c.pyapi.object_getattr_string(value, "address")
    pointer = c.pyapi.long_as_voidptr(address)
    c.pyapi.decref(address)
    return NativeValue(pointer)


@infer_getattr
class HandleAttributes(AttributeTemplate):
    key = HandleType

    def generic_resolve(self, handle, attribute):
        return handle.position[attribute][1] if attribute in handle.position else None


@lower_getattr_generic(HandleType)
def get_array(context, builder, handle, pointer, attribute):
    """The array's header, read from the table; loads are marked invariant so that they leave the loops."""
    offset, kind, unit = handle.position[attribute]
    if isinstance(kind, types.UniTuple):
        return context.make_tuple(builder, kind, [context.get_constant(types.int64, 0)])
    word = ir.IntType(64)
    table = builder.bitcast(pointer, word.as_pointer())

    def load(position, llvm_type=word):
        address = cgutils.gep_inbounds(builder, table, position)
        if llvm_type is not word:
            address = builder.bitcast(address, llvm_type.as_pointer())
        value = builder.load(address)
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
        return value

    array = context.make_array(kind)(context, builder)
    itemsize = context.get_constant(types.intp, kind.dtype.bitwidth // 8)
    data = context.get_data_type(kind.dtype).as_pointer()
    shape = [load(offset + 2 + axis) for axis in range(kind.ndim)]
    strides = [load(offset + 2 + kind.ndim + axis) for axis in range(kind.ndim - 1)] + [itemsize]
    if unit and kind.ndim > 1:
        shape[-1], strides[-2] = context.get_constant(types.intp, 1), itemsize
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    array.nitems = load(offset + 1)
    array.itemsize = itemsize
    array.data = load(offset, data)
    array.shape = cgutils.pack_array(builder, shape, word)
    array.strides = cgutils.pack_array(builder, strides, word)
    return array._getvalue()

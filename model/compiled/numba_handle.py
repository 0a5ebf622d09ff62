"""How compiled code sees the state: one pointer to a table of array headers.

A NamedTuple of a hundred arrays would pass a thousand values to every function, and compiling that takes
minutes. Here `S.values` in a kernel reads the header of the array (data, shape, strides) from the table; the
headers do not change while the state lives. Uncompiled code sees an ordinary Python object.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from llvmlite import ir
from numba import typeof
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np import numpy_support

WORD = 8


def name_of(function: Callable[..., Any]) -> str:
    """The name of a kernel, within the model: run.outcomes.observe."""
    name = getattr(function, "__name__", type(function).__name__)  # what is inserted may be any callable
    return f"{function.__module__.partition('valign.model.')[2]}.{name}"


def kind_of(value: Any) -> str:
    """The kind of an array or number, or of its Numba type, on every platform: f8:2 is an array of float64 with two axes."""
    kind = value if isinstance(value, types.Type) else typeof(value)
    dtype = numpy_support.as_dtype(kind.dtype if isinstance(kind, types.Array) else kind)
    return f"{dtype.kind}{dtype.itemsize}" + (f":{kind.ndim}" if isinstance(kind, types.Array) else "")


def flattened(arguments: Iterable[Any]) -> list[Any]:
    """Arguments of a function, or their types, with those that stand in tuples one by one."""
    return [part for each in arguments for part in (each if isinstance(each, (tuple, types.UniTuple)) else (each,))]


def signature_of(function: Callable[..., Any], arguments: Iterable[Any]) -> str:
    """The name of a function of arrays and numbers, with their kinds: society.ties.sizes(f8:1,f8:1,f8:1,i8:1)."""
    return f"{name_of(function)}({','.join(map(kind_of, flattened(arguments)))})"


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


class View(NamedTuple):
    """Where a view lies: bytes from the start of its array, and shape and strides as NumPy has them."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Views:
    """Views into one array, contiguous along the run axis; there may be more between their rows.

    of: the name of the array. The same for every array of its shape, so that they are made once.
    """

    def __init__(self, of: str, array: np.ndarray, views: dict[str, np.ndarray]) -> None:
        self.of = of
        self.placed = {
            name: View(address(view) - address(array), view.shape, view.strides) for name, view in views.items()
        }
        self.kinds = tuple((name, view.dtype.char, view.ndim) for name, view in views.items())
        words: list[int] = []
        self._begin: list[int] = []
        for name, view in views.items():
            self._begin.append(len(words))
            words += [self.placed[name].offset, view.size, *_shape_between_rows(view), *view.strides]
        self._words = np.array(words, np.int64)

    def headers(self, start: int) -> np.ndarray:
        """The headers of all views, one after the other, into an array that begins at this address."""
        found = self._words.copy()
        found[self._begin] += start
        return found


class Handle:
    """Base of a class whose attributes are C-contiguous arrays that compiled code may use.

    With one run (`single`), `runs` is a tuple of length 1: loops over runs vanish in the compiled code, and the axis
    before the run axis is known to be contiguous, so that loops over it vectorise. `shared`: names of arrays without
    a run axis. Views are attributes too, made when Python asks for them.
    """

    address: int
    numba_type: HandleType
    views: Mapping[str, View] = {}
    _into: str

    def seal(
        self,
        arrays: dict[str, np.ndarray],
        views: Views,
        single: bool,
        shared: frozenset[str],
        addresses: Mapping[str, int] = {},
    ) -> None:
        """Write the headers of arrays and views into a table and note its address and type.

        addresses: of contiguous arrays of which they are known, since to ask NumPy for them takes long.
        """
        for name in self.views:
            self.__dict__.pop(name, None)
        words: list[int] = []
        for name, array in arrays.items():
            where = addresses.get(name)
            if where is None:
                arrays[name] = array = np.ascontiguousarray(array)
                where = address(array)
            words += (where, array.size, *array.shape, *array.strides)
        self.__dict__.update(arrays)
        self.views, self._into = views.placed, views.of
        self._headers = np.concatenate([np.array(words, np.int64), views.headers(address(arrays[views.of]))])
        self.address = address(self._headers)
        kinds = tuple([(name, array.dtype.char, array.ndim) for name, array in arrays.items()])
        self.numba_type = _handle_type(kinds, views.kinds, single, shared)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> np.ndarray:
            view = self.__dict__.get("views", {}).get(name)
            if view is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            of = self.__dict__[self._into]
            found = self.__dict__[name] = np.ndarray(view.shape, of.dtype, of, view.offset, view.strides)
            return found

    def with_array(self, name: str, array: np.ndarray) -> Self:
        """The same state, all but one array of it, which has the same kind and shape."""
        other = copy.copy(self)
        other._headers = self._headers.copy()
        other._headers[self.numba_type.position[name][0]] = address(array)
        other.address = address(other._headers)
        setattr(other, name, array)
        return other

    def headers(self) -> Iterator[tuple[str, list[int]]]:
        """The header of every array and view: address, size, shape, strides."""
        for name, word, kind, _ in self.numba_type.fields:
            yield name, self._headers[word : word + 2 + 2 * kind.ndim].tolist()


def _shape_between_rows(view: np.ndarray) -> tuple[int, ...]:
    """The shape of the contiguous array whose rows lie where those of `view` do.

    Compiled code finds row n of a contiguous array at n times the length of a row, so what lies between the rows of a
    view counts as theirs. NumPy gives axes of length 1 any stride; here they have that of a contiguous array.
    """
    steps = [1]
    for length, stride, inner in zip(view.shape[-2::-1], view.strides[-2::-1], view.shape[:0:-1], strict=True):
        steps.append(stride // view.itemsize if length > 1 else steps[-1] * inner)
    return (*view.shape[:1], *(outer // inner for outer, inner in pairwise(reversed(steps))))


class HandleType(types.Type):
    """Type of a Handle: names, positions and types of its arrays, which end in an axis of length 1; has it one run?"""

    def __init__(self, fields: tuple[tuple[str, int, types.Array, bool], ...], single: bool) -> None:
        self.fields = fields
        self.single = single
        self.position = {name: (offset, kind, unit) for name, offset, kind, unit in fields}
        if single:
            self.position["runs"] = (-1, types.UniTuple(types.int64, 1), False)
        digest = hashlib.blake2b(repr((fields, single)).encode(), digest_size=6).hexdigest()
        super().__init__(name=f"Handle{digest}")


@cache
def _handle_type(
    arrays: tuple[tuple[str, str, int], ...],
    views: tuple[tuple[str, str, int], ...],
    single: bool,
    shared: frozenset[str],
) -> HandleType:
    """The type of a handle of such arrays and views (name, code of the numbers, axes), in the order of their headers."""
    fields: list[tuple[str, int, types.Array, bool]] = []
    word = 0
    for n, (name, code, axes) in enumerate((*arrays, *views)):
        unit = single and n < len(arrays) and name not in shared
        fields.append((name, word, types.Array(numpy_support.from_dtype(np.dtype(code)), axes, "C"), unit))
        word += 2 + 2 * axes
    return HandleType(tuple(fields), single)


@register_model(HandleType)
class HandleModel(models.OpaqueModel):
    pass


@typeof_impl.register(Handle)
def typeof_handle(value: Handle, context: Any) -> HandleType:
    return value.numba_type


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

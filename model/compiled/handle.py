"""The state as compiled code sees it: one pointer to a table of array headers.

A NamedTuple of a hundred arrays would pass a thousand values to every function, and compiling that takes
minutes. Here `S.values` in a kernel reads the header of the array (data, shape, strides) from the table; the
headers do not change while the state lives (numba_handle.py). Uncompiled code sees an ordinary Python object.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from .compiling import compiler


def name_of(function: Callable[..., Any]) -> str:
    """The name of a kernel, within the model: run.outcomes.observe."""
    name = getattr(function, "__name__", type(function).__name__)  # what is inserted may be any callable
    return f"{(function.__module__ or '').partition('valign.model.')[2]}.{name}"


def kind(dtype: Any, axes: int) -> str:
    """The kind of a number (no axes) or an array, on every platform: f8:2 is an array of float64 with two axes."""
    dtype = np.dtype(dtype)
    return f"{dtype.kind}{dtype.itemsize}" + (f":{axes}" if axes else "")


def kind_of(value: Any) -> str:
    """The `kind` of a number or array."""
    return kind(np.asarray(value).dtype, np.ndim(value))


def flattened(arguments: Iterable[Any]) -> list[Any]:
    """Arguments of a function, with those that stand in tuples one by one."""
    return [part for each in arguments for part in (each if isinstance(each, tuple) else (each,))]


def signature_of(function: Callable[..., Any], kinds: Iterable[str]) -> str:
    """The name of a function of arrays and numbers of these kinds: society.ties.sizes(f8:1,f8:1,f8:1,i8:1)."""
    return f"{name_of(function)}({','.join(kinds)})"


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


Kind = tuple[str, str, int]  # name, code of the numbers, axes
Begin = Sequence[tuple[tuple[str, ...], int]]  # names of arrays that lie in one piece of memory, and where that begins


class Header(NamedTuple):
    """What stands in the table of a contiguous array: address, size, shape and strides."""

    kind: Kind
    words: tuple[int, ...]

    def from_nothing(self) -> Header:
        """With an address of 0, for it to be added (`Table.at`)."""
        return Header(self.kind, (0, *self.words[1:]))


def header_of(name: str, array: np.ndarray) -> Header:
    """The header of a contiguous array."""
    words = (address(array), array.size, *array.shape, *array.strides)
    return Header((name, array.dtype.char, array.ndim), words)


class Field(NamedTuple):
    """A header in the table: of which array or view, at which word, of numbers of which code, with how many axes.

    unit: its last axis has length 1, as is known of runs alone.
    """

    name: str
    word: int
    code: str
    axes: int
    unit: bool

    @property
    def kind(self) -> str:
        """The `kind` of the array."""
        return kind(self.code, self.axes)


class Layout:
    """The table of a state: its headers in their order; has it one run?"""

    def __init__(self, fields: tuple[Field, ...], single: bool) -> None:
        self.fields, self.single = fields, single
        self.position = {each.name: each.word for each in fields}
        told = repr((*((each.name, each.word, each.kind, each.unit) for each in fields), single))
        self.name = f"Handle{hashlib.blake2b(told.encode(), digest_size=6).hexdigest()}"


@cache
def _layout(arrays: tuple[Kind, ...], views: tuple[Kind, ...], single: bool, shared: frozenset[str]) -> Layout:
    """The layout of such arrays and views, in the order of their headers."""
    fields: list[Field] = []
    word = 0
    for n, (name, code, axes) in enumerate((*arrays, *views)):
        fields.append(Field(name, word, code, axes, single and n < len(arrays) and name not in shared))
        word += 2 + 2 * axes
    return Layout(tuple(fields), single)


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
        self.words: list[int] = []  # of their headers, addresses counted from where the array begins
        self.begin: list[int] = []
        for name, view in views.items():
            self.begin.append(len(self.words))
            self.words += [self.placed[name].offset, view.size, *_shape_between_rows(view), *view.strides]


class Table:
    """The headers of all arrays of a state, in their order, and of its views; where it is known of several states, it is
    made once. Addresses of arrays that lie in one piece of memory may count from where that begins (`at`).
    """

    def __init__(self, headers: Iterable[Header], views: Views, single: bool, shared: frozenset[str]) -> None:
        words: list[int] = []
        kinds: list[Kind] = []
        for each in headers:
            kinds.append(each.kind)
            words += each.words
        self.views = views
        self.layout = _layout(tuple(kinds), views.kinds, single, shared)
        self._of_views = len(words) + np.array(views.begin, np.int64)
        self._words = np.array([*words, *views.words], np.int64)
        self._addresses: dict[tuple[str, ...], np.ndarray] = {}  # at which words those of some arrays stand

    def at(self, begin: Begin = ()) -> np.ndarray:
        """The table. begin: of arrays whose addresses count from there."""
        found, where = self._words.copy(), self.layout.position
        for names, start in begin:
            if names not in self._addresses:
                self._addresses[names] = np.array([where[name] for name in names], np.int64)
            found[self._addresses[names]] += start
        found[self._of_views] += found[where[self.views.of]]
        return found


class Handle:
    """Base of a class whose attributes are C-contiguous arrays that compiled code may use.

    With one run (`single`), `runs` is a tuple of length 1: loops over runs vanish in the compiled code, and the axis
    before the run axis is known to be contiguous, so that loops over it vectorise. `shared`: names of arrays without
    a run axis. Views are attributes too, made when Python asks for them.
    """

    address: int
    layout: Layout
    views: Mapping[str, View] = {}
    _into: str

    def seal(self, arrays: Mapping[str, np.ndarray], table: Table, begin: Begin = ()) -> None:
        """Keep these arrays, whose headers stand in the table. begin: where some of them are (`Table.at`)."""
        for name in self.views:
            self.__dict__.pop(name, None)
        self.__dict__.update(arrays)
        self.views, self._into = table.views.placed, table.views.of
        self._headers = table.at(begin)
        self.address, self.layout = address(self._headers), table.layout

    @property
    def _numba_type_(self) -> Any:  # what Numba asks a value for that it does not know
        return compiler().type_of(self.layout)

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
        other._headers[self.layout.position[name]] = address(array)
        other.address = address(other._headers)
        setattr(other, name, array)
        return other

    def headers(self) -> Iterator[tuple[str, list[int]]]:
        """The header of every array and view: address, size, shape, strides."""
        for each in self.layout.fields:
            yield each.name, self._headers[each.word : each.word + 2 + 2 * each.axes].tolist()


def _shape_between_rows(view: np.ndarray) -> tuple[int, ...]:
    """The shape of the contiguous array whose rows lie where those of `view` do.

    Compiled code finds row n of a contiguous array at n times the length of a row, so what lies between the rows of a
    view counts as theirs. NumPy gives axes of length 1 any stride; here they have that of a contiguous array.
    """
    steps = [1]
    for length, stride, inner in zip(view.shape[-2::-1], view.strides[-2::-1], view.shape[:0:-1], strict=True):
        steps.append(stride // view.itemsize if length > 1 else steps[-1] * inner)
    return (*view.shape[:1], *(outer // inner for outer, inner in pairwise(reversed(steps))))

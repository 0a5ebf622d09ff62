"""Eight runs at once in vector registers: a kernel reads as if it had one run.

`for at in …` is not possible in compiled code with two kinds of `at`, so a kernel has a part for runs `at` that it calls
for every strip of eight, `part(S, i, strip(r))`, and for every run that is left over, `part(S, i, r)`. In that part
`S.clarity[i, at]` is one number or eight of them, and + - * /, comparisons, & | ~, `abs`, `min`, `max`, `where` and
`some` mean the same of both. Every lane is rounded as a single number would be, so bits do not depend on the width, nor
on the vectors of a processor: LLVM makes two, four or eight instructions of one where they are shorter.

What stands in a register need not be written to memory and read again for every tie, as a sum in a row would, and no
two arrays have to be compared first, lest they overlap.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, overload, register_model

from .compiling import COMPILED, compiled

LANES = 8


class StripType(types.Type):
    """Eight runs, or in a run alone eight of another axis, from one on."""

    def __init__(self) -> None:
        super().__init__(name="Strip")


class LanesType(types.Type):
    """Eight numbers of one kind."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


STRIP = StripType()


@register_model(StripType)
class StripModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.IntType(64))


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _vector(kind.dtype))


def _vector(dtype: types.Type) -> ir.VectorType:
    if isinstance(dtype, types.Float):
        return ir.VectorType(ir.DoubleType(), LANES)
    return ir.VectorType(ir.IntType(1 if dtype == types.boolean else dtype.bitwidth), LANES)


def _dtype(kind: types.Type) -> types.Type:
    return kind.dtype if isinstance(kind, LanesType) else types.unliteral(kind)


def _common(a: types.Type, b: types.Type) -> types.Type:
    """The kind in which two are put together: a float if either is; else that of lanes, or the longer of two."""
    x, y = _dtype(a), _dtype(b)
    if isinstance(x, types.Float) or isinstance(y, types.Float):
        return types.float64
    if isinstance(a, LanesType) == isinstance(b, LanesType):
        return x if _vector(x).element.width >= _vector(y).element.width else y
    return x if isinstance(a, LanesType) else y


def _lanes_of(context, builder, value, kind, dtype):
    """A number, or lanes of any kind, as the vector of lanes of `dtype`."""
    vector = _vector(dtype)
    if not isinstance(kind, LanesType):
        value = context.cast(builder, value, kind, dtype)
        if dtype == types.boolean:
            value = builder.trunc(value, ir.IntType(1)) if value.type.width > 1 else value
        undefined = ir.Constant(vector, ir.Undefined)
        lane = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(lane, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
    if kind.dtype == dtype or value.type == vector:
        return value
    signed = kind.dtype != types.boolean and kind.dtype.signed
    if isinstance(dtype, types.Float):
        return (builder.sitofp if signed else builder.uitofp)(value, vector)
    if value.type.element.width > vector.element.width:
        return builder.trunc(value, vector)
    return (builder.sext if signed else builder.zext)(value, vector)


# --- where -----------------------------------------------------------------------------------------------------------
@intrinsic
def strip(typingctx, r):
    """The eight runs from run r on."""
    return STRIP(types.int64), lambda context, builder, signature, arguments: arguments[0]


@compiled
def in_strips(runs):
    """How many runs are in whole strips; those after them are taken one by one."""
    return len(runs) // LANES * LANES


def alone(runs):
    """Whether compiled code is for a run alone, with strips of dimensions or people."""
    return False


@overload(alone)
def _alone(runs):
    return (lambda runs: True) if isinstance(runs, types.BaseTuple) else (lambda runs: False)


@compiled
def eights(start, stop):
    """The first of every eight rows from `start` on that end before `stop`."""
    return range(start, stop - LANES + 1, LANES)


@compiled
def left_over(start, stop):
    """The first of the rows after those."""
    return stop - (stop - start) % LANES


def _place(context, builder, array_type, array, index_type, index):
    """Pointer to the lanes of a C-contiguous array. (No index counts from the end.)"""
    values = cgutils.unpack_tuple(builder, index, len(index_type)) if array_type.ndim > 1 else [index]
    kinds = list(index_type) if array_type.ndim > 1 else [index_type]
    array = context.make_array(array_type)(context, builder, array)
    shape = cgutils.unpack_tuple(builder, array.shape, array_type.ndim)
    place = None
    for kind, value, length in zip(kinds, values, shape, strict=True):
        step = value if isinstance(kind, StripType) else context.cast(builder, value, kind, types.int64)
        place = step if place is None else builder.add(builder.mul(place, length, flags=["nsw"]), step, flags=["nsw"])
    pointer = builder.gep(array.data, [place], inbounds=True)
    return builder.bitcast(pointer, _vector(array_type.dtype).as_pointer()), array_type.dtype.bitwidth // 8


def _is_strip(at: types.Type) -> bool:
    return isinstance(at, StripType) or (isinstance(at, types.BaseTuple) and any(isinstance(n, StripType) for n in at))


@intrinsic
def _load(typingctx, array, at):
    def load(context, builder, signature, arguments):
        pointer, align = _place(context, builder, array, arguments[0], at, arguments[1])
        return builder.load(pointer, align=align)

    return LanesType(array.dtype)(array, at), load


@intrinsic
def _store(typingctx, array, at, value):
    value = types.unliteral(value)

    def store(context, builder, signature, arguments):
        pointer, align = _place(context, builder, array, arguments[0], at, arguments[1])
        builder.store(_lanes_of(context, builder, arguments[2], value, array.dtype), pointer, align=align)
        return context.get_dummy_value()

    return types.none(array, at, value), store


@intrinsic
def keep(typingctx, array, at, value, counts):
    """Write those of eight numbers that count; what stands in the other places stays."""

    def store(context, builder, signature, arguments):
        pointer, align = _place(context, builder, array, arguments[0], at, arguments[1])
        kinds = [arguments[2].type, pointer.type, ir.IntType(32), arguments[3].type]
        masked = ir.FunctionType(ir.VoidType(), kinds)
        write = cgutils.get_or_insert_function(builder.module, masked, f"llvm.masked.store.v{LANES}f64.p0")
        builder.call(write, [arguments[2], pointer, ir.Constant(ir.IntType(32), align), arguments[3]])
        return context.get_dummy_value()

    return types.none(array, at, value, counts), store


@overload(operator.getitem, jit_options={"forceinline": True})
def _getitem(array, at):
    return (lambda array, at: _load(array, at)) if _is_strip(at) else None


@overload(operator.setitem, jit_options={"forceinline": True})
def _setitem(array, at, value):
    return (lambda array, at, value: _store(array, at, value)) if _is_strip(at) else None


# --- what is done to them --------------------------------------------------------------------------------------------
def _binary(function: Callable[..., Any], make: Callable[..., Any], result: types.Type | None = None) -> None:
    """An operator of lanes with lanes or with numbers, in their common kind."""

    @infer_global(function)
    class Binary(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and any(isinstance(each, LanesType) for each in args):
                a, b = map(types.unliteral, args)
                return signature(LanesType(result or _common(a, b)), a, b)
            return None

    def lower(context, builder, sig, args):
        kind = _common(*sig.args)
        a, b = (_lanes_of(context, builder, value, given, kind) for value, given in zip(args, sig.args, strict=True))
        return make(builder, a, b, isinstance(kind, types.Float))

    for a, b in (
        (LanesType, LanesType),
        (LanesType, types.Number),
        (types.Number, LanesType),
        (LanesType, types.Boolean),
        (types.Boolean, LanesType),
    ):
        lower_builtin(function, a, b)(lower)


for _name in ("add", "sub", "mul"):

    def _make(builder, a, b, floats, name=_name):
        return getattr(builder, f"f{name}" if floats else name)(a, b)

    _binary(getattr(operator, _name), _make)
    _binary(getattr(operator, f"i{_name}"), _make)
_binary(operator.truediv, lambda builder, a, b, floats: builder.fdiv(a, b))
_binary(operator.and_, lambda builder, a, b, floats: builder.and_(a, b))
_binary(operator.or_, lambda builder, a, b, floats: builder.or_(a, b))
_binary(operator.xor, lambda builder, a, b, floats: builder.xor(a, b))
_binary(operator.rshift, lambda builder, a, b, floats: builder.lshr(a, b))  # of words
for _name, _sign in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")):

    def _compare(builder, a, b, floats, sign=_sign):
        if not floats:
            return builder.icmp_signed(sign, a, b)
        return builder.fcmp_unordered(sign, a, b) if sign == "!=" else builder.fcmp_ordered(sign, a, b)

    _binary(getattr(operator, _name), _compare, types.boolean)
# As Python has it: the second where it is smaller (or greater), else the first.
_binary(min, lambda builder, a, b, floats: builder.select(builder.fcmp_ordered("<", b, a), b, a))
_binary(max, lambda builder, a, b, floats: builder.select(builder.fcmp_ordered(">", b, a), b, a))


def _unary(function: Callable[..., Any], make: Callable[..., Any]) -> None:
    @infer_global(function)
    class Unary(AbstractTemplate):
        def generic(self, args, kws):
            return signature(args[0], args[0]) if isinstance(args[0], LanesType) else None

    lower_builtin(function, LanesType)(lambda context, builder, sig, args: make(builder, args[0]))


def _absolute(builder, x):
    kind = ir.FunctionType(x.type, [x.type])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fabs.v{LANES}f64"), [x])


_unary(abs, _absolute)
_unary(operator.neg, lambda builder, x: builder.fneg(x))
_unary(operator.invert, lambda builder, x: builder.not_(x))


@intrinsic
def where(typingctx, mask, a, b):
    """a where the mask holds, else b. Both are computed: a choice, and not a branch."""
    a, b = types.unliteral(a), types.unliteral(b)
    kind, lanes = _common(a, b), any(isinstance(each, LanesType) for each in (mask, a, b))

    def choose(context, builder, signature, arguments):
        given = zip(arguments, (mask, a, b), (types.boolean, kind, kind), strict=True)
        if lanes:
            return builder.select(*(_lanes_of(context, builder, *each) for each in given))
        mask_, x, y = (context.cast(builder, value, was, to) for value, was, to in given)
        return builder.select(builder.trunc(mask_, ir.IntType(1)) if mask_.type.width > 1 else mask_, x, y)

    return (LanesType(kind) if lanes else kind)(mask, a, b), choose


@intrinsic
def some(typingctx, mask):
    """Whether a mask holds for any of the runs."""

    def any_lane(context, builder, signature, arguments):
        if not isinstance(mask, LanesType):
            return context.cast(builder, arguments[0], mask, types.boolean)
        bits = builder.bitcast(arguments[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(mask), any_lane


@intrinsic
def number(typingctx, mask):
    """1.0 where a mask holds, else 0.0."""

    def convert(context, builder, signature, arguments):
        if isinstance(mask, LanesType):
            return _lanes_of(context, builder, arguments[0], mask, types.float64)
        return context.cast(builder, arguments[0], mask, types.float64)

    return (LanesType(types.float64) if isinstance(mask, LanesType) else types.float64)(mask), convert


@intrinsic
def zero(typingctx, at):
    """0.0 at a run, or at each of eight, for a sum to begin with. (0.0 x is -0.0 where x is negative.)"""
    lanes = isinstance(at, StripType)
    kind = _vector(types.float64) if lanes else ir.DoubleType()

    def nothing(context, builder, signature, arguments):
        return ir.Constant(kind, [0.0] * LANES if lanes else 0.0)

    return (LanesType(types.float64) if lanes else types.float64)(at), nothing


@intrinsic
def first_of(typingctx, count):
    """A mask that holds for the first `count` of eight lanes, for all of them where there are more."""

    def compare(context, builder, signature, arguments):
        lanes = ir.Constant(_vector(types.int64), list(range(LANES)))
        return builder.icmp_signed("<", lanes, _lanes_of(context, builder, arguments[0], count, types.int64))

    return LanesType(types.boolean)(count), compare


@intrinsic
def rows_in_turn(typingctx, total, rows):
    """total + rows[n, 0] + rows[n, 1] + … + rows[n, 7] for each of eight rows n [8 x 8], side by side."""

    def add(context, builder, signature, arguments):
        array = context.make_array(rows)(context, builder, arguments[1])
        vector = _vector(types.float64)
        start = builder.bitcast(array.data, vector.as_pointer())
        lanes = [
            builder.load(builder.gep(start, [ir.Constant(ir.IntType(64), n)], source_etype=vector), align=8)
            for n in range(LANES)
        ]
        # Transposed: of rows n and n + apart, every second group of so many numbers changes places
        for apart in (1, 2, 4):
            low = [n + (0 if n % (2 * apart) < apart else LANES - apart) for n in range(LANES)]
            high = [n + (apart if n % (2 * apart) < apart else LANES) for n in range(LANES)]
            for n in range(LANES):
                if n % (2 * apart) < apart:
                    a, b = lanes[n], lanes[n + apart]
                    lanes[n], lanes[n + apart] = (
                        builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), order))
                        for order in (low, high)
                    )
        found = _lanes_of(context, builder, arguments[0], total, types.float64)
        for each in lanes:
            found = builder.fadd(found, each)
        return found

    return LanesType(types.float64)(total, rows), add


@intrinsic
def root(typingctx, x):
    """The square root."""

    def of(context, builder, signature, arguments):
        name = f"llvm.sqrt.v{LANES}f64" if isinstance(x, LanesType) else "llvm.sqrt.f64"
        kind = ir.FunctionType(arguments[0].type, [arguments[0].type])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    return x(x), of


def _bits(kind, make):
    """Typing and code of a function of numbers by their bits; make(builder, bits, constant)."""
    lanes = isinstance(kind, LanesType)
    words = _vector(types.int64) if lanes else ir.IntType(64)
    floats = _vector(types.float64) if lanes else ir.DoubleType()

    def constant(value):
        element = ir.IntType(64) if isinstance(value, int) else ir.DoubleType()
        return ir.Constant(ir.VectorType(element, LANES), [value] * LANES) if lanes else ir.Constant(element, value)

    def code(context, builder, signature, arguments):
        return make(builder, builder.bitcast(arguments[0], words), constant, floats)

    return (LanesType(types.float64) if lanes else types.float64)(kind), code


@intrinsic
def power_of_two(typingctx, rounded):
    """2**k of a number k to which 1.5 * 2**52 was added, so that k stands in its low bits."""
    return _bits(
        rounded,
        lambda builder, bits, constant, floats: builder.bitcast(
            builder.shl(builder.add(bits, constant(1023)), constant(52)), floats
        ),
    )


@intrinsic
def fraction(typingctx, x):
    """f of a positive normal number f 2**e with f from .5 to 1."""
    return _bits(
        x,
        lambda builder, bits, constant, floats: builder.bitcast(
            builder.or_(builder.and_(bits, constant(2**52 - 1)), constant(1022 << 52)), floats
        ),
    )


@intrinsic
def exponent(typingctx, x):
    """e of a positive normal number f 2**e with f from .5 to 1."""

    def make(builder, bits, constant, floats):
        e = builder.sub(builder.lshr(bits, constant(52)), constant(1022))
        return builder.fsub(builder.bitcast(builder.add(e, constant(0x4338 << 48)), floats), constant(1.5 * 2.0**52))

    return _bits(x, make)


@intrinsic
def number_of_word(typingctx, word):
    """A 32-bit word as a number. (Processors without AVX-512 have no instruction for 64 bits.)"""
    return _bits(
        word,
        lambda builder, bits, constant, floats: builder.fsub(
            builder.bitcast(builder.or_(bits, constant(0x4330 << 48)), floats), constant(2.0**52)
        ),
    )


if not COMPILED:  # one run at a time, as Python and NumPy have it

    def in_strips(runs):
        return 0

    def where(mask, a, b):
        return a if mask else b

    def some(mask):
        return bool(mask)

    def number(mask):
        return np.float64(mask)

    def zero(at):
        return np.float64(0.0)

    def root(x):
        return np.sqrt(x)

    def fraction(x):
        return math.frexp(x)[0]

    def exponent(x):
        return np.float64(math.frexp(x)[1])

    def number_of_word(word):
        return np.float64(word)

    def power_of_two(rounded):
        k = np.float64(rounded).view(np.int64) + np.int64(1023)
        return (k << np.int64(52)).view(np.float64)

"""What Numba makes of lanes.py, and of the rest that kernels say and Python cannot: vectors of eight numbers.

Loaded when something is compiled, and not to run what is kept.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer, infer_global, make_intrinsic_template, signature
from numba.extending import intrinsic, models, overload, register_model

from . import calling, compiling, lanes, randomness
from .lanes import LANES


def means(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """In compiled code a function is what follows: as with Numba's `intrinsic`, under the name that kernels have of it."""

    def register(definition: Callable[..., Any]) -> Callable[..., Any]:
        template = make_intrinsic_template(function, definition, function.__name__)
        infer(template)
        infer_global(function, types.Function(template))
        return definition

    return register


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
@means(lanes.strip)
def strip(typingctx, r):
    return STRIP(types.int64), lambda context, builder, signature, arguments: arguments[0]


@overload(lanes.in_strips)
def _in_strips(runs):
    return lambda runs: len(runs) // LANES * LANES


@overload(lanes.alone)
def _alone(runs):
    return (lambda runs: True) if isinstance(runs, types.BaseTuple) else (lambda runs: False)


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


@means(lanes.keep)
def keep(typingctx, array, at, value, counts):

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


@means(lanes.where)
def where(typingctx, mask, a, b):
    a, b = types.unliteral(a), types.unliteral(b)
    kind, lanes = _common(a, b), any(isinstance(each, LanesType) for each in (mask, a, b))

    def choose(context, builder, signature, arguments):
        given = zip(arguments, (mask, a, b), (types.boolean, kind, kind), strict=True)
        if lanes:
            return builder.select(*(_lanes_of(context, builder, *each) for each in given))
        mask_, x, y = (context.cast(builder, value, was, to) for value, was, to in given)
        return builder.select(builder.trunc(mask_, ir.IntType(1)) if mask_.type.width > 1 else mask_, x, y)

    return (LanesType(kind) if lanes else kind)(mask, a, b), choose


@means(lanes.some)
def some(typingctx, mask):

    def any_lane(context, builder, signature, arguments):
        if not isinstance(mask, LanesType):
            return context.cast(builder, arguments[0], mask, types.boolean)
        bits = builder.bitcast(arguments[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(mask), any_lane


@means(lanes.number)
def number(typingctx, mask):

    def convert(context, builder, signature, arguments):
        if isinstance(mask, LanesType):
            return _lanes_of(context, builder, arguments[0], mask, types.float64)
        return context.cast(builder, arguments[0], mask, types.float64)

    return (LanesType(types.float64) if isinstance(mask, LanesType) else types.float64)(mask), convert


@means(lanes.zero)
def zero(typingctx, at):
    lanes = isinstance(at, StripType)
    kind = _vector(types.float64) if lanes else ir.DoubleType()

    def nothing(context, builder, signature, arguments):
        return ir.Constant(kind, [0.0] * LANES if lanes else 0.0)

    return (LanesType(types.float64) if lanes else types.float64)(at), nothing


@means(lanes.first_of)
def first_of(typingctx, count):

    def compare(context, builder, signature, arguments):
        lanes = ir.Constant(_vector(types.int64), list(range(LANES)))
        return builder.icmp_signed("<", lanes, _lanes_of(context, builder, arguments[0], count, types.int64))

    return LanesType(types.boolean)(count), compare


@means(lanes.rows_in_turn)
def rows_in_turn(typingctx, total, rows):

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


@means(lanes.root)
def root(typingctx, x):

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


@means(lanes.power_of_two)
def power_of_two(typingctx, rounded):
    return _bits(
        rounded,
        lambda builder, bits, constant, floats: builder.bitcast(
            builder.shl(builder.add(bits, constant(1023)), constant(52)), floats
        ),
    )


@means(lanes.fraction)
def fraction(typingctx, x):
    return _bits(
        x,
        lambda builder, bits, constant, floats: builder.bitcast(
            builder.or_(builder.and_(bits, constant(2**52 - 1)), constant(1022 << 52)), floats
        ),
    )


@means(lanes.exponent)
def exponent(typingctx, x):

    def make(builder, bits, constant, floats):
        e = builder.sub(builder.lshr(bits, constant(52)), constant(1022))
        return builder.fsub(builder.bitcast(builder.add(e, constant(0x4338 << 48)), floats), constant(1.5 * 2.0**52))

    return _bits(x, make)


@means(lanes.number_of_word)
def number_of_word(typingctx, word):
    return _bits(
        word,
        lambda builder, bits, constant, floats: builder.fsub(
            builder.bitcast(builder.or_(bits, constant(0x4330 << 48)), floats), constant(2.0**52)
        ),
    )


# --- of other modules ------------------------------------------------------------------------------------------------
@overload(randomness.logistic_at_most, jit_options={"forceinline": True})
def _logistic_at_most(x):
    return (lambda x: 1.0) if isinstance(x, LanesType) else randomness.logistic_at_most


@means(compiling.row)
def row(typingctx, runs):
    kind = types.Array(types.float64, 1, "C")

    def one(context, builder, signature, arguments):
        array = context.make_array(kind)(context, builder)
        number = cgutils.alloca_once(builder, ir.DoubleType())
        context.populate_array(
            array,
            data=number,
            shape=(context.get_constant(types.intp, 1),),
            strides=(context.get_constant(types.intp, 8),),
            itemsize=context.get_constant(types.intp, 8),
            meminfo=None,
        )
        return array._getvalue()

    def several(context, builder, signature, arguments):
        return context.compile_internal(builder, lambda runs: np.empty(len(runs)), signature, arguments)

    return kind(runs), one if isinstance(runs, types.BaseTuple) else several


@means(calling.call)
def call(typingctx, where, state, number):
    def generate(context, builder, signature, arguments):
        address, pointer, value = arguments
        word, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        result, error = (cgutils.alloca_once(builder, kind) for kind in (ir.IntType(64), byte))
        function = ir.FunctionType(word, [result.type, error.type, pointer.type, value.type])
        status = builder.call(builder.inttoptr(address, function.as_pointer()), [result, error, pointer, value])
        return builder.sext(status, ir.IntType(64))

    return types.int64(types.int64, state, types.int64), generate

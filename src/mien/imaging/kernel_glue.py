"""Python functions around compiled kernels, written in LLVM's instructions.

Each checks its arguments, takes them out of their Python objects, runs the kernel, without the GIL unless its arrays are small,
and returns None. A call with arguments of other types goes to another function, which is the `self` of this one. The layout of
a NumPy array is that of its C interface, unchanged since 1.7.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from mien.imaging.compiler import ir, numba
from mien.imaging.kernel_library import TYPES, TYPES_NAME

_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_OBJECT = _BYTE.as_pointer()
_TYPE, _CONTENT = 8, 16
"""Bytes from the start of an object to its type, and to the value of a number or the first field of an array."""
_DATA, _DIMENSIONS, _SHAPE, _STRIDES, _DTYPE, _FLAGS = 16, 24, 32, 40, 56, 64
"""Bytes from the start of a NumPy array to its fields, PyArrayObject_fields of ndarraytypes.h."""
_BYTE_ORDER, _TYPE_NUMBER = 26, 28
"""Bytes from the start of a NumPy dtype to its fields, PyArray_Descr."""
FEW_VALUES = 4096
"""Values of all arrays below which a kernel keeps the GIL: it is done in a few microseconds, and another thread that got in
would hold it up for longer. Ten faces in two threads: 0.96 of the processor time, 1.03 times the frames."""
_C_CONTIGUOUS, _ALIGNED, _WRITEABLE = 0x1, 0x100, 0x400
"""Flags of a NumPy array."""


class _Glue:
    """The function of one kernel while it is written."""

    def __init__(self, context: Any, name: str) -> None:
        self.context = context
        self.module = context.create_module(name)
        called = ir.FunctionType(_OBJECT, [_OBJECT, _OBJECT.as_pointer(), _LONG])
        self.function = ir.Function(self.module, called, name)
        self.other = self.function.append_basic_block("other")
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.function.blocks.reverse()
        self.values: Any = _LONG(0)
        """Number of values in the arrays that were taken."""
        self.types = ir.GlobalVariable(self.module, ir.ArrayType(_OBJECT, len(TYPES)), TYPES_NAME)

    def imported(self, name: str, result: Any, *arguments: Any) -> Any:
        """Return a function of the Python C interface."""
        known = self.module.globals.get(name)
        return known or ir.Function(self.module, ir.FunctionType(result, arguments), name)

    def variable(self, name: str) -> Any:
        """Return the address of an object of the Python C interface."""
        known = self.module.globals.get(name)
        return known or ir.GlobalVariable(self.module, _BYTE, name)

    def require(self, holds: Any) -> None:
        """Continue where this holds, else pass the arguments to the other function."""
        then = self.function.append_basic_block()
        self.builder.cbranch(holds, then, self.other)
        self.builder.position_at_end(then)

    def field(self, base: Any, offset: int, kind: Any) -> Any:
        """Return the value at some bytes from an address."""
        at = self.builder.gep(base, [_LONG(offset)])
        return self.builder.load(self.builder.bitcast(at, kind.as_pointer()))

    def same(self, one: Any, other: Any) -> Any:
        """Return whether two addresses are one."""
        return self.builder.icmp_unsigned("==", one, self.builder.bitcast(other, _OBJECT))

    def known_type(self, name: str) -> Any:
        """Return a NumPy type, which the loader has written into the table."""
        return self.builder.load(self.builder.gep(self.types, [_LONG(0), _LONG(TYPES.index(name))]))

    def is_number(self, value: Any, own: str, foreign: str) -> Any:
        """Return whether an object is a number of the Python or the NumPy type, not of a subclass."""
        kind = self.field(value, _TYPE, _OBJECT)
        return self.builder.or_(self.same(kind, self.variable(own)), self.same(kind, self.known_type(foreign)))


def glue(context: Any, name: str, descriptor: Any) -> Any:
    """Return a module with the function of a compiled kernel. Raises `NotImplementedError` for arguments of unknown types."""
    made = _Glue(context, name)
    builder, arguments = made.builder, made.function.args[1]
    made.require(builder.icmp_unsigned("==", made.function.args[2], _LONG(len(descriptor.argtypes))))
    objects = [builder.load(builder.gep(arguments, [_LONG(index)])) for index in range(len(descriptor.argtypes))]
    # All are checked before any is taken: the other function gets them as they were.
    values = [_taken(made, kind, value) for kind, value in zip(descriptor.argtypes, objects, strict=True)]
    kernel = context.declare_function(made.module, descriptor)
    failed = builder.alloca(ir.IntType(1))

    def run() -> None:
        status, _ = context.call_conv.call_function(builder, kernel, numba.types.none, descriptor.argtypes, values)
        builder.store(status.is_error, failed)

    with builder.if_else(builder.icmp_signed("<", made.values, _LONG(FEW_VALUES))) as (few, many):
        with few:
            run()
        with many:
            state = builder.call(made.imported("PyEval_SaveThread", _OBJECT), [])
            run()
            builder.call(made.imported("PyEval_RestoreThread", ir.VoidType(), _OBJECT), [state])
    made.require(builder.not_(builder.load(failed)))
    nothing = made.variable("_Py_NoneStruct")
    builder.call(made.imported("Py_IncRef", ir.VoidType(), _OBJECT), [nothing])
    builder.ret(nothing)
    builder.position_at_end(made.other)
    call = made.imported("PyObject_Vectorcall", _OBJECT, _OBJECT, _OBJECT.as_pointer(), _LONG, _OBJECT)
    builder.ret(builder.call(call, [*made.function.args, ir.Constant(_OBJECT, None)]))
    return made.module


def _taken(made: _Glue, kind: Any, value: Any) -> Any:
    """Check an object and return what the kernel takes of it."""
    if isinstance(kind, numba.types.Array):
        return _array(made, kind, value)
    if isinstance(kind, numba.types.BaseTuple):
        return _tuple(made, kind, value)
    take = _NUMBERS.get(str(kind))
    if take is None:
        raise NotImplementedError(f"arguments of type {kind}")
    return take(made, value)


def _integer(made: _Glue, value: Any) -> Any:
    """Take an int that fits 64 bits, or an int64."""
    made.require(made.is_number(value, "PyLong_Type", "int64"))
    taken = made.builder.call(made.imported("PyLong_AsLongLong", _LONG, _OBJECT), [value])
    failed = made.builder.icmp_signed("==", taken, _LONG(-1))
    with made.builder.if_then(failed, likely=False):
        wrong = made.builder.call(made.imported("PyErr_Occurred", _OBJECT), [])
        happened = made.builder.icmp_unsigned("!=", wrong, ir.Constant(_OBJECT, None))
        with made.builder.if_then(happened, likely=False):
            made.builder.call(made.imported("PyErr_Clear", ir.VoidType()), [])
            made.builder.branch(made.other)
            made.builder.position_at_end(made.function.append_basic_block())
            made.builder.unreachable()
    return taken


def _double(made: _Glue, value: Any) -> Any:
    """Take a float, or a float64, which holds its value in the same place."""
    made.require(made.is_number(value, "PyFloat_Type", "float64"))
    return made.field(value, _CONTENT, ir.DoubleType())


def _single(made: _Glue, value: Any) -> Any:
    """Take a float32."""
    made.require(made.same(made.field(value, _TYPE, _OBJECT), made.known_type("float32")))
    return made.field(value, _CONTENT, ir.FloatType())


def _truth(made: _Glue, value: Any) -> Any:
    """Take a bool."""
    right, wrong = (made.same(value, made.variable(name)) for name in ("_Py_TrueStruct", "_Py_FalseStruct"))
    made.require(made.builder.or_(right, wrong))
    return right


_NUMBERS: dict[str, Callable[[_Glue, Any], Any]] = {
    "int64": _integer, "float64": _double, "float32": _single, "bool": _truth,
}  # fmt: skip


def _tuple(made: _Glue, kind: Any, value: Any) -> Any:
    """Take a tuple; its parts, too, have their types."""
    made.require(made.same(made.field(value, _TYPE, _OBJECT), made.variable("PyTuple_Type")))
    size = made.builder.call(made.imported("PyTuple_Size", _LONG, _OBJECT), [value])
    made.require(made.builder.icmp_unsigned("==", size, _LONG(len(kind.types))))
    part = made.imported("PyTuple_GetItem", _OBJECT, _OBJECT, _LONG)
    objects = [made.builder.call(part, [value, _LONG(index)]) for index in range(len(kind.types))]
    parts: Sequence[Any] = [_taken(made, each, found) for each, found in zip(kind.types, objects, strict=True)]
    return made.context.make_tuple(made.builder, kind, parts)


def _array(made: _Glue, kind: Any, value: Any) -> Any:
    """Take an array of this dtype, number of dimensions and order, aligned, and writeable where the kernel may write."""
    builder, context = made.builder, made.context
    made.require(made.same(made.field(value, _TYPE, _OBJECT), made.known_type("ndarray")))
    made.require(builder.icmp_unsigned("==", made.field(value, _DIMENSIONS, _INT), _INT(kind.ndim)))
    needed = _ALIGNED | (_C_CONTIGUOUS if kind.layout == "C" else 0) | (_WRITEABLE if kind.mutable else 0)
    flags = builder.and_(made.field(value, _FLAGS, _INT), _INT(needed))
    made.require(builder.icmp_unsigned("==", flags, _INT(needed)))
    dtype = made.field(value, _DTYPE, _OBJECT)
    numpy_dtype = numba.np.numpy_support.as_dtype(kind.dtype)
    made.require(builder.icmp_unsigned("==", made.field(dtype, _TYPE_NUMBER, _INT), _INT(numpy_dtype.num)))
    made.require(builder.icmp_unsigned("==", made.field(dtype, _BYTE_ORDER, _BYTE), _BYTE(ord(numpy_dtype.byteorder))))
    numbers = _LONG.as_pointer()
    shape, strides = (made.field(value, offset, numbers) for offset in (_SHAPE, _STRIDES))
    array = context.make_array(kind)(context, builder)
    data = builder.bitcast(made.field(value, _DATA, _OBJECT), context.get_data_type(kind.dtype).as_pointer())
    lengths = [builder.load(builder.gep(shape, [_LONG(axis)])) for axis in range(kind.ndim)]
    made.values = builder.add(made.values, functools.reduce(builder.mul, lengths, _LONG(1)))
    numba.np.arrayobj.populate_array(
        array,
        data=data,
        shape=lengths,
        strides=[builder.load(builder.gep(strides, [_LONG(axis)])) for axis in range(kind.ndim)],
        itemsize=context.get_constant(numba.types.intp, numpy_dtype.itemsize),
        meminfo=None,
    )
    return array._getvalue()

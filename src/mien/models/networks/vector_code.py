"""Instructions for registers of 16 values, of which the kernels of networks are written; imported where they are compiled.

Left to itself, the compiler does not keep sums in registers. An array is read and written at offsets in values.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mien.imaging.compiler import ir, numba
from mien.imaging.kernels import FAST
from mien.models.networks.vectors import LANES

FLAGS = ("contract", "nsz") if FAST else ()
FLOAT, INDEX = ir.FloatType(), ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, LANES)
_WIDE = "+avx512f"


class Code:
    """Instructions of an intrinsic: vectors of an array of float32 at offsets in values."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def at(self, data: Any, offset: Any, *more: Any) -> Any:
        """Return the address of a value."""
        for each in more:
            offset = self.builder.add(offset, each)
        return self.builder.gep(data, [offset])

    def load(self, address: Any) -> Any:
        """Return the vector at an address."""
        loaded = self.builder.load(self.builder.bitcast(address, VECTOR.as_pointer()))
        loaded.align = 4
        return loaded

    def store(self, vector: Any, address: Any) -> None:
        """Write a vector to an address."""
        self.builder.store(vector, self.builder.bitcast(address, VECTOR.as_pointer())).align = 4

    def spread(self, address: Any) -> Any:
        """Return a vector of copies of the value at an address."""
        undefined = ir.Constant(VECTOR, ir.Undefined)
        one = self.builder.insert_element(undefined, self.builder.load(address), ir.IntType(32)(0))
        return self.builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    def larger(self, first: Any, second: Any) -> Any:
        """Return the larger values of two vectors."""
        return self.builder.select(self.builder.fcmp_ordered(">", first, second), first, second)

    def added(self, total: Any, first: Any, second: Any) -> Any:
        """Return total + first * second."""
        return self.builder.fadd(self.builder.fmul(first, second, flags=FLAGS), total, flags=FLAGS)


def intrinsic(write: Callable[[Code, Any, Any, Sequence[Any], bool], None]) -> Any:
    """Return a function for kernels that takes `work`, `weights` and a tuple of whole numbers; `write` writes its instructions.

    It is told whether there are registers of 16 values.
    """

    def typed(typing: Any, work: Any, weights: Any, numbers: Any) -> Any:
        del typing

        def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
            data = [context.make_array(signature.args[k])(context, builder, values[k]).data for k in range(2)]
            wide = _WIDE in context.codegen().magic_tuple()[2].split(",")
            write(Code(builder), data[0], data[1], numba.core.cgutils.unpack_tuple(builder, values[2]), wide)
            return context.get_dummy_value()

        return numba.types.void(work, weights, numbers), generate

    return numba.extending.intrinsic(typed)

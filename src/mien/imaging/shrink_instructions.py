"""Means of 2 x 2 pixels in LLVM's vectors; imported where the kernels that use them are compiled."""

from typing import Any

from mien.imaging.compiler import ir, numba
from mien.imaging.shrink_kernels import CHUNK

_BYTE, _SUM = ir.IntType(8), ir.IntType(16)


def _mean(builder: Any, values: Any, pixels: int) -> Any:
    """Return the rounded means of each two of some pixels in whose values those of two rows are added; half as many."""
    undefined = ir.Constant(ir.VectorType(_SUM, 3 * pixels), ir.Undefined)
    places = [[6 * pixel + 3 * side + channel for pixel in range(pixels // 2) for channel in range(3)] for side in (0, 1)]
    masks = [ir.Constant(ir.VectorType(ir.IntType(32), 3 * pixels // 2), each) for each in places]
    left, right = (builder.shuffle_vector(values, undefined, mask) for mask in masks)
    two = ir.Constant(ir.VectorType(_SUM, 3 * pixels // 2), [2] * (3 * pixels // 2))
    return builder.lshr(builder.add(builder.add(left, right), two), two)


def _halved_rows(builder: Any, data: Any, first: Any, second: Any) -> Any:
    """Return the means of 2 x 2 pixels of two rows, from their offsets."""
    sums = []
    for offset in (first, second):
        kind = ir.VectorType(_BYTE, 3 * CHUNK)
        loaded = builder.load(builder.bitcast(builder.gep(data, [offset]), kind.as_pointer()))
        loaded.align = 1
        sums.append(builder.zext(loaded, ir.VectorType(_SUM, 3 * CHUNK)))
    return _mean(builder, builder.add(*sums), CHUNK)


def _shrinking(rows: int) -> Any:
    """Return a function that makes `CHUNK` pixels of 2 or 4 rows smaller: picture, result; offset, values in a row, target."""

    def typed(typing: Any, image: Any, result: Any, numbers: Any) -> Any:
        del typing

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            source, target = (context.make_array(signature.args[k])(context, builder, values[k]).data for k in range(2))
            offset, row, to = numba.core.cgutils.unpack_tuple(builder, values[2])
            lines = [builder.add(offset, builder.mul(row, ir.IntType(64)(k))) for k in range(rows)]
            means = [_halved_rows(builder, source, lines[k], lines[k + 1]) for k in range(0, rows, 2)]
            mean = means[0] if rows == 2 else _mean(builder, builder.add(*means), CHUNK // 2)
            written = builder.trunc(mean, ir.VectorType(_BYTE, mean.type.count))
            place = builder.bitcast(builder.gep(target, [to]), written.type.as_pointer())
            builder.store(written, place).align = 1
            return context.get_dummy_value()

        return numba.types.void(image, result, numbers), generate

    return numba.extending.intrinsic(typed)


halve, quarter = _shrinking(2), _shrinking(4)

"""Inner loops of the face mesh network in LLVM's vectors; imported where its kernels are compiled."""

from collections.abc import Sequence
from typing import Any

from mien.imaging.compiler import ir, numba
from mien.models.networks.mesh.kernels import TILE
from mien.models.networks.vector_code import FLAGS, INDEX, VECTOR, Code, intrinsic
from mien.models.networks.vectors import LANES


def _mixing(pixels: int) -> Any:
    """Return a function that computes 16 channels of some pixels of a pointwise convolution, with shortcut and PReLU.

    Its whole numbers: source and its step, target and its step, shortcut and its step, values in a run, runs, the step from one
    to the next, and offsets of the weights (values taken, 16), the bias (16) and the slopes (16) below and above 0.
    """

    def write(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
        group = pixels if wide else min(pixels, TILE // 2)
        for first in range(0, pixels, group):
            _mix(code, work, weights, numbers, range(first, first + group))

    return intrinsic(write)


def _mix(code: Code, work: Any, weights: Any, numbers: Sequence[Any], pixels: range) -> None:
    """Write the instructions of `_mixing` for some pixels."""
    builder = code.builder
    source, source_step, target, target_step, shortcut, shortcut_step, *run, weight, bias, below, above = numbers
    taken, runs, run_step = run
    kept = [numba.core.cgutils.alloca_once(builder, VECTOR) for _ in pixels]
    base = code.load(code.at(weights, bias))
    lines = [code.at(work, source, builder.mul(source_step, INDEX(k))) for k in pixels]
    for place, k in zip(kept, pixels, strict=True):
        before = code.load(code.at(work, shortcut, builder.mul(shortcut_step, INDEX(k))))
        builder.store(builder.fadd(base, before, flags=FLAGS), place)
    first = code.at(weights, weight)
    with numba.core.cgutils.for_range(builder, runs) as outer:
        start, place_in_run = builder.mul(outer.index, taken), builder.mul(outer.index, run_step)
        with numba.core.cgutils.for_range(builder, taken) as loop:
            factor = code.load(code.at(first, builder.mul(builder.add(start, loop.index), INDEX(LANES))))
            for place, line in zip(kept, lines, strict=True):
                value = code.spread(code.at(line, place_in_run, loop.index))
                builder.store(code.added(builder.load(place), value, factor), place)
    slopes, zero = [code.load(code.at(weights, each)) for each in (below, above)], ir.Constant(VECTOR, [0.0] * LANES)
    for place, k in zip(kept, pixels, strict=True):
        total = builder.load(place)
        slope = builder.select(builder.fcmp_ordered(">", total, zero), slopes[1], slopes[0])
        code.store(builder.fmul(total, slope, flags=FLAGS), code.at(work, target, builder.mul(target_step, INDEX(k))))


def _spreading(taps: tuple[int, ...]) -> Any:
    """Return a function that computes 16 channels of some pixels of a row of a depthwise convolution over 3 rows.

    `taps` are the columns that lie in the picture. Its whole numbers: the offsets of the first value in each row, the step from
    pixel to pixel, the target, its step, pixels, offsets of the weights (9, channels) and of the bias, and channels.
    """

    def write(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
        del wide
        _spread(code, work, weights, numbers, taps)

    return intrinsic(write)


def _spread(code: Code, work: Any, weights: Any, numbers: Sequence[Any], taps: tuple[int, ...]) -> None:
    """Write the instructions of `_spreading`."""
    builder = code.builder
    above, at, below, step, target, target_step, pixels, weight, bias, channels = numbers
    places = [(row, tap) for row in range(3) for tap in taps]
    factors = [code.load(code.at(weights, weight, builder.mul(channels, INDEX(3 * row + tap)))) for row, tap in places]
    base = code.load(code.at(weights, bias))
    across = [builder.mul(channels, INDEX(tap)) for tap in range(3)]
    with numba.core.cgutils.for_range(builder, pixels) as loop:
        moved = builder.mul(step, loop.index)
        total = base
        for factor, (row, tap) in zip(factors, places, strict=True):
            total = code.added(total, code.load(code.at(work, (above, at, below)[row], moved, across[tap])), factor)
        code.store(total, code.at(work, target, builder.mul(target_step, loop.index)))


def _pooling(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
    """Write 16 channels of the largest of each 2 x 2 pixels: source, from row to row, channels, target, pixels."""
    del weights, wide
    builder = code.builder
    source, row, channels, target, pixels = numbers
    with numba.core.cgutils.for_range(builder, pixels) as loop:
        first = builder.add(source, builder.mul(loop.index, builder.mul(channels, INDEX(2))))
        upper = code.load(code.at(work, first)), code.load(code.at(work, first, channels))
        lower = code.load(code.at(work, first, row)), code.load(code.at(work, first, row, channels))
        largest = code.larger(code.larger(*upper), code.larger(*lower))
        code.store(largest, code.at(work, target, builder.mul(channels, loop.index)))


mix_tile, mix_half, mix_one = _mixing(TILE), _mixing(TILE // 2), _mixing(1)
pool_row = intrinsic(_pooling)
spread_inside, spread_left, spread_right = _spreading((0, 1, 2)), _spreading((1, 2)), _spreading((0, 1))

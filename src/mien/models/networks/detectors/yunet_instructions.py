"""Inner loops of the YuNet network in LLVM's vectors; imported where its kernels are compiled."""

from collections.abc import Sequence
from typing import Any

from mien.imaging.compiler import ir, numba
from mien.models.networks.detectors.yunet_kernels import FEW, PIXELS
from mien.models.networks.vector_code import INDEX, VECTOR, Code, intrinsic
from mien.models.networks.vectors import LANES


def _mixing(pixels: int, panels: int, *, bent: bool) -> Any:
    """Return a function that computes 16 channels, times `panels`, of some pixels of a pointwise convolution.

    Its whole numbers: source and its step, target and its step, values in a run, runs, the step from one to the next, offsets
    of the weights (values taken, 16), of those of the next panel and of the bias. `bent` = negative sums become 0.
    """

    def write(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
        group = min(pixels, pixels if wide else 4 // panels)
        for first in range(0, pixels, group):
            _mix(code, work, weights, numbers, range(first, first + group), panels, bent)

    return intrinsic(write)


def _mix(
    code: Code, work: Any, weights: Any, numbers: Sequence[Any], pixels: range, panels: int, bent: bool
) -> None:  # fmt: skip
    """Write the instructions of `_mixing` for some pixels."""
    builder = code.builder
    source, source_step, target, target_step, taken, runs, run_step, weight, panel_step, bias = numbers
    kept = [[numba.core.cgutils.alloca_once(builder, VECTOR) for _ in range(panels)] for _ in pixels]
    biases = [code.load(code.at(weights, bias, INDEX(LANES * panel))) for panel in range(panels)]
    for places in kept:
        for place, base in zip(places, biases, strict=True):
            builder.store(base, place)
    lines = [code.at(work, source, builder.mul(source_step, INDEX(k))) for k in pixels]
    firsts = [code.at(weights, weight, builder.mul(panel_step, INDEX(panel))) for panel in range(panels)]
    with numba.core.cgutils.for_range(builder, runs) as outer:
        start, place_in_run = builder.mul(outer.index, taken), builder.mul(outer.index, run_step)
        with numba.core.cgutils.for_range(builder, taken) as loop:
            row = builder.mul(builder.add(start, loop.index), INDEX(LANES))
            factors = [code.load(code.at(first, row)) for first in firsts]
            for places, line in zip(kept, lines, strict=True):
                value = code.spread(code.at(line, place_in_run, loop.index))
                for place, factor in zip(places, factors, strict=True):
                    builder.store(code.added(builder.load(place), value, factor), place)
    zero = ir.Constant(VECTOR, [0.0] * LANES)
    for places, k in zip(kept, pixels, strict=True):
        for panel, place in enumerate(places):
            total = builder.load(place)
            total = code.larger(total, zero) if bent else total
            code.store(total, code.at(work, target, builder.mul(target_step, INDEX(k)), INDEX(LANES * panel)))


def _spreading(*, bent: bool) -> Any:
    """Return a function that computes 16 channels of a row of a depthwise convolution over 3 rows of a pixel more at each end.

    Its whole numbers: offsets of the rows, the target, channels, pixels, offsets of the weights (9, channels) and of the bias.
    """

    def write(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
        del wide
        builder = code.builder
        above, at, below, target, channels, pixels, weight, bias = numbers
        factors = [code.load(code.at(weights, weight, builder.mul(channels, INDEX(tap)))) for tap in range(9)]
        base, zero = code.load(code.at(weights, bias)), ir.Constant(VECTOR, [0.0] * LANES)
        across = [builder.mul(channels, INDEX(tap)) for tap in range(3)]
        with numba.core.cgutils.for_range(builder, pixels) as loop:
            moved = builder.mul(channels, loop.index)
            total = base
            for tap, factor in enumerate(factors):
                row = (above, at, below)[tap // 3]
                total = code.added(total, code.load(code.at(work, row, moved, across[tap % 3])), factor)
            code.store(code.larger(total, zero) if bent else total, code.at(work, target, moved))

    return intrinsic(write)


def _pooling(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
    """Write 16 channels of the largest of each 2 x 2 pixels: both rows, channels, target, pixels."""
    del weights, wide
    builder = code.builder
    first, second, channels, target, pixels = numbers
    with numba.core.cgutils.for_range(builder, pixels) as loop:
        moved = builder.mul(loop.index, builder.mul(channels, INDEX(2)))
        upper = code.load(code.at(work, first, moved)), code.load(code.at(work, first, moved, channels))
        lower = code.load(code.at(work, second, moved)), code.load(code.at(work, second, moved, channels))
        largest = code.larger(code.larger(*upper), code.larger(*lower))
        code.store(largest, code.at(work, target, builder.mul(channels, loop.index)))


def _adding(code: Code, work: Any, weights: Any, numbers: Sequence[Any], wide: bool) -> None:
    """Add 16 channels of each pixel of a row to two pixels of another one: source, target, channels, pixels of the source."""
    del weights, wide
    builder = code.builder
    source, target, channels, pixels = numbers
    with numba.core.cgutils.for_range(builder, pixels) as loop:
        moved = builder.mul(loop.index, channels)
        added = code.load(code.at(work, source, moved))
        for step in (INDEX(0), channels):
            place = code.at(work, target, moved, moved, step)
            code.store(builder.fadd(code.load(place), added), place)


mix_wide, mix_tile = _mixing(PIXELS, 2, bent=False), _mixing(PIXELS, 1, bent=False)
mix_few, mix_one, begin = _mixing(FEW, 1, bent=False), _mixing(1, 1, bent=False), _mixing(PIXELS, 1, bent=True)
spread_bent, spread_plain = _spreading(bent=True), _spreading(bent=False)
pool_row, add_row = intrinsic(_pooling), intrinsic(_adding)

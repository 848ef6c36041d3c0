"""Conversion between pictures and the arrays of networks."""

import math
from collections.abc import Sequence

import numpy as np

from mien.errors import ModelError
from mien.imaging.kernels import kernel
from mien.models.format.scale import Scale
from mien.types import Array, Floats, Image, Mask


def blob(images: Sequence[Image], scale: Scale, steps: Sequence[int] | None = None) -> Floats:
    """Return pictures, BGR uint8 (side, side, 3), as one float32 array, (n, 3, side, side) or channels last.

    A picture with a step k > 1, k times as large, is split into k * k phases: phase a * k + b holds every k-th pixel from row
    a and column b on, a whole face each (FaceFusion's pixel boost).
    """
    steps = [1] * len(images) if steps is None else steps
    side = images[0].shape[0] // steps[0]
    count = sum(step * step for step in steps)
    made = np.empty((count, side, side, 3) if scale.channels_last else (count, 3, side, side), np.float32)
    planes = made.transpose(0, 3, 1, 2) if scale.channels_last else made
    gain = (1 / (255 * np.asarray(scale.std))).astype(np.float32)
    shift = (-np.asarray(scale.mean) / np.asarray(scale.std)).astype(np.float32)
    first = 0
    for image, step in zip(images, steps, strict=True):
        _spread(np.ascontiguousarray(image), step, scale.rgb, gain, shift, planes[first : first + step * step])
        first += step * step
    return made


def pictures(numbers: Array, scale: Scale, steps: Sequence[int] | None = None) -> list[Image]:
    """Return the output of a network as BGR uint8 pictures, rounded and clipped; the `numbers` have to be finite.

    Raises `ValueError` for shapes other than (n, 3, side, side) and (n, side, side, 3): the kernel checks no index.
    """
    steps = [1] * len(numbers) if steps is None else steps
    single = np.asarray(numbers, np.float32)
    planes = single.transpose(0, 3, 1, 2) if scale.channels_last else np.ascontiguousarray(single)
    side = planes.shape[2]
    if planes.shape != (sum(step * step for step in steps), 3, side, side):
        raise ValueError(f"{numbers.shape} is not a shape of pictures")
    gain = (255 * np.asarray(scale.std)).astype(np.float32)
    shift = (255 * np.asarray(scale.mean) + 0.5).astype(np.float32)
    made: list[Image] = []
    first = 0
    for step in steps:
        image = np.empty((side * step, side * step, 3), np.uint8)
        _gather(planes[first : first + step * step], step, scale.rgb, gain, shift, image)
        made.append(image)
        first += step * step
    return made


def masks(numbers: Array, steps: Sequence[int] | None = None) -> list[Mask]:
    """Return outputs 0..1, (n, 1, side, side) or (n, side, side, 1), as uint8 (side, side), clipped."""
    count, side = numbers.shape[0], max(numbers.shape[1:])
    steps = [1] * count if steps is None else steps
    levels = (np.clip(numbers.reshape(count, side, side).astype(np.float32), 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    made: list[Mask] = []
    first = 0
    for step in steps:
        phases = levels[first : first + step * step].reshape(step, step, side, side)
        made.append(np.ascontiguousarray(phases.transpose(2, 0, 3, 1)).reshape(side * step, side * step))
        first += step * step
    return made


def check_finite(model_id: str, numbers: Array) -> None:
    """Raise `ModelError` for numbers that are not finite, as broken models and half precision give them."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(numbers.sum(dtype=np.float32))
    if not math.isfinite(total):
        raise ModelError(
            f"{model_id} gave numbers that are not a picture (not a number, or infinite)",
            f"`mien models verify {model_id}`; if the file is whole, set precision = single",
        )


@kernel
def _spread(image: Array, step: int, rgb: bool, gain: Array, shift: Array, planes: Array) -> None:
    side = planes.shape[2]
    for a in range(step):
        for b in range(step):
            for c in range(3):
                channel = 2 - c if rgb else c
                for y in range(side):
                    for x in range(side):
                        planes[a * step + b, c, y, x] = image[y * step + a, x * step + b, channel] * gain[c] + shift[c]


@kernel
def _gather(planes: Array, step: int, rgb: bool, gain: Array, shift: Array, image: Array) -> None:
    side = planes.shape[2]
    for a in range(step):
        for b in range(step):
            for y in range(side):
                for x in range(side):
                    for c in range(3):
                        value = planes[a * step + b, c, y, x] * gain[c] + shift[c]
                        value = min(max(value, np.float32(0.0)), np.float32(255.0))
                        image[y * step + a, x * step + b, 2 - c if rgb else c] = np.uint8(value)

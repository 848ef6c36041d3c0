"""The guided filter that moves a mask to the edges of a picture (He, Sun and Tang 2010)."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class EdgeTuning:
    """Numbers of the filter."""

    flat_variance: float = 4e-4
    """Variance of colour, of 1, that is not an edge (epsilon of the guided filter)."""
    contrast: float = 1.8
    """Contrast of the filtered opacity around one half."""


TUNING = EdgeTuning()


def refined(rough: Mask, guide: Image, radius: int, rounds: int = 1) -> Mask:
    """Move a mask `rough`, uint8 (h, w), to the edges of `guide`, BGR uint8 (h, w, 3), as far as `radius` pixels.

    The filter runs with a colour guide, `rounds` times.
    """
    x, y, width, height = cv2.boundingRect(rough)
    margin = 2 * radius
    rows = slice(max(0, y - margin), y + height + margin)
    columns = slice(max(0, x - margin), x + width + margin)
    colour = guide[rows, columns].astype(np.float32) * np.float32(1 / 255)
    opacity = rough[rows, columns].astype(np.float32) * np.float32(1 / 255)
    for _ in range(rounds):
        # Opacity that spills over an edge is the smaller part of its colour there, and gives way.
        opacity = np.clip((_guided(colour, opacity, radius) - 0.5) * np.float32(TUNING.contrast) + 0.5, 0, 1)
    result = np.zeros_like(rough)
    result[rows, columns] = (opacity * 255 + 0.5).astype(np.uint8)
    return result


def _guided(colour: Floats, opacity: Floats, radius: int) -> Floats:
    """Return the opacity as a linear function of the colour, locally."""
    window = 2 * radius + 1, 2 * radius + 1
    sums = np.empty((*opacity.shape, _SUMS), np.float32)
    _fill_products(colour, opacity, sums)
    mean = cv2.blur(sums, window, borderType=cv2.BORDER_REFLECT_101)
    parts = np.empty((*opacity.shape, 4), np.float32)
    _solve(mean, TUNING.flat_variance, parts)
    smooth = cv2.blur(parts, window, borderType=cv2.BORDER_REFLECT_101)
    guided = np.empty_like(opacity)
    _apply(smooth, colour, guided)
    return guided


_SUMS = 13  # blue, green, red, opacity, and the products of two that a fit of the opacity by the colour needs


@kernel
def _fill_products(colour: Array, opacity: Array, sums: Array) -> None:
    """Write colour (3), opacity, squares and products of the colours (6), and opacity times colour (3)."""
    for y in range(opacity.shape[0]):
        for x in range(opacity.shape[1]):
            b, g, r, p = colour[y, x, 0], colour[y, x, 1], colour[y, x, 2], opacity[y, x]
            sums[y, x, 0], sums[y, x, 1], sums[y, x, 2], sums[y, x, 3] = b, g, r, p
            sums[y, x, 4], sums[y, x, 5], sums[y, x, 6] = b * b, b * g, b * r
            sums[y, x, 7], sums[y, x, 8], sums[y, x, 9] = g * g, g * r, r * r
            sums[y, x, 10], sums[y, x, 11], sums[y, x, 12] = b * p, g * p, r * p


@kernel
def _solve(mean: Array, flat_variance: float, parts: Array) -> None:
    """Write the factors of blue, green and red and the rest, float32 (h, w, 4), of the best fit in each window."""
    epsilon = np.float32(flat_variance)
    for y in range(mean.shape[0]):
        for x in range(mean.shape[1]):
            b, g, r, p = mean[y, x, 0], mean[y, x, 1], mean[y, x, 2], mean[y, x, 3]
            bb, bg, br = mean[y, x, 4] - b * b + epsilon, mean[y, x, 5] - b * g, mean[y, x, 6] - b * r
            gg, gr, rr = mean[y, x, 7] - g * g + epsilon, mean[y, x, 8] - g * r, mean[y, x, 9] - r * r + epsilon
            pb, pg, pr = mean[y, x, 10] - p * b, mean[y, x, 11] - p * g, mean[y, x, 12] - p * r
            i_bb, i_bg, i_br = gg * rr - gr * gr, br * gr - bg * rr, bg * gr - br * gg
            i_gg, i_gr, i_rr = bb * rr - br * br, bg * br - bb * gr, bb * gg - bg * bg
            inverse = np.float32(1.0) / (bb * i_bb + bg * i_bg + br * i_br)
            a_b = (i_bb * pb + i_bg * pg + i_br * pr) * inverse
            a_g = (i_bg * pb + i_gg * pg + i_gr * pr) * inverse
            a_r = (i_br * pb + i_gr * pg + i_rr * pr) * inverse
            parts[y, x, 0], parts[y, x, 1], parts[y, x, 2] = a_b, a_g, a_r
            parts[y, x, 3] = p - a_b * b - a_g * g - a_r * r


@kernel
def _apply(smooth: Array, colour: Array, guided: Array) -> None:
    for y in range(guided.shape[0]):
        for x in range(guided.shape[1]):
            sum_bg = smooth[y, x, 0] * colour[y, x, 0] + smooth[y, x, 1] * colour[y, x, 1]
            guided[y, x] = sum_bg + smooth[y, x, 2] * colour[y, x, 2] + smooth[y, x, 3]

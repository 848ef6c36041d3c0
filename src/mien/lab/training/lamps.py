"""Random light for flat portraits: lamps on surface normals, cast shadows, coloured light, a camera's tone curve."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.types import Array, Floats, Image

_GAMMA = 2.2  # approximates the curve of sRGB
_TO_LINEAR = ((np.arange(256) / 255) ** _GAMMA).astype(np.float32)
_STEPS = 4096  # of the table back to 8 bits; finer than one level everywhere
_FROM_ROOT = (np.linspace(0, 1, _STEPS + 1) ** (2 / _GAMMA)).astype(np.float32)
"""Table over the square root of linear light, which resolves dark tones."""


@dataclass(frozen=True, slots=True)
class Light:
    """Lamps, cast shadows and tone curve.

    `ambient` (3,) and `colours` (n, 3) in linear BGR; `directions` (n, 3) towards the lamps; `wraps` (n,) the reach of a
    lamp around the head; `edges` (m, 5): direction x and y, place, softness and depth of cast shadows, in shares of the
    side; `curve` the exponent of the tone curve; `saturation` 1 = unchanged.
    """

    ambient: Floats
    colours: Floats
    directions: Floats
    wraps: Floats
    edges: Floats
    curve: float
    saturation: float


def random_light(draw: np.random.Generator, strength: float = 1.0) -> Light:
    """Return a random light, from soft and frontal (strength 0) to one hard lamp from the side (1)."""
    count = int(draw.integers(1, 4))
    directions = draw.normal(0, 1, (count, 3)) * [1.0, 0.7, 0.4] + [0, -0.25, 0.2]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    warmth = draw.normal(0, 0.18 * strength, count)[:, None] * np.array([-1.0, 0, 1.0])
    colours = np.exp(warmth + draw.normal(0, 0.06 * strength, (count, 3))) * draw.uniform(0.2, 1.0, (count, 1))
    ambient = np.exp(draw.normal(0, 0.1 * strength, 3)) * draw.uniform(0.05, 0.5)
    shadows = int(draw.random() < 0.3 * strength) * int(draw.integers(1, 3))
    angles = draw.uniform(0, 2 * np.pi, shadows)
    edges = np.stack(
        [
            np.cos(angles),
            np.sin(angles),
            draw.uniform(-0.25, 0.25, shadows),
            draw.uniform(0.02, 0.15, shadows),
            draw.uniform(0.2, 0.8, shadows),
        ],
        axis=1,
    )
    mixed = 1 - strength
    return Light(
        (ambient + mixed * 0.6).astype(np.float32),
        (colours * strength).astype(np.float32),
        directions.astype(np.float32),
        draw.uniform(0.0, 0.6, count).astype(np.float32),
        edges.astype(np.float32),
        float(np.exp(draw.normal(0, 0.12 * strength))),
        float(np.exp(draw.normal(0, 0.15 * strength))),
    )


def shading(light: Light, normals: Floats, exposure: float) -> Floats:
    """Return the linear light on each pixel, float32 (h, w, 3), with a mean of about `exposure` over the middle."""
    height, width = normals.shape[:2]
    fallen = np.broadcast_to(light.ambient, normals.shape).copy()
    for colour, direction, wrap in zip(light.colours, light.directions, light.wraps, strict=True):
        towards = normals @ direction
        fallen += (np.maximum(towards + wrap, 0) / (1 + wrap))[:, :, None] * colour
    ys, xs = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j].astype(np.float32)
    for x, y, place, softness, depth in light.edges:
        beyond = 1 / (1 + np.exp(-np.clip((xs * x + ys * y - place) / softness * 4, -20, 20)))
        fallen *= (1 - depth * beyond)[:, :, None]
    middle = fallen[height // 3 : -height // 3, width // 3 : -width // 3]
    fallen *= exposure / max(float(middle.mean()), 1e-3)
    return np.asarray(fallen, np.float32)


def lit(image: Image, fallen: Floats, light: Light) -> Image:
    """Return a flat picture, BGR uint8, under the light that falls on it."""
    linear = _TO_LINEAR[image] * fallen
    if light.saturation != 1:
        grey = linear @ np.array([0.07, 0.72, 0.21], np.float32)
        linear = grey[:, :, None] + (linear - grey[:, :, None]) * light.saturation
    # The shoulder of a camera's curve: highlights bend before they clip.
    bright = np.clip(linear, 0, None)
    bent = np.where(bright > 0.8, 1 - 0.2 * np.exp(-(bright - 0.8) / 0.2), bright)
    shown: Array = _FROM_ROOT[(np.sqrt(np.clip(bent, 0, 1)) * _STEPS).astype(np.int32)]
    if light.curve != 1:
        shown = shown**light.curve
    return np.asarray(cv2.convertScaleAbs(shown, alpha=255), np.uint8)

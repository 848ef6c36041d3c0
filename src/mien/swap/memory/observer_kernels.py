"""Kernels of the observer: over landmarks, and over the texels of a face."""

import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Array


@kernel
def gauge(shape: Array, neutral: Array, mesh: Array, points: Array, before: Array, skin: int, found: Array) -> None:
    """Write how far a face has changed, float64 (5,), out of landmarks float32 (478, 3).

    The mean distances, seen from the front, of its `shape` from the `neutral` one, and of its first `skin` landmarks from those
    of `mesh`; the mean step of `points` from those `before` in x and y, and the mean distance that they moved beside it.
    """
    odd, bent, along, down = 0.0, 0.0, 0.0, 0.0
    count = points.shape[0]
    for k in range(count):
        x, y = shape[k, 0] - neutral[k, 0], shape[k, 1] - neutral[k, 1]
        odd += np.sqrt(x * x + y * y)
        along += points[k, 0] - before[k, 0]
        down += points[k, 1] - before[k, 1]
    for k in range(skin):
        x, y = shape[k, 0] - mesh[k, 0], shape[k, 1] - mesh[k, 1]
        bent += np.sqrt(x * x + y * y)
    along, down, beside = along / count, down / count, 0.0
    for k in range(count):
        x, y = points[k, 0] - before[k, 0] - along, points[k, 1] - before[k, 1] - down
        beside += np.sqrt(x * x + y * y)
    found[0], found[1], found[2], found[3], found[4] = odd / count, bent / skin, along, down, beside / count


@kernel
def see(towards: Array, edge_on: float, plain: float, visible: Array) -> None:
    """Write how well texels are seen, 0..1, that face the camera as far as `towards`: not at all `edge_on`; float32 (n, n)."""
    share = np.float32(1) / np.float32(plain - edge_on)
    for v in range(visible.shape[0]):
        for u in range(visible.shape[1]):
            visible[v, u] = min(max((towards[v, u] - np.float32(edge_on)) * share, np.float32(0)), np.float32(1))


@kernel
def expect(texture: Array, change: Array, levels: Array) -> None:
    """Write a texture float32 (n, n, 3) in the light that has changed by factors float32 (n, n), uint8 (n, n, 3)."""
    for v in range(texture.shape[0]):
        for u in range(texture.shape[1]):
            for c in range(3):
                lit = texture[v, u, c] * change[v, u] + np.float32(0.5)
                levels[v, u, c] = np.uint8(min(max(lit, np.float32(0)), np.float32(255)))


@kernel
def count_hidden(occluder: Array, visible: Array, weight: Array, counts: Array) -> None:
    """Write the numbers of texels that are seen, of those that are hidden, and of those known for two frames, int64 (3,)."""
    seen, hidden, known = 0, 0, 0
    for v in range(visible.shape[0]):
        for u in range(visible.shape[1]):
            if visible[v, u] > np.float32(0.5):
                seen += 1
                if occluder[v, u] > 127:
                    hidden += 1
                    known += weight[v, u] >= np.float32(2)
    counts[0], counts[1], counts[2] = seen, hidden, known


@kernel
def follow_light(before: Array, light: Array, noise: float, least: float, followed: Array) -> None:
    """Write light float32 (n, n, 3) between `before` and `light`, nearer to the latter the more has changed by `noise`."""
    for v in range(light.shape[0]):
        for u in range(light.shape[1]):
            change = np.float32(0)
            for c in range(3):
                change = max(change, abs(light[v, u, c] / before[v, u, c] - np.float32(1)))
            share = min(max(change / np.float32(noise), np.float32(least)), np.float32(1))
            for c in range(3):
                followed[v, u, c] = before[v, u, c] + share * (light[v, u, c] - before[v, u, c])


@kernel
def learn(texture: Array, weight: Array, now: Array, free: Array, first: float, slowest: float, surprise: float) -> None:
    """Move the mean `texture` float32 (n, n, 3) towards `now`, uint8, as far as each texel is `free` float32 (n, n)."""
    for v in range(weight.shape[0]):
        for u in range(weight.shape[1]):
            seen = free[v, u]
            if seen <= 0:
                continue
            old = weight[v, u]
            weight[v, u] = min(old + seen, np.float32(first))
            if old + seen <= first:
                # A texel that was hardly seen is replaced, a known one is moved.
                share = min(np.float32(1), seen / max(weight[v, u], np.float32(0.5)))
                most = np.float32(255)
            else:
                share, most = np.float32(slowest) * seen, np.float32(surprise)
            for c in range(3):
                step = now[v, u, c] - texture[v, u, c]
                texture[v, u, c] += share * min(max(step, -most), most)

"""Light on a face, estimated from its texture: now, and against the frames before.

Textures lie in texels as in `mien.face.texels`, BGR. Light is a factor for each texel and channel. Tone and broad shading,
which the face as a whole takes from the picture, belong to `colour.light_map`; this module covers the range between them and
the skin's own detail: the shaded side of a nose, a shadow's edge, a flash, a wrinkle, a blush.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.face.texels import texel_map
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.draw import draw_values
from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array, Floats, Image, Mask

SIDE, FIT_SIDE = 64, 32  # texels on a side of a light texture, and of the one on which lasting light is fitted


@dataclass(frozen=True, slots=True)
class LightingTuning:
    """Light on a face, as factors; sigmas in texels of a light texture."""

    black: float = 3.0
    """Levels added to both sides of a ratio of brightnesses, so that noise in the dark does not explode."""
    fine_sigma: float = 0.9
    """The finest light that can be told from misplaced features."""
    broad_sigma: float = 4.0
    """Light whose colour counts."""
    max_fine: float = 2.5
    max_light: float = 6.0
    """Bounds of the fine part of the light, and of light as a whole."""
    stiffness: tuple[float, ...] = (1e-6, 0.03, 0.03, 0.03, 0.15, 0.15, 0.15, 0.15, 0.15)
    """Regularisation of each spherical harmonic."""
    even_spread: float = 0.08
    """Deviation of brightness that people show in even light."""
    darkest: float = 0.12
    """Least lasting light; bounds the gain of a relit shadow."""
    min_facing: float = 0.35
    """Facing of the skin on which lasting light is fitted."""
    grid_cells: int = 96
    """Cells along the longer side of a map of gains; bounds the time."""


TUNING = LightingTuning()


@dataclass(frozen=True, slots=True)
class _Basis:
    """`harmonics` float32 (SIDE, SIDE, 9) of the mean face's normals, texel by texel, and the basis of its fit.

    `fitted` are the indices of plain skin in a flattened texture of `FIT_SIDE`; `skin` float32 (n,) is its brightness in even
    light; `basis` float32 (n, 9).
    """

    harmonics: Floats
    fitted: Array
    skin: Floats
    basis: Floats


def light_of(now: Image, mean: Floats, seen: Floats) -> Floats:
    """Return the light of a face `now` as a multiple of its `mean` texture's; float32 (SIDE, SIDE, 3).

    `now` is uint8 and `mean` float32 (n, n, 3), n a multiple of SIDE; `seen` float32 (n, n), 0..1, is the weight of each texel
    of both. Where nothing is seen, the light of the surroundings continues.
    """
    small = np.empty((SIDE, SIDE, 7), np.float32)
    _gather(now, mean, seen, small)
    fine = cv2.GaussianBlur(small, (0, 0), TUNING.fine_sigma, borderType=cv2.BORDER_CONSTANT)
    # Eyes and mouth open and close: their light is that of the skin around them.
    skin = np.empty((SIDE // 4, SIDE // 4, 7), np.float32)
    _reduce(small, _skin(), skin)
    broad = cv2.GaussianBlur(skin, (0, 0), TUNING.broad_sigma / 4, borderType=cv2.BORDER_CONSTANT)
    broad = broad + np.float32(0.02) * cv2.GaussianBlur(broad, (0, 0), TUNING.broad_sigma, borderType=cv2.BORDER_CONSTANT)
    colour = cv2.resize(_ratio(broad), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    light = np.empty((SIDE, SIDE, 3), np.float32)
    _join(
        np.ascontiguousarray(colour, np.float32),
        fine,
        _steady(),
        LUMA,
        (TUNING.black, TUNING.max_fine, TUNING.max_light),
        light,
    )
    return light


def lasting_light(mean: Image | Floats, seen: Floats) -> Floats:
    """Return the light of the mean texture of a face against even light; float32 (SIDE, SIDE), about 1.

    `mean` uint8 or float32 (n, n, 3) and `seen` (n, n) are as in `light_of`.
    The face's skin in even light is taken for that of people on average. Differences from it that a lamp would make on the
    shape of a face (nine spherical harmonics: Ramamoorthi, Hanrahan 2001) are light, the rest is the person.
    """
    basis, tuning = _basis(), TUNING
    coefficients = np.empty(9, np.float32)
    stiffness = np.asarray(tuning.stiffness, np.float32)
    _fit_lamp(mean, seen, basis.fitted, basis.skin, basis.basis, stiffness, tuning.even_spread, coefficients)
    light = np.empty((SIDE, SIDE), np.float32)
    _shine(basis.harmonics, coefficients, tuning.darkest, light)
    return light


def gains(light: Floats, points: Floats, mask: Mask, strength: float) -> Floats:
    """Return the map for `blend.shade` that puts `light` (SIDE, SIDE, 3) on a crop, relative to its brightest point.

    `points` float32 (478, 3) are the landmarks in the crop's pixels; `mask` uint8 (h, w) as of the crop. The result is
    float32 (gh, gw, 3), at most 1: `colour.light_map` sets the level. `strength` 0 changes nothing.
    """
    height, width = mask.shape
    scale = min(1.0, TUNING.grid_cells / max(height, width))
    rows, columns = max(4, round(height * scale)), max(4, round(width * scale))
    ratio = np.array([columns / width, rows / height, scale], np.float32)
    local = points * ratio
    local[:, :2] += 0.5 * ratio[:2] - 0.5
    drawn, depth = np.zeros((rows, columns, 4), np.float32), np.empty((rows, columns), np.float32)
    draw_values(texel_map(SIDE).triangles, local, _texel_points(), np.log(light), drawn, depth)
    drawn[:, :, 3] = depth < 1e38
    relative = np.empty((rows, columns, 3), np.float32)
    _fill(drawn, cv2.blur(drawn, (5, 5)), relative)
    relative *= np.float32(strength)
    return np.asarray(np.exp(relative), np.float32)


def _ratio(stack: Array) -> Floats:
    black = TUNING.black * stack[:, :, 6:] + 1e-6
    return np.asarray((stack[:, :, :3] + black) / (stack[:, :, 3:6] + black), np.float32)


@kernel
def _reduce(stack: Array, weight: Array, small: Array) -> None:
    """Average a stack float32 (n, n, k), times a weight float32 (n, n), over the texels of each texel of `small`."""
    step = stack.shape[0] // small.shape[0]
    share = np.float32(1.0 / (step * step))
    for v in range(small.shape[0]):
        for u in range(small.shape[1]):
            for k in range(small.shape[2]):
                total = np.float32(0)
                for y in range(v * step, v * step + step):
                    for x in range(u * step, u * step + step):
                        total += stack[y, x, k] * weight[y, x]
                small[v, u, k] = total * share


@kernel
def _join(colour: Array, fine: Array, steady: Array, luma: Array, bounds: tuple[float, float, float], light: Array) -> None:
    """Write the light float32 (n, n, 3): its `colour`, with the brightness of what is `fine` as far as that can be trusted.

    `fine` float32 (n, n, 7) is as `_gather` makes it; `bounds` are levels of black, and the largest fine part and light.
    """
    black_level, max_fine, max_light = np.float32(bounds[0]), np.float32(bounds[1]), np.float32(bounds[2])
    for v in range(light.shape[0]):
        for u in range(light.shape[1]):
            seen = fine[v, u, 6]
            now, usual, tone = black_level * seen, black_level * seen + np.float32(1e-6), np.float32(0)
            for c in range(3):
                now += fine[v, u, c] * luma[c]
                usual += fine[v, u, 3 + c] * luma[c]
                tone += colour[v, u, c] * luma[c]
            detail = min(max(now / usual / tone, np.float32(1) / max_fine), max_fine)
            trust = steady[v, u] * min(max(np.float32(2) * seen - np.float32(0.2), np.float32(0)), np.float32(1))
            for c in range(3):
                lit = colour[v, u, c] * (np.float32(1) + trust * (detail - np.float32(1)))
                light[v, u, c] = min(max(lit, np.float32(1) / max_light), max_light)


@kernel
def _gather(now: Array, mean: Array, seen: Array, small: Array) -> None:
    """Average now (3), mean (3) and 1 (1), each times seen, over the texels of each texel of `small`."""
    step = now.shape[0] // small.shape[0]
    share = np.float32(1.0 / (step * step))
    for v in range(small.shape[0]):
        for u in range(small.shape[1]):
            b, g, r, weights = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            usual_b, usual_g, usual_r = np.float32(0), np.float32(0), np.float32(0)
            for y in range(v * step, v * step + step):
                for x in range(u * step, u * step + step):
                    weight = seen[y, x] * share
                    b += np.float32(now[y, x, 0]) * weight
                    g += np.float32(now[y, x, 1]) * weight
                    r += np.float32(now[y, x, 2]) * weight
                    usual_b += mean[y, x, 0] * weight
                    usual_g += mean[y, x, 1] * weight
                    usual_r += mean[y, x, 2] * weight
                    weights += weight
            small[v, u, 0], small[v, u, 1], small[v, u, 2], small[v, u, 6] = b, g, r, weights
            small[v, u, 3], small[v, u, 4], small[v, u, 5] = usual_b, usual_g, usual_r


@kernel
def _fit_lamp(
    mean: Array, seen: Array, fitted: Array, skin: Array, basis: Array, stiffness: Array, even_spread: float,
    coefficients: Array,
) -> None:  # fmt: skip
    """Write the `coefficients` (9) of the light of a texture `mean` (n, n, 3) against `skin`: see `lasting_light`.

    Weighted least squares, twice: what fits badly the first time counts less the second.
    """
    count, terms = fitted.shape[0], stiffness.shape[0]
    step = mean.shape[0] // FIT_SIDE
    wanted, weight, trust = np.zeros(count), np.zeros(count), np.empty(count)
    bright = total = whole = 0.0
    for i in range(count):
        top, left = fitted[i] // FIT_SIDE * step, fitted[i] % FIT_SIDE * step
        for y in range(top, top + step):
            for x in range(left, left + step):
                wanted[i] += 0.114 * mean[y, x, 0] + 0.587 * mean[y, x, 1] + 0.299 * mean[y, x, 2]
                weight[i] += seen[y, x]
        wanted[i] /= step * step
        weight[i] /= step * step
        trust[i] = weight[i]
        bright += weight[i] * wanted[i]
        total += weight[i] * skin[i]
        whole += skin[i]
    coefficients[:] = 0
    coefficients[0] = 1
    if total < 0.1 * whole:
        return
    # A brightness of 1 in the mean, so that the stiffness means the same in every picture.
    for i in range(count):
        wanted[i] /= bright / total * skin[i] + 1e-6
    matrix, found = np.empty((terms, terms)), np.empty(terms)
    for _ in range(2):
        matrix[:, :] = 0
        found[:] = 0
        certain = 0.0
        for i in range(count):
            certain += trust[i]
            for j in range(terms):
                found[j] += trust[i] * basis[i, j] * wanted[i]
                for k in range(j + 1):
                    matrix[j, k] += trust[i] * basis[i, j] * basis[i, k]
        for j in range(terms):
            matrix[j, j] += certain * stiffness[j]
        _solve(matrix, found)
        # A beard, a mole, a lock of hair are not light.
        for i in range(count):
            misfit = abs(wanted[i] - _sum_of(basis, i, found))
            trust[i] = weight[i] * min(0.25 / (misfit + 1e-6), 1.0)
    middle = square = 0.0
    for i in range(count):
        light = _sum_of(basis, i, found)
        middle += light / count
        square += light * light / count
    # Small differences from other faces in even light come from the shape of the face rather than from a lamp.
    strength = max(square - middle * middle, 0.0)
    share = strength / (strength + even_spread * even_spread)
    for j in range(terms):
        coefficients[j] = share * found[j]
    coefficients[0] += 1 - share


@kernel
def _shine(harmonics: Array, coefficients: Array, darkest: float, light: Array) -> None:
    """Write the light float32 (h, w) of a lamp with these `coefficients` (9), at least the `darkest`."""
    for v in range(light.shape[0]):
        for u in range(light.shape[1]):
            total = np.float32(0)
            for j in range(coefficients.shape[0]):
                total += harmonics[v, u, j] * coefficients[j]
            light[v, u] = max(total, np.float32(darkest))


@kernel_part
def _sum_of(basis: Array, row: int, coefficients: Array) -> float:
    total = 0.0
    for j in range(coefficients.shape[0]):
        total += basis[row, j] * coefficients[j]
    return total


@kernel_part
def _solve(matrix: Array, right: Array) -> None:
    """Solve a symmetric, positive definite system whose lower half is given, in place (Cholesky)."""
    size = right.shape[0]
    for j in range(size):
        for k in range(j + 1):
            rest = matrix[j, k]
            for m in range(k):
                rest -= matrix[j, m] * matrix[k, m]
            matrix[j, k] = np.sqrt(rest) if j == k else rest / matrix[k, k]
    for j in range(size):
        for m in range(j):
            right[j] -= matrix[j, m] * right[m]
        right[j] /= matrix[j, j]
    for j in range(size - 1, -1, -1):
        for m in range(j + 1, size):
            right[j] -= matrix[m, j] * right[m]
        right[j] /= matrix[j, j]


@kernel
def _fill(drawn: Array, near: Array, relative: Array) -> None:
    """Write what is `drawn`, less its maximum; float32 (h, w, 3).

    The last channel of `drawn` and `near`, its average around each cell, is 1 where something is drawn. Cells that the rim of
    the mesh only touches are read, too: they take the light of their neighbours. With nothing drawn, all is 0.
    """
    level = np.float32(-3e38)
    for y in range(drawn.shape[0]):
        for x in range(drawn.shape[1]):
            if drawn[y, x, 3] > 0:
                level = max(level, drawn[y, x, 0], drawn[y, x, 1], drawn[y, x, 2])
    if level < -1e38:
        level = np.float32(0)
    # The brightest parts stay as they are: nothing clips at white before the light map is applied.
    for y in range(drawn.shape[0]):
        for x in range(drawn.shape[1]):
            share = np.float32(1) / (near[y, x, 3] + np.float32(1e-6))
            for c in range(3):
                relative[y, x, c] = (drawn[y, x, c] if drawn[y, x, 3] > 0 else near[y, x, c] * share) - level


@cache
def skin_prior() -> Floats:
    """Skin in even light, people on average: float32 (SIDE, SIDE, 3), 1 = a person's mean colour; shared, read-only."""
    content = np.frombuffer(resources.files("mien").joinpath("assets/skin_prior.png").read_bytes(), np.uint8)
    return locked(np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.float32) / np.float32(128))


@cache
def _skin() -> Floats:
    """float32 (SIDE, SIDE), 1 on skin, 0 on eyes, mouth and beside the face."""
    triangle = texel_map(SIDE).triangle
    skin = ((triangle >= 0) & (triangle < len(landmark_sets.skin_triangles()))).astype(np.float32)
    return locked(np.asarray(cv2.erode(skin, np.ones((3, 3), np.uint8), borderValue=1), np.float32))


@cache
def _steady() -> Floats:
    """float32 (SIDE, SIDE), the trust in fine light: less at rims, where the mesh may sit a little wrong."""
    steady = _skin().copy()
    parts = (
        (landmark_sets.OUTER_LIPS, 0.35),
        (landmark_sets.RIGHT_BROW, 0.5),
        (landmark_sets.LEFT_BROW, 0.5),
        (landmark_sets.NOSE_UNDERSIDE, 0.5),
    )
    for loop, least in parts:
        part = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(part, cv2.convexHull((_texel_points()[list(loop)]).round().astype(np.int32)), 255)
        steady = np.minimum(steady, np.where(cv2.dilate(part, np.ones((3, 3), np.uint8)) > 0, least, 1))
    return locked(np.asarray(cv2.GaussianBlur(steady.astype(np.float32), (0, 0), 1.0), np.float32))


@cache
def _texel_points() -> Floats:
    return np.ascontiguousarray(face_model().uv * np.float32(SIDE) - np.float32(0.5), np.float32)


@cache
def _basis() -> _Basis:
    triangles, shape = texel_map(SIDE).triangles, face_model().shape
    a, b, c = (shape[triangles[:, corner]] for corner in range(3))
    normals = np.zeros((len(shape), 3), np.float32)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], np.cross(b - a, c - a))
    texels = texel_map(SIDE)
    each = (normals[texels.corners] * texels.weights[..., None]).sum(2)
    each = cv2.GaussianBlur(each, (0, 0), 1.0)
    each /= np.maximum(np.linalg.norm(each, axis=2, keepdims=True), 1e-6)
    # Skin that is seen only from the side was not fitted: it is lit like the nearest that was.
    flat = np.sqrt(np.square(each[:, :, :2]).sum(2, keepdims=True))
    steepest = float(np.sqrt(1 - TUNING.min_facing**2))
    held = np.concatenate([each[:, :, :2] * np.minimum(1, steepest / np.maximum(flat, 1e-6)), each[:, :, 2:]], axis=2)
    held[:, :, 2] = np.copysign(np.maximum(np.abs(each[:, :, 2]), TUNING.min_facing), each[:, :, 2])
    harmonics = _harmonics(held)
    plain = (_skin() * (_steady() > 0.9)).astype(np.float32)
    size_wh = FIT_SIDE, FIT_SIDE
    # Towards the rim the mean face is made of hair and ears, too.
    plain *= np.abs(each[:, :, 2]) > TUNING.min_facing
    fitted = np.flatnonzero(cv2.resize(plain, size_wh, interpolation=cv2.INTER_AREA) > 0.9)
    skin = cv2.resize(skin_prior() @ LUMA, size_wh, interpolation=cv2.INTER_AREA).ravel()[fitted]
    small = cv2.resize(harmonics, size_wh, interpolation=cv2.INTER_AREA).reshape(-1, 9)[fitted]
    return _Basis(harmonics, fitted, skin.astype(np.float32), small.astype(np.float32))


def _harmonics(normals: Floats) -> Floats:
    """The nine spherical harmonics up to the second order, without their constants; float32 (..., 9)."""
    x, y, z = np.moveaxis(normals, -1, 0)
    rows = [np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1]
    return np.stack(rows, axis=-1).astype(np.float32)

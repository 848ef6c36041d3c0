"""Light on a face, told from its texture: how the face is lit now, and how far the frames before saw it otherwise.

Textures lie in texels as in `mien.face.texels`, BGR. Light is a factor for each texel and channel. What the face as a whole
takes from the picture, its tone and the broad fall of light, is `colour.light_map`'s; here is what lies between that and
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
from mien.imaging.kernels import kernel
from mien.imaging.raster import draw_values
from mien.types import Array, Floats, Image, Mask

SIDE = 64
"""Texels of a side of a light texture."""
_FIT_SIDE = 32
_BLACK = 3.0
"""Added to both sides of a ratio of brightnesses, so that noise in the dark does not explode."""
_FINE, _BROAD = 0.9, 4.0
"""Sigmas in texels: of the finest light that is told from misplaced features, and of light whose colour counts."""
_MOST_FINE = 2.5
_MOST = 6.0
"""Bounds of the fine part of the light, and of light as a whole."""
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)
_STIFFNESS = (1e-6, 0.03, 0.03, 0.03, 0.15, 0.15, 0.15, 0.15, 0.15)
"""How much each spherical harmonic is held towards nothing."""
_EVEN = 0.08
"""Deviation of brightness that people show in even light."""
_DARKEST = 0.12
_LEAST_FACING = 0.35
_STEEPEST = float(np.sqrt(1 - _LEAST_FACING**2))
_GRID = 96
"""Cells along the longer side of a map of gains."""


@dataclass(frozen=True, slots=True)
class _Basis:
    """`harmonics` float32 (n, 9) of the mean face's normals at all texels of a light texture, and how it is fitted.

    `fitted` are the places, in a flattened texture of `_FIT_SIDE`, that show plain skin; `skin` float32 (n,) is how bright
    it is there in even light; `basis` float32 (n, 9).
    """

    harmonics: Floats
    fitted: Array
    skin: Floats
    basis: Floats


def light_of(now: Image, mean: Floats, seen: Floats) -> Floats:
    """How a face is lit `now` as a multiple of how its `mean` texture is; float32 (SIDE, SIDE, 3).

    `now` is uint8 and `mean` float32 (n, n, 3), n a multiple of SIDE; `seen` float32 (n, n), 0..1, tells how much each texel
    of both is worth. Where nothing is seen the light of the surroundings goes on.
    """
    small = np.empty((SIDE, SIDE, 7), np.float32)
    _gather(now, mean, seen, small)
    fine = cv2.GaussianBlur(small, (0, 0), _FINE, borderType=cv2.BORDER_CONSTANT)
    # Eyes and mouth open and close: the skin round them says how they are lit.
    quarter_wh = SIDE // 4, SIDE // 4
    skin = cv2.resize(small * _skin()[:, :, None], quarter_wh, interpolation=cv2.INTER_AREA)
    broad = cv2.GaussianBlur(skin, (0, 0), _BROAD / 4, borderType=cv2.BORDER_CONSTANT)
    broad = broad + np.float32(0.02) * cv2.GaussianBlur(broad, (0, 0), _BROAD, borderType=cv2.BORDER_CONSTANT)
    colour = cv2.resize(_ratio(broad), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    tone = colour @ _LUMA
    grey = (fine[:, :, :3] @ _LUMA + _BLACK * fine[:, :, 6]) / (fine[:, :, 3:6] @ _LUMA + _BLACK * fine[:, :, 6] + 1e-6)
    detail = np.clip(grey / tone, 1 / _MOST_FINE, _MOST_FINE)
    trust = _steady() * np.clip(2 * fine[:, :, 6] - 0.2, 0, 1)
    light: Floats = np.clip(colour * (1 + trust * (detail - 1))[:, :, None], 1 / _MOST, _MOST).astype(np.float32)
    return light


def lasting_light(mean: Floats, seen: Floats) -> Floats:
    """How the mean texture of a face is lit against even light; float32 (SIDE, SIDE), about 1.

    The face's skin in even light is taken for that of people in the mean; what differs from it as a lamp's light would on
    the shape of a face (nine spherical harmonics: Ramamoorthi, Hanrahan 2001) is light, the rest is the person.
    """
    basis = _basis()
    size_wh = _FIT_SIDE, _FIT_SIDE
    grey = cv2.resize(mean @ _LUMA, size_wh, interpolation=cv2.INTER_AREA).ravel()[basis.fitted]
    weight = cv2.resize(seen, size_wh, interpolation=cv2.INTER_AREA).ravel()[basis.fitted]
    total = float((weight * basis.skin).sum())
    if total < 0.1 * float(basis.skin.sum()):
        return np.ones((SIDE, SIDE), np.float32)
    # A brightness of 1 in the mean, so that the stiffness means the same in every picture.
    level = float((weight * grey).sum()) / total
    wanted = grey / (level * basis.skin + 1e-6)
    certain = weight.copy()
    for _ in range(2):
        weighted = basis.basis * certain[:, None]
        matrix = weighted.T @ basis.basis / certain.sum() + np.diag(np.asarray(_STIFFNESS, np.float32))
        coefficients = np.linalg.solve(matrix, weighted.T @ wanted / certain.sum())
        # A beard, a mole, a lock of hair are not light.
        misfit = np.abs(wanted - basis.basis @ coefficients)
        certain = weight * np.clip(0.25 / (misfit + 1e-6), 0, 1)
    told = basis.harmonics @ coefficients
    # The little that a face differs from others in even light is rather its shape than a lamp.
    strength = float(np.var(basis.basis @ coefficients))
    told = 1 + (told - 1) * strength / (strength + _EVEN**2)
    light: Floats = np.maximum(told, _DARKEST).reshape(SIDE, SIDE).astype(np.float32)
    return light


def gains(light: Floats, points: Floats, mask: Mask, strength: float) -> Floats:
    """The map for `raster.shade` that puts `light` (SIDE, SIDE, 3) on a crop, relative to where it is brightest.

    `points` float32 (478, 3) are the landmarks in the crop's pixels; `mask` uint8 (h, w) as of the crop. The result is
    float32 (gh, gw, 3), at most 1: the level is `colour.light_map`'s. strength 0 changes nothing.
    """
    height, width = mask.shape
    scale = min(1.0, _GRID / max(height, width))
    rows, columns = max(4, round(height * scale)), max(4, round(width * scale))
    ratio = np.array([columns / width, rows / height, scale], np.float32)
    local = points * ratio
    local[:, :2] += 0.5 * ratio[:2] - 0.5
    drawn, depth = np.zeros((rows, columns, 3), np.float32), np.empty((rows, columns), np.float32)
    draw_values(texel_map(SIDE).triangles, local, _texel_points(), np.log(light), drawn, depth)
    cover = (depth < 1e38).astype(np.float32)
    if not cover.any():
        return np.ones((rows, columns, 3), np.float32)
    # Cells that the rim of the mesh only touches are read, too: they take the light of their neighbours.
    near = cv2.blur(np.dstack([drawn, cover]), (5, 5))
    filled = np.where(cover[:, :, None] > 0, drawn, near[:, :, :3] / (near[:, :, 3:] + np.float32(1e-6)))
    # Brightest parts stay as they are: nothing is cut off at white before the light map has had its say.
    level = float(drawn[cover > 0].max())
    return np.asarray(np.exp(strength * (filled - level)), np.float32)


def _ratio(stack: Array) -> Floats:
    black = _BLACK * stack[:, :, 6:] + 1e-6
    return np.asarray((stack[:, :, :3] + black) / (stack[:, :, 3:6] + black), np.float32)


@kernel
def _gather(now: Array, mean: Array, seen: Array, small: Array) -> None:
    """Sums of now (3), mean (3) and 1 (1), each times seen, over the texels of each texel of `small`, as their mean."""
    step = now.shape[0] // small.shape[0]
    share = np.float32(1.0 / (step * step))
    for v in range(small.shape[0]):
        for u in range(small.shape[1]):
            for k in range(7):
                small[v, u, k] = 0
            for y in range(v * step, v * step + step):
                for x in range(u * step, u * step + step):
                    weight = seen[y, x] * share
                    for c in range(3):
                        small[v, u, c] += np.float32(now[y, x, c]) * weight
                        small[v, u, 3 + c] += mean[y, x, c] * weight
                    small[v, u, 6] += weight


@cache
def skin_prior() -> Floats:
    """Skin in even light, people in the mean: float32 (SIDE, SIDE, 3), 1 = a person's mean colour; shared, read-only."""
    content = np.frombuffer(resources.files("mien").joinpath("assets/skin_prior.png").read_bytes(), np.uint8)
    prior = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.float32) / np.float32(128)
    prior.flags.writeable = False
    return prior


@cache
def _skin() -> Floats:
    """float32 (SIDE, SIDE), 1 on skin, 0 on eyes, mouth and beside the face."""
    triangle = texel_map(SIDE).triangle
    skin = ((triangle >= 0) & (triangle < len(landmark_sets.skin_triangles()))).astype(np.float32)
    eroded: Floats = np.asarray(cv2.erode(skin, np.ones((3, 3), np.uint8), borderValue=1), np.float32)
    eroded.flags.writeable = False
    return eroded


@cache
def _steady() -> Floats:
    """float32 (SIDE, SIDE), how far fine light is believed: less at rims, where the mesh may sit a little wrong."""
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
    smooth: Floats = np.asarray(cv2.GaussianBlur(steady.astype(np.float32), (0, 0), 1.0), np.float32)
    smooth.flags.writeable = False
    return smooth


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
    # What is seen only from the side was not fitted: it is lit like the nearest that was.
    flat = np.sqrt(np.square(each[:, :, :2]).sum(2, keepdims=True))
    held = np.concatenate([each[:, :, :2] * np.minimum(1, _STEEPEST / np.maximum(flat, 1e-6)), each[:, :, 2:]], axis=2)
    held[:, :, 2] = np.copysign(np.maximum(np.abs(each[:, :, 2]), _LEAST_FACING), each[:, :, 2])
    harmonics = _harmonics(held)
    plain = (_skin() * (_steady() > 0.9)).astype(np.float32)
    size_wh = _FIT_SIDE, _FIT_SIDE
    # Towards the rim the mean face is made of hair and ears, too.
    plain *= np.abs(each[:, :, 2]) > _LEAST_FACING
    fitted = np.flatnonzero(cv2.resize(plain, size_wh, interpolation=cv2.INTER_AREA) > 0.9)
    skin = cv2.resize(skin_prior() @ _LUMA, size_wh, interpolation=cv2.INTER_AREA).ravel()[fitted]
    small = cv2.resize(harmonics, size_wh, interpolation=cv2.INTER_AREA).reshape(-1, 9)[fitted]
    return _Basis(harmonics.reshape(-1, 9), fitted, skin.astype(np.float32), small.astype(np.float32))


def _harmonics(normals: Floats) -> Floats:
    """The nine spherical harmonics up to the second order, without their constants; float32 (..., 9)."""
    x, y, z = np.moveaxis(normals, -1, 0)
    rows = [np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1]
    return np.stack(rows, axis=-1).astype(np.float32)

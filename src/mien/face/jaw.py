"""The lower face and the neck in a coarse picture, with what the mesh says of each pixel."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.face.texels import texel_map, wrap
from mien.imaging import geometry
from mien.imaging.area import area_means
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.draw import carry_values
from mien.types import Affine, Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class JawTuning:
    """The coarse picture; lengths are in eye distances. Chosen by eye."""

    scale: float = 24.0
    """Pixels of the coarse picture for an eye distance; bounds the time."""
    top: float = -0.2
    """Height in the mean face from which downwards it is looked at: the brows."""
    margin: float = 0.15
    """Picture beside the oval that is looked at."""
    reach: float = 0.7
    """Most of the picture beside the box of the landmarks that is looked at, in eye distances of the picture: nothing may be
    changed farther away than the reshape reaches, 0.76."""
    black: float = 8.0
    """Levels added before a ratio or a logarithm, so that noise in the dark does not explode."""
    covered: float = 160.0
    """Level of the occlusion mask, of 255, from which nothing is seen of a jaw."""


TUNING = JawTuning()

_FEATURES = (
    landmark_sets.OUTER_LIPS,
    landmark_sets.RIGHT_LIDS,
    landmark_sets.LEFT_LIDS,
    landmark_sets.RIGHT_BROW,
    landmark_sets.LEFT_BROW,
    landmark_sets.NOSE_UNDERSIDE,
)
"""Parts that are neither skin nor beard."""


@dataclass(frozen=True, slots=True)
class Window:
    """The whole pixels `box_xyxy` of a picture around a face and the neck below it, and their size at the coarse scale."""

    box_xyxy: tuple[int, int, int, int]
    size_wh: tuple[int, int]

    def to_coarse(self) -> Affine:
        """Return the transform from the picture to the coarse one."""
        left, top, right, bottom = self.box_xyxy
        x, y = self.size_wh[0] / (right - left), self.size_wh[1] / (bottom - top)
        return np.array([[x, 0, (0.5 - left) * x - 0.5], [0, y, (0.5 - top) * y - 0.5]], np.float64)

    def coarse(self, image: Image) -> Floats:
        """Return the picture within the window at the coarse scale, float32 (h, w, 3)."""
        return area_means(image, self.box_xyxy, self.size_wh).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SkinInView:
    """Landmarks `points` (478, 2) in a coarse picture; where there is `bare` skin and what is `free`, both as in `JawPart`."""

    points: Floats
    bare: Floats
    free: Floats

    @property
    def seen(self) -> Array:
        """bool (h, w): pixels of bare skin with nothing before them."""
        return np.asarray((self.bare > 0.5) & (self.free > 0.8))


@dataclass(frozen=True, slots=True)
class JawPart:
    """The coarse picture around a jaw and what the mesh says of it.

    `picture` and `normals` float32 (h, w, 3); `points` float32 (478, 2) in its pixels; `down` (2,) is the way from forehead to
    chin; `oval`, `area` (where beards grow), `bare` (surely skin), `features`, `free` of occluders and `rough`, the fine
    detail relative to the brightness, float32 (h, w), all but the last 0..1.
    """

    picture: Floats
    points: Floats
    down: Array
    normals: Floats
    oval: Floats
    area: Floats
    bare: Floats
    features: Floats
    free: Floats
    rough: Floats


def window_of(image: Image, points: Floats, below: float) -> Window | None:
    """Return the window of a face with landmarks (478, 3) that reaches from its brows to `below` eye distances under its jaw.

    None when too little of it is in the picture.
    """
    unit, down = _unit(points), _down(points)
    under = points[[152, *landmark_sets.FACE_OVAL[9:28]], :2] + down * (unit * (below + TUNING.margin))
    x1, y1, x2, y2 = geometry.box_of(np.vstack([points[_lower(), :2], under]))
    side = TUNING.margin * unit
    right, left = landmark_sets.EYE_CORNERS
    most = TUNING.reach * float(np.linalg.norm(points[right, :2] - points[left, :2]))
    low_x, low_y, high_x, high_y = geometry.box_of(points)
    x1, y1, x2, y2 = max(x1 - side, low_x - most), max(y1, low_y - most), min(x2 + side, high_x + most), min(y2, high_y + most)
    box = geometry.clipped_box((x1, y1, x2, y2), image.shape[1], image.shape[0])
    across, along = box[2] - box[0], box[3] - box[1]
    if min(across, along) < unit / 2 or min(across, along) < 8:
        return None
    return Window(box, (max(8, round(across * TUNING.scale / unit)), max(8, round(along * TUNING.scale / unit))))


@cache
def _lower() -> Array:
    """The landmarks from the brows down."""
    return locked(np.flatnonzero(face_model().shape[:, 1] > TUNING.top))


def smoothed(picture: Floats) -> Floats:
    """Return a coarse picture as `BeardView.seen` has it."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.float32)


def tone_of(picture: Floats, points: Floats) -> Floats:
    """Return the mean colour of cheeks and nose in a coarse picture with landmarks (478, 2); float32 (3,)."""
    spots = points[_bare()].round().astype(np.int32)
    inside = ((spots >= 0) & (spots < picture.shape[1::-1])).all(axis=1)
    if not inside.any():
        return np.ones(3, np.float32)
    return np.asarray(picture[spots[inside, 1], spots[inside, 0]].mean(axis=0), np.float32)


@cache
def _bare() -> Array:
    return locked(np.array([point for part in landmark_sets.BARE_SKIN for point in part]))


def uncovered(local: Floats, size_wh: tuple[int, int], occluder: Mask | None) -> Floats:
    """Return where nothing lies before the face with landmarks (478, 2) in a coarse picture, 0..1, float32 (h, w)."""
    if occluder is None or not occluder.any():
        return np.ones(size_wh[::-1], np.float32)
    hidden = cv2.GaussianBlur(cv2.dilate(wrap(occluder, local, size_wh), np.ones((5, 5), np.uint8)), (0, 0), 1.0)
    return np.asarray(1 - np.minimum(hidden.astype(np.float32) / np.float32(TUNING.covered), 1), np.float32)


def skin_in_view(points: Floats, window: Window, occluder: Mask | None) -> SkinInView:
    local = geometry.apply(window.to_coarse(), points[:, :2])
    bare = _filled(_hulls(local, landmark_sets.BARE_SKIN), window.size_wh[::-1])
    return SkinInView(local, bare, uncovered(local, window.size_wh, occluder))


def jaw_part(image: Image, points: Floats, window: Window, skin: SkinInView) -> JawPart:
    local = skin.points
    picture = window.coarse(image)
    normals = np.zeros((*picture.shape[:2], 3), np.float32)
    carry_values(texel_map().triangles, local, _normals(points), normals)
    small = picture.shape[:2]
    left, top, right, bottom = window.box_xyxy
    return JawPart(
        picture,
        local,
        _down(points),
        normals,
        _filled(local[None, list(landmark_sets.FACE_OVAL)], small),
        np.asarray(cv2.dilate(_filled(_hulls(local, (landmark_sets.BEARD,)), small), np.ones((5, 5))), np.float32),
        skin.bare,
        _filled(_hulls(local, _FEATURES), small),
        skin.free,
        _roughness(image[top:bottom, left:right], picture, _unit(points)),
    )


def shade_of(part: JawPart, lit: Array) -> Floats:
    """Return the brightness that the light gives each pixel of the face, fitted to the normals of the skin `lit`; 1 = usual."""
    luma = part.picture[lit] @ LUMA
    wanted = luma / np.median(luma)
    terms = np.column_stack([np.ones(len(wanted)), part.normals[lit]]).astype(np.float64)
    stiff = np.diag([3e-4, 0.018, 0.018, 0.018]) * len(wanted)
    weight, found = np.ones(len(wanted)), np.zeros(4)
    for _ in range(3):
        weighted = terms * weight[:, None]
        found = np.linalg.solve(weighted.T @ terms + stiff, weighted.T @ wanted)
        weight = 1 / (1 + np.square((wanted - terms @ found) / 0.08))
    drawn = np.abs(part.normals).sum(axis=2) > 0
    shade = np.clip(found[0] + part.normals @ found[1:], 0.45, 1.35).astype(np.float32)
    # The outermost normals look to the side; beyond them there are none.
    core = cv2.erode(drawn.view(np.uint8), np.ones((3, 3), np.uint8))
    return spread_out(shade, weights(core), 1.0 + 0.04 * TUNING.scale)


def _normals(points: Floats) -> Floats:
    """Return the unit normal of each landmark, float32 (478, 3); 0 for one without a triangle."""
    triangles = texel_map().triangles
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    order, starts, used = _corners()
    total = np.zeros((len(points), 3), np.float32)
    total[used] = np.add.reduceat(across[order // 3], starts, axis=0)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9), np.float32)


@cache
def _corners() -> tuple[Array, Array, Array]:
    """The corners of all triangles sorted by landmark, where each landmark's begin, and the landmarks."""
    flat = texel_map().triangles.ravel()
    order = np.argsort(flat, kind="stable")
    used, starts = np.unique(flat[order], return_index=True)
    return locked(order), locked(starts), locked(used)


def _roughness(full: Image, picture: Floats, unit: float) -> Floats:
    """Return the mean fine detail of each coarse pixel as a share of its brightness, float32 (h, w)."""
    grey = cv2.cvtColor(full, cv2.COLOR_BGR2GRAY)
    size = max(3, 2 * round(0.02 * unit) + 1)
    fine = cv2.absdiff(grey, cv2.blur(grey, (size, size)))
    mean = cv2.resize(fine, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma = cv2.GaussianBlur(picture, (0, 0), 1.0) @ LUMA
    return np.asarray(cv2.GaussianBlur(mean, (0, 0), 1.0) / (luma + np.float32(TUNING.black)), np.float32)


def spread_out(picture: Floats, weight: Floats, sigma: float) -> Floats:
    """Return a smoothed picture (h, w) or (h, w, 3) that goes on where its weight (h, w) is 0; far away it is the mean."""
    share = weight if picture.ndim == 2 else weight[:, :, None]
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    mean = (picture * share).sum((0, 1)) / max(float(weight.sum()), 1e-6)
    least = np.float32(1e-3)
    blurred = cv2.GaussianBlur(np.asarray(picture * share, np.float32), (0, 0), sigma) + least * mean
    return np.asarray(blurred / ((total if picture.ndim == 2 else total[:, :, None]) + least), np.float32)


def weights(values: Array) -> Floats:
    return np.ascontiguousarray(values, np.float32)


def _hulls(local: Floats, parts: tuple[tuple[int, ...], ...]) -> list[Array]:
    return [cv2.convexHull(local[list(part)])[:, 0] for part in parts]


def _filled(loops: Array | list[Array], shape: tuple[int, ...]) -> Floats:
    """Return the area within loops of points (n, 2), with smooth edges, float32 (h, w), 0..1."""
    mask = np.zeros(shape, np.uint8)
    for loop in loops:
        cv2.fillPoly(mask, [(loop * 16).round().astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask / np.float32(255), np.float32)


def _unit(points: Floats) -> float:
    """Return the distance of the outer corners of the eyes in space, in pixels."""
    right, left = landmark_sets.EYE_CORNERS
    return max(float(np.linalg.norm(points[right] - points[left])), 1.0)


def _down(points: Floats) -> Array:
    """Return the way from forehead to chin in the picture, of length 1."""
    way = points[152, :2] - points[10, :2]
    return np.asarray(way / max(float(np.hypot(*way)), 1e-6))

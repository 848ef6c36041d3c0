"""Measures: pure functions of pictures and landmarks; docs/evaluate.md has their formulas.

Pictures are BGR uint8, landmarks float32 (478, 3) in picture pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import head_pose
from mien.imaging import geometry
from mien.types import Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class SeamTuning:
    """Geometry of the seam measures; lengths in eye distances unless they are pixels."""

    samples: int = 360  # points along the oval
    ring_pixels: int = 3  # either side of the seam
    depths: tuple[float, ...] = (0.0, 0.05, 0.1)  # inside the oval; the engine fades in over 0.1
    sectors: int = 8  # parts of the oval of which the worst is reported
    stretches: int = 24  # parts of the oval along which texture averages out
    inside: float = 0.16  # inside the oval; the face is drawn in full there
    min_step_levels: float = 0.5  # added to both sides of a ratio, so that a smooth target does not inflate it


SEAM = SeamTuning()

_MOBILE = tuple(
    sorted(
        {61, 291, 0, 17, 13, 14, 37, 267, 39, 269, 84, 314, 181, 405, 78, 308, 82, 312, 87, 317}
        | {159, 145, 386, 374, 158, 153, 385, 380, 160, 144, 387, 373}
        | {70, 63, 105, 66, 107, 336, 296, 334, 293, 300}
        | {152, 148, 377, 176, 400}
    )
)
"""Landmarks that an expression moves: lips, lids, brows and chin."""
_EXPRESSIONS = {
    "mouth open": ((13, 14),),
    "mouth width": ((61, 291),),
    "right mouth corner up": ((61, 33),),
    "left mouth corner up": ((291, 263),),
    "right eye open": ((159, 145),),
    "left eye open": ((386, 374),),
    "right brow up": ((105, 159),),
    "left brow up": ((334, 386),),
    "brows apart": ((107, 336),),
    "jaw down": ((1, 152),),
    "lips thick": ((0, 13), (14, 17)),
}
"""Sums of landmark distances whose changes are expressions."""
_PROPORTIONS = {
    "jaw width": ((172, 397),),
    "cheek width": ((234, 454),),
    "temple width": ((127, 356),),
    "inner eye distance": ((133, 362),),
    "eye width": ((33, 133), (362, 263)),
    "nose width": ((129, 358),),
    "nose length": ((168, 2),),
    "upper lip to nose": ((2, 0),),
    "mouth width": ((61, 291),),
    "lip height": ((0, 17),),
    "chin height": ((17, 152),),
    "brow height": ((105, 159), (334, 386)),
    "face height": ((10, 152),),
}
"""Sums of landmark distances in the head frame that make the proportions of a face."""


def pose_error(points: Floats, wanted: Floats) -> float:
    """Return the degrees between the head poses of two sets of landmarks."""
    rigid = list(landmark_sets.RIGID_POINTS)
    rotation = geometry.rotation_between(wanted[rigid], points[rigid])
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def pose_axes(points: Floats, wanted: Floats) -> tuple[float, float, float]:
    """Return the signed differences of pitch, yaw and roll in degrees; each pose is relative to the mean face."""
    own, other = (geometry.angles_of(head_pose(face).rotation) for face in (points, wanted))
    pitch, yaw, roll = ((a - b + 180) % 360 - 180 for a, b in zip(own, other, strict=True))
    return pitch, yaw, roll


def landmark_error(points: Floats, wanted: Floats) -> float:
    """Return the mean distance of the skin's landmarks in percent of the distance between the outer eye corners."""
    right, left = landmark_sets.EYE_CORNERS
    skin = slice(0, landmark_sets.SKIN_POINTS)
    distance = np.linalg.norm(points[skin, :2] - wanted[skin, :2], axis=1).mean()
    return float(100 * distance / np.linalg.norm(wanted[right, :2] - wanted[left, :2]))


def expression_error(points: Floats, wanted: Floats) -> float:
    """Return the root mean square distance of lips, lids, brows and chin in the head frame, percent of the eye distance."""
    own, other = (head_pose(face).unplace(face)[list(_MOBILE), :2] for face in (points, wanted))
    return float(100 * np.sqrt(np.square(own - other).sum(1).mean()))


def expressions(points: Floats) -> dict[str, float]:
    """Return the openings of mouth, lids, brows and jaw in the head frame, in eye distances."""
    return _distances(points, _EXPRESSIONS)


def proportions(points: Floats) -> dict[str, float]:
    """Return lengths and widths of the face in the head frame, in eye distances."""
    return _distances(points, _PROPORTIONS)


def gaze_error(points: Floats, wanted: Floats) -> float:
    """Return the mean distance of the iris centres, each relative to its eye corners, percent of the eye distance."""
    offsets = []
    for face in (points, wanted):
        flat = face[:, :2]
        scale = np.linalg.norm(flat[landmark_sets.EYE_CORNERS[0]] - flat[landmark_sets.EYE_CORNERS[1]])
        right = flat[landmark_sets.RIGHT_IRIS] - flat[[33, 133]].mean(0)
        left = flat[landmark_sets.LEFT_IRIS] - flat[[362, 263]].mean(0)
        offsets.append(np.stack([right, left]) / scale)
    return float(100 * np.linalg.norm(offsets[0] - offsets[1], axis=1).mean())


def _distances(points: Floats, pairs: dict[str, tuple[tuple[int, int], ...]]) -> dict[str, float]:
    shape = head_pose(points).unplace(points)
    return {
        name: float(sum(np.linalg.norm(shape[a] - shape[b]) for a, b in ends)) for name, ends in pairs.items()
    }  # fmt: skip


def seam(result: Image, worn: Floats, target: Image, own: Floats) -> tuple[float, float]:
    """Return how much steeper the result is across the face's border than the target: all round, and in the worst eighth.

    `worn` are the landmarks as drawn, `own` the target's. Of three rings, 0, 0.05 and 0.1 eye distances inside the oval, the
    steepest counts.
    """
    ratios = []
    for depth in SEAM.depths:
        new, old = _across(result, worn, depth), _across(target, own, depth)
        sectors = [
            float((a.mean() + SEAM.min_step_levels) / (b.mean() + SEAM.min_step_levels))
            for a, b in zip(np.array_split(new, SEAM.sectors), np.array_split(old, SEAM.sectors), strict=True)
        ]
        ratios.append((float(new.mean() / max(old.mean(), 1e-6)), max(sectors)))
    return max(whole for whole, _ in ratios), max(worst for _, worst in ratios)


def seam_step(result: Image, worn: Floats, target: Image, own: Floats) -> float:
    """Return the step in tone at the border, in grey levels.

    It is the change of the result inside the border minus that outside, in the mean over stretches of the oval; texture
    averages out along a stretch.
    """
    inside = change_inside(result, worn, target, own)
    # Of the ring at the border the half that lies beyond it.
    outside = _in_stretches((_ribbon(result, worn, 0.0) - _ribbon(target, own, 0.0))[:, SEAM.ring_pixels + 1 :])
    return float(np.abs(inside - outside).mean())


def change_inside(result: Image, worn: Floats, target: Image, own: Floats) -> Floats:
    """Return the change in luminance just inside the border, in grey levels, in the mean of each stretch; float32 (24,)."""
    return _in_stretches(_ribbon(result, worn, SEAM.inside) - _ribbon(target, own, SEAM.inside))


def _in_stretches(change: Floats) -> Floats:
    return np.array([part.mean() for part in np.array_split(change, SEAM.stretches)], np.float32)


def _across(image: Image, points: Floats, depth: float) -> Floats:
    """Return the mean luminance step from pixel to pixel across the oval, at points along it; float32 (360,)."""
    return np.asarray(np.abs(np.diff(_ribbon(image, points, depth), axis=1)).mean(1), np.float32)


def _ribbon(image: Image, points: Floats, depth: float) -> Floats:
    """Return luminance along the oval, `depth` eye distances inside it, 3 pixels either side, outwards; float32 (360, 7)."""
    oval = points[list(landmark_sets.FACE_OVAL), :2].astype(np.float64)
    right, left = landmark_sets.EYE_CORNERS
    eyes = float(np.linalg.norm(points[right] - points[left]))
    closed = np.vstack([oval, oval[:1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, along[-1], SEAM.samples, endpoint=False)
    line = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    tangent = np.roll(line, -6, axis=0) - np.roll(line, 6, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    # The oval runs clockwise in the picture, so that this normal points outwards.
    offsets = np.arange(-SEAM.ring_pixels, SEAM.ring_pixels + 1) - depth * eyes
    grid = (line[:, None, :] + offsets[None, :, None] * normal[:, None, :]).astype(np.float32)
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 1.0)
    values = cv2.remap(grey, grid[:, :, 0], grid[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float32)


def face_mask(points: Floats, shape: tuple[int, ...], shrink: float = 0.0) -> Mask:
    """Return the face's oval, filled; uint8 (h, w), 255 inside. `shrink` scales it down, as a share."""
    oval = points[list(landmark_sets.FACE_OVAL), :2]
    middle = oval.mean(0)
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(middle + (1 - shrink) * (oval - middle)).astype(np.int32)], 255)
    return mask


def coarse_luminance(image: Image, mask: Mask, sigma: float) -> Floats:
    """Return luminance inside the mask, smoothed from inside only; float32 (h, w), 0 outside."""
    inside = (mask > 0).astype(np.float32)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32) * inside
    weight = cv2.GaussianBlur(inside, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    smooth = cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(smooth / np.maximum(weight, 1e-6) * inside, np.float32)


def correlation(a: Array, b: Array) -> float:
    """Return Pearson's correlation of two arrays of one size; 0 when one of them is flat."""
    a, b = a.ravel().astype(np.float64) - float(a.mean()), b.ravel().astype(np.float64) - float(b.mean())
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 1e-9 else 0.0


def shift_between(image: Image, reference: Image, mask: Mask) -> tuple[float, float]:
    """Return the shift (x, y), in pixels, of the masked part of `image` against `reference`.

    Iterates the least squares of Lucas and Kanade (1981); valid for shifts of a few pixels.
    """
    weight = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 3.0)
    fixed, moving = (
        cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 1.5)
        for picture in (reference, image)
    )
    slope_x, slope_y = (cv2.Sobel(fixed, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    a, b, c = (float((weight * p * q).sum()) for p, q in ((slope_x, slope_x), (slope_x, slope_y), (slope_y, slope_y)))
    system = np.array([[a, b], [b, c]])
    shift = np.zeros(2)
    if abs(np.linalg.det(system)) < 1e-6:
        return 0.0, 0.0
    for _ in range(8):
        to_moving = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
        size_wh = moving.shape[1], moving.shape[0]
        there = cv2.warpAffine(
            moving, to_moving, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )  # fmt: skip
        difference = weight * (fixed - there)
        step = np.linalg.solve(system, [float((difference * slope_x).sum()), float((difference * slope_y).sum())])
        shift += step
        if float(np.abs(step).max()) < 0.002:
            break
    return float(shift[0]), float(shift[1])

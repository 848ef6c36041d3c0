"""The wearer's glasses, taken off the picture on request: rims, side arms and their shadows, inside and outside the face."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.area import area_means
from mien.imaging.arrays import locked
from mien.imaging.guided_filter import refined
from mien.models.format.parsing import FaceClass
from mien.settings import Settings
from mien.types import Affine, Floats, Image, Mask, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class OwnGlassesTuning:
    """Lengths are shares of the side of the parser's crop, a little wider than a face."""

    least: float = 0.004
    """Mean share of rims in the crop from which the wearer has glasses: bare faces reach 0.001."""
    gain: float = 2.5
    """Factor on the share of rims: thin ones never fill a pixel of the parser."""
    margin: float = 0.01
    """Width around rims that goes with them: their shadow and their blurred edge."""
    edge: float = 0.012
    """Half the width of the edge of a lens, which goes like a rim: pale rims are found by the lens that they bound."""
    longer_side: int = 320
    """Pixels of the longer side of the picture in which the rims are painted over; bounds the time."""
    reach: float = 3.0
    """Pixels of that picture from which the paint is taken."""
    painted: int = 40
    """Level of the mask from which a pixel is painted over."""
    radius: float = 0.015
    """Radius of the search for the edges of the rims."""
    doubtful: int = 50
    sure_gain: float = 2.0
    """Level of rims up to which nothing is painted where the new face does not hide it, and factor on what is above it: hair
    and background around an arm would be smeared."""
    worn: float = 0.9
    """Size of the part of the oval in which the new face hides the paint, and more is painted."""
    soft: float = 0.02
    """Width of its edge, as a share of the picture in which it is painted."""


TUNING = OwnGlassesTuning()
_SAME = locked(np.eye(2, 3))


def takes_glasses_off(settings: Settings, *, others: bool) -> bool:
    """Return True when the wearer's glasses are to go: on request, and where `others`, those of the photo, take their place."""
    return settings.glasses == "off" or (settings.source_glasses == "on" and others)


def take_off_glasses(image: Image, faces: tuple[TrackedFace, ...]) -> None:
    """Paint over the glasses of each face that wears clear ones, as the parser last saw them; BGR uint8, in place.

    Dark ones stay: nobody's eyes are known behind them.
    """
    for face in faces:
        if face.known is not None and face.known.parsed is not None and not face.known.parsed.dark:
            _take_off(image, face, face.known.parsed)


def _take_off(image: Image, face: TrackedFace, parsed: ParsedFace) -> None:
    frames = _frames_of(parsed)
    if frames is None:
        return
    side = len(frames)
    to_frame = geometry.similarity(parsed.points, face.landmarks.points[:, :2])
    x, y, width, height = cv2.boundingRect(frames)
    # Colours grow in from around: as much again on every side as the glasses are high.
    corners = np.array([[x - height, y - height], [x + width + height, y - height],
                        [x + width + height, y + 2 * height], [x - height, y + 2 * height]], np.float64)  # fmt: skip
    box = geometry.clipped_box(geometry.box_of(geometry.apply(to_frame, corners)), image.shape[1], image.shape[0])
    left, top, right, bottom = box
    if right - left < 4 or bottom - top < 4:
        return
    part = image[top:bottom, left:right]
    shrink = min(1.0, TUNING.longer_side / max(part.shape[:2]))
    size_wh = max(4, round(part.shape[1] * shrink)), max(4, round(part.shape[0] * shrink))
    small = area_means(image, box, size_wh)
    to_small = _into(to_frame, left, top, *_ratio(size_wh, part))
    mask = np.asarray(cv2.warpAffine(frames, to_small, size_wh, flags=cv2.INTER_LINEAR), np.uint8)
    radius = max(2, round(TUNING.radius * side * geometry.scale_of(to_small)))
    mask = np.maximum(mask, refined(mask, small, radius))
    beyond = np.asarray(cv2.warpAffine(_rims_alone(parsed), to_small, size_wh, flags=cv2.INTER_LINEAR), np.uint8)
    worn = _worn(geometry.apply(_into(_SAME, left, top, *_ratio(size_wh, part)), face.landmarks.points[:, :2]), size_wh)
    _fill(part, small, np.maximum(np.minimum(mask, worn), beyond))


def _frames_of(parsed: ParsedFace) -> Mask | None:
    """Return rims, arms and the edges of the lenses in the parser's crop, uint8 (side, side), 255 = goes; None without any."""
    rims = parsed.shares[FaceClass.RIM]
    if float(rims.mean()) < 255 * TUNING.least:
        return None
    side = len(rims)
    lenses = (parsed.shares[FaceClass.LENS] > 127).astype(np.uint8) * np.uint8(255)
    edges = cv2.morphologyEx(lenses, cv2.MORPH_GRADIENT, _disc(TUNING.edge * side))
    whole = np.maximum(cv2.convertScaleAbs(rims, alpha=TUNING.gain), edges)
    return np.asarray(cv2.dilate(whole, _disc(TUNING.margin * side)), np.uint8)


def _rims_alone(parsed: ParsedFace) -> Mask:
    """Return what is surely rim or arm in the parser's crop, uint8 (side, side): around it hair and background stay."""
    sure = cv2.convertScaleAbs(
        np.maximum(parsed.shares[FaceClass.RIM], TUNING.doubtful) - TUNING.doubtful, alpha=TUNING.sure_gain
    )
    return np.asarray(cv2.dilate(sure, np.ones((3, 3), np.uint8)), np.uint8)


def _worn(local: Floats, size_wh: tuple[int, int]) -> Mask:
    """Return where the new face hides what is painted, uint8 (h, w), 255 = wholly; `local` are the landmarks there."""
    mask = np.zeros(size_wh[::-1], np.uint8)
    oval = local[list(landmark_sets.FACE_OVAL)]
    middle = oval.mean(axis=0)
    cv2.fillPoly(mask, [(middle + TUNING.worn * (oval - middle)).round().astype(np.int32)], 255)
    size = 2 * round(TUNING.soft * size_wh[0]) + 1
    return np.asarray(cv2.blur(mask, (size, size)), np.uint8)


def _fill(part: Image, small: Image, mask: Mask) -> None:
    """Paint over the mask from around, in place."""
    # Lines that lead up to an arm go on behind it: the edge of a cheek, strands of hair.
    filled = cv2.inpaint(small, np.asarray(mask > TUNING.painted, np.uint8), TUNING.reach, cv2.INPAINT_TELEA)
    size_wh = part.shape[1::-1]
    wide = cv2.resize(filled, size_wh, interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(mask, size_wh, interpolation=cv2.INTER_LINEAR)[:, :, None].astype(np.float32) / 255
    part[:] = np.clip(part + (wide - part.astype(np.float32)) * share + 0.5, 0, 255).astype(np.uint8)


def _ratio(size_wh: tuple[int, int], part: Image) -> tuple[float, float]:
    return size_wh[0] / part.shape[1], size_wh[1] / part.shape[0]


def _into(to_frame: Affine, left: int, top: int, x: float, y: float) -> Affine:
    """Return the transform into a part of the frame that is resized by x and y."""
    return geometry.then(to_frame, np.array([[x, 0, (x - 1) / 2 - x * left], [0, y, (y - 1) / 2 - y * top]]))


def _disc(radius: float) -> Mask:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)

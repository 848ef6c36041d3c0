"""Shave a face: the wearer's beard gives way to the skin under it, down to the neck, before the new face is laid over it.

Without it a short beard would remain as a ring along the jaw, around the new face.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.beard import BeardView, Window, beard_view, smoothed, tone_of, uncovered, window_of
from mien.imaging import geometry
from mien.imaging.blend import resurface
from mien.imaging.smoothstep import smoothstep
from mien.swap.stages.own_beard import fullness, share_of
from mien.types import Array, Floats, Image, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class ShavingTuning:
    """When a beard is shaved, and how it is followed."""

    some: tuple[float, float] = (0.03, 0.06)
    """Mean share of the parser's class of beards between which there begins to be one."""
    sure: tuple[float, float] = (0.06, 0.12)
    """Share between which the parser hardly needs a second witness: of 90 bare faces one has 0.08, one 0.17."""
    signs: tuple[float, float] = (0.15, 0.3)
    """`BeardView.signs` between which the colours agree that there is a beard."""
    few_signs: tuple[float, float] = (0.03, 0.1)
    """The same where the parser is sure."""
    turned_degrees: tuple[float, float] = (25.0, 40.0)
    """Yaw over which a beard is shaved less and less: the outline of a turned jaw is a guess."""
    every_frames: int = 4
    """Frames between two looks at one beard, which moves with the mesh between them."""
    new_share: float = 0.35
    """Share of a new look in the mean of all: edges that tremble from look to look would be seen."""
    bent: float = 0.03
    """Mean distance of the outline from where it was expected, in eye distances, at which it is looked at again."""
    brighter: float = 2.0
    """Largest change of brightness that is followed between two looks."""


TUNING = ShavingTuning()
_OUTLINE = np.array(landmark_sets.FACE_OVAL)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one beard, and the number of frames since it was looked at."""

    view: BeardView
    age: int


class Shaving:
    """Beards of the faces of one stream of frames; give it every frame, in order. A face lost for a frame starts afresh."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._known = {}

    def shave(self, image: Image, faces: tuple[TrackedFace, ...], strength: float, *, full: bool) -> None:
        """Shave the faces in `image`, BGR uint8, in place; `strength` 0 changes nothing, 1 leaves no beard.

        A full beard is shaved only with `full`. Occluders stay in front; nothing beyond the reach of a beard is touched. A head
        that is turned away keeps its beard, and so does a face that the parser has not seen.
        """
        known: dict[int, _Known] = {}
        for face in faces:
            parsed = None if face.known is None else face.known.parsed
            if parsed is None or parsed.beard is None:
                continue
            share = strength * wanted(parsed, face.yaw, full=full)
            found = self._look(image, face, parsed) if share > 0 else None
            if found is not None:
                known[face.track_id] = found
                _lay(image, face, found.view, share * agreed(parsed, found.view.signs))
        self._known = known

    def _look(self, image: Image, face: TrackedFace, parsed: ParsedFace) -> _Known | None:
        """Return what is known of a beard in this frame; None where it cannot be seen."""
        assert parsed.beard is not None
        assert face.known is not None
        points, grown = face.landmarks.points, fullness(parsed)
        window = window_of(image, points, grown)
        before = self._known.get(face.track_id)
        if window is None:
            return None
        carried = None if before is None else _carried(before.view, image, points, window)
        if before is not None and carried is not None and before.age + 1 < TUNING.every_frames:
            return _Known(carried, before.age + 1)
        now = beard_view(image, points, parsed.beard, face.known.occluder, grown)
        if now is None or carried is None:
            return None if now is None else _Known(now, 0)
        new = np.float32(TUNING.new_share)
        skin, share = carried.skin + (now.skin - carried.skin) * new, carried.share + (now.share - carried.share) * new
        detail = carried.detail + (now.detail - carried.detail) * TUNING.new_share
        signs = carried.signs + (now.signs - carried.signs) * TUNING.new_share
        return _Known(replace(now, skin=skin, share=share, detail=detail, signs=signs), 0)


def wanted(parsed: ParsedFace, yaw: float, *, full: bool) -> float:
    """Return how far a beard is to be shaved, 0..1, of a head turned by `yaw` degrees."""
    if parsed.beard is None:
        return 0.0
    some = _ramp(share_of(parsed.beard), TUNING.some)
    return some * (1.0 if full else 1.0 - fullness(parsed)) * (1.0 - _ramp(abs(yaw), TUNING.turned_degrees))


def agreed(parsed: ParsedFace, signs: float) -> float:
    """Return how far the colours of the picture agree with the parser that there is a beard, 0..1."""
    if parsed.beard is None:
        return 0.0
    sure = _ramp(share_of(parsed.beard), TUNING.sure)
    low, high = ((1 - sure) * most + sure * least for most, least in zip(TUNING.signs, TUNING.few_signs, strict=True))
    return _ramp(signs, (low, high))


def _carried(view: BeardView, image: Image, points: Floats, window: Window) -> BeardView | None:
    """Return a beard where its face is now, in the present light; None when the face has changed too much for that."""
    moved = geometry.similarity(view.points[_OUTLINE], points[_OUTLINE, :2])
    off = np.linalg.norm(geometry.apply(moved, view.points[_OUTLINE]) - points[_OUTLINE, :2], axis=1).mean()
    right, left = landmark_sets.EYE_CORNERS
    if off > TUNING.bent * max(float(np.linalg.norm(points[right] - points[left])), 1.0):
        return None
    size_wh = view.share.shape[1], view.share.shape[0]
    coarse = geometry.invert(Window(view.box_xyxy, size_wh).to_coarse())
    to_now = geometry.then(geometry.then(coarse, moved), window.to_coarse())
    seen = smoothed(window.coarse(image))
    local = geometry.apply(window.to_coarse(), points[:, :2])
    tone = tone_of(seen, local)
    gain = np.clip((tone + 1) / (view.tone + 1), 1 / TUNING.brighter, TUNING.brighter).astype(np.float32)
    skin = _warped(view.skin, to_now, window.size_wh, cv2.BORDER_REPLICATE) * gain
    share = _warped(view.share, to_now, window.size_wh, cv2.BORDER_CONSTANT)
    return BeardView(window.box_xyxy, seen, skin, share, view.detail, tone, np.asarray(points[:, :2], np.float32), view.signs)


def _lay(image: Image, face: TrackedFace, view: BeardView, strength: float) -> None:
    if strength <= 0:
        return
    left, top, right, bottom = view.box_xyxy
    size_wh = view.share.shape[1], view.share.shape[0]
    local = geometry.apply(Window(view.box_xyxy, size_wh).to_coarse(), view.points)
    assert face.known is not None
    share = view.share * uncovered(local, size_wh, face.known.occluder) * np.float32(strength)
    maps = np.ascontiguousarray(np.dstack([view.seen, view.skin, share]), np.float32)
    resurface(image[top:bottom, left:right], maps, view.detail)


def _warped(values: Array, to_now: Array, size_wh: tuple[int, int], border: int) -> Floats:
    return np.asarray(cv2.warpAffine(values, to_now, size_wh, flags=cv2.INTER_LINEAR, borderMode=border), np.float32)


def _ramp(value: float, between: tuple[float, float]) -> float:
    return float(smoothstep(np.array((value - between[0]) / (between[1] - between[0]))))

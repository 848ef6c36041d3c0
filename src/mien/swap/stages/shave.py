"""Shave a face: the wearer's beard gives way to the skin under it, down to the neck, before the new face is laid over it.

Without it a short beard would remain as a ring along the jaw, around the new face.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.beard import BeardView, beard_view, opacity_in_texture, reach_below
from mien.face.jaw import Window, smoothed, tone_of, uncovered, window_of
from mien.imaging import geometry
from mien.imaging.blend import resurface
from mien.imaging.colour import LUMA
from mien.imaging.smoothstep import smoothstep_between
from mien.swap.stages.own_beard import NOTHING, BeardLook, fullness, share_of, staying
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
    hanging_degrees: tuple[float, float] = (100.0, 140.0)
    """Roll over which it is: upside down, two bearded faces of two came out pale as a whole."""
    border: float = 4.0
    """Pixels of the coarse picture from its border in which a beard's share falls to nothing."""
    every_frames: int = 6
    """Frames between two looks at one beard, which moves with the mesh between them."""
    new_share: float = 0.35
    """Share of a new look in the mean of all: edges that tremble from look to look would be seen."""
    memory_frames: float = 300.0
    """Frames in which a beard is forgotten that is seen no longer: within a recording it does not go."""
    bent: float = 0.03
    """Mean distance of the outline from where it was expected, in eye distances, at which it is looked at again."""
    brighter: float = 2.0
    """Largest change of brightness that is followed between two looks."""


TUNING = ShavingTuning()
_OUTLINE = np.array(landmark_sets.FACE_OVAL)


@dataclass(frozen=True, slots=True)
class _Known:
    """One beard so far, how surely it is one, 0..1, and the number of frames since it was looked at.

    `opacity` float32 (side, side) is the mean of its opacity in the texture of the face, 0..255.
    """

    view: BeardView
    belief: float
    age: int
    opacity: Floats


class Shaving:
    """Beards of the faces of one stream of frames; give it every frame, in order. A face lost for a frame starts afresh."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._known = {}

    def look_of(self, face: TrackedFace) -> BeardLook:
        """Return what the last look at a face says of its beard."""
        known = self._known.get(face.track_id)
        if known is None:
            return NOTHING
        opacity = np.rint(known.opacity * np.float32(known.belief)).astype(np.uint8)
        return BeardLook(opacity, known.view.signs, known.view.visible)

    def shave(self, image: Image, faces: tuple[TrackedFace, ...], strengths: Mapping[int, float], *, full: bool) -> None:
        """Shave the faces in `image`, BGR uint8, in place; `strengths` are by `track_id`: 0 looks only, 1 leaves no beard.

        A beard that is to stay is shaved only with `full`. Occluders stay in front; nothing beyond the reach of a beard is
        touched. A head that is turned away keeps its beard, and so does a face that the parser has not seen.
        """
        known: dict[int, _Known] = {}
        for face in faces:
            parsed, before = None if face.known is None else face.known.parsed, self._known.get(face.track_id)
            upright = _upright(face)
            found = before if parsed is None or upright <= 0 else self._look(image, face, parsed)
            if found is None:
                continue
            known[face.track_id] = found
            if parsed is not None and upright > 0:
                shaved = 1.0 if full else 1.0 - staying(parsed, BeardLook(None, found.view.signs, found.view.visible))
                _lay(image, face, found.view, strengths[face.track_id] * shaved * upright * found.belief)
        self._known = known

    def _look(self, image: Image, face: TrackedFace, parsed: ParsedFace) -> _Known | None:
        """Return what is known of a beard in this frame; None where there is none, or it cannot be seen."""
        before, points, grown = self._known.get(face.track_id), face.landmarks.points, fullness(parsed)
        left = 0.0 if before is None else before.belief - 1 / TUNING.memory_frames
        window = window_of(image, points, reach_below(grown))
        if window is None or parsed.beard is None or (left <= 0 and share_of(parsed.beard) <= TUNING.some[0]):
            return None
        carried = None if before is None else _carried(before.view, image, points, window)
        if before is not None and carried is not None and before.age + 1 < TUNING.every_frames:
            return _Known(carried, max(left, belief(parsed, carried.signs)), before.age + 1, before.opacity)
        now = beard_view(image, points, parsed.beard, None if face.known is None else face.known.occluder, grown)
        if now is None:
            return None
        opacity = opacity_in_texture(now).astype(np.float32)
        if before is not None:
            opacity = before.opacity + (opacity - before.opacity) * np.float32(TUNING.new_share)
        if carried is not None:
            now = _mixed(carried, now, TUNING.new_share)
        return _Known(now, max(left, belief(parsed, now.signs)), 0, opacity)


def belief(parsed: ParsedFace, signs: float) -> float:
    """Return how surely a face has a beard, 0..1, by the parser and by the colours of the picture (`BeardView.signs`)."""
    if parsed.beard is None:
        return 0.0
    share = share_of(parsed.beard)
    sure = smoothstep_between(*TUNING.sure, share)
    low, high = ((1 - sure) * most + sure * least for most, least in zip(TUNING.signs, TUNING.few_signs, strict=True))
    return smoothstep_between(*TUNING.some, share) * smoothstep_between(low, high, signs)


def _upright(face: TrackedFace) -> float:
    """Return how far a beard may be shaved that is seen from this side, 0..1."""
    right, left = (face.landmarks.points[number, :2] for number in landmark_sets.EYE_CORNERS)
    roll = abs(float(np.degrees(np.arctan2(*(left - right)[::-1]))))
    return (1.0 - smoothstep_between(*TUNING.turned_degrees, abs(face.yaw))) * (
        1.0 - smoothstep_between(*TUNING.hanging_degrees, roll)
    )


def _within(shape: tuple[int, int], image: Image, view: BeardView) -> Floats:
    """Return 1 inside a window and 0 at those of its borders that are not the picture's, float32 (h, w)."""
    left, top, right, bottom = view.box_xyxy
    rows, columns = (np.arange(size, dtype=np.float32) for size in shape)
    far = np.float32(1e6)
    across = np.minimum(columns if left > 0 else far, columns[::-1] if right < image.shape[1] else far)
    along = np.minimum(rows if top > 0 else far, rows[::-1] if bottom < image.shape[0] else far)
    inside = np.minimum(*np.broadcast_arrays(np.atleast_1d(along)[:, None], np.atleast_1d(across)[None]))
    return np.asarray(np.clip(np.broadcast_to(inside, shape) / np.float32(TUNING.border), 0, 1), np.float32)


def _mixed(before: BeardView, now: BeardView, new: float) -> BeardView:
    """Return the present beard, its skin and opacity moved only by `new`, 0..1, from those known before."""
    old, part = 1 - new, np.float32(new)
    skin, share = before.skin + (now.skin - before.skin) * part, before.share + (now.share - before.share) * part
    detail, signs = old * before.detail + new * now.detail, old * before.signs + new * now.signs
    visible = old * before.visible + new * now.visible
    return replace(now, skin=skin, share=share, detail=detail, signs=signs, visible=visible)


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
    beyond = _warped(view.beyond, to_now, window.size_wh, cv2.BORDER_REPLICATE)
    flat = np.asarray(points[:, :2], np.float32)
    return BeardView(window.box_xyxy, seen, skin, share, beyond, view.detail, tone, flat, view.signs, view.visible)


def _lay(image: Image, face: TrackedFace, view: BeardView, strength: float) -> None:
    if strength <= 0:
        return
    size_wh = view.share.shape[1], view.share.shape[0]
    local = geometry.apply(Window(view.box_xyxy, size_wh).to_coarse(), view.points)
    assert face.known is not None
    share = view.share * uncovered(local, size_wh, face.known.occluder) * np.float32(strength)
    share *= _within(share.shape, image, view)
    maps = np.ascontiguousarray(np.dstack([view.skin, view.seen @ LUMA, share, view.beyond]), np.float32)
    resurface(image, view.box_xyxy, maps, view.detail)


def _warped(values: Array, to_now: Array, size_wh: tuple[int, int], border: int) -> Floats:
    return np.asarray(cv2.warpAffine(values, to_now, size_wh, flags=cv2.INTER_LINEAR, borderMode=border), np.float32)

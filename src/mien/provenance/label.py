"""The visible badge and the invisible mark, and the only place where a `LabelledFrame` is made.

The badge comes first; the mark last, on the final pixels.
"""

from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from mien.imaging.blend import blend
from mien.settings import Settings
from mien.types import Array, Frame, Image, LabelledFrame, Mask

_LEAST_HEIGHT = 12
_OVERSAMPLING = 8
_ASPECT = 1.55
_MARGIN = 0.35
_LIGHT = (235, 235, 235)
_DARK = (24, 24, 24)
_PLATE_OPACITY = 190
_OUTLINE = 2.4
"""Width of the dark line round letters without a plate, against the letters' own."""
# Strokes in units of the plate's height, from its left top corner: a capital A and a capital I.
_STROKES = (
    ((0.33, 0.76), (0.58, 0.24)),
    ((0.58, 0.24), (0.83, 0.76)),
    ((0.425, 0.58), (0.735, 0.58)),
    ((1.10, 0.25), (1.10, 0.75)),
)
_STROKE = 0.105


class Marking(Protocol):
    """Lays the invisible mark over a picture."""

    @property
    def mark_id(self) -> int:
        """The id that was laid last."""
        ...

    def mark(self, image: Image) -> None:
        """Mark a picture in place, BGR uint8 (h, w, 3). Raises `ProvenanceError` for one that is too small."""
        ...


class Labeller:
    """Draws the badge that says that the picture was altered, and lays the mark over all.

    Keeps the drawing for the next frame of the same size. `live` frames show the badge whatever the settings say.
    """

    def __init__(self, settings: Settings, marker: Marking, *, live: bool = False) -> None:
        self._shown = live or settings.badge == "shown"
        self._style = settings.badge_style
        self._corner = settings.badge_corner
        self._size = settings.badge_size
        self._marker = marker
        self._drawn: tuple[tuple[int, int], Image, Mask] | None = None

    def label(self, frame: Frame) -> LabelledFrame:
        """The frame with badge and mark. A writable picture is changed in place, a read-only one is copied first.

        Raises `ProvenanceError` for a picture too small to carry the mark.
        """
        if not frame.image.flags.writeable:
            frame = replace(frame, image=frame.image.copy())
        box = self._draw(frame.image) if self._shown else None
        self._marker.mark(frame.image)
        return LabelledFrame(frame, box, self._marker.mark_id)

    def _draw(self, image: Image) -> tuple[int, int, int, int]:
        height, width = image.shape[:2]
        plate, mask = self._badge(width, height)
        left, top = self._place(width, height, plate.shape[1], plate.shape[0])
        blend(image, plate, mask, left, top, 256)
        return left, top, left + plate.shape[1], top + plate.shape[0]

    def _badge(self, width: int, height: int) -> tuple[Image, Mask]:
        if self._drawn is None or self._drawn[0] != (width, height):
            badge_height = max(round(self._size * min(width, height)), _LEAST_HEIGHT)
            badge_height = max(1, min(badge_height, height, int(width / _ASPECT)))
            plate, mask = draw_badge(badge_height, self._style)
            self._drawn = (width, height), plate[:, :width], mask[:, :width]
        return self._drawn[1], self._drawn[2]

    def _place(self, width: int, height: int, badge_width: int, badge_height: int) -> tuple[int, int]:
        margin = min(round(_MARGIN * badge_height), (width - badge_width) // 2, (height - badge_height) // 2)
        vertical, horizontal = self._corner.split("-")
        left = margin if horizontal == "left" else width - badge_width - margin
        top = margin if vertical == "top" else height - badge_height - margin
        return left, top


def draw_badge(height: int, style: str) -> tuple[Image, Mask]:
    """The letters AI on a plate, or with an outline: BGR uint8 (height, w, 3) and their opacity uint8 (height, w)."""
    tall = height * _OVERSAMPLING
    wide = max(1, round(height * _ASPECT)) * _OVERSAMPLING
    ink, ground = (_DARK, _LIGHT) if style == "light" else (_LIGHT, _DARK)
    badge = np.full((tall, wide, 3), ground, np.uint8)
    opacity = _letters(wide, tall, _OUTLINE) if style == "letters" else _plate(wide, tall)
    letters = _letters(wide, tall, 1.0)
    badge[letters > 0] = ink
    return _shrunk(badge, height), _shrunk(np.maximum(opacity, letters), height)


def _plate(wide: int, tall: int) -> Mask:
    opacity = np.zeros((tall, wide), np.uint8)
    radius = tall // 4
    for box in (((radius, 0), (wide - radius - 1, tall - 1)), ((0, radius), (wide - 1, tall - radius - 1))):
        cv2.rectangle(opacity, *box, _PLATE_OPACITY, -1)
    for x in (radius, wide - radius - 1):
        for y in (radius, tall - radius - 1):
            cv2.circle(opacity, (x, y), radius, _PLATE_OPACITY, -1)
    return opacity


def _letters(wide: int, tall: int, thickness: float) -> Mask:
    drawn = np.zeros((tall, wide), np.uint8)
    shift = (wide / tall - (0.33 + 1.10)) / 2
    for start, end in _STROKES:
        ends = [tuple(round(value * tall) for value in (x + shift, y)) for x, y in (start, end)]
        cv2.line(drawn, ends[0], ends[1], 255, max(1, round(thickness * _STROKE * tall)))
    return drawn


def _shrunk(picture: Array, height: int) -> Array:
    size_wh = picture.shape[1] // _OVERSAMPLING, height
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)

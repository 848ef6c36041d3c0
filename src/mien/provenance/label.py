"""Label: the visible badge and the invisible mark. Only this module makes a `LabelledFrame`.

The badge is drawn first; the mark is laid last, on the final pixels.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from mien.imaging.blend import blend
from mien.settings import Settings
from mien.types import Array, Frame, Image, LabelledFrame, Mask


@dataclass(frozen=True, slots=True)
class BadgeShape:
    """Shape and colours of the badge, chosen by eye; lengths are in units of its height, colours BGR."""

    min_height_pixels: int = 12
    """Also when `badge_size` asks for less, as long as the picture is that high."""
    aspect: float = 1.55
    """Width of the plate."""
    margin: float = 0.35
    """Distance to the edges of the picture."""
    light: tuple[int, int, int] = (235, 235, 235)
    dark: tuple[int, int, int] = (24, 24, 24)
    plate_opacity: int = 190
    """Of 255."""
    outline: float = 2.4
    """Width of the dark line round letters without a plate, in widths of a stroke."""
    strokes: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = (
        ((0.33, 0.76), (0.58, 0.24)),
        ((0.58, 0.24), (0.83, 0.76)),
        ((0.425, 0.58), (0.735, 0.58)),
        ((1.10, 0.25), (1.10, 0.75)),
    )
    """Ends of the strokes of a capital A and a capital I, (x, y) from the left top corner of the plate."""
    stroke: float = 0.105
    """Width of a stroke."""
    word: str = "MODIFIED"
    """Second word of the style `eu`, as the icons of the European Code of Practice have it beside AI (docs/regulation.md)."""
    word_aspect: float = 2.05
    """Width of the word's part of the plate."""
    word_height: float = 0.34
    """Height of its letters."""
    word_stroke: float = 0.075
    """Width of a stroke of them."""
    oversampling: int = 8
    """Pixels drawn for a pixel of the badge, which is then reduced, for smooth edges."""


_BADGE = BadgeShape()


class Marking(Protocol):
    """Marker of pictures, as the labeller needs it."""

    @property
    def mark_id(self) -> int:
        """Id that was laid last."""
        ...

    def mark(self, image: Image) -> None:
        """Mark a picture in place, BGR uint8 (h, w, 3). Raises `ProvenanceError` for one that is too small."""
        ...


class Labeller:
    """Draws the badge, which tells that the picture was altered, and lays the mark over all.

    Keeps the drawn badge for the next frame of the same size. `live` frames show the badge whatever the settings say.
    """

    def __init__(self, settings: Settings, marker: Marking, *, live: bool = False) -> None:
        self._shown = live or settings.badge == "shown"
        self._style = settings.badge_style
        self._corner = settings.badge_corner
        self._size = settings.badge_size
        self._marker = marker
        self._drawn: tuple[tuple[int, int], Image, Mask] | None = None

    def label(self, frame: Frame) -> LabelledFrame:
        """Return the frame with badge and mark. A writable picture is changed in place, a read-only one is copied first.

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
            badge_height = max(round(self._size * min(width, height)), _BADGE.min_height_pixels)
            badge_height = max(1, min(badge_height, height, int(width / aspect_of(self._style))))
            plate, mask = draw_badge(badge_height, self._style)
            self._drawn = (width, height), plate[:, :width], mask[:, :width]
        return self._drawn[1], self._drawn[2]

    def _place(self, width: int, height: int, badge_width: int, badge_height: int) -> tuple[int, int]:
        margin = min(round(_BADGE.margin * badge_height), (width - badge_width) // 2, (height - badge_height) // 2)
        vertical, horizontal = self._corner.split("-")
        left = margin if horizontal == "left" else width - badge_width - margin
        top = margin if vertical == "top" else height - badge_height - margin
        return left, top


def aspect_of(style: str, shape: BadgeShape = _BADGE) -> float:
    """Return the width of a badge of this style over its height."""
    return shape.aspect + (shape.word_aspect if style == "eu" else 0.0)


def draw_badge(height: int, style: str, shape: BadgeShape = _BADGE) -> tuple[Image, Mask]:
    """Return the letters AI on a plate, or with an outline: BGR uint8 (height, w, 3), and opacity uint8 (height, w).

    The style `eu` has the word MODIFIED beside them.
    """
    tall = height * shape.oversampling
    wide = max(1, round(height * aspect_of(style, shape))) * shape.oversampling
    ink, ground = (shape.dark, shape.light) if style == "light" else (shape.light, shape.dark)
    badge = np.full((tall, wide, 3), ground, np.uint8)
    opacity = _letters(wide, tall, shape.outline, shape) if style == "letters" else _plate(wide, tall, shape.plate_opacity)
    letters = _letters(round(shape.aspect * tall), tall, 1.0, shape) if style == "eu" else _letters(wide, tall, 1.0, shape)
    if style == "eu":
        letters = np.hstack([letters, _word(wide - letters.shape[1], tall, shape)])
    badge[letters > 0] = ink
    return _shrunk(badge, height, shape.oversampling), _shrunk(np.maximum(opacity, letters), height, shape.oversampling)


def _plate(wide: int, tall: int, opacity: int) -> Mask:
    drawn = np.zeros((tall, wide), np.uint8)
    radius = tall // 4
    for box in (((radius, 0), (wide - radius - 1, tall - 1)), ((0, radius), (wide - 1, tall - radius - 1))):
        cv2.rectangle(drawn, *box, opacity, -1)
    for x in (radius, wide - radius - 1):
        for y in (radius, tall - radius - 1):
            cv2.circle(drawn, (x, y), radius, opacity, -1)
    return drawn


def _letters(wide: int, tall: int, thickness: float, shape: BadgeShape) -> Mask:
    drawn = np.zeros((tall, wide), np.uint8)
    shift = (wide / tall - (0.33 + 1.10)) / 2
    for start, end in shape.strokes:
        ends = [tuple(round(value * tall) for value in (x + shift, y)) for x, y in (start, end)]
        cv2.line(drawn, ends[0], ends[1], 255, max(1, round(thickness * shape.stroke * tall)))
    return drawn


def _word(wide: int, tall: int, shape: BadgeShape) -> Mask:
    """Return the second word, as high as it may be and not wider than its part of the plate."""
    drawn = np.zeros((tall, wide), np.uint8)
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(shape.word_stroke * tall))
    (width, height), _ = cv2.getTextSize(shape.word, font, 1.0, 1)
    scale = min(shape.word_height * tall / height, 0.92 * wide / width)
    corner = round(0.02 * tall), round((tall + height * scale) / 2)
    cv2.putText(drawn, shape.word, corner, font, scale, 255, thickness, cv2.LINE_AA)
    return drawn


def _shrunk(picture: Array, height: int, oversampling: int) -> Array:
    size_wh = picture.shape[1] // oversampling, height
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)

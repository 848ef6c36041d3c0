"""The AI badge of mien by template: a fixed drawing near a corner, which is still there when the mark is lost."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.provenance.label import draw_badge
from mien.types import Array, Floats, Image

STYLES = ("dark", "light", "letters", "eu")
_CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")


@dataclass(frozen=True, slots=True)
class BadgeTuning:
    """Numbers of the search for the badge."""

    heights: tuple[float, ...] = (0.054, 0.057, 0.06, 0.063, 0.066)
    """Heights that are tried, as shares of the shorter side; 0.06 is what live output has."""
    reach: float = 0.22
    """Share of each side that belongs to a corner."""
    min_plate_score: float = 0.68
    """Normalised correlation from which a badge with a plate counts as seen. At 240 and 360 lines and 250 kbit/s, a second of
    each of 13 clips: 0.781 and more with one, 0.521 at most without; 0.567 in 44 minutes of unmarked calls."""
    min_letters_score: float = 0.56
    """Likewise of letters alone, likewise measured: 0.594 and more with them, 0.312 at most without."""
    min_height_pixels: int = 12
    """Badges are never smaller when they are drawn; smaller ones on a screen show no letters."""


_TUNING = BadgeTuning()


@dataclass(frozen=True, slots=True)
class BadgeFound:
    """Badge as it was found: the corner, the style, and the correlation with the drawing, at most 1.

    `surplus` is by how much that is more than the style needs.
    """

    corner: str
    style: str
    score: float
    surplus: float


class BadgeFinder:
    """Takes pictures of a second; their mean shows what stands still, such as the badge, and blurs what moves."""

    def __init__(self, tuning: BadgeTuning = _TUNING) -> None:
        self._tuning = tuning
        self._sum: Floats | None = None
        self._count = 0

    def add(self, image: Image) -> None:
        """Take one picture, BGR uint8 (h, w, 3). A picture of another size begins a new mean."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        if self._sum is None or self._sum.shape != grey.shape:
            self._sum, self._count = grey, 1
        else:
            self._sum += grey
            self._count += 1

    def best(self) -> BadgeFound | None:
        """Return the likeliest match of the mean so far, whatever its score, and begin a new mean; None without a picture."""
        if self._sum is None:
            return None
        mean, self._sum, self._count = self._sum / np.float32(self._count), None, 0
        found = [self._in_corner(mean, corner) for corner in _CORNERS]
        return max((each for each in found if each is not None), key=lambda each: each.surplus, default=None)

    def read(self) -> BadgeFound | None:
        """Return the badge if it is seen, as `best`."""
        found = self.best()
        return found if found is not None and found.surplus >= 0 else None

    def _in_corner(self, mean: Floats, corner: str) -> BadgeFound | None:
        height, width = mean.shape
        shorter = min(height, width)
        best: BadgeFound | None = None
        for share in self._tuning.heights:
            badge = round(share * shorter)
            if badge < self._tuning.min_height_pixels:
                continue
            for style in STYLES:
                drawn = _template(badge, style)
                rows, columns = round(self._tuning.reach * shorter), drawn.shape[1] + round(self._tuning.reach * shorter)
                part = mean[:rows] if corner.startswith("top") else mean[-rows:]
                part = part[:, :columns] if corner.endswith("left") else part[:, -columns:]
                if part.shape[0] < drawn.shape[0] or part.shape[1] < drawn.shape[1]:
                    continue
                score = float(_matches(np.ascontiguousarray(part), drawn).max())
                least = self._tuning.min_letters_score if style == "letters" else self._tuning.min_plate_score
                if best is None or score - least > best.surplus:
                    best = BadgeFound(corner, style, round(score, 3), score - least)
        return best


def _matches(part: Array, drawn: Floats) -> Array:
    return np.nan_to_num(cv2.matchTemplate(part, drawn, cv2.TM_CCOEFF_NORMED), posinf=0.0, neginf=0.0)


@cache
def _template(height: int, style: str) -> Floats:
    """Return the badge on mid-grey, float32 (height, w)."""
    plate, opacity = draw_badge(height, style)
    share = opacity.astype(np.float32)[:, :, None] / 255
    laid = plate * share + 128 * (1 - share)
    return np.asarray(cv2.cvtColor(laid.astype(np.uint8), cv2.COLOR_BGR2GRAY), np.float32)

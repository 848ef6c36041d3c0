"""One appearance: the looks and pictures of a stretch of a track, bounded in number."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.swap.people.look import Look, best_of
from mien.swap.people.template import Template, template_of
from mien.types import Floats, Image


@dataclass(frozen=True, slots=True)
class AppearanceTuning:
    """Looks at a track, and pictures of them. Times in seconds of the film."""

    kept: int = 4
    """Looks that are kept; bounds memory: 60 KB an appearance."""
    again_s: float = 0.5
    """From look to look until there are enough for a template."""
    better: float = 1.25
    """Weight against the weakest look of the template, from which a view is worth one more look."""
    every_s: float = 2.0
    """From look to look of a track that is known well: another face may have taken its place."""
    doubt_s: float = 0.1
    """From a look that shows another face to the next, which has to confirm it."""
    view_side: int = 200
    """Pixels of a picture of the face."""
    view_margin: float = 1.7
    """Side of that picture, in heights of the face: with hair and ears."""
    view_quality: int = 90
    """JPEG quality of that picture: 10 to 15 KB. Chosen by eye."""


TUNING = AppearanceTuning()


@dataclass(frozen=True, slots=True)
class View:
    """A look, and its picture as a JPEG."""

    look: Look
    picture: bytes


@dataclass(slots=True)
class Appearance:
    """One face in one stretch of a film, from its first frame to its last.

    `frames`, `area` and `heights` are the number of frames, the sum of the shares of the picture that the face's box takes, and
    the sum of its heights in pixels. `odd` is a look that shows another face, `stirred` says that another face may have taken
    the track over: it came back, or came close to another one.
    """

    film: int
    start_s: float
    end_s: float = 0.0
    views: list[View] = field(default_factory=list)
    frames: int = 0
    area: float = 0.0
    heights: float = 0.0
    odd: View | None = None
    stirred: bool = False
    _looked_s: float | None = None

    def see(self, points: Floats, size_wh: tuple[int, int], start_s: float, end_s: float) -> None:
        """Count one frame, shown from `start_s` to `end_s`, with landmarks (478, 3) in a picture of this size."""
        self.stirred |= self.frames > 0 and start_s - self.end_s > 0.5 * (end_s - start_s)
        self.start_s, self.end_s = min(self.start_s, start_s), max(self.end_s, end_s)
        wide, tall = np.ptp(points[:, :2], axis=0)
        self.frames += 1
        self.area += min(float(wide * tall) / max(size_wh[0] * size_wh[1], 1), 1.0)
        self.heights += float(tall)

    def is_due(self, weight: float, time_s: float) -> bool:
        """Return True when a look of this weight is worth its time."""
        if weight <= 0:
            return False
        if self._looked_s is None or self.stirred:
            return True
        since = time_s - self._looked_s
        if self.odd is not None:
            return since >= TUNING.doubt_s
        if since < TUNING.again_s:
            return False
        best = best_of([view.look for view in self.views])
        return len(best) < 3 or weight > TUNING.better * best[-1].weight or since >= TUNING.every_s

    def template(self) -> Template | None:
        """Return the template of the best looks, None while there is none."""
        return template_of([view.look for view in self.views])

    def add(self, view: View) -> None:
        """Keep a look if it is among the best."""
        self._looked_s, self.stirred = view.look.time_s, False
        views = [*self.views, view]
        kept = best_of([each.look for each in views], TUNING.kept)
        self.views = [each for each in views if any(each.look is look for look in kept)]

    def doubt(self, view: View) -> None:
        """Note a look that shows another face; the next one decides."""
        self._looked_s, self.stirred = view.look.time_s, False
        self.odd = view


def view_of(image: Image, look: Look) -> View:
    """Return the look with its picture, cut from a BGR picture."""
    x1, y1, x2, y2 = look.place_xyxy
    side = TUNING.view_side
    scale = side / max(TUNING.view_margin * max(y2 - y1, x2 - x1), 1.0)
    # Farther up than the mesh: it ends at the hairline.
    middle = (x1 + x2) / 2, (y1 + y2) / 2 - 0.08 * (y2 - y1)
    to_view = np.array([[scale, 0, side / 2 - scale * middle[0]], [0, scale, side / 2 - scale * middle[1]]])
    while scale < 0.5:
        # Far shrinking in one bilinear step would alias; pyrDown keeps pixel 2x at x.
        image = np.asarray(cv2.pyrDown(image), np.uint8)
        to_view[:, :2] *= 2
        scale *= 2
    drawn = cv2.warpAffine(image, to_view, (side, side), flags=cv2.INTER_LINEAR, borderValue=(40, 40, 40))
    _, coded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, TUNING.view_quality])
    return View(look, coded.tobytes())

"""Scene cuts and motion, from thumbnails of the frames."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.types import Array, Image


@dataclass(frozen=True, slots=True)
class SceneTuning:
    """Thumbnails and their differences; `change` is 1 - correlation of two of them."""

    thumbnail_wh: tuple[int, int] = (64, 36)
    pan_xy: tuple[int, int] = (12, 7)
    """Pixels of the thumbnail by which a pan may move the picture in one frame."""
    sampled_rows: int = 144
    """Rows of the picture that are read for the thumbnail: cheap, and sensor noise averages out."""
    blank_spread: float = 3.0
    """Standard deviation of grey levels below which a thumbnail shows nothing: a flash, a black frame, a covered lens."""
    min_change: float = 0.1
    """Change that motion in a scene at rest hardly reaches."""
    noise_variance: float = 50.0
    """Variance of grey levels that noise alone may make: correlation below it means little."""
    jump: float = 4.0
    """A cut changes this many times more than the frames before it."""
    change_per_level: float = 0.002
    """Change that each grey level of difference in brightness excuses: a flash is not a cut."""
    near_sigma: float = 2.0
    """Sigma in pixels of the thumbnail of the surroundings against which details are seen that light leaves as they are."""
    same_detail: float = 0.8
    """Correlation of these details from which two thumbnails show one scene: 99 of 100 flashes from a side, of 2 to 6 times the
    light, have 0.92 and more, of 2,100 cuts between portraits none has more than 0.75."""
    detail_noise: float = 0.02
    """Logarithm of brightness that is noise rather than a detail."""
    least_level: float = 12.0
    most_level: float = 240.0
    seen_share: float = 0.25
    """Grey levels between which a detail shows, and the share of the picture that must lie there in both."""
    memory: float = 0.8
    """Share of the usual change that stays from frame to frame."""
    min_motion_levels: float = 6.0
    """Grey levels in one of 64 x 36 cells; sensor noise of 4 levels makes less than 5."""


TUNING = SceneTuning()


class SceneCuts:
    """Detector of scene cuts; give it every frame, in order. Deterministic, no clock."""

    def __init__(self) -> None:
        self._before: Array | None = None
        self._shape: tuple[int, ...] = ()
        self._usual = 0.0

    def is_cut(self, image: Image) -> bool:
        """True for the first frame of a new scene; `image` is BGR uint8. The very first frame is not a cut.

        Frames that show nothing are no cut; what follows them is compared with what was before them.
        """
        thumb = _thumbnail(image)
        if float(thumb.std()) < TUNING.blank_spread:
            return False
        before, self._before = self._before, thumb
        shape, self._shape = self._shape, image.shape
        if before is None:
            return False
        change = _change(before, thumb)
        light = TUNING.change_per_level * abs(float(thumb.mean() - before.mean()))
        changed = change > max(TUNING.min_change + light, TUNING.jump * self._usual)
        cut = shape != image.shape or (changed and not _is_relit(before, thumb))
        self._usual = 0.0 if cut else TUNING.memory * self._usual + (1 - TUNING.memory) * change
        return cut


def _is_relit(before: Array, thumb: Array) -> bool:
    """Return True when both show the same things in another light, from a side too: a lamp scales what is near it alike."""
    levels = np.stack([before, thumb])
    seen = ((levels > TUNING.least_level) & (levels < TUNING.most_level)).all(axis=0)
    if float(np.count_nonzero(seen)) < TUNING.seen_share * seen.size:
        return False
    logs = [np.log(each + np.float32(TUNING.least_level)) for each in levels]
    a, b = ((each - cv2.GaussianBlur(each, (0, 0), TUNING.near_sigma))[seen] for each in logs)
    a, b = a - a.mean(), b - b.mean()
    noise = TUNING.detail_noise**2 * a.size
    return float(np.vdot(a, b)) > TUNING.same_detail * math.sqrt(
        (float(np.vdot(a, a)) + noise) * (float(np.vdot(b, b)) + noise)
    )


class Motion:
    """Detector of frames in which something moves."""

    def __init__(self) -> None:
        self._before: Array | None = None

    def seen(self, image: Image) -> bool:
        """Return True when a cell of the thumbnail differs from the frame before, and for the first; `image` is BGR uint8."""
        thumb = _thumbnail(image)
        before, self._before = self._before, thumb
        return before is None or float(np.abs(thumb - before).max()) > TUNING.min_motion_levels


def _thumbnail(image: Image) -> Array:
    # The green channel stands for the light.
    step = max(1, min(image.shape[:2]) // TUNING.sampled_rows)
    thin = np.ascontiguousarray(image[::step, ::step, 1])
    return np.asarray(cv2.resize(thin, TUNING.thumbnail_wh, interpolation=cv2.INTER_AREA), np.float32)


def _change(before: Array, thumb: Array) -> float:
    """Return 0 for the same picture in any light or shifted by a pan, 1 for pictures that have nothing in common."""
    a, b = thumb - thumb.mean(), before - before.mean()
    spread = math.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b))) / a.size
    change: float = 1 - (float(np.vdot(a, b)) / a.size + TUNING.noise_variance) / (spread + TUNING.noise_variance)
    if change < TUNING.min_change:
        return change
    x, y = TUNING.pan_xy
    middle = np.ascontiguousarray(before[y:-y, x:-x])
    return min(change, 1.0 - float(cv2.matchTemplate(thumb, middle, cv2.TM_CCOEFF_NORMED).max()))

"""Strength of the stand-in of each path from frame to frame: it comes and goes softly, and does not flicker.

The cover is below it at all times, so a stand-in that is half there, or a moment old, shows nothing of the person.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mien.swap.stages.cover import HeadRegion
from mien.types import Floats, Landmarks, TrackedFace


@dataclass(frozen=True, slots=True)
class FadeTuning:
    """Pace of the change; chosen by eye."""

    fade_s: float = 0.25
    """Seconds from nothing to all of it, and back; a mesh that is lost for less leaves a thinner stand-in for a moment."""


TUNING = FadeTuning()


@dataclass(slots=True)
class _Shown:
    face: TrackedFace
    region: HeadRegion
    strength: float = 0.0


@dataclass(slots=True)
class StandInFades:
    """Faces to draw in each frame of a stream, and how strongly; give `step` every frame, in order."""

    tuning: FadeTuning = TUNING
    _shown: dict[int, _Shown] = field(default_factory=dict)
    _time_s: float | None = None

    def step(
        self,
        time_s: float,
        regions: Mapping[int, HeadRegion],
        sure: Mapping[int, TrackedFace],
        fair: Mapping[int, TrackedFace],
        begun: Collection[int] = (),
    ) -> dict[int, tuple[TrackedFace, float]]:
        """Return the face to draw on each path, by number, and its strength, 0..1.

        `regions` are the covers of this frame, by the number of their path. A face that is sure gets its stand-in; one that is
        fair keeps it; without a face the last one is carried along with the cover while it fades. On the paths of `begun` a
        scene begins, so that there is nothing to fade from.
        """
        passed = 0.0 if self._time_s is None else max(time_s - self._time_s, 0.0)
        self._time_s = time_s
        step = passed / self.tuning.fade_s
        shown: dict[int, _Shown] = {}
        for number, region in regions.items():
            before, face = self._shown.get(number), sure.get(number)
            if face is None and before is not None:
                face = fair.get(number)
            if face is not None:
                strength = float(number in begun) if before is None else before.strength
                shown[number] = _Shown(face, region, min(strength + step, 1.0))
            elif before is not None and before.strength > step:
                shown[number] = _Shown(_carried(before, region), region, before.strength - step)
        self._shown = shown
        return {number: (each.face, each.strength) for number, each in shown.items() if each.strength > 0}


def _carried(shown: _Shown, region: HeadRegion) -> TrackedFace:
    """Return a face of the frame before, moved and scaled as its cover was."""
    old = shown.region
    scale = ((region.half_across * region.half_along) / max(old.half_across * old.half_along, 1e-6)) ** 0.5
    points = shown.face.landmarks.points
    moved: Floats = (points * scale).astype(np.float32)
    moved[:, :2] = (points[:, :2] - (old.x, old.y)) * scale + (region.x, region.y)
    return replace(shown.face, landmarks=Landmarks(moved, shown.face.landmarks.presence))

"""Memory of the whites of a face's eyes: what they usually are, whatever a blink shows."""

from dataclasses import dataclass

from mien.face.eye_openings import openings
from mien.face.eye_whites import whites_of
from mien.types import Floats, Image

USUAL_FRAMES = 25  # a second at 25 Hz; while lids fall and rise, 2 to 4 frames are 0.2 darker

SHUT = 0.14
"""Opening, as a share of an eye's width, below which lids are shut, and nothing is measured between them: in two clips they
have 0.04 to 0.12, squinting ones of photos 0.14 and more."""


@dataclass(slots=True)
class EyeWhites:
    """Running mean of what `whites_of` measures, over the last second in which they were open."""

    usual: float = 0.0
    frames: int = 0

    def update(self, picture: Image, points: Floats) -> float:
        """Return the mean with this frame, BGR uint8, in which the face has landmarks (478, 3)."""
        if self.frames and max(openings(points)) < SHUT:
            return self.usual
        self.frames = min(self.frames + 1, USUAL_FRAMES)
        self.usual += (whites_of(picture, points) - self.usual) / self.frames
        return self.usual

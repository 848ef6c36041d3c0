"""What every part of the evaluation works with: the opened models, the settings, the people."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from mien.assembly import factory
from mien.contracts import Recogniser
from mien.errors import MienError, UsageError
from mien.face.mean_face import neutral
from mien.lab.evaluate.portraits import Portrait, choose_pairs
from mien.lab.evaluate.scenes import Scene, Shot
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.pipeline import Pipeline
from mien.swap.stages.reshape import reshape
from mien.types import Floats, Frame, FrameResult, Image, SourceFace

_RATE = 30
_CAST = (
    ("london/030_neutral.jpg", "london/124_neutral.jpg"),
    ("london/132_neutral.jpg", "london/008_neutral.jpg"),
    ("omi/042.jpg", "london/036_neutral.jpg"),
    ("london/024_neutral.jpg", "omi/019.jpg"),
    ("london/108_neutral.jpg", "london/042_neutral.jpg"),
    ("london/134_neutral.jpg", "omi/067.jpg"),
)
"""Who plays in the made scenes: source and target."""

Progress = Callable[[], None]
"""Called once a step."""


@dataclass(frozen=True, slots=True)
class Lab:
    """`quick` makes all runs a quarter as long, to try something out; its figures are rough."""

    settings: Settings
    store: Store
    models: factory.Models
    recogniser: Recogniser
    people: tuple[Portrait, ...]
    clips: Path | None = None
    pairs: int = 200
    flicker_frames: int = 300
    quick: bool = False

    def length(self, frames: int) -> int:
        """How many frames, or pairs, of so many are run."""
        return max(8, frames // 4) if self.quick else frames

    def cast(self, number: int) -> tuple[Portrait, Portrait]:
        """Source and target of made scene `number`; other people where those of the table are absent."""
        source, target = (self.find(name) for name in _CAST[number % len(_CAST)])
        if source is not None and target is not None:
            return source, target
        chosen = choose_pairs(self.people, len(_CAST))
        return chosen[number % len(chosen)]

    def find(self, name: str) -> Portrait | None:
        return next((person for person in self.people if person.name == name), None)

    def pipeline(self, source: Portrait) -> Pipeline:
        """The main path for one video. Raises `UsageError` when the portrait is no source."""
        return factory.open_pipeline(self.settings, self.models, open_face(source, self.models))

    def picture_pipeline(self, source: Portrait) -> Pipeline:
        """The main path for one picture. Raises `UsageError` when the portrait is no source."""
        return factory.open_picture_pipeline(self.settings, self.models, open_face(source, self.models))

    def bent(self, shot: Shot, result: FrameResult, shape: Floats) -> Shot:
        """The shot with the change of shape that the result went through, and no swap: what the result is to be held against.

        `shape` is the source's, from `shape_of`.
        """
        strength = self.settings.shape * self.settings.opacity

        def bend(picture: Image) -> Image:
            changed = picture.copy()
            reshape(changed, result.faces, shape, strength)
            return changed

        alpha = shot.alpha
        if alpha is not None:
            grey = bend(np.dstack([np.round(255 * alpha).astype(np.uint8)] * 3))[:, :, 0]
            alpha = np.asarray(grey / np.float32(255), np.float32)
        points = drawn_points(result)
        return replace(
            shot,
            image=bend(shot.image),
            clean=None if shot.clean is None else bend(shot.clean),
            alpha=alpha,
            points=nearest(points, shot.points),
        )

    def shape_of(self, source: Portrait) -> Floats:
        """The source's proportions at rest, float32 (478, 3) in the head frame."""
        return neutral(open_face(source, self.models).landmarks.points)

    def run(self, scene: Scene, source: Portrait) -> Iterator[tuple[Shot, FrameResult]]:
        """Every shot of a scene and what the pipeline makes of it; the shot's picture is left as it is."""
        pipeline = self.pipeline(source)
        for index in range(scene.length):
            shot = scene.draw(index)
            yield shot, pipeline.swap_frame(frame_of(shot.image, index))


def open_face(source: Portrait, models: factory.Models) -> SourceFace:
    """The portrait as a face to wear; raises `UsageError`."""
    try:
        return factory.open_source(source.image, models)
    except MienError as error:
        raise UsageError(f"{source.name}: {error}", "evaluate on clear portraits of one person each") from error


def frame_of(image: Image, index: int) -> Frame:
    """A copy of the picture as frame `index` of 30 a second."""
    return Frame(image.copy(), index, index, Fraction(1, _RATE))


def drawn_points(result: FrameResult) -> list[Floats]:
    """The landmarks of the faces as they were drawn."""
    return [face.landmarks.points for face in result.worn]


def nearest(faces: Sequence[Floats], points: Floats) -> Floats:
    """The landmarks that lie nearest to `points`; these themselves when there are none."""
    middle = points[:, :2].mean(0)
    return min(faces, key=lambda face: float(np.linalg.norm(face[:, :2].mean(0) - middle)), default=points)

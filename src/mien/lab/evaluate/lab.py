"""Common inputs of the parts: opened models, settings, portraits and runs of the pipeline."""

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
from mien.swap.persona import open_persona
from mien.swap.pipeline import Pipeline, swap_faces
from mien.swap.stages.reshape import reshape
from mien.swap.stream_memory import StreamMemory
from mien.swap.tracking.tracker import Tracker
from mien.types import Floats, Frame, FrameResult, Image, SourceFace

_RATE_HZ = 30  # of synthetic frames
_CAST = (
    ("london/030_neutral.jpg", "london/124_neutral.jpg"),
    ("london/132_neutral.jpg", "london/008_neutral.jpg"),
    ("omi/042.jpg", "london/036_neutral.jpg"),
    ("london/024_neutral.jpg", "omi/019.jpg"),
    ("london/108_neutral.jpg", "london/042_neutral.jpg"),
    ("london/134_neutral.jpg", "omi/067.jpg"),
)
"""Source and target of the synthetic scenes."""

Progress = Callable[[], None]
"""Called after each step."""


@dataclass(frozen=True, slots=True)
class Lab:
    """Inputs of an evaluation; `quick` makes all runs a quarter as long, for rough figures; `sheet`: pages to judge by eye."""

    settings: Settings
    store: Store
    models: factory.Models
    recogniser: Recogniser
    people: tuple[Portrait, ...]
    clips: Path | None = None
    pairs: int = 200
    flicker_frames: int = 300
    quick: bool = False
    sheet: bool = False

    @property
    def studio(self) -> tuple[Portrait, ...]:
        """The studio portraits; all people where there are no two of them."""
        found = tuple(person for person in self.people if not person.is_everyday)
        return found if len({person.person for person in found}) > 1 else self.people

    def length(self, frames: int) -> int:
        """Return the number of frames, or pairs, to run of `frames`."""
        return max(8, frames // 4) if self.quick else frames

    def cast(self, number: int) -> tuple[Portrait, Portrait]:
        """Return source and target of synthetic scene `number`; random people where those of the table are absent."""
        source, target = (self.find(name) for name in _CAST[number % len(_CAST)])
        if source is not None and target is not None:
            return source, target
        chosen = choose_pairs(self.people, len(_CAST))
        return chosen[number % len(chosen)]

    def find(self, name: str) -> Portrait | None:
        """Return the portrait of this name, None when it is absent."""
        return next((person for person in self.people if person.name == name), None)

    def pipeline(self, source: Portrait) -> Pipeline:
        """Open the main path for a video. Raises `UsageError` when the portrait cannot be a source."""
        return factory.open_pipeline(self.settings, self.models, open_face(source, self.models))

    def picture_pipeline(self, source: Portrait) -> Pipeline:
        """Open the main path for a picture. Raises `UsageError` when the portrait cannot be a source."""
        return factory.open_picture_pipeline(self.settings, self.models, open_face(source, self.models))

    def bent(self, shot: Shot, result: FrameResult, shape: Floats) -> Shot:
        """Return the shot reshaped like the result but not swapped: the reference for the result.

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
        """Return the source's proportions at rest, float32 (478, 3) in the head frame."""
        return neutral(open_face(source, self.models).landmarks.points)

    def run(self, scene: Scene, source: Portrait) -> Iterator[tuple[Shot, FrameResult]]:
        """Yield every shot of a scene with its swap; the shot's picture is not changed."""
        pipeline = self.pipeline(source)
        for index in range(scene.length):
            shot = scene.draw(index)
            yield shot, pipeline.swap_frame(frame_of(shot.image, index))

    def run_live(self, scene: Scene, source: Portrait) -> Iterator[tuple[Shot, FrameResult]]:
        """Yield every shot of a scene with its swap as it is live: what is not sure is the wearer's, and hidden."""
        settings, models, memory = self.settings, self.models, StreamMemory(live=True)
        tracker = Tracker(models.detector, models.landmarker, settings, models.turned)
        retouch = models.retouch_for(settings)
        persona = open_persona(factory.open_engine(settings, models.sessions), open_face(source, models), retouch)
        for index in range(scene.length):
            shot = scene.draw(index)
            frame = frame_of(shot.image, index)
            faces = memory.observe(frame, tracker.update(frame), retouch, settings)
            worn = swap_faces(frame, faces, {face.track_id: persona for face in faces}, retouch, settings, memory)
            yield shot, FrameResult(frame, faces, worn)


def open_face(source: Portrait, models: factory.Models) -> SourceFace:
    """Return the portrait as a source face; raises `UsageError`."""
    try:
        return factory.open_source(source.image, models)
    except MienError as error:
        raise UsageError(f"{source.name}: {error}", "evaluate on clear portraits of one person each") from error


def frame_of(image: Image, index: int) -> Frame:
    """Return a copy of the picture as frame `index` at 30 frames a second."""
    return Frame(image.copy(), index, index, Fraction(1, _RATE_HZ))


def drawn_points(result: FrameResult) -> list[Floats]:
    """Return the landmarks of the faces as drawn."""
    return [face.landmarks.points for face in result.worn]


def nearest(faces: Sequence[Floats], points: Floats) -> Floats:
    """Return the landmarks nearest to `points`, or `points` without any."""
    middle = points[:, :2].mean(0)
    return min(faces, key=lambda face: float(np.linalg.norm(face[:, :2].mean(0) - middle)), default=points)

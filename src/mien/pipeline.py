"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.contracts import Engine, Finisher
from mien.facemodel import neutral
from mien.settings import Settings
from mien.stages.compose import compose
from mien.stages.film import as_filmed
from mien.stages.finish import finish
from mien.stages.mask import keep_occluders
from mien.stages.observe import Observer
from mien.stages.reshape import reshape
from mien.stages.select import wearers
from mien.stages.track import Tracker
from mien.types import Floats, Frame, FrameResult, SourceFace, TrackedFace


@dataclass(frozen=True, slots=True)
class Persona:
    """The face to wear, ready for an engine: `prepared` is what this engine has made of `source`.

    `shape` is float32 (478, 3): the proportions of the source at rest, in the head frame. Without a `finisher` the
    engine's patches are laid as they are.
    """

    engine: Engine
    source: SourceFace
    prepared: Any
    shape: Floats
    finisher: Finisher | None = None


def dress(engine: Engine, source: SourceFace, finisher: Finisher | None = None) -> Persona:
    """Prepare `source` for `engine`."""
    shapes = [neutral(photo.landmarks.points) for photo in (source, *source.others)]
    shape = np.asarray(np.mean(shapes, axis=0), np.float32)
    return Persona(engine, source, engine.prepare(source), shape, finisher)


class Pipeline:
    """Swaps the faces of one stream of frames; the tracker and the observer remember the frames before."""

    def __init__(self, tracker: Tracker, persona: Persona, settings: Settings) -> None:
        self._tracker = tracker
        self._observer = Observer()
        self._persona = persona
        self._settings = settings

    def swap_frame(self, frame: Frame) -> FrameResult:
        """The frame with its faces replaced, in place: the picture of `frame` is used up."""
        in_front = self._settings.occlusion != "off"
        faces = self._observer.observe(frame, self._tracker.update(frame), in_front=in_front)
        worn = swap_faces(frame, faces, self._persona, self._settings)
        return FrameResult(frame, faces, worn)


def swap_faces(frame: Frame, faces: tuple[TrackedFace, ...], persona: Persona, settings: Settings) -> tuple[TrackedFace, ...]:
    """Replace the faces in the picture of `frame`, in place; the faces that were replaced.

    Every patch is made before the first is laid: an engine that fails leaves every face its own skin, though bent.
    """
    faces = reshape(frame.image, faces, persona.shape, settings.shape * settings.opacity)
    patches = [(face, persona.engine.swap(frame, face, persona.prepared)) for face in wearers(faces)]
    kept = [(face, patch) for face, patch in patches if patch is not None]
    kept = [(face, keep_occluders(frame, face, patch)) for face, patch in kept]
    if persona.finisher is not None:
        kept = [(face, finish(frame, face, patch, persona.finisher)) for face, patch in kept]
    for face, patch in kept:
        compose(frame.image, as_filmed(frame, face, patch, settings.grain), settings.opacity)
    return tuple(face for face, _ in kept)

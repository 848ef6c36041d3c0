"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from typing import Any

from mien.contracts import Engine
from mien.settings import Settings
from mien.stages.compose import compose
from mien.stages.select import wearers
from mien.stages.track import Tracker
from mien.types import Frame, FrameResult, TrackedFace


class Pipeline:
    """Swaps the faces of one stream of frames; the tracker remembers the frames before."""

    def __init__(self, tracker: Tracker, engine: Engine, prepared: Any, settings: Settings) -> None:
        self._tracker = tracker
        self._engine = engine
        self._prepared = prepared
        self._settings = settings

    def swap_frame(self, frame: Frame) -> FrameResult:
        """The frame with its faces replaced, in place: the picture of `frame` is used up."""
        faces = self._tracker.update(frame)
        swapped = swap_faces(frame, faces, self._engine, self._prepared, self._settings)
        return FrameResult(frame, faces, len(swapped))


def swap_faces(
    frame: Frame, faces: tuple[TrackedFace, ...], engine: Engine, prepared: Any, settings: Settings
) -> tuple[TrackedFace, ...]:
    """Replace the faces in the picture of `frame`, in place; the faces that were replaced.

    Every patch is made before the first is laid: an engine that fails leaves the picture as it was.
    """
    patches = [(face, engine.swap(frame, face, prepared)) for face in wearers(faces)]
    for _, patch in patches:
        if patch is not None:
            compose(frame.image, patch, settings.opacity)
    return tuple(face for face, patch in patches if patch is not None)

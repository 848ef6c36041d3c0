"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from typing import Any

from mien.contracts import Engine
from mien.settings import Settings
from mien.stages.compose import compose
from mien.stages.select import wearers
from mien.stages.track import Tracker
from mien.types import Frame, FrameResult


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
        patches = [self._engine.swap(frame, face, self._prepared) for face in wearers(faces)]
        for patch in patches:
            if patch is not None:
                compose(frame.image, patch, self._settings.opacity)
        return FrameResult(frame, faces, sum(patch is not None for patch in patches))

"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.contracts import Engine, Enhancer, Finisher, Segmenter
from mien.face.mean_face import neutral
from mien.settings import Settings
from mien.swap.memory.observer import Observer
from mien.swap.memory.segmentation import Segmentation
from mien.swap.stages.compose import compose
from mien.swap.stages.enhance.stage import Enhancement
from mien.swap.stages.harmonise import finish
from mien.swap.stages.match_grain import as_filmed
from mien.swap.stages.occluders import keep_occluders
from mien.swap.stages.own_parts import keep_own
from mien.swap.stages.reshape import reshape
from mien.swap.stages.select import wearers
from mien.swap.tracking.tracker import Tracker
from mien.types import Floats, Frame, FrameResult, SourceFace, TrackedFace


@dataclass(frozen=True, slots=True)
class Retouch:
    """The networks that work on a face beside the engine; without any of them its patches are laid as they are."""

    finisher: Finisher | None = None
    segmenters: tuple[Segmenter, ...] = ()
    enhancer: Enhancer | None = None


@dataclass(frozen=True, slots=True)
class Persona:
    """The face to wear, ready for an engine: `prepared` is what this engine has made of `source`.

    `shape` is float32 (478, 3): the proportions of the source at rest, in the head frame; None for an engine that draws
    its own.
    """

    engine: Engine
    source: SourceFace
    prepared: Any
    shape: Floats | None
    retouch: Retouch


def dress(engine: Engine, source: SourceFace, retouch: Retouch | None = None) -> Persona:
    """Prepare `source` for `engine`."""
    shape = None
    if engine.bends:
        shapes = [neutral(photo.landmarks.points) for photo in (source, *source.others)]
        shape = np.asarray(np.mean(shapes, axis=0), np.float32)
    return Persona(engine, source, engine.prepare(source), shape, Retouch() if retouch is None else retouch)


class Memory:
    """What is remembered of the faces of one stream of frames; `live` as in `Enhancement` and `Segmentation`."""

    def __init__(self, *, live: bool = False) -> None:
        self._live = live
        self._observer = Observer()
        self._segmentation = Segmentation(live=live)
        self.enhancement = Enhancement(live=live)

    def reset(self) -> None:
        """Another stream: nothing that was known holds."""
        self._observer.reset()
        self._segmentation.reset()
        self.enhancement.reset()

    def close(self) -> bool:
        """The stream is over: end the enhancer's thread; False when the network holds it still."""
        return self.enhancement.close()

    def see(
        self, frame: Frame, faces: tuple[TrackedFace, ...], retouch: Retouch, settings: Settings
    ) -> tuple[TrackedFace, ...]:
        """The faces with what is known of them.

        What stands before them is told by the networks that were chosen, in files and live; else, and with `occlusion` = on
        besides, by the faces' usual looks.
        """
        segmenters = () if settings.occlusion == "off" else retouch.segmenters
        told = self._segmentation.update(frame, faces, segmenters)
        in_front = settings.occlusion == "on" or (settings.occlusion == "files" and not self._live and not segmenters)
        return self._observer.observe(frame, faces, in_front=in_front, told=told)


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame whose faces are tracked and observed; its picture is still as it was."""

    frame: Frame
    faces: tuple[TrackedFace, ...]


class Pipeline:
    """Swaps the faces of one stream of frames; the tracker and the memory know the frames before.

    `track` needs nothing of what `swap` makes: one thread may track the frames that come while another one swaps. Each of
    the two takes every frame, in order.
    """

    def __init__(self, tracker: Tracker, persona: Persona, settings: Settings) -> None:
        self._tracker = tracker
        self._memory = Memory()
        self._persona = persona
        self._settings = settings

    def swap_frame(self, frame: Frame) -> FrameResult:
        """The frame with its faces replaced, in place: the picture of `frame` is used up."""
        return self.swap(self.track(frame))

    def track(self, frame: Frame) -> SeenFrame:
        """The faces of the frame and what is known of them; the picture is not changed."""
        faces = self._memory.see(frame, self._tracker.update(frame), self._persona.retouch, self._settings)
        return SeenFrame(frame, faces)

    def swap(self, seen: SeenFrame) -> FrameResult:
        """The frame with its faces replaced, in place."""
        worn = swap_faces(seen.frame, seen.faces, self._persona, self._settings, self._memory)
        return FrameResult(seen.frame, seen.faces, worn)


def swap_faces(
    frame: Frame, faces: tuple[TrackedFace, ...], persona: Persona, settings: Settings, memory: Memory
) -> tuple[TrackedFace, ...]:
    """Replace the faces in the picture of `frame`, in place; the faces that were replaced.

    Every patch is made before the first is laid: an engine that fails leaves every face its own skin, though bent.
    """
    if persona.shape is not None:
        faces = reshape(frame.image, faces, persona.shape, settings.shape * settings.opacity)
    wearing = wearers(faces)
    patches = zip(wearing, persona.engine.swap(frame, wearing, persona.prepared), strict=True)
    kept = [(face, patch) for face, patch in patches if patch is not None]
    kept = [(face, keep_own(face, keep_occluders(frame, face, patch), settings)) for face, patch in kept]
    retouch = persona.retouch
    if retouch.finisher is not None:
        kept = [(face, finish(frame, face, patch, retouch.finisher)) for face, patch in kept]
    if retouch.enhancer is not None:
        # Not the persona, which is another one whenever a slider moves, and would be held with all its networks.
        kept = memory.enhancement.enhance(frame, kept, retouch.enhancer, settings, persona.prepared)
    # Who asks for an enhancer wants more detail than the picture has: it is not to be taken away again.
    focus = 1.0 if retouch.enhancer is None else 1.0 - settings.enhance_blend
    for face, patch in kept:
        compose(frame.image, as_filmed(frame, face, patch, settings.grain, focus), settings.opacity)
    return tuple(face for face, _ in kept)

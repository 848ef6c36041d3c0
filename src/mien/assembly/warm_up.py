"""Compilation of the pixel kernels before the first frame."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mien.contracts import Engine
from mien.face.aligned_crop import crop_to
from mien.face.mean_face import face_model
from mien.face.texels import SIDE
from mien.imaging import geometry
from mien.imaging.blend import lay_below, resurface
from mien.models.format.parsing import SIDE as CROP_SIDE
from mien.models.format.parsing import TEMPLATE, FaceClass
from mien.settings import Settings
from mien.swap.memory.hands import Hands
from mien.swap.memory.observer import Observer
from mien.swap.memory.parsing import Parsing
from mien.swap.memory.segmentation import Segmentation
from mien.swap.persona import Persona, Retouch, open_persona
from mien.swap.pipeline import swap_faces
from mien.swap.stream_memory import StreamMemory
from mien.types import LIVE_TIME_BASE, Focus, Frame, Grain, Image, Landmarks, ParsedFace, SourceFace, TrackedFace

_FRAMES = 7  # until the memory of a track has used all of its kernels
_TRAIL_PIXELS = 9  # of motion blur, so that its kernel runs
_SIDE = 160  # pixels; a small picture compiles the same kernels


class _Echo:
    """A `contracts.Enhancer` that adds nothing."""

    template, side = "ffhq_512", 128

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        return list(crops)


def warm_up(engine: Engine, settings: Settings) -> None:
    """Run the main path on noise with a face that moves, is grainy and has an occluder."""
    draw = np.random.default_rng(0)
    noise = draw.integers(60, 190, (_SIDE, _SIDE, 3), np.uint8)
    picture = np.asarray(cv2.blur(noise, (_TRAIL_PIXELS, 1)), np.uint8)
    points = (face_model().shape * np.float32(40) + np.array([80, 70, 0], np.float32)).astype(np.float32)
    face = TrackedFace(0, Landmarks(points, 1.0), 1)
    wide = Landmarks((points * np.array([1.1, 1, 1], np.float32)).astype(np.float32), 1.0)
    observer, persona = Observer(), open_persona(engine, SourceFace(noise, wide, "warm-up"), Retouch(enhancer=_Echo()))
    memory = StreamMemory()
    # Neither face of this run has a beard.
    resurface(picture.copy(), (0, 0, _SIDE, _SIDE), np.zeros((4, 4, 6), np.float32), 1.0)
    grey = np.ascontiguousarray(picture[:, :, 0])
    lay_below(picture.copy(), grey.copy(), picture, grey, 0, 0, np.ones(3, np.float32))
    occluder = np.zeros((SIDE, SIDE), np.uint8)
    occluder[SIDE // 2 :] = 255
    shares = np.zeros((len(FaceClass), CROP_SIDE, CROP_SIDE), np.uint8)
    shares[FaceClass.RIM] = 255
    glasses = ParsedFace(shares, geometry.apply(crop_to(TEMPLATE, CROP_SIDE, points), points[:, :2]))
    for index in range(_FRAMES):
        frame = Frame(picture.copy(), index, index, LIVE_TIME_BASE)
        (seen,) = observer.observe(frame, (face,))
        assert seen.known is not None
        known = replace(
            seen.known,
            occluder=occluder,
            motion_xy=(_TRAIL_PIXELS, 0.0),
            grain=Grain(3.0, 2.0, 1.0, True),
            focus=Focus(2.0, 0.5, _TRAIL_PIXELS),
            parsed=glasses,
        )
        swap_faces(frame, (replace(seen, known=known),), {0: persona}, persona.retouch, settings, memory)


def try_on(persona: Persona) -> None:
    """Run the networks of a persona once, on its own photo: the first run of a network is slower than the others."""
    source = persona.source
    frame = Frame(source.image.copy(), 0, 0, LIVE_TIME_BASE)
    face = TrackedFace(0, source.landmarks, 1)
    persona.engine.swap(frame, [face], persona.prepared)
    Segmentation().update(frame, (face,), persona.retouch.segmenters)
    Hands().update(frame, (face,), {}, persona.retouch.hand_finder)
    Parsing().update(frame, (face,), persona.retouch.parser)
    enhancer = persona.retouch.enhancer
    if enhancer is not None:
        enhancer.enhance([np.asarray(cv2.resize(source.image, (enhancer.side, enhancer.side)), np.uint8)])

"""Detail that an enhancing network adds to worn faces.

The network sees a face in an aligned square. What it adds is kept as detail (`detail`) and added to this and the next
frames' patches, carried along with the mesh: a look that comes late is less fresh, but never at another place. Where the face
has changed since, its detail fades; without any, the face is worn as the engine drew it.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.contracts import Enhancer
from mien.face.aligned_crop import crop_to, cut_by
from mien.imaging import geometry
from mien.settings import Settings
from mien.swap.stages.compose import compose, in_frame
from mien.swap.stages.enhance.detail import add_detail, added, drift, follow_detail, is_stale
from mien.swap.stages.enhance.worker import Worker
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Mask, TrackedFace

_CALM_S = 0.1
"""Time in which what is shown follows a fresh look: networks see other pores in every frame."""
_PAUSE_S = 0.5
"""After a longer gap between two frames nothing is led over."""
_FADES_S, _OLDEST_S = 3.0, 5.0
"""Age of a look from which its detail fades, and at which it is gone."""
_OTHER_LIGHT = 1.2
"""The ratio of a face's brightness from which on it needs another look."""
_MOST_GAIN = 1.25
_GROWN = 1.3
"""How many times finer the face may be seen than when it was looked at."""
_LEAST_SIDE = 32
_COARSER = 1.15
"""How many times coarser than the frame and the network's square a patch may be; a coarser one is brought to frame pixels."""
_FAILURES_SAID = 5
_log = logging.getLogger(__name__)

Pairs = Sequence[tuple[TrackedFace, FacePatch]]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """How a face lies in the enhancer's square at one moment.

    `points` float32 (478, 2): the landmarks as shares of the square; `scale`: pixels of the network's square for one of the
    frame; `light`: how bright the patch is, in levels; `unit`: the template's eye distance as a share of the square.
    """

    frame_to_square: Affine
    points: Floats
    scale: float
    light: float
    time_s: float
    unit: float


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What the network has added, int16 (k, k, 3), to the face as it was seen then."""

    view: _View
    detail: Array


@dataclass(slots=True, eq=False)
class _Known:
    """What is remembered of a track: the last look, what is shown of it, in the look's square, when and for how many frames."""

    look: _Look
    shown: Array
    time_s: float
    frames: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """A square, BGR uint8 (s, s, 3), for the network; `cover` uint8 (k, k): where the worn face is in it."""

    track_id: int
    view: _View
    square: Image
    cover: Mask


Sheet = tuple[Enhancer, tuple[_Question, ...]]
"""Questions that are asked together."""
Looks = dict[int, _Look]


class Enhancement:
    """The memory of one stream of frames; give it every frame, in order.

    `live`: with `enhance_every` 0 the network runs in a thread of its own and frames never wait for it, and an error of the
    network is said in the log; the faces go on without its detail. Otherwise it is raised.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._live = live
        self._known: dict[int, _Known] = {}
        self._since_s: dict[int, float] = {}
        self._wearing: object = None
        self._worker: Worker[Sheet, Looks] | None = None
        self._failures = 0

    def reset(self) -> None:
        """Another stream: nothing that was known holds, nor what the thread is still looking at."""
        self._known, self._since_s = {}, {}

    def close(self) -> bool:
        """End the thread; False when the network holds it still: it is left behind and ends when it is let go."""
        worker, self._worker = self._worker, None
        return worker is None or worker.stop()

    def enhance(
        self, frame: Frame, worn: Pairs, enhancer: Enhancer, settings: Settings, wearing: object
    ) -> list[tuple[TrackedFace, FacePatch]]:
        """The same faces with finer patches; `frame` is as it was before any patch is laid, and is not changed.

        `wearing` is what the engine has made of whoever is worn: when it is another object than in the frame before, nothing
        that was known holds. Masks stay as they are. Raises whatever the enhancer raises, unless live.
        """
        if settings.enhance_blend == 0 or wearing is not self._wearing:
            self.reset()
            self._wearing = wearing
        if settings.enhance_blend == 0:
            return list(worn)
        views = {face.track_id: _view(face, patch, enhancer, frame.time_s) for face, patch in worn}
        self._known = {number: known for number, known in self._known.items() if number in views}
        for known in self._known.values():
            known.frames += 1
        self._since_s = {number: self._since_s.get(number, frame.time_s) for number in views}
        if self._live and settings.enhance_every == 0:
            self._ask_worker(frame, worn, views, enhancer)
        else:
            self._look(frame, worn, views, enhancer, max(1, settings.enhance_every))
        return [(face, self._finer(frame, face, patch, views[face.track_id], settings.enhance_blend)) for face, patch in worn]

    def _look(self, frame: Frame, worn: Pairs, views: Mapping[int, _View], enhancer: Enhancer, every: int) -> None:
        """Have the network look at those faces that are due, in one go."""
        due = [(face, patch) for face, patch in worn if self._is_due(face.track_id, views[face.track_id], every)]
        if not due:
            return
        sheet = _sheet(frame, due, views, enhancer)
        looks = self._tried(sheet) if self._live else _answered(sheet)
        for number, look in looks.items():
            self._take(number, look, frame.time_s, at_once=True)

    def _ask_worker(self, frame: Frame, worn: Pairs, views: Mapping[int, _View], enhancer: Enhancer) -> None:
        """Take what the thread has found out, and give it this frame when it is free."""
        if self._worker is None:
            self._worker = Worker("mien-enhance", self._tried)
        for number, look in (self._worker.answer() or {}).items():
            if number in views and look.view.time_s >= self._since_s[number]:
                self._take(number, look, frame.time_s, at_once=False)
        if worn and self._worker.idle:
            self._worker.ask(_sheet(frame, worn, views, enhancer))

    def _tried(self, sheet: Sheet) -> Looks:
        """The answers, none after an error, which is said in the log."""
        try:
            looks = _answered(sheet)
        except Exception as error:  # noqa: BLE001 - thread border: whatever a network does, the picture goes on
            self._failures += 1
            if self._failures <= _FAILURES_SAID:
                _log.warning("the enhancer failed, faces go on without its detail: %s", error)
            return {}
        self._failures = 0
        return looks

    def _is_due(self, number: int, view: _View, every: int) -> bool:
        known = self._known.get(number)
        if known is None or known.frames >= every:
            return True
        then = known.look.view
        return (
            is_stale(then.points, view.points, view.unit)
            or abs(view.time_s - then.time_s) > _FADES_S
            or not 1 / _OTHER_LIGHT < _brighter(then, view) < _OTHER_LIGHT
            or max(then.scale, 1.0) > _GROWN * max(view.scale, 1.0)
        )

    def _take(self, number: int, look: _Look, time_s: float, *, at_once: bool) -> None:
        """Lead what is shown over to a fresh look; `at_once`: a face of which nothing was shown shows it all."""
        known = self._known.get(number)
        shown = look.detail
        if known is None and not at_once:
            shown = np.zeros_like(look.detail)
        keep = 0.0 if known is None else _keep(time_s - known.time_s)
        if known is not None and keep > 0:
            shown = np.empty_like(look.detail)
            way = drift(known.look.view.points, look.view.points, look.view.unit)
            follow_detail(known.shown, way, keep, look.detail, shown)
        self._known[number] = _Known(look, shown, time_s)

    def _finer(self, frame: Frame, face: TrackedFace, patch: FacePatch, view: _View, blend: float) -> FacePatch:
        """The patch with what is known of the face's detail; in frame pixels where its own are too coarse for it."""
        fine = _fine(patch, view, frame.image)
        known = self._known.get(face.track_id)
        if known is None:
            return fine
        self._settle(known, view.time_s)
        then = known.look.view
        fades = (_OLDEST_S - abs(view.time_s - then.time_s)) / (_OLDEST_S - _FADES_S)
        strength = blend * min(_brighter(then, view), _MOST_GAIN) * min(max(fades, 0.0), 1.0)
        if strength == 0:
            return fine
        crop = fine.crop.copy(order="C")
        to_square = geometry.then(fine.crop_to_frame, view.frame_to_square).astype(np.float32)
        way = drift(then.points, view.points, view.unit)
        add_detail(crop, np.ascontiguousarray(fine.mask), known.shown, way, to_square, strength)
        return replace(fine, crop=crop)

    def _settle(self, known: _Known, time_s: float) -> None:
        """What is shown goes on towards the last look, frame by frame."""
        elapsed_s = time_s - known.time_s
        if elapsed_s == 0:
            return
        known.time_s = time_s
        if known.shown is known.look.detail:
            return
        keep = _keep(elapsed_s) if time_s - known.look.view.time_s < _OLDEST_S else 0.0
        known.shown = np.asarray(cv2.addWeighted(known.look.detail, 1 - keep, known.shown, keep, 0), np.int16)


def _sheet(frame: Frame, worn: Pairs, views: Mapping[int, _View], enhancer: Enhancer) -> Sheet:
    return enhancer, tuple(_question(frame, patch, views[face.track_id], face.track_id, enhancer.side) for face, patch in worn)


def _answered(sheet: Sheet) -> Looks:
    enhancer, questions = sheet
    squares = enhancer.enhance([question.square for question in questions])
    return {question.track_id: _looked(question, square) for question, square in zip(questions, squares, strict=True)}


def _looked(question: _Question, enhanced: Image) -> _Look:
    """What was added, as fine as the frame can show it."""
    side_wh = question.cover.shape[1], question.cover.shape[0]
    before, after = (
        square if square.shape[:2] == question.cover.shape else cv2.resize(square, side_wh, interpolation=cv2.INTER_AREA)
        for square in (question.square, enhanced)
    )
    return _Look(question.view, added(np.asarray(before, np.uint8), np.asarray(after, np.uint8), question.cover))


def _brighter(then: _View, now: _View) -> float:
    return max(now.light, 1.0) / max(then.light, 1.0)


def _keep(elapsed_s: float) -> float:
    """How much of what is shown stays after so long."""
    return math.exp(-elapsed_s / _CALM_S) if 0 <= elapsed_s < _PAUSE_S else 0.0


def _view(face: TrackedFace, patch: FacePatch, enhancer: Enhancer, time_s: float) -> _View:
    points, side, template = face.landmarks.points, enhancer.side, geometry.TEMPLATES[enhancer.template]
    frame_to_pixels = crop_to(enhancer.template, side, points)
    to_square = frame_to_pixels / side
    to_square[:, 2] += 0.5 / side
    light = float(np.mean(cv2.mean(patch.crop, patch.mask)[:3]))
    unit = float(np.linalg.norm(template[1] - template[0]))
    own = geometry.apply(to_square, points[:, :2])
    return _View(to_square, own, geometry.scale_of(frame_to_pixels), light, time_s, unit)


def _question(frame: Frame, patch: FacePatch, view: _View, track_id: int, side: int) -> _Question:
    """The face as it would be worn, in the network's square; the frame's border is led on beyond it."""
    square_to_frame = geometry.invert(view.frame_to_square)
    x1, y1, x2, y2 = geometry.box_of(geometry.apply(square_to_frame, np.array([[0, 0], [1, 0], [1, 1], [0, 1]])))
    height, width = frame.image.shape[:2]
    left, top = max(0, min(int(x1) - 2, width - 2)), max(0, min(int(y1) - 2, height - 2))
    right, bottom = max(left + 2, min(int(x2) + 3, width)), max(top + 2, min(int(y2) + 3, height))
    part = frame.image[top:bottom, left:right].copy()
    compose(part, replace(patch, crop_to_frame=patch.crop_to_frame - np.array([[0, 0, left], [0, 0, top]])))
    part_to_square = geometry.then(np.array([[1.0, 0, left], [0, 1.0, top]]), view.frame_to_square)
    square = cut_by(part, _in_pixels(part_to_square, side), side).image
    seen = _seen_side(view, side)
    patch_to_square = geometry.then(patch.crop_to_frame, view.frame_to_square)
    cover = cv2.warpAffine(patch.mask, _in_pixels(patch_to_square, seen), (seen, seen), flags=cv2.INTER_LINEAR)
    return _Question(track_id, view, square, np.asarray(cover, np.uint8))


def _in_pixels(to_square: Affine, side: int) -> Affine:
    """The same transform into pixels of a square of this side."""
    pixels = to_square * side
    pixels[:, 2] -= 0.5
    return pixels


def _seen_side(view: _View, side: int) -> int:
    """The side at which the square is as fine as the frame, in steps of half octaves, so that it seldom changes."""
    steps = max(0, math.floor(2 * math.log2(view.scale)))
    return max(min(_LEAST_SIDE, side), round(side * 2 ** (-steps / 2)))


def _fine(patch: FacePatch, view: _View, image: Image) -> FacePatch:
    """The patch, in frame pixels if it is too coarse to hold the detail; there it looks as the composer would lay it."""
    own = geometry.scale_of(patch.crop_to_frame)
    if own <= _COARSER * max(1.0, 1 / view.scale):
        return patch
    laid = in_frame(patch, image.shape[1], image.shape[0])
    return patch if laid is None else laid

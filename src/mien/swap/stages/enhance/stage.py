"""Enhance worn faces by the detail that a restorer adds.

The network sees a face in an aligned square. The difference it makes is stored (`detail`) and added to the patches of this
frame and the next ones, carried along with the mesh: late detail is less fresh, not misplaced. Where the face has changed
since, its detail fades; without any, the face is worn as the engine drew it.
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

LOGGED_FAILURES = 5  # failures in a row that are logged; the rest would flood the log
_log = logging.getLogger(__name__)

Pairs = Sequence[tuple[TrackedFace, FacePatch]]


@dataclass(frozen=True, slots=True)
class EnhanceTuning:
    """Detail over time."""

    follow_s: float = 0.1
    """Time constant with which the shown detail follows fresh detail: networks see other pores in every frame."""
    pause_s: float = 0.5
    """After a longer gap between two frames nothing is faded over."""
    fades_s: float = 3.0
    oldest_s: float = 5.0
    """Age from which detail fades, and at which it is gone."""
    other_light: float = 1.2
    """The ratio of a face's brightness from which the network must run again."""
    max_gain: float = 1.25
    """The most that detail is amplified on a face that has become brighter."""
    grown: float = 1.3
    """Growth of a face in the frame from which the network must run again."""
    min_side: int = 32
    """Pixels of the smallest square in which detail is stored."""
    coarser: float = 1.15
    """A patch coarser than the frame and the network's square by more than this is first brought to frame pixels."""


TUNING = EnhanceTuning()


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """Position of a face in the enhancer's square at one moment.

    `points` float32 (478, 2): the landmarks as shares of the square; `scale`: pixels of the network's square for one of the
    frame; `light`: the brightness of the patch in levels; `unit`: the template's eye distance as a share of the square.
    """

    frame_to_square: Affine
    points: Floats
    scale: float
    light: float
    time_s: float
    unit: float


@dataclass(frozen=True, slots=True, eq=False)
class _Enhanced:
    """The detail, int16 (k, k, 3), that the network added to the face at the time of `view`."""

    view: _View
    detail: Array


@dataclass(slots=True, eq=False)
class _TrackDetail:
    """Detail of a track: the latest from the network, the one `shown` in its square at `time_s`, and its age in frames."""

    latest: _Enhanced
    shown: Array
    time_s: float
    frames: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """A square, BGR uint8 (s, s, 3), for the network; `worn` uint8 (k, k) is the opacity of the worn face in it."""

    track_id: int
    view: _View
    square: Image
    worn: Mask


Batch = tuple[Enhancer, tuple[_Request, ...]]
"""Requests that run together."""
Results = dict[int, _Enhanced]
"""Enhanced faces by `track_id`."""


class Enhancement:
    """Detail of the faces of one stream of frames; give it every frame, in order.

    `live`: with `enhance_every` 0 the network runs in a thread of its own and frames never wait for it, and an error of the
    network is logged; the faces continue without its detail. Otherwise it is raised.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._live = live
        self._known: dict[int, _TrackDetail] = {}
        self._since_s: dict[int, float] = {}
        self._wearing: dict[int, object] = {}
        self._worker: Worker[Batch, Results] | None = None
        self._failures = 0

    def reset(self) -> None:
        """Forget all detail, also of the request that is being worked on: another stream begins."""
        self._known, self._since_s, self._wearing = {}, {}, {}

    def close(self) -> bool:
        """End the thread; False when the network still holds it: it is abandoned and ends after that run."""
        worker, self._worker = self._worker, None
        return worker is None or worker.stop()

    def enhance(
        self, frame: Frame, worn: Pairs, enhancer: Enhancer | None, settings: Settings, wearing: Mapping[int, object]
    ) -> list[tuple[TrackedFace, FacePatch]]:
        """Return the same faces with finer patches; `frame` is as it was before any patch is laid, and is not changed.

        `wearing` holds by `track_id` what the engine has prepared of the face's persona: when it is another object than in the
        frame before, the detail of that face is forgotten. Masks stay as they are. Without an enhancer the patches come back as
        they are. Errors of the enhancer pass through, unless live.
        """
        if enhancer is None:
            return list(worn)
        if settings.enhance_blend == 0:
            self.reset()
            return list(worn)
        self._forget_changed(wearing)
        views = {face.track_id: _view(face, patch, enhancer, frame.time_s) for face, patch in worn}
        self._known = {number: known for number, known in self._known.items() if number in views}
        for known in self._known.values():
            known.frames += 1
        self._since_s = {number: self._since_s.get(number, frame.time_s) for number in views}
        if self._live and settings.enhance_every == 0:
            self._submit(frame, worn, views, enhancer)
        else:
            self._run(frame, worn, views, enhancer, max(1, settings.enhance_every))
        return [(face, self._finer(frame, face, patch, views[face.track_id], settings.enhance_blend)) for face, patch in worn]

    def _forget_changed(self, wearing: Mapping[int, object]) -> None:
        """Forget the detail of each face that wears something else than before."""
        for number, before in self._wearing.items():
            if wearing.get(number) is not before:
                self._known.pop(number, None)
                self._since_s.pop(number, None)
        self._wearing = dict(wearing)

    def _run(self, frame: Frame, worn: Pairs, views: Mapping[int, _View], enhancer: Enhancer, every: int) -> None:
        """Run the network on the faces that are due, as one batch."""
        due = [(face, patch) for face, patch in worn if self._is_due(face.track_id, views[face.track_id], every)]
        if not due:
            return
        batch = _batch(frame, due, views, enhancer)
        results = self._tried(batch) if self._live else _results(batch)
        for number, enhanced in results.items():
            self._take(number, enhanced, frame.time_s, at_once=True)

    def _submit(self, frame: Frame, worn: Pairs, views: Mapping[int, _View], enhancer: Enhancer) -> None:
        """Take the results of the thread, and submit this frame when it is idle."""
        if self._worker is None:
            self._worker = Worker("mien-enhance", self._tried)
        for number, enhanced in (self._worker.take_result() or {}).items():
            if number in views and enhanced.view.time_s >= self._since_s[number]:
                self._take(number, enhanced, frame.time_s, at_once=False)
        if worn and self._worker.idle:
            self._worker.submit(_batch(frame, worn, views, enhancer))

    def _tried(self, batch: Batch) -> Results:
        """Return the results, none after an error, which is logged."""
        try:
            results = _results(batch)
        except Exception as error:  # noqa: BLE001 - thread border: the picture goes on after any error of a network
            self._failures += 1
            if self._failures <= LOGGED_FAILURES:
                _log.warning("enhancer failed; faces continue without its detail: %s", error)
            return {}
        self._failures = 0
        return results

    def _is_due(self, number: int, view: _View, every: int) -> bool:
        known = self._known.get(number)
        if known is None or known.frames >= every:
            return True
        then = known.latest.view
        return (
            is_stale(then.points, view.points, view.unit)
            or abs(view.time_s - then.time_s) > TUNING.fades_s
            or not 1 / TUNING.other_light < _brighter(then, view) < TUNING.other_light
            or max(then.scale, 1.0) > TUNING.grown * max(view.scale, 1.0)
        )

    def _take(self, number: int, enhanced: _Enhanced, time_s: float, *, at_once: bool) -> None:
        """Fade the shown detail over to fresh detail; `at_once`: a face without detail shows all of it."""
        known = self._known.get(number)
        shown = enhanced.detail
        if known is None and not at_once:
            shown = np.zeros_like(enhanced.detail)
        keep = 0.0 if known is None else _keep(time_s - known.time_s)
        if known is not None and keep > 0:
            shown = np.empty_like(enhanced.detail)
            way = drift(known.latest.view.points, enhanced.view.points, enhanced.view.unit)
            follow_detail(known.shown, way, keep, enhanced.detail, shown)
        self._known[number] = _TrackDetail(enhanced, shown, time_s)

    def _finer(self, frame: Frame, face: TrackedFace, patch: FacePatch, view: _View, blend: float) -> FacePatch:
        """Return the patch with the face's detail; in frame pixels where its own are too coarse for it."""
        fine = _fine(patch, view, frame.image)
        known = self._known.get(face.track_id)
        if known is None:
            return fine
        self._settle(known, view.time_s)
        then = known.latest.view
        fades = (TUNING.oldest_s - abs(view.time_s - then.time_s)) / (TUNING.oldest_s - TUNING.fades_s)
        strength = blend * min(_brighter(then, view), TUNING.max_gain) * min(max(fades, 0.0), 1.0)
        if strength == 0:
            return fine
        crop = fine.crop.copy(order="C")
        to_square = geometry.then(fine.crop_to_frame, view.frame_to_square).astype(np.float32)
        way = drift(then.points, view.points, view.unit)
        add_detail(crop, np.ascontiguousarray(fine.mask), known.shown, way, to_square, strength)
        return replace(fine, crop=crop)

    def _settle(self, known: _TrackDetail, time_s: float) -> None:
        """Move the shown detail on towards the latest, frame by frame."""
        elapsed_s = time_s - known.time_s
        if elapsed_s == 0:
            return
        known.time_s = time_s
        if known.shown is known.latest.detail:
            return
        keep = _keep(elapsed_s) if time_s - known.latest.view.time_s < TUNING.oldest_s else 0.0
        known.shown = np.asarray(cv2.addWeighted(known.latest.detail, 1 - keep, known.shown, keep, 0), np.int16)


def _batch(frame: Frame, worn: Pairs, views: Mapping[int, _View], enhancer: Enhancer) -> Batch:
    return enhancer, tuple(_request(frame, patch, views[face.track_id], face.track_id, enhancer.side) for face, patch in worn)


def _results(batch: Batch) -> Results:
    enhancer, requests = batch
    squares = enhancer.enhance([request.square for request in requests])
    return {request.track_id: _enhanced(request, square) for request, square in zip(requests, squares, strict=True)}


def _enhanced(request: _Request, square_after: Image) -> _Enhanced:
    """Return the added detail, as fine as the frame can show it."""
    side_wh = request.worn.shape[1], request.worn.shape[0]
    before, after = (
        square if square.shape[:2] == request.worn.shape else cv2.resize(square, side_wh, interpolation=cv2.INTER_AREA)
        for square in (request.square, square_after)
    )
    return _Enhanced(request.view, added(np.asarray(before, np.uint8), np.asarray(after, np.uint8), request.worn))


def _brighter(then: _View, now: _View) -> float:
    return max(now.light, 1.0) / max(then.light, 1.0)


def _keep(elapsed_s: float) -> float:
    """Return the share of the shown detail that stays after a time."""
    return math.exp(-elapsed_s / TUNING.follow_s) if 0 <= elapsed_s < TUNING.pause_s else 0.0


def _view(face: TrackedFace, patch: FacePatch, enhancer: Enhancer, time_s: float) -> _View:
    points, side, template = face.landmarks.points, enhancer.side, geometry.TEMPLATES[enhancer.template]
    frame_to_pixels = crop_to(enhancer.template, side, points)
    to_square = frame_to_pixels / side
    to_square[:, 2] += 0.5 / side
    light = float(np.mean(cv2.mean(patch.crop, patch.mask)[:3]))
    unit = float(np.linalg.norm(template[1] - template[0]))
    own = geometry.apply(to_square, points[:, :2])
    return _View(to_square, own, geometry.scale_of(frame_to_pixels), light, time_s, unit)


def _request(frame: Frame, patch: FacePatch, view: _View, track_id: int, side: int) -> _Request:
    """Return the face as it would be worn, in the network's square; the frame's border is replicated beyond it."""
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
    worn = cv2.warpAffine(patch.mask, _in_pixels(patch_to_square, seen), (seen, seen), flags=cv2.INTER_LINEAR)
    return _Request(track_id, view, square, np.asarray(worn, np.uint8))


def _in_pixels(to_square: Affine, side: int) -> Affine:
    """Return the same transform into pixels of a square of this side."""
    pixels = to_square * side
    pixels[:, 2] -= 0.5
    return pixels


def _seen_side(view: _View, side: int) -> int:
    """Return the side at which the square is as fine as the frame, in steps of half octaves, so that it seldom changes."""
    steps = max(0, math.floor(2 * math.log2(view.scale)))
    return max(min(TUNING.min_side, side), round(side * 2 ** (-steps / 2)))


def _fine(patch: FacePatch, view: _View, image: Image) -> FacePatch:
    """Return the patch, in frame pixels if it is too coarse to hold the detail, as `compose` would lay it."""
    own = geometry.scale_of(patch.crop_to_frame)
    if own <= TUNING.coarser * max(1.0, 1 / view.scale):
        return patch
    laid = in_frame(patch, image.shape[1], image.shape[0])
    return patch if laid is None else laid

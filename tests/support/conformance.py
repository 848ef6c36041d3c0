"""What every implementation of a contract has to do: one suite a Protocol, called by the tests of each implementation.

A suite takes a recipe (`make_...`) instead of an object, because most checks need a fresh one.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from mien.contracts import (
    AgeEstimator,
    ContentClassifier,
    Detector,
    Engine,
    Enhancer,
    FrameSink,
    FrameSource,
    Landmarker,
    Recogniser,
    Segmenter,
    Session,
)
from mien.imaging.geometry import TEMPLATES
from mien.types import LANDMARK_COUNT, Array, FacePatch, Floats, Frame, Image, LabelledFrame, Landmarks, SourceFace, TrackedFace

_MOST_FRAMES = 24
"""Frames that are read of a source that may be endless."""


class _InterruptionError(Exception):
    """Stands for anything that goes wrong in the middle of a `with`."""


def source_suite(make_source: Callable[[], FrameSource]) -> None:
    """Checks of a `FrameSource`; a source with at least two frames and no failure in the first 24."""
    assert isinstance(make_source(), FrameSource)
    _frames_agree_with_the_info(make_source)
    _order_is_kept(make_source)
    _frames_may_be_changed_and_stay_as_they_are(make_source)
    _the_end_stays_the_end(make_source)
    _errors_pass_through_a_source(make_source)


def _read_some(source: FrameSource) -> list[Frame]:
    frames = []
    for _ in range(_MOST_FRAMES):
        frame = source.read()
        if frame is None:
            break
        frames.append(frame)
    assert len(frames) >= 2, "the suite needs a source with at least two frames"
    return frames


def _frames_agree_with_the_info(make_source: Callable[[], FrameSource]) -> None:
    with make_source() as source:
        info = source.info
        frames = _read_some(source)
    assert {frame.image.shape for frame in frames} == {(info.height, info.width, 3)}
    assert {frame.time_base for frame in frames} == {info.time_base}
    assert info.rate is None or info.rate > 0


def _order_is_kept(make_source: Callable[[], FrameSource]) -> None:
    with make_source() as source:
        frames = _read_some(source)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times)), "presentation times rise from frame to frame"


def _frames_may_be_changed_and_stay_as_they_are(make_source: Callable[[], FrameSource]) -> None:
    with make_source() as source:
        first = source.read()
        assert first is not None
        assert first.image.flags.writeable, "the pipeline swaps in place"
        before = first.image.copy()
        second = source.read()
        assert second is not None
        assert np.array_equal(first.image, before), "a frame must not change when the next one is read"
        kept = second.image.copy()
        first.image[:] = 0
        assert np.array_equal(second.image, kept), "two frames must not share their pixels"


def _the_end_stays_the_end(make_source: Callable[[], FrameSource]) -> None:
    with make_source() as source:
        if len(_read_some(source)) < _MOST_FRAMES:
            assert source.read() is None
            assert source.read() is None


def _errors_pass_through_a_source(make_source: Callable[[], FrameSource]) -> None:
    with pytest.raises(_InterruptionError):
        _read_and_break(make_source())


def _read_and_break(source: FrameSource) -> None:
    with source:
        source.read()
        raise _InterruptionError


@dataclass(frozen=True, slots=True)
class SinkUnderTest:
    """A fresh sink and the way to see, after it was left, what it kept; None when it keeps nothing by design."""

    sink: FrameSink
    kept: Callable[[], Sequence[Image]] | None


def sink_suite(
    make_sink: Callable[[], SinkUnderTest], make_frames: Callable[[], Sequence[LabelledFrame]], tolerance: float = 0.0
) -> None:
    """Checks of a `FrameSink`; `tolerance` is the mean difference of pixels that a lossy format may cause."""
    assert isinstance(make_sink().sink, FrameSink)
    _all_frames_are_kept(make_sink, make_frames, tolerance)
    _nothing_is_kept_after_an_error(make_sink, make_frames)


def _all_frames_are_kept(
    make_sink: Callable[[], SinkUnderTest], make_frames: Callable[[], Sequence[LabelledFrame]], tolerance: float
) -> None:
    tested, frames = make_sink(), make_frames()
    wanted = [labelled.frame.image.copy() for labelled in frames]
    with tested.sink as sink:
        for labelled in frames:
            sink.write(labelled)
            # The sink may keep no reference: the array belongs to the caller again.
            labelled.frame.image[:] = 0
    if tested.kept is None:
        return
    found = tested.kept()
    assert len(found) == len(wanted)
    for image, expected in zip(found, wanted, strict=True):
        assert image.shape == expected.shape
        assert np.abs(image.astype(np.int16) - expected).mean() <= tolerance


def _nothing_is_kept_after_an_error(
    make_sink: Callable[[], SinkUnderTest], make_frames: Callable[[], Sequence[LabelledFrame]]
) -> None:
    tested, frames = make_sink(), make_frames()
    with pytest.raises(_InterruptionError):
        _write_and_break(tested.sink, frames[0])
    if tested.kept is not None:
        assert not tested.kept()


def _write_and_break(sink: FrameSink, labelled: LabelledFrame) -> None:
    with sink:
        sink.write(labelled)
        raise _InterruptionError


def session_suite(make_session: Callable[[], Session], feed: Mapping[str, Array]) -> None:
    """Checks of a `Session`; `feed` is one valid set of inputs."""
    session = make_session()
    assert isinstance(session, Session)
    assert session.provider
    assert set(session.inputs) == set(feed)
    assert all(_fits(feed[name].shape, shape) for name, shape in session.inputs.items())
    before = {name: value.copy() for name, value in feed.items()}
    alone = session.run(feed)
    assert all(np.array_equal(before[name], value) for name, value in feed.items()), "inputs are not changed"
    assert set(alone) == set(session.outputs)
    assert all(_fits(alone[name].shape, shape) for name, shape in session.outputs.items())
    with ThreadPoolExecutor(4) as threads:
        for together in threads.map(session.run, [feed] * 8):
            assert all(np.array_equal(alone[name], value) for name, value in together.items())


def _fits(found: tuple[int, ...], announced: Sequence[int | str | None]) -> bool:
    return len(found) == len(announced) and all(
        not isinstance(size, int) or size == real for real, size in zip(found, announced, strict=True)
    )


def detector_suite(make_detector: Callable[[], Detector], image: Image, faces: int) -> None:
    """Checks of a `Detector`; `faces` is the number of faces in `image`."""
    assert isinstance(make_detector(), Detector)
    before = image.copy()
    found = make_detector().detect(image)
    assert np.array_equal(image, before)
    assert len(found) == faces
    assert [detection.score for detection in found] == sorted((entry.score for entry in found), reverse=True)
    for detection in found:
        left, top, right, bottom = detection.box_xyxy
        assert left < right
        assert top < bottom
        assert detection.points.shape == (5, 2)
        assert detection.points.dtype == np.float32
        assert 0 <= detection.score <= 1
    boxes = [detection.box_xyxy for detection in found]
    assert all(_overlap(a, b) < 0.5 for number, a in enumerate(boxes) for b in boxes[:number])


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two xyxy boxes."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def landmarker_suite(make_landmarker: Callable[[], Landmarker], image: Image, five_points: Floats) -> None:
    """Checks of a `Landmarker`; `five_points`, float32 (5, 2), are those of a face in `image`."""
    landmarker = make_landmarker()
    assert isinstance(landmarker, Landmarker)
    before = image.copy()
    found = landmarker.fit(image, five_points)
    again = landmarker.fit(image, found.points)
    assert np.array_equal(image, before)
    for landmarks in (found, again):
        assert landmarks.points.shape == (LANDMARK_COUNT, 3)
        assert landmarks.points.dtype == np.float32
        assert np.isfinite(landmarks.points).all()
        assert 0.5 < landmarks.presence <= 1
    size = float(np.ptp(found.points[:, :2], axis=0).max())
    moved = np.linalg.norm(found.points[:, :2] - again.points[:, :2], axis=1)
    assert moved.mean() < 0.05 * size, "a face at rest is found again where it was"


def recogniser_suite(make_recogniser: Callable[[], Recogniser], image: Image, landmarks: Landmarks) -> None:
    """Checks of a `Recogniser` on one face."""
    recogniser = make_recogniser()
    assert isinstance(recogniser, Recogniser)
    assert recogniser.limits.cluster > 0
    before = image.copy()
    first, second = recogniser.describe(image, landmarks), recogniser.describe(image.copy(), landmarks)
    assert np.array_equal(image, before)
    assert first.ndim == 1
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.linalg.norm(first - second) < recogniser.limits.cluster / 10


def age_suite(make_estimator: Callable[[], AgeEstimator], image: Image, landmarks: Landmarks) -> None:
    """Checks of an `AgeEstimator` on one face."""
    estimator = make_estimator()
    assert isinstance(estimator, AgeEstimator)
    before, points = image.copy(), landmarks.points.copy()
    age = estimator.age(image, landmarks)
    assert np.array_equal(image, before), "the picture is not changed"
    assert np.array_equal(landmarks.points, points)
    assert isinstance(age, float)
    assert 0 < age < 120
    assert make_estimator().age(image.copy(), landmarks) == age


def classifier_suite(make_classifier: Callable[[], ContentClassifier], image: Image) -> None:
    """Checks of a `ContentClassifier`; `image` is harmless and at least 64 pixels wide and high."""
    classifier = make_classifier()
    assert isinstance(classifier, ContentClassifier)
    before = image.copy()
    score = classifier.score(image)
    assert np.array_equal(image, before), "the picture is not changed"
    assert isinstance(score, float)
    assert 0 <= score < 0.5
    assert make_classifier().score(image.copy()) == score
    for shape in ((64, 64), (1, 1), (64, 1), (1, 64)):
        assert 0 <= classifier.score(image[: shape[0], : shape[1]]) <= 1, "any size, views, too"
    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(make_classifier().score, [image])) == {score}


def enhancer_suite(make_enhancer: Callable[[], Enhancer]) -> None:
    """Checks of an `Enhancer`."""
    enhancer = make_enhancer()
    assert isinstance(enhancer, Enhancer)
    assert enhancer.template in TEMPLATES
    shape = enhancer.side, enhancer.side, 3
    crops = [np.random.default_rng(seed).integers(0, 256, shape, np.uint8) for seed in range(2)]
    before = [crop.copy() for crop in crops]
    together = enhancer.enhance(crops)
    assert all(np.array_equal(a, b) for a, b in zip(before, crops, strict=True)), "crops are not changed"
    assert all(each.shape == shape and each.dtype == np.uint8 for each in together)
    assert len(together) == 2
    for crop, enhanced in zip(crops, together, strict=True):
        assert np.array_equal(make_enhancer().enhance([crop])[0], enhanced), "each crop for itself"
    assert enhancer.enhance([]) == []


def segmenter_suite(make_segmenter: Callable[[], Segmenter], crops: Sequence[Image]) -> None:
    """Checks of a `Segmenter`; `crops`, at least two and not alike, have its side."""
    segmenter = make_segmenter()
    assert isinstance(segmenter, Segmenter)
    assert segmenter.template in TEMPLATES
    before = [crop.copy() for crop in crops]
    together = segmenter.visible(crops)
    alone = [segmenter.visible([crop])[0] for crop in crops]
    assert all(np.array_equal(a, b) for a, b in zip(before, crops, strict=True)), "crops are not changed"
    for one, mask in zip(alone, together, strict=True):
        assert mask.shape == (segmenter.side, segmenter.side)
        assert mask.dtype == np.uint8
        assert np.abs(mask.astype(np.int16) - one).max() <= 1, "a crop's mask does not depend on its neighbours"
    assert segmenter.visible([]) == []


def engine_suite(make_engine: Callable[[], Engine], source: SourceFace, frame: Frame, face: TrackedFace) -> None:
    """Checks of an `Engine`; `face` lies wholly in `frame`."""
    engine = make_engine()
    assert isinstance(engine, Engine)
    assert engine.name
    prepared = engine.prepare(source)
    before = frame.image.copy()
    (first,) = engine.swap(frame, [face], prepared)
    assert np.array_equal(frame.image, before), "the frame is not changed"
    assert first is not None
    _patch_lies_in_the_frame(first, frame)
    # What was prepared is not used up: the same frame gives the same patch, and so does another engine.
    _same_patch(first, engine.swap(frame, [face], prepared)[0])
    other = make_engine()
    _same_patch(first, other.swap(frame, [face], other.prepare(source))[0])
    away = face.landmarks.points + np.array([frame.image.shape[1] * 3, 0, 0], np.float32)
    stranger = TrackedFace(2, Landmarks(away, 1.0), 1)
    none, again = engine.swap(frame, [stranger, face], prepared)
    assert none is None
    _same_patch(first, again)
    assert engine.swap(frame, [], prepared) == []


def _patch_lies_in_the_frame(patch: FacePatch, frame: Frame) -> None:
    assert patch.crop.dtype == np.uint8
    assert patch.mask.dtype == np.uint8
    assert patch.crop.shape == (*patch.mask.shape, 3)
    assert patch.mask.any()
    rows, columns = np.nonzero(patch.mask)
    middle = patch.crop_to_frame @ np.array([columns.mean(), rows.mean(), 1.0])
    height, width = frame.image.shape[:2]
    assert 0 <= middle[0] < width
    assert 0 <= middle[1] < height


def _same_patch(first: FacePatch, second: FacePatch | None) -> None:
    assert second is not None
    assert np.array_equal(first.crop, second.crop)
    assert np.array_equal(first.mask, second.mask)
    assert np.array_equal(first.crop_to_frame, second.crop_to_frame)

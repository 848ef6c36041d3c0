"""The fakes keep their contracts."""

from fractions import Fraction

import numpy as np
import pytest

from mien.contracts import FrameSink
from mien.errors import SourceLost
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.testing import (
    CollectingSink,
    FakeAgeEstimator,
    FakeClassifier,
    FakeDetector,
    FakeEngine,
    FakeLandmarker,
    FakeRecogniser,
    FakeSession,
    NullSink,
    SyntheticCamera,
    pattern,
)
from mien.types import LANDMARK_COUNT, Detection, Frame, LabelledFrame, Landmarks, SourceFace, TrackedFace
from tests.support import conformance


def _landmarks(left: float = 40, top: float = 30, size: float = 60) -> Landmarks:
    points = np.random.default_rng(0).random((LANDMARK_COUNT, 3), np.float32) * np.float32(size)
    points[:, :2] += np.array([left, top], np.float32)
    return Landmarks(points, 0.9)


def _detection(score: float, left: float = 10) -> Detection:
    return Detection((left, 10, left + 20, 30), np.full((5, 2), 20, np.float32), score)


def _labelled_frames() -> list[LabelledFrame]:
    labeller = Labeller(Settings(), Marker(0xABCDEF))
    return [labeller.label(Frame(pattern(160, 120, step), step, step, Fraction(1, 30))) for step in range(3)]


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(dict[str, object](), id="endless"),
        pytest.param({"frames": 5}, id="five frames"),
        pytest.param({"frames": 9, "dropped": {0, 3, 4, 8}}, id="drops, also first and last"),
        pytest.param({"frames": 9, "late": {2: 900, 5: 2000}}, id="late frames"),
        pytest.param({"images": [pattern(64, 48, 0), pattern(64, 48, 9)]}, id="given pictures"),
        pytest.param({"rate": Fraction(30000, 1001)}, id="29.97"),
    ],
)
def test_the_camera_is_a_source(recipe: dict[str, object]) -> None:
    conformance.source_suite(lambda: SyntheticCamera(**recipe))  # type: ignore[arg-type]


def test_the_camera_shows_drops_and_delays_in_its_times() -> None:
    times = []
    with SyntheticCamera(frames=6, dropped={2}, late={4: 45}) as camera:
        while (frame := camera.read()) is not None:
            times.append(frame.pts)
    assert times == [0, 3000, 9000, 12045, 15000]


def test_the_camera_goes_away_when_told() -> None:
    with SyntheticCamera(lost_at=2) as camera:
        assert camera.read() is not None
        assert camera.read() is not None
        with pytest.raises(SourceLost):
            camera.read()


def test_the_camera_is_not_read_outside_its_with() -> None:
    camera = SyntheticCamera()
    with pytest.raises(RuntimeError, match="with"):
        camera.read()


def test_the_collecting_sink_keeps_its_contract() -> None:
    def make() -> conformance.SinkUnderTest:
        sink = CollectingSink()
        return conformance.SinkUnderTest(sink, lambda: [frame.image for frame in sink.frames])

    conformance.sink_suite(make, _labelled_frames)


def test_the_null_sink_keeps_its_contract_and_counts() -> None:
    conformance.sink_suite(lambda: conformance.SinkUnderTest(NullSink(), None), _labelled_frames)
    sink = NullSink()
    assert isinstance(sink, FrameSink)
    for labelled in _labelled_frames():
        sink.write(labelled)
    assert sink.written == 3


def _session() -> FakeSession:
    return FakeSession({"image": (1, 3, "height", None)}, {"points": np.arange(6.0).reshape(1, 6)})


def test_the_session_keeps_its_contract() -> None:
    conformance.session_suite(_session, {"image": np.zeros((1, 3, 8, 9), np.float32)})


def test_the_session_remembers_its_inputs() -> None:
    session, fed = _session(), np.ones((1, 3, 2, 2), np.float32)
    session.run({"image": fed})
    fed[:] = 7
    assert session.calls[0]["image"].max() == 1


@pytest.mark.parametrize(
    ("fed", "says"),
    [
        pytest.param({}, "inputs are", id="none"),
        pytest.param({"picture": np.zeros((1, 3, 2, 2))}, "inputs are", id="another name"),
        pytest.param({"image": np.zeros((1, 4, 2, 2))}, "shape", id="another shape"),
        pytest.param({"image": np.zeros((3, 2, 2))}, "shape", id="a dimension less"),
    ],
)
def test_the_session_refuses_what_a_model_would(fed: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _session().run(fed)


def test_the_detector_keeps_its_contract() -> None:
    answer = [_detection(0.5), _detection(0.9, left=60)]
    conformance.detector_suite(lambda: FakeDetector(answer), pattern(100, 80, 0), faces=2)
    conformance.detector_suite(FakeDetector, pattern(100, 80, 0), faces=0)


def test_the_detector_repeats_its_last_answer() -> None:
    detector = FakeDetector([], [_detection(0.8)])
    assert [len(detector.detect(pattern(8, 8, 0))) for _ in range(3)] == [0, 1, 1]
    assert detector.calls == 3


def test_the_landmarker_keeps_its_contract() -> None:
    five = np.zeros((5, 2), np.float32)
    conformance.landmarker_suite(lambda: FakeLandmarker(_landmarks()), pattern(160, 120, 0), five)


def test_the_landmarker_refuses_other_points_and_an_empty_script() -> None:
    with pytest.raises(ValueError, match="around"):
        FakeLandmarker(_landmarks()).fit(pattern(8, 8, 0), np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match="at least one"):
        FakeLandmarker()


def test_the_recogniser_keeps_its_contract() -> None:
    conformance.recogniser_suite(FakeRecogniser, pattern(64, 64, 0), _landmarks())


def test_the_age_estimator_keeps_its_contract_and_its_script() -> None:
    conformance.age_suite(FakeAgeEstimator, pattern(64, 64, 0), _landmarks())
    estimator = FakeAgeEstimator(12.0, 30.0)
    assert [estimator.age(pattern(8, 8, 0), _landmarks()) for _ in range(3)] == [12.0, 30.0, 30.0]
    assert estimator.calls == 3


def test_the_classifier_keeps_its_contract_and_its_script() -> None:
    conformance.classifier_suite(FakeClassifier, pattern(64, 64, 0))
    classifier = FakeClassifier(0.1, 0.9)
    assert [classifier.score(pattern(8, 8, 0)) for _ in range(3)] == [0.1, 0.9, 0.9]
    assert classifier.calls == 3


@pytest.mark.parametrize("left", [40, -20, 130], ids=["inside", "over the left border", "over the right border"])
def test_the_engine_keeps_its_contract(left: float) -> None:
    frame = Frame(pattern(160, 120, 0), 0, 0, Fraction(1, 30))
    source = SourceFace(pattern(100, 100, 3), _landmarks(), "digest")
    conformance.engine_suite(FakeEngine, source, frame, TrackedFace(1, _landmarks(left), 1))

"""SCRFD and YOLO-face: decoded as a slow reference of plain loops does, and used from end to end with stand-ins."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from mien.assembly import factory
from mien.commands.main import main
from mien.contracts import Detector
from mien.errors import ModelMismatch
from mien.imaging.geometry import box_of
from mien.models.format.ports import Shape
from mien.models.library.store import Store
from mien.models.networks.detectors.candidates import Candidates
from mien.models.networks.detectors.letterbox import letterbox
from mien.models.networks.detectors.pyramid import Pyramid
from mien.models.networks.detectors.scrfd import Scrfd
from mien.models.networks.detectors.yoloface import YoloFace
from mien.models.networks.detectors.yunet import YuNet, YuNetSession
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.swap.tracking.shared_detector import SharedDetector
from mien.testing import FakeDetector, FakeSession
from mien.types import Array, Detection, Frame, Image
from tests.support import conformance
from tests.support.portraits import COLLINS, HOPPER, models, portrait, read
from tests.support.standins import make_small, standin_store
from tests.support.standins.small import SCRFD_NAMES

Row = tuple[float, ...]
"""x1, y1, x2, y2, five times x and y, score."""


class _Drawn:
    """A session with random answers, the same for the same input shape; what it was fed last is in `fed`."""

    provider = "none"

    def __init__(
        self, inputs: dict[str, Shape], outputs: dict[str, Shape], answer: Callable[[Array], dict[str, Array]]
    ) -> None:
        self.inputs: Mapping[str, Shape] = inputs
        self.outputs: Mapping[str, Shape] = outputs
        self.dtypes: Mapping[str, str] = dict.fromkeys((*inputs, *outputs), "float32")
        self.fed: Array = np.zeros(0)
        self.gave: dict[str, Array] = {}
        self._answer = answer

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        ((_, self.fed),) = inputs.items()
        self.gave = self._answer(self.fed)
        return self.gave


def _scrfd_session(anchors: int = 2) -> _Drawn:
    sizes = 1, 4, 10

    def answer(blob: Array) -> dict[str, Array]:
        draw = np.random.default_rng(11)
        answers = {}
        for number, name in enumerate(SCRFD_NAMES):
            stride, size = (8, 16, 32)[number % 3], sizes[number // 3]
            rows = anchors * (blob.shape[2] // stride) * (blob.shape[3] // stride)
            drawn = draw.uniform(0, 1, (rows, size)) if size == 1 else draw.uniform(0.4, 4, (rows, size))
            answers[name] = drawn.astype(np.float32)
        return answers

    outputs: dict[str, Shape] = {name: (f"rows_{number}", sizes[number // 3]) for number, name in enumerate(SCRFD_NAMES)}
    return _Drawn({"input.1": (1, 3, "?", "?")}, outputs, answer)


def _yolo_session() -> _Drawn:
    def answer(blob: Array) -> dict[str, Array]:
        draw = np.random.default_rng(12)
        rows = draw.uniform(0, 640, (1, 20, 8400)).astype(np.float32)
        rows[:, 2:4] = draw.uniform(-5, 90, (1, 2, 8400))
        rows[:, 4] = draw.uniform(0, 1, (1, 8400)) ** 3
        return {"output": rows}

    return _Drawn({"input": (1, 3, 640, 640)}, {"output": (1, 20, 8400)}, answer)


def _picture(height: int, width: int) -> Image:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def _slow_scrfd_blob(image: Image) -> Array:
    height, width = image.shape[:2]
    padded_h, padded_w = (height + 31) // 32 * 32, (width + 31) // 32 * 32
    blob = np.zeros((1, 3, padded_h, padded_w))
    for y in range(padded_h):
        for x in range(padded_w):
            for channel in range(3):
                value = float(image[y, x, 2 - channel]) if y < height and x < width else 0.0
                blob[0, channel, y, x] = (value - 127.5) / 128.0
    return blob


def _slow_scrfd_rows(answers: dict[str, Array], padded_h: int, padded_w: int, least: float) -> list[Row]:
    rows: list[Row] = []
    for number, stride in enumerate((8, 16, 32)):
        scores, boxes, points = (answers[SCRFD_NAMES[number + 3 * kind]] for kind in range(3))
        place = 0
        for row in range(padded_h // stride):
            for column in range(padded_w // stride):
                for _ in range(2):
                    x, y = column * stride, row * stride
                    if scores[place, 0] >= least:
                        left, top, right, bottom = (float(side) * stride for side in boxes[place])
                        spots = []
                        for point in range(5):
                            spots += [
                                x + float(points[place, 2 * point]) * stride,
                                y + float(points[place, 2 * point + 1]) * stride,
                            ]
                        rows.append((x - left, y - top, x + right, y + bottom, *spots, float(scores[place, 0])))
                    place += 1
    return rows


def _slow_yolo_rows(answer: Array, least: float) -> list[Row]:
    rows: list[Row] = []
    for place in range(answer.shape[2]):
        numbers = [float(answer[0, number, place]) for number in range(20)]
        x, y, width, height, score = numbers[:5]
        if score >= least and width > 0 and height > 0:
            spots = [numbers[5 + 3 * point + axis] for point in range(5) for axis in (0, 1)]
            rows.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2, *spots, score))
    return rows


def _slow_best(rows: list[Row], most_overlap: float) -> list[Row]:
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: -row[14]):
        if all(_overlap(row, other) <= most_overlap for other in kept):
            kept.append(row)
    return kept


def _overlap(a: Row, b: Row) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _as_rows(found: list[Detection]) -> Array:
    return np.array([(*each.box_xyxy, *each.points.ravel().tolist(), each.score) for each in found])


def test_scrfd_does_what_the_slow_reference_does() -> None:
    session, image = _scrfd_session(), _picture(75, 110)
    found = Scrfd("scrfd", session, longer_side=640, min_score=0.5).detect(image)
    blob = _slow_scrfd_blob(image)
    assert np.abs(session.fed - blob).max() < 1e-4
    wanted = _slow_best(_slow_scrfd_rows(session.gave, blob.shape[2], blob.shape[3], 0.5), 0.4)
    assert len(wanted) > 10
    assert np.abs(_as_rows(found) - np.array(wanted)).max() < 1e-4


def test_yoloface_does_what_the_slow_reference_does() -> None:
    session, image = _yolo_session(), _picture(60, 90)
    found = YoloFace("yoloface", session, min_score=0.5).detect(image)
    blob = np.zeros((1, 3, 640, 640))
    for y in range(60):
        for x in range(90):
            for channel in range(3):
                blob[0, channel, y, x] = float(image[y, x, channel]) / 255.0
    assert np.abs(session.fed - blob).max() < 1e-4
    wanted = _slow_best(_slow_yolo_rows(session.gave["output"], 0.5), 0.4)
    assert len(wanted) > 10
    assert np.abs(_as_rows(found) - np.array(wanted)).max() < 1e-4


def test_a_large_picture_is_made_smaller_and_what_is_found_is_brought_back() -> None:
    session = _scrfd_session()
    found = Scrfd("scrfd", session, longer_side=320, min_score=0.9).detect(_picture(400, 1000))
    assert session.fed.shape == (1, 3, 128, 320)
    wanted = np.array(_slow_best(_slow_scrfd_rows(session.gave, 128, 320, 0.9), 0.4))
    wanted[:, :14] *= 1000 / 320
    assert np.allclose(_as_rows(found), wanted, rtol=1e-5, atol=1e-3)
    session = _yolo_session()
    YoloFace("yoloface", session).detect(_picture(400, 1000))
    assert session.fed.shape == (1, 3, 640, 640)
    assert np.all(session.fed[0, :, 256:] == 0)


def test_a_picture_is_never_made_larger() -> None:
    image = _picture(40, 50)
    canvas, back = letterbox(image, 640, 32)
    assert canvas.shape == (64, 64, 3)
    assert np.array_equal(canvas[:40, :50], image)
    assert not canvas[40:].any()
    assert not canvas[:, 50:].any()
    assert back.tolist() == [1, 1]
    assert letterbox(_picture(2, 3000), 320, 32)[0].shape == (32, 320, 3)


@pytest.mark.parametrize("count", [6, 10, 15])
def test_scrfd_with_another_number_of_outputs_is_refused_in_words(count: int) -> None:
    answers = {f"out_{number}": np.zeros((8, 1), np.float32) for number in range(count)}
    with pytest.raises(ModelMismatch, match=f"det_x has {count} outputs, expected are 9"):
        Scrfd("det_x", FakeSession({"input": (1, 3, None, None)}, answers))


def test_outputs_in_another_order_are_refused() -> None:
    session = _scrfd_session()
    session.outputs = dict(reversed(list(session.outputs.items())))
    with pytest.raises(ModelMismatch, match=r"output '500' has shape \? x 10, expected is \? x 1"):
        Scrfd("det_x", session)


def test_one_anchor_a_cell_is_refused_when_it_is_opened() -> None:
    with pytest.raises(ModelMismatch, match=r"gives 64 x 1 scores.* at stride 8 for 64 x 64 pixels, expected are 128"):
        Scrfd("det_x", _scrfd_session(anchors=1))


def test_another_role_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="xseg_1"):
        YoloFace("xseg_1", OnnxSession("xseg_1", make_small("xseg")))
    with pytest.raises(ModelMismatch, match="yoloface_8n has 1 outputs"):
        Scrfd("yoloface_8n", OnnxSession("yoloface_8n", make_small("yoloface")))


def test_broken_numbers_are_left_out() -> None:
    boxes = np.array([[0, 0, 9, 9], [0, 0, np.nan, 9], [5, 5, 5, 9], [20, 0, np.inf, 9], [30, 0, 39, 9]], np.float32)
    candidates = Candidates(boxes, np.zeros((5, 5, 2), np.float32), np.array([0.5, 0.9, 0.9, 0.9, 0.8], np.float32))
    found = candidates.best(np.ones(2, np.float32), 0.4)
    assert [each.box_xyxy for each in found] == [(30, 0, 39, 9), (0, 0, 9, 9)]
    none = Candidates(boxes[:0], np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))
    assert none.best(np.ones(2, np.float32), 0.4) == []


def _standin(family: str, **options: Any) -> Detector:
    session = OnnxSession(f"standin_{family}", make_small(family, **options))
    if family == "yoloface":
        return YoloFace("standin_yoloface", session)
    return Scrfd("standin_scrfd", session)


STANDINS: dict[str, tuple[str, dict[str, Any]]] = {
    "scrfd": ("scrfd", {}),
    "scrfd as InsightFace names it": ("scrfd", {"names": "insightface"}),
    "yoloface": ("yoloface", {}),
    "yoloface as Ultralytics names it": ("yoloface", {"names": "ultralytics"}),
}


@pytest.mark.parametrize("what", STANDINS)
@pytest.mark.parametrize(("path", "faces"), [(COLLINS, 1), (HOPPER, 1), (None, 0)])
def test_stand_ins_find_what_yunet_finds(what: str, path: Path | None, faces: int) -> None:
    family, options = STANDINS[what]
    image = np.zeros((300, 200, 3), np.uint8) if path is None else portrait(path).image.copy()
    conformance.detector_suite(lambda: _standin(family, **options), image, faces)
    found = _standin(family, **options).detect(image)
    session = OnnxSession("yunet", models().sessions.store.read("yunet"))
    for ours, theirs in zip(found, YuNet(YuNetSession(session), longer_side=640).detect(image), strict=True):
        # Not quite: a canvas of other borders, and YuNet is fed whole numbers.
        assert np.abs(ours.points - theirs.points).max() < 0.02 * np.ptp(theirs.points, axis=0).max()
        assert abs(ours.score - theirs.score) < 0.02
        assert np.allclose(ours.box_xyxy, theirs.box_xyxy, atol=0.03 * (theirs.box_xyxy[2] - theirs.box_xyxy[0]))


def test_a_detector_that_takes_float16_is_refused() -> None:
    model = onnx.load_from_string(make_small("yoloface"))
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    widened = helper.make_node("Cast", ["input"], ["wide"], to=onnx.TensorProto.FLOAT)
    for node in model.graph.node:
        node.input[:] = ["wide" if name == "input" else name for name in node.input]
    model.graph.node.insert(0, widened)
    with pytest.raises(ModelMismatch, match="input 'input' holds float16, expected is float32"):
        YoloFace("yoloface_fp16", OnnxSession("yoloface_fp16", model.SerializeToString()))


def _detection(x: float, score: float) -> Detection:
    points = np.array([[x, 10], [x + 10, 10], [x + 5, 15], [x + 2, 20], [x + 8, 20]], np.float32)
    return Detection((x - 5, 0, x + 15, 25), points, score)


def test_the_pyramid_keeps_one_of_each_face() -> None:
    coarse, fine = FakeDetector((_detection(20, 0.9),)), FakeDetector((_detection(21, 0.95), _detection(100, 0.7)))
    image = np.zeros((200, 200, 3), np.uint8)
    assert [each.score for each in Pyramid([(320, fine), (160, coarse)]).detect(image)] == [0.95, 0.7]
    huge = FakeDetector((_detection(150, 0.99),))
    Pyramid([(160, coarse), (400, huge)]).detect(image)
    assert huge.calls == 0, "a picture is not searched at more than twice its size"


def test_live_another_detector_finds_and_covers_but_yunet_confirms() -> None:
    unlikely, missed, also = _detection(10, 0.4), _detection(100, 0.8), _detection(200, 0.9)
    look = SharedDetector([(320, FakeDetector((also, unlikely)))], 0.6, FakeDetector((missed,)))
    picture = np.zeros((200, 300, 3), np.uint8)
    assert look.detect(picture) == [missed], "what is found"
    assert look.low_confidence(picture) == [also, unlikely, missed], "what is covered unless it is explained"
    assert look.confirming(picture) == [also, unlikely], "what may be trusted"
    assert SharedDetector([(320, FakeDetector((also, unlikely)))], 0.6).detect(picture) == [also]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Two detectors and a segmenter are installed, for the command line, too."""
    made = standin_store(tmp_path, "scrfd", "yoloface", "xseg")
    monkeypatch.setattr("mien.commands.swap_run.Store", lambda: made)
    return made


@pytest.mark.parametrize("detector", ["standin_scrfd", "standin_yoloface"])
def test_a_picture_is_swapped_with_another_detector(detector: str, store: Store, tmp_path: Path) -> None:
    def swapped(name: str) -> Image:
        out = tmp_path / f"{name}.png"
        arguments = [COLLINS, HOPPER, "-o", out, "--detector", name, "--consent", "public-domain", "--quiet"]
        assert main(["swap", *map(str, arguments)]) == 0
        return read(out)

    ours, theirs, before = swapped(detector), swapped("yunet"), read(HOPPER)
    x1, y1, x2, y2 = (round(side) for side in box_of(portrait(HOPPER).landmarks.points))
    face = np.s_[y1:y2, x1:x2]
    changed = np.abs(ours[face].astype(np.int16) - before[face]).mean()
    assert changed > 5
    assert np.abs(ours[face].astype(np.int16) - theirs[face]).mean() < 0.3 * changed, "the same face at the same place"


def test_a_name_that_is_no_detector_is_refused_in_one_line(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, said in (("standin_xseg", "is a segmenter, not a detector"), ("nobody", "no model is called 'nobody'")):
        arguments = [COLLINS, HOPPER, "-o", tmp_path / "out.png", "--detector", name, "--consent", "public-domain"]
        assert main(["swap", *map(str, arguments)]) != 0
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("detector", ["standin_scrfd", "standin_yoloface"])
def test_live_tracking_with_another_detector(detector: str, store: Store) -> None:
    settings = Settings(detector=detector)
    parts = factory.open_tracking(settings, SessionCache(store))
    image = portrait(HOPPER).image.copy()
    for index in range(3):
        faces = parts.tracker.update(Frame(image.copy() if index == 1 else image, index, 33_333 * index, Fraction(1, 10**6)))
    assert len(faces) == 1
    assert parts.detector.confirming(image), "YuNet has seen it, too"
    assert len(parts.detector.low_confidence(image)) > len(parts.detector.confirming(image))


def test_the_session_is_shared_by_photos_videos_and_the_camera(store: Store) -> None:
    models = factory.open_models(Settings(detector="standin_scrfd"), store)
    image = portrait(COLLINS).image.copy()
    photo, video = models.photo_detector.detect(image), models.detector.detect(image)
    assert len(photo) == len(video) == 1
    entry = store.entry("standin_scrfd")
    assert models.sessions.session(entry) is models.sessions.session(entry)

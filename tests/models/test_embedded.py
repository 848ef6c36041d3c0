"""The embedded models: whole, of the right shape, and saying what is in the picture."""

import hashlib
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import contracts
from mien.errors import ModelDamaged, ModelMismatch, ModelMissing
from mien.imaging import geometry
from mien.models.format.ports import Shape, expect
from mien.models.library.store import Store
from mien.models.networks.detectors.yunet import STRIDES, YuNet, YuNetSession
from mien.models.networks.face_mesh import FaceMesh, MeshSession
from mien.models.networks.nsfw import OpenNsfw
from mien.models.networks.recognisers.face_id import FaceId, chip_of
from mien.models.runtime.onnx_session import OnnxSession, available_providers, version
from mien.types import Affine, Detection, Floats, Image, Landmarks
from tests.support.portraits import COLLINS, HOPPER, models, moved, portrait, recogniser
from tests.support.sessions import FakeSession

PORTRAITS = [COLLINS, HOPPER]
IDS = [entry.id for entry in Store().entries() if entry.bundled]
EYES = (33, 263)


def _yunet_session(height: int = 32, width: int = 64) -> FakeSession:
    sizes = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    names = {f"{kind}_{stride}": (stride, size) for stride in STRIDES for kind, size in sizes.items()}
    return FakeSession(
        {"input": (1, 3, "height", "width")},
        {name: (1, None, size) for name, (_, size) in names.items()},
        {
            name: np.zeros((1, (height // stride) * (width // stride), size), np.float32)
            for name, (stride, size) in names.items()
        },
    )


def _mesh_session(points: Floats, score: float = 1.0) -> FakeSession:
    return FakeSession(
        {"image": (1, 192, 192, 3)},
        {"landmarks": (1, 478, 3), "score": (1,)},
        {"landmarks": points[None], "score": np.array([score], np.float32)},
    )


def _gray(height: int, width: int) -> Image:
    return np.full((height, width, 3), 90, np.uint8)


def _placement(face: Landmarks, tall: float, angle: float, middle: tuple[float, float]) -> Affine:
    """The similarity that draws the face so tall (in pixels), turned, with its middle there."""
    x1, y1, x2, y2 = geometry.box_of(face.points)
    scale = tall / (y2 - y1)
    a, b = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    linear = np.array([[a, -b], [b, a]])
    return np.hstack([linear, (np.array(middle) - linear @ [(x1 + x2) / 2, (y1 + y2) / 2])[:, None]])


def _spots(points: Floats) -> Floats:
    """The detector's five points, read from a mesh."""
    pairs = np.array([(33, 133), (362, 263), (4, 4), (61, 61), (291, 291)])
    return np.asarray(points[pairs, :2].mean(1), np.float32)


def _error(found: Floats, truth: Floats) -> float:
    """Mean distance in eye distances."""
    eyes = float(np.linalg.norm(truth[EYES[0], :2] - truth[EYES[1], :2]))
    return float(np.linalg.norm(found[:, :2] - truth[:, :2], axis=1).mean()) / eyes


# The store


@pytest.mark.parametrize("model_id", IDS)
def test_each_bundled_file_is_the_one_of_the_catalogue(model_id: str) -> None:
    store = Store()
    entry, content = store.entry(model_id), store.read(model_id)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.bytes, entry.sha256)
    assert all((entry.licence, entry.credit, entry.origin, entry.feed, entry.role))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(Store().read("yunet"))
    content[len(content) // 2] ^= 1
    (tmp_path / "yunet.onnx").write_bytes(content)
    with pytest.raises(ModelDamaged, match="yunet") as caught:
        Store(tmp_path).read("yunet")
    assert caught.value.remedy
    assert caught.value.exit_code == 7


def test_a_truncated_or_empty_file_is_refused(tmp_path: Path) -> None:
    for content in (Store().read("yunet")[:-1], b""):
        (tmp_path / "yunet.onnx").write_bytes(content)
        with pytest.raises(ModelDamaged):
            Store(tmp_path).read("yunet")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="yunet") as caught:
        Store(tmp_path).read("yunet")
    assert caught.value.remedy


def test_a_folder_in_the_place_of_the_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").mkdir()
    with pytest.raises(ModelMissing):
        Store(tmp_path).read("yunet")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ModelMissing, match="no model is called"):
        Store().read("../yunet")


def test_another_folder_is_used_when_given(tmp_path: Path) -> None:
    shutil.copy(Store().path("yunet"), tmp_path)
    assert Store(tmp_path).path("yunet") == tmp_path / "yunet.onnx"
    assert Store(tmp_path).read("yunet") == Store().read("yunet")


# The runtime


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(1000)])
def test_what_is_no_model_is_damaged(content: bytes) -> None:
    with pytest.raises(ModelDamaged, match="nonsense"):
        OnnxSession("nonsense", content)


def test_a_session_states_what_it_is() -> None:
    session = OnnxSession("face_mesh_478", Store().read("face_mesh_478"))
    assert isinstance(session, contracts.Session)
    assert session.provider in available_providers()
    assert session.inputs == {"image": (1, 192, 192, 3)}
    assert session.outputs["landmarks"] == (1, 478, 3)
    assert version()


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        ((1, 192, 192, 3), True),
        ((None, "height", 192, 3), True),
        ((1, 3, 192, 192), False),
        ((192, 192, 3), False),
    ],
)
def test_shapes_fit_or_are_a_mismatch(found: Shape, fits: bool) -> None:
    if fits:
        expect("m", {"image": found}, {"image": (1, 192, 192, 3)}, "input")
    else:
        with pytest.raises(ModelMismatch, match="image"):
            expect("m", {"image": found}, {"image": (1, 192, 192, 3)}, "input")


def test_a_missing_name_is_a_mismatch() -> None:
    with pytest.raises(ModelMismatch, match="'image'"):
        expect("m", {"pixels": (1,)}, {"image": (1,)}, "input")


def test_a_model_of_another_family_is_refused() -> None:
    mesh, yunet = _mesh_session(np.zeros((478, 3), np.float32)), _yunet_session()
    with pytest.raises(ModelMismatch, match="yunet"):
        YuNetSession(mesh)
    with pytest.raises(ModelMismatch, match="face_mesh_478"):
        MeshSession(yunet)
    with pytest.raises(ModelMismatch, match="face_id_128"):
        FaceId(mesh)
    with pytest.raises(ModelMismatch, match="open_nsfw"):
        OpenNsfw(mesh)


def test_outputs_are_checked_too() -> None:
    mesh = _mesh_session(np.zeros((478, 3), np.float32))
    with pytest.raises(ModelMismatch, match="landmarks"):
        MeshSession(FakeSession(mesh.inputs, {"landmarks": (1, 468, 3), "score": (1,)}))
    yunet = _yunet_session()
    with pytest.raises(ModelMismatch, match="kps_16"):
        YuNetSession(FakeSession(yunet.inputs, {k: v for k, v in yunet.outputs.items() if k != "kps_16"}))


# The detector


def test_a_cell_is_decoded_to_frame_pixels() -> None:
    session = _yunet_session()
    cell = 1 * 8 + 3
    for kind, values in {"cls": [1.0], "obj": [0.81], "bbox": [0.5, 0.25, math.log(2), math.log(3)]}.items():
        session.answer[f"{kind}_8"][0, cell] = values
    session.answer["kps_8"][0, cell] = np.arange(10)
    (found,) = YuNet(YuNetSession(session), longer_side=64).detect(_gray(64, 128))
    assert found.score == pytest.approx(0.9)
    # The middle is at ((3 + 0.5) * 8, (1 + 0.25) * 8) = (28, 10) of the halved picture, 16 wide and 24 tall there.
    assert found.box_xyxy == pytest.approx((40, -4, 72, 44), abs=1e-4)
    np.testing.assert_allclose(found.points[0], [2 * 3 * 8, 2 * (1 + 1) * 8])
    np.testing.assert_allclose(found.points[4], [2 * (3 + 8) * 8, 2 * (1 + 9) * 8])


def test_the_detector_gets_a_padded_bgr_picture() -> None:
    session = _yunet_session(64, 64)
    image = np.zeros((40, 50, 3), np.uint8)
    image[:] = (10, 20, 30)
    YuNet(YuNetSession(session)).detect(image)
    blob = session.asked[0]["input"]
    assert blob.shape == (1, 3, 64, 64)
    np.testing.assert_array_equal(blob[0, :, 0, 0], [10, 20, 30])
    assert not blob[0, :, 40:].any()
    assert not blob[0, :, :, 50:].any()


def test_overlapping_cells_are_one_face_and_the_best_comes_first() -> None:
    session = _yunet_session()
    for cell, score in ((0, 0.7), (1, 0.8), (7, 0.9)):
        session.answer["cls_8"][0, cell], session.answer["obj_8"][0, cell] = 1, score * score
        session.answer["bbox_8"][0, cell] = [0, 0, math.log(3), math.log(3)]
    found = YuNet(YuNetSession(session)).detect(_gray(32, 64))
    assert [round(each.score, 3) for each in found] == [0.9, 0.8]


@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
@pytest.mark.parametrize("tall", [90, 180, 400])
@pytest.mark.parametrize("angle", [-25, 0, 25])
def test_a_face_is_found_at_any_size_and_tilt(path: Path, tall: float, angle: float) -> None:
    face = portrait(path)
    image, truth = moved(face, _placement(face.landmarks, tall, angle, (500, 333)), 1001, 667)
    found = models().detector.detect(image)
    best = max(found, key=lambda each: geometry.overlap(each.box_xyxy, geometry.box_of(truth.points)))
    assert geometry.overlap(best.box_xyxy, geometry.box_of(truth.points)) > 0.5
    off = np.linalg.norm(best.points - _spots(truth.points), axis=1).mean()
    assert off < 0.16 * tall


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (480, 641), (2000, 5)])
def test_nobody_is_found_where_nobody_is(size: tuple[int, int]) -> None:
    assert models().detector.detect(_gray(*size)) == []


def test_two_faces_are_two_detections() -> None:
    both = np.hstack([portrait(COLLINS).image[:500], portrait(HOPPER).image[:500]])
    found = models().detector.detect(both)
    assert len(found) == 2
    assert found[0].score >= found[1].score


# The face mesh


def _detection(image: Image) -> Detection:
    return models().detector.detect(image)[0]


@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
@pytest.mark.parametrize("angle", [-25, 0, 25])
def test_landmarks_converge_from_a_detection(path: Path, angle: float) -> None:
    face = portrait(path)
    image, truth = moved(face, _placement(face.landmarks, 240, angle, (640, 360)), 1280, 720)
    mesh, landmarks = models().landmarker, None
    errors = []
    around = _detection(image).points
    for _ in range(3):
        landmarks = mesh.fit(image, around)
        around = landmarks.points
        errors.append(_error(around, truth.points))
    assert landmarks is not None
    assert landmarks.presence > 0.99
    assert errors[1] < 0.05
    assert errors[2] < 0.04


@pytest.mark.parametrize("angle", [90, 180, -90])
def test_the_mesh_follows_any_roll_once_it_is_on_the_face(angle: float) -> None:
    face = portrait(COLLINS)
    image, truth = moved(face, _placement(face.landmarks, 240, angle, (640, 360)), 1280, 720)
    landmarks = models().landmarker.fit(image, truth.points)
    assert landmarks.presence > 0.99
    assert _error(landmarks.points, truth.points) < 0.03


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_the_mesh_finds_back_from_a_shifted_start(share: float) -> None:
    face = portrait(COLLINS)
    image, truth = moved(face, _placement(face.landmarks, 240, 0, (640, 360)), 1280, 720)
    eyes = float(np.linalg.norm(truth.points[EYES[0], :2] - truth.points[EYES[1], :2]))
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        start = truth.points.copy()
        start[:, :2] += share * eyes * np.array(direction, np.float32)
        assert _error(models().landmarker.fit(image, start).points, truth.points) < 0.06


def test_depth_scales_with_the_face() -> None:
    face, depths = portrait(COLLINS), []
    for tall in (150, 300):
        image, truth = moved(face, _placement(face.landmarks, tall, 0, (640, 360)), 1280, 720)
        depths.append(float(np.ptp(models().landmarker.fit(image, truth.points).points[:, 2])))
    assert depths[1] / depths[0] == pytest.approx(2, rel=0.08)


def test_there_is_no_face_in_a_plain_picture() -> None:
    assert models().landmarker.fit(_gray(720, 1280), portrait(COLLINS).landmarks.points).presence < 0.1


def test_a_start_outside_or_without_extent_is_survived() -> None:
    image = portrait(COLLINS).image
    for start in (np.full((478, 3), 5000, np.float32), np.zeros((5, 2), np.float32)):
        landmarks = models().landmarker.fit(image, start)
        assert np.isfinite(landmarks.points).all()
        assert landmarks.presence < 0.5


def test_the_crop_is_upright_rgb_from_0_to_1() -> None:
    points = np.zeros((478, 3), np.float32)
    session = _mesh_session(points)
    image = np.zeros((400, 400, 3), np.uint8)
    image[:] = (255, 51, 0)
    start = portrait(COLLINS).landmarks.points
    FaceMesh(MeshSession(session)).fit(image, start)
    blob = session.asked[0]["image"]
    assert blob.shape == (1, 192, 192, 3)
    assert blob.dtype == np.float32
    np.testing.assert_allclose(blob[0, 96, 96], [0, 0.2, 1], atol=1e-6)


def test_crop_pixels_become_frame_pixels() -> None:
    """A start whose box is 128 wide gives a crop of one frame pixel a crop pixel round its middle."""
    middle = np.full((478, 3), 96.0, np.float32)
    start = np.zeros((478, 3), np.float32)
    start[:, :2] = 300
    start[0], start[1] = (236, 236, 0), (364, 364, 0)
    start[EYES[0]], start[EYES[1]] = (270, 300, 0), (330, 300, 0)
    landmarks = FaceMesh(MeshSession(_mesh_session(middle, 0.25))).fit(_gray(600, 600), start)
    np.testing.assert_allclose(landmarks.points[0], [300, 300, 96], atol=1e-3)
    assert landmarks.presence == pytest.approx(0.25)


# The face descriptor


@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
@pytest.mark.parametrize("angle", [0, 40])
def test_the_chip_is_upright_and_centred(path: Path, angle: float) -> None:
    face = portrait(path)
    image, truth = moved(face, _placement(face.landmarks, 200, angle, (640, 360)), 1280, 720)
    chip = chip_of(image, truth)
    assert chip.shape == (150, 150, 3)
    straight = chip_of(*moved(face, _placement(face.landmarks, 200, 0, (640, 360)), 1280, 720))
    difference = np.abs(chip.astype(int) - straight)[20:130, 20:130]
    assert difference.mean() < 6
    eyes = models().landmarker.fit(chip, models().detector.detect(chip)[0].points).points[list(EYES)]
    assert abs(eyes[0, 1] - eyes[1, 1]) < 5
    assert abs(eyes[:, 0].mean() - 75) < 6


def test_a_person_is_like_herself_in_another_picture() -> None:
    face = portrait(COLLINS)
    for tall, angle, gain in ((120, 20, 1.0), (300, -15, 0.6), (900, 0, 1.3)):
        image, truth = moved(face, _placement(face.landmarks, tall, angle, (640, 600)), 1280, 1200)
        lit = np.clip(image.astype(np.float32) * gain, 0, 255).astype(np.uint8)
        distance = np.linalg.norm(recogniser().describe(lit, truth) - face.descriptor)
        assert distance < recogniser().limits.cluster, (tall, angle, gain)


def test_two_people_are_unlike() -> None:
    distance = np.linalg.norm(portrait(COLLINS).descriptor - portrait(HOPPER).descriptor)
    assert distance > recogniser().limits.photo


def test_shrinking_far_does_not_alias() -> None:
    """A checkerboard of single pixels is grey when it is seen from afar."""
    checker = np.zeros((2400, 2400, 3), np.uint8)
    checker[::2, ::2] = checker[1::2, 1::2] = 255
    points = portrait(COLLINS).landmarks.points.copy()
    points[:, :2] = (points[:, :2] - points[:, :2].mean(0)) * (1600 / np.ptp(points[:, 1])) + 1200
    chip = chip_of(checker, Landmarks(points, 1.0))[30:120, 30:120]
    assert chip.std() < 5
    assert abs(float(chip.mean()) - 127) < 5


def test_the_descriptor_gets_rgb_from_0_to_255() -> None:
    session = FakeSession(
        {"image": (None, 150, 150, 3)}, {"descriptor": (None, 128)}, {"descriptor": np.ones((1, 128), np.float64)}
    )
    image = np.zeros((512, 512, 3), np.uint8)
    image[:] = (200, 100, 50)
    described = FaceId(session).describe(image, portrait(COLLINS).landmarks)
    assert described.shape == (128,)
    assert described.dtype == np.float32
    np.testing.assert_array_equal(session.asked[0]["image"][0, 75, 75], [50, 100, 200])


# The content classifier


@pytest.mark.parametrize("size", [(256, 256), (720, 1280), (2000, 900), (40, 30)])
def test_the_classifier_gets_the_middle_of_the_squeezed_picture_as_bgr_minus_the_mean(size: tuple[int, int]) -> None:
    session = FakeSession({"image": (1, 224, 224, 3)}, {"scores": (1, 2)}, {"scores": np.array([[0.75, 0.25]], np.float32)})
    image = np.zeros((*size, 3), np.uint8)
    image[:] = (200, 100, 50)
    # A frame of black as wide as what is cut off: 16 of 256 pixels.
    rows, columns = round(size[0] / 16), round(size[1] / 16)
    image[:rows], image[-rows:], image[:, :columns], image[:, -columns:] = 0, 0, 0, 0
    assert OpenNsfw(session).score(image) == 0.25
    blob = session.asked[0]["image"]
    assert blob.shape == (1, 224, 224, 3)
    assert blob.dtype == np.float32
    np.testing.assert_allclose(blob[0, 112, 112], [200 - 104, 100 - 117, 50 - 123], atol=2)
    np.testing.assert_allclose(blob[0, 12:-12, 12:-12].mean((0, 1)), blob[0, 112, 112], atol=2)


def test_the_models_keep_their_contracts() -> None:
    assert isinstance(models().detector, contracts.Detector)
    assert isinstance(models().landmarker, contracts.Landmarker)
    assert isinstance(recogniser(), contracts.Recogniser)


def test_pictures_that_are_views_are_read_rightly() -> None:
    image = portrait(COLLINS).image
    flipped = image[:, ::-1]
    found, same = models().detector.detect(flipped), models().detector.detect(np.ascontiguousarray(flipped))
    assert [each.box_xyxy for each in found] == [each.box_xyxy for each in same]


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """The official builds keep an identifier and an upload queue in the home folder, unless they were told to be silent."""
    code = (
        "from mien.models.runtime.onnx_session import OnnxSession\n"
        "from mien.models.library.store import Store\n"
        "import numpy as np\n"
        "session = OnnxSession('yunet', Store().read('yunet'))\n"
        "session.run({'input': np.zeros((1, 3, 192, 320), np.float32)})\n"
    )
    # Set by test runs elsewhere, either would silence the telemetry and hide a regression here.
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not [path for path in tmp_path.rglob("*") if "onnx" in path.name.lower() or "microsoft" in path.name.lower()]


@pytest.mark.parametrize("height", [90, 300, 1500])
def test_the_pyramid_finds_a_face_of_any_size_once(height: int) -> None:
    face = portrait(HOPPER)
    scale = height / float(np.ptp(face.landmarks.points[:, 1]))
    image, landmarks = moved(face, np.array([[scale, 0, 300.0], [0, scale, 200.0]]), 2400, 2400)
    found = models().photo_detector.detect(image)
    assert len(found) == 1
    assert geometry.overlap(found[0].box_xyxy, geometry.box_of(landmarks.points)) > 0.8


def test_the_pyramid_finds_a_group() -> None:
    group = np.full((1500, 2400, 3), 120, np.uint8)
    for column in range(4):
        for row, path in enumerate((COLLINS, HOPPER)):
            small = cv2.resize(portrait(path).image[:512], (200, 200), interpolation=cv2.INTER_AREA)
            group[300 + 600 * row : 500 + 600 * row, 150 + 550 * column : 350 + 550 * column] = small
    assert len(models().photo_detector.detect(group)) == 8

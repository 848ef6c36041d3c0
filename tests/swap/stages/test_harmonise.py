"""The finishing net: it may change light and tone and nothing else; and what it learns from."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.commands.main import main
from mien.contracts import Harmoniser
from mien.errors import ModelMismatch
from mien.models.library.store import Store
from mien.models.networks.finish_net import FinishNet
from mien.models.runtime.onnx_session import OnnxSession
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.stages.compose import compose
from mien.swap.stages.harmonise import GRID, harmonise, view
from mien.types import FacePatch, Floats, Frame, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, WORN_BELOW, models, moved, portrait, recogniser
from tests.support.sessions import FakeSession


class Painter:
    """Answers with gains and offsets that do not depend on what it sees, and remembers what it saw."""

    def __init__(self, gain: float, offset: float) -> None:
        self._answer = np.concatenate(
            [np.full((GRID, GRID, 3), gain, np.float32), np.full((GRID, GRID, 3), offset, np.float32)], axis=2
        )
        self.seen: list[Floats] = []

    def colours(self, view: Floats) -> Floats:
        self.seen.append(view)
        return self._answer


def _swap(scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> tuple[Frame, TrackedFace, FacePatch]:
    image, landmarks = moved(portrait(COLLINS), np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), 512, 512)
    frame, face = Frame(image, 0, 0, Fraction(1)), TrackedFace(1, landmarks, 1)
    engine = MeshEngine(Settings())
    (patch,) = engine.swap(frame, [face], engine.prepare(factory.open_source(portrait(HOPPER).image, models())))
    assert patch is not None
    return frame, face, patch


def _net() -> FinishNet:
    return FinishNet(OnnxSession("finish", Store().read("finish")))


def test_an_answer_that_changes_nothing_changes_nothing() -> None:
    frame, face, patch = _swap()
    painter = Painter(1.0, 0.0)
    assert isinstance(painter, Harmoniser)
    finished = harmonise(frame, face, patch, painter)
    assert np.array_equal(finished.crop, patch.crop)
    assert finished.mask is patch.mask


@pytest.mark.parametrize(("gain", "offset"), [(1.2, 0.0), (1.0, 12.0), (0.7, -9.0)])
def test_gains_and_offsets_are_applied_inside_the_mask_and_nowhere_else(gain: float, offset: float) -> None:
    frame, face, patch = _swap()
    before, crop = frame.image.copy(), patch.crop.copy()
    finished = harmonise(frame, face, patch, Painter(gain, offset))
    wanted = np.clip(patch.crop.astype(np.float32) * gain + offset, 0, 255)
    inside = patch.mask > 0
    assert np.abs(finished.crop.astype(np.float32) - wanted)[inside].max() <= 0.51
    assert np.array_equal(finished.crop[~inside], patch.crop[~inside])
    assert np.array_equal(frame.image, before)
    assert np.array_equal(patch.crop, crop)


def test_a_map_lands_where_the_net_has_seen_its_place() -> None:
    class Marking(Painter):
        def colours(self, view: Floats) -> Floats:
            answer = super().colours(view).copy()
            answer[:, GRID // 2 :, 3:] = 60
            return answer

    for scale, shift in ((1.0, (0.0, 0.0)), (0.5, (40.0, 60.0)), (2.0, (-250.0, -100.0))):
        frame, face, patch = _swap(scale, shift)
        finished = harmonise(frame, face, patch, Marking(1.0, 0.0))
        brighter = (finished.crop.astype(int) - patch.crop).max(axis=2)
        points = face.landmarks.points
        middle = (points[:, 0].min() + points[:, 0].max()) / 2 - patch.crop_to_frame[0, 2]
        cell = 1.5 * np.ptp(points[:, :2], axis=0).max() / GRID
        columns = np.arange(patch.mask.shape[1])
        inside = (patch.mask > 0) & (patch.crop.max(axis=2) < 190)
        left, right = columns < middle - cell, columns > middle + cell
        assert not brighter[:, left][inside[:, left]].any()
        assert (brighter[:, right][inside[:, right]] >= 59).all()


@pytest.mark.parametrize(
    ("scale", "shift"), [(1.0, (0.0, 0.0)), (0.4, (0.0, 0.0)), (1.0, (-130.0, -60.0)), (3.0, (-500.0, 0.0))]
)
def test_the_view_shows_face_target_and_mask(scale: float, shift: tuple[float, float]) -> None:
    frame, face, patch = _swap(scale, shift)
    painter = Painter(1.0, 0.0)
    harmonise(frame, face, patch, painter)
    (seen,) = painter.seen
    assert seen.shape == (1, 7, 64, 64)
    assert seen.dtype == np.float32
    assert seen.min() >= 0
    assert seen.max() <= 1
    composed, target, mask = seen[0, :3], seen[0, 3:6], seen[0, 6]
    assert mask.max() > 0.9
    assert np.abs(composed - target)[:, mask == 0].max() < 0.01
    assert np.abs(composed - target)[:, mask > 0.9].mean() > 0.01


def test_the_view_is_the_size_of_the_net() -> None:
    picture = np.full((128, 128, 3), (10, 20, 30), np.uint8)
    seen = view(picture, picture, np.full((128, 128), 255, np.uint8))
    assert seen[0, :, 30, 30] * 255 == pytest.approx([10, 20, 30, 10, 20, 30, 255])


def test_a_turned_patch_is_finished_in_the_frames_own_pixels() -> None:
    frame, face, patch = _swap()
    middle = patch.crop_to_frame @ np.array([patch.mask.shape[1] / 2, patch.mask.shape[0] / 2, 1])
    turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), 20, 1.0)
    turned = replace(patch, crop_to_frame=turn @ np.vstack([patch.crop_to_frame, [0, 0, 1]]))
    finished = harmonise(frame, face, turned, Painter(1.0, 20.0))
    assert np.array_equal(finished.crop_to_frame[:, :2], np.eye(2))
    plain, painted = frame.image.copy(), frame.image.copy()
    compose(plain, turned)
    compose(painted, finished)
    covered = cv2.warpAffine(turned.mask, turned.crop_to_frame, plain.shape[1::-1]) > 250
    assert 15 < (painted.astype(int) - plain)[covered].mean() < 21


def test_an_empty_patch_comes_back_as_it_is() -> None:
    frame, face, patch = _swap()
    empty = replace(patch, mask=np.zeros_like(patch.mask))
    assert harmonise(frame, face, empty, Painter(2.0, 0.0)) is empty


def test_a_net_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="view"):
        FinishNet(FakeSession({"image": (1, 7, 64, 64)}, {"colours": (1, 6, 16, 16)}))
    with pytest.raises(ModelMismatch, match="colours"):
        FinishNet(FakeSession({"view": (1, 7, 64, 64)}, {"colours": (1, 6, 32, 32)}))


def test_the_setting_turns_the_harmoniser_on() -> None:
    assert models().retouch_for(Settings(finish="on")).harmoniser is models().finisher
    assert models().retouch_for(Settings(finish="off")).harmoniser is None


def test_the_bundled_net_leads_the_face_towards_a_light_from_the_side() -> None:
    image, landmarks = portrait(COLLINS).image, portrait(COLLINS).landmarks
    width = image.shape[1]
    x1, x2 = landmarks.points[:, 0].min(), landmarks.points[:, 0].max()
    ramp = np.clip((np.arange(width) - x1) / (x2 - x1), 0, 1)[None, :, None] * 0.75 + 0.25
    shown = (image * ramp).astype(np.uint8)
    frame, face = Frame(shown, 0, 0, Fraction(1)), TrackedFace(1, landmarks, 1)
    engine = MeshEngine(Settings())
    (patch,) = engine.swap(frame, [face], engine.prepare(factory.open_source(portrait(HOPPER).image, models())))
    assert patch is not None
    finished = harmonise(frame, face, patch, _net())
    left, top = (round(value) for value in patch.crop_to_frame[:, 2])
    height, wide = patch.mask.shape
    target = shown[top : top + height, left : left + wide]

    def slope(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
        """How many times brighter the right third is than the left one."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        sure, third = patch.mask > 200, wide // 3
        return float(grey[:, -third:][sure[:, -third:]].mean() / grey[:, :third][sure[:, :third]].mean())

    assert abs(np.log(slope(finished.crop) / slope(target))) < abs(np.log(slope(patch.crop) / slope(target)))


def test_the_bundled_net_keeps_whose_face_it_is() -> None:
    source, target = portrait(HOPPER), portrait(COLLINS)
    distances = []
    for setting in ("off", "on"):
        face = factory.open_source(source.image, models())
        pipeline = factory.open_picture_pipeline(Settings(finish=setting), models(), face)
        made = pipeline.swap_frame(Frame(target.image.copy(), 0, 0, Fraction(1))).frame.image
        distances.append(float(np.linalg.norm(recogniser().describe(made, target.landmarks) - source.descriptor)))
    assert distances[1] < WORN_BELOW
    assert distances[1] < distances[0] + 0.03


def test_noise_moves_the_answer_less_than_itself() -> None:
    frame, face, patch = _swap(0.6, (60.0, 60.0))
    draw = np.random.default_rng(0)
    made = []
    for _ in range(4):
        noisy = np.clip(frame.image + draw.normal(0, 4, frame.image.shape), 0, 255).astype(np.uint8)
        made.append(harmonise(replace(frame, image=noisy), face, patch, _net()).crop.astype(np.float32))
    inside = patch.mask > 200
    assert max(float(np.abs(each - made[0])[inside].mean()) for each in made[1:]) < 0.6


def test_without_torch_the_command_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("mien.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", "finish", str(tmp_path)]) == 2
    assert 'pip install "torch==' in capsys.readouterr().err


def _torch() -> None:
    for name in ("torch", "onnx"):
        pytest.importorskip(name, reason=f"NOT TESTED: training needs {name} (pip install '.[train]')")


def _sitters() -> tuple[object, ...]:
    from mien.lab.training.sitters import sitter

    found = []
    for path in (COLLINS, HOPPER):
        seen = portrait(path)
        found.append(sitter(path.name, path.stem, seen.image, seen.landmarks))
    return tuple(found)


def test_normals_of_a_face_look_out_of_it() -> None:
    from mien.lab.training.sitters import SIDE, Sitter

    for each in _sitters():
        assert isinstance(each, Sitter)
        assert each.normals.shape == (SIDE, SIDE, 3)
        assert np.linalg.norm(each.normals, axis=2) == pytest.approx(1, abs=1e-4)
        nose, right, left, chin = (each.points[index, :2].round().astype(int) for index in (4, 234, 454, 152))
        assert each.normals[nose[1], nose[0], 2] > 0.6
        assert each.normals[right[1], right[0] + 2, 0] < -0.2
        assert each.normals[left[1], left[0] - 2, 0] > 0.2
        assert each.normals[chin[1] - 1, chin[0], 1] > 0.1


def test_a_lamp_lights_its_own_side() -> None:
    from mien.lab.training.lamps import Light, lit, shading
    from mien.lab.training.sitters import Sitter

    each = _sitters()[0]
    assert isinstance(each, Sitter)
    none = np.zeros((0, 5), np.float32)
    lamp = np.array([[1.0, 0, 0.2]], np.float32) / np.hypot(1, 0.2)
    light = Light(np.full(3, 0.1, np.float32), np.ones((1, 3), np.float32), lamp, np.zeros(1, np.float32), none, 1.0, 1.0)
    fallen = shading(light, each.normals, 1.0)
    right, left = (each.points[list(points), :2].mean(0).round().astype(int) for points in ((50, 117), (280, 346)))
    assert fallen[left[1], left[0]].mean() > 2 * fallen[right[1], right[0]].mean()
    flat = Light(np.ones(3, np.float32), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32),
                 np.zeros(0, np.float32), none, 1.0, 1.0)  # fmt: skip
    middle = each.image < 200
    same = lit(each.image, shading(flat, each.normals, 1.0), flat)
    assert np.abs(same.astype(int) - each.image)[middle].max() <= 1


def test_examples_are_the_same_at_every_run_and_true_where_nothing_differs() -> None:
    from mien.lab.training.lamps import Light
    from mien.lab.training.pairs import example, random_example
    from mien.lab.training.sitters import Sitter

    sitters = [each for each in _sitters() if isinstance(each, Sitter)]
    first, second = (random_example(sitters, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.target, second.target)
    assert np.array_equal(first.truth, second.truth)
    assert first.mask.max() > 200
    flat = Light(np.ones(3, np.float32), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32),
                 np.zeros(0, np.float32), np.zeros((0, 5), np.float32), 1.0, 1.0)  # fmt: skip
    to_scene = np.array([[2 / 3, 0, 0], [0, 2 / 3, 0]])
    made = example(sitters[0], sitters[0], 0, flat, to_scene, 1.0, np.random.default_rng(0), plain=True)
    inside = made.mask > 230
    assert np.abs(made.patch.astype(int) - made.truth)[inside].mean() < 6


def test_no_person_is_both_learnt_from_and_checked_on() -> None:
    _torch()
    from mien.lab.training.people import split
    from mien.lab.training.sitters import Sitter

    sitters = [replace(each, person=name) for each in _sitters() if isinstance(each, Sitter) for name in "abcdef"]
    learning, checking = split(sitters)
    assert learning
    assert checking
    assert not {each.person for each in learning} & {each.person for each in checking}
    assert len(learning) + len(checking) == len(sitters)


def test_training_goes_on_where_it_stopped_and_its_file_runs_like_it(tmp_path: Path) -> None:
    _torch()
    import torch

    from mien.lab.training import learn
    from mien.lab.training.net import colours, fresh_weights, multiply_adds, to_onnx
    from mien.lab.training.sitters import Sitter

    assert multiply_adds() < 100_000_000
    sitters = [each for each in _sitters() if isinstance(each, Sitter)]
    ticks = iter(range(10_000))
    checkpoint = tmp_path / "finish.pt"
    first = learn.train(sitters, 3, checkpoint, lambda: float(next(ticks)), lambda text: None)
    again = learn.train(sitters, 6, checkpoint, lambda: float(next(ticks)), lambda text: None, resume=True)
    assert (first.steps, again.steps) == (3, 6)
    assert again.seconds == 6
    untouched = fresh_weights(0)
    seen = np.random.default_rng(0).random((1, 7, 64, 64)).astype(np.float32)
    answer = colours(torch.from_numpy(seen), untouched).numpy()
    assert np.abs(answer[:, :3] - 1).max() == 0
    assert np.abs(answer[:, 3:]).max() == 0
    wild = {name: value + 0.3 * np.random.default_rng(1).random(value.shape).astype(np.float32) - 0.15
            for name, value in again.weights.items()}  # fmt: skip
    expected = colours(torch.from_numpy(seen), {name: torch.from_numpy(value) for name, value in wild.items()}).numpy()
    net = FinishNet(OnnxSession("finish", to_onnx(wild, {"use": "any"})))
    assert np.abs(net.colours(seen) - expected[0].transpose(1, 2, 0)).max() < 0.02
    figures = learn.validate(sitters, again.weights, 2)
    assert figures.examples == 2
    import onnx

    marked = onnx.load_from_string(learn.exported(again, figures, "two", noncommercial=True))
    assert {entry.key: entry.value for entry in marked.metadata_props}["use"] == "non-commercial only"


def test_landmarks_far_outside_are_harmless() -> None:
    frame, face, patch = _swap()
    far = TrackedFace(1, Landmarks(face.landmarks.points + np.float32(9000), 1.0), 1)
    harmonise(frame, far, patch, _net())

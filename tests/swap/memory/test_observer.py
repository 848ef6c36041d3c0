"""What the observer remembers of a face: its colours, its light, its motion; and what it does not take in."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.swap.memory.observer import Observer
from mien.types import Array, Floats, Frame, Image, KnownFace, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, moved, portrait

WIDTH, HEIGHT = 320, 320


def _shot(shift: tuple[float, float] = (0.0, 0.0)) -> tuple[Image, Landmarks]:
    face = portrait(COLLINS)
    scale = 180 / float(np.ptp(face.landmarks.points[:, 1]))
    x, y = face.landmarks.points[:, :2].mean(0)
    to_frame = np.array([[scale, 0, WIDTH / 2 - scale * x + shift[0]], [0, scale, HEIGHT / 2 - scale * y + shift[1]]])
    return moved(face, to_frame, WIDTH, HEIGHT)


def _see(observer: Observer, image: Array, landmarks: Landmarks, index: int = 0, track: int = 1) -> KnownFace:
    frame = Frame(np.clip(image, 0, 255).astype(np.uint8), index, index, Fraction(1, 30))
    known = observer.observe(frame, (TrackedFace(track, landmarks, index + 1),))[0].known
    assert known is not None
    return known


def _light(known: KnownFace) -> Floats:
    """The light in the middle of the face, a number a texel."""
    assert known.light is not None
    return np.asarray(known.light[16:52, 16:48].mean(2), np.float32)


def test_a_flash_and_its_end_pass_within_one_frame() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    for index in range(10):
        before = _light(_see(observer, image, landmarks, index))
    flash = _light(_see(observer, image * 0.5, landmarks, 10))
    after = _light(_see(observer, image, landmarks, 11))
    assert (flash / before).mean() == pytest.approx(0.53, abs=0.06)
    assert np.abs(after / before - 1).mean() < 0.06


def test_light_rests_while_only_noise_changes() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    draw = np.random.default_rng(1)
    lights = [_light(_see(observer, image + draw.normal(0, 5, image.shape), landmarks, index)) for index in range(25)][10:]
    assert np.abs(np.diff(np.stack(lights), axis=0)).mean() < 0.003


def test_eyes_that_are_dark_for_a_moment_are_known_as_they_were() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    dark = image.copy()
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        cv2.fillPoly(dark, [landmarks.points[list(loop), :2].round().astype(np.int32)], (20, 20, 20))
    assert (_see(Observer(), dark, landmarks).whites or 1) < 0.5
    whites = [_see(observer, dark if 20 <= index < 23 else image, landmarks, index).whites or 0 for index in range(30)]
    assert min(whites[20:]) > 0.85 * whites[0]


def test_the_picture_is_not_changed_and_the_face_is_not_either() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    before, points = image.copy(), landmarks.points.copy()
    for index in range(3):
        _see(observer, image, landmarks, index)
    assert np.array_equal(image, before)
    assert np.array_equal(landmarks.points, points)


def test_motion_is_told_in_pixels_a_frame_and_forgotten_over_a_gap() -> None:
    observer = Observer()
    assert _see(observer, *_shot()).motion_xy == (0.0, 0.0)
    x, y = _see(observer, *_shot((3.0, -2.0)), 1).motion_xy
    assert (x, y) == pytest.approx((3.0, -2.0), abs=0.01)
    image, _ = _shot()
    observer.observe(Frame(image, 2, 2, Fraction(1, 30)), ())
    observer.observe(Frame(image, 3, 3, Fraction(1, 30)), ())
    assert _see(observer, *_shot((40.0, 0.0)), 4).motion_xy == (0.0, 0.0)


def test_noise_and_focus_are_told_within_a_second() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    draw = np.random.default_rng(2)
    for index in range(12):
        known = _see(observer, image + draw.normal(0, 4, (*image.shape[:2], 1)), landmarks, index)
    assert known.grain is not None
    assert known.grain.luma == pytest.approx(4, rel=0.25)
    assert known.focus is not None


def test_another_track_another_stream_and_a_long_absence_start_anew() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    for index in range(5):
        known = _see(observer, image, landmarks, index)
    dimmed = image * 0.5
    elsewhere, there = _shot((150.0, 0.0))
    other = _see(observer, elsewhere * 0.5, there, 5, track=2)
    assert np.abs(_light(other) / _light(known) - 1).mean() < 0.1
    observer = Observer()
    assert np.abs(_light(_see(observer, dimmed, landmarks, 6)) / _light(known) - 1).mean() < 0.1
    for index in range(70):
        observer.observe(Frame(image, 7 + index, 7 + index, Fraction(1, 30)), ())
    assert np.abs(_light(_see(observer, image, landmarks, 90)) / _light(known) - 1).mean() < 0.1


def test_two_faces_are_kept_apart() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    frame = Frame(image, 0, 0, Fraction(1, 30))
    first, second = observer.observe(frame, (TrackedFace(1, landmarks, 1), TrackedFace(2, landmarks, 1)))
    assert first.known is not None
    assert second.known is not None
    assert first.known.light is not second.known.light


def test_a_face_half_out_of_the_picture_is_observed() -> None:
    observer = Observer()
    for index, shift in enumerate([(-150.0, 0.0), (150.0, 20.0), (0.0, 250.0), (900.0, 900.0)]):
        known = _see(observer, *_shot(shift), index, track=index)
        assert known.light is not None
        assert np.isfinite(known.light).all()


@pytest.mark.parametrize(("dark", "light"), [(False, 0.5), (True, 1.0)])
def test_a_new_track_in_the_place_of_a_lost_one_is_known(dark: bool, light: float) -> None:
    observer, (image, landmarks) = Observer(), _shot()
    for index in range(5):
        known = _see(observer, image, landmarks, index)
    mirrored = image[:, ::-1] if dark else image
    again = _see(observer, mirrored * 0.5, landmarks, 5, track=2)
    # Remembered, half of the light is half of the light; of somebody else, nothing is known.
    assert float((_light(again) / _light(known)).mean()) == pytest.approx(light, abs=0.1)


@pytest.mark.parametrize(("known", "shown_again"), [(4, 30), (40, 110)])
def test_a_face_that_comes_out_from_behind_a_thing_is_not_taken_for_one(known: int, shown_again: int) -> None:
    image, landmarks = _shot()
    behind = image.copy()
    x = round(float(landmarks.points[4, 0]))
    behind[:, x:] = np.random.default_rng(3).integers(0, 60, behind[:, x:].shape) + np.array([140, 60, 20], np.uint8)
    observer = Observer()
    for index in range(known):
        _see(observer, behind, landmarks, index)
    seen = [_see(observer, image, landmarks, index) for index in range(known, known + shown_again)]
    last = seen[-1].occluder
    assert last is not None
    # 0.098 and 0.100 were seen: landmarks that differ by a thousandth of a pixel are enough for that.
    assert np.count_nonzero(last > 127) < 0.12 * last.size


def test_a_hand_before_a_face_that_is_known_is_no_face() -> None:
    image, landmarks = _shot()
    behind = image.copy()
    x = round(float(landmarks.points[4, 0]))
    behind[:, x + round(0.2 * np.ptp(landmarks.points[:, 0])) :] = 140, 60, 20
    observer = Observer()
    for index in range(60):
        _see(observer, image, landmarks, index)
    for index in range(60, 110):
        occluder = _see(observer, behind, landmarks, index).occluder
    assert occluder is not None
    assert np.count_nonzero(occluder > 127) > 0.2 * occluder.size


def test_a_mesh_that_sat_wrong_at_first_leaves_nothing_of_the_face_before_it() -> None:
    image, landmarks = _shot()
    squeezed = landmarks.points.copy()
    squeezed[:, 0] = 0.75 * squeezed[:, 0] + 0.25 * squeezed[:, 0].mean()
    observer = Observer()
    for index in range(40):
        _see(observer, image, Landmarks(squeezed, 1.0), index)
    fresh = _see(Observer(), image, landmarks).occluder
    seen = [_see(observer, image, landmarks, index).occluder for index in range(40, 45)]
    assert all(np.array_equal(np.asarray(occluder), np.asarray(fresh)) for occluder in seen)


def test_the_skin_of_a_head_that_turns_is_no_noise() -> None:
    """A face that comes back turning must not be speckled."""
    observer, image, points = Observer(), portrait(COLLINS).image, portrait(COLLINS).landmarks.points
    middle = points[:, :2].mean(0)
    for index in range(6):
        turn = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), 1.5 * index, 1.0)
        turned = cv2.warpAffine(image, turn, image.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        placed = points.copy()
        placed[:, :2] = points[:, :2] @ turn[:, :2].T + turn[:, 2]
        known = _see(observer, np.asarray(turned, np.uint8), Landmarks(placed.astype(np.float32), 1.0), index)
        assert known.grain is None, "not known, or it would be 8 levels"
    still = [_see(observer, np.asarray(turned, np.uint8), Landmarks(placed, 1.0), index) for index in range(6, 9)]
    assert still[-1].grain is not None
    assert still[-1].grain.luma < 0.5


def test_a_face_that_comes_back_and_a_new_one_have_the_noise_of_the_camera() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    draw = np.random.default_rng(2)

    def noisy() -> Array:
        return np.asarray(image + draw.normal(0, 3, image.shape))

    for index in range(12):
        before = _see(observer, noisy(), landmarks, index).grain
    for index in range(12, 15):
        observer.observe(Frame(image, index, index, Fraction(1, 30)), ())
    assert _see(observer, noisy(), landmarks, 15).grain == before
    observer.observe(Frame(image, 16, 16, Fraction(1, 30)), ())
    assert _see(observer, noisy(), landmarks, 17, track=7).grain == before
    observer = Observer()
    assert _see(observer, noisy(), landmarks, 18).grain is None


def test_under_a_nearer_face_nothing_is_learnt() -> None:
    near = TrackedFace(2, _shot((70.0, 0.0))[1], 1)
    image, landmarks = _shot()
    covered = image.copy()
    covered[:, int(near.landmarks.points[:, 0].min()) :] = (200, 40, 20)
    lights = {}
    for name, behind in (("order", {1: frozenset({2})}), ("none", {})):
        observer = Observer()
        for index in range(6):
            faces = TrackedFace(1, landmarks, index + 1), near
            observer.observe(Frame(covered, index, index, Fraction(1, 30)), faces, by_appearance=False, behind=behind)
        known = observer.observe(Frame(image, 6, 6, Fraction(1, 30)), (TrackedFace(1, landmarks, 7),), by_appearance=False)[
            0
        ].known
        assert known is not None
        assert known.light is not None
        lights[name] = known.light[16:52, 36:52]
    assert np.abs(np.log(lights["order"])).mean() < 0.5 * np.abs(np.log(lights["none"])).mean()


def test_exposure_tells_a_flash_from_light_that_wanders() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    dim = image * 0.45
    for index in range(10):
        calm = _see(observer, dim, landmarks, index)
    assert calm.exposure == pytest.approx(1, abs=0.05)
    assert _see(observer, image * 0.9, landmarks, 10).exposure == pytest.approx(2, abs=0.2)
    assert _see(observer, dim, landmarks, 11).exposure == pytest.approx(1, abs=0.1)


def _frowning(landmarks: Landmarks, share: float) -> Landmarks:
    """The landmarks with the inner brows drawn down by this share of 0.02 eye distances."""
    points = landmarks.points.copy()
    right, left = landmark_sets.EYE_CORNERS
    points[[55, 107, 285, 336], 1] += 0.02 * share * float(np.linalg.norm(points[right] - points[left]))
    return Landmarks(points, landmarks.presence)


def _creased(image: Image, landmarks: Landmarks) -> Image:
    """The picture with two dark lines between the brows."""
    drawn = image.copy()
    right, left = landmark_sets.EYE_CORNERS
    unit = float(np.linalg.norm(landmarks.points[right] - landmarks.points[left]))
    top, bottom = (landmarks.points[each, :2] for each in (9, 8))
    for side in (-0.05 * unit, 0.05 * unit):
        ends = [(round(float(x + side)), round(float(y))) for x, y in (top, bottom)]
        cv2.line(drawn, ends[0], ends[1], (40, 60, 90), max(1, round(0.02 * unit)), cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)


def test_a_frown_creases_the_face_for_as_long_as_it_lasts() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    for index in range(30):
        assert _see(observer, image, landmarks, index).creases is None
    frown = _frowning(landmarks, 1.0)
    depths = []
    for index in range(30, 90):
        creases = _see(observer, _creased(image, frown), frown, index).creases
        assert creases is not None
        depths.append(float(creases.min()))
    assert max(depths) < -0.05
    assert depths[-1] == pytest.approx(depths[0], rel=0.3)
    assert _see(observer, image, landmarks, 90).creases is None


def test_wrinkles_that_stay_are_no_creases_whatever_the_brows_do() -> None:
    image, landmarks = _shot()
    frown, strengths = _frowning(landmarks, 0.5), []
    for before in (_creased(image, landmarks), image):
        observer = Observer()
        for index in range(10):
            _see(observer, before, landmarks, index)
        creases = _see(observer, _creased(image, landmarks), frown, 10).creases
        assert creases is not None
        strengths.append(float(np.square(creases).sum()))
    old, new = strengths
    assert old < 0.2 * new


def test_brows_that_move_without_a_crease_crease_nothing() -> None:
    observer, (image, landmarks) = Observer(), _shot()
    for index in range(30):
        _see(observer, image, landmarks, index)
    creases = _see(observer, image, _frowning(landmarks, 0.6), 30).creases
    assert creases is not None
    assert np.sqrt(np.square(creases).mean()) < 0.01

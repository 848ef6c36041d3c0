"""The synthetic scenes: their truth is true, and they are deterministic."""

import cv2
import numpy as np
import pytest

from mien.lab.evaluate import covers, lights, measures, occluders, scenes
from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Scene
from mien.types import Floats
from tests.support.portraits import COLLINS, HOPPER, locate, portrait


def _person(path: object = COLLINS) -> Portrait:
    face = portrait(HOPPER if path == HOPPER else COLLINS)
    return Portrait("examples/a.png", "examples/a", face.image, face.landmarks, face.descriptor)


def _distance(a: Floats, b: Floats) -> float:
    """Return the mean distance in eye distances."""
    return float(np.linalg.norm(a[:468, :2] - b[:468, :2], axis=1).mean() / np.linalg.norm(b[33, :2] - b[263, :2]))


SCENES = {
    "still": lambda person: scenes.still(person, 10),
    "moving": lambda person: scenes.moving(person, 10, first=2),
    "swaying": lambda person: scenes.swaying(person, 10),
    "turning": lambda person: scenes.turning(person, 10, 30),
    "fast": lambda person: scenes.fast(person, 10, blur=False),
    "blurred": lambda person: scenes.fast(person, 10, blur=True),
    "dark": lambda person: scenes.dark(person, 10),
    "backlit": lambda person: scenes.backlit(person, 10),
    "made up": lambda person: scenes.made_up(person, 10),
    "crowd": lambda person: scenes.crowd([person, _person(HOPPER)], 10),
    "small": lambda person: scenes.sized(person, 10, 40, "small"),
    "compressed": lambda person: scenes.compressed(person, 10),
    "lit": lambda person: lights.relit(person, 10, lights.coloured(10), "lit"),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_the_same_every_time_and_its_landmarks_lie_on_the_face(name: str) -> None:
    scene: Scene = SCENES[name](_person())
    shot = scene.draw(5)
    assert (shot.image == SCENES[name](_person()).draw(5).image).all()
    assert shot.image.dtype == np.uint8
    assert (shot.image != scene.draw(6).image).any()
    if name not in {"crowd", "small", "dark", "backlit", "blurred"}:
        assert _distance(locate(shot.image).points, shot.points) < 0.06


def test_a_known_motion_is_the_motion_of_the_picture() -> None:
    scene = scenes.moving(_person(), 60, sigma=0, first=2)
    rest = scene.draw(0)
    mask = measures.face_mask(rest.points, rest.image.shape, 0.1)
    shot = scene.draw(22)
    assert abs(shot.shift_xy[0]) > 10
    undo = np.array([[1, 0, shot.shift_xy[0] - 1.3], [0, 1, shot.shift_xy[1] + 0.4]])
    undone = cv2.warpAffine(shot.image, undo, scenes.SIZE_WH, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    assert measures.shift_between(np.asarray(undone, np.uint8), rest.image, mask) == pytest.approx((1.3, -0.4), abs=0.06)


def test_the_head_turns_as_far_as_the_scene_says() -> None:
    shot = scenes.turning(_person(), 11, 40).draw(5)
    assert shot.yaw == pytest.approx(40)
    seen = measures.pose_axes(locate(shot.image).points, locate(scenes.turning(_person(), 11, 40).draw(0).image).points)
    assert abs(seen[1]) == pytest.approx(40, abs=12), "the landmarks see less than the whole turn"


def test_normals_point_out_of_the_face() -> None:
    shot = scenes.still(_person(), 1).draw(0)
    normal = lights.normals(shot.points, shot.image.shape[:2])
    assert np.linalg.norm(normal, axis=2) == pytest.approx(1, abs=1e-4)
    right, left = (shot.points[index, :2].round().astype(int) for index in (123, 352))
    assert normal[right[1], right[0], 0] < -0.3
    assert normal[left[1], left[0], 0] > 0.3
    assert (normal[:, :, 2] < 0).all()


def test_the_lamp_lights_the_side_it_stands_on() -> None:
    scene = lights.relit(_person(), 40, lights.circling(40), "lamp")
    shot = scene.draw(10)
    mask = measures.face_mask(shot.points, shot.image.shape) > 0
    grey = cv2.cvtColor(shot.image, cv2.COLOR_BGR2GRAY).astype(float)
    x = np.broadcast_to(np.arange(grey.shape[1]), grey.shape)
    middle = shot.points[:, 0].mean()
    assert grey[mask & (x > middle)].mean() > 1.3 * grey[mask & (x < middle)].mean()


OCCLUDERS = ["hand", "hair", "microphone", "cup", "sunglasses", "bar"]


@pytest.mark.parametrize("number", range(len(OCCLUDERS)), ids=OCCLUDERS)
def test_an_occluder_changes_the_picture_exactly_where_its_alpha_is(number: int) -> None:
    person = _person(HOPPER)
    found = occluders.all_occluders(occluders.cheek_colour(person))
    assert [each.name for each in found] == OCCLUDERS
    occluder = found[number]
    shot = occluders.occluded(person, occluder, 30, 0).draw(3)
    assert shot.alpha is not None
    assert shot.clean is not None
    changed = (shot.image != shot.clean).any(axis=2)
    assert not changed[shot.alpha == 0].any()
    assert changed[shot.alpha > 0.9].mean() > 0.9
    face = measures.face_mask(shot.points, shot.image.shape) > 0
    assert 0.05 < (shot.alpha[face] > 0.9).mean() < 0.7


def test_an_occluder_comes_in_and_goes_out() -> None:
    person = _person()
    scene = occluders.occluded(person, occluders.all_occluders(occluders.cheek_colour(person))[0], 60, 20)

    def covered(index: int) -> float:
        shot = scene.draw(index)
        assert shot.alpha is not None
        return float(shot.alpha[measures.face_mask(shot.points, shot.image.shape) > 0].mean())

    assert covered(0) == covered(19) == covered(59) == 0
    assert covered(40) > 0.1


@pytest.mark.parametrize("dark", [False, True])
def test_drawn_glasses_leave_the_eyes_free_unless_they_are_dark(dark: bool) -> None:
    person = _person()
    shot = scenes.still(person, 1).draw(0)
    worn = occluders.occlude(shot, occluders.glasses(np.random.default_rng(1), dark=dark), 1.0, 0)
    assert worn.alpha is not None
    eyes = [worn.alpha[round(float(y)), round(float(x))] for x, y in worn.points[[468, 473], :2]]
    assert (min(eyes) > 0.9) if dark else (max(eyes) < 0.1)
    # The arms reach the border of the face on both sides.
    reach = np.flatnonzero((worn.alpha > 0.5).any(axis=0))
    assert reach[0] < worn.points[127, 0] + 3
    assert reach[-1] > worn.points[356, 0] - 3


def test_a_drawn_fringe_lies_over_the_forehead_and_not_over_the_mouth() -> None:
    shot = scenes.still(_person(), 1).draw(0)
    worn = occluders.occlude(shot, occluders.fringe(np.random.default_rng(2)), 1.0, 0)
    assert worn.alpha is not None
    rows = np.flatnonzero((worn.alpha > 0.5).any(axis=1))
    assert rows[0] < worn.points[151, 1]
    assert rows[-1] < worn.points[13, 1]


def test_one_lens_of_two_is_a_half_pair() -> None:
    assert covers.is_half((0.9, 0.1))
    assert not covers.is_half((0.9, 0.8))
    assert not covers.is_half((0.1, 0.2))

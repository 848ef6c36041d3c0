"""The guard: the picture stays closed until proven open, and a lost face stays covered."""

from dataclasses import dataclass

import numpy as np
import pytest

from mien.safety.guard import Guard, Verdict
from mien.safety.veil import card, veil_picture, veil_region
from mien.types import Detection, Floats, Image, Landmarks, TrackedFace

_STEP_S = 1 / 30


def _room() -> Image:
    draw = np.random.default_rng(3)
    return draw.integers(60, 200, (180, 320, 3), np.uint8)


def _face(x: float = 160, y: float = 90, size: float = 40, track_id: int = 1) -> TrackedFace:
    grid = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 22), np.linspace(-0.5, 0.5, 22)), axis=2).reshape(-1, 2)[:478]
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = grid * size + (x, y)
    return TrackedFace(track_id, Landmarks(points, 1.0), 5)


def _unsure(x: float = 160, y: float = 90, size: float = 40, score: float = 0.45) -> Detection:
    points: Floats = np.zeros((5, 2), np.float32)
    return Detection((x - size / 2, y - size / 2, x + size / 2, y + size / 2), points, score)


@dataclass
class _Run:
    """Feeds a guard and keeps the time."""

    guard: Guard
    time_s: float = 0.0

    def for_s(
        self,
        seconds: float,
        faces: tuple[TrackedFace, ...] = (),
        detections: tuple[Detection, ...] = (),
        image: Image | None = None,
        scene: int = 0,
    ) -> list[Verdict]:
        verdicts = []
        for _ in range(max(1, round(seconds / _STEP_S))):
            self.time_s += _STEP_S
            verdicts.append(self.guard.judge(_room() if image is None else image, self.time_s, faces, detections, scene))
        return verdicts


def _inside(point: tuple[float, float], verdict: Verdict) -> bool:
    x, y = point
    return verdict.whole or any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in verdict.boxes)


def test_the_start_is_veiled_until_nobody_has_been_there_for_a_while() -> None:
    verdicts = _Run(Guard()).for_s(3)
    assert all(verdict.whole for verdict in verdicts[:40])
    assert verdicts[-1].clear


def test_a_worn_face_opens_the_picture_at_once() -> None:
    assert _Run(Guard()).for_s(_STEP_S, (_face(),))[0].clear


def test_a_doubt_keeps_the_start_veiled_for_ever() -> None:
    assert all(verdict.whole for verdict in _Run(Guard()).for_s(6, detections=(_unsure(),)))


def test_darkness_keeps_the_start_veiled() -> None:
    dark = np.full((180, 320, 3), 8, np.uint8)
    assert all(verdict.whole for verdict in _Run(Guard()).for_s(6, image=dark))


def test_a_lost_face_stays_covered_and_the_cover_grows() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    after = run.for_s(2.5)
    assert all(_inside((160, 90), verdict) for verdict in after)
    first, last = (verdict.boxes[0] for verdict in (after[0], after[-1]))
    assert last[2] - last[0] > first[2] - first[0] > 1.5 * 40


def test_a_quiet_and_still_place_opens_in_the_end() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    assert run.for_s(5)[-1].clear


def test_motion_where_a_face_got_lost_keeps_it_covered() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    for step in range(40):
        moving = _room()
        moving[60:120, 120:200] = 40 + 100 * (step % 2)
        assert _inside((160, 90), run.for_s(0.4, image=moving)[-1])


def test_darkness_where_a_face_got_lost_keeps_it_covered() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    dark = np.full((180, 320, 3), 6, np.uint8)
    assert all(_inside((160, 90), verdict) for verdict in run.for_s(20, image=dark))


def test_a_face_found_again_opens_its_place() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    run.for_s(0.3)
    assert run.for_s(_STEP_S, (_face(165, 95, track_id=2),))[0].clear


def test_another_face_elsewhere_does_not_open_it() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(60), _face(260, track_id=2)))
    after = run.for_s(1.5, (_face(60),))
    assert all(_inside((260, 90), verdict) and not _inside((60, 90), verdict) for verdict in after)


def test_a_neighbour_who_is_still_seen_does_not_open_it_either() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(105), _face(160, track_id=2)))
    after = run.for_s(2.5, (_face(105),))
    assert all(_inside((165, 90), verdict) for verdict in after)


@pytest.mark.parametrize(("score", "least_s"), [(0.45, 0.2), (0.7, 0.9)])
def test_a_doubt_beside_nobody_is_covered_and_a_little_longer(score: float, least_s: float) -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    run.for_s(6)
    assert _inside((60, 60), run.for_s(_STEP_S, detections=(_unsure(60, 60, 30, score),))[0])
    assert all(_inside((60, 60), verdict) for verdict in run.for_s(least_s))
    assert run.for_s(1.5)[-1].clear


def test_an_unlikely_hand_beside_the_worn_face_is_let_be() -> None:
    run = _Run(Guard())
    assert run.for_s(0.5, (_face(60),), (_unsure(250, 60, 30, 0.42),))[-1].clear
    assert _inside((250, 60), run.for_s(0.5, (_face(60),), (_unsure(250, 60, 30, 0.55),))[-1])


def test_a_detection_of_the_worn_face_itself_covers_nothing() -> None:
    assert _Run(Guard()).for_s(0.5, (_face(),), (_unsure(163, 92, 46, 0.9),))[-1].clear


def test_a_new_scene_closes_the_picture() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    assert run.for_s(_STEP_S, scene=1)[0].whole


def test_a_face_that_could_not_be_swapped_is_covered() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(),))
    run.guard.distrust(((140.0, 70.0, 180.0, 110.0),), run.time_s)
    assert _inside((160, 90), run.for_s(_STEP_S)[0])


def test_a_cover_over_most_of_the_picture_becomes_a_veil() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(size=150),))
    assert run.for_s(0.5)[-1].whole


def test_boxes_lie_in_the_picture() -> None:
    run = _Run(Guard())
    run.for_s(0.5, (_face(3, 3, 60),))
    for verdict in run.for_s(2):
        for x1, y1, x2, y2 in verdict.boxes:
            assert 0 <= x1 <= x2 <= 320
            assert 0 <= y1 <= y2 <= 180


def test_a_cover_leaves_no_detail_and_touches_nothing_else() -> None:
    image = _room()
    before = image.copy()
    veil_region(image, (100.3, 50.2, 180.0, 130.9))
    assert np.array_equal(image[:50], before[:50])
    assert np.array_equal(image[:, 181:], before[:, 181:])
    detail = np.abs(np.diff(image[50:131, 100:180].astype(np.int16), axis=1)).mean()
    assert detail < 0.05 * np.abs(np.diff(before[50:131, 100:180].astype(np.int16), axis=1)).mean()


@pytest.mark.parametrize(
    "box", [(-50, -50, -10, -10), (400, 10, 500, 90), (10, 10, 10, 90), (-20, -20, 5, 5), (0, 0, 320, 180)]
)
def test_a_cover_takes_any_box(box: tuple[float, float, float, float]) -> None:
    veil_region(_room(), box)


@pytest.mark.parametrize("size", [(33, 17), (180, 320), (1080, 1920)])
def test_a_veil_hides_everything(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    veil_picture(image)
    assert np.abs(np.diff(image.astype(np.int16), axis=1)).max() < 60
    assert image.mean() < 0.7 * 128 + 10


def test_the_card_has_the_size_that_is_asked_for() -> None:
    assert card(321, 77).shape == (77, 321, 3)

"""Strength of stand-ins: soft at both ends, steady where the mesh is unsure for a moment, carried along with the cover."""

from collections.abc import Sequence

import numpy as np
import pytest

from mien.swap.hiding.stand_in_fade import TUNING, StandInFades
from mien.swap.stages.cover import HeadRegion
from mien.types import Landmarks, TrackedFace

RATE = 25
STEP = 1 / RATE / TUNING.fade_s


def _region(number: int) -> HeadRegion:
    return HeadRegion(100 + 3 * number, 80, 30, 40)


def _face(number: int) -> TrackedFace:
    points = np.zeros((478, 3), np.float32)
    points[:, 0], points[:, 1] = 100 + 3 * number, np.linspace(60, 100, 478)
    return TrackedFace(9, Landmarks(points, 1.0), 1)


def _run(kinds: Sequence[str]) -> list[tuple[TrackedFace, float] | None]:
    """Faces and strengths of path 4 in frames that are sure (s), fair (f), without a face (-), or without a cover (x)."""
    fades, found = StandInFades(), []
    for number, kind in enumerate(kinds):
        regions = {} if kind == "x" else {4: _region(number)}
        sure, fair = ({4: _face(number)} if kind in letters else {} for letters in ("s", "sf"))
        found.append(fades.step(number / RATE, regions, sure, fair).get(4))
    return found


def _strengths(kinds: Sequence[str]) -> list[float]:
    return [0.0 if each is None else each[1] for each in _run(kinds)]


def test_it_comes_softly_and_is_whole_after_the_time_of_the_fade() -> None:
    found = _strengths("s" * 12)
    assert np.diff(found).max() <= STEP + 1e-9
    assert found[-1] == 1.0
    assert found[round(TUNING.fade_s * RATE) + 1] == 1.0


def test_at_the_start_of_a_scene_it_is_there_at_once() -> None:
    assert StandInFades().step(0.0, {4: _region(0)}, {4: _face(0)}, {}, {4})[4][1] == 1.0
    assert StandInFades().step(0.0, {4: _region(0)}, {}, {4: _face(0)}, {4}) == {}


def test_a_fair_face_keeps_it_and_starts_none() -> None:
    assert _strengths("s" * 12 + "f" * 20)[-1] == 1.0
    assert _strengths("f" * 20) == [0.0] * 20


@pytest.mark.parametrize("missing", [1, 3])
def test_a_face_that_is_lost_for_a_moment_leaves_a_thinner_one_that_moves_with_its_cover(missing: int) -> None:
    found = _run("s" * 12 + "-" * missing + "s" * 6)
    held = found[12 : 12 + missing]
    for number, each in enumerate(held, 12):
        assert each is not None
        assert each[1] == pytest.approx(1 - STEP * (number - 11))
        assert np.allclose(each[0].landmarks.points, _face(number).landmarks.points, atol=1e-3)
    assert np.abs(np.diff([each[1] for each in found[1:] if each is not None])).max() <= STEP + 1e-9


def test_it_is_gone_after_the_time_of_the_fade_and_at_once_without_a_cover() -> None:
    gone = _strengths("s" * 12 + "-" * 12)
    assert gone[-1] == 0.0
    assert np.diff(gone).min() >= -STEP - 1e-9
    assert _strengths("s" * 12 + "x" + "f" * 3)[12:] == [0.0] * 4


def test_it_grows_with_its_cover() -> None:
    fades = StandInFades()
    for number in range(12):
        fades.step(number / RATE, {4: _region(0)}, {4: _face(0)}, {})
    larger = HeadRegion(100, 80, 60, 80)
    face, _ = fades.step(12 / RATE, {4: larger}, {}, {})[4]
    assert np.ptp(face.landmarks.points[:, 1]) == pytest.approx(80, abs=0.01)

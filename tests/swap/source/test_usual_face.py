"""The usual face, whole and without brows."""

import numpy as np

from mien.face import landmark_sets
from mien.imaging.colour import LUMA
from mien.swap.source.regions import area_of, wide
from mien.swap.source.usual_face import usual_face, usual_skin


def test_it_has_brows_and_its_skin_has_none() -> None:
    for loop in (landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW):
        brow = wide(area_of(loop, 0.0)) > 0.9
        whole, bare = (float((face @ LUMA)[brow].mean()) for face in (usual_face(), usual_skin()))
        assert whole < 0.85 * bare


def test_both_are_alike_away_from_the_brows() -> None:
    cheek = wide(area_of(landmark_sets.BARE_SKIN[0], 0.0)) > 0.5
    assert np.array_equal(usual_face()[cheek], usual_skin()[cheek])


def test_no_background_shows_at_its_border() -> None:
    luma = usual_face() @ LUMA
    assert float(luma.min()) > 20
    assert float(luma.max()) < 200, "the mean face has a bright line along its oval"

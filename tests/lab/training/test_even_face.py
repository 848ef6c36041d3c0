"""The mean of calm faces in even light."""

from pathlib import Path

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.lab.training.even_face import even_face, write
from mien.swap.source import hard_light
from mien.swap.source.regions import GRID
from tests.support.portraits import COLLINS, HOPPER, models, portrait


def test_mean_and_deviation_are_symmetric_and_come_back_from_the_file(tmp_path: Path) -> None:
    blank = np.full((200, 200, 3), 90, np.uint8)
    found = even_face([portrait(COLLINS).image, blank, portrait(HOPPER).image], models())
    assert found.mean.shape == found.deviation.shape == (GRID, GRID, 3)
    assert np.allclose(found.mean, found.mean[:, ::-1], atol=1e-4)
    assert np.allclose(found.deviation, found.deviation[:, ::-1], atol=1e-4)
    assert float(found.deviation.min()) > 0.02
    write(found, tmp_path / "even_face.npz")
    with np.load(tmp_path / "even_face.npz") as stored:
        assert np.allclose(stored["mean"].astype(np.float32), found.mean, atol=4e-3)


def test_the_bundled_face_has_dark_eyes_and_steady_cheeks() -> None:
    face = hard_light.even_face(GRID)
    cheek, iris = (texture_points(GRID)[number].round().astype(int) for number in (50, landmark_sets.RIGHT_IRIS))
    luma = face.mean[:, :, 0]
    assert luma[iris[1], iris[0]] < luma[cheek[1], cheek[0]] - 0.3
    assert float(face.deviation[cheek[1], cheek[0], 0]) < 0.08

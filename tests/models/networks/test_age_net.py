"""The age network: its crops, the median of its answers, and real faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import ModelError, ModelMismatch
from mien.imaging import geometry
from mien.models.format.ports import Shape
from mien.models.networks.age_net import AgeNet
from mien.types import Image, Landmarks
from tests.support.portraits import COLLINS, HOPPER, models, moved, portrait
from tests.support.sessions import FakeSession

_INPUTS: dict[str, Shape] = {"image": (None, 112, 112, 3)}
_OUTPUTS: dict[str, Shape] = {"age": (None, 1), "male": (None, 1)}


def _session(*ages: float) -> FakeSession:
    return FakeSession(_INPUTS, _OUTPUTS, {"age": np.array(ages, np.float32).reshape(-1, 1)})


def _seen(image: Image, landmarks: Landmarks) -> np.ndarray:
    """Return what the network is given of a face."""
    session = _session(30)
    AgeNet(session).age(image, landmarks)
    (asked,) = session.asked
    return asked["image"]


def test_the_median_counts() -> None:
    face = portrait(COLLINS)
    assert AgeNet(_session(10, 90, 30, 20, 50, 40)).age(face.image, face.landmarks) == 35.0


def test_three_crops_and_their_mirror_images_are_seen() -> None:
    face = portrait(COLLINS)
    seen = _seen(face.image, face.landmarks)
    assert seen.shape == (6, 112, 112, 3)
    assert seen.dtype == np.float32
    assert 200 < seen.max() <= 255
    for crop, mirrored in zip(seen[::2], seen[1::2], strict=True):
        assert np.array_equal(crop[:, ::-1], mirrored)
    assert not np.array_equal(seen[0], seen[2])
    assert not np.array_equal(seen[0], seen[4])


def test_colours_are_red_first() -> None:
    face = portrait(COLLINS)
    blue = np.zeros_like(face.image)
    blue[:, :, 0] = 200
    seen = _seen(blue, face.landmarks)
    assert (seen[..., 2].min(), seen[..., :2].max()) == (200, 0)


def test_the_crop_is_upright_and_centred_on_the_face() -> None:
    face = portrait(COLLINS)
    height, width = face.image.shape[:2]
    tilt = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), 35, 1.0), np.float64)
    upright, tilted = _seen(face.image, face.landmarks), _seen(*moved(face, tilt, width, height))
    middle = np.s_[:, 30:85, 30:85]
    assert np.abs(upright[middle] - tilted[middle]).mean() < 6
    marked = np.zeros((400, 400, 3), np.uint8)
    points = face.landmarks.points + np.array([60, 40, 0], np.float32)
    x1, y1, x2, y2 = geometry.box_of(points)
    marked[round(y1) : round(y2), round(x1) : round(x2)] = 255
    rows = np.flatnonzero(_seen(marked, Landmarks(points, 1.0))[0, :, 56, 0] > 127)
    assert 10 < rows[0] < 25, "the forehead above the landmarks is in the crop"
    assert 95 < rows[-1] < 110


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_age_that_is_not_a_number_is_an_error(bad: float) -> None:
    face = portrait(COLLINS)
    with pytest.raises(ModelError, match="age_112"):
        AgeNet(_session(30, bad, 30, 30, 30, 30)).age(face.image, face.landmarks)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        pytest.param({"image": (None, 3, 112, 112)}, _OUTPUTS, id="channels first"),
        pytest.param({"image": (None, 224, 224, 3)}, _OUTPUTS, id="another size"),
        pytest.param({"picture": (None, 112, 112, 3)}, _OUTPUTS, id="another name"),
        pytest.param(_INPUTS, {"age": (None, 101)}, id="classes"),
        pytest.param(_INPUTS, {"male": (None, 1)}, id="no age"),
    ],
)
def test_another_network_is_refused(inputs: dict[str, Shape], outputs: dict[str, Shape]) -> None:
    with pytest.raises(ModelMismatch, match="age_112"):
        AgeNet(FakeSession(inputs, outputs))


@pytest.mark.parametrize("path", [COLLINS, HOPPER])
def test_the_bundled_portraits_look_adult_however_the_head_is_tilted(path: Path) -> None:
    face = portrait(path)
    height, width = face.image.shape[:2]
    for degrees in (-40, 0, 40):
        tilt = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0), np.float64)
        assert 25 < models().ages.age(*moved(face, tilt, width, height)) < 90


def test_a_face_near_the_border_looks_adult_too() -> None:
    face = portrait(COLLINS)
    x1, y1, x2, y2 = geometry.box_of(face.landmarks.points)
    margin = 0.1 * (y2 - y1)
    left, top, right, bottom = (round(value) for value in (x1 - margin, y1 - margin, x2 + margin, y2 + margin))
    cut = np.ascontiguousarray(face.image[top:bottom, left:right])
    points = face.landmarks.points - np.array([left, top, 0], np.float32)
    assert 18 < models().ages.age(cut, Landmarks(points, 1.0)) < 90

"""The gauge measures pictures as the stages of the swap see them."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.check.requests.gauge import Gauge, GaugeParts
from mien.check.requests.sighting import Face, Sighting
from mien.lab.evaluate.occluders import all_occluders, occlude
from mien.lab.evaluate.scenes import Shot
from mien.models.library.store import Store
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.types import Floats, Frame, Image
from tests.support.portraits import COLLINS, HOPPER, models, portrait


@pytest.fixture(scope="module")
def parts() -> GaugeParts:
    settings = Settings(smoothing=0.0)
    tracking = factory.open_tracking(settings, SessionCache(Store(), settings.device, settings.precision))
    return GaugeParts(tracking, models().parser, models().hand_finder)


def small(image: Image, width: int = 480) -> Image:
    height = round(image.shape[0] * width / image.shape[1])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def measured(parts: GaugeParts, *images: Image) -> list[Sighting]:
    gauge = Gauge(parts)
    frames = [Frame(image.copy(), number, number, Fraction(1, 15)) for number, image in enumerate(images)]
    return [gauge.measure(frame, frame.time_s) for frame in frames]


def face_of(sighting: Sighting) -> Face:
    assert sighting.face is not None
    return sighting.face


def points_of(image: Image) -> Floats:
    found = models().photo_detector.detect(image)[0]
    points = models().landmarker.fit(image, found.points).points
    return models().landmarker.fit(image, points).points


def test_a_face_at_rest_is_measured(parts: GaugeParts) -> None:
    image = small(portrait(COLLINS).image)
    *_, last = measured(parts, image, image, image)
    face = face_of(last)
    assert last.faces == 1
    assert last.yaw is not None
    assert abs(last.yaw) < 25
    assert face.covered < 0.12
    assert 0.15 < face.opening < 0.5
    assert 20 < face.eyes_px < 200
    assert face.skin_bgr[2] > face.skin_bgr[0] > 30


def test_a_hand_before_the_face_is_measured_where_it_is(parts: GaugeParts) -> None:
    image = small(portrait(COLLINS).image)
    points = points_of(image)
    skin = np.median(image[np.round(points[[50, 280], 1]).astype(int), np.round(points[[50, 280], 0]).astype(int)], axis=0)
    hand = all_occluders(np.asarray(skin, np.float32))[0]
    shown = [occlude(Shot(image, points), hand, nearness, 0).image for nearness in (0.0, 0.9, 0.9, 0.9)]
    free, *_, covered = measured(parts, *shown)
    assert face_of(covered).covered > face_of(free).covered + 0.08
    assert face_of(covered).middle > face_of(free).middle + 0.1


def test_a_raised_chin_counts_upwards_and_a_turn_to_its_side(parts: GaugeParts) -> None:
    image = small(portrait(HOPPER).image)
    *_, upright = measured(parts, image, image)
    *_, mirrored = measured(parts, *[np.ascontiguousarray(image[:, ::-1])] * 2)
    assert upright.yaw is not None
    assert mirrored.yaw == pytest.approx(-upright.yaw, abs=8)


def test_two_faces_and_none_are_counted(parts: GaugeParts) -> None:
    image = small(portrait(COLLINS).image)
    *_, both = measured(parts, *[np.hstack([image, image[:, ::-1]])] * 2)
    assert both.faces == 2
    (nobody,) = measured(parts, np.full((240, 320, 3), 128, np.uint8))
    assert (nobody.faces, nobody.face, nobody.hidden) == (0, None, False)


def test_another_size_of_the_picture_is_followed(parts: GaugeParts) -> None:
    image = small(portrait(COLLINS).image)
    first, second = measured(parts, image, small(image, 360))
    assert face_of(second).eyes_px == pytest.approx(0.75 * face_of(first).eyes_px, rel=0.1)

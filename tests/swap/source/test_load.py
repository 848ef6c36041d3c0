"""Photos that can be worn, and refusals that say why."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien import errors
from mien.swap.source.load import MAX_PHOTOS, TURNED, load_more, load_source, numbered_picture, search, together
from mien.types import Image, SourceFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser


def _load(photo: Image, number: int | None = None) -> SourceFace:
    return load_source(photo, models().inspection, number=number)


@pytest.fixture
def photo() -> Image:
    return portrait(COLLINS).image.copy()


@pytest.fixture
def pair() -> Image:
    left, right = portrait(COLLINS).image[:512], portrait(HOPPER).image[:512]
    return np.hstack([left, right])


def test_a_clear_portrait_is_taken(photo: Image) -> None:
    face = _load(photo)
    points = face.landmarks.points[:, :2]
    assert points.min() >= 0
    assert (points.max(0) < face.image.shape[1::-1]).all()
    assert face.landmarks.presence > 0.9


def test_the_digest_names_the_content(photo: Image) -> None:
    assert _load(photo).digest == _load(photo.copy()).digest
    assert _load(photo).digest != _load(portrait(HOPPER).image).digest


def test_an_empty_room_has_no_face() -> None:
    draw = np.random.default_rng(0)
    with pytest.raises(errors.NoSourceFace, match="no face"):
        _load(draw.integers(0, 255, (300, 300, 3), np.uint8))


def test_two_faces_need_a_choice(pair: Image) -> None:
    with pytest.raises(errors.SeveralSourceFaces, match="2 faces") as caught:
        _load(pair)
    assert "--source-face" in caught.value.remedy


def test_the_choice_counts_from_the_left(pair: Image) -> None:
    first, second = _load(pair, 1), _load(pair, 2)
    eye_distance = [float(np.ptp(face.landmarks.points[[33, 263], 0])) for face in (first, second)]
    assert eye_distance[0] < 80 < eye_distance[1], "Collins stands left and is smaller"


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_number_that_is_not_there(pair: Image, number: int) -> None:
    with pytest.raises(errors.UsageError, match=f"no face {number}"):
        _load(pair, number)


def test_too_small(photo: Image) -> None:
    with pytest.raises(errors.SourceFaceTooSmall, match="pixels between the eyes"):
        _load(np.asarray(cv2.resize(photo, None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA), np.uint8))


def test_too_blurred(photo: Image) -> None:
    with pytest.raises(errors.SourceFaceBlurred):
        _load(np.asarray(cv2.GaussianBlur(photo, (0, 0), 3), np.uint8))


def test_turned_too_far(photo: Image) -> None:
    points = portrait(COLLINS).landmarks.points
    x1, x2 = points[:, 0].min(), points[:, 0].max()
    squeezed = photo[:, int(x1) - 40 : int(x2) + 40]

    class Turned:
        def fit(self, image: Image, around: np.ndarray) -> object:
            found = models().landmarker.fit(image, around)
            turned = found.points.copy()
            turned[:, 2] += 1.2 * (turned[:, 0] - turned[:, 0].mean())
            return type(found)(turned, found.presence)

    with pytest.raises(errors.SourceFaceTurned, match="to the side"):
        load_source(squeezed, replace(models().inspection, landmarker=Turned()), number=1)  # type: ignore[arg-type]


def test_cut_by_the_border(photo: Image) -> None:
    chin = int(portrait(COLLINS).landmarks.points[152, 1])
    with pytest.raises(errors.SourceFaceCovered, match="border"):
        _load(photo[: chin - 25])


def test_covered_by_a_mask(photo: Image) -> None:
    points = portrait(COLLINS).landmarks.points[:, :2]
    (x1, _), (x2, y2) = points.min(0).astype(int), points.max(0).astype(int)
    cv2.rectangle(photo, (int(x1), int(points[195, 1])), (int(x2), int(y2) + 5), (200, 160, 90), -1)
    with pytest.raises(errors.SourceFaceError):
        _load(photo)


def test_numbered_picture_leaves_the_photo_alone(pair: Image) -> None:
    before = pair.copy()
    searched = search(pair, models().photo_detector)
    numbered = numbered_picture(searched)
    assert [face.number for face in searched.faces] == [1, 2]
    assert np.array_equal(before, pair)
    assert (numbered != pair).any()


def _more(photo: Image, same_as: SourceFace) -> SourceFace:
    return load_more(photo, same_as, models().inspection, recogniser())


def test_a_further_photo_of_the_same_person_is_found_among_others(photo: Image, pair: Image) -> None:
    first = _load(photo)
    more = _more(pair, first)
    alone = _more(photo, first)
    assert more.image.shape == alone.image.shape, "Collins was chosen, not Hopper"
    both = together(first, more)
    assert (both.image is first.image, both.others) == (True, (more,))
    assert len({first.digest, both.digest, together(first, alone).digest}) == 3


def test_a_further_photo_of_another_person_is_refused(photo: Image) -> None:
    with pytest.raises(errors.SourceFaceStranger, match="another person") as caught:
        _more(portrait(HOPPER).image, _load(photo))
    assert "first photo" in caught.value.remedy


def test_a_further_photo_without_a_face(photo: Image) -> None:
    with pytest.raises(errors.NoSourceFace):
        _more(np.full((200, 200, 3), 90, np.uint8), _load(photo))


def test_photos_are_not_taken_without_end(photo: Image) -> None:
    face = first = _load(photo)
    for _ in range(MAX_PHOTOS - 1):
        face = together(face, first)
    with pytest.raises(errors.UsageError, match="enough"):
        together(face, first)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_that_lies_on_its_side_is_turned_and_gives_the_same_source(photo: Image, quarters: int) -> None:
    upright = _load(photo)
    turned = _load(np.ascontiguousarray(np.rot90(photo, -quarters)))
    assert np.array_equal(turned.image, upright.image)
    assert turned.digest == upright.digest, "one consent holds for both"
    assert turned.warnings == (TURNED[quarters],)
    assert upright.warnings == ()


def test_a_turned_group_is_numbered_as_it_is_seen_upright(pair: Image) -> None:
    upright = search(pair, models().photo_detector)
    turned = search(np.ascontiguousarray(np.rot90(pair)), models().photo_detector)
    assert np.array_equal(turned.image, pair)
    assert [face.detection.box_xyxy for face in turned.faces] == [face.detection.box_xyxy for face in upright.faces]


def test_a_fault_of_a_turned_photo_keeps_its_reason(photo: Image) -> None:
    small = cv2.resize(photo, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    with pytest.raises(errors.SourceFaceTooSmall):
        _load(np.ascontiguousarray(np.rot90(np.asarray(small, np.uint8))))


def test_a_further_photo_on_its_side_is_turned_and_said(photo: Image) -> None:
    first = _load(photo)
    more = _more(np.ascontiguousarray(np.rot90(photo, 2)), first)
    assert np.array_equal(more.image, first.image)
    assert together(first, more).warnings == (TURNED[2],)

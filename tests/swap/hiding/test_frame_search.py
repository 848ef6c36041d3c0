"""Search of one frame: small faces by enlargement, tilted ones by rotation, close-ups by reduction."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mien.assembly import factory
from mien.imaging.geometry import roll_of
from mien.models.library.store import Store
from mien.swap.hiding.frame_search import FrameSearch, SearchTuning, distinct
from mien.swap.hiding.path_search import PathTuning
from mien.types import Detection, Image
from tests.support import portraits

_GREY = 120


@cache
def _search() -> FrameSearch:
    return factory.open_frame_search(Store())


def _tiles_only(tuning: SearchTuning) -> FrameSearch:
    """A search in which nothing but the tiles sees anything."""
    blind = _Blind()
    return replace(_search(), native=blind, coarse=(blind, blind), turned=blind, tuning=tuning)


class _Blind:
    def detect(self, image: Image) -> list[Detection]:
        return []


def _scene(height: float, roll: float = 0.0, size_wh: tuple[int, int] = (640, 360)) -> tuple[Image, tuple[float, float]]:
    """The bundled portrait, its face `height` pixels tall and rolled, in the middle of grey."""
    face = portraits.portrait(portraits.HOPPER)
    low, high = face.landmarks.points[:, :2].min(0), face.landmarks.points[:, :2].max(0)
    middle, scale, turn = (low + high) / 2, height / float(high[1] - low[1]), np.radians(roll)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array(size_wh) / 2 + 0.25
    to_frame = np.hstack([linear, (centre - linear @ middle)[:, None]])
    image, _ = portraits.moved(face, to_frame, *size_wh)
    return image, (float(centre[0]), float(centre[1]))


def _seen(found: list[Detection], at: tuple[float, float], height: float) -> bool:
    return any(
        each.score >= PathTuning().birth_score
        and abs((each.box_xyxy[0] + each.box_xyxy[2]) / 2 - at[0]) < 0.4 * height
        and abs((each.box_xyxy[1] + each.box_xyxy[3]) / 2 - at[1]) < 0.4 * height
        for each in found
    )


@pytest.mark.parametrize("height", [12.0, 40.0, 300.0])
def test_faces_of_all_sizes_are_found(height: float) -> None:
    image, at = _scene(height)
    assert _seen(_search().look(image, 0, whole=True), at, height)


@pytest.mark.parametrize("roll", [90.0, 180.0, 270.0])
def test_heads_on_a_side_are_found(roll: float) -> None:
    image, at = _scene(60.0, roll)
    assert _seen(_search().look(image, 0, whole=True), at, 60.0)


def test_the_enlarged_picture_is_searched_every_few_frames() -> None:
    image, at = _scene(10.0)
    every = _search().tuning.enlarged_every
    assert not _seen(_search().look(image, 1, whole=False), at, 10.0)
    assert _seen(_search().look(image, every, whole=False), at, 10.0)


@pytest.mark.parametrize("turn", [0, 1])
def test_every_enlarged_search_finds_the_face_where_it_is_with_its_points_in_order(turn: int) -> None:
    """Every second one looks into a mirror; the face is not in the middle of the picture."""
    image, at = _scene(16.0, size_wh=(900, 360))
    moved, x = np.roll(image, 120, axis=1), at[0] + 120
    search = _search()
    found = search.look(moved, turn * search.tuning.enlarged_every, whole=False)
    assert _seen(found, (x, at[1]), 16.0)
    best = max(found, key=lambda each: each.score)
    assert abs(roll_of(best.points)) < 15.0
    assert best.points[3][1] > best.points[0][1]


def test_a_mirrored_search_finds_in_the_mirror_what_the_other_finds_in_the_picture() -> None:
    image, _ = _scene(16.0, size_wh=(700, 360))
    moved = np.roll(image, 90, axis=1)
    plain = _tiles_only(SearchTuning(enlarged_every=1, enlargements=((3.0, False),)))
    mirror = _tiles_only(SearchTuning(enlarged_every=1, enlargements=((3.0, True),)))
    (seen,) = plain.look(moved, 0, whole=False)
    (also,) = mirror.look(np.ascontiguousarray(moved[:, ::-1]), 0, whole=False)
    last = moved.shape[1] - 1
    assert np.allclose([last - also.box_xyxy[2], also.box_xyxy[1]], seen.box_xyxy[:2], atol=1e-3)
    assert np.allclose(last - also.points[[1, 0, 2, 4, 3], 0], seen.points[:, 0], atol=1e-3)


def test_a_face_at_the_seam_of_two_tiles_is_found_once_and_in_its_place() -> None:
    tuning = _search().tuning
    step = (tuning.tile - tuning.tile_overlap) / tuning.enlargements[0][0]
    image, _ = _scene(14.0)
    x = float(step)
    shifted = np.roll(image, round(x - image.shape[1] / 2), axis=1)
    found = [each for each in _search().enlarged(shifted, tuning.enlargements[0][0]) if each.score > 0.5]
    assert len(distinct(found)) == 1
    assert _seen(found, (x, image.shape[0] / 2), 14.0)


def test_a_picture_without_a_face_has_none() -> None:
    assert _search().look(np.full((90, 120, 3), _GREY, np.uint8), 0, whole=True) == []


@pytest.mark.parametrize("size_wh", [(1, 1), (40, 3), (321, 20)])
def test_tiny_and_narrow_pictures_are_searched(size_wh: tuple[int, int]) -> None:
    assert _search().look(np.full((size_wh[1], size_wh[0], 3), _GREY, np.uint8), 0, whole=True) == []


def test_different_faces_stay_and_one_face_is_listed_once() -> None:
    def at(x: float, size: float, score: float) -> Detection:
        return Detection((x, 0.0, x + size, size), np.zeros((5, 2), np.float32), score)

    found = [at(0, 20, 0.4), at(2, 20, 0.9), at(30, 20, 0.5), at(4, 8, 0.3)]
    # A small face on a large one may be another person's.
    assert [each.score for each in distinct(found)] == [0.9, 0.5, 0.3]

"""Pattern of the mark: exactly as docs/mark.md gives it to those who write readers, and laid on arrays of all kinds."""

import cv2
import numpy as np
import pytest

from mien.errors import MarkImpossible
from mien.provenance.mark.pattern import (
    CODES,
    GRID,
    MARK_MIN_SIDE_PIXELS,
    Marker,
    code_spectra,
    crc8,
    new_mark_id,
    nominal_tile,
    pattern,
    payload,
    tile_pixels,
)
from mien.types import Image
from tests.support.marked import ID, marked, resized

VECTOR_CRC = 0x4D
VECTOR_DRAWS = {(0, 0, 3): 36892, (0, 3, 0): 21661, (1, 1, -4): 2894, (2, 5, 5): 32171, (4, 12, 0): 44501, (4, 4, -12): 19667}
"""Code, row and column of a frequency, and the 16 bits that its phase comes from."""
VECTOR_TILE = (0.0841, -0.0067, -0.1253, -0.2448)


def test_the_check_is_a_known_crc8() -> None:
    # The check value that catalogues list for 0x07 beginning at 0 is 0xF4; at 0xFF, with nothing reflected, it is 0xFB.
    assert crc8(b"123456789") == 0xFB
    assert crc8(b"") == 0xFF
    assert payload(ID) == (0xA5, 0x3C, 0x96, VECTOR_CRC)
    assert payload(0)[:3] == (0, 0, 0)
    assert payload(0)[3] != 0


@pytest.mark.parametrize("mark_id", [-1, 1 << 24])
def test_an_id_has_24_bits(mark_id: int) -> None:
    with pytest.raises(ValueError, match="24 bits"):
        payload(mark_id)


def test_new_ids_differ_and_fit() -> None:
    ids = {new_mark_id() for _ in range(50)}
    assert len(ids) > 45
    assert all(0 <= each < 1 << 24 for each in ids)


def test_the_phases_are_those_of_the_description() -> None:
    spectra = code_spectra()
    assert spectra.shape == (CODES, GRID, GRID)
    assert int((np.abs(spectra[0]) > 0).sum()) == 488
    for (code, row, column), draw in VECTOR_DRAWS.items():
        assert round(float(np.angle(spectra[code, row, column])) / (2 * np.pi) * 65536) % 65536 == draw
        assert spectra[code, -row, -column] == pytest.approx(np.conj(spectra[code, row, column]))
    np.testing.assert_allclose(np.abs(spectra), np.where(np.abs(spectra[0]) > 0, 1.0, 0.0)[None].repeat(CODES, 0), atol=1e-12)


def test_the_tile_is_that_of_the_description() -> None:
    tile = nominal_tile(ID)
    assert tile.shape == (128, 128)
    assert float(tile.std()) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(tile[0, :4], VECTOR_TILE, atol=2e-4)


@pytest.mark.parametrize(
    ("size_wh", "period"),
    [((1280, 720), 128), ((720, 1280), 128), ((1920, 1080), 192), ((300, 200), 64), ((150, 240), 60), ((112, 112), 48)],
)
def test_the_tile_follows_the_longer_side(size_wh: tuple[int, int], period: float) -> None:
    width, height = size_wh
    assert tile_pixels(width, height) == period
    laid = pattern(nominal_tile(ID), period, width, slice(0, height))
    np.testing.assert_allclose(laid[:, : width - int(period)], laid[:, int(period) :], atol=0.05)


def test_rows_can_be_drawn_piece_by_piece() -> None:
    tile, period = nominal_tile(ID), tile_pixels(1000, 700)
    whole = pattern(tile, period, 1000, slice(0, 700))
    pieces = [pattern(tile, period, 1000, rows) for rows in (slice(0, 300), slice(300, 700))]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=0.05)


def test_all_channels_change_alike_and_little() -> None:
    image = np.full((720, 1280, 3), 120, np.uint8)
    change = marked(image).astype(int) - image
    assert (change[..., 0] == change[..., 1]).all()
    assert (change[..., 0] == change[..., 2]).all()
    assert abs(change).max() <= 6
    assert 10 * np.log10(255**2 / (change.astype(float) ** 2).mean()) >= 45


@pytest.mark.parametrize("size_wh", [(MARK_MIN_SIDE_PIXELS - 1, 500), (500, MARK_MIN_SIDE_PIXELS - 1), (1, 1), (4000, 1)])
def test_small_pictures_are_refused(size_wh: tuple[int, int]) -> None:
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    with pytest.raises(MarkImpossible, match="too few") as caught:
        Marker(ID).mark(image)
    assert str(MARK_MIN_SIDE_PIXELS) in caught.value.remedy
    assert not image.any()


def test_views_are_marked_in_place_and_alike(frames: list[Image]) -> None:
    expected = marked(np.ascontiguousarray(frames[0][100:600, 200:1000]))
    base = frames[0].copy()
    Marker(ID).mark(base[100:600, 200:1000])
    np.testing.assert_array_equal(base[100:600, 200:1000], expected)
    np.testing.assert_array_equal(base[:100], frames[0][:100])
    backwards = frames[0][:, ::-1].copy()[:, ::-1]
    Marker(ID).mark(backwards)
    np.testing.assert_array_equal(backwards, marked(frames[0]))


def test_one_marker_serves_pictures_of_several_sizes(frames: list[Image]) -> None:
    marker, small = Marker(ID), resized(frames[0], 640, 360)
    for image in (frames[0], small, frames[0]):
        copy = image.copy()
        marker.mark(copy)
        np.testing.assert_array_equal(copy, marked(image))


def test_read_only_pictures_are_never_changed(frames: list[Image]) -> None:
    image = frames[0].copy()
    image.setflags(write=False)
    with pytest.raises((ValueError, cv2.error)):
        Marker(ID).mark(image)
    np.testing.assert_array_equal(image, frames[0])


@pytest.mark.parametrize("strength", [-0.1, 5, float("nan")])
def test_strengths_have_bounds(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        Marker(ID, strength=strength)


def test_headroom_is_made_only_where_much_is_black_or_white(frames: list[Image]) -> None:
    for level, moved in ((0, 2), (255, 253)):
        card = np.full((360, 640, 3), level, np.uint8)
        Marker(ID, strength=1.0, headroom=True).mark(card)
        assert abs(float(card.mean()) - moved) < 0.5
        assert abs(card.astype(int) - level).max() <= 6
    plain, roomy = marked(frames[0]), frames[0].copy()
    Marker(ID, headroom=True).mark(roomy)
    np.testing.assert_array_equal(plain, roomy)

"""Decoder of the mark: where it is still read, where nothing is found, and hostile pictures."""

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from mien.provenance.mark import correlation
from mien.provenance.mark.correlation import MIN_SEARCHED_Z, MIN_WHOLE_Z
from mien.provenance.mark.decoder import MarkReader
from mien.provenance.mark.pattern import MARK_MIN_SIDE_PIXELS, Marker, code_spectra
from mien.types import Image
from tests.support.marked import ID, encoded, find, id_of, jpeg, marked, resized
from tests.support.portraits import COLLINS, HOPPER, read


def test_every_frame_alone_and_all_together(marked_frames: list[Image]) -> None:
    found = find(*marked_frames)
    assert found is not None
    assert found.mark_id == ID
    assert found.frames == 24
    assert (found.scale, found.angle_deg, found.mirrored) == (1.0, 0.0, False)
    assert 0.85 < found.strength < 1.15
    assert found.z > 20
    assert [id_of(frame) for frame in marked_frames[::6]] == [ID] * 4


WHOLE: dict[str, Callable[[Image], Image]] = {
    "mirror": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "360p": lambda image: resized(image, 640, 360),
    "360p and back": lambda image: resized(resized(image, 640, 360), 1280, 720),
    "1080p": lambda image: resized(image, 1920, 1080),
    "JPEG q25": lambda image: jpeg(image, 25),
    "a row and a column cut off": lambda image: image[:-1, :-1],
    "gamma": lambda image: np.rint(255 * (np.arange(256) / 255) ** 0.6).astype(np.uint8)[image],
    "blur": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.uint8),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_pictures(marked_frames: list[Image], name: str) -> None:
    found = find(*(WHOLE[name](frame) for frame in marked_frames[::2]))
    assert found is not None
    assert found.mark_id == ID
    assert found.mirrored is (name == "mirror")


def _turned(image: Image, degrees: float) -> Image:
    height, width = image.shape[:2]
    to_turned = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, to_turned, (width, height)), np.uint8)


SEARCHED: dict[str, tuple[Callable[[Image], Image], float, float, bool]] = {
    "10 % crop": (lambda image: image[30:678, 90:1242], 1280 / 1152, 0, False),
    "10 % crop, zoomed back": (lambda image: resized(image[30:678, 90:1242], 1280, 720), 1 / 0.9, 0, False),
    "a piece": (lambda image: image[200:520, 400:720], 128 / 64, 0, False),
    "screenshot": (lambda image: resized(image[40:690, 50:1250], 996, 540), 128 * 0.83 / 99.6, 0, False),
    "turned by 1": (lambda image: _turned(image, 1), 1, 1, False),
    "turned by -3": (lambda image: _turned(image, -3), 1, -3, False),
    "turned by 5": (lambda image: _turned(image, 5), 1, 5, False),
    "mirrored crop": (lambda image: image[30:678, 90:1242][:, ::-1], 1280 / 1152, 0, True),
}


@pytest.mark.parametrize("name", SEARCHED)
def test_geometry_is_found_by_search(marked_frames: list[Image], name: str) -> None:
    change, scale, angle_deg, mirrored = SEARCHED[name]
    changed = [np.ascontiguousarray(change(frame)) for frame in marked_frames[::3]]
    found = find(*changed, search=True)
    assert found is not None
    assert found.mark_id == ID
    assert found.scale == pytest.approx(scale, rel=0.01)
    assert abs(found.angle_deg) == pytest.approx(abs(angle_deg), abs=0.3)
    assert found.mirrored is mirrored
    assert np.isnan(found.strength)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"crf": "23"}),
        ("libx264", {"crf": "28"}),
        ("libx265", {"crf": "28", "preset": "fast", "x265-params": "log-level=error"}),
        ("libvpx", {"b": "1200000", "deadline": "realtime", "cpu-used": "8"}),
        ("libvpx-vp9", {"b": "1000000", "deadline": "realtime", "cpu-used": "8"}),
    ],
    ids=["H.264 CRF 23", "H.264 CRF 28", "HEVC CRF 28", "VP8", "VP9"],
)
def test_codecs(marked_frames: list[Image], codec: str, options: dict[str, str]) -> None:
    assert id_of(*encoded(marked_frames, codec, options)) == ID


@pytest.mark.parametrize("path", [COLLINS, HOPPER], ids=lambda path: path.stem)
@pytest.mark.parametrize("side", [MARK_MIN_SIDE_PIXELS, 200, 500, 1100])
def test_stills_of_every_size(path: Path, side: int) -> None:
    image = read(path)
    scale = side / min(image.shape[:2])
    image = resized(image, round(image.shape[1] * scale), round(image.shape[0] * scale))
    assert id_of(jpeg(marked(image), 90)) == ID


@pytest.mark.parametrize("size_wh", [(6000, 750), (750, 6000)])
def test_a_panorama_of_smooth_noise(size_wh: tuple[int, int]) -> None:
    """Its tiles are as large as its longer side asks for, so that there are few of them."""
    draw = np.random.default_rng(0).integers(60, 190, (size_wh[1] // 40 + 1, size_wh[0] // 40 + 1, 3), np.uint8)
    picture = np.asarray(cv2.resize(draw, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
    Marker(ID).mark(picture)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    reader = MarkReader()
    reader.add(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8))
    found = reader.read()
    assert found is not None
    assert found.mark_id == ID


def test_the_least_video_is_read_after_the_default_quality() -> None:
    frame = marked(resized(read(COLLINS), MARK_MIN_SIDE_PIXELS, MARK_MIN_SIDE_PIXELS))
    assert id_of(*encoded([frame] * 24, "libx264", {"preset": "veryfast", "crf": "20"})) == ID


@pytest.mark.parametrize("level", [0, 1, 30, 128, 254, 255])
def test_plain_pictures(level: int) -> None:
    image = np.full((480, 640, 3), level, np.uint8)
    assert id_of(jpeg(marked(image), 90)) == ID


def test_pure_colours_and_noise() -> None:
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255)):
        assert id_of(jpeg(marked(np.full((480, 640, 3), colour, np.uint8)), 90)) == ID
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    assert id_of(marked(noise)) == ID


def test_a_large_picture_is_marked_in_strips() -> None:
    image = resized(read(HOPPER), 4000, 6000)
    found = find(jpeg(marked(image), 90))
    assert found is not None
    assert found.mark_id == ID


def test_a_fresh_mark_has_strength_1_and_is_topped_up_to_it(frames: list[Image]) -> None:
    worn = jpeg(marked(frames[0]), 50)
    found = find(worn)
    assert found is not None
    assert found.mark_id == ID
    assert 0.5 < found.strength < 1.1
    topped = find(marked(worn, ID, max(1 - found.strength, 0.0)))
    assert topped is not None
    assert topped.mark_id == ID
    assert topped.strength == pytest.approx(1, abs=0.15)


def test_half_a_mark_has_half_the_strength(frames: list[Image]) -> None:
    found = find(marked(frames[0], strength=0.5))
    assert found is not None
    assert found.strength == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(("first", "second"), [(0xABCDEF, 0x123456), (0x111111, 0xFEDCBA), (5, 0x808080)])
def test_two_marks_are_found_and_none_is_believed(frames: list[Image], first: int, second: int) -> None:
    found = find(marked(marked(frames[0], first), second))
    assert found is not None
    assert found.mark_id is None


def test_readers_take_read_only_and_reversed_pictures(marked_frames: list[Image]) -> None:
    image = marked_frames[0].copy()
    image.setflags(write=False)
    assert id_of(image) == ID
    assert id_of(image[:, ::-1]) == ID
    np.testing.assert_array_equal(image, marked_frames[0])


def test_pictures_read_together_are_of_one_size(frames: list[Image]) -> None:
    reader = MarkReader()
    assert reader.read(search=True) is None
    reader.add(frames[0])
    with pytest.raises(ValueError, match="one size"):
        reader.add(frames[0][:-2])


def test_another_key_sees_nothing(marked_frames: list[Image]) -> None:
    reader = MarkReader(b"another key")
    for frame in marked_frames[::4]:
        reader.add(frame)
    assert reader.read(search=True) is None


HOSTILE: dict[str, Image] = {
    "one pixel": np.full((1, 1, 3), 7, np.uint8),
    "one row": np.full((1, 5000, 3), 7, np.uint8),
    "one column": np.arange(5000 * 3).reshape(5000, 1, 3).astype(np.uint8),
    "two rows of noise": np.random.default_rng(0).integers(0, 256, (2, 3000, 3), np.uint8),
    "a ribbon": np.random.default_rng(0).integers(0, 256, (40, 12000, 3), np.uint8),
    "small": np.random.default_rng(0).integers(0, 256, (31, 33, 3), np.uint8),
    "black": np.zeros((720, 1280, 3), np.uint8),
    "white": np.full((720, 1280, 3), 255, np.uint8),
    "a chessboard": np.kron(np.indices((360, 640)).sum(0) % 2 * 255, np.ones((2, 2)))[:, :, None].repeat(3, 2).astype(np.uint8),
    "a grid as wide as a tile": (np.any(np.indices((720, 1280)) % 64 < 2, axis=0) * 255)[:, :, None]
    .repeat(3, 2)
    .astype(np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8),
    "24 megapixels": np.zeros((4000, 6000, 3), np.uint8),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_end_soon_and_carry_nothing(name: str) -> None:
    find(np.zeros((200, 200, 3), np.uint8), search=True)
    started = time.process_time()
    assert find(HOSTILE[name], search=True) is None
    assert time.process_time() - started < 6


def test_unmarked_pictures_carry_nothing(frames: list[Image]) -> None:
    assert find(*frames, search=True) is None
    for path in (COLLINS, HOPPER):
        assert find(read(path), search=True) is None


@pytest.mark.slow
def test_no_search_finds_a_mark_in_unmarked_media(media: Path) -> None:
    faces = sorted(media.glob("faces/*/*.jpg"))[::6]
    assert faces
    for path in faces:
        assert find(read(path), search=True) is None, path


@pytest.mark.slow
def test_25000_random_keys_find_nothing(benchmark: ModuleType, frames: list[Image]) -> None:
    readers = [MarkReader() for _ in range(3)]
    for frame in frames:
        readers[0].add(frame)
    readers[1].add(read(COLLINS))
    readers[2].add(read(HOPPER))
    tiles = [tile for reader in readers for tile in reader.tiles().values()]
    whole, searched = (np.concatenate(heights) for heights in zip(*benchmark.chance(tiles, 25_000), strict=True))
    assert len(whole) == len(searched) == 25_000
    # z counts deviations from the mean of chance.
    z, searched_z = correlation.whole_z(whole), correlation.searched_z(searched)
    assert abs(z.mean()) < 0.05
    assert z.std() == pytest.approx(1, abs=0.03)
    assert abs(searched_z.mean()) < 0.05
    assert searched_z.std() == pytest.approx(1, abs=0.03)
    assert z.max() < MIN_WHOLE_Z
    assert searched_z.max() < MIN_SEARCHED_Z


def test_random_keys_are_tried_as_the_reader_tries_its_own(benchmark: ModuleType, marked_frames: list[Image]) -> None:
    reader = MarkReader()
    reader.add(marked_frames[0])
    tile, codes = reader.tiles()[0.5, False], np.conj(code_spectra())
    half = benchmark.half_band()
    fast = benchmark.keyed_maps(correlation.flattened(tile), codes[None][..., : half.shape[1]][..., half])[0]
    np.testing.assert_allclose(fast, correlation.correlate(tile, codes), atol=1e-3)
    # The anchor of a marked picture stands at the corner.
    assert fast[0].argmax() == 0

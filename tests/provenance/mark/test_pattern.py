"""The invisible mark: its exact pattern, where it is still read, where nothing is found, and input that means harm."""

import importlib.util
import io
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import av
import cv2
import numpy as np
import pytest

from mien.batch import marking
from mien.batch.marking import FileMark
from mien.errors import MarkImpossible
from mien.media.files.encoders import candidates
from mien.media.files.mark_strength import MarkNeed, picture_need, video_need
from mien.provenance.mark import correlation
from mien.provenance.mark.correlation import MIN_SEARCHED_Z, MIN_WHOLE_Z
from mien.provenance.mark.decoder import MarkFound, MarkReader
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
from mien.settings import Settings
from mien.types import Image
from tests.support.places import ROOT
from tests.support.portraits import COLLINS, HOPPER, read

ID = 0xA53C96
VECTOR_CRC = 0x4D
VECTOR_DRAWS = {(0, 0, 3): 36892, (0, 3, 0): 21661, (1, 1, -4): 2894, (2, 5, 5): 32171, (4, 12, 0): 44501, (4, 4, -12): 19667}
"""Code, row and column of a frequency, and the 16 bits that its phase comes from."""
VECTOR_TILE = (0.0841, -0.0067, -0.1253, -0.2448)
BENCHMARK = ROOT / "benchmarks" / "mark.py"


def marked(image: Image, mark_id: int = ID, strength: float = 1.0) -> Image:
    copy = image.copy()
    Marker(mark_id, strength=strength).mark(copy)
    return copy


def find(*images: Image, search: bool = False) -> MarkFound | None:
    reader = MarkReader()
    for image in images:
        reader.add(image)
    return reader.read(search=search)


def id_of(*images: Image, search: bool = False) -> int | None:
    found = find(*images, search=search)
    return None if found is None else found.mark_id


def resized(image: Image, width: int, height: int) -> Image:
    how = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    decoded = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
    return np.asarray(decoded, np.uint8)


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    """24 frames of the bundled clip, 1280 x 720."""
    with av.open(str(BENCHMARK.parent.parent / "examples" / "clip.mp4")) as container:
        decoded = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0))
        return [frame for _, frame in zip(range(24), decoded, strict=False)]


@pytest.fixture(scope="module")
def marked_frames(frames: list[Image]) -> list[Image]:
    marker = Marker(ID)
    copies = [frame.copy() for frame in frames]
    for copy in copies:
        marker.mark(copy)
    return copies


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    """benchmarks/mark.py, which is no package."""
    spec = importlib.util.spec_from_file_location("benchmark_mark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


# The pattern, as docs/mark.md gives it to those who write readers


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


# Where it is read


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
    assert id_of(*_encoded(marked_frames, codec, options)) == ID


def _encoded(frames: list[Image], codec: str, options: dict[str, str]) -> list[Image]:
    buffer = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream(codec, rate=Fraction(30), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]


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
    assert id_of(*_encoded([frame] * 24, "libx264", {"preset": "veryfast", "crf": "20"})) == ID


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


# Marks over marks


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


# What is refused, and arrays of all kinds


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


def test_readers_take_read_only_and_reversed_pictures(marked_frames: list[Image]) -> None:
    image = marked_frames[0].copy()
    image.setflags(write=False)
    assert id_of(image) == ID
    assert id_of(image[:, ::-1]) == ID
    np.testing.assert_array_equal(image, marked_frames[0])


@pytest.mark.parametrize("strength", [-0.1, 5, float("nan")])
def test_strengths_have_bounds(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        Marker(ID, strength=strength)


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


# Input that means harm

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
def test_100000_random_keys_find_nothing(benchmark: ModuleType, frames: list[Image]) -> None:
    readers = [MarkReader() for _ in range(3)]
    for frame in frames:
        readers[0].add(frame)
    readers[1].add(read(COLLINS))
    readers[2].add(read(HOPPER))
    tiles = [tile for reader in readers for tile in reader.tiles().values()]
    whole, searched = (np.concatenate(heights) for heights in zip(*benchmark.chance(tiles, 100_000), strict=True))
    assert len(whole) == len(searched) == 100_000
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


# What mien writes itself


@pytest.fixture(scope="module")
def small_frames() -> list[Image]:
    """50 frames of the bundled clip from 2 s on, 640 x 360: computed, soft and in motion, the hardest to mark of all."""
    with av.open(str(BENCHMARK.parent.parent / "examples" / "clip.mp4")) as container:
        decoded = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0))
        return [resized(frame, 640, 360) for index, frame in enumerate(decoded) if 50 <= index < 100]


def _written(frames: list[Image], codec: str, quality: int) -> list[Image]:
    encoder = candidates(codec, 640, 360, Settings(quality=quality))[-1]
    return _encoded(frames, encoder.name, encoder.options)


def _least_z(frames: list[Image], mark_id: int) -> float:
    """The least z of all windows, -inf when one of them does not carry this id."""
    found = [find(*frames[start : start + 24]) for start in range(0, len(frames) - 23, 13)]
    return min(each.z if each is not None and each.mark_id == mark_id else float("-inf") for each in found)


@pytest.mark.parametrize(
    ("codec", "quality"),
    [
        ("h264", 1),
        ("h264", 50),
        ("h264", 55),
        ("h264", 60),
        ("hevc", 1),
        ("hevc", 70),
        ("vp9", 50),
        ("vp9", 70),
        ("av1", 1),
        ("mpeg4", 1),
        ("mpeg4", 80),
    ],
)
def test_every_window_of_an_output_carries_the_mark(small_frames: list[Image], codec: str, quality: int) -> None:
    strength = video_need(codec).strength(quality)
    marker, card = Marker(ID, strength=strength, headroom=True), np.zeros((360, 640, 3), np.uint8)
    cv2.putText(card, "Directed by A. Person", (150, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (230, 230, 230), 1, cv2.LINE_AA)
    marker.mark(card)
    for frames in ([marked(frame, strength=strength) for frame in small_frames], [card] * 24):
        assert _least_z(_written(frames, codec, quality), ID) > 9


@pytest.mark.parametrize(
    "need", [*map(video_need, ("h264", "hevc", "vp9", "av1", "mpeg4")), *map(picture_need, ("JPEG", "WEBP", "PNG"))]
)
def test_the_strength_falls_with_the_quality_and_has_no_hole(need: MarkNeed) -> None:
    strengths = [need.strength(quality) for quality in range(1, 101)]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[need.least_quality - 1] == strengths[0] == need.strength_at_least
    assert strengths[79] == (1.6 if need == video_need("mpeg4") else 1.0), "the default quality has the usual mark"
    assert max(before - after for before, after in pairwise(strengths)) < 0.1
    assert strengths[0] <= 2.5, "40 dB"


@pytest.mark.parametrize(("codec", "usual"), [("vp9", 1.6), ("av1", 1.9), ("h264", 1.0)])
def test_small_short_files_need_a_stronger_mark(codec: str, usual: float) -> None:
    strengths = [video_need(codec, scant=True).strength(quality) for quality in range(1, 101)]
    assert strengths[79] == pytest.approx(usual)
    assert max(strengths) <= 2.5, "40 dB"
    assert all(
        there >= video_need(codec).strength(quality)
        for quality, there in enumerate(strengths, 1)
        if quality >= video_need(codec, scant=True).least_quality
    )


def test_what_follows_a_marked_beginning_is_marked_too(small_frames: list[Image]) -> None:
    """1.5 s of an output of ours, joined with 2 s without a mark, and written at the least quality."""
    strength = video_need("h264").strength(50)
    beginning = _written([marked(frame, strength=strength) for frame in small_frames[:37]], "h264", 50)
    target = [*beginning, *small_frames]
    layer = FileMark([target[start : start + 24] for start in (0, 21, 42, 63)], strength)
    output = [frame.copy() for frame in target]
    for frame in output:
        layer.mark(frame)
    assert layer.mark_ids == {ID}
    assert _least_z(_written(output, "h264", 50), ID) > 9


def test_a_mark_that_begins_late_is_the_only_one(small_frames: list[Image]) -> None:
    target = [*(frame.copy() for frame in small_frames[:30]), *(marked(frame) for frame in small_frames[:30])]
    layer = FileMark([target[:24], target[36:]], 1.0)
    for frame in target:
        layer.mark(frame)
        assert layer.mark_id == ID
    assert _least_z(target, ID) > 9


def test_what_is_marked_already_is_only_topped_up(small_frames: list[Image]) -> None:
    target = [marked(frame) for frame in small_frames[:16]]
    layer = FileMark([target], 1.0)
    for frame in target:
        layer.mark(frame)
    found = find(*target)
    assert found is not None
    assert found.mark_id == ID
    assert 1.2 < found.strength < 1.6


@pytest.mark.parametrize(("z", "taken"), [(8.0, False), (12.0, True)])
def test_a_weak_reading_does_not_change_the_id(monkeypatch: pytest.MonkeyPatch, z: float, taken: bool) -> None:
    layer = FileMark([[marked(read(HOPPER))]], 1.0)
    monkeypatch.setattr(marking, "find_mark", lambda images: MarkFound(0x123456, z, 1.0, 0.0, False, 0.5, 1))
    layer.mark(read(HOPPER))
    assert layer.mark_ids == ({ID, 0x123456} if taken else {ID})
    assert layer.mark_id == (0x123456 if taken else ID)


def test_headroom_is_made_only_where_much_is_black_or_white(frames: list[Image]) -> None:
    for level, moved in ((0, 2), (255, 253)):
        card = np.full((360, 640, 3), level, np.uint8)
        Marker(ID, strength=1.0, headroom=True).mark(card)
        assert abs(float(card.mean()) - moved) < 0.5
        assert abs(card.astype(int) - level).max() <= 6
    plain, roomy = marked(frames[0]), frames[0].copy()
    Marker(ID, headroom=True).mark(roomy)
    np.testing.assert_array_equal(plain, roomy)

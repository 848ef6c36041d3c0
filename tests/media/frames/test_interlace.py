"""Interlaced input: fields that lie a movement apart become progressive frames, or stay fields and are flagged."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

from mien.errors import UsageError
from mien.media.capture.live_input import LiveInput, Opening
from mien.media.capture.looped import LoopedMedia
from mien.media.files.conversion import conversion_notes
from mien.media.files.output_file import OutputFile
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter, check_output
from mien.media.frames.interlace import Deinterlacer, FieldFlags, shown_order, stream_order
from mien.settings import Settings
from mien.types import Array, Image, LabelledFrame

SIZE = (128, 96)
FRAMES = 8
_SPEED = 6
"""Columns that the pattern moves from field to field."""


def _scene(field: int) -> Image:
    """A soft pattern that moves to the left."""
    x, y = np.meshgrid(np.arange(SIZE[0]) + _SPEED * field, np.arange(SIZE[1]))
    grey = 128 + 60 * np.sin(2 * np.pi * x / 48) + 30 * np.sin(2 * np.pi * y / 32)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def _woven(frame: int, order: str) -> Image:
    """The two fields of a frame, that shown first on the top or on the bottom rows."""
    picture = _scene(2 * frame)
    later = 1 if order == "tff" else 0
    picture[later::2] = _scene(2 * frame + 1)[later::2]
    return picture


def _combing(image: Image) -> float:
    """How far rows differ from the mean of their neighbours, in levels."""
    grey = image[..., 1].astype(float)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


def _make(path: Path, pictures: Sequence[Image], order: str | None) -> Path:
    """Write a video whose frames are flagged as interlaced in this order, or as progressive."""
    flags = FieldFlags(order) if order else None
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg2video", rate=25, options={"qmin": "1", "qmax": "2"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        if order:
            video.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
            video.codec_context.field_order = 2 if order == "tff" else 3
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
            frame = flags.set(frame) if flags else frame
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


@pytest.fixture(scope="module", params=["tff", "bff"])
def interlaced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("fields") / f"{request.param}.ts"
    return _make(path, [_woven(index, request.param) for index in range(FRAMES)], request.param), request.param


def _read(path: Path, *, keep: bool = False, start_s: float | None = None) -> tuple[list[Image], list[Fraction]]:
    with VideoReader(path, max_pixels=10**6, max_bytes=10**8, keep_fields=keep, start_s=start_s) as reader:
        frames = list(iter(reader.read, None))
    return [frame.image for frame in frames], [frame.pts * frame.time_base for frame in frames]


def _error(image: Image, wanted: Image) -> float:
    # The left and right edge has no neighbours in time.
    return float(np.abs(image[:, 16:-16].astype(float) - wanted[:, 16:-16]).mean())


def test_frames_show_the_field_that_comes_first(interlaced: tuple[Path, str]) -> None:
    path, _ = interlaced
    images, times = _read(path)
    assert len(images) == FRAMES
    assert np.allclose(np.diff([float(time) for time in times]), 0.04, atol=1e-4)
    stored, stored_times = _read(path, keep=True)
    assert times == stored_times
    for index, (image, combed) in enumerate(zip(images, stored, strict=True)):
        assert _error(image, _scene(2 * index)) < 3
        assert _error(combed, _scene(2 * index)) > 8
        assert _combing(image) < 2 < 8 < _combing(combed)


def test_a_part_begins_with_the_same_frame(interlaced: tuple[Path, str]) -> None:
    path, _ = interlaced
    images, times = _read(path, start_s=0.16)
    assert len(images) == FRAMES - 4
    assert _error(images[0], _scene(8)) < 6, "without the frame before, the first one is guessed from itself"
    assert _error(images[1], _scene(10)) < 3
    assert times == _read(path)[1][4:]


def test_the_person_is_told(interlaced: tuple[Path, str]) -> None:
    path, order = interlaced
    with VideoReader(path, max_pixels=10**6, max_bytes=10**8) as reader:
        assert "it is de-interlaced" in conversion_notes(reader.info)[0]
    with VideoReader(path, max_pixels=10**6, max_bytes=10**8, keep_fields=True) as reader:
        assert reader.info.fields == order
        assert f"its fields are kept ({order})" in conversion_notes(reader.info)[0]


def _convert(source: Path, target: Path, settings: Settings) -> None:
    keep = settings.interlaced == "keep"
    with (
        VideoReader(source, max_pixels=10**6, max_bytes=10**8, keep_fields=keep) as reader,
        OutputFile(target, overwrite=False) as output,
    ):
        assert check_output(reader, target, settings) == ()
        with VideoWriter(reader, output, settings, "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(LabelledFrame(frame, None, 0))
        output.commit()


@pytest.mark.parametrize(("name", "codec"), [("out.mp4", "h264"), ("out.mkv", "h264"), ("out.avi", "mpeg4")])
def test_kept_fields_are_flagged_and_stay_apart(interlaced: tuple[Path, str], name: str, codec: str, tmp_path: Path) -> None:
    path, order = interlaced
    _convert(path, tmp_path / name, Settings(interlaced="keep", codec=codec, quality=100))
    with av.open(str(tmp_path / name)) as file:
        video = file.streams.video[0]
        frames = list(file.decode(video))
        if codec == "h264":
            assert shown_order(video.codec_context.field_order) == order
    assert all(frame.interlaced_frame for frame in frames)
    first = 0 if order == "tff" else 1
    for index, image in enumerate(_read(tmp_path / name, keep=True)[0]):
        assert _error(image[first::2], _scene(2 * index)[first::2]) < 4
        assert _error(image[1 - first :: 2], _scene(2 * index + 1)[1 - first :: 2]) < 4
    # What a player makes of it: the order is right, or this would be the later field.
    assert _error(_read(tmp_path / name)[0][3], _scene(6)) < 4


def test_a_deinterlaced_output_is_progressive(interlaced: tuple[Path, str], tmp_path: Path) -> None:
    _convert(interlaced[0], tmp_path / "out.mp4", Settings())
    with av.open(str(tmp_path / "out.mp4")) as file:
        frames = list(file.decode(video=0))
    assert not any(frame.interlaced_frame for frame in frames)
    assert max(_combing(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)) for frame in frames) < 2


def test_codecs_without_fields_are_refused_with_a_remedy(interlaced: tuple[Path, str]) -> None:
    with VideoReader(interlaced[0], max_pixels=10**6, max_bytes=10**8, keep_fields=True) as reader:
        with pytest.raises(UsageError, match="vp9 cannot be written interlaced") as caught:
            check_output(reader, Path("out.webm"), Settings(interlaced="keep"))
        assert ".mp4" in caught.value.remedy
        with pytest.raises(UsageError, match="hevc cannot be written interlaced") as caught:
            check_output(reader, Path("out.mp4"), Settings(interlaced="keep", codec="hevc"))
        assert "--codec h264" in caught.value.remedy


def test_chroma_of_kept_fields_belongs_to_its_field(tmp_path: Path) -> None:
    """The first field is red, the second blue: mixed chroma would make both purple."""
    picture = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    picture[0::2], picture[1::2] = (40, 40, 200), (200, 40, 40)
    planes = [_yuv(picture[rows]) for rows in (slice(0, None, 2), slice(1, None, 2))]
    path = tmp_path / "red-blue.mkv"
    flags = FieldFlags("tff")
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg2video", rate=25, options={"qmin": "1", "qmax": "1"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        for index in range(3):
            frame = av.VideoFrame(*SIZE, "yuv420p")
            for number, plane in enumerate(frame.planes):
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
                for field in range(2):
                    rows[field::2, : plane.width] = planes[field][number]
            frame = flags.set(frame)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    image = _read(path, keep=True)[0][1]
    assert np.abs(image[0::2].astype(int) - picture[0::2]).mean() < 6
    assert np.abs(image[1::2].astype(int) - picture[1::2]).mean() < 6


def _yuv(field: Image) -> list[Array]:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(field), format="bgr24").reformat(format="yuv420p")
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes
    ]  # fmt: skip


def test_progressive_frames_pass_untouched(tmp_path: Path) -> None:
    path = _make(tmp_path / "plain.ts", [_scene(2 * index) for index in range(4)], None)
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    fields = Deinterlacer()
    assert [fields.push(frame) for frame in frames] == [[frame] for frame in frames]
    assert fields.flush() == []
    assert all(np.array_equal(*pair) for pair in zip(*(_read(path, keep=keep)[0] for keep in (False, True)), strict=True))


def test_progressive_pictures_that_are_flagged_are_hardly_harmed(tmp_path: Path) -> None:
    """Film in an interlaced stream (PsF): every other row is recomputed from its neighbours in place and time."""
    path = _make(tmp_path / "film.ts", [_scene(2 * index) for index in range(FRAMES)], "tff")
    images, _ = _read(path)
    assert max(_error(image, _scene(2 * index)) for index, image in enumerate(images)) < 3


def test_progressive_frames_between_interlaced_ones_are_kept(tmp_path: Path) -> None:
    """The film part of a telecined stream."""
    path = _make(tmp_path / "mixed.ts", [_woven(index, "tff") for index in range(6)], "tff")
    plain = _make(tmp_path / "plain.ts", [_scene(2 * index) for index in range(6)], None)
    with av.open(str(path)) as file, av.open(str(plain)) as other:
        pairs = list(zip(file.decode(video=0), other.decode(video=0), strict=True))
    mixed = [pair[index % 3 != 0] for index, pair in enumerate(pairs)]
    before = [frame.to_ndarray(format="bgr24") for frame in mixed]
    fields = Deinterlacer()
    made = [ready for frame in mixed for ready in fields.push(frame)] + fields.flush()
    assert [frame.pts for frame in made] == [frame.pts for frame in mixed]
    after = [frame.to_ndarray(format="bgr24") for frame in made]
    assert [np.array_equal(*pair) for pair in zip(before, after, strict=True)] == [False, True, True, False, True, True]


def test_fields_that_begin_in_the_middle_are_never_left_combed(tmp_path: Path) -> None:
    """A stream that begins progressive, joined to an interlaced one: kept with its flag, or de-interlaced, and noted."""
    parts = [
        _make(tmp_path / "plain.ts", [_scene(2 * index) for index in range(4)], None),
        _make(tmp_path / "woven.ts", [_woven(index, "tff") for index in range(4, 8)], "tff"),
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with VideoReader(path, max_pixels=10**6, max_bytes=10**8, keep_fields=True) as reader:
        images = [frame.image for frame in iter(reader.read, None)]
        assert len(images) == 8
        assert reader.info.fields is None
        assert max(_combing(image) for image in images) < 2
        assert any("4 frames in the midst" in note for note in reader.warnings)


def test_a_change_of_size_loses_no_frame() -> None:
    frames = []
    for index, width in enumerate((64, 64, 32, 32, 64)):
        frame = FieldFlags("tff").set(av.VideoFrame(width, 64, "yuv420p"))
        frame.pts, frame.time_base = index, Fraction(1, 25)
        frames.append(frame)
    fields = Deinterlacer()
    made = [ready for frame in frames for ready in fields.push(frame)] + fields.flush()
    assert [(frame.pts, frame.width, frame.time_base) for frame in made] == [
        (index, width, Fraction(1, 25)) for index, width in enumerate((64, 64, 32, 32, 64))
    ]


@pytest.mark.parametrize(
    ("field_order", "codec", "order"),
    [(2, "mjpeg", "tff"), (3, "ffv1", "bff"), (4, "utvideo", "bff"), (5, "png", "tff"), (1, "mjpeg", None), (0, "mjpeg", None),
     (2, "h264", None), (3, "mpeg2video", None)],
)  # fmt: skip
def test_the_order_of_a_stream_counts_where_its_frames_have_no_flags(field_order: int, codec: str, order: str | None) -> None:
    assert stream_order(field_order, codec) == order


def test_frames_without_flags_are_taken_as_the_stream_says() -> None:
    fields, made = Deinterlacer("bff"), []
    for index in range(4):
        frame = av.VideoFrame.from_ndarray(_woven(index, "bff"), format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        made += fields.push(frame)
    made += fields.flush()
    for index, frame in enumerate(made):
        assert _error(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), _scene(2 * index)) < 6


class _File(LiveInput):
    """A file as a live input: what cameras and network streams share."""

    def __init__(self, path: Path) -> None:
        super().__init__("the clip")
        self._path = path
        self._ends = True

    def _openings(self) -> Sequence[Opening]:
        return [Opening(str(self._path), "mpegts")]


def test_live_inputs_are_deinterlaced(interlaced: tuple[Path, str]) -> None:
    path, _ = interlaced
    with _File(path) as source:
        shown = source.read()
    assert shown is not None
    assert _combing(shown.image) < 2
    with LoopedMedia(path, max_pixels=10**6, max_bytes=10**8) as looped:
        frame = looped.read()
    assert frame is not None
    assert _error(frame.image, _scene(0)) < 4

"""Transparent videos: alpha that an output keeps, the badge on it, and what is done where it cannot be kept."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from mien.imaging.alpha import over_white, with_opaque
from mien.media.capture.looped import LoopedMedia
from mien.media.files.conversion import conversion_notes
from mien.media.files.encoders import keeps_alpha
from mien.media.files.output_file import OutputFile
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter, check_output
from mien.media.frames.alpha import alpha_of
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.types import Frame, Image, Mask

SIZE = (160, 128)
_COLOUR = (60, 120, 200)
_ALPHA = {"vp9": ("libvpx-vp9", "yuva420p", ".webm"), "vp8": ("libvpx", "yuva420p", ".webm"),
          "vp9 in mkv": ("libvpx-vp9", "yuva420p", ".mkv"), "prores": ("prores_ks", "yuva444p10le", ".mov"),
          "qtrle": ("qtrle", "argb", ".mov"), "ffv1": ("ffv1", "bgra", ".mkv"), "png": ("png", "rgba", ".mov")}  # fmt: skip
"""Encoder, format and ending of inputs."""


def _alpha() -> Mask:
    """Opaque, half and wholly transparent, side by side; the corner of the badge is transparent."""
    alpha = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    alpha[:, :48] = 255
    alpha[:, 48:96] = 128
    return alpha


def _make(path: Path, codec: str, pixel_format: str, alphas: Sequence[Mask]) -> Path:
    options = {"profile": "4444"} if codec == "prores_ks" else {"auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=25, options=options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *SIZE, pixel_format
        video.bit_rate = 4_000_000
        for index, alpha in enumerate(alphas):
            pixels = np.dstack([np.full((*alpha.shape, 3), _COLOUR, np.uint8), alpha])
            frame = VideoReformatter().reformat(av.VideoFrame.from_ndarray(pixels, format="bgra"), format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("alpha") / "in.webm", "libvpx-vp9", "yuva420p", [_alpha()] * 4)


def _frames(path: Path, *, keep: bool = True, start_s: float | None = None) -> list[Frame]:
    with VideoReader(path, max_pixels=10**6, max_bytes=10**8, keep_alpha=keep, start_s=start_s) as reader:
        return list(iter(reader.read, None))


def _off(image: Image, wanted: Image) -> float:
    return float(np.abs(image.astype(float) - wanted).mean())


@pytest.mark.parametrize("kind", _ALPHA)
def test_the_alpha_of_every_kind_is_read(kind: str, tmp_path: Path) -> None:
    codec, pixel_format, suffix = _ALPHA[kind]
    path = _make(tmp_path / f"in{suffix}", codec, pixel_format, [_alpha()] * 3)
    frames = _frames(path)
    assert len(frames) == 3
    for frame in frames:
        assert frame.alpha is not None
        assert _off(frame.alpha, _alpha()) < 3
        assert _off(frame.image[:, :40], np.full((SIZE[1], 40, 3), _COLOUR, np.uint8)) < 4


def test_a_part_is_read_with_its_alpha(clip: Path) -> None:
    frames = _frames(clip, start_s=0.08)
    assert [round(frame.time_s * 25) for frame in frames] == [2, 3]
    assert all(frame.alpha is not None for frame in frames)


def _convert(source: Path, target: Path, settings: Settings) -> tuple[str, ...]:
    """As `mien swap` does, with badge and mark, but no swap."""
    labeller = Labeller(settings, Marker(1))
    with (
        VideoReader(
            source, max_pixels=10**6, max_bytes=10**8, keep_alpha=keeps_alpha(target, settings)
        ) as reader,
        OutputFile(target, overwrite=False) as output,
    ):  # fmt: skip
        check_output(reader, target, settings)
        with VideoWriter(reader, output, settings, "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(labeller.label(frame))
        output.commit()
        return conversion_notes(reader.info)


_KEPT = {"out.webm": "vp9", "out.mkv": "vp9", "out.mov": "prores"}


@pytest.mark.parametrize("name", _KEPT)
def test_an_output_keeps_the_alpha_and_shows_the_badge(name: str, clip: Path, tmp_path: Path) -> None:
    assert _convert(clip, tmp_path / name, Settings(quality=100)) == ()
    again = tmp_path / f"again-{name}"
    # What mien writes, it reads: tags of the first output must not hide the alpha of the second.
    _convert(tmp_path / name, again, Settings(quality=100))
    for path in (tmp_path / name, again):
        with av.open(str(path)) as file:
            assert file.streams.video[0].codec_context.codec.canonical_name == _KEPT[name]
        frames = _frames(path)
        assert len(frames) == 4
        alpha = frames[2].alpha
        assert alpha is not None
        assert _off(alpha[:100], _alpha()[:100]) < 3
        # The badge stands in the transparent corner at the bottom right, and is seen there.
        height, width = 12, round(12 * 1.55)
        bottom, right = SIZE[1] - 4, SIZE[0] - 4
        assert alpha[bottom - height : bottom, right - width : right].mean() > 245
        assert alpha[-40:-20, 100:].mean() < 5


def test_an_odd_size_is_kept(tmp_path: Path) -> None:
    alpha = np.ascontiguousarray(_alpha()[:127, :159])
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("ffv1", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 159, 127, "bgra"
        for index in range(2):
            pixels = np.dstack([np.full((127, 159, 3), _COLOUR, np.uint8), alpha])
            stored = av.VideoFrame.from_ndarray(pixels, format="bgra")
            stored.pts, stored.time_base = index, Fraction(1, 25)
            out.mux(video.encode(stored))
        out.mux(video.encode(None))
    for name in ("out.webm", "out.mov"):
        _convert(path, tmp_path / name, Settings(quality=100))
        frame = _frames(tmp_path / name)[1]
        assert frame.image.shape == (127, 159, 3)
        assert frame.alpha is not None
        assert _off(frame.alpha[:100], alpha[:100]) < 3


@pytest.mark.parametrize(("name", "codec"), [("out.mp4", "auto"), ("out.mov", "h264"), ("out.webm", "av1")])
def test_an_output_that_cannot_keep_it_is_laid_on_white_and_says_so(
    name: str, codec: str, clip: Path, tmp_path: Path
) -> None:  # fmt: skip
    notes = _convert(clip, tmp_path / name, Settings(codec=codec, quality=100))
    assert any("composited over white" in note for note in notes)
    with av.open(str(tmp_path / name)) as file:
        assert "alpha_mode" not in {key.lower() for key in file.streams.video[0].metadata}
    shown = _frames(tmp_path / name)[1]
    assert shown.alpha is None
    assert _off(shown.image[:100, :40], np.full((100, 40, 3), _COLOUR, np.uint8)) < 5
    assert shown.image[:100, 110:].mean() > 248
    assert _off(shown.image[:100, 56:88], np.full((100, 32, 3), [157, 187, 227], np.uint8)) < 5


def test_live_pictures_are_laid_on_white(clip: Path) -> None:
    with LoopedMedia(clip, max_pixels=10**6, max_bytes=10**8) as looped:
        frame = looped.read()
    assert frame is not None
    assert frame.alpha is None
    assert frame.image[:, 110:].mean() > 248


def test_an_opaque_video_is_written_as_ever(tmp_path: Path) -> None:
    assert not keeps_alpha(Path("out.mp4"), Settings())
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        video = out.add_stream("ffv1", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        frame = av.VideoFrame(*SIZE, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        out.mux(video.encode(frame))
        out.mux(video.encode(None))
    for name, codec in (("out.mov", "h264"), ("out.mkv", "h264"), ("out.webm", "vp9")):
        _convert(tmp_path / "in.mkv", tmp_path / name, Settings())
        with av.open(str(tmp_path / name)) as file:
            stream = file.streams.video[0]
            assert (stream.codec_context.codec.canonical_name, stream.codec_context.pix_fmt) == (codec, "yuv420p")


def test_alpha_in_another_size_and_format() -> None:
    pixels = np.dstack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 77, np.uint8)])
    frame = av.VideoFrame.from_ndarray(pixels, format="bgra")
    assert (alpha_of(frame, 8, 8) == 77).all()
    assert np.abs(alpha_of(frame, 4, 6).astype(int) - 77).max() <= 1
    assert alpha_of(frame, 4, 6).shape == (6, 4)


def test_arithmetic_is_exact_at_the_ends() -> None:
    image = np.array([[[0, 128, 255]] * 3], np.uint8)
    alpha = np.array([[0, 255, 128]], np.uint8)
    assert over_white(image, alpha).tolist() == [[[255, 255, 255], [0, 128, 255], [127, 191, 255]]]
    assert with_opaque(alpha, None) is alpha
    assert with_opaque(alpha, (0, 0, 1, 1)).tolist() == [[255, 255, 128]]
    assert alpha.tolist() == [[0, 255, 128]]


def test_a_frame_checks_its_alpha() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        Frame(np.zeros((4, 4, 3), np.uint8), 0, 0, Fraction(1), np.zeros((4, 5), np.uint8))

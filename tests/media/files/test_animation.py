"""Animated GIF, WebP, APNG and AVIF: composed frames, exact times, transparency, and what comes out at the other end."""

import contextlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from mien import errors
from mien.media.files import moving
from mien.media.files.animation_reader import AnimationReader
from mien.media.files.animation_writer import AnimationWriter
from mien.media.files.conversion import conversion_notes
from mien.media.files.frame_delays import read_delays
from mien.media.files.moving import Kind, open_moving, open_writer
from mien.media.files.output_file import OutputFile
from mien.media.files.video_reader import VideoReader
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.provenance.mark.windows import find_mark
from mien.provenance.seal import written_windows
from mien.settings import Settings
from mien.types import Array, Frame, LabelledFrame
from tests.support.conformance import source_suite
from tests.support.portraits import COLLINS, read

SIZE = 96, 64
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (220, 200, 60))
TIMES_MS = (70, 130, 330, 120)


@dataclass(frozen=True)
class Shown:
    """What a player shows of a file, read by Pillow."""

    times_ms: list[int]
    frames: list[Array]
    loop: int | None


def _plain(index: int) -> Image.Image:
    return Image.new("RGB", SIZE, COLOURS[index])


def _make(path: Path, times_ms: Sequence[int] = TIMES_MS, loop: int | None = 0, **options: object) -> Path:
    first, *rest = (_plain(index % len(COLOURS)) for index in range(len(times_ms)))
    extra = {} if loop is None else {"loop": loop}
    extra |= {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=rest, duration=list(times_ms), **extra, **options)  # type: ignore[arg-type]
    return path


def _open(path: Path, **options: object) -> AnimationReader:
    return AnimationReader(path, **{"max_pixels": 10**6, "max_bytes": 10**8, **options})  # type: ignore[arg-type]


def _look(path: Path) -> Shown:
    times, frames = [], []
    with Image.open(path) as opened:
        for index in range(getattr(opened, "n_frames", 1)):
            opened.seek(index)
            opened.load()
            times.append(round(opened.info["duration"]))
            frames.append(np.array(opened.convert("RGBA")))
        return Shown(times, frames, opened.info.get("loop"))


def _copy(source: Path, target: Path, badge: tuple[int, int, int, int] | None = None, **options: object) -> tuple[str, ...]:
    """Every frame unchanged from file to file; the warnings."""
    output = OutputFile(target, overwrite=False)
    flatten = not moving.keeps_alpha(source, target, Settings())
    with _open(source, flatten=flatten, find_alpha=True, **options) as reader, output:
        with open_writer(reader, output, Settings(quality=100), "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(LabelledFrame(frame, badge, 0))
        output.commit()
        return (*reader.warnings, *writer.warnings)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_frames_and_times(tmp_path: Path, suffix: str) -> None:
    with _open(_make(tmp_path / f"in{suffix}")) as reader:
        frames = list(iter(reader.read, None))
        assert [frame.index for frame in frames] == [0, 1, 2, 3]
        assert [frame.pts * frame.time_base * 1000 for frame in frames] == [0, 70, 200, 530]
        for frame, colour in zip(frames, COLOURS, strict=True):
            assert np.abs(frame.image.astype(int) - colour[::-1]).max() <= 6
        if suffix != ".avif":
            assert (reader.info.frame_count, reader.info.duration_s) == (4, 0.65)
        assert reader.warnings == ()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_contract_of_a_source(tmp_path: Path, suffix: str) -> None:
    path = _make(tmp_path / f"in{suffix}")
    with contextlib.ExitStack() as opened:
        # The suite leaves one open, whose file would be missed.
        source_suite(lambda: opened.enter_context(_open(path)))


@pytest.mark.parametrize("source", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("target", [".gif", ".webp", ".png"])
def test_times_loops_and_pixels_are_kept(tmp_path: Path, source: str, target: str) -> None:
    path, out = _make(tmp_path / f"in{source}", loop=3), tmp_path / f"out{target}"
    assert _copy(path, out) == ()
    shown = _look(out)
    assert shown.times_ms == list(TIMES_MS)
    assert shown.loop == 3
    for frame, colour in zip(shown.frames, COLOURS, strict=True):
        assert np.abs(frame[:, :, :3].astype(int) - colour).max() <= 2
    assert b"altered by mien" in out.read_bytes()


@pytest.mark.parametrize(("loop", "kept"), [(None, None), (0, 0), (7, 7)])
def test_loops_of_a_gif(tmp_path: Path, loop: int | None, kept: int | None) -> None:
    _copy(_make(tmp_path / "in.gif", loop=loop), tmp_path / "out.gif")
    assert _look(tmp_path / "out.gif").loop == kept


def test_single_ticks_and_long_pauses_of_a_gif(tmp_path: Path) -> None:
    times = [10, 20, 5000, 10, 40]
    assert _copy(_make(tmp_path / "in.gif", times), tmp_path / "out.gif") == ()
    assert _look(tmp_path / "out.gif").times_ms == times


def test_a_gif_rounds_what_it_cannot_count_and_says_so(tmp_path: Path) -> None:
    (note,) = _copy(_make(tmp_path / "in.webp", [33, 33, 34, 33]), tmp_path / "out.gif")
    assert "10 ms" in note
    assert sum(_look(tmp_path / "out.gif").times_ms) == 130


def test_thirds_of_a_second_stay_exact_in_png(tmp_path: Path) -> None:
    path = _make(tmp_path / "in.png", [100, 100, 100])
    content = bytearray(path.read_bytes())
    at = 0
    while (at := content.find(b"fcTL", at + 1)) > 0:
        content[at + 24 : at + 28] = b"\0\1\0\3"
        content[at + 30 : at + 34] = zlib.crc32(content[at : at + 30]).to_bytes(4, "big")
    path.write_bytes(content)
    assert read_delays(path, "PNG") == [Fraction(1, 3)] * 3
    _copy(path, tmp_path / "out.png")
    assert read_delays(tmp_path / "out.png", "PNG") == [Fraction(1, 3)] * 3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_into_a_video(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    _copy(_make(tmp_path / "in.gif"), out)
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
        times = [float(frame.time or 0) for frame in frames]
        assert times == pytest.approx([0, 0.07, 0.2, 0.53], abs=0.002)
        for frame, colour in zip(frames, COLOURS, strict=True):
            assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - colour).max() <= 12


def test_the_last_picture_of_a_video_is_shown_as_long(tmp_path: Path) -> None:
    _copy(_make(tmp_path / "in.gif"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(0.65, abs=0.002)


def _discs(path: Path) -> Path:
    """A disc that moves over nothing: every frame is cleared before the next."""
    frames = []
    for index in range(3):
        picture = np.zeros((64, 96, 4), np.uint8)
        cv2.circle(picture, (25 + 20 * index, 32), 16, (*COLOURS[index], 255), -1)
        frames.append(Image.fromarray(picture))
    extra = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0, disposal=2, **extra)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("source", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("target", [".gif", ".webp", ".png"])
def test_transparent_places_stay_so(tmp_path: Path, source: str, target: str) -> None:
    path, out = _discs(tmp_path / f"in{source}"), tmp_path / f"out{target}"
    _copy(path, out)
    for before, after in zip(_look(path).frames, _look(out).frames, strict=True):
        assert np.array_equal(after[:, :, 3], before[:, :, 3])
        seen = before[:, :, 3] > 0
        assert np.abs(after[seen][:, :3].astype(int) - before[seen][:, :3]).max() <= 2


def test_the_badge_is_seen_where_a_frame_is_transparent(tmp_path: Path) -> None:
    _copy(_discs(tmp_path / "in.gif"), tmp_path / "out.gif", badge=(80, 50, 90, 60))
    for frame in _look(tmp_path / "out.gif").frames:
        assert frame[50:60, 80:90, 3].min() == 255
        assert frame[60:, :, 3].max() == 0


def _stored(path: Path) -> tuple[str, list[Frame]]:
    """Return the codec and the frames of a video, with their alpha."""
    with VideoReader(path, max_pixels=10**6, max_bytes=10**8, keep_alpha=True) as reader:
        return reader.info.codec, list(iter(reader.read, None))


@pytest.mark.parametrize("source", [".gif", ".webp", ".png"])
@pytest.mark.parametrize(("target", "codec"), [(".webm", "vp9"), (".mkv", "vp9"), (".mov", "prores")])
def test_transparent_places_stay_so_in_a_video(tmp_path: Path, source: str, target: str, codec: str) -> None:
    path, out = _discs(tmp_path / f"in{source}"), tmp_path / f"out{target}"
    _copy(path, out, badge=(80, 50, 90, 60))
    written, frames = _stored(out)
    assert written == codec
    for before, after in zip(_look(path).frames, frames, strict=True):
        assert after.alpha is not None
        assert after.alpha[50:60, 80:90].min() >= 250, "the badge is opaque"
        assert np.abs(after.alpha[:48].astype(int) - before[:48, :, 3]).mean() < 3


def test_only_a_later_frame_is_transparent(tmp_path: Path) -> None:
    path, out = tmp_path / "in.webp", tmp_path / "out.webm"
    clear = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    _plain(0).convert("RGBA").save(path, save_all=True, append_images=[clear], duration=100, lossless=True)
    _copy(path, out)
    opaque, transparent = _stored(out)[1]
    assert opaque.alpha is not None
    assert opaque.alpha.min() >= 250
    assert transparent.alpha is not None
    assert transparent.alpha.max() <= 5
    with _open(path, find_alpha=True, end_s=0.1) as reader:
        assert not reader.info.flattened, "the part is opaque"


@pytest.mark.parametrize("source", [".gif", ".webp", ".png"])
@pytest.mark.parametrize(("target", "codec"), [(".webm", "vp9"), (".mkv", "h264"), (".mov", "h264")])
def test_an_opaque_animation_is_no_transparent_video(tmp_path: Path, source: str, target: str, codec: str) -> None:
    path, out = tmp_path / f"in{source}", tmp_path / f"out{target}"
    # The same picture with a spot that moves: a GIF leaves what stays as it was out, by a transparent colour.
    frames = [_plain(0) for _ in range(3)]
    for index, frame in enumerate(frames):
        frame.paste((0, 0, 0), (10 * index, 10, 10 * index + 8, 20))
    pictures = frames if source == ".gif" else [frame.convert("RGBA") for frame in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    _copy(path, out)
    written, stored = _stored(out)
    assert written == codec
    assert all(frame.alpha is None for frame in stored)


@pytest.mark.parametrize("keep", [False, True])
def test_a_transparent_animation_that_is_laid_on_white_says_so(tmp_path: Path, keep: bool) -> None:
    with open_moving(
        _discs(tmp_path / "in.webp"), max_pixels=10**6, max_bytes=10**8, keep_alpha=keep, find_alpha=True
    ) as reader:  # fmt: skip
        assert reader.info.alpha is keep
        assert any("composited over white" in note for note in conversion_notes(reader.info)) is not keep


def test_transparent_places_are_white_in_a_flattened_animation(tmp_path: Path) -> None:
    with _open(_discs(tmp_path / "in.webp")) as reader:
        frame = reader.read()
        assert frame is not None
        assert frame.image[0, 0].tolist() == [255, 255, 255]
        assert frame.image[30, 20].tolist() == list(COLOURS[0][::-1])


def test_half_transparency_is_hardened_in_a_gif_and_kept_in_a_png(tmp_path: Path) -> None:
    path = tmp_path / "in.webp"
    frames = [Image.new("RGBA", SIZE, (*COLOURS[index], alpha)) for index, alpha in enumerate((90, 200))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    notes = _copy(path, tmp_path / "out.gif")
    assert any("half transparency" in note for note in notes)
    assert [frame[0, 0, 3] for frame in _look(tmp_path / "out.gif").frames] == [0, 255]
    assert _copy(path, tmp_path / "out.png") == ()
    assert [frame[0, 0].tolist() for frame in _look(tmp_path / "out.png").frames] == [[*COLOURS[0], 90], [*COLOURS[1], 200]]


def test_a_png_whose_first_picture_is_for_others(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    _plain(3).save(path, save_all=True, default_image=True, append_images=[_plain(0), _plain(1)], duration=[50, 60])
    with _open(path) as reader:
        frames = list(iter(reader.read, None))
    assert [frame.image[0, 0].tolist() for frame in frames] == [list(COLOURS[index][::-1]) for index in (0, 1)]
    assert [float(frame.time_s) for frame in frames] == [0, 0.05]


@pytest.mark.parametrize(("start_s", "end_s", "kept"), [(None, 0.2, [0, 1]), (0.07, None, [1, 2, 3]), (0.2, 0.53, [2])])
def test_a_part(tmp_path: Path, start_s: float | None, end_s: float | None, kept: list[int]) -> None:
    path = _make(tmp_path / "in.gif")
    _copy(path, tmp_path / "out.gif", start_s=start_s, end_s=end_s)
    shown = _look(tmp_path / "out.gif") if len(kept) > 1 else None
    if shown is not None:
        assert shown.times_ms == [TIMES_MS[index] for index in kept]
    with _open(path, start_s=start_s, end_s=end_s) as reader:
        assert reader.info.frame_count == len(kept)


def test_an_empty_part(tmp_path: Path) -> None:
    path = _make(tmp_path / "in.gif")
    with pytest.raises(errors.UsageError):
        _open(path, start_s=9)
    with pytest.raises(errors.UsageError):
        _open(path, start_s=2, end_s=1)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _make(tmp_path / "in.gif")

    def decode(*_: object) -> None:
        raise AssertionError("a frame was decoded")

    monkeypatch.setattr(Image.Image, "convert", decode)
    with pytest.raises(errors.MediaTooLarge, match="96 x 64"):
        _open(path, max_pixels=6143)
    with pytest.raises(errors.MediaTooLarge, match="bytes"):
        _open(path, max_bytes=100)
    monkeypatch.setattr("mien.media.files.animation_reader._MAX_FRAMES", 3)
    with pytest.raises(errors.MediaTooLarge, match="4 frames"):
        _open(path)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_a_file_that_was_cut_short_gives_what_is_there_and_says_so(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 64, 96, 3), np.uint8)
    pictures = [Image.fromarray(each) for each in noise]
    path = tmp_path / f"in{suffix}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    if moving.kind_of(path) is not Kind.ANIMATION:
        pytest.skip("without its end it is no animation any more")
    try:
        with _open(path) as reader:
            frames = list(iter(reader.read, None))
            assert 1 <= len(frames) < 4
            assert suffix == ".gif" or "could not be read" in reader.warnings[0]
    except errors.UnreadableMedia:
        # WebP is read whole or not at all.
        assert suffix == ".webp"


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_mutated_files_are_read_or_refused(tmp_path: Path, suffix: str) -> None:
    path = _discs(tmp_path / f"in{suffix}") if suffix != ".avif" else _make(tmp_path / "in.avif")
    content, draw = path.read_bytes(), np.random.default_rng(5)
    for _ in range(60):
        broken = bytearray(content)
        for place in draw.integers(6, len(broken), draw.integers(1, 5)):
            broken[place] = int(draw.integers(0, 256))
        path.write_bytes(broken)
        try:
            with open_moving(path, max_pixels=10**6, max_bytes=10**6) as reader:
                for _ in range(20):
                    if reader.read() is None:
                        break
        except errors.MediaError:
            continue


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("size", [(128, 128), (300, 200)])
def test_the_mark_is_read_back_from_one_frame(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    """Palettes could destroy it: their errors are spread, so that means stay."""
    draw = np.random.default_rng(1)
    smooth = np.asarray(Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC))
    path, out = tmp_path / "in.gif", tmp_path / f"out{suffix}"
    pictures = [Image.fromarray(np.roll(smooth, 5 * index, axis=1)) for index in range(2)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    output, labeller = OutputFile(out, overwrite=False), Labeller(Settings(), Marker(0x5EA1ED))
    with _open(path) as reader, output:
        with open_writer(reader, output, Settings(), "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(labeller.label(frame))
        output.commit()
    for image in (image for window in written_windows(out) for image in window):
        found = find_mark([image])
        assert found is not None
        assert found.mark_id == 0x5EA1ED


@pytest.mark.parametrize("codec", ["vp9", "av1"])
@pytest.mark.parametrize("quality", [60, 80, 95])
def test_the_mark_of_a_small_dithered_animation_survives_a_webm(tmp_path: Path, codec: str, quality: int) -> None:
    """Four frames with the grain of a palette, which both codecs smooth away."""
    photo, path, out = Image.fromarray(read(COLLINS)[:, :, ::-1]).resize((320, 320)), tmp_path / "in.gif", tmp_path / "out.webm"
    pictures = [photo.crop((3 * index, 3 * index, 256 + 3 * index, 256 + 3 * index)) for index in range(4)]
    pictures = [each.quantize(256, dither=Image.Dither.FLOYDSTEINBERG, palette=pictures[0].quantize(256)) for each in pictures]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, loop=0)
    settings = Settings(quality=quality, codec=codec)
    with _open(path) as reader, OutputFile(out, overwrite=False) as output:
        strength = moving.mark_strength(Kind.ANIMATION, out, settings, reader.info.content)
        labeller = Labeller(settings, Marker(0x5EA1ED, strength=strength, headroom=True))
        with open_writer(reader, output, settings, "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(labeller.label(frame))
        output.commit()
    found = [find_mark(window) for window in written_windows(out)]
    assert all(each is not None and each.mark_id == 0x5EA1ED and each.z > 9 for each in found), found


def test_only_a_labelled_frame_is_written_and_nothing_stays_of_an_error(tmp_path: Path) -> None:
    path, out = _make(tmp_path / "in.gif"), tmp_path / "out.gif"
    output = OutputFile(out, overwrite=False)
    with _open(path) as reader:
        frame = reader.read()
        assert isinstance(frame, Frame)
        with pytest.raises(TypeError), output, AnimationWriter(reader, output, Settings(), "mesh") as writer:
            writer.write(frame)  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["in.gif"]


def test_the_statement_of_a_gif_leads_readers_past_it(tmp_path: Path) -> None:
    _copy(_make(tmp_path / "in.gif"), tmp_path / "out.gif")
    content = (tmp_path / "out.gif").read_bytes()
    with Image.open(io.BytesIO(content)) as opened:
        assert b"altered by mien" in opened.info["comment"]
    assert content.count(b"XMP DataXMP") == 1
    with av.open(str(tmp_path / "out.gif")) as container:
        assert len(list(container.decode(video=0))) == 4


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        (Kind.PICTURE, "x.mp4", errors.UnsupportedMedia),
        (Kind.ANIMATION, "x.jpg", errors.UsageError),
        (Kind.VIDEO, "x.gif", errors.UsageError),
        (Kind.ANIMATION, "x.xyz", errors.UsageError),
        (Kind.ANIMATION, "x.gif", None),
        (Kind.ANIMATION, "x.mp4", None),
    ],
)
def test_names_that_do_not_fit_the_target(kind: Kind, name: str, error: type[errors.MienError] | None) -> None:
    if error is None:
        moving.check_name(Path("in"), kind, Path(name), Settings())
        return
    with pytest.raises(error):
        moving.check_name(Path("in"), kind, Path(name), Settings())

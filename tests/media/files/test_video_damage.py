"""Damaged, incomplete and wrong video files: refused, or read as far as possible."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import MediaTooLarge, UnreadableMedia
from mien.media.files.video_reader import VideoReader
from tests.support.clips import Clip, look, make, picture
from tests.support.video_files import PRIMING_S, convert, open_reader, read_frames


def _garbage(path: Path) -> Path:
    path.write_bytes(np.random.default_rng(0).bytes(100_000))
    return path


def _cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _only_sound(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return path


def _playlist(path: Path) -> Path:
    make(path.with_name("other.ts"), Clip(format="mpegts"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n", "utf-8")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _nothing_decodes(path: Path) -> Path:
    make(path, Clip(sounds=()))
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 4
    content[at : content.index(b"moov") - 4] = bytes(content.index(b"moov") - 4 - at)
    path.write_bytes(content)
    return path


_BAD: dict[str, Callable[[Path], Path]] = {
    "missing": lambda path: path,
    "folder": _folder,
    "empty": _empty,
    "garbage": _garbage,
    "text": lambda path: (path.write_text("not a video"), path)[1],
    "index missing": lambda path: _cut(make(path, Clip()), 0.7),
    "only sound": _only_sound,
    "playlist": _playlist,
    "no frame decodes": _nothing_decodes,
}


@pytest.mark.parametrize("kind", _BAD)
def test_bad_files_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia) as caught:
        open_reader(_BAD[kind](tmp_path / "in.mp4"))
    assert "in.mp4" in str(caught.value)
    assert caught.value.remedy


def test_a_cover_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        sound, cover = out.add_stream("aac", rate=48_000), out.add_stream("png", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        out.start_encoding()
        out.mux(cover.encode(av.VideoFrame.from_ndarray(picture(0, (32, 32)), format="bgr24")))
        out.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    with pytest.raises(UnreadableMedia, match="only sound"):
        open_reader(path)


def test_a_wrong_name_does_not_matter(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip())
    assert len(read_frames(source.rename(tmp_path / "in.jpg"))) == 12


def test_limits_hold_before_decoding(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip())
    with pytest.raises(MediaTooLarge, match="160x120"):
        VideoReader(source, max_pixels=160 * 120 - 1, max_bytes=10**9)
    with pytest.raises(MediaTooLarge, match="bytes"):
        VideoReader(source, max_pixels=10**9, max_bytes=100)


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_a_file_that_ends_early_is_read_and_told(suffix: str, tmp_path: Path) -> None:
    codec, sounds = ("mpeg4", ("pcm_s16le",)) if suffix == "avi" else ("libx264", ("aac",))
    source = _cut(make(tmp_path / f"in.{suffix}", Clip(frames=100, codec=codec, sounds=sounds, options={"g": "10"})), 0.4)
    warnings = convert(source, tmp_path / f"out.{suffix}")
    assert any("ends early" in warning for warning in warnings)
    assert 5 < len(look(tmp_path / f"out.{suffix}").images) < 95


def test_a_faststart_file_cut_short_is_told(tmp_path: Path) -> None:
    clip = Clip(frames=100, options={"g": "10"}, container_options={"movflags": "faststart"})
    source = _cut(make(tmp_path / "in.mp4", clip), 0.6)
    warnings = convert(source, tmp_path / "out.mp4")
    assert any("ends early" in warning for warning in warnings)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_damage_in_the_middle_is_survived_and_told(suffix: str, tmp_path: Path) -> None:
    clip = Clip(frames=60, options={"g": "6"}, container_options={"movflags": "faststart"} if suffix == "mp4" else {})
    source = make(tmp_path / f"in.{suffix}", clip)
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 800] = np.random.default_rng(1).bytes(800)
    source.write_bytes(content)
    warnings = convert(source, tmp_path / f"out.{suffix}")
    # A Matroska demuxer steps over broken places without a word.
    assert warnings or suffix == "mkv"
    assert len(look(tmp_path / f"out.{suffix}").images) > 30


def test_frames_that_change_their_size_are_scaled(tmp_path: Path) -> None:
    first, second = (
        make(tmp_path / "a.ts", Clip(format="mpegts")),
        make(tmp_path / "b.ts", Clip(format="mpegts", size=(320, 240))),
    )
    joined = tmp_path / "in.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    with open_reader(joined) as reader:
        frames = list(iter(reader.read, None))
        assert {frame.image.shape for frame in frames} == {(120, 160, 3)}
        assert any("another size" in warning for warning in reader.warnings)
    with pytest.raises(MediaTooLarge), VideoReader(joined, max_pixels=30_000, max_bytes=10**9) as reader:
        list(iter(reader.read, None))


def test_a_clock_that_starts_anywhere_is_set_to_zero(tmp_path: Path) -> None:
    source = make(tmp_path / "in.ts", Clip(format="mpegts", times=[50 + index for index in range(12)], sounds=()))
    convert(source, tmp_path / "out.mp4")
    assert look(source).times[0] > 1
    assert look(tmp_path / "out.mp4").times[0] < PRIMING_S

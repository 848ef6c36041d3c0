"""Parts of videos: exact to the frame, with sound, chapters and subtitles."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from mien.errors import Cancelled, UsageError
from mien.media.files.video_reader import VideoReader
from tests.support.clips import Clip, Seen, look, make, number
from tests.support.video_files import PRIMING_S, convert, read_frames

_PARTS: dict[str, tuple[dict[str, float], range]] = {
    "middle": ({"start_s": 0.6, "end_s": 1.4}, range(15, 35)),
    "between two frames": ({"start_s": 0.59, "end_s": 1.401}, range(15, 36)),
    "from the start": ({"end_s": 0.2}, range(5)),
    "to the end": ({"start_s": 2.2}, range(55, 60)),
    "one frame": ({"start_s": 1.0, "end_s": 1.04}, range(25, 26)),
    "beyond the end": ({"start_s": 2.0, "end_s": 100.0}, range(50, 60)),
    "from zero": ({"start_s": 0.0}, range(60)),
}


@pytest.mark.parametrize("kind", _PARTS)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_parts_are_exact_to_the_frame(kind: str, suffix: str, tmp_path: Path) -> None:
    options, kept = _PARTS[kind]
    sounds = ("pcm_s16le",) if suffix == "avi" else ("aac",)
    codec = "mpeg4" if suffix == "avi" else "libx264"
    clip = Clip(frames=60, codec=codec, sounds=sounds, options={"g": "12"}, chapters=[(0, 1, "one"), (1, 2.4, "two")])
    source = make(tmp_path / f"in.{suffix}", replace(clip, chapters=()) if suffix == "avi" else clip)
    convert(source, tmp_path / f"out.{suffix}", None, **options)
    before, after = look(source), look(tmp_path / f"out.{suffix}")
    assert [number(image) for image in after.images] == [index % 24 for index in kept]
    assert after.times[0] <= PRIMING_S
    assert after.times[-1] - after.times[0] == (len(kept) - 1) * Fraction(1, 25)
    _check_sound_of_part(before, after, kept.start * Fraction(1, 25))


_FAR_KEYS = {
    "x265 open": ("a.mkv", Clip(codec="libx265", options={"x265-params": "log-level=error:keyint=12:open-gop=1:scenecut=0"})),
    "x264 open": ("a.mp4", Clip(options={"x264-params": "keyint=12:open-gop=1:bframes=3:b-pyramid=normal:scenecut=0"})),
    "x264 sparse": ("a.mkv", Clip(options={"x264-params": "keyint=250:scenecut=0"})),
    "vp9": ("a.webm", Clip(codec="libvpx-vp9", options={"g": "12", "auto-alt-ref": "1", "lag-in-frames": "16"})),
    "avi without times": ("a.avi", Clip(options={"g": "12", "bf": "3"})),
    "stream": ("a.ts", Clip(format="mpegts", options={"g": "12", "bf": "3"}, times=[100 + index for index in range(60)])),
}


@pytest.mark.parametrize(("name", "clip"), _FAR_KEYS.values(), ids=_FAR_KEYS)
def test_parts_begin_between_key_frames(name: str, clip: Clip, tmp_path: Path) -> None:
    source = make(tmp_path / name, replace(clip, frames=60, sounds=()))
    for start, end in ((0.48, 0.56), (0.6, 1.04), (1.36, 1.4), (2.0, 9.0)):
        found = [number(frame.image) for frame in read_frames(source, start_s=start, end_s=end)]
        assert found == [index % 24 for index in range(round(start * 25), min(round(end * 25), 60))]


_SKIMMED = {
    **_FAR_KEYS,
    "mpeg2": ("a.mpg", Clip(codec="mpeg2video", options={"g": "60", "bf": "2"})),
    "av1": ("a.mkv", Clip(codec="libsvtav1", options={"g": "60"})),
}


@pytest.mark.parametrize(("name", "clip"), _SKIMMED.values(), ids=_SKIMMED)
def test_frames_that_are_skimmed_to_are_the_same(name: str, clip: Clip, tmp_path: Path) -> None:
    source = make(tmp_path / name, replace(clip, frames=60, sounds=()))
    for start in (0.48, 0.6, 1.36, 2.0):
        with VideoReader(source, max_pixels=10**7, max_bytes=10**9, start_s=start, skim=True) as reader:
            skimmed = list(iter(reader.read, None))
        plain = read_frames(source, start_s=start)
        assert [(each.pts, each.image.tobytes()) for each in skimmed] == [(each.pts, each.image.tobytes()) for each in plain]


def test_frames_that_no_other_needs_are_not_decoded_on_the_way(tmp_path: Path) -> None:
    name, clip = _FAR_KEYS["x264 sparse"]
    source = make(tmp_path / name, replace(clip, frames=60, sounds=()))
    passed = {False: 0, True: 0}
    for skim in passed:

        def passing(skim: bool = skim) -> None:
            passed[skim] += 1

        VideoReader(source, max_pixels=10**7, max_bytes=10**9, start_s=2.0, passing=passing, skim=skim).close()
    assert passed[False] == 50
    assert passed[True] < 35


@pytest.mark.parametrize(("name", "clip"), _FAR_KEYS.values(), ids=_FAR_KEYS)
def test_the_key_frame_before_a_time_is_there_at_once(name: str, clip: Clip, tmp_path: Path) -> None:
    source = make(tmp_path / name, replace(clip, frames=60, sounds=()))
    passed: list[int] = []
    limits = {"max_pixels": 10**7, "max_bytes": 10**9}
    with VideoReader(source, **limits, start_s=2.2, from_key=True, passing=lambda: passed.append(1)) as reader:  # type: ignore[arg-type]
        first = reader.read()
        assert first is not None
        assert (first.time_s - float(reader.info.zero)) <= 2.2
        assert passed == [], "no frame is decoded only to be passed"


def test_the_way_to_a_time_can_be_ended(tmp_path: Path) -> None:
    name, clip = _FAR_KEYS["x264 sparse"]
    source = make(tmp_path / name, replace(clip, frames=60, sounds=()))
    passed = 0

    def passing() -> None:
        nonlocal passed
        passed += 1
        if passed == 7:
            raise Cancelled("nobody waits")

    with pytest.raises(Cancelled):
        VideoReader(source, max_pixels=10**7, max_bytes=10**9, start_s=2.0, passing=passing)
    assert passed == 7


def _check_sound_of_part(before: Seen, after: Seen, start: Fraction) -> None:
    """Every packet is one of the input's, none is missing between, each as far from the pictures as it was."""
    first = before.payloads["audio0"].index(after.payloads["audio0"][0])
    count = len(after.payloads["audio0"])
    assert after.payloads["audio0"] == before.payloads["audio0"][first : first + count]
    lag = after.times[0]
    gaps = [
        a - lag - (b - start) for a, b in zip(after.packet_times["audio0"], before.packet_times["audio0"][first:], strict=False)
    ]
    assert max(map(abs, gaps)) <= Fraction(2, 1000)


def test_chapters_and_subtitles_of_a_part_move_with_it(tmp_path: Path) -> None:
    clip = Clip(
        frames=60, options={"g": "12"}, subtitles="subrip", chapters=[(0, 0.08, "gone"), (0.08, 1, "one"), (1, 2.4, "two")]
    )
    source = make(tmp_path / "in.mkv", clip)
    convert(source, tmp_path / "out.mkv", start_s=0.12, end_s=1.2)
    after = look(tmp_path / "out.mkv")
    shift = float(after.times[0])
    assert [chapter[2] for chapter in after.chapters] == ["one", "two"]
    assert after.chapters[0][0] == 0
    assert after.chapters[1][0] == pytest.approx(0.88)
    assert after.chapters[1][1] == pytest.approx(1.08)
    assert len(after.payloads["subtitle0"]) == 2
    assert [float(t) - shift for t in after.packet_times["subtitle0"]] == pytest.approx([0.0, 0.08], abs=0.002)


_EMPTY_PARTS: dict[str, dict[str, float]] = {
    "behind the end": {"start_s": 5.0},
    "no length": {"start_s": 0.3, "end_s": 0.3},
    "backwards": {"start_s": 0.3, "end_s": 0.1},
    "ends at once": {"end_s": 0.0},
    "between two frames": {"start_s": 0.05, "end_s": 0.06},
}


@pytest.mark.parametrize("options", _EMPTY_PARTS.values(), ids=_EMPTY_PARTS)
def test_empty_parts_are_refused(options: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read_frames(make(tmp_path / "in.mp4", Clip()), **options)

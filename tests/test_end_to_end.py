"""The main job on the bundled examples, judged by the output file."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.commands.main import main
from mien.lab.evaluate.measures import landmark_error, pose_error
from mien.swap.stages.reshape import reach
from mien.types import Array, Image
from tests.support.places import EXAMPLES
from tests.support.portraits import COLLINS, HOPPER, WORN_BELOW, locate, portrait, recogniser

CLIP = EXAMPLES / "clip.mp4"
_SAMPLE = slice(3, None, 12)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Content of a file: BGR frames, their times, and the packets of the sound."""

    frames: list[Image]
    times: list[Fraction]
    sound: list[tuple[Fraction, bytes]]
    metadata: dict[str, str]
    tags: tuple[int, int]


def _decode(path: Path) -> Decoded:
    frames: list[Image] = []
    times: list[Fraction] = []
    sound: list[tuple[Fraction, bytes]] = []
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        tags = (0, 0)
        for packet in container.demux(video, audio):
            if packet.stream_index == audio.index:
                if packet.pts is not None and packet.time_base is not None:
                    sound.append((packet.pts * packet.time_base, bytes(packet)))
                continue
            for frame in packet.decode():
                assert isinstance(frame, av.VideoFrame)
                assert frame.pts is not None
                frames.append(np.array(frame.to_ndarray(format="bgr24"), np.uint8))
                times.append(Fraction(frame.pts) * (frame.time_base or 1))
                tags = (int(frame.colorspace), int(frame.color_range))
        return Decoded(frames, times, sound, dict(container.metadata), tags)


def _swap(out: Path, *part: str) -> Decoded:
    assert main(["swap", str(COLLINS), str(CLIP), "-o", str(out), "--consent", "public-domain", "--quiet", *part]) == 0
    return _decode(out)


def _first(decoded: Decoded, end_s: int) -> Decoded:
    count = sum(time < end_s for time in decoded.times)
    sound = [(time, content) for time, content in decoded.sound if time < end_s]
    return replace(decoded, frames=decoded.frames[:count], times=decoded.times[:count], sound=sound)


@pytest.fixture(scope="module")
def whole() -> Decoded:
    return _decode(CLIP)


@pytest.fixture(scope="module", params=["mp4", "mkv"])
def container(request: pytest.FixtureRequest) -> str:
    """Return the suffix: the whole clip goes into .mp4, its first two seconds into .mkv."""
    return str(request.param)


@pytest.fixture(scope="module")
def before(whole: Decoded, container: str) -> Decoded:
    return whole if container == "mp4" else _first(whole, 2)


@pytest.fixture(scope="module")
def after(container: str, tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    part = () if container == "mp4" else ("--end", "2")
    return _swap(tmp_path_factory.mktemp("swapped") / f"out.{container}", *part)


def test_identity_moves_to_the_source_and_pose_and_expression_stay(before: Decoded, after: Decoded) -> None:
    to_source, to_target, poses, errors = [], [], [], []
    for old, new in zip(before.frames[_SAMPLE], after.frames[_SAMPLE], strict=True):
        was, now = locate(old), locate(new)
        descriptor = recogniser().describe(new, now)
        to_source.append(float(np.linalg.norm(descriptor - portrait(COLLINS).descriptor)))
        to_target.append(float(np.linalg.norm(descriptor - portrait(HOPPER).descriptor)))
        poses.append(pose_error(now.points, was.points))
        errors.append(landmark_error(now.points, was.points))
    assert np.mean(to_source) < WORN_BELOW
    # Not in every frame: the target's own glasses stay in front, and the recogniser knows them.
    assert np.mean(to_source) < np.mean(to_target)
    assert np.mean(poses) < 4
    assert np.mean(errors) < 3.5


def test_the_background_is_kept(before: Decoded, after: Decoded) -> None:
    for old, new in zip(before.frames[_SAMPLE], after.frames[_SAMPLE], strict=True):
        elsewhere = _background(old)
        error = (old[elsewhere].astype(float) - new[elsewhere]) ** 2
        assert 10 * np.log10(255**2 / error.mean()) > 38
        bias = np.abs(old[elsewhere].astype(float).mean(0) - new[elsewhere].mean(0))
        # Where a channel is 0 or 255, the mark can only move it one way.
        assert bias.max() < 1.0, "brightness and hue of the background must not shift"


def test_the_badge_is_on_every_frame(after: Decoded) -> None:
    height = round(0.06 * 720)
    for frame in after.frames:
        corner = frame[720 - 2 * height :, 1280 - 3 * height :]
        grey = cv2.cvtColor(corner, cv2.COLOR_BGR2GRAY)
        assert (grey > 200).sum() > 60, "light letters"
        assert (grey < 110).sum() > 500, "dark plate"


def test_the_sound_is_the_same_packets(before: Decoded, after: Decoded) -> None:
    assert [content for _, content in after.sound] == [content for _, content in before.sound]


def test_times_are_kept_and_sound_and_picture_stay_together(before: Decoded, after: Decoded) -> None:
    """Matroska has no time before 0, so a codec's lead-in moves picture and sound alike."""
    pictures = [b - a for a, b in zip(before.times, after.times, strict=True)]
    sounds = [b - a for (a, _), (b, _) in zip(before.sound, after.sound, strict=True)]
    assert max(pictures + sounds) - min(pictures + sounds) <= Fraction(1, 500)
    assert abs(pictures[0]) <= Fraction(1, 40)


def test_size_and_colours_are_kept_and_the_file_says_what_it_is(before: Decoded, after: Decoded) -> None:
    assert after.frames[0].shape == before.frames[0].shape
    assert after.tags == before.tags
    said = {key.lower(): value for key, value in after.metadata.items()}
    assert "altered by mien" in said["comment"]


def test_a_part_of_the_clip(tmp_path: Path, whole: Decoded) -> None:
    part = _swap(tmp_path / "part.mp4", "--start", "1.0", "--end", "2.0")
    wanted = [frame for frame, time in zip(whole.frames, whole.times, strict=True) if 1 <= time < 2]
    assert len(part.frames) == len(wanted) == 30
    assert part.times[0] == 0
    for old, new in zip(wanted[::7], part.frames[::7], strict=True):
        elsewhere = _background(old)
        assert cv2.absdiff(old, new)[elsewhere].mean() < 3
    assert part.sound[-1][0] < 1
    original = {content for _, content in whole.sound}
    assert all(content in original for _, content in part.sound)


@pytest.mark.parametrize("name", ["o.png", "o.jpg", "o.webp", "o.tif", "o.bmp"])
def test_pictures(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    assert main(["swap", str(COLLINS), str(HOPPER), "-o", str(out), "--consent", "public-domain", "--quiet"]) == 0
    content = np.fromfile(out, np.uint8)
    result = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert result is not None
    image = np.asarray(result, np.uint8)
    descriptor = recogniser().describe(image, locate(image))
    to_source = float(np.linalg.norm(descriptor - portrait(COLLINS).descriptor))
    assert to_source < WORN_BELOW
    assert to_source < float(np.linalg.norm(descriptor - portrait(HOPPER).descriptor))
    elsewhere = _background(portrait(HOPPER).image)
    difference = cv2.absdiff(image, portrait(HOPPER).image)[elsewhere]
    if name in {"o.png", "o.tif", "o.bmp"}:
        assert difference.max() <= 5, "nothing but the mark"
        assert (difference.max(axis=1) - difference.min(axis=1) == 0).mean() > 0.9, "the mark has no colour"
        assert 10 * np.log10(255**2 / (difference.astype(float) ** 2).mean()) > 45
    else:
        assert difference.mean() < 4
    assert b"compositeWithTrainedAlgorithmicMedia" in content.tobytes()


def _background(image: Image) -> Array:
    """Return bool (h, w): True outside the reach of the reshape and the badge, and away from both."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = reach(locate(image).points)
    elsewhere = np.ones((height, width), bool)
    elsewhere[max(0, y1) : y2, max(0, x1) : x2] = False
    badge = round(0.06 * min(height, width))
    elsewhere[height - 2 * badge :, width - 3 * badge :] = False
    return elsewhere

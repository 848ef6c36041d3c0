"""The recorder: times, sound and key frames as they were captured, and a file that survives what ends it."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import MienError, OutputError, UsageError
from mien.media.broadcast.live_muxer import SoundLine
from mien.media.broadcast.recorder import Recorder
from mien.media.files import statement
from mien.media.frames.fitting import fitted
from mien.settings import Settings
from mien.types import Sound
from tests.support.conformance import SinkUnderTest, sink_suite
from tests.support.places import ROOT
from tests.support.recorded import (
    CLICK_EVERY_S,
    HEIGHT,
    RATE,
    START_S,
    WIDTH,
    click_times,
    clicks,
    frames_of,
    key_times,
    labelled,
)

SYNC_S = 0.04
CONTAINERS = pytest.mark.parametrize("suffix", [".mp4", ".mkv"])


def irregular_times(length_s: float) -> list[float]:
    """Thirty frames a second, a little early or late, a tenth of them lost."""
    luck = np.random.default_rng(5)
    even = np.arange(0, length_s, 1 / 30)
    times = even + luck.uniform(0, 0.02, len(even))
    kept = luck.random(len(even)) > 0.1
    kept[0] = True
    times[0] = 0.0
    return [round(float(time), 6) for time in times[kept]]


def record(path: Path, times: Sequence[float], sounds: Iterator[Sound] | Sequence[Sound] = (), channels: int = 1) -> None:
    waiting = list(sounds)
    with Recorder(path, WIDTH, HEIGHT, Settings(), sound=(RATE, channels) if waiting else None) as recorder:
        for number, time_s in enumerate(times):
            # Sound is there at once, pictures go through the pipeline first.
            while waiting and waiting[0].time_s < START_S + time_s + 0.1:
                recorder.write_sound(waiting.pop(0))
            recorder.write(labelled(number, time_s))


def assert_in_sync(path: Path, expected: Sequence[float], within_s: float = 0.003) -> None:
    found = click_times(path)
    assert len(found) == len(expected), found
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < within_s <= SYNC_S, found


@CONTAINERS
def test_frames_keep_their_times_and_the_sound_fits(tmp_path: Path, suffix: str) -> None:
    path, times = tmp_path / f"out{suffix}", irregular_times(3.4)
    sounds = [clicks(start / 100, 0.02, channels=2) for start in range(-40, 340, 2)]
    record(path, times, sounds, channels=2)
    found = frames_of(path)
    assert [number for _, number in found] == list(range(len(times)))
    assert max(abs(found_s - time_s) for (found_s, _), time_s in zip(found, times, strict=True)) < 0.001
    keys = key_times(path)
    assert len(keys) == 4
    assert all(0.85 < later - earlier < 1.15 for earlier, later in itertools.pairwise(keys))
    assert_in_sync(path, [0.5, 1.0, 1.5, 2.0, 2.5, 3.0])


@CONTAINERS
def test_what_the_file_says_of_itself(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    record(path, irregular_times(0.5), [clicks(0, 0.5)])
    with av.open(str(path)) as file:
        metadata = {name.lower(): value for name, value in file.metadata.items()}
        video, sound = file.streams.video[0].codec_context, file.streams.audio[0].codec_context
        assert metadata["comment"] == statement.sentence("mesh")
        assert (video.name, video.width, video.height, video.pix_fmt) == ("h264", WIDTH, HEIGHT, "yuv420p")
        assert (video.colorspace, video.color_primaries, video.color_trc, video.color_range) == (1, 1, 1, 1)
        assert not video.has_b_frames
        assert (sound.name, sound.sample_rate, sound.channels) == ("aac", RATE, 1)


def test_colours_are_those_of_the_frame(tmp_path: Path) -> None:
    colours = [(64, 32, 192), (200, 120, 20), (255, 255, 255), (10, 10, 10)]
    image = np.repeat(np.repeat(np.array([colours], np.uint8), WIDTH // 4, 1), 120, 0)
    with Recorder(tmp_path / "out.mp4", WIDTH, 120, Settings(quality=100)) as recorder:
        recorder.write(labelled(0, 0.0, image.copy()))
    with av.open(str(tmp_path / "out.mp4")) as file:
        frame = next(file.decode(video=0)).reformat(format="bgr24", src_colorspace="ITU709").to_ndarray()
    for place, colour in enumerate(colours):
        assert np.abs(frame[30, WIDTH // 8 + place * WIDTH // 4].astype(int) - colour).max() <= 4


def test_lost_sound_is_silence_and_repeated_sound_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    lost = [clicks(start / 50, 0.02) for start in range(150) if not 60 <= start < 65 and not 80 <= start < 105]
    twice = [sound for sound in lost for _ in range(2)]
    record(path, irregular_times(3.0), twice)
    # Lost: 1.2 to 1.3 s, and 1.6 to 2.1 s with a click in it.
    assert_in_sync(path, [0.5, 1.0, 1.5, 2.5], SYNC_S)


def test_sound_that_ends_or_comes_late_does_not_hold_back_the_video(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sounds = [clicks(start / 50, 0.02) for start in (*range(30), *range(130, 200))]
    with Recorder(path, WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as recorder:
        for number in range(120):
            time_s = number / 30
            for sound in [sound for sound in sounds if sound.time_s < START_S + time_s + 0.05]:
                sounds.remove(sound)
                recorder.write_sound(sound)
            recorder.write(labelled(number, time_s))
            if number == 75:
                # The sound ended at 0.6 s.
                assert len(frames_of(path)) >= 30
    assert_in_sync(path, [0.5, 3.0, 3.5])


def test_a_pause_of_both_is_kept_as_a_pause(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    times = [*np.arange(0, 1, 1 / 30).tolist(), *np.arange(600, 601, 1 / 30).tolist()]
    record(path, times, [clicks(start / 50, 0.02) for start in (*range(50), *range(30_000, 30_050))])
    assert_in_sync(path, [0.5, 600.0, 600.5])
    assert abs(frames_of(path)[-1][0] - times[-1]) < 0.001


@pytest.mark.parametrize(
    ("rate", "channels", "given_rate", "given_channels"),
    [(44_100, 1, 44_100, 1), (192_000, 1, 192_000, 1), (48_000, 2, 48_000, 1), (48_000, 1, 48_000, 2), (48_000, 2, 44_100, 6)],
)
def test_sound_of_any_kind_is_brought_to_the_kind_of_the_track(
    tmp_path: Path, rate: int, channels: int, given_rate: int, given_channels: int
) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, WIDTH, HEIGHT, Settings(), sound=(rate, channels)) as recorder:
        for number in range(36):
            recorder.write(labelled(number, number / 30))
            recorder.write_sound(clicks(number / 30, 1 / 30, given_rate, given_channels))
    assert_in_sync(path, [0.5, 1.0])


def test_broken_samples_do_not_end_the_recording(tmp_path: Path) -> None:
    broken = np.full((960, 1), np.nan, np.float32)
    broken[::2] = np.inf
    sounds = [clicks(0.0, 0.42), Sound(broken, RATE, START_S + 0.42), clicks(0.44, 0.3)]
    record(tmp_path / "out.mp4", irregular_times(0.8), sounds)
    assert 0.5 in [round(time, 2) for time in click_times(tmp_path / "out.mp4")]


@pytest.mark.parametrize("drift", [-300e-6, 0.0, 300e-6], ids=["slow", "true", "fast"])
def test_clocks_that_drift_stay_together_for_hours(drift: float) -> None:
    rate, length = 8_000, 800
    line, luck = SoundLine(rate, 1), np.random.default_rng(2)
    samples = np.zeros((length, 1), np.float32)
    worst = 0.0
    late = luck.uniform(-0.008, 0.008, 40_000)
    for number in range(len(late)):
        start_s = number * length / rate * (1 + drift)
        list(line.place(Sound(samples, rate, 0.0), max(0.0, start_s + late[number])))
        ended_s = (number + 1) * length / rate * (1 + drift)
        worst = max(worst, abs(line.position / rate - ended_s))
    assert worst < 0.02


def test_the_first_sounds_wait_for_the_first_frame(tmp_path: Path) -> None:
    with Recorder(tmp_path / "out.mp4", WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as recorder:
        for start in range(-50, 50):
            recorder.write_sound(clicks(start / 50, 0.02))
        for number in range(30):
            recorder.write(labelled(number, number / 30))
    assert_in_sync(tmp_path / "out.mp4", [0.5])


def test_frames_and_sound_come_from_two_threads(tmp_path: Path) -> None:
    path, failures = tmp_path / "out.mp4", list[BaseException]()

    def speak(recorder: Recorder) -> None:
        try:
            for start in range(100):
                recorder.write_sound(clicks(start / 50, 0.02))
        except (MienError, RuntimeError, ValueError) as error:
            failures.append(error)

    with Recorder(path, WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as recorder:
        thread = threading.Thread(target=speak, args=(recorder,))
        thread.start()
        for number in range(60):
            recorder.write(labelled(number, number / 30))
        thread.join()
    assert not failures
    assert_in_sync(path, [0.5, 1.0, 1.5])


CHILD = """
import sys
from pathlib import Path
from mien.errors import OutputError
from mien.media.broadcast.recorder import Recorder
from mien.settings import Settings
from tests.support.recorded import HEIGHT, RATE, WIDTH, clicks, labelled, noisy

def frames(recorder, count, image=None):
    for number in range(count):
        recorder.write_sound(clicks(number / 30, 1 / 30))
        recorder.write(labelled(number % 256, number / 30, image and noisy(number)))
"""


def run_child(code: str, *arguments: str) -> "subprocess.Popen[str]":
    root = ROOT
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, *arguments], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@CONTAINERS
def test_killed_in_the_middle_only_the_last_second_is_lost(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    code = """
with Recorder(Path(sys.argv[1]), WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as recorder:
    frames(recorder, 105)
    print("written", flush=True)
    sys.stdin.readline()
"""
    with run_child(code, str(path)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        child.kill()
    found = frames_of(path)
    assert len(found) >= 90
    assert [number for _, number in found] == list(range(len(found)))
    heard = click_times(path)
    assert len(heard) >= 5
    assert max(abs(time - (place + 1) * CLICK_EVERY_S) for place, time in enumerate(heard)) < 0.003


FULL = """
try:
    with Recorder(Path(sys.argv[1]), WIDTH, HEIGHT, Settings(quality=95), sound=(RATE, 1)) as recorder:
        frames(recorder, 900, image=True)
except OutputError as error:
    print(error, "|", error.remedy)
"""


def assert_full_disk_is_told(path: Path, told: str, reason: str, size: int) -> None:
    assert told.startswith(f"cannot write {path}: {reason} |"), told
    assert path.stat().st_size <= size
    found = frames_of(path)
    assert len(found) >= 25
    assert [number for _, number in found] == list(range(len(found)))


@pytest.mark.posix
@CONTAINERS
def test_a_full_disk_is_told_and_the_file_can_be_played(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("resource", reason="NOT TESTED with a full disk: this system has no limit on the size of files")
    size = 4_000_000
    limit = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""
    with run_child(limit + FULL, str(tmp_path / f"out{suffix}")) as child:
        told, _ = child.communicate(timeout=60)
    assert_full_disk_is_told(tmp_path / f"out{suffix}", told, os.strerror(27), size)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("NOT TESTED with a full disk: no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_space_is_told_and_the_file_can_be_played(small_disk: Path) -> None:
    path = small_disk / "out.mp4"
    with run_child(FULL, str(path)) as child:
        told, _ = child.communicate(timeout=60)
    assert_full_disk_is_told(path, told, "No space left on device", 4 * 1024**2)


def test_an_interrupted_recording_is_closed_properly(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"

    def interrupted() -> None:
        with Recorder(path, WIDTH, HEIGHT, Settings()) as recorder:
            for number in range(20):
                recorder.write(labelled(number, number / 30))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(frames_of(path)) == 20
    with av.open(str(path)) as file:
        assert abs((file.duration or 0) / 1e6 - 20 / 30) < 0.05


def test_without_a_frame_nothing_remains(tmp_path: Path) -> None:
    with Recorder(tmp_path / "out.mp4", WIDTH, HEIGHT, Settings(), sound=(RATE, 1)) as recorder:
        recorder.write_sound(clicks(0, 0.5))
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"), Recorder(path, WIDTH, HEIGHT, Settings()):
        pass
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "size_wh", "error"),
    [
        ("missing/out.mp4", (WIDTH, HEIGHT), OutputError),
        ("out.avi", (WIDTH, HEIGHT), UsageError),
        ("out", (WIDTH, HEIGHT), UsageError),
        ("out.mp4", (0, 0), UsageError),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    tmp_path: Path, name: str, size_wh: tuple[int, int], error: type[MienError]
) -> None:
    with pytest.raises(error) as caught, Recorder(tmp_path / name, *size_wh, Settings()):
        pass
    assert caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_only_labelled_frames_and_sound_are_taken(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mp4", WIDTH, HEIGHT, Settings())
    with pytest.raises(RuntimeError, match="outside"):
        recorder.write(labelled(0, 0.0))
    with recorder:
        with pytest.raises(TypeError, match="LabelledFrame"):
            recorder.write(labelled(0, 0.0).frame)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="Sound"):
            recorder.write_sound(np.zeros((10, 1), np.float32))  # type: ignore[arg-type]
        recorder.write_sound(clicks(0, 0.1))
        recorder.write(labelled(3, 0.0))
    assert [number for _, number in frames_of(tmp_path / "out.mp4")] == [3]


def test_it_is_a_sink(tmp_path: Path) -> None:
    names = iter(range(9))
    sink_suite(
        lambda: SinkUnderTest(Recorder(tmp_path / f"{next(names)}.mp4", WIDTH, HEIGHT, Settings()), None),
        lambda: [labelled(number, number / 30) for number in range(3)],
    )


@pytest.mark.parametrize(
    ("size_wh", "inner_xyxy"),
    [
        ((320, 180), (0, 0, 320, 180)),
        ((321, 181), (0, 0, 320, 180)),
        ((640, 360), (0, 0, 320, 180)),
        ((180, 180), (70, 0, 250, 180)),
        ((90, 90), (70, 0, 250, 180)),
        ((320, 90), (0, 45, 320, 135)),
        ((3, 2000), (160, 0, 161, 180)),
    ],
)
def test_frames_of_other_sizes_are_fitted(size_wh: tuple[int, int], inner_xyxy: tuple[int, int, int, int]) -> None:
    found = fitted(np.full((size_wh[1], size_wh[0], 3), 255, np.uint8), WIDTH, HEIGHT)
    left, top, right, bottom = inner_xyxy
    expected = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    expected[top:bottom, left:right] = 255
    assert found.flags.c_contiguous
    assert abs(found.astype(int) - expected).max(2).any(0).sum() <= 2
    assert found.mean() == pytest.approx(expected.mean(), rel=0.35)


def test_a_size_that_changes_midway_is_fitted(tmp_path: Path) -> None:
    with Recorder(tmp_path / "out.mp4", WIDTH, HEIGHT, Settings()) as recorder:
        recorder.write(labelled(0, 0.0))
        recorder.write(labelled(1, 0.1, np.full((360, 360, 3), 200, np.uint8)))
    with av.open(str(tmp_path / "out.mp4")) as file:
        first, second = (frame.to_ndarray(format="bgr24") for frame in file.decode(video=0))
    assert first.shape == second.shape
    assert second[90, 20].max() < 20
    assert second[90, 160].min() > 180

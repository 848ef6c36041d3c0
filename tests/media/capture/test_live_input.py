"""Live inputs against real senders: ffmpeg on the network, Xvfb, ALSA, and a V4L2 driver that is faked below libc."""

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO

import av
import cv2
import numpy as np
import pytest
from av.container import InputContainer

from mien.contracts import SoundSource
from mien.errors import Cancelled, MediaTooLarge, SourceLost, UnsupportedMedia, UsageError
from mien.media.capture import live_input
from mien.media.capture.camera import Camera, ranked
from mien.media.capture.devices import CameraMode, list_screens
from mien.media.capture.live_input import SILENCE_S, LiveInput, Opening
from mien.media.capture.microphone import Microphone, SoundClock
from mien.media.capture.network import NetworkStream
from mien.media.capture.screen import ScreenRegion
from mien.types import LIVE_TIME_BASE
from tests.support.clips import Clip, make, number
from tests.support.conformance import source_suite
from tests.support.places import DATA

_SOON_S = 0.5


class _Pattern(LiveInput):
    """FFmpeg's own test picture, at a pace."""

    def __init__(self, size: str = "64x48", rate: int = 200, *, ends_after_s: float = 0, max_pixels: int = 10**6) -> None:
        super().__init__("the test picture", max_pixels=max_pixels)
        length = f":duration={ends_after_s}" if ends_after_s else ""
        self._graph = f"testsrc2=size={size}:rate={rate}{length},realtime"

    def _openings(self) -> Sequence[Opening]:
        return [Opening(self._graph, "lavfi")]


class _Piped(LiveInput):
    """MPEG-TS through a pipe that the test fills."""

    def __init__(self, *, silence_s: float = SILENCE_S, max_pixels: int = 10**6) -> None:
        super().__init__("the pipe", silence_s=silence_s, max_pixels=max_pixels)
        self._ends = True
        reading, writing = os.pipe()
        self._reading: IO[bytes] = os.fdopen(reading, "rb", buffering=0)
        self.writing: IO[bytes] = os.fdopen(writing, "wb", buffering=0)

    def _openings(self) -> Sequence[Opening]:
        return [Opening(self._reading, "mpegts", {"analyzeduration": "100000"})]

    def _interrupt(self) -> None:
        self.writing.close()

    def _released(self) -> None:
        self._reading.close()


def _stream(folder: Path, size: tuple[int, int] = (160, 120), codec: str = "libx264") -> bytes:
    options = {"tune": "zerolatency"} if codec == "libx264" else {}
    return make(
        folder / f"{size[0]}.ts", Clip(size=size, codec=codec, sounds=(), format="mpegts", options=options)
    ).read_bytes()


def _read_on(source: LiveInput) -> None:
    """Read to the end or to the error."""
    while source.read() is not None:
        pass


def test_it_is_a_frame_source() -> None:
    source_suite(_Pattern)


def test_frames_carry_the_monotonic_clock_and_the_newest_is_given() -> None:
    with _Pattern(rate=50) as source:
        first = source.read()
        assert first is not None
        threading.Event().wait(0.3)
        second, third = source.read(), source.read()
        assert second is not None
        assert third is not None
        late_s = time.monotonic() - third.time_s
        # Those that came meanwhile are gone: the next one is not 0.3 s old.
        assert second.time_s - first.time_s > 0.2
        assert source.dropped >= 10
    assert third.time_base == LIVE_TIME_BASE
    assert 0 <= late_s < 0.1
    assert (source.info.width, source.info.height) == (64, 48)
    assert source.info.rate == 50


def test_stop_ends_a_waiting_read_and_all_later_ones() -> None:
    with _Pattern(rate=3) as source:
        source.read()
        timer = threading.Timer(0.05, source.stop)
        timer.start()
        begin_s = time.monotonic()
        assert source.read() is None
        assert time.monotonic() - begin_s < _SOON_S
        assert source.read() is None
        timer.join()
    assert source.read() is None


def test_what_is_stopped_before_it_begins_is_cancelled() -> None:
    source = _Pattern()
    source.stop()
    with pytest.raises(Cancelled), source:
        pass


def test_a_device_that_ends_is_lost() -> None:
    with _Pattern(ends_after_s=0.1) as source:
        with pytest.raises(SourceLost, match="the test picture went away") as caught:
            _read_on(source)
        assert caught.value.remedy
        with pytest.raises(SourceLost):
            source.read()


def test_too_large_a_picture_is_refused() -> None:
    with pytest.raises(MediaTooLarge, match="640x480"), _Pattern("640x480", max_pixels=640 * 480 - 1):
        pass


def test_a_source_that_falls_silent_is_lost_in_time(tmp_path: Path) -> None:
    source = _Piped(silence_s=0.4)
    # Twice: the probing takes what it can get.
    source.writing.write(2 * _stream(tmp_path))
    with source:
        begin_s = time.monotonic()
        with pytest.raises(SourceLost, match=r"has given nothing for 0\.4 s"):
            _read_on(source)
        assert time.monotonic() - begin_s < 1.5


@pytest.fixture
def fed() -> Iterator[Callable[[_Piped, bytes], None]]:
    """Feeds a pipe from a thread, as opening one waits for its data."""
    threads = []

    def feed(source: _Piped, data: bytes) -> None:
        def write() -> None:
            with suppress(OSError, ValueError):
                source.writing.write(data)
                source.writing.close()

        threads.append(threading.Thread(target=write))
        threads[-1].start()

    yield feed
    for thread in threads:
        thread.join()


Feed = Callable[[_Piped, bytes], None]


def test_a_stream_that_is_ended_gives_none(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    fed(source, _stream(tmp_path))
    with source:
        frames = list(iter(source.read, None))
        assert source.read() is None
    assert frames
    # The last one is always seen, whatever was dropped before.
    assert number(frames[-1].image) == 11


def test_frames_keep_the_first_size_when_the_stream_changes_its_own(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    fed(source, _stream(tmp_path, (320, 240)) + _stream(tmp_path, (160, 120)))
    with source:
        frames = list(iter(source.read, None))
        first = source.info.width, source.info.height
    assert {frame.image.shape[1::-1] for frame in frames} == {first}
    assert number(frames[-1].image) == 11


def test_a_stream_that_grows_beyond_the_limit_is_refused(tmp_path: Path, fed: Feed) -> None:
    source = _Piped(max_pixels=320 * 240 - 1)
    fed(source, _stream(tmp_path, (160, 120)) + _stream(tmp_path, (320, 240)))
    with pytest.raises(MediaTooLarge), source:
        _read_on(source)


def test_a_stream_that_is_joined_in_the_middle_begins_with_its_next_key_frame(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    data = _stream(tmp_path)
    fed(source, b"\0" * 1000 + data[188 * 12 : 188 * 14] + b"\xff" * 500 + data)
    with source:
        frames = list(iter(source.read, None))
    assert number(frames[-1].image) == 11


def test_a_sender_may_start_its_clock_over_again_and_again(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    fed(source, 6 * _stream(tmp_path))
    with source:
        frames = list(iter(source.read, None))
    # Each round is 0.48 s long: a clock that steps back by so little is no picture out of turn.
    assert len(frames) + source.dropped == 6 * 12


def test_a_stream_without_pictures_is_refused(tmp_path: Path, fed: Feed) -> None:
    path = tmp_path / "sound.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        sound = out.add_stream("mp2", rate=48_000)
        for _ in range(9):
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 1152 * 2), np.int16), format="s16", layout="stereo")
            heard.sample_rate = 48_000
            out.mux(sound.encode(heard))
    source = _Piped()
    fed(source, path.read_bytes())
    with pytest.raises(SourceLost, match="no picture"), source:
        pass


_ERRORS = {
    errno.EBUSY: "is used by another program",
    errno.ENOENT: "is not there",
    errno.ENODEV: "is not there",
    errno.EACCES: "may not be opened",
    errno.ETIMEDOUT: "has given nothing for 5 s",
    errno.EINVAL: "cannot be read: no",
}


class _Refusal:
    """Stands for PyAV: remembers what it is asked to open and refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = errno.EINVAL) -> None:
        self.openings: list[Opening] = []
        self._number = number
        monkeypatch.setattr(live_input, "open_live", self)

    def __call__(self, opening: Opening, silence_s: float) -> InputContainer:
        self.openings.append(opening)
        raise OSError(self._number, "no")

    def of(self, source: LiveInput) -> list[tuple[str, str | None, dict[str, str]]]:
        with pytest.raises(SourceLost), source:
            pass
        return [(opening.file, opening.format, dict(opening.options)) for opening in self.openings]


@pytest.mark.parametrize(("number", "text"), _ERRORS.items(), ids=[errno.errorcode[number] for number in _ERRORS])
def test_an_error_of_the_device_is_told_in_words(monkeypatch: pytest.MonkeyPatch, number: int, text: str) -> None:
    refusal = _Refusal(monkeypatch, number)
    with pytest.raises(SourceLost, match=text) as caught, Camera("/dev/video5", platform="linux", modes_of=lambda device: ()):
        pass
    assert "/dev/video5" in str(caught.value)
    assert caught.value.remedy
    # What is busy or missing is not tried again with other options.
    assert len(refusal.openings) == (1 if number not in {errno.EINVAL, errno.ETIMEDOUT} else 3)


_MODES = (
    CameraMode(1920, 1080, (30.0,), "mjpeg"),
    CameraMode(1280, 720, (60.0, 30.0), "mjpeg"),
    CameraMode(640, 480, (30.0,), "mjpeg"),
    CameraMode(1280, 720, (10.0,), "yuyv"),
    CameraMode(640, 480, (30.0, 15.0), "yuyv"),
    CameraMode(1280, 720, (30.0,), "h264"),
)
_CHOICES = {
    "large": ((1280, 720, 30.0, "auto"), (1280, 720, 30.0, "mjpeg")),
    "small": ((640, 480, 30.0, "auto"), (640, 480, 30.0, "yuyv")),
    "small but fast": ((640, 480, 25.0, "auto"), (640, 480, 30.0, "yuyv")),
    "fast": ((1280, 720, 50.0, "auto"), (1280, 720, 60.0, "mjpeg")),
    "yuyv as asked": ((1280, 720, 30.0, "yuyv"), (1280, 720, 10.0, "yuyv")),
    "mjpeg as asked": ((640, 480, 30.0, "mjpeg"), (640, 480, 30.0, "mjpeg")),
    "nearest above": ((1800, 1000, 30.0, "auto"), (1920, 1080, 30.0, "mjpeg")),
    "larger than all": ((3840, 2160, 30.0, "auto"), (1920, 1080, 30.0, "mjpeg")),
    "smaller than all": ((320, 240, 30.0, "auto"), (640, 480, 30.0, "yuyv")),
}


@pytest.mark.parametrize(("wanted", "expected"), _CHOICES.values(), ids=_CHOICES)
def test_the_nearest_mode_is_taken(wanted: tuple[int, int, float, str], expected: tuple[int, int, float, str]) -> None:
    width, height, rate, pixel_format = wanted
    best = ranked(_MODES, CameraMode(width, height, (rate,), pixel_format))[0]
    assert (best.width, best.height, best.rates[0], best.pixel_format) == expected


def test_a_format_that_is_not_offered_is_replaced() -> None:
    best = ranked(_MODES[:3], CameraMode(640, 480, (30.0,), "yuyv"))[0]
    assert best == CameraMode(640, 480, (30.0,), "mjpeg")
    assert ranked((), CameraMode(640, 480, (30.0,), "auto")) == []


def test_a_camera_is_opened_as_its_system_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    linux = _Refusal(monkeypatch).of(Camera("/dev/video0", platform="linux", modes_of=lambda device: _MODES))
    size = {"video_size": "1280x720", "framerate": "30"}
    quick = {"fflags": "nobuffer+4"}
    assert linux[0] == ("/dev/video0", "v4l2", size | quick | {"input_format": "mjpeg"})
    assert linux[-1] == ("/dev/video0", "v4l2", quick)
    mac = _Refusal(monkeypatch).of(Camera("0", platform="darwin", rate=29.97))
    assert mac[0] == (
        "0:none",
        "avfoundation",
        quick | {"video_size": "1280x720", "framerate": "2997/100", "pixel_format": "uyvy422"},
    )
    windows = _Refusal(monkeypatch).of(Camera("HD Webcam", platform="win32"))
    assert windows[0] == ("video=HD Webcam", "dshow", size | quick | {"vcodec": "mjpeg", "rtbufsize": "64M"})
    assert windows[1][2]["pixel_format"] == "yuyv422"


def test_an_unknown_pixel_format_is_refused() -> None:
    with pytest.raises(UsageError):
        Camera("/dev/video0", pixel_format="mpeg2")


_DRIVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 1280 * 720 * 2, BUFFERS = 4 };
static const struct { unsigned code, width, height, rate; } modes[] = {
    {V4L2_PIX_FMT_MJPEG, 1280, 720, 30}, {V4L2_PIX_FMT_YUYV, 1280, 720, 10}, {V4L2_PIX_FMT_YUYV, 640, 480, 30}};
static int camera = -1, waiting[BUFFERS], first, count, shown, last = 1000000;
static unsigned mode;
static double due;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static int fail(int number) { errno = number; return -1; }

static int fake_open(void) {
    if (getenv("FAKE_GONE")) last = atoi(getenv("FAKE_GONE"));
    camera = memfd_create("camera", 0);
    return ftruncate(camera, BUFFERS * SIZE) ? -1 : camera;
}
int open(const char *path, int flags, ...) {
    va_list more; va_start(more, flags); int bits = va_arg(more, int); va_end(more);
    if (!strcmp(path, "/dev/video77")) return fake_open();
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, bits);
}
int open64(const char *path, int flags, ...) {
    va_list more; va_start(more, flags); int bits = va_arg(more, int); va_end(more);
    if (!strcmp(path, "/dev/video77")) return fake_open();
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, bits);
}
static unsigned paint(int slot) {
    unsigned char *all = mmap(0, BUFFERS * SIZE, PROT_WRITE, MAP_SHARED, camera, 0), *at = all + slot * SIZE;
    unsigned used = modes[mode].width * modes[mode].height * 2;
    if (modes[mode].code == V4L2_PIX_FMT_MJPEG) {
        FILE *file = fopen(getenv("FAKE_JPEG"), "rb"); used = fread(at, 1, SIZE, file); fclose(file);
    } else for (unsigned i = 0; i < used; i += 4) { at[i] = at[i + 2] = 81; at[i + 1] = 90; at[i + 3] = 240; }
    munmap(all, BUFFERS * SIZE);
    return used;
}
static int answer(unsigned long request, void *data) {
    if (request == VIDIOC_QUERYCAP) {
        struct v4l2_capability *c = data;
        c->capabilities = V4L2_CAP_DEVICE_CAPS | (c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING);
    } else if (request == VIDIOC_ENUM_FMT) {
        struct v4l2_fmtdesc *f = data;
        if (f->index > 1) return fail(EINVAL);
        f->pixelformat = modes[f->index].code;
    } else if (request == VIDIOC_ENUM_FRAMESIZES) {
        struct v4l2_frmsizeenum *s = data;
        unsigned skip = s->index;
        for (unsigned i = 0; i < 3; i++) if (modes[i].code == s->pixel_format && !skip--) {
            s->type = V4L2_FRMSIZE_TYPE_DISCRETE; s->discrete.width = modes[i].width; s->discrete.height = modes[i].height;
            return 0;
        }
        return fail(EINVAL);
    } else if (request == VIDIOC_ENUM_FRAMEINTERVALS) {
        struct v4l2_frmivalenum *f = data;
        for (unsigned i = 0; i < 3 && !f->index; i++)
            if (modes[i].code == f->pixel_format && modes[i].width == f->width && modes[i].height == f->height) {
                f->type = V4L2_FRMIVAL_TYPE_DISCRETE; f->discrete.numerator = 1; f->discrete.denominator = modes[i].rate;
                return 0;
            }
        return fail(EINVAL);
    } else if (request == VIDIOC_S_FMT) {
        struct v4l2_format *f = data;
        if (getenv("FAKE_BUSY")) return fail(EBUSY);
        for (mode = 0; mode < 3; mode++)
            if (modes[mode].code == f->fmt.pix.pixelformat && modes[mode].width == f->fmt.pix.width) break;
        if (mode == 3) { mode = 0; return fail(EINVAL); }
        f->fmt.pix.height = modes[mode].height; f->fmt.pix.sizeimage = SIZE; f->fmt.pix.field = V4L2_FIELD_NONE;
    } else if (request == VIDIOC_G_PARM || request == VIDIOC_S_PARM) {
        struct v4l2_streamparm *p = data;
        p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        p->parm.capture.timeperframe.numerator = 1; p->parm.capture.timeperframe.denominator = modes[mode].rate;
    } else if (request == VIDIOC_REQBUFS) {
        ((struct v4l2_requestbuffers *)data)->count = BUFFERS;
    } else if (request == VIDIOC_QUERYBUF) {
        struct v4l2_buffer *b = data;
        b->length = SIZE; b->m.offset = b->index * SIZE;
    } else if (request == VIDIOC_QBUF) {
        waiting[(first + count++) % BUFFERS] = ((struct v4l2_buffer *)data)->index;
    } else if (request == VIDIOC_STREAMON) {
        due = now();
    } else if (request == VIDIOC_DQBUF) {
        struct v4l2_buffer *b = data;
        if (shown >= last) return fail(ENODEV);
        if (!count || now() < due) return fail(EAGAIN);
        b->index = waiting[first]; first = (first + 1) % BUFFERS; count--; shown++;
        b->bytesused = paint(b->index); b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        b->timestamp.tv_sec = (long)due; b->timestamp.tv_usec = (long)((due - (long)due) * 1e6);
        due += 1.0 / modes[mode].rate;
    } else if (request != VIDIOC_STREAMOFF && request != VIDIOC_G_INPUT && request != VIDIOC_ENUMINPUT) return fail(EINVAL);
    return 0;
}
int ioctl(int descriptor, unsigned long request, ...) {
    va_list more; va_start(more, request); void *data = va_arg(more, void *); va_end(more);
    if (descriptor == camera && camera >= 0) return answer(request & 0xffffffff, data);
    return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(descriptor, request, data);
}
"""
"""A camera with three modes at /dev/video77: 1280x720 MJPEG and YUYV, 640x480 YUYV. It stands between PyAV and libc."""

_LOOK = """
import json, sys, time
from mien.errors import MienError
from mien.media.camera import Camera
seen = []
for options in json.loads(sys.argv[1]):
    try:
        with Camera("/dev/video77", **options) as camera:
            frames = [camera.read() for _ in range(8)]
            age_s = time.monotonic() - frames[-1].time_s
            steps = [b.pts - a.pts for a, b in zip(frames, frames[1:])]
            seen.append([camera.info.width, camera.info.height, frames[-1].image[99, 99].tolist(), steps, age_s])
    except MienError as error:
        seen.append(str(error))
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("NO CAMERA TESTED: the fake driver needs Linux and gcc")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(_DRIVER)
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", folder / "driver.so", folder / "driver.c", "-ldl"],
        capture_output=True,
        text=True,
    )
    if built.returncode:
        pytest.skip(f"NO CAMERA TESTED: the fake driver cannot be built: {built.stderr[:200]}")
    with av.open(str(folder / "picture.jpg"), "w", format="image2", options={"update": "1"}) as out:
        video = out.add_stream("mjpeg", rate=1)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 1280, 720, "yuvj422p"
        image = np.full((720, 1280, 3), (192, 64, 32), np.uint8)
        out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuvj422p")))
        out.mux(video.encode(None))
    return folder


def _look(driver: Path, *options: dict[str, object], **environment: str) -> list[list[object] | str]:
    faked = {"LD_PRELOAD": str(driver / "driver.so"), "FAKE_JPEG": str(driver / "picture.jpg"), **environment}
    run = subprocess.run(
        [sys.executable, "-c", _LOOK, json.dumps(options)], env=os.environ | faked, capture_output=True, text=True, timeout=30
    )
    assert run.returncode == 0, run.stderr
    seen: list[list[object] | str] = json.loads(run.stdout)
    return seen


def test_a_camera_is_read_through_v4l2(driver: Path) -> None:
    large, raw, small, huge = _look(
        driver, {}, {"pixel_format": "yuyv", "rate": 10}, {"width": 640, "height": 480}, {"width": 1920, "height": 1080}
    )
    for seen, size, colour, step in (
        (large, [1280, 720], (192, 64, 32), 33_333),
        # USB cameras mean BT.601 at every size.
        (raw, [1280, 720], (0, 0, 255), 100_000),
        (small, [640, 480], (0, 0, 255), 33_333),
        (huge, [1280, 720], (192, 64, 32), 33_333),
    ):
        assert isinstance(seen, list)
        width, height, pixel, steps, age_s = seen
        assert [width, height] == size
        assert np.abs(np.subtract(np.array(pixel), colour)).max() <= 3
        # Stamped by the driver: even, however late this process was.
        assert isinstance(steps, list)
        assert all(abs(found - step * round(found / step)) <= 10 for found in steps)
        assert isinstance(age_s, float)
        assert 0 <= age_s < 1


def test_a_busy_camera_is_said_to_be_used_by_another_program(driver: Path) -> None:
    assert _look(driver, {}, FAKE_BUSY="1") == ["the camera /dev/video77 is used by another program"]


def test_a_camera_that_is_pulled_out_is_lost(driver: Path) -> None:
    assert _look(driver, {}, FAKE_GONE="6") == ["the camera /dev/video77 went away"]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("NO SCREEN TESTED: Xvfb is not installed")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writing), "-screen", "0", "400x300x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    try:
        if not number:
            pytest.skip("NO SCREEN TESTED: Xvfb does not start here")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def test_a_part_of_the_screen_is_read(display: str) -> None:
    with ScreenRegion(40, 20, 200, 100, 50, display) as source:
        frames = [source.read() for _ in range(5)]
        assert (source.info.width, source.info.height) == (200, 100)
    assert {frame.image.shape for frame in frames if frame is not None} == {(100, 200, 3)}
    (screen,) = list_screens(platform="linux", display=display)
    assert (screen.id, screen.width, screen.height) == (display, 400, 300)


def test_a_region_that_is_not_on_the_screen_is_refused(display: str) -> None:
    with pytest.raises(SourceLost, match=r"200x100 at \(300, 20\) is not all on the screen"):
        ScreenRegion(300, 20, 200, 100, display=display).__enter__()


def test_a_screen_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceLost, match="no X server"):
        ScreenRegion(0, 0, 64, 64, display=":9753", platform="linux").__enter__()
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceLost, match="no X display"):
        ScreenRegion(0, 0, 64, 64, platform="linux").__enter__()


@pytest.mark.parametrize("region", [(0, 0, 0, 10), (0, 0, 10, -1), (-1, 0, 10, 10)])
def test_an_empty_region_is_refused(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(UsageError):
        ScreenRegion(*region, platform="linux")


def test_a_screen_is_opened_as_its_system_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"framerate": "30", "fflags": "nobuffer"}
    region = plain | {"video_size": "64x48"}
    linux = _Refusal(monkeypatch).of(ScreenRegion(3, 4, 64, 48, display=":5", platform="linux"))
    assert linux == [(":5+3,4", "x11grab", region)]
    windows = _Refusal(monkeypatch).of(ScreenRegion(-3, 4, 64, 48, platform="win32"))
    assert windows == [("desktop", "gdigrab", region | {"offset_x": "-3", "offset_y": "4"})]
    mac = _Refusal(monkeypatch).of(ScreenRegion(3, 4, 64, 48, platform="darwin"))
    assert mac == [("Capture screen 0:none", "avfoundation", plain | {"capture_cursor": "1"})]


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A microphone named `tone` that hears a ramp, by ALSA's own plug-in for files; gives the samples."""
    if "alsa" not in av.formats_available:
        pytest.skip("NO MICROPHONE TESTED: this PyAV has no ALSA")
    ramp = (np.arange(48_000) % 20_000).astype("<i2")
    heard = tmp_path / "tone.raw"
    ramp.tofile(heard)
    config = tmp_path / "alsa.conf"
    tone = f'pcm.tone {{ type file slave.pcm nothing file "/dev/null" infile "{heard}" format "raw" }}'
    config.write_text(f"{tone}\npcm.nothing {{ type null }}\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    return ramp


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (48_000, 2), (44_100, 1)])
def test_a_microphone_is_read_through_alsa(alsa: np.ndarray, rate: int, channels: int) -> None:
    with Microphone("tone", rate=rate, channels=channels) as source:
        assert isinstance(source, SoundSource)
        assert (source.rate, source.channels) == (rate, channels)
        begin_s = time.monotonic()
        sounds = [source.read() for _ in range(3)]
        assert begin_s - 0.1 < time.monotonic()
        source.stop()
        assert source.read() is None
    for sound in sounds:
        assert sound is not None
        assert sound.rate == rate
        assert sound.samples.shape[1] == channels
        assert 0.02 * rate <= len(sound.samples) < 0.04 * rate
        assert abs(sound.time_s - begin_s) < 10, "one clock"
    first, second = sounds[0], sounds[1]
    assert first is not None
    assert second is not None
    assert second.time_s == pytest.approx(first.time_s + len(first.samples) / rate, abs=0.001)
    if channels == 1:
        # The samples are those of the ramp, one after the other, none left out.
        heard = np.concatenate([first.samples, second.samples])[:, 0] * 32768
        assert set(np.round(np.diff(heard))) <= {1.0, -19_999.0}


def test_a_microphone_that_is_not_there_is_told(alsa: np.ndarray) -> None:
    with pytest.raises(SourceLost, match="the microphone none cannot be opened: it is not there, or is used") as caught:
        Microphone("none").__enter__()
    assert caught.value.remedy


@pytest.mark.parametrize("options", [{"channels": 3}, {"rate": 10}])
def test_a_microphone_of_no_use_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Microphone("default", **options)  # type: ignore[arg-type]


def test_stretches_of_sound_follow_each_other_however_they_arrive() -> None:
    random = np.random.default_rng(1)
    # A clock that is 200 ppm fast, arrivals up to 40 ms late, ten minutes long.
    clock, length_s = SoundClock(48_000), 0.02 / 1.0002
    errors: list[float] = []
    steps: list[float] = []
    end_s: float | None = None
    for number_ in range(30_000):
        true_s = 5 + number_ * length_s
        stamped = clock.stamp(true_s + length_s + random.uniform(0, 0.04), 960)
        errors.append(stamped - true_s)
        steps.append(0 if end_s is None else stamped - end_s)
        end_s = stamped + 0.02
    assert np.abs(steps).max() <= 0.0001 + 1e-9
    assert np.min(errors) > -0.005
    assert np.max(errors) < 0.045
    # Settled: what is left is the mean lateness, and it does not wander.
    assert np.ptp(errors[3000:]) < 0.02


def test_after_a_gap_the_arrival_decides() -> None:
    clock = SoundClock(48_000)
    assert clock.stamp(10.02, 960) == pytest.approx(10.0)
    assert clock.stamp(10.04, 960) == pytest.approx(10.02)
    assert clock.stamp(15.02, 960) == pytest.approx(15.0)


def _ffmpeg(protocol: str = "") -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("NO NETWORK STREAM TESTED: ffmpeg is not installed")
    if protocol:
        known = subprocess.run([program, "-v", "quiet", "-protocols"], capture_output=True, text=True).stdout.split()
        if protocol not in known:
            pytest.skip(f"NOT TESTED: this ffmpeg has no {protocol}")
    return program


def _free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-pix_fmt", "yuv420p")
_LATE_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p")


_SCENE = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30")


@contextmanager
def _sending(
    *output: str, codec: Sequence[str] = _H264, scene: Sequence[str] = _SCENE
) -> Iterator["subprocess.Popen[bytes]"]:  # fmt: skip
    program = _ffmpeg()
    sender = subprocess.Popen([program, "-nostdin", "-v", "quiet", *scene, *codec, *output], stdin=subprocess.DEVNULL)
    try:
        yield sender
    finally:
        sender.kill()
        sender.wait(10)


@contextmanager
def _entered(url: str) -> Iterator[NetworkStream]:
    """The stream, once its sender listens."""
    until_s = time.monotonic() + 10
    with ExitStack() as open_streams:
        while True:
            try:
                source = open_streams.enter_context(NetworkStream(url, silence_s=20))
            except SourceLost:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.05)
            else:
                break
        yield source


def _watch(source: NetworkStream, sender: "subprocess.Popen[bytes]") -> str:
    """Frames come at their pace and are fresh; then the sender is killed. Gives what was said of it."""
    assert (source.info.width, source.info.height) == (160, 120)
    begin_s = time.monotonic()
    # What came while the stream was probed is there at once, half a second at most.
    frames = [source.read() for _ in range(30)]
    assert 0.3 < time.monotonic() - begin_s < 2
    found = [frame for frame in frames if frame is not None]
    assert len(found) == 30
    assert all(before.pts < after.pts for before, after in pairwise(found))
    assert time.monotonic() - found[-1].time_s < 0.2
    sender.kill()
    try:
        while source.read() is not None:
            pass
    except SourceLost as lost:
        return str(lost)
    return "ended"


@pytest.mark.parametrize("codec", [_H264, _LATE_H264], ids=["no b frames", "b frames"])
def test_udp(codec: Sequence[str]) -> None:
    url = f"udp://127.0.0.1:{_free_port(socket.SOCK_DGRAM)}"
    with _sending("-f", "mpegts", f"{url}?pkt_size=1316", codec=codec) as sender, NetworkStream(url, silence_s=4) as source:
        # Nothing tells that nobody sends any more.
        assert _watch(source, sender) == f"the stream {url} has given nothing for 4 s"


def test_tcp_and_its_end() -> None:
    url = f"tcp://127.0.0.1:{_free_port()}"
    with _sending("-f", "mpegts", f"{url}?listen") as sender, _entered(url) as source:
        assert _watch(source, sender) == "ended"
        assert source.read() is None


def test_hdr_from_the_network_has_the_colours_of_the_reference() -> None:
    url = f"tcp://127.0.0.1:{_free_port()}"
    scene = ("-re", "-stream_loop", "-1", "-i", str(DATA / "hdr_hlg.mp4"))
    with _sending("-f", "mpegts", f"{url}?listen", codec=("-c", "copy"), scene=scene), _entered(url) as source:
        frame = source.read()
    assert frame is not None
    wanted = np.asarray(cv2.imread(str(DATA / "hdr_hlg.png")), np.uint8)
    assert np.abs(frame.image.astype(float) - wanted).mean() < 3


def test_interlaced_pictures_from_the_network_are_deinterlaced() -> None:
    """Between the two fields of a frame, a bright bar moves by 8 columns."""
    url = f"tcp://127.0.0.1:{_free_port()}"
    bar = "nullsrc=size=160x120:rate=50,geq=lum='16+200*between(mod(X-8*N,160),0,79)':cb=128:cr=128,tinterlace=interleave_top"
    codec = ("-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2", "-g", "5", "-r", "25")
    sending = _sending("-f", "mpegts", f"{url}?listen", codec=codec, scene=("-re", "-f", "lavfi", "-i", bar))
    with sending, _entered(url) as source:
        for _ in range(5):
            frame = source.read()
    assert frame is not None
    rows = frame.image[:, :, 1].astype(float)
    assert np.abs(rows[2:-2] - (rows[1:-3] + rows[3:-1]) / 2).mean() < 3, "woven, it is 23"


def test_http_with_mpegts() -> None:
    url = f"http://127.0.0.1:{_free_port()}/stream.ts"
    with _sending("-f", "mpegts", "-listen", "1", url) as sender, _entered(url) as source:
        assert _watch(source, sender) == "ended"


def test_http_with_motion_jpeg() -> None:
    url = f"http://127.0.0.1:{_free_port()}/stream"
    kind = ("-f", "mpjpeg", "-content_type", "multipart/x-mixed-replace;boundary=ffmpeg", "-listen", "1")
    with _sending(*kind, url, codec=("-c:v", "mjpeg")) as sender, _entered(url) as source:
        assert _watch(source, sender)


def test_rtmp_from_a_server() -> None:
    url = f"rtmp://127.0.0.1:{_free_port()}/live/secret"
    with _sending("-f", "flv", "-listen", "1", url) as sender, _entered(url) as source:
        assert _watch(source, sender) == re.sub("secret", "***", f"the stream {url} broke off")


def test_rtmp_that_is_sent_here() -> None:
    url = f"rtmp://127.0.0.1:{_free_port()}/live/secret"
    ready = threading.Event()
    senders: list[subprocess.Popen[bytes]] = []

    def send() -> None:
        # The sender gives up when nobody listens yet.
        program = shutil.which("ffmpeg") or ""
        picture = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30")
        while not ready.is_set():
            sender = subprocess.Popen([program, "-nostdin", "-v", "quiet", *picture, *_H264, "-f", "flv", url])
            senders.append(sender)
            while sender.poll() is None and not ready.wait(0.05):
                pass

    _ffmpeg()
    thread = threading.Thread(target=send)
    thread.start()
    try:
        with NetworkStream(f"{url}?listen") as source:
            ready.set()
            assert "broke off" in _watch(source, senders[-1])
    finally:
        ready.set()
        thread.join()
        for sender in senders:
            sender.kill()
            sender.wait(10)


class _RtspServer:
    """Gives one client what ffmpeg sends as RTP, inside the RTSP connection."""

    def __init__(self, description: Path) -> None:
        self._description = description
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind(("127.0.0.1", 0))
        self._media.settimeout(0.2)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.media_port: int = self._media.getsockname()[1]
        self.port: int = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._closing = threading.Event()

    def __enter__(self) -> "_RtspServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._door.close()
        self._media.close()

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._door.accept()
            with client, client.makefile("rb") as asked:
                self._talk(client, asked)
                self._relay(client)

    def _talk(self, client: socket.socket, asked: IO[bytes]) -> None:
        method = ""
        while method != "PLAY":
            method = asked.readline().decode().split(" ")[0]
            heads = dict(line.split(": ", 1) for line in iter(lambda: asked.readline().decode().strip(), ""))
            more, body = "", ""
            if method == "DESCRIBE":
                while not (body := self._sdp()):
                    self._closing.wait(0.02)
                more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            client.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {heads['CSeq']}\r\n{more}\r\n{body}".encode())

    def _sdp(self) -> str:
        text = self._description.read_text() if self._description.exists() else ""
        lines = [line for line in text.splitlines() if line != "SDP:"]
        return "\r\n".join([*lines, "a=control:track0", ""]) if "a=fmtp" in text else ""

    def _relay(self, client: socket.socket) -> None:
        silent = 0
        while silent < 3 and not self._closing.is_set():
            try:
                packet = self._media.recv(65535)
            except TimeoutError:
                silent += 1
                continue
            silent = 0
            client.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)


def test_rtsp(tmp_path: Path) -> None:
    description = tmp_path / "stream.sdp"
    with (
        _RtspServer(description) as server,
        _sending("-sdp_file", str(description), "-f", "rtp", f"rtp://127.0.0.1:{server.media_port}") as sender,
        NetworkStream(f"rtsp://127.0.0.1:{server.port}/camera") as source,
    ):
        assert _watch(source, sender) == "ended"


def test_srt_passes_through_the_program_ffmpeg() -> None:
    _ffmpeg("srt")
    url = f"srt://127.0.0.1:{_free_port(socket.SOCK_DGRAM)}"
    with _sending("-f", "mpegts", f"{url}?mode=listener&latency=20000") as sender, _entered(f"{url}?latency=20000") as source:
        child = source._child
        assert child is not None
        source.read()
        source.stop()
        assert source.read() is None
        begin_s = time.monotonic()
        source.__exit__(None, None, None)
        assert time.monotonic() - begin_s < _SOON_S
        assert child.poll() is not None, "the child is reaped"
        assert sender.poll() is None


def test_srt_without_a_program_is_told() -> None:
    with pytest.raises(UnsupportedMedia, match="needs the program ffmpeg") as caught:
        NetworkStream("srt://127.0.0.1:9", find_program=lambda name: None).__enter__()
    assert "install ffmpeg" in caught.value.remedy


_NOBODY = (
    "udp://127.0.0.1:{}",
    "tcp://127.0.0.1:{}",
    "tcp://127.0.0.1:{}?listen",
    "rtmp://127.0.0.1:{}/live/key",
    "rtmp://127.0.0.1:{}/live/key?listen",
    "rtsp://127.0.0.1:{}/key",
    "http://127.0.0.1:{}/key",
    "srt://127.0.0.1:{}",
)


@pytest.mark.parametrize("url", _NOBODY)
def test_where_nobody_sends_the_limit_holds(url: str) -> None:
    if url.startswith("srt"):
        _ffmpeg("srt")
    begin_s = time.monotonic()
    with pytest.raises(SourceLost) as caught, NetworkStream(url.format(_free_port()), silence_s=0.6):
        pass
    assert time.monotonic() - begin_s < 0.6 + _SOON_S
    assert "key" not in str(caught.value)
    assert caught.value.__cause__ is None, "FFmpeg's own text shows the whole address"


def test_the_limit_is_five_seconds() -> None:
    assert SILENCE_S == 5


def test_a_host_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        for scheme in ("tcp", "rtmp", "rtsp", "http"):
            begin_s = time.monotonic()
            with pytest.raises(SourceLost), NetworkStream(f"{scheme}://127.0.0.1:{port}/a/b", silence_s=0.4):
                pass
            assert time.monotonic() - begin_s < 0.4 + _SOON_S


@pytest.mark.parametrize(
    "url", ["ftp://host/file", "file:///etc/passwd", "nonsense", "rtsp://", "", "udp://[half", "concat:a|b"]
)
def test_an_unknown_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        NetworkStream(url)


def test_a_rate_is_a_fraction_where_it_is_known() -> None:
    with _Pattern(rate=25) as source:
        assert source.info.rate == Fraction(25)

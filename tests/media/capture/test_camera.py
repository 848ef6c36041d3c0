"""Cameras against a V4L2 driver that is faked below libc."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import SourceLost, UsageError
from mien.media.capture.camera import Camera, ranked
from mien.media.capture.v4l2 import CameraMode
from tests.support.refusal import Refusal

_ERRORS = {
    errno.EBUSY: "is used by another program",
    errno.ENOENT: "is not there",
    errno.ENODEV: "is not there",
    errno.EACCES: "may not be opened",
    errno.ETIMEDOUT: "has given nothing for 5 s",
    errno.EINVAL: "cannot be read: no",
}


@pytest.mark.parametrize(("number", "text"), _ERRORS.items(), ids=[errno.errorcode[number] for number in _ERRORS])
def test_an_error_of_the_device_is_told_in_words(monkeypatch: pytest.MonkeyPatch, number: int, text: str) -> None:
    refusal = Refusal(monkeypatch, number)
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
    linux = Refusal(monkeypatch).of(Camera("/dev/video0", platform="linux", modes_of=lambda device: _MODES))
    size = {"video_size": "1280x720", "framerate": "30"}
    quick = {"fflags": "nobuffer+4"}
    assert linux[0] == ("/dev/video0", "v4l2", size | quick | {"input_format": "mjpeg"})
    assert linux[-1] == ("/dev/video0", "v4l2", quick)
    mac = Refusal(monkeypatch).of(Camera("0", platform="darwin", rate=29.97))
    assert mac[0] == (
        "0:none",
        "avfoundation",
        quick | {"video_size": "1280x720", "framerate": "2997/100", "pixel_format": "uyvy422"},
    )
    windows = Refusal(monkeypatch).of(Camera("HD Webcam", platform="win32"))
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
from mien.media.capture.camera import Camera
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

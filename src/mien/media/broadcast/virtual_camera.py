"""Virtual camera: frames shown as a camera that other programs can choose."""

import importlib
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from mien.errors import OutputError, UsageError
from mien.media.broadcast.live_muxer import MIN_SIDE_PIXELS
from mien.media.frames.fitting import fitted
from mien.system.extras import install_command
from mien.types import Image, LabelledFrame

_LINUX = "sudo apt install v4l2loopback-dkms, then sudo modprobe v4l2loopback exclusive_caps=1 card_label=mien"
_DRIVER_REMEDIES = {
    "linux": f"install the driver and load it: {_LINUX}",
    "win32": "install OBS Studio (obsproject.com) and start its virtual camera once, or install UnityCapture; then try again",
    "darwin": "install OBS Studio (obsproject.com), start its virtual camera once and allow its extension; then try again",
}


class Camera(Protocol):
    """The part of `pyvirtualcam.Camera` that is used."""

    @property
    def device(self) -> str:
        """Name of the device."""
        ...

    def send(self, frame: Image) -> None:
        """Show BGR uint8 (height, width, 3)."""
        ...

    def close(self) -> None:
        """Close the device."""
        ...


OpenCamera = Callable[[int, int, float, str | None], Camera]
"""Width, height, frames a second, device; raises `OutputError`, `RuntimeError` or `OSError`."""


class VirtualCamera:
    """A `contracts.FrameSink` into a camera driver: v4l2loopback on Linux, OBS or UnityCapture elsewhere.

    Frames are shown as they come; `rate` only tells the driver how many a second to expect. `device` is a name such as
    /dev/video9, None = the first that is free. Sides are rounded down to even numbers. Raises `OutputError` when the
    package pyvirtualcam or the driver is missing, or the camera goes away.
    """

    def __init__(
        self, width: int, height: int, rate: float, *, device: str | None = None, open_camera: OpenCamera | None = None
    ) -> None:
        if min(width, height) < MIN_SIDE_PIXELS or not rate > 0:
            raise UsageError(f"a camera of {width}x{height} pixels and {rate:g} frames a second is too small", "ask for more")
        self._width, self._height = width - width % 2, height - height % 2
        self._rate, self._device = rate, device
        self._open_camera = open_camera or _open_pyvirtualcam
        self._camera: Camera | None = None
        self._lock = threading.Lock()

    @property
    def device_name(self) -> str:
        """Name under which other programs find the camera."""
        return self._opened().device

    def write(self, labelled: LabelledFrame) -> None:
        """Show one frame, scaled to fit if it has another size; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        picture = fitted(labelled.frame.image, self._width, self._height)
        with self._lock:
            camera = self._opened()
            try:
                # The package converts BGR to the driver's own format in one step.
                camera.send(picture)
            except (RuntimeError, OSError) as error:
                raise OutputError(f"the virtual camera went away: {error}", "start it again") from error

    def __enter__(self) -> Self:
        try:
            self._camera = self._open_camera(self._width, self._height, self._rate, self._device)
        except (RuntimeError, OSError) as error:
            named = f"the virtual camera {self._device}" if self._device else "a virtual camera"
            remedy = _DRIVER_REMEDIES.get(sys.platform, "pyvirtualcam has no driver for this system")
            raise OutputError(f"cannot open {named}: {error}", remedy) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            camera, self._camera = self._opened(), None
            camera.close()

    def _opened(self) -> Camera:
        if self._camera is None:
            raise RuntimeError("the virtual camera is used outside its `with`")
        return self._camera


def _open_pyvirtualcam(width: int, height: int, rate: float, device: str | None) -> Camera:
    try:
        pyvirtualcam = importlib.import_module("pyvirtualcam")
    except ImportError as error:
        # An optional package that most installations lack.
        reason = "a virtual camera needs the package pyvirtualcam, which is not installed"
        raise OutputError(reason, f"install it with: {install_command('camera')}") from error
    camera: Camera = pyvirtualcam.Camera(width, height, rate, fmt=pyvirtualcam.PixelFormat.BGR, device=device)
    return camera

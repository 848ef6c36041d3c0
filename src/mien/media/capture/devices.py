"""Lists of cameras, microphones, screens and virtual cameras. Listing never raises for a busy device."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import av
from av.device import DeviceInfo
from av.error import FFmpegError

from mien.media.capture.v4l2 import (
    SYSTEM_ROOTS,
    CameraMode,
    Capabilities,
    Ioctl,
    Roots,
    camera_modes,
    capabilities_of,
    real_ioctl,
    stable_id,
    text_of,
    video_nodes,
)

Enumerate = Callable[[str], Sequence[DeviceInfo]]
OpenScreen = Callable[[str], tuple[int, int]]

SYSTEMS = {"darwin": "avfoundation", "win32": "dshow"}
"""FFmpeg's name for cameras and microphones by `sys.platform`; Linux has one for each."""
_SCREEN_PREFIX = "Capture screen"


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """A camera; `id` is what `Camera` takes, and stays the same when it is plugged in again if the system allows it."""

    id: str
    name: str
    modes: tuple[CameraMode, ...] = ()


@dataclass(frozen=True, slots=True)
class MicrophoneDevice:
    """A microphone; `id` is what `Microphone` takes."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ScreenDevice:
    """A screen; `id` is what `ScreenRegion` takes as display. Sizes in pixels, None = unknown."""

    id: str
    name: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class VirtualCameraDevice:
    """A device that shows written frames to other programs as a camera."""

    id: str
    name: str


def list_cameras(
    *,
    roots: Roots = SYSTEM_ROOTS,
    ioctl: Ioctl = real_ioctl,
    platform: str = sys.platform,
    enumerate_inputs: Enumerate = av.enumerate_input_devices,
) -> tuple[CameraDevice, ...]:
    """List all cameras with their modes; one that is busy or may not be opened has none."""
    if platform in SYSTEMS:
        return tuple(
            CameraDevice(entry.name, entry.description or entry.name)
            for entry in _enumerated(enumerate_inputs, SYSTEMS[platform], "video")
            if not entry.description.startswith(_SCREEN_PREFIX)
        )
    found = []
    for node in video_nodes(roots):
        kinds = capabilities_of(node.path, ioctl)
        # A node that does not answer counts as a camera if it is the first of its device: the others hold metadata.
        if kinds & Capabilities.CAPTURE if kinds is not None else node.first:
            found.append(CameraDevice(stable_id(node.path, roots), node.name, camera_modes(str(node.path), ioctl=ioctl)))
    return tuple(found)


def list_virtual_cameras(
    *,
    roots: Roots = SYSTEM_ROOTS,
    ioctl: Ioctl = real_ioctl,
    platform: str = sys.platform,
) -> tuple[VirtualCameraDevice, ...]:
    """List the V4L2 devices that take pictures; other systems have no such list."""
    if platform in SYSTEMS:
        return ()
    return tuple(
        VirtualCameraDevice(str(node.path), node.name)
        for node in video_nodes(roots)
        if (capabilities_of(node.path, ioctl) or 0) & Capabilities.OUTPUT
    )


def list_microphones(
    *,
    roots: Roots = SYSTEM_ROOTS,
    platform: str = sys.platform,
    enumerate_inputs: Enumerate = av.enumerate_input_devices,
) -> tuple[MicrophoneDevice, ...]:
    """List all microphones; on Linux those of ALSA, by the name of their card, which is stabler than its number."""
    if platform in SYSTEMS:
        return tuple(
            MicrophoneDevice(entry.name, entry.description or entry.name)
            for entry in _enumerated(enumerate_inputs, SYSTEMS[platform], "audio")
        )
    folder = roots.proc / "asound"
    found = []
    for line in text_of(folder / "pcm").splitlines():
        # 01-00: USB Audio : USB Audio : playback 1 : capture 1
        numbers, _, rest = line.partition(":")
        card, _, device = numbers.strip().partition("-")
        parts = [part.strip() for part in rest.split(":")]
        if card.isdigit() and device.isdigit() and any(part.startswith("capture") for part in parts):
            name = text_of(folder / f"card{int(card)}" / "id") or str(int(card))
            found.append(MicrophoneDevice(f"plughw:CARD={name},DEV={int(device)}", f"{name}: {parts[0]}"))
    return tuple(found)


def _x_screen(display: str) -> tuple[int, int]:
    with av.open(display, "r", format="x11grab", options={"framerate": "60"}, timeout=2) as opened:
        context = opened.streams.video[0].codec_context
        return context.width, context.height


def list_screens(
    *,
    platform: str = sys.platform,
    display: str | None = None,
    enumerate_inputs: Enumerate = av.enumerate_input_devices,
    size_of: OpenScreen = _x_screen,
) -> tuple[ScreenDevice, ...]:
    """List the screens; on Linux the whole X display (default: `DISPLAY`), which does not show Wayland windows."""
    if platform == "darwin":
        return tuple(
            ScreenDevice(entry.name, entry.description)
            for entry in _enumerated(enumerate_inputs, "avfoundation", "video")
            if entry.description.startswith(_SCREEN_PREFIX)
        )
    if platform == "win32":
        return (ScreenDevice("desktop", "all screens"),)
    name = display or os.environ.get("DISPLAY", "")
    try:
        return (ScreenDevice(name, f"display {name}", *size_of(name)),) if name else ()
    except (FFmpegError, OSError, ValueError):
        return ()


def _enumerated(enumerate_inputs: Enumerate, system: str, kind: str) -> list[DeviceInfo]:
    try:
        return [entry for entry in enumerate_inputs(system) if kind in entry.media_types]
    except (FFmpegError, OSError, ValueError):
        return []


def describe_devices() -> dict[str, list[dict[str, Any]]]:
    """List all sources and targets of frames and sound, in types of JSON."""
    return {
        "cameras": [asdict(each) for each in list_cameras()],
        "microphones": [asdict(each) for each in list_microphones()],
        "screens": [asdict(each) for each in list_screens()],
        "virtual_cameras": [asdict(each) for each in list_virtual_cameras()],
    }

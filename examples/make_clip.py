"""Make a short clip from one portrait: the head moves, tilts, turns and comes nearer, and the light changes.

    python examples/make_clip.py PORTRAIT CLIP [--seconds 4] [--face X,Y,HEIGHT]

The clip is deterministic and loops. A soft chime makes a copied sound track audible.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

Array: TypeAlias = npt.NDArray[Any]

WIDTH, HEIGHT, RATE = 1280, 720, 30
SAMPLE_RATE = 48_000
FACE_HEIGHT = HEIGHT / 3
PADDING = 400  # pixels by which the portrait is extended on each side, so that the frame never shows a border
FOCAL_LENGTH = 1600.0  # pixels; 44 degrees across the frame
FACE_IN_FRAME = (WIDTH / 2, HEIGHT * 0.45)


@dataclass(frozen=True, slots=True)
class Pose:
    """Pose of the portrait: shift in frame pixels, angles in degrees, zoom on top of the usual size."""

    x: float
    y: float
    roll: float
    yaw: float
    pitch: float
    zoom: float


@dataclass(frozen=True, slots=True)
class Light:
    """Brightness as a factor, warmth from -1 (blue) to 1 (amber), place of the lamp in shares of the frame."""

    brightness: float
    warmth: float
    lamp_x: float
    lamp_y: float


def pose_at(turn: float) -> Pose:
    """Return the pose at a share 0..1 of the clip; whole numbers of waves close the loop."""
    wave = 2 * np.pi * turn
    return Pose(
        x=110 * np.sin(wave),
        y=24 * np.sin(2 * wave),
        roll=12 * np.sin(wave + 0.9),
        yaw=22 * np.sin(wave + np.pi / 2),
        pitch=7 * np.sin(2 * wave + 1.2),
        zoom=1 + 0.14 * np.sin(wave - 0.6),
    )


def light_at(turn: float) -> Light:
    """Return the light at a share 0..1 of the clip."""
    wave = 2 * np.pi * turn
    return Light(
        brightness=0.86 + 0.13 * np.sin(wave + 2.0),
        warmth=np.sin(2 * wave),
        lamp_x=0.5 + 0.45 * np.sin(wave),
        lamp_y=0.35 + 0.2 * np.cos(wave),
    )


def extended(portrait: Array) -> Array:
    """Return the portrait, BGR uint8, extended by `PADDING` pixels all round: its border repeated and blurred."""
    sides = (PADDING,) * 4
    wide = cv2.copyMakeBorder(portrait, *sides, cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(wide, (0, 0), 18)
    inside = cv2.copyMakeBorder(np.ones(portrait.shape[:2], np.uint8), *sides, cv2.BORDER_CONSTANT, value=0)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    share = np.clip(away / 40, 0, 1)[:, :, None]
    return np.asarray((wide * (1 - share) + soft * share).round(), np.uint8)


@dataclass(frozen=True, slots=True)
class Face:
    """Middle and height of the face in the portrait, in pixels."""

    x: float
    y: float
    height: float


def plane_to_frame(pose: Pose, face: Face) -> Array:
    """Return the homography, float64 (3, 3), of the portrait turned in space about its face."""
    roll, yaw, pitch = np.radians((pose.roll, pose.yaw, pose.pitch))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turned = about_z @ about_y @ about_x
    size = FACE_HEIGHT / face.height * pose.zoom
    from_face = np.array([[size, 0, -size * face.x], [0, size, -size * face.y], [0, 0, 1]])
    # A plane has no third coordinate; its column holds the distance of the camera.
    seen = np.column_stack([turned[:, 0], turned[:, 1], (0, 0, FOCAL_LENGTH)])
    x, y = FACE_IN_FRAME[0] + pose.x, FACE_IN_FRAME[1] + pose.y
    lens = np.array([[FOCAL_LENGTH, 0, x], [0, FOCAL_LENGTH, y], [0, 0, 1]])
    homography: Array = lens @ seen @ from_face
    return homography


def lit(image: Array, light: Light) -> Array:
    """Return the frame, BGR uint8, under the light: overall brightness, warmth, one soft lamp."""
    x = np.linspace(0, 1, WIDTH, dtype=np.float32)[None, :] - light.lamp_x
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None] - light.lamp_y
    lamp = 0.8 + 0.32 * np.exp(-(x * x * 5 + y * y * 3))
    tint = np.array([1 - 0.09 * light.warmth, 1.0, 1 + 0.07 * light.warmth], np.float32)
    bright = image * (lamp[:, :, None] * tint * np.float32(light.brightness))
    return np.asarray(np.clip(bright, 0, 255).round(), np.uint8)


def frames(portrait: Array, face: Face, count: int) -> Iterator[Array]:
    """Yield the frames of the clip, BGR uint8 (720, 1280, 3)."""
    plate = extended(portrait)
    face_on_plate = Face(face.x + PADDING, face.y + PADDING, face.height)
    for index in range(count):
        turn = index / count
        homography = plane_to_frame(pose_at(turn), face_on_plate)
        shown = cv2.warpPerspective(plate, homography, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        yield lit(shown, light_at(turn))


def chime(seconds: float) -> Array:
    """Return a few soft bells: float32 (1, samples), -1..1."""
    clock = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros_like(clock)
    for number, pitch_hz in enumerate((392.0, 493.9, 587.3, 784.0, 659.3, 493.9, 440.0, 392.0)):
        since = clock - number * seconds / 8
        rings = since >= 0
        body = np.sin(2 * np.pi * pitch_hz * since) + 0.3 * np.sin(2 * np.pi * 2.76 * pitch_hz * since)
        envelope = np.minimum(1, since / 0.01) * np.exp(-since / 0.45)
        sound[rings] += 0.16 * (body * envelope)[rings]
    fade = np.minimum(1, (seconds - clock) / 0.2)
    return np.asarray(sound * fade, np.float32)[None, :]


def write_clip(path: Path, pictures: Iterator[Array], sound: Array) -> None:
    """Write H.264 and AAC to an MP4 file; one encoder thread, because the bits depend on their number."""
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        video = _video_stream(container)
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        audio.bit_rate = 64_000
        reformatter = VideoReformatter()
        for index, picture in enumerate(pictures):
            full = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame = reformatter.reformat(
                full, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        _mux_sound(container, audio, sound)


def _video_stream(container: OutputContainer) -> VideoStream:
    video = container.add_stream("libx264", rate=RATE, options={"crf": "26", "preset": "slow", "threads": "1"})
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context = video.codec_context
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return video


def _mux_sound(container: OutputContainer, audio: AudioStream, sound: Array) -> None:
    frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
    for packet in (*audio.encode(frame), *audio.encode(None)):
        container.mux(packet)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a short clip from one portrait.")
    parser.add_argument("portrait", type=Path)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--face", default="262,232,204", help="middle and height of the face (default 262,232,204)")
    options = parser.parse_args()
    portrait = cv2.imread(str(options.portrait))
    if portrait is None:
        parser.error(f"{options.portrait} is not a picture")
    x, y, height = (float(value) for value in options.face.split(","))
    count = round(options.seconds * RATE)
    write_clip(options.clip, frames(np.asarray(portrait), Face(x, y, height), count), chime(count / RATE))


if __name__ == "__main__":
    main()

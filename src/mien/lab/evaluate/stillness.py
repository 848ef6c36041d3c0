"""Stillness and motion: a face at rest must not flicker, a moving one must follow without lag."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.errors import MienError
from mien.imaging import geometry
from mien.lab.evaluate import measures, scenes
from mien.lab.evaluate.figures import Clip, Figure, Plot, Section, mean
from mien.lab.evaluate.lab import Lab, Progress, frame_of
from mien.lab.evaluate.plots import beside, fitted
from mien.lab.evaluate.portraits import Portrait, placed
from mien.media.files.video_reader import VideoReader
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class StillnessTuning:
    """Lengths of the runs, and bounds for their measures."""

    moving_frames: int = 110  # 1.65 periods of the slowest part of the path
    rest_frames: int = 12  # before the motion, for the tracker to settle; not measured
    clip_frames: int = 75  # of each real clip, 3 s at 25 fps
    noise_levels: float = 4.0  # standard deviation; chosen by eye
    consistent_pixels: float = 1.0  # most disagreement of the flow there and back; elsewhere something is hidden


TUNING = StillnessTuning()


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure flicker at rest, two known motions and every real clip."""
    source, target = lab.cast(0)
    quiet = flicker(lab, target, source, lab.length(lab.flicker_frames))
    progress()
    errors, lags, swims, lines, clips = [], [], [], {}, []
    details: dict[str, Any] = {}
    for number in range(2):
        source, target = lab.cast(number)
        error, lag, swim, frames = follow(lab, target, source)
        progress()
        errors.append(error)
        lags.append(lag)
        swims.append(swim)
        lines[target.name] = error
        clips.append(Clip(f"motion-{number}", f"Known motion: {source.name} on {target.name}", frames, 30))
    details["motion"] = {"error_mean_px": [mean(e) for e in errors], "lag_frames": lags, "swimming_ratio": swims}
    details["flicker"] = quiet
    found, notes = [], []
    for path in sorted(lab.clips.glob("*.m*")) if lab.clips else []:
        try:
            clip, warping = of_clip(lab, path, source)
        except MienError as error:
            notes.append(f"NOT MEASURED: {path.name}: {error}")
            continue
        progress()
        found.append(warping)
        details[path.name] = warping
        clips.append(clip)
    if not found:
        notes.append("NOT MEASURED on real clips: name a folder of them with --clips.")
    every = [value for error in errors for value in error]
    figures = (
        Figure("flicker against the input's", quiet["ratio"], at_most=1.1),
        Figure("known motion, distance from the truth", mean(every), "px", at_most=0.5),
        Figure("known motion, 95th percentile", float(np.percentile(every, 95)), "px"),
        Figure("known motion, lag", max(lags, key=abs), "frames", at_most=0.1),
        Figure("swimming, change after the known motion is undone, against the input's", mean(swims), at_most=1.1),
        Figure("clips: warping error minus the target's", mean([f["minus_input"] for f in found]), "levels"),
        Figure("clips: warping error against the target's", mean([f["ratio"] for f in found])),
        Figure("clips: frames swapped", 100 * mean([f["swapped"] for f in found]), "%"),
    )
    plot = Plot("Known motion: distance of the drawn face from the truth", "frame", "px", lines)
    return Section("stillness", "Stillness and motion", figures, details, (), (plot,), tuple(clips), tuple(notes))


def flicker(lab: Lab, portrait: Portrait, source: Portrait, frames: int) -> dict[str, float]:
    """Return the mean change from frame to frame inside the face, output against input, on a still 720p picture with noise."""
    pipeline = lab.pipeline(source)
    still, _ = placed(portrait, scenes.to_frame_of(portrait, (640, 360), 240), (1280, 720))
    inner = slice(360 - 90, 360 + 90), slice(640 - 70, 640 + 70)
    before: tuple[Image, Image] | None = None
    total = np.zeros(2)
    for index in range(frames):
        seen = scenes.noisy(still, TUNING.noise_levels, index)
        made = pipeline.swap_frame(frame_of(seen, index)).frame.image[inner].copy()
        now = seen[inner].copy(), made
        if before is not None:
            total += [float(cv2.absdiff(a, b).mean()) for a, b in zip(now, before, strict=True)]
        before = now
    entering, leaving = total / max(1, frames - 1)
    return {"frames": frames, "input": float(entering), "output": float(leaving), "ratio": float(leaving / entering)}


def follow(lab: Lab, portrait: Portrait, source: Portrait) -> tuple[list[float], float, float, tuple[Image, ...]]:
    """Return the distance of the drawn face from the truth in pixels by frame, the lag in frames, the swimming ratio, frames.

    The known motion is undone first; the rest is measured against the mean of the frames at rest.
    """
    scene = scenes.moving(portrait, lab.length(TUNING.moving_frames) + TUNING.rest_frames, first=TUNING.rest_frames)
    rest: list[Image] = []
    reference: Image | None = None
    mask = np.zeros((1, 1), np.uint8)
    errors, velocities, shots, changes, before = [], [], [], np.zeros(2), None
    frames, last = [], (0.0, 0.0)
    for index, (shot, result) in enumerate(lab.run(scene, source)):
        image = result.frame.image
        frames.append(beside(shot.image, image)[::2, ::2].copy())
        if index < TUNING.rest_frames:
            rest = [*rest, image][-6:]
            mask = measures.face_mask(shot.points, image.shape, 0.12)
            continue
        if reference is None:
            reference = np.asarray(np.mean(rest, axis=0), np.uint8)
        undone = [_undone(picture, shot.shift_xy) for picture in (shot.image, image)]
        errors.append(measures.shift_between(undone[1], reference, mask))
        velocities.append((shot.shift_xy[0] - last[0], shot.shift_xy[1] - last[1]))
        last = shot.shift_xy
        shots.append(shot)
        if before is not None:
            changes += [float(cv2.absdiff(a, b)[mask > 0].mean()) for a, b in zip(undone, before, strict=True)]
        before = undone
    wrong, speed = np.array(errors), np.array(velocities)
    # A late face lies behind by its speed times its lag.
    lag = -float((wrong * speed).sum() / max(float((speed * speed).sum()), 1e-9))
    return [float(value) for value in np.linalg.norm(wrong, axis=1)], lag, float(changes[1] / changes[0]), tuple(frames)


def of_clip(lab: Lab, path: Path, source: Portrait) -> tuple[Clip, dict[str, float]]:
    """Return the warping error inside the faces, mean |I_t - warp(I_t-1)| where the flow holds, of result and target.

    The flow is Farneback's (2003) on the target, used for both (after Lai et al. 2018). Raises a `MienError`.
    """
    pipeline = lab.pipeline(source)
    settings = lab.settings
    before: tuple[Image, Image] | None = None
    errors, frames, swapped, seen = [], [], 0, 0
    with VideoReader(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes) as reader:
        for _ in range(lab.length(TUNING.clip_frames)):
            frame = reader.read()
            if frame is None:
                break
            target = frame.image.copy()
            result = pipeline.swap_frame(frame)
            image = result.frame.image
            seen += 1
            swapped += result.swapped > 0
            if before is not None and result.swapped:
                errors.append(_warping(before, (target, image), result.faces[0].landmarks.points))
            before = target, image.copy()
            frames.append(beside(*(fitted(picture, 400) for picture in before)))
    usable = [pair for pair in errors if pair is not None]
    target_error, result_error = (mean([pair[side] for pair in usable]) for side in (0, 1))
    figures = {
        "target": target_error,
        "result": result_error,
        "minus_input": result_error - target_error,
        "ratio": result_error / target_error if target_error else float("nan"),
        "swapped": swapped / max(1, seen),
        "frames": float(seen),
    }
    return Clip(f"clip-{path.stem}", f"{path.name}: {source.name}", tuple(frames), 25), figures


def _warping(before: tuple[Image, Image], now: tuple[Image, Image], points: Floats) -> tuple[float, float] | None:
    height, width = now[0].shape[:2]
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top, right, bottom = max(0, int(x1) - 16), max(0, int(y1) - 16), min(width, int(x2) + 17), min(height, int(y2) + 17)
    if min(right - left, bottom - top) < 32:
        return None
    part = slice(top, bottom), slice(left, right)
    grey = [cv2.cvtColor(picture[part], cv2.COLOR_BGR2GRAY) for picture in (now[0], before[0])]
    back, forth = (_flow(*pair) for pair in (grey, grey[::-1]))
    rows, columns = np.mgrid[0 : bottom - top, 0 : right - left].astype(np.float32)
    x, y = columns + back[:, :, 0], rows + back[:, :, 1]
    returned = cv2.remap(forth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(1e3, 1e3))
    valid = np.linalg.norm(back + returned, axis=2) < TUNING.consistent_pixels
    valid &= measures.face_mask(points - np.array([left, top, 0], np.float32), valid.shape) > 0
    if valid.sum() < 100:
        return None
    found = []
    for earlier, later in zip(before, now, strict=True):
        warped = cv2.remap(earlier[part], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found.append(float(cv2.absdiff(later[part], np.asarray(warped, np.uint8))[valid].mean()))
    return found[0], found[1]


def _flow(a: Array, b: Array) -> Array:
    start = np.zeros((*a.shape, 2), np.float32)
    flow: Array = cv2.calcOpticalFlowFarneback(a, b, start, 0.5, 3, 21, 3, 5, 1.1, 0)
    return flow


def _undone(image: Image, shift_xy: tuple[float, float]) -> Image:
    matrix = np.array([[1.0, 0.0, shift_xy[0]], [0.0, 1.0, shift_xy[1]]])
    size_wh = image.shape[1], image.shape[0]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, matrix, size_wh, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)

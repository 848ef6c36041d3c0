"""How good the swap is, in numbers and as a contact sheet, on a folder of portraits."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien import build, geometry, topology
from mien.contracts import Recogniser
from mien.errors import MienError, UsageError
from mien.models.store import Store
from mien.settings import Settings
from mien.stages.reshape import reach
from mien.types import Floats, Frame, FrameResult, Image, Landmarks

_SEED = 20
_SHEET_SIDE = 200
_SHEET_PAIRS = 60


@dataclass(frozen=True, slots=True)
class Portrait:
    """One picture of the set; two portraits with the same `person` show the same person."""

    name: str
    person: str
    image: Image
    landmarks: Landmarks
    descriptor: Floats


@dataclass(frozen=True, slots=True)
class PairResult:
    """One swap: distances of descriptors, degrees of head pose, landmark error in percent of the eye distance."""

    source: str
    target: str
    to_source: float
    to_target: float
    pose_degrees: float
    landmark_percent: float
    outside_changed: int


def portraits(folder: Path, models: build.Models, recogniser: Recogniser) -> list[Portrait]:
    """Every jpeg below `folder`; files named NAME_expression.jpg show the person NAME."""
    paths = sorted(folder.glob("**/*.jpg"))
    if len(paths) < 2:
        raise UsageError(f"{folder} holds fewer than two portraits (.jpg)", "name the folder `faces` of the media")
    found = []
    for path in paths:
        content = cv2.imread(str(path))
        if content is None:
            continue
        image = np.asarray(content, np.uint8)
        faces = models.photo_detector.detect(image)
        if not faces:
            continue
        landmarks = _settled(image, faces[0].points, models)
        person = f"{path.parent.name}/{path.stem.split('_')[0]}"
        name = f"{path.parent.name}/{path.name}"
        found.append(Portrait(name, person, image, landmarks, recogniser.describe(image, landmarks)))
    return found


def choose_pairs(people: Sequence[Portrait], count: int) -> list[tuple[Portrait, Portrait]]:
    """The same `count` random pairs of different people at every run."""
    draw = random.Random(_SEED)
    pairs: list[tuple[Portrait, Portrait]] = []
    seen: set[tuple[str, str]] = set()
    most = sum(a.person != b.person for a in people for b in people)
    while len(pairs) < min(count, most):
        source, target = draw.choice(people), draw.choice(people)
        if source.person != target.person and (source.name, target.name) not in seen:
            seen.add((source.name, target.name))
            pairs.append((source, target))
    return pairs


def evaluate_pairs(
    pairs: Sequence[tuple[Portrait, Portrait]],
    settings: Settings,
    models: build.Models,
    recogniser: Recogniser,
    progress: Callable[[int], None],
) -> Iterator[tuple[PairResult, Image]]:
    """Swap each pair through the whole pipeline and measure the picture that comes out, before any label or encoding."""
    for number, (source, target) in enumerate(pairs):
        try:
            face = build.open_source(source.image, models)
        except MienError as error:
            raise UsageError(f"{source.name}: {error}", "evaluate on clear portraits of one person each") from error
        pipeline = build.open_picture_pipeline(settings, models, face)
        result = pipeline.swap_frame(Frame(target.image.copy(), 0, 0, Fraction(1)))
        image = result.frame.image
        landmarks = _settled(image, target.landmarks.points, models)
        descriptor = recogniser.describe(image, landmarks)
        yield (
            PairResult(
                source.name,
                target.name,
                float(np.linalg.norm(descriptor - source.descriptor)),
                float(np.linalg.norm(descriptor - target.descriptor)),
                pose_error(landmarks.points, target.landmarks.points),
                landmark_error(landmarks.points, _drawn(result, target.landmarks.points)),
                _changed_outside(image, target.image, [face.landmarks.points for face in result.faces]),
            ),
            image,
        )
        progress(number + 1)


def summary(results: Sequence[PairResult], people: Sequence[Portrait], same_person_below: float) -> dict[str, Any]:
    """The figures of a run, with the calibration that they are to be read against."""
    distance = np.array([result.to_source for result in results])
    same, other = _calibration(people)
    return {
        "pairs": len(results),
        "distance_to_source_mean": float(distance.mean()),
        "same_person_share": float((distance < same_person_below).mean()),
        "nearer_to_source_share": float(np.mean([r.to_source < r.to_target for r in results])),
        "pose_degrees_mean": float(np.mean([r.pose_degrees for r in results])),
        "pose_degrees_p95": float(np.percentile([r.pose_degrees for r in results], 95)),
        "landmark_percent_mean": float(np.mean([r.landmark_percent for r in results])),
        "landmark_percent_p95": float(np.percentile([r.landmark_percent for r in results], 95)),
        "outside_changed_pixels": int(sum(r.outside_changed for r in results)),
        "calibration": {
            "same_person_distance_mean": float(np.mean(same)) if same else None,
            "strangers_distance_mean": float(np.mean(other)) if other else None,
            "same_person_below": same_person_below,
        },
        "worst": [asdict(r) for r in sorted(results, key=lambda r: -r.to_source)[:10]],
    }


def contact_sheet(rows: Sequence[tuple[Portrait, Portrait, Image]]) -> Image:
    """Source, target and result side by side, four pairs a line; BGR uint8."""
    tiles = [
        np.hstack(
            [
                _portrait_crop(source.image, source.landmarks),
                _portrait_crop(target.image, target.landmarks),
                _portrait_crop(result, target.landmarks),
            ]
        )
        for source, target, result in rows[:_SHEET_PAIRS]
    ]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    return np.vstack([np.hstack(tiles[i : i + 4]) for i in range(0, len(tiles), 4)])


def flicker(portrait: Portrait, source: Portrait, settings: Settings, store: Store, frames: int) -> dict[str, float]:
    """Mean change from frame to frame inside the face, output against input, on a still 720p picture with sensor noise."""
    models = build.open_models(settings, store)
    pipeline = build.open_pipeline(settings, models, build.open_source(source.image, models))
    still, box = _still_720p(portrait)
    draw = np.random.default_rng(_SEED)
    inner = slice(box[1], box[3]), slice(box[0], box[2])
    before: tuple[Image, Image] | None = None
    total = np.zeros(2)
    for index in range(frames):
        noise = draw.normal(0, 4, still.shape).astype(np.float32)
        noisy = np.clip(still + noise, 0, 255).astype(np.uint8)
        seen = noisy[inner].copy()
        made = pipeline.swap_frame(Frame(noisy, index, index, Fraction(1, 30))).frame.image[inner].copy()
        if before is not None:
            total += [float(cv2.absdiff(a, b).mean()) for a, b in zip((seen, made), before, strict=True)]
        before = seen, made
    entering, leaving = total / max(1, frames - 1)
    return {"frames": frames, "input": float(entering), "output": float(leaving), "ratio": float(leaving / entering)}


def pose_error(points: Floats, wanted: Floats) -> float:
    """Degrees between the head poses of two sets of landmarks (478, 3)."""
    rigid = list(topology.RIGID_POINTS)
    rotation = geometry.rotation_between(wanted[rigid], points[rigid])
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def landmark_error(points: Floats, wanted: Floats) -> float:
    """Mean distance of the skin's landmarks in percent of the distance between the outer eye corners."""
    right, left = topology.EYE_CORNERS
    skin = slice(0, topology.SKIN_POINTS)
    distance = np.linalg.norm(points[skin, :2] - wanted[skin, :2], axis=1).mean()
    return float(100 * distance / np.linalg.norm(wanted[right, :2] - wanted[left, :2]))


def _settled(image: Image, around: Floats, models: build.Models) -> Landmarks:
    landmarks = models.landmarker.fit(image, around)
    for _ in range(3):
        landmarks = models.landmarker.fit(image, landmarks.points)
    return landmarks


def _changed_outside(image: Image, before: Image, faces: Sequence[Floats]) -> int:
    """Pixels that differ although they lie outside all rectangles that the change of shape may reach."""
    changed = (image != before).any(axis=2)
    for points in faces:
        x1, y1, x2, y2 = reach(points)
        changed[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = False
    return int(changed.sum())


def _drawn(result: FrameResult, default: Floats) -> Floats:
    """The landmarks that the largest face was drawn with: where the expression shall be, in the source's proportions."""
    return result.worn[-1].landmarks.points if result.worn else default


def _calibration(people: Sequence[Portrait]) -> tuple[list[float], list[float]]:
    same: list[float] = []
    other: list[float] = []
    for i, a in enumerate(people):
        for b in people[i + 1 :]:
            (same if a.person == b.person else other).append(float(np.linalg.norm(a.descriptor - b.descriptor)))
    return same, other


def _portrait_crop(image: Image, landmarks: Landmarks) -> Image:
    x1, y1, x2, y2 = geometry.box_of(landmarks.points)
    scale = _SHEET_SIDE / (1.6 * (y2 - y1))
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 - 0.08 * (y2 - y1)
    to_tile = np.array([[scale, 0, _SHEET_SIDE / 2 - scale * x], [0, scale, _SHEET_SIDE / 2 - scale * y]])
    return np.asarray(cv2.warpAffine(image, to_tile, (_SHEET_SIDE, _SHEET_SIDE), flags=cv2.INTER_AREA), np.uint8)


def _still_720p(portrait: Portrait) -> tuple[Floats, tuple[int, int, int, int]]:
    """The portrait in a 1280x720 frame, its face a third of the height, and the middle of the face as a box."""
    x1, y1, x2, y2 = geometry.box_of(portrait.landmarks.points)
    scale = 240 / (y2 - y1)
    to_frame = np.array([[scale, 0, 640 - scale * (x1 + x2) / 2], [0, scale, 360 - scale * (y1 + y2) / 2]])
    still = cv2.warpAffine(
        portrait.image, to_frame, (1280, 720), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )  # fmt: skip
    return np.asarray(still, np.float32), (640 - 70, 360 - 90, 640 + 70, 360 + 90)

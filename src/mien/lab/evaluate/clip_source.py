"""A clip as source against one photo of it: each person's own frames as the truth, and swaps onto the other clips."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.errors import MienError
from mien.face import landmark_sets
from mien.face.expression import Grimace, grimace_of
from mien.lab.evaluate import measures
from mien.lab.evaluate.figures import Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, frame_of
from mien.lab.evaluate.plots import face_crop, grid
from mien.media.files.video_reader import VideoReader
from mien.swap.pipeline import Pipeline
from mien.swap.source.clip import TUNING as CLIP
from mien.swap.source.clip import ClipSearch, with_clip
from mien.types import Array, Floats, Image, SourceFace

_STRETCH_FRAMES = 48  # 2 s: source and target frames lie apart, and each expression falls into both. Chosen by eye
_MOST_FRAMES = 700  # of a clip; the first 28 s of the long one hold its expressions
_TILES = 8  # of the sheet of one clip
_MOUTH = (61, 291, 205, 425, 199, 2, 50, 280)
"""Landmarks round the lips and the folds beside them; the inner mouth is the target's in both."""


@dataclass(slots=True)
class _Errors:
    """Figures of one kind of source: means by frame; `moved` are the frames in which the target is not at rest."""

    regions: dict[str, list[float]] = field(default_factory=dict)
    moved: dict[str, list[float]] = field(default_factory=dict)
    expression: list[float] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure every clip that can be a source, and swaps from each onto the others."""
    people: dict[Path, tuple[SourceFace, SourceFace]] = {}
    notes: list[str] = []
    for path in sorted(lab.clips.glob("*.m*")) if lab.clips else []:
        try:
            faces = _person(lab, path)
            if len(faces[1].expressions) > 2:
                people[path] = faces
            else:
                notes.append(f"{path.name} is no source: it shows hardly any expression")
        except MienError as error:
            notes.append(f"{path.name} is no source: {error}")
        progress()
    details: dict[str, dict[str, float]] = {}
    sheets: list[Sheet] = []
    for source, faces in people.items():
        for target in people:
            errors, tiles = _compared(lab, faces, target, truth=source == target)
            name = f"{source.name} onto {'itself' if source == target else target.name}"
            if tiles:
                details[name] = _described(errors)
                sheets.append(Sheet(f"{name}: target, by one photo, by the clip", grid(tiles, _TILES)))
            progress()
    own = [each for name, each in details.items() if name.endswith("itself")]
    figures = [
        Figure(f"error in {region}, clip over photo, {label}", mean([each[f"{region}_{key}_ratio"] for each in own]), at_most=1)
        for region in _REGIONS
        for key, label in (("all", "all frames"), ("moved", "frames not at rest"))
    ]
    for key, unit in (("distance", ""), ("expression", "% of the eye distance")):
        figures += [
            Figure(f"{key}, {kind}", mean([each[f"{key}_{kind}"] for each in details.values()]), unit) for kind in _KINDS
        ]
    return Section("clip-source", "A clip as source", tuple(figures), details, tuple(sheets), notes=tuple(notes))


_KINDS = "photo", "clip"
_REGIONS = "mouth", "lids", "brows"


def _person(lab: Lab, path: Path) -> tuple[SourceFace, SourceFace]:
    """Return the calmest frame of the even stretches as a photo, and with the other frames. Raises a `MienError`."""
    search = ClipSearch(lab.models.inspection, lab.recogniser, None)
    for index, image in _frames(lab, path):
        if (index // _STRETCH_FRAMES) % 2 == 0 and index % 2 == 0:
            search.look(image)
    frames = search.frames()
    calm = frames.expressions[0]
    return calm, with_clip(calm, frames)


def _frames(lab: Lab, path: Path) -> Iterator[tuple[int, Image]]:
    with VideoReader(path, max_pixels=lab.settings.max_pixels, max_bytes=lab.settings.max_bytes) as reader:
        for index in range(lab.length(_MOST_FRAMES)):
            frame = reader.read()
            if frame is None:
                return
            yield index, frame.image


def _compared(
    lab: Lab, faces: tuple[SourceFace, SourceFace], target: Path, *, truth: bool
) -> tuple[dict[str, _Errors], list[Image]]:
    """Swap the odd stretches of a clip by the photo and by the clip of a person; the target is the truth of its own person."""
    pipelines = [factory.open_pipeline(lab.settings, lab.models, face) for face in faces]
    wanted = lab.recogniser.describe(faces[0].image, faces[0].landmarks)
    rest = grimace_of(faces[0].landmarks.points)
    errors = {kind: _Errors() for kind in _KINDS}
    tiles: list[tuple[float, Image]] = []
    for index, image in _frames(lab, target):
        if (index // _STRETCH_FRAMES) % 2 == 0:
            continue
        worn = [_worn(pipeline, image, index) for pipeline in pipelines]
        if any(each is None for each in worn) or index % 2:
            continue
        pictures, points = [each[0] for each in worn if each], worn[0][1] if worn[0] else np.zeros((478, 3), np.float32)
        moved = _is_moved(grimace_of(points), rest)
        for kind, picture in zip(_KINDS, pictures, strict=True):
            found = lab.models.landmarker.fit(picture, points)
            errors[kind].expression.append(measures.expression_error(found.points, points))
            errors[kind].distance.append(float(np.linalg.norm(lab.recogniser.describe(picture, found) - wanted)))
            for region, area in _areas(points, image.shape).items() if truth else ():
                error = float(np.abs(picture.astype(np.float32) - image)[area].mean())
                errors[kind].regions.setdefault(region, []).append(error)
                if moved:
                    errors[kind].moved.setdefault(region, []).append(error)
        change = float(cv2.absdiff(*pictures).mean())
        tile = np.vstack([face_crop(picture, points, 220, 1.5) for picture in (image, *pictures)])
        tiles = sorted([*tiles, (change, tile)], key=lambda each: -each[0])[: 4 * _TILES]
    return errors, [tile for _, tile in tiles[::4]]


def _worn(pipeline: Pipeline, image: Image, index: int) -> tuple[Image, Floats] | None:
    result = pipeline.swap_frame(frame_of(image, index))
    return (result.frame.image, result.worn[0].landmarks.points) if result.worn else None


def _is_moved(grimace: Grimace, rest: Grimace) -> bool:
    return any(abs(getattr(grimace, name) - getattr(rest, name)) > least for name, least in CLIP.moved.items())


def _areas(points: Floats, shape: tuple[int, ...]) -> dict[str, Array]:
    """Return mouth with its folds, lids, and brows with the forehead, as bool (h, w)."""
    lids = _hull(points, landmark_sets.RIGHT_LIDS, shape) | _hull(points, landmark_sets.LEFT_LIDS, shape)
    mouth = _hull(points, _MOUTH, shape) & ~_hull(points, landmark_sets.INNER_LIPS, shape)
    brows = _hull(points, (*landmark_sets.FOREHEAD, *landmark_sets.RIGHT_BROW, *landmark_sets.LEFT_BROW), shape)
    return {"mouth": mouth, "lids": lids, "brows": brows & ~lids}


def _hull(points: Floats, loop: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    area = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(points[list(loop), :2].round().astype(np.int32)), 1)
    return np.asarray(area > 0)


def _described(errors: dict[str, _Errors]) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, each in errors.items():
        found[f"distance_{kind}"], found[f"expression_{kind}"] = mean(each.distance), mean(each.expression)
        found["frames"] = float(len(each.distance))
        for key, regions in (("all", each.regions), ("moved", each.moved)):
            for region, values in regions.items():
                found[f"{region}_{key}_{kind}"] = mean(values)
                found[f"frames_{key}"] = float(len(values))
    for region in _REGIONS:
        for key in ("all", "moved"):
            before, after = (found.get(f"{region}_{key}_{kind}", float("nan")) for kind in _KINDS)
            found[f"{region}_{key}_ratio"] = after / before
    return found

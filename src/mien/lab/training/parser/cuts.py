"""Material for the parser's training out of clips: cut-out hands, joints of hands, and bare faces."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.assembly.factory import Models
from mien.contracts import HandFinder
from mien.errors import UsageError
from mien.face.hand_silhouette import silhouette
from mien.imaging import geometry
from mien.lab.meshes import settled
from mien.lab.training.parser.portraits import Portrait, portrait
from mien.media.files.video_reader import VideoReader
from mien.settings import Settings
from mien.types import Array, Floats, Hand, Image

_VIDEOS = {".mkv", ".mp4", ".mov", ".webm", ".avi"}
_SIDE = 160  # pixels of a cut


@dataclass(frozen=True, slots=True)
class CutTuning:
    """Choice of hands and faces in clips; chosen by eye on four sign-language clips."""

    sure_presence: float = 0.8
    """Presence of a hand from which it is cut out and its joints are kept; a face near any hand does not count as bare."""
    search_side: float = 3.2
    """Side of the square in which hands are sought, in face heights."""
    search_below: float = 0.35
    """Distance of that square's middle below the face's, in face heights."""
    cut_step_frames: int = 2
    """Frames from one cut hand to the next: neighbouring frames differ little."""
    bare_step_frames: int = 12
    """The same for bare faces, which move less."""
    core_width: float = 0.55
    """Width of the part of a silhouette that is surely hand, as a share of it."""
    unsure_pixels: int = 23
    """Side of the square by which the silhouette grows to what may be hand."""
    min_agreement: float = 0.6
    """Intersection over union of cut and silhouette; below it, the cut took the background, too."""


TUNING = CutTuning()


@dataclass(frozen=True, slots=True)
class FromClips:
    """`cuts` BGRA uint8 (160, 160, 4), `poses` joints float32 (21, 3), and the bare faces."""

    cuts: list[Array]
    poses: list[Floats]
    faces: list[Portrait]


def read_clips(folder: Path, models: Models, finder: HandFinder, say: Callable[[str], None]) -> FromClips:
    """Return hands and bare faces of the videos in a folder, in the order of their names.

    Raises `UsageError` when the folder holds no video, and a `MediaError` when one cannot be read.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _VIDEOS]
    if not paths:
        raise UsageError(f"{folder} holds no video", f"name a folder with videos ({', '.join(sorted(_VIDEOS))})")
    found = FromClips([], [], [])
    for path in paths:
        _read_clip(path, models, finder, found)
        say(f"{path.name}: {len(found.cuts)} hands, {len(found.poses)} poses, {len(found.faces)} faces so far")
    return found


def _read_clip(path: Path, models: Models, finder: HandFinder, found: FromClips) -> None:
    bare = 0
    for number, image in enumerate(_frames(path)):
        faces = models.photo_detector.detect(image)
        if not faces:
            continue
        points = settled(image, faces[0].points, models).points
        hands = _near(image, points, finder)
        sure = [hand for hand in hands if hand.presence > TUNING.sure_presence]
        found.poses.extend(hand.points for hand in sure)
        if number % TUNING.cut_step_frames == 0:
            cuts = (_cut(image, hand) for hand in sure if not _overlap(hand, points))
            found.cuts.extend(cut for cut in cuts if cut is not None)
        if not any(_overlap(hand, points) for hand in hands):
            if bare % TUNING.bare_step_frames == 0:
                name = f"{path.stem}#{number}"
                found.faces.append(portrait(name, f"clip/{path.stem}", image, points, plain=False))
            bare += 1


def _frames(path: Path) -> Iterator[Image]:
    settings = Settings()
    with VideoReader(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes) as reader:
        while (frame := reader.read()) is not None:
            yield frame.image


def _near(image: Image, points: Floats, finder: HandFinder) -> list[Hand]:
    """Return the hands around a face with landmarks (478, 3)."""
    x1, y1, x2, y2 = geometry.box_of(points)
    high = y2 - y1
    return finder.search(image, ((x1 + x2) / 2, (y1 + y2) / 2 + TUNING.search_below * high), TUNING.search_side * high)


def _overlap(hand: Hand, points: Floats) -> bool:
    """Return True when the boxes of a hand and a face meet."""
    return geometry.overlap(geometry.box_of(hand.points), geometry.box_of(points)) > 0


def _cut(image: Image, hand: Hand) -> Array | None:
    """Return a hand with its opacity, BGRA uint8 (160, 160, 4); None when its edge is uncertain or outside the picture."""
    x1, y1, x2, y2 = geometry.box_of(hand.points)
    middle, half = np.array([x1 + x2, y1 + y2]) / 2, 0.8 * max(x2 - x1, y2 - y1)
    left, top, right, bottom = (int(value) for value in (*(middle - half), *(middle + half)))
    if min(left, top) < 0 or right > image.shape[1] or bottom > image.shape[0] or right - left < 8:
        return None
    scale = _SIDE / (bottom - top)
    part = cv2.resize(image[top:bottom, left:right], (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    to_part = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    likely, core = (silhouette(hand, to_part, (_SIDE, _SIDE), width) for width in (1.0, TUNING.core_width))
    labels = np.full((_SIDE, _SIDE), cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(likely, np.ones((TUNING.unsure_pixels, TUNING.unsure_pixels), np.uint8)) > 0] = cv2.GC_PR_BGD
    labels[likely > 0] = cv2.GC_PR_FGD
    labels[cv2.erode(core, np.ones((3, 3), np.uint8)) > 0] = cv2.GC_FGD
    # Its mixture models start from random samples.
    cv2.setRNGSeed(0)
    cv2.grabCut(part, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    inside = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8) * 255
    inside = np.asarray(cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    shared, both = np.count_nonzero((inside > 0) & (likely > 0)), np.count_nonzero((inside > 0) | (likely > 0))
    if shared < TUNING.min_agreement * both:
        return None
    return np.dstack([part, cv2.GaussianBlur(inside, (0, 0), 0.8)]).astype(np.uint8)

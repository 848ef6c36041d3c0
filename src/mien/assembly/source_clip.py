"""Source face out of a short clip: its frames are read within bounds and searched."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.assembly import factory
from mien.contracts import Detector, Recogniser
from mien.media.files.moving import open_moving
from mien.settings import Settings
from mien.swap.source.clip import TUNING, ClipFrames, ClipSearch, with_clip
from mien.swap.source.load import TURNED, search
from mien.types import Image, SourceFace

MAX_SECONDS = 60.0  # of a clip that are looked at; twenty are enough for a person who talks and turns. Chosen freely
MAX_FRAMES = 4000  # read, whatever the file says of its times: a minute at 60 frames a second, and some. Chosen freely

UPRIGHT_LOOKS = 3  # frames with a face by which it is told how a clip lies: one may show a hand. Chosen freely

ClipProgress = Callable[[float, float], None]
"""Called with the seconds looked at and all that will be."""


def _unwatched(done_s: float, all_s: float) -> None:
    """Take the progress of a clip that nobody watches."""


class _Turning:
    """Rotation of the frames of a clip that lies on its side or upside down, as its first frames with a face show it."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._seen: Counter[int] = Counter()

    @property
    def quarters(self) -> int:
        """Counter-clockwise quarters by which the clip is rotated."""
        return max(self._seen, key=lambda each: self._seen[each], default=0)

    def turned(self, image: Image) -> Image:
        """Return a frame, BGR uint8, the right way up."""
        if self._seen.total() >= UPRIGHT_LOOKS:
            return np.ascontiguousarray(np.rot90(image, self.quarters)) if self.quarters else image
        found = search(image, self._detector)
        if found.faces:
            self._seen[found.quarters] += 1
        return found.image


@dataclass(frozen=True, slots=True)
class FoundClip:
    """Frames worth wearing, and notes for the user."""

    frames: ClipFrames
    notes: tuple[str, ...]


def add_clip(
    first: SourceFace,
    path: Path,
    settings: Settings,
    models: factory.Models,
    recogniser: Recogniser,
    progress: ClipProgress = _unwatched,
) -> SourceFace:
    """Add a clip of the same person, a file, to a source face. Raises a `MediaError` or a `SourceFaceError`."""
    clip = ClipSearch(models.inspection, recogniser, first)
    found = _search(path, settings, clip, _Turning(models.photo_detector), progress)
    whole = with_clip(first, found.frames)
    return replace(whole, warnings=(*whole.warnings, *found.notes))


def open_clip(
    path: Path,
    settings: Settings,
    models: factory.Models,
    recogniser: Recogniser,
    progress: ClipProgress = _unwatched,
) -> SourceFace:
    """Return the source face of a clip that shows one person alone. Raises a `MediaError` or a `SourceFaceError`."""
    clip = ClipSearch(models.inspection, recogniser, None)
    found = _search(path, settings, clip, _Turning(models.photo_detector), progress)
    calm = found.frames.expressions[0]
    whole = with_clip(calm, found.frames)
    return replace(whole, warnings=(*whole.warnings, *found.notes))


def _search(path: Path, settings: Settings, clip: ClipSearch, turning: _Turning, progress: ClipProgress) -> FoundClip:
    with open_moving(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes) as reader:
        length = reader.info.duration_s
        whole = min(length or MAX_SECONDS, MAX_SECONDS)
        start: float | None = None
        due = seen_s = 0.0
        for _ in range(MAX_FRAMES):
            frame = reader.read()
            if frame is None:
                break
            start = frame.time_s if start is None else start
            time_s = frame.time_s - start
            if time_s >= MAX_SECONDS:
                seen_s = MAX_SECONDS
                break
            seen_s = time_s
            if time_s >= due:
                clip.look(turning.turned(frame.image))
                due = max(due + 1 / TUNING.looks_per_second, time_s)
                progress(time_s, whole)
        else:
            frame = reader.read()
    frames = clip.frames()
    notes = []
    if turning.quarters:
        notes.append(f"{path.name}: {TURNED[turning.quarters].replace('photo', 'clip')}")
    if frame is not None:
        long = "" if length is None or length < 2 * MAX_SECONDS else f" of {length / 60:.0f} minutes"
        seen = min(MAX_SECONDS, seen_s)
        notes.append(
            f"only the first {seen:.0f} seconds of {path.name}{long} were looked at; "
            "a part in which the person talks and turns can be cut out"
        )
    if frames.strangers:
        notes.append(f"{path.name} shows other people, too; they were left out")
    return FoundClip(frames, tuple(notes))

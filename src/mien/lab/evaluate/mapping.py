"""Run of mapped people over real clips that follow each other for minutes: frames worn right, by another person, by nobody.

Each person is known by looks at the end of one clip of theirs, which is not shown. The truth of a frame is its clip's person.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.lab.evaluate.figures import Figure, Section
from mien.lab.evaluate.lab import Lab, Progress, open_face
from mien.lab.evaluate.portraits import choose_pairs
from mien.media.files import moving
from mien.swap.people.clusters import clusters_of
from mien.swap.people.identities import Wanted
from mien.swap.people.look import look_at
from mien.swap.people.template import Template, template_of
from mien.swap.tracking.tracker import Tracker
from mien.types import Frame, Image, SourceFace

MINUTES = 5  # of film; 58 cuts between the twelve clips at hand
RATE_HZ = 30  # of the film, whatever the clips have: frames count, not seconds
STEPS = 20  # of the progress bar
SIZE_WH = 640, 480  # pixels of the film; most of the clips at hand have it
SOURCES = 3  # faces that are worn, in turn
_KNOWN_FRAMES = 15  # at the end of a clip, by which its person is known: half a second
_LOOK_EVERY = 5  # frames from look to look


@dataclass(frozen=True, slots=True)
class Known:
    """A clip, its frames that are shown, and its person by those that are not."""

    path: Path
    shown: int
    template: Template


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of the film: what it is made of, and who is in it."""

    frame: Frame
    clip: str
    person: str


def measure(lab: Lab, progress: Progress) -> Section:
    """Run the clips of the lab after one another, cut hard, again and again."""
    clips = [known for path in _clips(lab) if (known := _known(path, lab)) is not None]
    groups = clusters_of([clip.template for clip in clips], lab.recogniser.limits.cluster)
    names = {number: clips[group[0]].path.stem for group in groups for number in group}
    people = tuple(Wanted(names[group[0]], (clips[group[0]].template,)) for group in groups)
    if not people:
        return Section("mapping", "Who wears whom", (Figure("clips with a person", 0.0, at_least=1.0),))
    counts, by_clip = _counted(lab, clips, names, people, progress)
    frames = counts["frames"]
    figures = (
        Figure("film", frames / RATE_HZ / 60, "min"),
        Figure("people", float(len(people))),
        Figure("frames worn by another person", float(counts["switched"]), at_most=0),
        Figure("frames worn right", 100 * counts["right"] / max(counts["faces"], 1), "%", at_least=99.0),
        Figure("frames with a face that wears nothing", float(counts["bare"])),
        Figure("frames without a face that is followed", float(frames - counts["faces"])),
    )
    details: dict[str, object] = {
        "clips of each person": {
            person.name: [clips[n].path.stem for n in group] for person, group in zip(people, groups, strict=True)
        },
        "frames": dict(counts),
        "by clip": {clip: dict(each) for clip, each in sorted(by_clip.items())},
    }
    notes = ("People are told apart by the recogniser; which clips show one person is in the details, to be checked by eye.",)
    return Section("mapping", "Who wears whom", figures, details, notes=notes)


def _counted(
    lab: Lab, clips: list[Known], names: dict[int, str], people: tuple[Wanted, ...], progress: Progress
) -> tuple[Counter[str], dict[str, Counter[str]]]:
    sources = _sources(lab)
    members = tuple((person, sources[number % len(sources)]) for number, person in enumerate(people))
    pipeline = factory.open_pipeline(lab.settings, lab.models, CastPlan(members=members))
    truth: dict[int, Shown] = {}
    length = lab.length(MINUTES * 60 * RATE_HZ)

    def frames() -> Iterator[Frame]:
        for shown in film(clips, names, length):
            truth[shown.frame.index] = shown
            yield shown.frame

    counts: Counter[str] = Counter()
    by_clip: dict[str, Counter[str]] = {}
    for seen in pipeline.track_all(frames()):
        shown = truth.pop(seen.frame.index)
        worn = {seen.names[face.track_id] for face in pipeline.swap(seen).worn if face.track_id in seen.names}
        found = judged(bool(seen.faces), worn, shown.person)
        counts.update(found)
        by_clip.setdefault(shown.clip, Counter()).update(found)
        if counts["frames"] % max(length // STEPS, 1) == 0:
            progress()
    return counts, by_clip


def judged(faces: bool, worn: set[str], person: str) -> Counter[str]:
    """Count one frame: `faces` = any face is followed, `worn` = whose faces are worn, `person` = who is in the picture."""
    return Counter(
        frames=1, faces=int(faces), right=int(person in worn), switched=int(bool(worn - {person})), bare=int(faces and not worn)
    )


def film(clips: list[Known], names: dict[int, str], length: int) -> Iterator[Shown]:
    """Yield `length` frames: the shown part of each clip, hard cuts, again and again."""
    index = 0
    while index < length:
        for number, clip in enumerate(clips):
            for image in _images(clip.path, clip.shown):
                if index < length:
                    yield Shown(Frame(fitted(image), index, index, Fraction(1, RATE_HZ)), clip.path.stem, names[number])
                    index += 1


def fitted(image: Image) -> Image:
    """Return the picture in the film's size with black beside it: a face that is stretched is another face to a recogniser."""
    scale = min(SIZE_WH[0] / image.shape[1], SIZE_WH[1] / image.shape[0])
    size_wh = round(image.shape[1] * scale), round(image.shape[0] * scale)
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (SIZE_WH[0] - size_wh[0]) // 2, (SIZE_WH[1] - size_wh[1]) // 2
    whole = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    whole[top : top + size_wh[1], left : left + size_wh[0]] = small
    return whole


def _clips(lab: Lab) -> list[Path]:
    return sorted(lab.clips.glob("*.m*")) if lab.clips else []


def _images(path: Path, most: int | None = None) -> Iterator[Image]:
    with moving.open_moving(path, max_pixels=1 << 28, max_bytes=1 << 34) as reader:
        count = 0
        while (most is None or count < most) and (frame := reader.read()) is not None:
            yield frame.image
            count += 1


def _known(path: Path, lab: Lab) -> Known | None:
    """Return a clip and its person; None for a clip that is too short, or whose end shows no face that counts."""
    last: list[Image] = []
    length = 0
    for image in _images(path):
        last, length = [*last, image][-_KNOWN_FRAMES:], length + 1
    if length <= 2 * _KNOWN_FRAMES:
        return None
    tracker = Tracker(lab.models.photo_detector, lab.models.landmarker, lab.settings)
    looks = []
    for number, image in enumerate(last):
        frame = Frame(fitted(image), number, number, Fraction(1, RATE_HZ))
        faces = tracker.update(frame)
        look = look_at(lab.recogniser, frame.image, faces[0], frame.time_s) if faces and number % _LOOK_EVERY == 0 else None
        looks += [] if look is None else [look]
    template = template_of(looks)
    return None if template is None else Known(path, length - _KNOWN_FRAMES, template)


def _sources(lab: Lab) -> list[SourceFace]:
    """Return portraits of people who are far from each other."""
    return [open_face(pair[0], lab.models) for pair in choose_pairs(lab.studio, SOURCES)]

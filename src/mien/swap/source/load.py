"""Source faces out of photos: search, choice by number, more photos of one person."""

import hashlib
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.contracts import AgeEstimator, Detector, Landmarker, Parser, Recogniser
from mien.errors import NoSourceFace, SeveralSourceFaces, SourceFaceStranger, UsageError
from mien.imaging import geometry
from mien.swap.source import appraisal
from mien.swap.source.age import checked_age
from mien.swap.source.checks import check_face, check_fit
from mien.swap.source.classes import classes_of
from mien.types import Detection, Image, Landmarks, Note, SourceFace

MAX_PHOTOS = 8  # of one person; more add nothing that is seen. Chosen by eye; not measured
MENDED_BY_ANOTHER = frozenset({"brows", "glasses", "eyes", "turned", "tilted", "covered"})
"""Names of faults that a further photo without them mends: it shows what the first one hides."""
TURNED = {
    1: Note.of("photo-rotated", "a photo lies on its side; it was turned by 90 degrees counter-clockwise"),
    2: Note.of("photo-rotated", "a photo is upside down; it was turned by 180 degrees"),
    3: Note.of("photo-rotated", "a photo lies on its side; it was turned by 90 degrees clockwise"),
}
"""Notes by the counter-clockwise quarters by which a photo was rotated."""


@dataclass(frozen=True, slots=True)
class LoadTuning:
    """Search and crop of a source face."""

    upright_score: float = 0.92
    """Best score in a photo from which it is surely the right way up: inverted faces reach 0.91."""
    upright_lead: float = 0.04
    """Lead of the photo as it is in scores, of the 0.05 and more by which the right way up wins."""
    settling_fits: int = 3
    """Fits of the landmarks, each from the one before, until they rest."""
    cut_margin: float = 0.25
    """Share of the face's height that is kept around it: hair and outline."""
    max_cut_side: int = 2048
    """Pixels; bounds memory: 12 MB a photo."""


TUNING = LoadTuning()


@dataclass(frozen=True, slots=True)
class PhotoFace:
    """A face found in a photo; `number` counts from 1, left to right."""

    number: int
    detection: Detection


@dataclass(frozen=True, slots=True)
class SearchedPhoto:
    """A photo, BGR uint8, rotated by counter-clockwise `quarters` so that its faces are upright, and all its faces."""

    image: Image
    faces: tuple[PhotoFace, ...]
    quarters: int


def search(photo: Image, detector: Detector) -> SearchedPhoto:
    """Find the faces of a photo, BGR uint8, from left to right; a photo on its side or upside down is rotated first."""
    best = _searched(photo, detector, 0)
    best_score = _score(best) + TUNING.upright_lead
    if _score(best) < TUNING.upright_score:
        for quarters in (1, 2, 3):
            turned = _searched(photo, detector, quarters)
            if _score(turned) > best_score:
                best, best_score = turned, _score(turned)
    return best


def _searched(photo: Image, detector: Detector, quarters: int) -> SearchedPhoto:
    image = np.ascontiguousarray(np.rot90(photo, quarters))
    found = sorted(detector.detect(image), key=lambda face: face.box_xyxy[0])
    return SearchedPhoto(image, tuple(PhotoFace(number, face) for number, face in enumerate(found, start=1)), quarters)


def _score(searched: SearchedPhoto) -> float:
    return max((face.detection.score for face in searched.faces), default=0.0)


@dataclass(frozen=True, slots=True)
class Inspection:
    """The networks that find and judge a source face."""

    detector: Detector
    landmarker: Landmarker
    ages: AgeEstimator
    parser: Parser


def load_source(photo: Image, by: Inspection, *, number: int | None = None) -> SourceFace:
    """Return the face of a photo, BGR uint8; `number` chooses one of several. Raises a `SourceFaceError` or `UsageError`."""
    searched = search(photo, by.detector)
    return _checked(searched, _choose(searched.faces, number), by)


def load_more(photo: Image, same_as: SourceFace, by: Inspection, recogniser: Recogniser) -> SourceFace:
    """Return the face of a further photo, BGR uint8, that shows the person of `same_as`, alone or among others.

    Raises a `SourceFaceError`: `SourceFaceStranger` when the recogniser finds another person.
    """
    wanted = recogniser.describe(same_as.image, same_as.landmarks)
    searched = search(photo, by.detector)
    if not searched.faces:
        raise _no_face()
    found = [_fit(searched.image, face, by.landmarker) for face in searched.faces]
    distances = [float(np.linalg.norm(recogniser.describe(searched.image, landmarks) - wanted)) for landmarks in found]
    nearest = int(np.argmin(distances))
    if distances[nearest] >= recogniser.limits.photo:
        raise SourceFaceStranger(
            f"the photo shows another person (distance {distances[nearest]:.2f}, the same person is below "
            f"{recogniser.limits.photo:.2f})",
            "add only photos of the person in the first photo, or leave this one out",
        )
    return _checked(searched, searched.faces[nearest], by)


def together(first: SourceFace, more: SourceFace) -> SourceFace:
    """Add a further photo of the same person to the first face.

    All but the lowest age and the notes on rotated photos comes from the first. Those of its faults are dropped that the
    further photo mends.

    Raises `UsageError` when there are too many.
    """
    if len(first.others) + 1 >= MAX_PHOTOS:
        raise UsageError(f"{MAX_PHOTOS} photos of one person are enough", "leave some of them out")
    turned = tuple(note for note in more.warnings if note in TURNED.values() and note not in first.warnings)
    joint = joined(first, (more,))
    return replace(joint, others=(*first.others, more), warnings=(*joint.warnings, *turned))


def joined(first: SourceFace, more: Sequence[SourceFace], mended: Set[str] = MENDED_BY_ANOTHER) -> SourceFace:
    """Return the first face with a digest of all of them, the lowest age, and without what one of `more` mends.

    `mended` names the faults that a face without them mends.
    """
    digest = hashlib.sha256("".join(face.digest for face in (first, *more)).encode()).hexdigest()
    ages = [face.age for face in (first, *more) if face.age is not None]
    shared = set.intersection(*({fault.name for fault in face.faults} for face in more)) if more else mended
    faults = tuple(fault for fault in first.faults if fault.name in shared or fault.name not in mended)
    gone = {fault.text for fault in first.faults if fault not in faults}
    warnings = tuple(each for each in first.warnings if each not in gone)
    return replace(first, digest=digest, warnings=warnings, faults=faults, age=min(ages, default=None))


def numbered_picture(photo: SearchedPhoto) -> Image:
    """Return a copy of the photo as it was rotated, BGR uint8, with a box and its number on every face."""
    picture = photo.image.copy()
    thickness = max(2, round(min(picture.shape[:2]) / 250))
    for face in photo.faces:
        x1, y1, x2, y2 = (round(value) for value in face.detection.box_xyxy)
        size = max(0.5, (y2 - y1) / 90)
        for colour, width in (((0, 0, 0), 3 * thickness), ((255, 255, 255), thickness)):
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, width)
            place = (x1 + 2 * thickness, y2 - 3 * thickness)
            cv2.putText(picture, str(face.number), place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA)
    return picture


def _choose(faces: tuple[PhotoFace, ...], number: int | None) -> PhotoFace:
    if not faces:
        raise _no_face()
    if number is None and len(faces) > 1:
        raise SeveralSourceFaces(
            f"the photo shows {len(faces)} faces",
            f"choose one with --source-face 1 to {len(faces)}, counted from the left; "
            "--number-faces PICTURE writes a picture with the numbers",
        )
    number = 1 if number is None else number
    if not 1 <= number <= len(faces):
        raise UsageError(f"the photo has no face {number}", f"it shows {len(faces)}: choose 1 to {len(faces)}")
    return faces[number - 1]


def _no_face() -> NoSourceFace:
    return NoSourceFace("no face was found in the photo", "take a photo that shows one face, upright, from the front")


def only_face(photo: Image, by: Inspection) -> tuple[Image, Landmarks]:
    """Return the only face of a photo, BGR uint8, which is not to be worn: the upright picture and its landmarks in it.

    Raises `NoSourceFace` or `SeveralSourceFaces`.
    """
    searched = search(photo, by.detector)
    return searched.image, _fit(searched.image, _choose(searched.faces, None), by.landmarker)


def _checked(photo: SearchedPhoto, face: PhotoFace, by: Inspection) -> SourceFace:
    judged_face = judged(photo.image, _fit(photo.image, face, by.landmarker), by)
    if not photo.quarters:
        return judged_face
    return replace(judged_face, warnings=(TURNED[photo.quarters], *judged_face.warnings))


def judged(photo: Image, landmarks: Landmarks, by: Inspection) -> SourceFace:
    """Check, parse and appraise the face with these landmarks in a photo, BGR uint8. Raises a `SourceFaceError`."""
    check_face(photo, landmarks)
    # Neither of these networks needs what the other one finds.
    with ThreadPoolExecutor(1, "age") as pool:
        aging = pool.submit(checked_age, photo, landmarks, by.ages)
        classes = classes_of(photo, landmarks, by.parser)
        check_fit(photo, landmarks, by.landmarker, classes)
        age = aging.result()
    faults = appraisal.appraise(photo, landmarks, classes)
    warnings = tuple(fault.text for fault in faults if fault.severity >= appraisal.TUNING.told)
    crop, landmarks = cut_out(photo, landmarks, TUNING.cut_margin, TUNING.max_cut_side)
    digest = hashlib.sha256(crop.tobytes() + landmarks.points.tobytes()).hexdigest()
    return SourceFace(crop, landmarks, digest, age=age, classes=classes, faults=faults, warnings=warnings)


def _fit(photo: Image, face: PhotoFace, landmarker: Landmarker) -> Landmarks:
    return settled(photo, landmarker.fit(photo, face.detection.points), landmarker)


def settled(photo: Image, landmarks: Landmarks, landmarker: Landmarker) -> Landmarks:
    """Fit landmarks again, each time from the ones before, until they rest."""
    for _ in range(TUNING.settling_fits):
        landmarks = landmarker.fit(photo, landmarks.points)
    return landmarks


def cut_out(photo: Image, landmarks: Landmarks, margin_share: float, max_side: int) -> tuple[Image, Landmarks]:
    """Cut the face out, BGR uint8, at most `max_side` pixels a side; the landmarks returned are in the cut's pixels.

    `margin_share` of the face's height is kept around it.
    """
    x1, y1, x2, y2 = geometry.box_of(landmarks.points)
    margin = margin_share * (y2 - y1)
    grown_xyxy = x1 - margin, y1 - margin, x2 + margin, y2 + margin
    left, top, right, bottom = geometry.clipped_box(grown_xyxy, photo.shape[1], photo.shape[0])
    crop = photo[top:bottom, left:right]
    points = landmarks.points - np.array([left, top, 0], np.float32)
    scale = min(1.0, max_side / max(crop.shape[:2]))
    if scale < 1:
        size_wh = round(crop.shape[1] * scale), round(crop.shape[0] * scale)
        crop = np.asarray(cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        points = points * np.float32(scale)
    return np.array(crop, order="C"), Landmarks(points.astype(np.float32), landmarks.presence)

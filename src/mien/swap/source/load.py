"""From a photo to a face that can be worn, or a refusal that says what to do."""

import hashlib
import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.contracts import Detector, Landmarker, Recogniser
from mien.errors import (
    NoSourceFace,
    SeveralSourceFaces,
    SourceFaceBlurred,
    SourceFaceCovered,
    SourceFaceStranger,
    SourceFaceTooSmall,
    SourceFaceTurned,
    UsageError,
)
from mien.face import landmark_sets
from mien.imaging import geometry
from mien.swap.source.glasses import shows_glasses
from mien.types import Detection, Floats, Image, Landmarks, SourceFace

LEAST_EYE_DISTANCE = 30.0
"""Pixels between the outer eye corners; a smaller face would be all blur on the target."""
MOST_TURN = 40.0
"""Degrees of yaw or pitch; beyond, one side of the face is not in the photo."""
LEAST_DETAIL = 0.2
"""Share of fine in coarse detail; 144 sharp portraits have 0.36 and more, a blur of 2.5 % of the eye distance 0.19."""
MOST_DISAGREEMENT = 0.024
"""Mean spread, in eye distances, of fits from shifted crops: 144 clear portraits reach 0.022, masked faces start at 0.036."""
MOST_PHOTOS = 8
"""Of one person."""
GLASSES = "the photo shows glasses: they are worn in part; a photo without them works better"
TURNED = {
    1: "a photo lies on its side; it was turned by 90 degrees counter-clockwise",
    2: "a photo is upside down; it was turned by 180 degrees",
    3: "a photo lies on its side; it was turned by 90 degrees clockwise",
}
"""Notes by the counter-clockwise quarters by which a photo was turned."""
UPRIGHT_SCORE = 0.92  # best score in a photo from which it is surely the right way up: inverted faces reach 0.91
UPRIGHT_LEAD = 0.04  # score; of the 0.05 and more by which the right way up wins
_MARGIN = 0.25
_LARGEST_CROP = 2048
_SETTLE = 3
_PROBES = ((20.0, 1.0, 0.0), (-20.0, 1.0, 0.0), (0.0, 1.2, 0.05), (0.0, 0.85, -0.05))
"""Turn in degrees, scale and shift of the crops by which a fit is questioned."""


@dataclass(frozen=True, slots=True)
class PhotoFace:
    """A face found in a photo; `number` counts from 1, left to right."""

    number: int
    detection: Detection


@dataclass(frozen=True, slots=True)
class SearchedPhoto:
    """A photo, BGR uint8, turned by counter-clockwise `quarters` so that its faces are upright, and all its faces."""

    image: Image
    faces: tuple[PhotoFace, ...]
    quarters: int


def search(photo: Image, detector: Detector) -> SearchedPhoto:
    """Find the faces of a photo, BGR uint8, from left to right; a photo that lies on a side or its head is turned first."""
    best = _searched(photo, detector, 0)
    best_score = _score(best) + UPRIGHT_LEAD
    if _score(best) < UPRIGHT_SCORE:
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


def load_source(photo: Image, detector: Detector, landmarker: Landmarker, *, number: int | None = None) -> SourceFace:
    """The face of a photo, BGR uint8; `number` chooses one of several. Raises a `SourceFaceError` or `UsageError`."""
    searched = search(photo, detector)
    return _checked(searched, _choose(searched.faces, number), landmarker)


def load_more(
    photo: Image, same_as: SourceFace, detector: Detector, landmarker: Landmarker, recogniser: Recogniser
) -> SourceFace:
    """The face of a further photo, BGR uint8, that shows the person of `same_as`, alone or among others.

    Raises a `SourceFaceError`: `SourceFaceStranger` when the recogniser finds another person.
    """
    wanted = recogniser.describe(same_as.image, same_as.landmarks)
    searched = search(photo, detector)
    if not searched.faces:
        raise _nobody()
    found = [_fit(searched.image, face, landmarker) for face in searched.faces]
    distances = [float(np.linalg.norm(recogniser.describe(searched.image, landmarks) - wanted)) for landmarks in found]
    nearest = int(np.argmin(distances))
    if distances[nearest] >= recogniser.same_person_below:
        raise SourceFaceStranger(
            f"the photo shows another person (distance {distances[nearest]:.2f}, the same person is below "
            f"{recogniser.same_person_below:.2f})",
            "add only photos of the person in the first photo, or leave this one out",
        )
    return _checked(searched, searched.faces[nearest], landmarker)


def together(first: SourceFace, more: SourceFace) -> SourceFace:
    """The first face with a further photo of the same person; all but the notes on turned photos comes from the first.

    Raises `UsageError` when there are too many.
    """
    if len(first.others) + 1 >= MOST_PHOTOS:
        raise UsageError(f"{MOST_PHOTOS} photos of one person are enough", "leave some of them out")
    digest = hashlib.sha256((first.digest + more.digest).encode()).hexdigest()
    turned = tuple(note for note in more.warnings if note in TURNED.values() and note not in first.warnings)
    return replace(first, digest=digest, others=(*first.others, more), warnings=(*first.warnings, *turned))


def numbered_picture(photo: SearchedPhoto) -> Image:
    """A copy of the photo as it was turned, BGR uint8, with a box and its number on every face."""
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
        raise _nobody()
    if number is None and len(faces) > 1:
        raise SeveralSourceFaces(
            f"the photo shows {len(faces)} faces",
            f"choose one with --source-face 1 to {len(faces)}, counted from the left; "
            "--number-faces PICTURE writes a picture with the numbers",
        )
    number = 1 if number is None else number
    if not 1 <= number <= len(faces):
        raise UsageError(f"there is no face {number} in the photo", f"it shows {len(faces)}: choose 1 to {len(faces)}")
    return faces[number - 1]


def _nobody() -> NoSourceFace:
    return NoSourceFace("no face was found in the photo", "take a photo that shows one face, upright, from the front")


def _checked(photo: SearchedPhoto, face: PhotoFace, landmarker: Landmarker) -> SourceFace:
    landmarks = _fit(photo.image, face, landmarker)
    _check(photo.image, landmarks, landmarker)
    source = _cut(photo.image, landmarks)
    return replace(source, warnings=(TURNED[photo.quarters], *source.warnings)) if photo.quarters else source


def _fit(photo: Image, face: PhotoFace, landmarker: Landmarker) -> Landmarks:
    landmarks = landmarker.fit(photo, face.detection.points)
    for _ in range(_SETTLE):
        landmarks = landmarker.fit(photo, landmarks.points)
    return landmarks


def _check(photo: Image, landmarks: Landmarks, landmarker: Landmarker) -> None:
    points = landmarks.points
    if landmarks.presence < 0.5:
        raise NoSourceFace("what looks like a face in the photo is not clear enough to be one", "take another photo")
    eye_distance = _eye_distance(points)
    if eye_distance < LEAST_EYE_DISTANCE:
        raise SourceFaceTooSmall(
            f"the face is too small: {eye_distance:.0f} pixels between the eyes, {LEAST_EYE_DISTANCE:.0f} are needed",
            "take a photo from nearer, or a larger version of it",
        )
    pitch, yaw = _turn(points)
    if max(abs(pitch), abs(yaw)) > MOST_TURN:
        way = "to the side" if abs(yaw) >= abs(pitch) else "up or down"
        raise SourceFaceTurned(
            f"the face is turned too far {way} ({max(abs(pitch), abs(yaw)):.0f} degrees, {MOST_TURN:.0f} at most)",
            "take a photo that looks into the camera",
        )
    _check_inside(points, photo.shape[1], photo.shape[0])
    if detail_of(photo, points) < LEAST_DETAIL:
        raise SourceFaceBlurred("the face is too blurred", "take a sharp photo, with more light and a still hand")
    if disagreement(photo, landmarks, landmarker) > MOST_DISAGREEMENT:
        raise SourceFaceCovered(
            "part of the face is covered or unclear",
            "take a photo without mask, dark glasses or a hand before the face",
        )


def _check_inside(points: Floats, width: int, height: int) -> None:
    outside = (points[:, 0] < 0) | (points[:, 1] < 0) | (points[:, 0] > width - 1) | (points[:, 1] > height - 1)
    share = float(outside[: landmark_sets.SKIN_POINTS].mean())
    if share > 0.03:
        raise SourceFaceCovered(
            f"the border of the photo cuts the face ({share:.0%} of it is outside)",
            "take a photo that shows the whole face",
        )


def _eye_distance(points: Floats) -> float:
    right, left = landmark_sets.EYE_CORNERS
    return float(np.linalg.norm(points[right] - points[left]))


def _turn(points: Floats) -> tuple[float, float]:
    """Pitch and yaw in degrees, 0 = into the camera, from the axes of the face: eye to eye and forehead to chin."""
    across = points[list(landmark_sets.LEFT_EYE)].mean(0) - points[list(landmark_sets.RIGHT_EYE)].mean(0)
    down = points[152] - points[10]
    yaw = math.degrees(math.atan2(float(across[2]), float(np.hypot(across[0], across[1]))))
    pitch = math.degrees(math.atan2(float(down[2]), float(np.hypot(down[0], down[1]))))
    return pitch, yaw


def detail_of(photo: Image, points: Floats) -> float:
    """Fine against coarse detail in the middle of the face, at one size for all photos; grows with sharpness."""
    rigid = points[list(landmark_sets.EYE_CORNERS), :2]
    frame_to_chip = geometry.similarity(rigid, np.array([[38.0, 55.0], [112.0, 55.0]]))
    scale = geometry.scale_of(frame_to_chip)
    while scale < 0.5:
        photo = np.asarray(cv2.pyrDown(photo), np.uint8)
        frame_to_chip[:, :2] *= 2
        scale *= 2
    chip = cv2.warpAffine(photo, frame_to_chip, (150, 150), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY).astype(np.float32)
    soft, softer = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 3.0)
    middle = slice(25, 130)
    fine = float((grey - soft)[middle, middle].std())
    coarse = float((soft - softer)[middle, middle].std())
    return fine / (coarse + 0.5)


def disagreement(photo: Image, landmarks: Landmarks, landmarker: Landmarker) -> float:
    """How far fits from turned, scaled and shifted crops lie apart, mean over the skin, in eye distances.

    A network that sees the whole face finds it again from any crop; what it has to guess, it guesses anew each time.
    """
    fits = [landmarks.points] + [landmarker.fit(photo, _moved(landmarks.points, *probe)).points for probe in _PROBES]
    stack = np.stack(fits)[:, : landmark_sets.SKIN_POINTS, :2]
    spread = np.linalg.norm(stack - stack.mean(0), axis=2).mean()
    return float(spread) / max(_eye_distance(landmarks.points), 1e-6)


def _moved(points: Floats, turn: float, scale: float, shift: float) -> Floats:
    angle = math.radians(turn)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = points[:, :2].mean(0)
    height = float(np.ptp(points[:, 1]))
    moved = points.copy()
    moved[:, :2] = (points[:, :2] - middle) @ linear.T + middle + shift * height
    return moved


def _cut(photo: Image, landmarks: Landmarks) -> SourceFace:
    """The face with a margin, at most 2048 pixels a side, and its landmarks in the cut's pixels."""
    x1, y1, x2, y2 = geometry.box_of(landmarks.points)
    margin = _MARGIN * (y2 - y1)
    grown_xyxy = x1 - margin, y1 - margin, x2 + margin, y2 + margin
    left, top, right, bottom = geometry.clipped_box(grown_xyxy, photo.shape[1], photo.shape[0])
    crop = photo[top:bottom, left:right]
    points = landmarks.points - np.array([left, top, 0], np.float32)
    scale = min(1.0, _LARGEST_CROP / max(crop.shape[:2]))
    if scale < 1:
        size_wh = round(crop.shape[1] * scale), round(crop.shape[0] * scale)
        crop = np.asarray(cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        points = points * np.float32(scale)
    crop = np.ascontiguousarray(crop)
    digest = hashlib.sha256(crop.tobytes() + points.tobytes()).hexdigest()
    found = Landmarks(points.astype(np.float32), landmarks.presence)
    return SourceFace(crop, found, digest, warnings=(GLASSES,) if shows_glasses(crop, found) else ())

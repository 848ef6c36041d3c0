"""Appraisal of a source photo: what will be seen of its faults, worst first, and what to do about each."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face.head_pose import pitch_yaw_of_axes, yaw_of_mesh
from mien.imaging.colour import is_monochrome
from mien.imaging.smoothstep import smoothstep
from mien.models.format.parsing import FaceClass
from mien.swap.source.checks import detail_of, eye_distance
from mien.swap.source.hard_light import blown_out, mouth_width
from mien.swap.source.hidden import Hidden, hidden_parts
from mien.swap.source.light import side_light
from mien.swap.source.regions import GRID, regions
from mien.swap.source.view import SMALLEST, bounded, size_for, skin_of, uneven_view, unwrapped, weights_of
from mien.types import Array, Image, Landmarks, PhotoFault


@dataclass(frozen=True, slots=True)
class AppraisalTuning:
    """From where to where a fault grows.

    "London" are 104 frontal portraits in even light, "everyday" 103 synthetic pictures like those of phones.
    """

    turn_degrees: tuple[float, float] = (15.0, 40.0)
    """Yaw; London reaches 6, a fifth of the everyday pictures has more than 15."""
    nod_degrees: tuple[float, float] = (20.0, 40.0)
    """Pitch; by the axes of the face London has -8 to 16, a head that looks down 27 and 29."""
    mouth_width: tuple[float, float] = (0.75, 0.85)
    """Width of a mouth that shows teeth, in eye distances: 0.50 to 0.66 at rest, 0.56 to 0.83 in smiles."""
    side_light: tuple[float, float] = (0.22, 0.6)
    """Mean difference in light of both halves, natural logarithm: London reaches 0.13, hard side light 0.66."""
    hardness: tuple[float, float] = (1.4, 2.4)
    """Mean difference of the skin from even light, as in `hard_light.Unevenness`: London reaches 1.28, a sixth of the everyday
    pictures has more than 1.4, up to 2.5."""
    lopsided: tuple[float, float] = (0.1, 0.35)
    """Share of the skin that is lit otherwise than its mirror image, as in `hard_light.Unevenness`: London has at most 0.05,
    spotted skin 0.11, hard shadows up to 0.4."""
    blown: tuple[float, float] = (0.02, 0.2)
    """Share of the face that is blown out: none of any portrait in London, nor of the everyday pictures."""
    painted: tuple[float, float] = (0.06, 0.3)
    """Share of the face with colours that skin never has: everyday photos reach 0.03, drawn face paint has 0.13 and 0.6."""
    eye_distance: tuple[float, float] = (60.0, 25.0)
    """Pixels between the outer eye corners. Chosen by eye; not measured."""
    detail: tuple[float, float] = (0.34, 0.2)
    """Share of fine in coarse detail: sharp pictures have 0.36 and more, below 0.2 a photo is refused."""
    rims: float = 0.012
    """Mean share of rims in the middle of the face from which it wears glasses."""
    covered: tuple[float, float] = (0.15, 0.35)
    """Share of the lower face and the eyes under hands and things."""
    told: float = 0.15
    """Severity from which the user is warned."""


TUNING = AppraisalTuning()
_WELL = 0.5  # how well a texel must be seen for its colour to count


def appraise(photo: Image, landmarks: Landmarks, classes: Array, tuning: AppraisalTuning = TUNING) -> tuple[PhotoFault, ...]:
    """Return the faults of a photo, BGR uint8, of a face with `classes` as in `SourceFace`, worst first."""
    points = landmarks.points
    size = min(size_for(points), 4 * SMALLEST)
    own = unwrapped(*bounded(photo, points, size), size)
    well = weights_of(points, photo.shape)[1]
    uneven = uneven_view(photo, landmarks, size, classes).light
    hidden = hidden_parts(own, classes, points, yaw_of_mesh(points), well)
    small = np.asarray(cv2.resize(own, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)
    found = [*_covered(classes, hidden, well, tuning), *_turned(landmarks, tuning)]
    light = side_light(small, well * skin_of(small, well) * (1 - hidden.unknown))
    remedy = "a photo in even light works better"
    text = "hard light from one side: what lies in shadow is guessed from the lit half"
    lit = [*_fault("light", light, tuning.side_light, (0.1, 0.5), text, remedy)]
    text = "hard light: patches of sun and shine are evened out by guess"
    lit = lit or [*_fault("light", uneven.hardness, tuning.hardness, (0.1, 0.3), text, remedy)]
    text = "hard shadows on one side: they are evened out by guess"
    lit += _fault("light", uneven.lopsided, tuning.lopsided, (0.1, 0.3), text, remedy)
    found += sorted(lit, key=lambda fault: -fault.severity)[:1]
    text = "blown-out skin: its colour is guessed from the skin around it"
    found += _fault("blown", _blown_share(own, well), tuning.blown, (0.15, 0.5), text, remedy)
    text, remedy = (
        "strong colours lie on the skin, paint or coloured light",
        "they are worn in part; use a photo of the bare skin",
    )
    found += _fault("painted", uneven.painted, tuning.painted, (0.2, 0.5), text, remedy)
    if is_monochrome(small[well > _WELL].astype(np.float32)):
        found.append(PhotoFault("colourless", 0.15, "the photo has no colours: lips and eyes stay pale; use one in colour"))
    found += _smile(landmarks, tuning)
    distance, detail = eye_distance(points), detail_of(photo, points)
    small_text = f"the face is small: {distance:.0f} pixels between the eyes"
    found += _fault("small", distance, tuning.eye_distance, (0.05, 0.6), small_text, "a photo from nearer has more detail")
    found += _fault("blurred", detail, tuning.detail, (0.1, 0.6), "the face is soft", "a sharper photo has more detail")
    return tuple(sorted(found, key=lambda fault: -fault.severity))


def _blown_share(own: Image, well: Array) -> float:
    """Return the share of the seen face that is blown out."""
    lost = cv2.resize(blown_out(own), (GRID, GRID), interpolation=cv2.INTER_AREA)
    return float((lost * well).sum() / max(float(well.sum()), 1e-6))


def _covered(classes: Array, hidden: Hidden, well: Array, tuning: AppraisalTuning) -> Iterator[PhotoFault]:
    what = _cover_of_brows(classes)
    if hidden.brows == 0:
        text = f"{what} the brows: the brows of the face that wears it are kept; a photo with both brows free works better"
        yield PhotoFault("brows", 0.5, text)
    elif hidden.brows == 1:
        yield PhotoFault("brows", 0.2, f"{what} one brow: it is the mirror image of the other one; free both brows")
    middle = (regions().kept + regions().sample / np.float32(255)).clip(0, 1) * well
    share = {kind: float((classes[kind] * middle).sum() / (255 * middle.sum())) for kind in FaceClass}
    if hidden.dark:
        yield PhotoFault(
            "glasses",
            0.5,
            "dark glasses hide the eyes: unless they are worn (source_glasses = on), the eyes of the face that wears it are "
            "kept; take them off",
        )
    elif share[FaceClass.RIM] > tuning.rims:
        text = (
            "the photo shows glasses: unless they are worn (source_glasses = on), they are taken off, and what they hide is "
            "guessed; a photo without them works better"
        )
        yield PhotoFault("glasses", 0.25, text)
    things = share[FaceClass.HAND] + share[FaceClass.THING]
    text = "a hand or a thing covers a part of the face"
    yield from _fault("covered", things, tuning.covered, (0.2, 0.8), text, "use a photo of the bare face")
    if hidden.closed:
        text = "the eyes are closed: those of the face that wears it are kept; use a photo with open eyes"
        yield PhotoFault("eyes", 0.3, text)


def _cover_of_brows(classes: Array) -> str:
    """Return what hides the brows most, with its verb."""
    area = regions().brows
    words = {FaceClass.HAIR: "hair hides", FaceClass.THING: "a thing hides"}
    return max(words.items(), key=lambda each: float((classes[each[0]] * area).sum()))[1]


def _turned(landmarks: Landmarks, tuning: AppraisalTuning) -> Iterator[PhotoFault]:
    pitch, yaw = pitch_yaw_of_axes(landmarks.points)
    remedy = "a photo that looks into the camera works better"
    text = f"the head is turned by {abs(yaw):.0f} degrees: what it hides is the mirror image of the other side"
    yield from _fault("turned", abs(yaw), tuning.turn_degrees, (0.15, 0.6), text, remedy)
    text = f"the head looks {'down' if pitch > 0 else 'up'}: eyes and nose are seen from a slant"
    yield from _fault("tilted", abs(pitch), tuning.nod_degrees, (0.2, 0.6), text, remedy)


def _smile(landmarks: Landmarks, tuning: AppraisalTuning) -> Iterator[PhotoFault]:
    points = landmarks.points
    width = mouth_width(points)
    open_lips = float(np.linalg.norm(points[13] - points[14])) > 0.03 * eye_distance(points)
    text = "the photo smiles: its folds are taken off by guess"
    yield from _fault("smile", width if open_lips else 0.0, tuning.mouth_width, (0.1, 0.25), text, "a calm face works better")


def _fault(
    name: str, value: float, span: tuple[float, float], severity: tuple[float, float], text: str, remedy: str
) -> Iterator[PhotoFault]:
    """Yield a fault whose severity grows with `value` over `span`, none before it."""
    way = (value - span[0]) / (span[1] - span[0])
    if way > 0:
        grown = severity[0] + (severity[1] - severity[0]) * float(smoothstep(np.array(way)))
        yield PhotoFault(name, round(grown, 2), f"{text}; {remedy}")

"""Portraits of an evaluation, and the pairs made of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.assembly.factory import Models
from mien.contracts import Recogniser
from mien.errors import UsageError
from mien.imaging.arrays import locked
from mien.lab.meshes import settled
from mien.types import Affine, Floats, Image, Landmarks

_SEED = 20  # any; figures of the documentation are those of these pairs
EVERYDAY_GROUPS = ("everyday", "omi")
"""Folders of pictures like those of phones."""
_HELD_OUT_ENDINGS = ("2", "7")


@dataclass(frozen=True, slots=True)
class Portrait:
    """One portrait with landmarks and embedding; two with the same `person` show the same person."""

    name: str
    person: str
    image: Image
    landmarks: Landmarks
    embedding: Floats

    @property
    def group(self) -> str:
        """Folder of the picture."""
        return self.name.split("/")[0]

    @property
    def is_everyday(self) -> bool:
        """True for a picture like those of phones, False for a studio portrait."""
        return self.group in EVERYDAY_GROUPS

    @property
    def is_closing(self) -> bool:
        """True for a person whose pairs are looked at only when a change is finished: their number is divisible by 3."""
        digits = [int(sign) for sign in self.person if sign.isdigit()]
        return bool(digits) and sum(digits) % 3 == 0

    @property
    def held_out(self) -> bool:
        """True for a person whose number ends in 2 or 7: nothing may be trained or tuned on them."""
        return self.person.endswith(_HELD_OUT_ENDINGS)


def portraits(folder: Path, models: Models, recogniser: Recogniser) -> list[Portrait]:
    """Return every jpeg below `folder` that shows a face; NAME_expression.jpg shows NAME. Raises `UsageError`."""
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
        landmarks = settled(image, faces[0].points, models)
        person = f"{path.parent.name}/{path.stem.split('_')[0]}"
        name = f"{path.parent.name}/{path.name}"
        locked(image)
        found.append(Portrait(name, person, image, landmarks, recogniser.describe(image, landmarks)))
    if len({portrait.person for portrait in found}) < 2:
        raise UsageError(f"{folder} shows fewer than two people", "name the folder `faces` of the media")
    return found


def choose_pairs(people: Sequence[Portrait], count: int, seed: int = _SEED) -> list[tuple[Portrait, Portrait]]:
    """Return `count` random pairs (source, target) of different people, the same in every run."""
    draw = random.Random(seed)
    pairs: list[tuple[Portrait, Portrait]] = []
    seen: set[tuple[str, str]] = set()
    most = sum(a.person != b.person for a in people for b in people)
    while len(pairs) < min(count, most):
        source, target = draw.choice(people), draw.choice(people)
        if source.person != target.person and (source.name, target.name) not in seen:
            seen.add((source.name, target.name))
            pairs.append((source, target))
    return pairs


def placed(portrait: Portrait, to_frame: Affine, size_wh: tuple[int, int]) -> tuple[Image, Floats]:
    """Draw the portrait into a new picture by a similarity; return it and its landmarks there, float32 (478, 3)."""
    image, matrix = portrait.image, to_frame.copy()
    shrink = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    while shrink < 0.5:
        # Far shrinking in one bilinear step would alias; pyrDown keeps pixel 2x at x.
        image = np.asarray(cv2.pyrDown(image), np.uint8)
        matrix[:, :2] *= 2
        shrink *= 2
    drawn = cv2.warpAffine(image, matrix, size_wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn, np.uint8), moved_points(portrait.landmarks.points, to_frame)


def moved_points(points: Floats, to_frame: Affine) -> Floats:
    """Return landmarks (478, 3) moved by a similarity; z scales with it."""
    moved = np.empty_like(points)
    moved[:, :2] = points[:, :2] @ to_frame[:, :2].T + to_frame[:, 2]
    moved[:, 2] = points[:, 2] * float(np.hypot(to_frame[0, 0], to_frame[1, 0]))
    return moved

"""Contributors: calm portraits on the common canvas, their proportions, and all portraits that a stand-in must not resemble."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.assembly import factory
from mien.assembly.source_photos import read_photo
from mien.contracts import Recogniser
from mien.errors import SourceFaceError, UsageError
from mien.face.mean_face import neutral
from mien.lab.meshes import settled
from mien.lab.training.stand_ins import canvas
from mien.lab.training.stand_ins.backdrop import cut_free
from mien.models.format.parsing import FaceClass
from mien.settings import Settings
from mien.swap.source.load import load_source
from mien.types import Array, Floats, Image

LEAST_PEOPLE = 30  # two groups of 12 and a choice
_UNEVEN_HAIR = 0.015
"""Mean difference of the hair on the face from its mirror image: four of 52 portraits have a fringe to one side above it."""
_PICTURES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class Contributor:
    """One person.

    `picture` BGRA uint8 on the canvas in mean proportions, `shape` float32 (478, 3) in the head frame, `descriptor` float32
    (128,), `age` the apparent age in years.
    """

    name: str
    picture: Image
    shape: Floats
    descriptor: Floats
    age: float


@dataclass(frozen=True, slots=True)
class Known:
    """A face that no stand-in may resemble; `person` is the start of its name, up to the expression."""

    name: str
    descriptor: Floats

    @property
    def person(self) -> str:
        """The name without the expression."""
        return self.name.rpartition("_")[0] or self.name


def read_contributors(
    folder: Path, models: factory.Models, recogniser: Recogniser, progress: Callable[[int, int], None]
) -> tuple[tuple[Contributor, ...], Floats]:
    """Return the people of NAME_neutral.jpg in `folder` and their mean shape, without lopsided fringes. Raises `UsageError`."""
    paths = sorted(folder.glob("*_neutral.jpg"))
    found = []
    for number, path in enumerate(paths, 1):
        image = read_photo(path, Settings())
        faces = models.photo_detector.detect(image)
        if faces and not _is_lopsided(image, models):
            landmarks = settled(image, faces[0].points, models)
            found.append((f"{folder.name}/{path.stem.rpartition('_')[0]}", image, landmarks))
        progress(number, len(paths))
    if len(found) < LEAST_PEOPLE:
        raise UsageError(
            f"{folder} holds {len(found)} even faces named NAME_neutral.jpg, {LEAST_PEOPLE} are needed",
            "name the folder of the London set",
        )
    shapes = [neutral(landmarks.points) for _, _, landmarks in found]
    mean = np.asarray(np.mean(shapes, axis=0), np.float32)
    common = canvas.placed(mean)
    return tuple(
        Contributor(
            name,
            canvas.warped(cut_free(image), landmarks.points, common),
            shape,
            recogniser.describe(image, landmarks),
            models.ages.age(image, landmarks),
        )
        for (name, image, landmarks), shape in zip(found, shapes, strict=True)
    ), mean


def _is_lopsided(image: Image, models: factory.Models) -> bool:
    """Return whether hair falls into one side of the face, or the face is refused as a source."""
    try:
        classes = load_source(image, models.inspection).classes
    except SourceFaceError:
        return True
    assert classes is not None
    hair: Array = classes[FaceClass.HAIR] / 255.0
    return float(np.abs(hair - hair[:, ::-1]).mean()) > _UNEVEN_HAIR


def read_known(
    folders: Sequence[Path], models: factory.Models, recogniser: Recogniser, progress: Callable[[int, int], None]
) -> tuple[Known, ...]:
    """Return every face of every portrait below the folders."""
    paths = [path for folder in folders for path in sorted(folder.glob("**/*")) if path.suffix.lower() in _PICTURES]
    found = []
    for number, path in enumerate(paths, 1):
        image = read_photo(path, Settings())
        for face in models.photo_detector.detect(image):
            descriptor = recogniser.describe(image, settled(image, face.points, models))
            found.append(Known(f"{path.parent.name}/{path.stem}", descriptor))
        progress(number, len(paths))
    return tuple(found)

"""Recipe of the stand-ins: draw, mix, judge by rejection, choose the most unlike ones, write them and their distances."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.contracts import Recogniser
from mien.errors import SourceFaceError, UsageError
from mien.lab.training.stand_ins import canvas, mix
from mien.lab.training.stand_ins.contributors import Contributor, Known, read_contributors, read_known
from mien.lab.training.stand_ins.draw import Draw, Draws
from mien.media.files.output_file import output_error
from mien.models.library.store import Store
from mien.provenance.fingerprint import FACE_FREQUENCIES, distance, fingerprint
from mien.settings import Settings
from mien.types import Floats, Image

COUNT = 16  # stand-ins: more than the people in most films


@dataclass(frozen=True, slots=True)
class RecipeTuning:
    """Numbers behind the committed assets."""

    strength: float = 2.0  # of the difference of a mixture from the mean, in skin and in shape
    least_distance: float = 0.55  # between descriptors; one of a thousand pairs of strangers is nearer than 0.53
    least_bits: int = 36  # between fingerprints; below it one statement of consent holds for both
    least_age: float = 22.0  # apparent years; a statement of adulthood is asked for below 18
    size_wh: tuple[int, int] = (512, 640)  # pixels: eyes as far apart as in the portraits
    jpeg_quality: int = 93


TUNING = RecipeTuning()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stand-in that passed: `jpeg` is the file; distances are those of its face as it is read back from the file.

    `hashed` is the fingerprint by which a consent finds the face.
    """

    draw: Draw
    jpeg: bytes
    descriptor: Floats
    age: float
    contributor: float
    nearest: float
    hashed: int


class _Kitchen:
    """The contributors, and what is the same for all mixtures."""

    def __init__(self, contributors: Sequence[Contributor], shape: Floats) -> None:
        self._contributors, self._shape = contributors, shape
        self._bands = [mix.bands_of(each.picture).packed() for each in contributors]
        self._mean = mix.mixed(self._bands, np.full(len(contributors), 1 / len(contributors), np.float32), restore=False)

    def picture(self, draw: Draw) -> Image:
        """Return the stand-in of a draw, BGR uint8."""
        bands = mix.mixed([self._bands[i] for i in draw.skin], draw.skin_shares, restore=True)
        whole = mix.pictured(bands, self._mean, TUNING.strength)
        shapes = np.stack([self._contributors[i].shape for i in draw.shape])
        own = np.tensordot(draw.shape_shares, shapes, axes=1)
        shape = np.asarray(self._shape + TUNING.strength * (own - self._shape), np.float32)
        large = canvas.warped(whole, canvas.placed(self._shape), canvas.placed(shape))
        return np.asarray(cv2.resize(large, TUNING.size_wh, interpolation=cv2.INTER_AREA), np.uint8)

    def names(self, draw: Draw) -> list[str]:
        """Return the people of a draw."""
        return [self._contributors[i].name for i in draw.everybody]


@dataclass(frozen=True, slots=True)
class Judge:
    """Networks and portraits by which candidates are accepted or rejected."""

    models: factory.Models
    recogniser: Recogniser
    known: tuple[Known, ...]

    def judged(self, draw: Draw, names: Sequence[str], picture: Image) -> Candidate | str:
        """Return the candidate of a picture, or why it is rejected."""
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, TUNING.jpeg_quality])[1]
        try:
            face = factory.open_source(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8), self.models)
        except SourceFaceError as error:
            return str(error)
        if face.warnings:
            return face.warnings[0]
        assert face.age is not None
        if face.age < TUNING.least_age:
            return f"looks {face.age:.0f} years old"
        descriptor = self.recogniser.describe(face.image, face.landmarks)
        distances = np.array([np.linalg.norm(each.descriptor - descriptor) for each in self.known])
        nearest = int(distances.argmin())
        if distances[nearest] < TUNING.least_distance:
            return f"{distances[nearest]:.2f} from {self.known[nearest].name}"
        own = [distance for distance, each in zip(distances, self.known, strict=True) if each.person in names]
        hashed = fingerprint(face.image, FACE_FREQUENCIES)
        return Candidate(draw, coded.tobytes(), descriptor, face.age, float(min(own)), float(distances[nearest]), hashed)


def run(
    portraits: Path, others: Sequence[Path], folder: Path, say: Callable[[str], None], seed: int, draws: int
) -> dict[str, float]:
    """Write stand-in-N.jpg and sheet.csv to `folder` and return the figures of all; raises a `MienError`.

    No stand-in resembles a portrait below `portraits`, its contributors among them, or below `others`.
    """
    models, recogniser = factory.open_models(Settings(), Store()), factory.open_recogniser(Store())

    def progress(done: int, total: int) -> None:
        if done == total:
            say(f"{total} portraits read")

    contributors, shape = read_contributors(portraits, models, recogniser, progress)
    say(f"{len(contributors)} people contribute")
    judge = Judge(models, recogniser, read_known([portraits, *others], models, recogniser, progress))
    kitchen, source = _Kitchen(contributors, shape), Draws(contributors, seed)
    passed = []
    for number in range(1, draws + 1):
        draw = source.next()
        verdict = judge.judged(draw, kitchen.names(draw), kitchen.picture(draw))
        if isinstance(verdict, Candidate):
            passed.append(verdict)
        words = verdict if isinstance(verdict, str) else f"kept, {verdict.nearest:.2f} from all portraits"
        say(f"{number} of {draws}: {words}")
    chosen = unlike(passed, COUNT)
    if len(chosen) < COUNT:
        raise UsageError(f"only {len(chosen)} stand-ins are unlike each other", "draw more, or take another seed")
    _write(chosen, folder)
    between = _between(chosen)
    return {
        "passed": len(passed),
        "nearest contributor": min(each.contributor for each in chosen),
        "nearest portrait": min(each.nearest for each in chosen),
        "nearest other stand-in": float(between.min()),
    }


def unlike(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """Return at most `count` candidates, each at least the least distance from the ones before and as far as can be."""
    if not candidates:
        return []
    descriptors = np.stack([each.descriptor for each in candidates])
    # The most unusual face is the first one.
    chosen = [int(np.linalg.norm(descriptors - descriptors.mean(0), axis=1).argmax())]
    apart = np.full(len(candidates), np.inf)
    while True:
        last = candidates[chosen[-1]]
        apart = np.minimum(apart, np.linalg.norm(descriptors - last.descriptor, axis=1))
        apart[[distance(each.hashed, last.hashed) < TUNING.least_bits for each in candidates]] = 0
        if len(chosen) == count or apart.max() < TUNING.least_distance:
            break
        chosen.append(int(apart.argmax()))
    return [candidates[i] for i in chosen]


def _between(chosen: Sequence[Candidate]) -> Floats:
    """Return the distance of each stand-in to the nearest other one."""
    descriptors = np.stack([each.descriptor for each in chosen])
    distances = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances.min(axis=1), np.float32)


def _write(chosen: Sequence[Candidate], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "sheet.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(
                ["name", "apparent age", "skin of", "shape of", "largest share", "contributor", "portrait", "other stand-in"]
            )
            for number, (each, other) in enumerate(zip(chosen, _between(chosen), strict=True), 1):
                (folder / f"stand-in-{number}.jpg").write_bytes(each.jpeg)
                draw = each.draw
                most = max(float(draw.skin_shares.max()), float(draw.shape_shares.max()))
                facts = [len(draw.skin), len(draw.shape), f"{most:.3f}", f"{each.contributor:.3f}", f"{each.nearest:.3f}"]
                rows.writerow([f"stand-in-{number}", f"{each.age:.0f}", *facts, f"{other:.3f}"])
    except OSError as error:
        raise output_error(error, folder) from error

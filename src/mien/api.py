"""The library: load a face with consent, swap files and frames, verify what comes out.

The names here are those of the package: `import mien`, then `mien.load_face(...)`. Everything else may change from one
version to the next. Colours are BGR, pictures uint8 (h, w, 3). Errors are `MienError`s, each with a `remedy`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mien.assembly import factory, registry
from mien.assembly.file_swap import FileSwap
from mien.batch.marking import FileMark
from mien.contracts import ContentClassifier
from mien.errors import ContentRefused, MienError, SourceFaceError, UsageError
from mien.media.files import moving
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import read_picture
from mien.media.files.statement import shown_name
from mien.models.library.store import Store
from mien.provenance.consent import Consent
from mien.provenance.label import Labeller
from mien.provenance.trust import Signing, Trust, open_trust, open_verifier
from mien.provenance.verify import Report
from mien.safety.content_check import ContentWatch, is_due
from mien.settings import Settings
from mien.swap.pipeline import Pipeline
from mien.system.folders import data_folder
from mien.types import Frame, Image, LabelledFrame, SourceFace

__all__ = [
    "Face",
    "FrameSwapper",
    "LabelledFrame",
    "MienError",
    "Report",
    "Settings",
    "Swapped",
    "load_face",
    "open_pipeline",
    "read_video",
    "swap_picture",
    "swap_video",
    "verify",
]

Statement = Literal["self", "permission", "synthetic", "public-domain"]
"""Why a face may be used; `mien consent` lists the statements of this machine."""
DEFAULTS = Settings()
FULL_STRENGTH = 1.0  # of the mark; what encodes the frames later is not known here


@dataclass(frozen=True, slots=True)
class Face:
    """A source face with its recorded consent, ready to be worn; made by `load_face`."""

    source: SourceFace
    consent: Consent
    models: factory.Models
    trust: Trust


@dataclass(frozen=True, slots=True)
class Swapped:
    """A file that was written: labelled, marked, signed and read back.

    `faces` counts the replaced faces of all `frames`. `notes` say what was converted or left out.
    """

    path: Path
    frames: int
    faces: int
    notes: tuple[str, ...]


def load_face(
    photo: Path | str,
    *,
    consent: Statement | None = None,
    also: Sequence[Path | str] = (),
    number: int | None = None,
    settings: Settings = DEFAULTS,
    data: Path | None = None,
) -> Face:
    """Load the face of a photo and record why it may be used.

    `consent` None uses the statement recorded for this photo before. `also` are further photos of the same person, `number`
    counts the faces of a group from the left, from 1. `data` is the folder of key, ledger and consents (default: the user's).

    Raises a `SourceFaceError` for a photo that cannot be worn, `UsageError` without a statement, and what reading a
    picture, the models and the data folder raise.
    """
    trust = open_trust(data_folder() if data is None else data, Signing())
    models = factory.open_models(settings, Store())
    registry.check_names(settings, models.sessions)
    with _naming(photo):
        source = factory.open_source(_read(photo, settings), models, number)
    recogniser = factory.open_recogniser(Store()) if also else None
    for path in also:
        assert recogniser is not None
        with _naming(path):
            source = factory.add_photo(source, _read(path, settings), models, recogniser)
    if consent is not None:
        return Face(source, trust.consents.record(source, consent, shown_name(Path(photo))), models, trust)
    found = trust.consents.find(source)
    if found is None:
        raise UsageError(f"{photo}: no consent is recorded for this face", "name one: consent='self', 'permission', ...")
    return Face(source, found, models, trust)


def swap_picture(
    face: Face, target: Path | str, output: Path | str, *, settings: Settings = DEFAULTS, overwrite: bool = False
) -> Swapped:
    """Swap the faces of a picture file into a new one: jpeg, png, webp, tiff or bmp, by the name of `output`.

    Raises a `MienError`; then nothing is written.
    """
    return _swap(face, Path(target), Path(output), settings, overwrite)


def swap_video(
    face: Face,
    target: Path | str,
    output: Path | str,
    *,
    settings: Settings = DEFAULTS,
    overwrite: bool = False,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Swapped:
    """Swap the faces of a video or an animation file into a new one: .mp4, .mov, .mkv, .webm, .avi, .gif, .webp or .png.

    `start_s` and `end_s` cut it. Raises a `MienError`; then nothing is written.
    """
    return _swap(face, Path(target), Path(output), settings, overwrite, start_s, end_s)


class FrameSwapper:
    """Swaps frames in memory, in order; every frame that leaves is labelled, marked and checked. Made by `open_pipeline`."""

    def __init__(self, pipeline: Pipeline, labeller: Labeller, classifier: ContentClassifier, face: Face) -> None:
        self._pipeline = pipeline
        self._labeller = labeller
        self._classifier = classifier
        self._face = face
        self._watch = ContentWatch()
        self._checked_s: float | None = None

    def swap(self, frame: Frame) -> LabelledFrame:
        """Return the frame with its faces replaced; the picture of `frame` is used up, a read-only one is copied.

        Raises `ContentRefused` when the content check refuses it, and what engines raise. A refused stream stays refused.
        """
        if not frame.image.flags.writeable:
            frame = replace(frame, image=frame.image.copy())
        result = self._pipeline.swap_frame(frame)
        self._check(result.frame)
        return self._labeller.label(result.frame)

    def swap_all(self, frames: Iterable[Frame]) -> Iterator[LabelledFrame]:
        """Yield each frame with its faces replaced. Raises what `swap` raises."""
        return (self.swap(frame) for frame in frames)

    def _check(self, frame: Frame) -> None:
        """Run the content check once a second, before anything leaves; revoked consent ends the stream, too."""
        if is_due(frame.time_s, self._checked_s):
            self._face.trust.consents.check(self._face.consent)
            self._watch.observe(self._classifier.score(frame.image), frame.time_s)
            self._checked_s = frame.time_s
        if self._watch.refused or self._watch.refused_as_a_whole:
            raise ContentRefused(
                "the content check takes this for nudity; no frame is returned",
                "mien makes no sexual imagery; how the check decides, and that it can err, is in docs/content-check.md",
            )


def open_pipeline(face: Face, *, settings: Settings = DEFAULTS) -> FrameSwapper:
    """Open the main path for one stream of frames. Raises a `ModelError`.

    Frames in memory carry the badge, whatever `settings.badge` says, and the mark, with the number of the input's own mark
    where it has one; signed credentials belong to files (`swap_video`).
    """
    pipeline = factory.open_pipeline(settings, face.models, face.source)
    labeller = Labeller(settings, FileMark((), FULL_STRENGTH), live=True)
    return FrameSwapper(pipeline, labeller, factory.open_classifier(Store()), face)


def read_video(
    path: Path | str, *, settings: Settings = DEFAULTS, start_s: float | None = None, end_s: float | None = None
) -> Iterator[Frame]:
    """Yield the frames of a video or an animation, upright, SDR, in order. Raises a `MediaError`."""
    with moving.open_moving(
        Path(path), max_pixels=settings.max_pixels, max_bytes=settings.max_bytes, start_s=start_s, end_s=end_s
    ) as reader:
        while (frame := reader.read()) is not None:
            yield frame


def verify(path: Path | str, *, roots: Sequence[Path] = (), data: Path | None = None) -> Report:
    """Report what a file says of itself: credentials, mark, fingerprint. No row says that a file is genuine.

    `roots` are PEM certificates that you trust beside this installation's own. Raises a `MienError` for a file that cannot
    be opened.
    """
    return open_verifier(data_folder() if data is None else data, roots, DEFAULTS).examine(Path(path))


def _swap(
    face: Face,
    target: Path,
    output: Path,
    settings: Settings,
    overwrite: bool,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Swapped:
    kind = moving.kind_of(target)
    moving.check_name(target, kind, output, settings)
    file_swap = FileSwap(
        target, kind, face.source, face.consent, settings, face.models, face.trust.notary, start_s=start_s, end_s=end_s
    )
    temporaries = face.trust.temporaries
    with temporaries.cleaned():
        made = OutputFile(output, overwrite=overwrite, inputs=(target,), journal=temporaries)
        made.check()
        result, notes = file_swap.swap(made)
    return Swapped(output, result.frames, result.faces_swapped, notes)


def _read(path: Path | str, settings: Settings) -> Image:
    return read_picture(Path(path), max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


@contextmanager
def _naming(path: Path | str) -> Iterator[None]:
    """Name the photo in an error about its face."""
    try:
        yield
    except SourceFaceError as error:
        raise type(error)(f"{path}: {error}", error.remedy) from error

"""Files: swapped, read, verified."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.api.arguments import models_of, path_of, paths_of, seconds_of, settings_of
from mien.api.face_maps import FaceMap, worn_of
from mien.api.faces import Face
from mien.assembly.file_swap import FileSwap
from mien.errors import UsageError
from mien.media.files import moving
from mien.media.files.moving import Kind, MovingReader
from mien.media.files.output_file import OutputFile
from mien.provenance.trust import open_verifier
from mien.provenance.verify import Report
from mien.settings import Settings
from mien.system.folders import data_folder
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class Swapped:
    """A file that was written: labelled, marked, signed and read back.

    `faces` counts the replaced faces of all `frames`. `notes` say what was converted or left out. `worn` holds for each person
    of a `FaceMap`, by the name of the photo, the frames in which they wore their face.
    """

    path: Path
    frames: int
    faces: int
    notes: tuple[str, ...]
    worn: Mapping[str, int] = field(default_factory=dict)


def swap_picture(
    face: Face | FaceMap, target: Path | str, output: Path | str, *, settings: Settings | None = None, overwrite: bool = False
) -> Swapped:
    """Swap the faces of a picture file into a new one: jpeg, png, webp, tiff or bmp, by the name of `output`.

    Everyone wears `face`, or each person of a map the face of their own.

    Raises a `MienError`; then nothing is written.
    """
    path = path_of(target, "target")
    kind = moving.kind_of(path)
    if kind is not Kind.PICTURE:
        raise UsageError(f"{path} is not a picture that mien reads", "swap videos and animations with mien.swap_video")
    return _swap(face, path, kind, path_of(output, "output"), settings_of(settings), overwrite)


def swap_video(
    face: Face | FaceMap,
    target: Path | str,
    output: Path | str,
    *,
    settings: Settings | None = None,
    overwrite: bool = False,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Swapped:
    """Swap the faces of a video or an animation file into a new one: .mp4, .mov, .mkv, .webm, .avi, .gif, .webp or .png.

    Everyone wears `face`, or each person of a map the face of their own. `start_s` and `end_s` cut it. Raises a `MienError`;
    then nothing is written.
    """
    path = path_of(target, "target")
    start_s, end_s = seconds_of(start_s, "start_s"), seconds_of(end_s, "end_s")
    kind = _kind_of_moving(path)
    return _swap(face, path, kind, path_of(output, "output"), settings_of(settings), overwrite, start_s, end_s)


def read_video(
    path: Path | str, *, settings: Settings | None = None, start_s: float | None = None, end_s: float | None = None
) -> Iterator[Frame]:
    """Open a video or an animation and return its frames, upright, SDR, in order. Raises a `MediaError`."""
    settings = settings_of(settings)
    named = path_of(path, "path")
    _kind_of_moving(named)
    reader = moving.open_moving(
        named,
        max_pixels=settings.max_pixels,
        max_bytes=settings.max_bytes,
        start_s=seconds_of(start_s, "start_s"),
        end_s=seconds_of(end_s, "end_s"),
    )
    return _frames(reader)


def verify(path: Path | str, *, roots: Sequence[Path | str] = (), data: Path | str | None = None) -> Report:
    """Report what a file says of itself: credentials, mark, fingerprint. No row says that a file is genuine.

    `roots` are PEM certificates that you trust beside this installation's own. Raises a `MienError` for a file that cannot
    be opened.
    """
    folder = data_folder() if data is None else path_of(data, "data")
    return open_verifier(folder, paths_of(roots, "roots"), Settings()).examine(path_of(path, "path"))


def _frames(reader: MovingReader) -> Iterator[Frame]:
    with reader:
        while (frame := reader.read()) is not None:
            yield frame


def _kind_of_moving(path: Path) -> Kind:
    kind = moving.kind_of(path)
    if kind is Kind.PICTURE:
        raise UsageError(f"{path} is a picture", "swap pictures with mien.swap_picture")
    return kind


def _swap(
    face: Face | FaceMap,
    target: Path,
    kind: Kind,
    output: Path,
    settings: Settings,
    overwrite: bool,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Swapped:
    worn = worn_of(face)
    moving.check_name(target, kind, output, settings)
    models = models_of(worn.models, worn.settings, settings)
    file_swap = FileSwap(
        target, kind, worn.plan, worn.consents, settings, models, worn.trust.notary, start_s=start_s, end_s=end_s
    )
    made = OutputFile(output, overwrite=overwrite, inputs=(target,), journal=worn.trust.temporaries)
    made.check()
    result, notes = file_swap.swap(made)
    return Swapped(output, result.frames, result.faces_swapped, notes, dict(result.worn))

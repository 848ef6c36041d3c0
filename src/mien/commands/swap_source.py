"""Source face of a `mien swap` request, and the consent to use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from mien.assembly import factory
from mien.commands.swap_request import Request
from mien.errors import SourceFaceError, UsageError
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import read_picture
from mien.media.files.picture_write import write_format
from mien.media.files.statement import shown_name
from mien.models.library.store import Store
from mien.provenance.consent import STATEMENTS, Consent
from mien.provenance.trust import Trust
from mien.settings import Settings
from mien.swap.source.load import numbered_picture, search
from mien.types import Image, SourceFace


def open_source(request: Request, models: factory.Models) -> SourceFace:
    """Find the source face in the photo and its further photos; raises a `MienError`."""
    photo = _photo(request.photo, request.settings)
    if request.number_faces is not None:
        _write_numbered(request, models, photo)
    with _naming(request.photo):
        source = factory.open_source(photo, models, request.source_face)
    if not request.also:
        return source
    recogniser = factory.open_recogniser(Store())
    for path in request.also:
        with _naming(path):
            source = factory.add_photo(source, _photo(path, request.settings), models, recogniser)
    return source


def _photo(path: Path, settings: Settings) -> Image:
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the photo's name before an error of it."""
    try:
        yield
    except SourceFaceError as error:
        raise type(error)(f"{path}: {error}", error.remedy) from error


def consent_for(request: Request, trust: Trust, source: SourceFace) -> Consent:
    """Return the consent recorded for this photo, or record the one given now; raises `UsageError` without any."""
    stated = request.consent
    if stated is None:
        found = trust.consents.find(source)
        if found is not None:
            return found
        if request.ask is None:
            raise UsageError(f"{request.photo}: no consent was given for this face", f"add --consent {'|'.join(STATEMENTS)}")
        stated = request.ask(request.photo)
    return trust.consents.record(source, stated, shown_name(request.photo))


def _write_numbered(request: Request, models: factory.Models, photo: Image) -> None:
    assert request.number_faces is not None
    path = request.number_faces
    write_format(path)
    numbered = numbered_picture(search(photo, models.photo_detector))
    with OutputFile(path, overwrite=request.overwrite, inputs=request.inputs) as output:
        if not cv2.imwrite(str(output.temporary), numbered):
            raise UsageError(f"cannot write {path}", "name a .png or .jpg")
        output.commit()

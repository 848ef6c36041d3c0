"""Source face of a `mien swap` request, and the consent to use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from rich.console import Console

from mien.assembly import factory, stand_ins
from mien.assembly.source_clip import ClipProgress
from mien.assembly.source_photos import is_clip, open_photos, read_photo
from mien.commands.swap_request import Request
from mien.errors import AdulthoodNeeded, UsageError
from mien.media.files.output_file import OutputFile, same_file
from mien.media.files.picture_write import write_format
from mien.media.files.statement import shown_name
from mien.provenance.consent import STATEMENTS, Consent
from mien.provenance.trust import Trust
from mien.swap.source.load import numbered_picture, search
from mien.types import Image, SourceFace


def open_source(request: Request, photo: Path, models: factory.Models, console: Console, *, quiet: bool) -> SourceFace:
    """Find the source face in a photo and in the further photos and clips of the request; raises a `MienError`."""
    if request.number_faces is not None:
        if is_clip(photo):
            raise UsageError(f"{photo} is a clip: only a photo can be numbered", "omit --number-faces")
        _write_numbered(request, models, read_photo(photo, request.settings))

    @contextmanager
    def watch(path: Path) -> Iterator[ClipProgress]:
        # A photo needs no bar.
        from mien.commands.progress import clip_progress

        with clip_progress(console, path, quiet=quiet) as progress:
            yield progress

    return open_photos(photo, request.also, request.settings, models, request.source_face, watch)


def consent_for(request: Request, trust: Trust, source: SourceFace, photo: Path) -> Consent:
    """Return the consent recorded for this photo, or record the one given now; a stand-in has its own.

    Raises `UsageError` without any, `AdulthoodNeeded` for a face that looks young and is not stated to be an adult's.
    """
    adult = _is_stated_adult(request, trust, source, photo)
    own = [statement for named, statement in request.roles.consents.items() if same_file(named, photo)]
    stated = stand_ins.statement_for(photo) or (own[0] if own else request.consent)
    if stated is None:
        found = trust.consents.find(source, adult=adult)
        if found is not None:
            return found
        if request.ask is None:
            raise UsageError(f"{photo}: no consent was given for this face", f"add --consent {'|'.join(STATEMENTS)}")
        stated = request.ask(photo)
    return trust.consents.record(source, stated, shown_name(photo), adult=adult)


def _is_stated_adult(request: Request, trust: Trust, source: SourceFace, photo: Path) -> bool:
    """Return True when it is stated with this request that the person is an adult."""
    if request.adult:
        return True
    try:
        trust.consents.check_adulthood(source)
    except AdulthoodNeeded as error:
        if request.ask_adult is None or not request.ask_adult(photo, str(error)):
            raise AdulthoodNeeded(f"{photo}: {error}", error.remedy) from error
        return True
    return False


def _write_numbered(request: Request, models: factory.Models, photo: Image) -> None:
    assert request.number_faces is not None
    path = request.number_faces
    write_format(path)
    numbered = numbered_picture(search(photo, models.photo_detector))
    with OutputFile(path, overwrite=request.overwrite, inputs=request.inputs) as output:
        if not cv2.imwrite(str(output.temporary), numbered):
            raise UsageError(f"cannot write {path}", "name a .png or .jpg")
        output.commit()

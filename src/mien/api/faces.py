"""Source faces with consent."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien.api.arguments import number_of, path_of, paths_of, settings_of
from mien.assembly import factory, registry, stand_ins
from mien.assembly.machine_check import check_once
from mien.assembly.source_photos import open_photos
from mien.errors import UsageError
from mien.media.files.statement import shown_name
from mien.models.library.store import Store
from mien.provenance.consent import STATEMENTS, Consent
from mien.provenance.trust import Signing, Trust, open_trust
from mien.settings import Settings
from mien.system.folders import data_folder
from mien.types import SourceFace

Statement = Literal["self", "permission", "synthetic", "public-domain"]
"""Why a face may be used; `mien consent` lists the statements of this machine."""


@dataclass(frozen=True, slots=True, repr=False)
class Face:
    """A source face with its recorded consent, ready to be worn; made by `load_face`, with these settings.

    Its `repr` shows nothing of the photo, for logs.
    """

    source: SourceFace
    consent: Consent
    models: factory.Models
    trust: Trust
    settings: Settings
    photo: Path


def load_face(
    photo: Path | str,
    *,
    consent: Statement | None = None,
    adult: bool = False,
    also: Sequence[Path | str] = (),
    number: int | None = None,
    settings: Settings | None = None,
    data: Path | str | None = None,
) -> Face:
    """Load the face of a photo, or of a short clip of one person, and record why it may be used.

    The name of a stand-in, `"stand-in-1"` to `"stand-in-16"`, loads a face of no one person that comes with mien; its
    statement is known. `consent` None uses the statement recorded for this photo before. `adult` states that the person is 18
    or older, which is needed for a face that looks younger and is recorded, too. `also` are further photos and short clips of
    the same person; of a clip, the first minute is looked at. `number` counts the faces of a group from the left, from 1.
    `data` is the folder of key, ledger and consents (default: the user's).

    Raises a `SourceFaceError` for a photo that cannot be worn (`SourceFaceChild`: it looks like a child's), `UsageError`
    without a statement, `AdulthoodNeeded` for a face that looks young and is not stated to be an adult's, and what reading a
    picture, the models and the data folder raise. The first call on a machine looks whether it computes right, for a second,
    and raises `MienError` where it does not.
    """
    path, others = stand_ins.named(path_of(photo, "photo")), paths_of(also, "also")
    number, settings = number_of(number), settings_of(settings)
    if consent is not None and (not isinstance(consent, str) or consent not in STATEMENTS):
        raise UsageError(f"no valid consent: {consent!r}", f"consent is one of: {', '.join(STATEMENTS)}")
    if not isinstance(adult, bool):
        raise UsageError(f"invalid adult: {adult!r}", "write adult=True for a person of 18 or older, else leave it out")
    trust = open_trust(data_folder() if data is None else path_of(data, "data"), Signing())
    check_once(Store())
    models = factory.open_models(settings, Store())
    registry.check_names(settings, models.sessions)
    source = open_photos(path, others, settings, models, number)
    stated = stand_ins.statement_for(path) or consent
    if stated is not None:
        given = trust.consents.record(source, stated, shown_name(path), adult=adult)
        return Face(source, given, models, trust, settings, path)
    found = trust.consents.find(source, adult=adult)
    if found is None:
        raise UsageError(f"{path}: no consent is recorded for this face", "name one: consent='self', 'permission', ...")
    return Face(source, found, models, trust, settings, path)


def face_of(value: object) -> Face:
    """Return the face that a caller hands over, unless its consent was revoked."""
    if not isinstance(value, Face):
        raise UsageError(f"no face is given: {type(value).__name__}", "load one: mien.load_face('me.jpg', consent='self')")
    value.trust.consents.check(value.consent)
    return value

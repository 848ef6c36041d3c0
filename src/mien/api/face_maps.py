"""Maps of faces: each person of a target wears a face of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mien.api.arguments import path_of
from mien.api.faces import Face, face_of
from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan, check_apart
from mien.assembly.source_photos import check_not_own, person_of_photo
from mien.errors import UsageError
from mien.models.library.store import Store
from mien.provenance.consent import Consent
from mien.provenance.trust import Trust
from mien.settings import Settings
from mien.swap.people.identities import Wanted
from mien.types import SourceFace

Others = Literal["leave", "blur", "cover"]
"""Fate of the faces of everyone else."""


@dataclass(frozen=True, slots=True, repr=False)
class FaceMap:
    """People and the faces that they wear; made by `map_faces`. Its `repr` shows nothing of them, for logs."""

    plan: CastPlan
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Worn:
    """Worn faces, with all consents, and the models, trust and settings of the first one."""

    plan: SourceFace | CastPlan
    consents: tuple[Consent, ...]
    models: factory.Models
    trust: Trust
    settings: Settings


def map_faces(people: Mapping[Path | str, Face], *, others: Others = "leave") -> FaceMap:
    """Let each person wear a face of their own: `people` maps a photo of who is in the target, alone, to a loaded face.

    A person is recognised on the track, below a threshold, never as the nearest; `others` is what becomes of all other faces.
    At most 16 faces are worn. Raises `UsageError` for two photos of one person, and for a photo that is to be worn, too, a
    `SourceFaceError` for a photo without a face or with several, and what reading a picture raises.
    """
    if not isinstance(people, Mapping) or not people:
        raise UsageError("people is no mapping of photos to faces", "write {'grandma.jpg': face}")
    if others not in get_args(Others):
        raise UsageError(f"invalid others: {others!r}", f"it is one of: {', '.join(get_args(Others))}")
    paths = [path_of(photo, "a photo of people") for photo in people]
    faces = tuple(face_of(face) for face in people.values())
    for path, face in zip(paths, faces, strict=True):
        check_not_own(path, face.photo)
    recogniser = factory.open_recogniser(Store())
    found = [person_of_photo(path, faces[0].settings, faces[0].models, recogniser) for path in paths]
    wanted = [Wanted(str(path), person.templates) for path, person in zip(paths, found, strict=True)]
    check_apart(wanted, recogniser)
    members = tuple((person, face.source) for person, face in zip(wanted, faces, strict=True))
    return FaceMap(CastPlan(others=others, members=members), faces)


def worn_of(value: object) -> Worn:
    """Return what a caller hands over to be worn, a face or a map of faces, unless a consent was revoked."""
    if isinstance(value, FaceMap):
        faces = tuple(face_of(face) for face in value.faces)
        consents = tuple({face.consent.id: face.consent for face in faces}.values())
        return Worn(value.plan, consents, faces[0].models, faces[0].trust, faces[0].settings)
    face = face_of(value)
    return Worn(face.source, (face.consent,), face.models, face.trust, face.settings)

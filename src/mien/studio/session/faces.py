"""The gallery: photos whose faces may be worn, each with the consent that was given for it."""

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.assembly import factory
from mien.contracts import Engine, Recogniser
from mien.errors import OutputError, SeveralSourceFaces, UsageError
from mien.media.files.output_file import output_error
from mien.media.files.picture import read_picture
from mien.provenance.consent import STATEMENTS, Consent, Consents
from mien.settings import Settings
from mien.studio.session.database import StudioDatabase, from_json, objects, to_json
from mien.swap.persona import Persona, open_persona
from mien.swap.source.load import numbered_picture, search
from mien.system.folders import make_private
from mien.types import Image, SourceFace

MOST_FACES = 60
MOST_PHOTO_BYTES = 64_000_000
MOST_PHOTO_PIXELS = 60_000_000
_PERSONAS_KEPT = 4
PREPARED_BY = "boost", "morph", "segmenter", "enhancer", "fidelity", "device", "precision"
"""Settings of installed models that a persona depends on, beside its engine."""
_DRAWN_BY = "eyes", "mouth", "finish", *PREPARED_BY
_THUMB = 192
_MOST_NAME = 80


class SeveralFaces(SeveralSourceFaces):
    """The photo shows several faces; `picture` is a JPEG of it with their numbers."""

    def __init__(self, count: int, picture: bytes) -> None:
        super().__init__(f"the photo shows {count} faces", "choose one of them")
        self.count = count
        self.picture = picture


class ConsentNeeded(UsageError):
    """Nothing has been stated for this photo."""

    def __init__(self, name: str) -> None:
        super().__init__(f"nobody has said why the face in {name!r} may be used", f"state the consent: {', '.join(STATEMENTS)}")


@dataclass(slots=True)
class GalleryFace:
    """One face; `source` is None until a saved photo is needed. `more` are further photos of the same person."""

    id: str
    name: str
    consent: str
    photo: Path
    number: int | None
    thumb: bytes
    source: SourceFace | None
    saved: bool = False
    more: tuple[Path, ...] = ()

    def described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "consent": self.consent,
            "saved": self.saved,
            "photos": 1 + len(self.more),
            "warnings": list(self.source.warnings) if self.source else [],
        }


class Gallery:
    """The faces of this session and the saved ones; safe to use from several threads."""

    def __init__(
        self, models: factory.Models, consents: Consents, database: StudioDatabase, recogniser: Callable[[], Recogniser]
    ) -> None:
        self._models = models
        self._recogniser = recogniser
        self._consents = consents
        self._database = database
        self._saved = database.folder / "faces"
        self._lock = threading.RLock()
        self._decoding = threading.Lock()
        """Held while a photo is decoded and searched: many large ones at once would fill the memory."""
        self._faces: dict[str, GalleryFace] = {}
        self._personas: OrderedDict[tuple[str, ...], Persona] = OrderedDict()
        self._load_saved()

    def all(self) -> list[GalleryFace]:
        with self._lock:
            return list(self._faces.values())

    def get(self, face_id: str) -> GalleryFace:
        """Raises `UsageError`."""
        with self._lock:
            if face_id not in self._faces:
                raise UsageError("this face is not in the gallery any more", "add the photo again")
            return self._faces[face_id]

    def add(self, photo: Path, name: str, consent: str | None, number: int | None = None) -> GalleryFace:
        """Take in a photo, which lies in a file of this session; without `consent`, what was stated for it before holds.

        Raises `ConsentNeeded` when nothing was stated, `SeveralFaces`, another `MienError`.
        """
        name = name[:_MOST_NAME] or "photo"
        if consent is not None and consent not in STATEMENTS:
            raise ConsentNeeded(name)
        if len(self._faces) >= MOST_FACES:
            raise UsageError(f"the gallery holds {MOST_FACES} faces already", "remove one first")
        with self._decoding:
            image = _read(photo)
            try:
                source = factory.open_source(image, self._models, number)
            except SeveralSourceFaces:
                found = search(image, self._models.photo_detector)
                raise SeveralFaces(len(found.faces), _jpeg(_fitted(numbered_picture(found), 1280))) from None
            del image
        stated = self._consents.find(source) if consent is None else self._consents.record(source, consent, name)
        if stated is None:
            raise ConsentNeeded(name)
        face = GalleryFace(secrets.token_hex(6), name, stated.statement, photo, number, _thumb(source), source)
        with self._lock:
            self._faces[face.id] = face
        return face

    def add_photo(self, face_id: str, photo: Path) -> None:
        """Take in a further photo of the same person, which lies in a file of this session. Raises a `MienError`.

        What was stated for the first photo holds for it, because the recogniser finds the same person in it.
        """
        source = self.allowed(face_id)[0]
        with self._decoding:
            whole = factory.add_photo(source, _read(photo), self._models, self._recogniser())
        with self._lock:
            face = self.get(face_id)
            self._forget_personas(face)
            kept = photo
            if face.saved:
                kept = self._keep_more(face, photo)
                self._note_more(face, kept)
                photo.unlink(missing_ok=True)
            face.source, face.more = whole, (*face.more, kept)

    def remove(self, face_id: str) -> None:
        """Forget a face, saved or not. Raises `OutputError`; then it is still there."""
        with self._lock:
            face = self.get(face_id)
            if face.saved:
                with self._database.opened() as connection:
                    connection.execute("DELETE FROM faces WHERE id = ?", (face.id,))
            del self._faces[face_id]
            self._forget_personas(face)
        if face.saved:
            shutil.rmtree(self._saved / face.id, ignore_errors=True)
        for photo in (face.photo, *face.more):
            photo.unlink(missing_ok=True)

    def save(self, face_id: str) -> None:
        """Keep the photo after the session, readable by its owner only. Raises `OutputError`."""
        face = self.get(face_id)
        if face.saved:
            return
        folder = self._saved / face.id
        try:
            make_private(folder)
            kept = _copy(face.photo, folder / f"photo{face.photo.suffix}")
            more = tuple(self._keep_more(face, photo) for photo in face.more)
            (folder / "thumb.jpg").write_bytes(face.thumb)
            self._note(replace(face, photo=kept, more=more))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise output_error(error, folder) from error
        except OutputError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        uploads = (face.photo, *face.more)
        face.photo, face.more, face.saved = kept, more, True
        for photo in uploads:
            photo.unlink(missing_ok=True)

    def _keep_more(self, face: GalleryFace, photo: Path) -> Path:
        """Copy a further photo beside the saved face, under a name that no other studio takes. Raises `OutputError`."""
        kept = self._saved / face.id / f"more-{secrets.token_hex(4)}{photo.suffix}"
        try:
            return _copy(photo, kept)
        except OSError as error:
            raise output_error(error, kept) from error

    def _note(self, face: GalleryFace) -> None:
        facts: dict[str, Any] = {"name": face.name, "consent": face.consent, "number": face.number, "photo": face.photo.name}
        text = to_json({**facts, "more": [photo.name for photo in face.more]})
        with self._database.opened() as connection:
            connection.execute("INSERT INTO faces VALUES (?, ?)", (face.id, text))

    def _note_more(self, face: GalleryFace, photo: Path) -> None:
        """Add a photo to those noted of a saved face, also to ones noted by another studio. Raises a `MienError`."""
        with self._database.opened() as connection:
            row = connection.execute("SELECT facts FROM faces WHERE id = ?", (face.id,)).fetchone()
            facts = from_json(row[0]) if row else None
            if facts is None:
                photo.unlink(missing_ok=True)
                raise UsageError(f"the saved face {face.name!r} has been removed by another studio", "add the photo again")
            noted = facts.get("more")
            facts["more"] = [*(noted if isinstance(noted, list) else []), photo.name]
            connection.execute("UPDATE faces SET facts = ? WHERE id = ?", (to_json(facts), face.id))

    def _forget_personas(self, face: GalleryFace) -> None:
        digest = face.source.digest if face.source else ""
        for key in [key for key in self._personas if key[0] == digest]:
            del self._personas[key]

    def keep_engine(self, name: str) -> None:
        """Forget what was prepared for other engines, and with it their models."""
        with self._lock:
            for key in [key for key in self._personas if key[1] != name]:
                del self._personas[key]

    def persona(self, face_id: str, engine: Engine, settings: Settings) -> Persona:
        """This face, ready for the engine; made once. Raises a `MienError` when a saved photo is gone."""
        source = self.allowed(face_id)[0]
        key = (source.digest, engine.name, *(str(getattr(settings, name)) for name in _DRAWN_BY))
        with self._lock:
            if key in self._personas:
                self._personas.move_to_end(key)
                # What the photo gives is kept; the engine knows the settings of now.
                return replace(self._personas[key], engine=engine)
        made = open_persona(engine, source, self._models.retouch_for(settings))
        with self._lock:
            self._personas[key] = made
            while len(self._personas) > _PERSONAS_KEPT:
                self._personas.popitem(last=False)
        return made

    def allowed(self, face_id: str) -> tuple[SourceFace, Consent]:
        """The face and the statement that allows to wear it. Raises a `MienError`, also when the statement was revoked."""
        face = self.get(face_id)
        if face.source is None:
            face.source = self._opened(face)
        consent = self._consents.find(face.source)
        if consent is None:
            raise UsageError(
                f"nobody says any more why the face {face.name!r} may be used", "remove it, or add its photo again and say why"
            )
        return face.source, consent

    def _opened(self, face: GalleryFace) -> SourceFace:
        source = factory.open_source(_read(face.photo), self._models, face.number)
        for photo in face.more:
            source = factory.add_photo(source, _read(photo), self._models, self._recogniser())
        return source

    def _load_saved(self) -> None:
        with self._database.opened() as connection:
            rows = connection.execute("SELECT id, facts FROM faces ORDER BY id").fetchall()
        for face_id, facts in objects(rows):
            folder = self._saved / face_id
            photo, thumb = folder / str(facts.get("photo", "")), folder / "thumb.jpg"
            number = facts.get("number")
            if facts.get("consent") not in STATEMENTS or photo.parent != folder or not photo.is_file():
                continue
            if not face_id.isalnum() or not thumb.is_file() or len(self._faces) >= MOST_FACES:
                continue
            self._faces[face_id] = GalleryFace(
                face_id,
                str(facts.get("name", "photo"))[:_MOST_NAME],
                str(facts["consent"]),
                photo,
                number if isinstance(number, int) else None,
                thumb.read_bytes(),
                None,
                saved=True,
                more=tuple(_further(folder, facts.get("more"))),
            )


def _copy(photo: Path, kept: Path) -> Path:
    """A copy that only its owner may read."""
    shutil.copyfile(photo, kept)
    kept.chmod(0o600)
    return kept


def _further(folder: Path, names: object) -> Iterator[Path]:
    """The further photos that a saved face names and that lie in its folder."""
    for name in names if isinstance(names, list) else []:
        photo = folder / str(name)
        if photo.parent == folder and photo.is_file():
            yield photo


def _read(photo: Path) -> Image:
    return read_picture(photo, max_pixels=MOST_PHOTO_PIXELS, max_bytes=MOST_PHOTO_BYTES).frame.image


def _thumb(source: SourceFace) -> bytes:
    image = source.image
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return _jpeg(_fitted(image[top : top + side, left : left + side], _THUMB))


def _fitted(image: Image, most: int) -> Image:
    scale = min(1.0, most / max(image.shape[:2]))
    size_wh = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: Image, quality: int = 85) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])

"""The gallery: photos whose faces may be worn, each with the consent that was given for it."""

import secrets
import shutil
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien import build
from mien.contracts import Engine
from mien.errors import OutputError, SeveralSourceFaces, UsageError
from mien.media.output import output_error
from mien.media.picture import read_picture
from mien.pipeline import Persona, dress
from mien.provenance.consent import STATEMENTS, Consent, Consents
from mien.settings import Settings
from mien.source import find_faces, numbered_picture
from mien.studio.folder import read_json, write_json
from mien.types import Image, SourceFace

MOST_FACES = 60
MOST_PHOTO_BYTES = 64_000_000
MOST_PHOTO_PIXELS = 60_000_000
_PERSONAS_KEPT = 4
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
    """One face; `source` is None until a saved photo is needed."""

    id: str
    name: str
    consent: str
    photo: Path
    number: int | None
    thumb: bytes
    source: SourceFace | None
    saved: bool = False

    def described(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "consent": self.consent, "saved": self.saved}


class Gallery:
    """The faces of this session and the saved ones; safe to use from several threads."""

    def __init__(self, models: build.Models, consents: Consents, saved: Path) -> None:
        self._models = models
        self._consents = consents
        self._saved = saved
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
                source = build.open_source(image, self._models, number)
            except SeveralSourceFaces:
                found = find_faces(image, self._models.photo_detector)
                raise SeveralFaces(len(found), _jpeg(_fitted(numbered_picture(image, found), 1280))) from None
            del image
        stated = self._consents.find(source) if consent is None else self._consents.record(source, consent, name)
        if stated is None:
            raise ConsentNeeded(name)
        face = GalleryFace(secrets.token_hex(6), name, stated.statement, photo, number, _thumb(source), source)
        with self._lock:
            self._faces[face.id] = face
        return face

    def remove(self, face_id: str) -> None:
        """Forget a face, saved or not."""
        with self._lock:
            face = self.get(face_id)
            del self._faces[face_id]
            digest = face.source.digest if face.source else ""
            for key in [key for key in self._personas if key[0] == digest]:
                del self._personas[key]
        if face.saved:
            shutil.rmtree(self._saved / face.id, ignore_errors=True)
        face.photo.unlink(missing_ok=True)

    def save(self, face_id: str) -> None:
        """Keep the photo after the session, readable by its owner only. Raises `OutputError`."""
        face = self.get(face_id)
        if face.saved:
            return
        folder = self._saved / face.id
        try:
            folder.mkdir(parents=True, mode=0o700)
            kept = folder / f"photo{face.photo.suffix}"
            shutil.copyfile(face.photo, kept)
            kept.chmod(0o600)
            (folder / "thumb.jpg").write_bytes(face.thumb)
            facts = {"name": face.name, "consent": face.consent, "number": face.number, "photo": kept.name}
            write_json(folder / "face.json", facts)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise output_error(error, folder) from error
        except OutputError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        face.saved = True

    def persona(self, face_id: str, engine: Engine, settings: Settings) -> Persona:
        """This face, ready for the engine; made once. Raises a `MienError` when a saved photo is gone."""
        source = self.allowed(face_id)[0]
        key = (source.digest, engine.name, settings.eyes, settings.mouth, settings.finish)
        with self._lock:
            if key in self._personas:
                self._personas.move_to_end(key)
                return self._personas[key]
        made = dress(engine, source, self._models.finisher_for(settings))
        with self._lock:
            self._personas[key] = made
            while len(self._personas) > _PERSONAS_KEPT:
                self._personas.popitem(last=False)
        return made

    def allowed(self, face_id: str) -> tuple[SourceFace, Consent]:
        """The face and the statement that allows to wear it. Raises a `MienError`, also when the statement was revoked."""
        face = self.get(face_id)
        if face.source is None:
            face.source = build.open_source(_read(face.photo), self._models, face.number)
        consent = self._consents.find(face.source)
        if consent is None:
            raise UsageError(
                f"nobody says any more why the face {face.name!r} may be used", "remove it, or add its photo again and say why"
            )
        return face.source, consent

    def _load_saved(self) -> None:
        for folder in sorted(self._saved.glob("*/face.json")):
            facts = read_json(folder)
            photo, thumb = folder.parent / str(facts.get("photo", "")), folder.parent / "thumb.jpg"
            number = facts.get("number")
            if facts.get("consent") not in STATEMENTS or photo.parent != folder.parent or not photo.is_file():
                continue
            if not thumb.is_file() or len(self._faces) >= MOST_FACES:
                continue
            self._faces[folder.parent.name] = GalleryFace(
                folder.parent.name,
                str(facts.get("name", "photo"))[:_MOST_NAME],
                str(facts["consent"]),
                photo,
                number if isinstance(number, int) else None,
                thumb.read_bytes(),
                None,
                saved=True,
            )


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

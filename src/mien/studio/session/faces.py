"""Gallery: photos whose faces may be worn, each with its statement of consent."""

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.assembly import factory, stand_ins
from mien.assembly.source_clip import add_clip, open_clip
from mien.assembly.source_photos import is_clip
from mien.contracts import Engine, Recogniser
from mien.errors import OutputError, SeveralSourceFaces, UsageError
from mien.media.files.output_file import output_error
from mien.media.files.picture_read import read_picture
from mien.provenance.consent import STATEMENTS, Consent, Consents
from mien.settings import Settings
from mien.studio.session.database import StudioDatabase, from_json, objects, to_json
from mien.studio.session.gallery_face import GALLERY_LIMITS, GalleryFace
from mien.studio.session.gallery_files import GalleryFiles
from mien.studio.session.opened_sources import OpenedSources
from mien.studio.session.pictures import fitted, square
from mien.studio.session.statements import described
from mien.swap.persona import Persona, open_persona
from mien.swap.source.load import numbered_picture, search
from mien.system.folders import make_private
from mien.types import Image, SourceFace

_NUMBERED_SIDE_PIXELS = 1280  # of the picture in which several faces are numbered
PREPARED_BY = "boost", "morph", "segmenter", "enhancer", "fidelity", "device", "precision"
"""Settings of installed models that a persona depends on, beside its engine."""
_DRAWN_BY = "eyes", "mouth", "finish", "parser", *PREPARED_BY


_CLIP_LIMITS = replace(Settings(), max_pixels=GALLERY_LIMITS.photo_pixels, max_bytes=GALLERY_LIMITS.clip_bytes)


class SeveralFaces(SeveralSourceFaces):
    """The photo shows several faces; `picture` is a JPEG of it with their numbers."""

    def __init__(self, count: int, picture: bytes) -> None:
        super().__init__(f"the photo shows {count} faces", "choose one of them")
        self.count = count
        self.picture = picture


class ConsentNeeded(UsageError):
    """No consent has been stated for this photo; `picture` is a JPEG of the face, empty while the photo is not opened."""

    def __init__(self, name: str, picture: bytes = b"") -> None:
        super().__init__(f"no consent is stated for the face in {name!r}", f"state the consent: {', '.join(STATEMENTS)}")
        self.picture = picture


class Gallery:
    """Faces of this session and saved ones. Safe to use from several threads."""

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
        self._sources = OpenedSources(GALLERY_LIMITS.sources)
        self._personas: OrderedDict[tuple[str, ...], Persona] = OrderedDict()
        self._stand_ins = {face.id: face for face in map(_stand_in, stand_ins.NAMES)}
        self._load_saved()

    def all(self) -> list[GalleryFace]:
        """Return all faces of the user, oldest first."""
        with self._lock:
            return list(self._faces.values())

    def stand_ins(self) -> list[GalleryFace]:
        """Return the faces of no one person that come with mien."""
        return list(self._stand_ins.values())

    def get(self, face_id: str) -> GalleryFace:
        """Return the face of this id. Raises `UsageError`."""
        if face_id in self._stand_ins:
            return self._stand_ins[face_id]
        return self._own(face_id)

    def _own(self, face_id: str) -> GalleryFace:
        """Return a face of the user. Raises `UsageError`, also for a stand-in."""
        if face_id in self._stand_ins:
            raise UsageError(
                f"{face_id} comes with mien and stays as it is",
                "only wear it, or add a photo of your own",
                key="stand-in-stays",
            )
        with self._lock:
            if face_id not in self._faces:
                raise UsageError("this face is not in the gallery any more", "add the photo again", key="face-gone")
            return self._faces[face_id]

    def add(
        self, photo: Path, name: str, consent: str | None, number: int | None = None, *, adult: bool = False
    ) -> GalleryFace:
        """Add a photo, a file of this session; without `consent`, an earlier statement for the photo holds.

        `adult` states that the person is an adult. Raises `ConsentNeeded` when there is no statement, `AdulthoodNeeded` when
        that one is missing, `SeveralFaces`, or another `MienError`.
        """
        name = name[: GALLERY_LIMITS.name_letters] or "photo"
        if consent is not None and consent not in STATEMENTS:
            raise ConsentNeeded(name)
        self._check_room()
        with self._decoding:
            source = self._first(photo, number)
        if consent is None:
            stated = self._consents.find(source, adult=adult)
        else:
            stated = self._consents.record(source, consent, name, adult=adult)
        if stated is None:
            raise ConsentNeeded(name, square(source.image))
        face = GalleryFace(secrets.token_hex(6), name, stated.statement, photo, number, square(source.image))
        with self._lock:
            self._check_room()
            self._faces[face.id] = face
        self._keep(face, source)
        return face

    def _check_room(self) -> None:
        """Raise `UsageError` when the gallery is full."""
        if len(self._faces) >= GALLERY_LIMITS.faces:
            raise UsageError(
                f"the gallery holds {GALLERY_LIMITS.faces} faces already",
                "remove one first",
                key="gallery-full",
                values={"n": GALLERY_LIMITS.faces},
            )

    def _keep(self, face: GalleryFace, source: SourceFace) -> None:
        face.know(source)
        self._sources.keep(face.id, source)

    def _first(self, photo: Path, number: int | None) -> SourceFace:
        """Return the face of a photo, or of a clip of one person alone; raises `SeveralFaces` or another `MienError`."""
        if is_clip(photo):
            return open_clip(photo, _CLIP_LIMITS, self._models, self._recogniser())
        image = _read(photo)
        try:
            return factory.open_source(image, self._models, number)
        except SeveralSourceFaces:
            found = search(image, self._models.photo_detector)
            raise SeveralFaces(len(found.faces), fitted(numbered_picture(found), _NUMBERED_SIDE_PIXELS)) from None

    def _with(self, source: SourceFace, further: Path) -> SourceFace:
        """Return the face with a further photo or clip of the same person. Raises a `MienError`."""
        if is_clip(further):
            return add_clip(source, further, _CLIP_LIMITS, self._models, self._recogniser())
        return factory.add_photo(source, _read(further), self._models, self._recogniser())

    def state_adult(self, face_id: str) -> None:
        """Record that the person of this face is an adult. Raises a `MienError`."""
        self._stated(self.get(face_id), adult=True)

    def add_photo(self, face_id: str, photo: Path) -> None:
        """Add a further photo of the same person, a file of this session. Raises a `MienError`.

        The statement for the first photo holds for it, because the recogniser finds the same person in it. Raises
        `AdulthoodNeeded` when the person looks young here and is not stated to be an adult.
        """
        self._own(face_id)
        source = self.allowed(face_id)[0]
        with self._decoding:
            whole = self._with(source, photo)
        # Before the photo becomes part of the face, which could not be worn any more.
        self._consents.check_adulthood(whole)
        with self._lock:
            face = self._own(face_id)
            self._forget_personas(face)
            kept = photo
            if face.saved:
                kept = self._store_more(face, photo)
                self._note_more(face, kept)
                photo.unlink(missing_ok=True)
            face.more = (*face.more, kept)
            self._keep(face, whole)

    def remove(self, face_id: str) -> None:
        """Remove a face, saved or not. Raises `OutputError`; then it is still there."""
        with self._lock:
            face = self._own(face_id)
            if face.saved:
                with self._database.opened() as connection:
                    connection.execute("DELETE FROM faces WHERE id = ?", (face.id,))
            del self._faces[face_id]
            self._forget_personas(face)
            self._sources.forget(face_id)
        if face.saved:
            shutil.rmtree(self._saved / face.id, ignore_errors=True)
        for photo in (face.photo, *face.more):
            photo.unlink(missing_ok=True)

    def save(self, face_id: str) -> None:
        """Store the photo for later sessions, readable by its owner only. Raises `OutputError`."""
        face = self._own(face_id)
        if face.saved:
            return
        folder = self._saved / face.id
        try:
            make_private(folder)
            kept = _copy(face.photo, folder / f"photo{face.photo.suffix}")
            more = tuple(self._store_more(face, photo) for photo in face.more)
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

    def _store_more(self, face: GalleryFace, photo: Path) -> Path:
        """Copy a further photo beside the saved face, under a unique name. Raises `OutputError`."""
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
        """Add a photo to the stored ones of a saved face, also of one stored by another studio. Raises a `MienError`."""
        with self._database.opened() as connection:
            row = connection.execute("SELECT facts FROM faces WHERE id = ?", (face.id,)).fetchone()
            facts = from_json(row[0]) if row else None
            if facts is None:
                photo.unlink(missing_ok=True)
                raise UsageError(
                    f"the saved face {face.name!r} has been removed by another studio", "add the photo again", key="face-gone"
                )
            noted = facts.get("more")
            facts["more"] = [*(noted if isinstance(noted, list) else []), photo.name]
            connection.execute("UPDATE faces SET facts = ? WHERE id = ?", (to_json(facts), face.id))

    def _forget_personas(self, face: GalleryFace) -> None:
        for key in [key for key in self._personas if key[0] == face.digest]:
            del self._personas[key]

    def keep_engine(self, name: str) -> None:
        """Drop personas of other engines, and with them their models."""
        with self._lock:
            for key in [key for key in self._personas if key[1] != name]:
                del self._personas[key]

    def persona(self, face_id: str, engine: Engine, settings: Settings) -> Persona:
        """Return the face prepared for the engine; prepare it once. Raises a `MienError`."""
        source = self.allowed(face_id)[0]
        key = (source.digest, engine.name, *(str(getattr(settings, name)) for name in _DRAWN_BY))
        with self._lock:
            if key in self._personas:
                self._personas.move_to_end(key)
                # The preparation depends on the photo alone; the engine has the current settings.
                return replace(self._personas[key], engine=engine)
        made = open_persona(engine, source, self._models.retouch_for(settings))
        with self._lock:
            self._personas[key] = made
            while len(self._personas) > GALLERY_LIMITS.personas:
                self._personas.popitem(last=False)
        return made

    def allowed(self, face_id: str) -> tuple[SourceFace, Consent]:
        """Return the face and the statement that permits wearing it.

        Raises a `MienError`, also for a revoked statement; `AdulthoodNeeded` for a face that was saved before that was asked.
        """
        return self._stated(self.get(face_id))

    def lasts(self, face_id: str) -> bool:
        """Return True for a face that is here in later sessions, too: a saved one, or a stand-in. Raises `UsageError`."""
        return self.get(face_id).saved or face_id in self._stand_ins

    def consent_of(self, face_id: str) -> dict[str, Any]:
        """Return the statement that a face is worn on, for the page. Raises a `MienError`."""
        return described(self.allowed(face_id)[1])

    def files_of(self, digest: str) -> GalleryFiles:
        """Return the files of an opened face by the digest of its source. Raises `UsageError` when it was removed."""
        for face in (*self.all(), *self.stand_ins()):
            if face.digest == digest:
                return GalleryFiles(face.name, (face.photo, *face.more), face.number)
        raise UsageError("a face is not in the gallery any more", "choose another one", key="face-gone")

    def _stated(self, face: GalleryFace, *, adult: bool = False) -> tuple[SourceFace, Consent]:
        source = self.source(face)
        if face.stand_in:
            return source, self._consents.record(source, stand_ins.STATEMENT, face.photo.name, adult=adult)
        consent = self._consents.find(source, adult=adult)
        if consent is None:
            raise UsageError(
                f"the consent for the face {face.name!r} is no longer recorded",
                "remove it, or add its photo again and state the consent",
                key="consent-revoked",
                values={"name": face.name},
            )
        return source, consent

    def source(self, face: GalleryFace) -> SourceFace:
        """Return the source of a face, from its photos unless it was used lately. Raises a `MienError`."""
        source = self._sources.get(face.id)
        if source is None:
            with self._decoding:
                source = self._first(face.photo, face.number)
                for photo in face.more:
                    source = self._with(source, photo)
            self._keep(face, source)
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
            if not face_id.isalnum() or not thumb.is_file() or len(self._faces) >= GALLERY_LIMITS.faces:
                continue
            self._faces[face_id] = GalleryFace(
                face_id,
                str(facts.get("name", "photo"))[: GALLERY_LIMITS.name_letters],
                str(facts["consent"]),
                photo,
                number if isinstance(number, int) else None,
                thumb.read_bytes(),
                saved=True,
                more=tuple(_further(folder, facts.get("more"))),
            )


def _stand_in(name: str) -> GalleryFace:
    photo = stand_ins.photo_of(name)
    return GalleryFace(name, name, stand_ins.STATEMENT, photo, None, square(_read(photo)), stand_in=True)


def _copy(photo: Path, kept: Path) -> Path:
    """Copy the photo to a file that only its owner may read."""
    shutil.copyfile(photo, kept)
    kept.chmod(0o600)
    return kept


def _further(folder: Path, names: object) -> Iterator[Path]:
    """Yield the further photos that a saved face names and that are in its folder."""
    for name in names if isinstance(names, list) else []:
        photo = folder / str(name)
        if photo.parent == folder and photo.is_file():
            yield photo


def _read(photo: Path) -> Image:
    return read_picture(photo, max_pixels=GALLERY_LIMITS.photo_pixels, max_bytes=GALLERY_LIMITS.photo_bytes).frame.image

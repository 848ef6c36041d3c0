"""Wardrobe: the faces that are worn, by whom, with which settings, and on which statements of consent."""

import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mien.assembly import factory, registry
from mien.assembly.warm_up import try_on
from mien.contracts import Recogniser
from mien.errors import MienError, ModelError, UsageError
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.media.files.file_check import check_file
from mien.media.files.output_file import named_in_errors
from mien.provenance.consent import STATEMENTS, Consent, Consents
from mien.settings import Settings, Value, from_mapping
from mien.studio.session.faces import PREPARED_BY, ConsentNeeded, Gallery
from mien.studio.session.parts import Parts
from mien.studio.session.pending_change import PendingChange
from mien.studio.session.presets import LIMITS, values_of
from mien.studio.session.recordings import Recordings
from mien.swap.persona import Persona

_OPENING = frozenset({"engine", "detector", *PREPARED_BY})
"""Settings whose change opens or prepares something, which may take seconds with installed models."""


class Wardrobe:
    """Wears faces in a loop. Settings that open models change beside the picture. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings,
        models: factory.Models,
        gallery: Gallery,
        loop: LiveLoop,
        recordings: Recordings,
        consents: Consents,
        recogniser: Callable[[], Recogniser],
        uploads: Path,
        changed: Callable[[], None],
    ) -> None:
        self.lock = threading.RLock()
        """Held while the face or the settings change, so that both can be read together."""
        self.settings = settings
        self.face: str | None = None
        self.parts = Parts()
        self.consents: dict[str, Consent] = {}
        """Statements by the faces that are worn."""
        self.pending = PendingChange(self._make_pending, changed)
        self._models = models
        self._gallery = gallery
        self._recogniser = recogniser
        self._loop = loop
        self._recordings = recordings
        self._consents = consents
        self._uploads = uploads
        self._changed = changed

    @property
    def wanted_values(self) -> dict[str, Value]:
        """Return all settings by name, pending ones with the value they wait for."""
        return {**values_of(self.settings), **dict(self.pending.status.wanted)}

    def select(self, face_id: str | None) -> None:
        """Wear this face from the next frame on; None for no face. Raises a `MienError`."""
        if face_id is not None:
            self.prepare(face_id)
        with self.lock:
            self._wear(face_id, self.settings)
            self.face = face_id
        self._changed()

    def prepare(self, face_id: str) -> None:
        """Prepare the face for the engine, so that selecting it takes effect at once. Raises a `MienError`."""
        self._gallery.persona(face_id, factory.open_engine(self.settings, self._models.sessions), self.settings)

    def wear_photo(self, photo: Path, consent: str | None, further: Sequence[Path] = (), *, adult: bool = False) -> None:
        """Take in and wear a photo of this machine, and further ones of the same person. Raises a `MienError`."""
        try:
            face = self._gallery.add(self._copied(photo), photo.stem, consent, adult=adult)
        except ConsentNeeded as error:
            raise UsageError(str(error), f"add --consent {'|'.join(STATEMENTS)}") from error
        for other in further:
            with named_in_errors(copy := self._copied(other), other.name):
                self._gallery.add_photo(face.id, copy)
        self.select(face.id)

    def add_photo(self, face_id: str, photo: Path) -> None:
        """Add a further photo, a file of this session, to a face; worn at once where the face is. Raises a `MienError`."""
        self._gallery.add_photo(face_id, photo)
        self.prepare(face_id)
        with self.lock:
            if self.face == face_id:
                self._wear(face_id, self.settings)
        self._changed()

    def remove(self, face_id: str) -> None:
        """Remove a face from the gallery; who wears it as the chosen face is hidden."""
        with self.lock:
            self._take_off(face_id)
            self._gallery.remove(face_id)
        self._changed()

    def check_consent(self) -> None:
        """Take off the faces whose statement was revoked."""
        for face_id, consent in list(self.consents.items()):
            if self._consents.is_revoked(consent):
                with self.lock:
                    self._take_off(face_id)
                self._changed()

    def _take_off(self, face_id: str) -> None:
        if self.face == face_id:
            self.face = None
        self.parts = self.parts.without_face(face_id)
        try:
            self._wear(self.face, self.settings)
        except MienError:
            # Another face cannot be worn any more, either.
            self.face, self.parts = None, Parts()
            self._wear(None, self.settings)
            raise

    def give(self, change: Callable[[Parts], Parts]) -> None:
        """Change who wears what, from the next frame on. Raises a `MienError`; then nothing has changed."""
        with self.lock:
            before = self.parts
            self.parts = change(before)
            try:
                self._wear(self.face, self.settings)
            except BaseException:
                self.parts = before
                raise
        self._changed()

    def change_settings(self, values: Mapping[str, object]) -> None:
        """Change settings, later where models have to be opened. Raises a `MienError`; then nothing has changed."""
        _check_open(values)
        with self.lock:
            wanted = from_mapping({**self.wanted_values, **values})
            registry.check_names(wanted, self._models.sessions)
            if not _OPENING.isdisjoint(values):
                if any(getattr(wanted, name) != getattr(self.settings, name) for name in _OPENING):
                    self.pending.request({name: getattr(wanted, name) for name in (*_OPENING, *values)})
                    return
                self.pending.cancel()
            settings = from_mapping({**values_of(self.settings), **values})
            self._wear(self.face, settings)
            self.settings = settings
        self._changed()

    def with_changes(self, values: Mapping[str, object]) -> Settings:
        """Return the settings with some of them changed, for a single job. Raises a `MienError`."""
        _check_open(values)
        wanted = from_mapping({**self.wanted_values, **values})
        registry.check_names(wanted, self._models.sessions)
        return wanted

    def notes(self) -> tuple[str, ...]:
        """Return notes on the models that are worn, which other programs may remove meanwhile."""
        try:
            return registry.notes(self.settings, self._models.sessions)
        except ModelError as error:
            return (f"{error}: {error.remedy}",)

    def _make_pending(self, values: Mapping[str, Value]) -> None:
        """Open what the settings name, have it run once, and only then wear it. Raises a `MienError`."""
        settings = from_mapping({**values_of(self.settings), **values})
        factory.open_tracking(settings, self._models.sessions)
        engine = factory.open_engine(settings, self._models.sessions)
        face = self.face
        if face is not None:
            try_on(self._gallery.persona(face, engine, settings))
        with self.lock:
            if self.pending.is_requested(values):
                settings = from_mapping({**values_of(self.settings), **values})
                self._wear(self.face, settings)
                self.settings = settings
                # Models that are not worn any more would fill the memory; a job that uses one keeps it until it is done.
                self._gallery.keep_engine(settings.engine)
                self._models.sessions.keep({entry.id for entry in registry.used(settings, self._models.sessions)})

    def _wear(self, face_id: str | None, settings: Settings) -> None:
        def persona(worn: str) -> Persona:
            return self._gallery.persona(worn, factory.open_engine(settings, self._models.sessions), settings)

        retouch = self._models.retouch_for(settings)
        # An engine may refuse a face: until it has not, the outputs state the consents of the faces before.
        cast = self.parts.cast(face_id, persona, retouch, self._recogniser)
        self.consents = {worn: self._gallery.allowed(worn)[1] for worn in self.parts.faces(face_id)}
        self._recordings.wear(tuple(self.consents.values()))
        self._loop.wear(Snapshot(settings, cast, face_id))

    def _copied(self, photo: Path) -> Path:
        """Return a copy of the photo in the session's folder, after a check that it is a file."""
        check_file(photo)
        copy = self._uploads / f"{secrets.token_hex(8)}{photo.suffix.lower()}"
        shutil.copyfile(photo, copy)
        return copy


def _check_open(values: Mapping[str, object]) -> None:
    """Raise `UsageError` for a setting that protects this machine."""
    locked = sorted(LIMITS & set(values))
    if locked:
        raise UsageError(
            f"{locked[0]} is set when the studio is started",
            f"start it with --{locked[0].replace('_', '-')}",
            key="locked-setting",
            values={"name": locked[0]},
        )

"""What the studio knows and does while it runs, whoever asks: one session for all pages. Safe to use from several threads."""

import contextlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from mien import __version__
from mien.assembly import factory, registry
from mien.assembly.warm_up import try_on, warm_up
from mien.errors import ModelError, UsageError
from mien.live.frame_swapper import Shown
from mien.live.loop import LiveLoop
from mien.live.meter import Figures
from mien.live.snapshot import Snapshot
from mien.media.capture.devices import list_microphones
from mien.media.capture.microphone import Microphone
from mien.media.files.output_file import spoken_of
from mien.media.files.picture import check_file
from mien.media.files.statement import ACCEPTABLE_USE
from mien.models.library.store import Store
from mien.provenance.consent import STATEMENTS, Consent
from mien.provenance.label import Labeller
from mien.provenance.ledger import Output
from mien.provenance.mark.pattern import Marker
from mien.provenance.trust import Trust
from mien.safety.veil import card
from mien.settings import Settings, Value, from_mapping, table
from mien.studio.session.browser_camera import BrowserFeed
from mien.studio.session.database import StudioDatabase
from mien.studio.session.faces import PREPARED_BY, ConsentNeeded, Gallery
from mien.studio.session.inputs import InputChoice, choose_input
from mien.studio.session.jobs import FileJobs
from mien.studio.session.outputs import Outputs
from mien.studio.session.pending_change import Dressing
from mien.studio.session.presets import LIMITS, Presets, checked, portable, values_of
from mien.studio.session.preview import HubSink, PreviewHub
from mien.studio.session.recordings import Recordings
from mien.studio.session.requests import InputRequest
from mien.studio.session.verification import Verification
from mien.types import LANDMARK_COUNT, LIVE_TIME_BASE, Frame

PREVIEW = "preview"
_MOST_CLIPS = 8
_OPENING = frozenset({"engine", "detector", *PREPARED_BY})
"""Settings whose change opens or prepares something, which may take seconds with installed models."""


class StudioSession:
    """Starts with the loop running and nothing chosen; `close` ends every thread."""

    def __init__(self, settings: Settings, trust: Trust, data: Path, recordings: Path, uploads: Path, *, shared: bool) -> None:
        self.uploads = uploads
        self.shared = shared
        self.feed = BrowserFeed()
        self._store = Store()
        self._trust = trust
        database = StudioDatabase(data)
        self._presets = Presets(database)
        # Side by side: whoever opens the page waits for both.
        with ThreadPoolExecutor(1, thread_name_prefix="mien-open") as beside:
            classifier = beside.submit(factory.open_classifier, self._store)
            self._models = factory.open_models(settings, self._store)
        registry.check_names(settings, self._models.shelf)
        self._lock = threading.RLock()
        self._devices = threading.Lock()
        """Held while a device is exchanged, which may take seconds; the state can be read meanwhile."""
        self._settings = settings
        self._face: str | None = None
        self._consent: Consent | None = None
        self._choice = InputChoice("none", {}, None)
        self._sound_device: str | None = None
        self._clips: dict[str, tuple[Path, str]] = {}
        self._changed_hook: Callable[[], None] = lambda: None
        self._process = psutil.Process()
        self._process.cpu_percent()
        self.gallery = Gallery(self._models, trust.consents, database, lambda: factory.open_recogniser(self._store))
        self.loop = LiveLoop(
            lambda wanted: factory.open_tracking(wanted, self._models.shelf),
            classifier.result(),
            Snapshot(settings),
            self._changed,
        )
        self.hub = PreviewHub(self._want_before)
        self.loop.on_shown = self._note_before
        self._recordings = Recordings(trust.notary, lambda: self._settings, lambda: self.loop.mark_id, self._changed)
        self.loop.on_fingerprint = self._each_second
        self.outputs = Outputs(
            self.loop,
            self._recordings,
            recordings,
            lambda: self._settings,
            lambda: self._sound_device is not None,
            shared=shared,
        )
        self.jobs = FileJobs(self._models, trust, uploads, self._changed)
        self.verification = Verification(data, lambda: self._settings, with_ledger=not shared)
        self._dressing = Dressing(self._dress, self._changed)
        self._warming = threading.Thread(target=self._warm_up, name="mien-warm-up")

    def start(self) -> None:
        self._trust.ledger.record(Output(self.loop.mark_id, "live", "a live session", datetime.now(UTC)), ())
        self._warming.start()
        self._dressing.start()
        self.outputs.recover()
        self.loop.start()
        self.jobs.start()
        self.loop.add_sink(PREVIEW, lambda width, height: HubSink(self.hub), again=True, takes_cards=True)

    def close(self) -> None:
        """End everything: recordings are finished and signed, jobs cancelled."""
        self._changed_hook = lambda: None
        self.verification.close()
        self._dressing.stop()
        self.loop.stop()
        self._recordings.close()
        self.jobs.stop()
        self._warming.join()

    def on_change(self, hook: Callable[[], None]) -> None:
        """Called, from any thread and often, when `state` may have changed; must not block."""
        self._changed_hook = hook

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def face(self) -> str | None:
        return self._face

    def select_face(self, face_id: str | None) -> None:
        """Wear this face from the next frame on; None = nobody's. Raises a `MienError`."""
        if face_id is not None:
            self.prepare_face(face_id)
        with self._lock:
            self._wear(face_id, self._settings)
            self._face = face_id
        self._changed()

    def prepare_face(self, face_id: str) -> None:
        """Make what the engine needs of the face, so that selecting it takes effect at once. Raises a `MienError`."""
        self.gallery.persona(face_id, factory.open_engine(self._settings, self._models.shelf), self._settings)

    def add_photo(self, photo: Path, consent: str | None, also: Sequence[Path] = ()) -> None:
        """Take in and wear a photo of this machine, and others of the same person. Raises a `MienError`."""
        try:
            face = self.gallery.add(self._kept(photo), photo.stem, consent)
        except ConsentNeeded as error:
            raise UsageError(str(error), f"add --consent {'|'.join(STATEMENTS)}") from error
        for other in also:
            with spoken_of(kept := self._kept(other), other.name):
                self.gallery.add_photo(face.id, kept)
        self.select_face(face.id)

    def add_to_face(self, face_id: str, photo: Path) -> None:
        """A further photo, a file of this session, for a face; worn at once where the face is. Raises a `MienError`."""
        self.gallery.add_photo(face_id, photo)
        self.prepare_face(face_id)
        with self._lock:
            if self._face == face_id:
                self._wear(face_id, self._settings)
        self._changed()

    def _kept(self, photo: Path) -> Path:
        check_file(photo)
        kept = self.uploads / f"{secrets.token_hex(8)}{photo.suffix.lower()}"
        shutil.copyfile(photo, kept)
        return kept

    def _warm_up(self) -> None:
        """Have everything compiled and loaded before the first frame comes."""
        tracking = factory.open_tracking(self._settings, self._models.shelf)
        frame = Frame(card(320, 180), 0, 0, LIVE_TIME_BASE)
        tracking.tracker.update(frame)
        blank = np.zeros((LANDMARK_COUNT, 3), np.float32)
        blank[:, :2] = 90 + 40 * np.random.default_rng(0).random((LANDMARK_COUNT, 2))
        tracking.tracker.landmarker.fit(frame.image, blank)
        warm_up(factory.open_engine(replace(self._settings, engine="mesh"), self._models.shelf), self._settings)
        Labeller(self._settings, Marker(0), live=True).label(frame)

    def remove_face(self, face_id: str) -> None:
        """Forget a face; when it was worn, the picture closes."""
        with self._lock:
            if self._face == face_id:
                self.select_face(None)
            self.gallery.remove(face_id)
        self._changed()

    def change_settings(self, values: Mapping[str, object]) -> None:
        """Models are opened beside, and the change then comes later. Raises a `MienError`; then nothing has changed."""
        locked = sorted(LIMITS & set(values))
        if locked:
            raise UsageError(f"{locked[0]} is set when the studio is started", f"start it with --{locked[0].replace('_', '-')}")
        with self._lock:
            wanted = from_mapping({**values_of(self._settings), **dict(self._dressing.state.wanted), **values})
            registry.check_names(wanted, self._models.shelf)
            if not _OPENING.isdisjoint(values):
                if any(getattr(wanted, name) != getattr(self._settings, name) for name in _OPENING):
                    self._dressing.want({name: getattr(wanted, name) for name in (*_OPENING, *values)})
                    return
                self._dressing.forget()
            settings = from_mapping({**values_of(self._settings), **values})
            self._wear(self._face, settings)
            self._settings = settings
        self._changed()

    def _dress(self, values: Mapping[str, Value]) -> None:
        """Open what the settings name, have it run once, and only then wear it. Raises a `MienError`."""
        settings = from_mapping({**values_of(self._settings), **values})
        factory.open_tracking(settings, self._models.shelf)
        engine = factory.open_engine(settings, self._models.shelf)
        face = self._face
        if face is not None:
            try_on(self.gallery.persona(face, engine, settings))
        with self._lock:
            if self._dressing.wants(values):
                settings = from_mapping({**values_of(self._settings), **values})
                self._wear(self._face, settings)
                self._settings = settings
                # What is not worn any more would fill the memory; a job that uses it keeps it until it is done.
                self.gallery.keep_engine(settings.engine)
                self._models.shelf.keep({entry.id for entry in registry.used(settings, self._models.shelf)})

    def set_input(self, wanted: InputRequest, *, trusted: bool = False) -> None:
        """Choose where frames come from. Raises `UsageError`."""
        choice = choose_input(wanted, self._settings, self.feed, self._clip, paths_allowed=trusted or not self.shared)
        with self._lock:
            self._choice = choice
        with self._devices:
            # A change that was overtaken while it waited is not made any more.
            if self._choice is choice:
                self.loop.set_input(choice.make)

    def set_sound(self, device: str | None) -> None:
        """Choose the microphone that recordings and streams carry. Raises `UsageError`."""
        if device is not None and device not in {each.id for each in list_microphones()}:
            raise UsageError(f"there is no microphone {device!r}", "choose one of the list")
        with self._devices:
            self._sound_device = device
            self.loop.set_sound(None if device is None else lambda: Microphone(device))

    def add_clip(self, file: Path, name: str) -> str:
        """A file of this session that can be looped as input."""
        clip_id = secrets.token_hex(6)
        with self._lock:
            in_use = self._choice.spec.get("clip")
            unused = [each for each in self._clips if each != in_use]
            if len(self._clips) >= _MOST_CLIPS and unused:
                self._clips.pop(unused[0])[0].unlink(missing_ok=True)
            self._clips[clip_id] = file, name
        return clip_id

    def add_job(self, file: Path, name: str, face_id: str | None) -> str:
        """Swap a file of this session. Raises a `MienError`."""
        chosen = face_id or self._face
        if chosen is None:
            raise UsageError("no face is chosen", "choose a face first")
        source, consent = self.gallery.allowed(chosen)
        return self.jobs.add(file, name, source, consent, self._settings).id

    def keep_preset(self, name: str) -> None:
        """Keep the current settings under a name, for good. Raises a `MienError`."""
        self._presets.keep({name: portable(values_of(self._settings))})
        self._changed()

    def apply_preset(self, name: str) -> None:
        """Raises a `MienError`."""
        presets = self._presets.all()
        if name not in presets:
            raise UsageError(f"there is no preset {name!r}", "choose one of the list")
        self.change_settings(portable(presets[name]))

    def remove_preset(self, name: str) -> None:
        """Raises `OutputError`."""
        self._presets.remove(name)
        self._changed()

    def presets(self) -> dict[str, dict[str, Any]]:
        """Raises `OutputError`."""
        return self._presets.all()

    def import_presets(self, given: Mapping[str, Any]) -> None:
        """Add presets, after checking every value. Raises a `MienError`; then nothing was added."""
        self._presets.keep(checked(given))
        self._changed()

    def state(self) -> dict[str, Any]:
        """All that a page shows, but the figures that change all the time."""
        presets = self._presets.known()
        with self._lock:
            source, sound = self.loop.input_state, self.loop.sound_state
            return {
                "version": __version__,
                "shared": self.shared,
                "settings": {**values_of(self._settings), **dict(self._dressing.state.wanted)},
                "trouble": None if self.loop.trouble is None else asdict(self.loop.trouble),
                "models": {**asdict(self._dressing.state), "notes": self._notes()},
                "table": [row for row in _table(self._store) if row["name"] not in LIMITS],
                "consents": list(STATEMENTS),
                "terms": ACCEPTABLE_USE,
                "faces": [face.described() for face in self.gallery.all()],
                "face": self._face,
                "input": {"kind": self._choice.kind, "spec": self._choice.spec, **asdict(source)},
                "content": asdict(self.loop.content_state),
                "sound": {"device": self._sound_device, "state": sound.state, "message": sound.message},
                "outputs": self.outputs.described(),
                "presets": presets,
                "jobs": self.jobs.described(),
                "browser_camera": self.feed.feeder,
            }

    def _notes(self) -> tuple[str, ...]:
        """What there is to know of the models that are worn, which other programs may remove meanwhile."""
        try:
            return registry.notes(self._settings, self._models.shelf)
        except ModelError as error:
            return (f"{error}: {error.remedy}",)

    def metrics(self) -> dict[str, Any]:
        """The figures of the meter, for the page and for programs."""
        figures = self.figures()
        cpu, memory = self.load()
        return {
            "fps": round(figures.fps, 2),
            "capture_fps": round(figures.capture_fps, 2),
            "frames": figures.frames,
            "dropped": figures.dropped,
            "latency_ms": {"median": _rounded(figures.latency_median_ms), "p95": _rounded(figures.latency_p95_ms)},
            "stages_ms": {name: round(value, 2) for name, value in figures.stages_ms.items()},
            "cpu_percent": cpu,
            "memory_mb": round(memory / 1e6, 1),
            "shown": figures.last_shown,
            "shown_frames": figures.shown,
            "sound_delay_ms": _rounded(figures.latency_median_ms),
        }

    def figures(self) -> Figures:
        return self.loop.meter.read(time.monotonic())

    def notify(self) -> None:
        """Tell the pages that something has changed."""
        self._changed()

    def load(self) -> tuple[float, int]:
        """Processor use since the last call, 100 = one core, and resident memory in bytes."""
        return round(self._process.cpu_percent(), 1), int(self._process.memory_info().rss)

    def _wear(self, face_id: str | None, settings: Settings) -> None:
        if face_id is None:
            self._consent = None
            self._recordings.wear(None)
            self.loop.snapshot = Snapshot(settings)
            return
        engine = factory.open_engine(settings, self._models.shelf)
        # An engine may refuse a face: until it has not, what is said of the outputs is the consent of the face before.
        persona, consent = self.gallery.persona(face_id, engine, settings), self.gallery.allowed(face_id)[1]
        self._consent = consent
        self._recordings.wear(consent)
        self.loop.snapshot = Snapshot(settings, persona, face_id)

    def _each_second(self, hashed: int) -> None:
        """While a picture leaves: note it, and see whether its face may still be worn."""
        self._recordings.see(hashed)
        consent = self._consent
        if consent is not None and self._trust.consents.is_revoked(consent):
            self.select_face(None)

    def _clip(self, clip_id: str) -> tuple[Path, str]:
        if clip_id not in self._clips:
            raise UsageError("this file is not in the session any more", "upload it again")
        return self._clips[clip_id]

    def _want_before(self, wanted: bool) -> None:
        self.loop.want_before = wanted

    def _note_before(self, shown: Shown) -> None:
        self.hub.note_before(shown.labelled.frame.pts, shown.before)

    def _changed(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._changed_hook()


def _table(store: Store) -> list[dict[str, Any]]:
    """The rows; where a value names a model, the choices are what comes with mien and what is installed."""
    rows = [{**asdict(row), "kind": type(row.default).__name__} for row in table()]
    for row in rows:
        if row["role"]:
            roles = registry.SWAPPING if row["role"] == "swapper" else (row["role"],)
            row["choices"] = [row["default"], *(name for role in roles for name in _installed(role, store))]
    return rows


def _installed(role: str, store: Store) -> list[str]:
    try:
        return [entry.id for entry in store.installed(role) if not entry.bundled]
    except ModelError:
        # The list of trusted files is damaged, which is said where one of them is asked for.
        return []


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

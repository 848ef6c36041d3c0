"""One session for all pages: the live loop with its inputs, faces and outputs, file jobs, presets, verification.

Safe to use from several threads.
"""

import contextlib
import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mien import __version__
from mien.assembly import factory, registry
from mien.assembly.warm_up import warm_up
from mien.errors import UsageError
from mien.live.frame_swapper import Shown
from mien.live.listener import LoopListener
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.media.files.statement import ACCEPTABLE_USE
from mien.models.library.store import Store
from mien.provenance.consent import STATEMENTS
from mien.provenance.label import Labeller
from mien.provenance.ledger import Output
from mien.provenance.mark.pattern import Marker
from mien.provenance.trust import Trust
from mien.safety.veil import card
from mien.settings import Settings
from mien.studio.session.browser_camera import BrowserFeed
from mien.studio.session.call_check import CallCheck
from mien.studio.session.database import StudioDatabase
from mien.studio.session.faces import Gallery
from mien.studio.session.figures import SessionFigures
from mien.studio.session.film_frames import FilmFrames
from mien.studio.session.films import Films, shared_copy
from mien.studio.session.jobs import FileJobs
from mien.studio.session.live_inputs import LiveInputs
from mien.studio.session.live_people import LivePeople, recogniser_of
from mien.studio.session.model_library import ModelLibrary
from mien.studio.session.outputs import Outputs
from mien.studio.session.preset_parts import Part, PresetParts, harmless
from mien.studio.session.presets import PARTS_KEY, Presets, checked, portable, settings_in, values_of
from mien.studio.session.preview import HubSink, Originals, PreviewHub
from mien.studio.session.recordings import Recordings
from mien.studio.session.settings_table import described_table
from mien.studio.session.statements import Statements
from mien.studio.session.tokens import Tokens
from mien.studio.session.told import told
from mien.studio.session.verification import Verification
from mien.studio.session.wardrobe import Wardrobe
from mien.types import LANDMARK_COUNT, LIVE_TIME_BASE, Frame

_PREVIEW_SINK = "preview"


class StudioSession:
    """Starts with the loop running and nothing chosen; `close` ends every thread."""

    def __init__(
        self, settings: Settings, trust: Trust, data: Path, recordings: Path, uploads: Path,
        *, shared: bool, tokens: Tokens | None = None,
    ) -> None:  # fmt: skip
        self.uploads = uploads
        self.shared = shared
        self.feed = BrowserFeed()
        self.hub = PreviewHub()
        self._store = Store()
        self._trust = trust
        self._changed_hook: Callable[[], None] = lambda: None
        self._run_id, self._revision = secrets.token_hex(4), 0
        database = StudioDatabase(data)
        self._presets = Presets(database)
        self.tokens = tokens or Tokens(database)
        self.library = ModelLibrary(self._store, self.notify, shared=shared)
        # Side by side: the page opens when both are there.
        with ThreadPoolExecutor(1, thread_name_prefix="mien-open") as beside:
            classifier = beside.submit(factory.open_classifier, self._store)
            self._models = factory.open_models(settings, self._store)
        registry.check_names(settings, self._models.sessions)
        self.gallery = Gallery(self._models, trust.consents, database, lambda: factory.open_recogniser(self._store))
        self.loop = LiveLoop(
            lambda wanted: factory.open_tracking(wanted, self._models.sessions),
            classifier.result(),
            Snapshot(settings),
            _Listener(self),
        )
        self.figures = SessionFigures(self.loop, self._is_starting)
        self._recordings = Recordings(trust.notary, self._settings, lambda: self.loop.mark_id, self.notify)
        recogniser = recogniser_of(self._models)
        self.wardrobe = Wardrobe(
            settings, self._models, self.gallery, self.loop, self._recordings, trust.consents, recogniser, uploads, self.notify
        )
        self.statements = Statements(trust.consents, self.wardrobe.check_consent, shared=shared)
        self.people = LivePeople(self.loop, self.wardrobe, recogniser)
        self.inputs = LiveInputs(self.loop, self.feed, self._settings, shared=shared)
        self.outputs = Outputs(
            self.loop,
            self._recordings,
            recordings,
            self._settings,
            lambda: self.inputs.microphone is not None,
            shared=shared,
        )
        self._preset_parts = PresetParts(self.gallery, self.wardrobe, self.inputs, self.outputs, self.notify)
        self.jobs = FileJobs(self._models, settings, trust, data, self.notify, shared=shared)
        self.films = Films(
            self._models, self.gallery, lambda: factory.open_recogniser(self._store), self._settings, self.notify
        )
        self.frames = FilmFrames(self._models, classifier.result(), self._settings, lambda: self.loop.mark_id)
        self.verification = Verification(data, self._settings, with_ledger=not shared)
        self.check = CallCheck(data, lambda: trust.notary.signer, forbidden=shared)
        self._warming = threading.Thread(target=self._warm_up, name="mien-warm-up")

    def start(self) -> None:
        """Start the threads and sign what an earlier run left unsigned."""
        self._trust.ledger.record(Output(self.loop.mark_id, "live", "a live session", datetime.now(UTC)), ())
        self._warming.start()
        self.wardrobe.pending.start()
        self.outputs.recover()
        self.loop.start()
        self.jobs.start()
        self.films.start()
        self.loop.add_sink(_PREVIEW_SINK, lambda width, height: HubSink(self.hub), reopens=True, takes_cards=True)

    def close(self) -> None:
        """End everything: recordings are finished and signed; a job that runs waits for the next start."""
        self._changed_hook = lambda: None
        self.verification.close()
        self.check.close()
        self.library.close()
        self.wardrobe.pending.stop()
        self.loop.stop()
        self._recordings.close()
        self.films.stop()
        self.jobs.stop()
        self._warming.join()

    def on_change(self, hook: Callable[[], None]) -> None:
        """Have `hook` called, from any thread and often, when `state` may have changed; it must not block."""
        self._changed_hook = hook

    def notify(self) -> None:
        """Tell the pages that something has changed."""
        with contextlib.suppress(RuntimeError):
            self._changed_hook()

    def cover(self, on: bool) -> None:
        """Veil every frame, whatever the settings say, until this is taken back."""
        self.loop.cover(on)
        self.notify()

    def add_job(
        self,
        file: Path,
        name: str,
        face_id: str | None,
        changed: Mapping[str, object] | None = None,
        part_s: tuple[float | None, float | None] = (None, None),
    ) -> str:
        """Queue a file of this session to be swapped, and return the job's id.

        `changed` are settings for this job alone, `part_s` is the wanted part of a film. Raises a `MienError`.
        """
        chosen = face_id or self.wardrobe.face
        if chosen is None:
            raise UsageError("no face is chosen", "choose a face first", key="no-face-chosen")
        source, _ = self.gallery.allowed(chosen)
        return self.jobs.add(file, name, source, self.gallery.files_of, self.wardrobe.with_changes(changed or {}), part_s)

    def look_at_job(self, job_id: str) -> str:
        """Look for the people of a job's file, and return the film's id. Raises a `MienError`."""
        job, known = self.jobs.get(job_id), self.films.of_job(job_id)
        if known is not None:
            return known.id
        copy = shared_copy(self.jobs.target(job), self.uploads)
        return self._owned(copy, lambda file: self.films.add(file, job.name, job_id).id)

    def swap_film(self, film_id: str) -> str:
        """Queue a film to be swapped as its people were given faces, and return the job's id. Raises a `MienError`."""
        film, (plan, _) = self.films.get(film_id), self.films.plan(film_id)

        def queued(file: Path) -> str:
            return self.jobs.add(file, film.name, plan, self.gallery.files_of, self._settings(), film.part_s)

        return self._owned(shared_copy(film.file, self.uploads), queued)

    def _owned(self, file: Path, take: Callable[[Path], str]) -> str:
        """Give a file to its new owner; delete it when that fails."""
        try:
            return take(file)
        except BaseException:
            file.unlink(missing_ok=True)
            raise

    def keep_preset(self, name: str, parts: Collection[Part] = (), *, replace: bool = True) -> None:
        """Store the current settings under a name, and the named parts of the session. Raises a `MienError`."""
        taken = self._preset_parts.taken(set(parts))
        preset = {**portable(values_of(self._settings())), **({PARTS_KEY: taken} if taken else {})}
        self._presets.keep({name: preset}, replace=replace)
        self.notify()

    def apply_preset(self, name: str) -> list[str]:
        """Change to a preset, and return the names of what could not be: of a newer mien, or a part that is gone.

        Raises a `MienError`.
        """
        presets = self._presets.all()
        if name not in presets:
            raise UsageError(f"there is no preset {name!r}", "choose one of the list", key="preset-gone", values={"name": name})
        known, newer = settings_in(presets[name])
        self.wardrobe.change_settings(known)
        return [*sorted(newer), *self._preset_parts.apply(presets[name].get(PARTS_KEY) or {})]

    def remove_preset(self, name: str) -> None:
        """Delete a preset. Raises `OutputError`."""
        self._presets.remove(name)
        self.notify()

    def presets(self) -> dict[str, dict[str, Any]]:
        """Return all presets by name. Raises `OutputError`."""
        return self._presets.all()

    def import_presets(self, given: Mapping[str, Any]) -> list[str]:
        """Add presets, after checking every value, and return the settings that only a newer mien knows.

        Raises a `MienError`; then nothing was added.
        """
        presets, newer = checked(given)
        for preset in presets.values():
            if PARTS_KEY in preset:
                preset[PARTS_KEY] = harmless(preset[PARTS_KEY])
        self._presets.keep(presets)
        self.notify()
        return newer

    def state(self) -> dict[str, Any]:
        """Return everything that a page shows, except the figures that change all the time.

        A higher `revision` of the same `run` is newer; the input repeats it, so that the answer to a change of it tells, too.
        """
        presets, wardrobe = self._presets.known(), self.wardrobe
        with wardrobe.lock:
            self._revision += 1
            choice, sound = self.inputs.choice, self.loop.sound_status
            return {
                "version": __version__,
                "run": self._run_id,
                "revision": self._revision,
                "covered": self.loop.is_covered,
                "shared": self.shared,
                "settings": wardrobe.wanted_values,
                "trouble": None if self.loop.trouble is None else asdict(self.loop.trouble),
                "models": {**asdict(wardrobe.pending.status), "notes": [told(each) for each in wardrobe.notes()]},
                "table": described_table(self._store),
                "consents": list(STATEMENTS),
                "terms": ACCEPTABLE_USE,
                "faces": [face.described() for face in self.gallery.all()],
                "stand_ins": [face.described() for face in self.gallery.stand_ins()],
                "face": wardrobe.face,
                "people": self.people.described(),
                "input": {
                    "kind": choice.kind,
                    "spec": choice.spec,
                    "revision": self._revision,
                    **asdict(self.loop.input_status),
                },
                "content": asdict(self.loop.content_status),
                "sound": {"device": self.inputs.microphone, "state": sound.state, "message": sound.message, "code": sound.code},
                "outputs": self.outputs.described(),
                "presets": presets,
                "jobs": self.jobs.described(),
                "films": self.films.rows(),
                "browser_camera": self.feed.feeder,
            }

    def _settings(self) -> Settings:
        return self.wardrobe.settings

    def _is_starting(self) -> bool:
        return self._warming.is_alive() or self.wardrobe.pending.status.state == "opening"

    def _warm_up(self) -> None:
        """Have everything compiled and loaded before the first frame comes."""
        settings = self._settings()
        tracking = factory.open_tracking(settings, self._models.sessions)
        frame = Frame(card(320, 180), 0, 0, LIVE_TIME_BASE)
        tracking.tracker.update(frame)
        blank = np.zeros((LANDMARK_COUNT, 3), np.float32)
        blank[:, :2] = 90 + 40 * np.random.default_rng(0).random((LANDMARK_COUNT, 2))
        tracking.tracker.landmarker.fit(frame.image, blank)
        warm_up(factory.open_engine(replace(settings, engine="mesh"), self._models.sessions), settings)
        Labeller(settings, Marker(0), live=True).label(frame)


class _Listener(LoopListener):
    """Passes what the loop reports to the parts of the session."""

    def __init__(self, session: StudioSession) -> None:
        self._session = session

    @property
    def wants_before(self) -> bool:
        return self._session.hub.wants_before

    @property
    def wants_classes(self) -> bool:
        return self._session.hub.wants_classes

    def changed(self) -> None:
        self._session.notify()

    def shown(self, shown: Shown) -> None:
        hub = self._session.hub
        faces = self._session.people.shown(shown) if hub.wants_faces else b""
        hub.note_originals(shown.labelled.frame.pts, Originals(shown.before, shown.classes, faces))

    def fingerprint(self, fingerprint: int) -> None:
        self._session._recordings.see(fingerprint)
        self._session.wardrobe.check_consent()

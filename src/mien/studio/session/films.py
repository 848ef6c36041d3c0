"""Films: files whose people are looked for before they are swapped, one after the other, beside everything else."""

import contextlib
import os
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.assembly.people_search import PeopleSearch
from mien.batch.job import Progress
from mien.contracts import Recogniser
from mien.errors import Cancelled, MienError, UsageError
from mien.live.status import Status
from mien.media.files.moving import Kind, kind_of, open_moving
from mien.media.files.output_file import named_in_errors, output_error
from mien.provenance.consent import Consent
from mien.settings import Settings
from mien.studio.session.faces import Gallery
from mien.studio.session.film import LEFT_ALONE, WAITING, Film, FilmStatus
from mien.studio.session.film_requests import FilmPerson, FilmPlan
from mien.swap.people.gathering import FoundPeople

_MAX_FILMS = 10  # bounds disk use: each holds an upload of up to 8 GB
_REPORT_PERIOD_S = 0.3  # of the progress; a page cannot show more
_STOPPED: FilmStatus = Status("stopped")


class Films:
    """Bounded list of films and the one thread that looks for their people. Safe to use from several threads."""

    def __init__(
        self,
        models: factory.Models,
        gallery: Gallery,
        recogniser: Callable[[], Recogniser],
        settings: Callable[[], Settings],
        changed: Callable[[], None],
    ) -> None:
        self._models = models
        self._gallery = gallery
        self._recogniser = recogniser
        self._settings = settings
        self._changed = changed
        self._films: dict[str, Film] = {}
        self._lock = threading.Lock()
        self._queue: queue.Queue[Film | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="mien-films", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel everything and wait for the thread."""
        for film in list(self._films.values()):
            film.cancel.set()
        self._queue.put(None)
        self._thread.join()

    def add(self, file: Path, name: str, job: str | None = None) -> Film:
        """Look for the people of a file of this session; the film owns it from now on. Raises `UsageError`."""
        film = Film(secrets.token_hex(6), name, file, Kind.VIDEO, job)
        with self._lock:
            if len(self._films) >= _MAX_FILMS:
                raise UsageError(
                    f"there are already {_MAX_FILMS} files with people",
                    "remove one that is finished",
                    key="films-full",
                    values={"n": _MAX_FILMS},
                )
            self._films[film.id] = film
        self._queue.put(film)
        self._changed()
        return film

    def get(self, film_id: str) -> Film:
        """Return the film of this id. Raises `UsageError`."""
        with self._lock:
            if film_id not in self._films:
                raise UsageError("there is no such file", "it was removed already", key="stale")
            return self._films[film_id]

    def of_job(self, job_id: str) -> Film | None:
        """Return the film of a job's file, if it was looked at."""
        with self._lock:
            return next((film for film in self._films.values() if film.job == job_id), None)

    def stop_looking(self, film_id: str) -> None:
        """Stop looking; the people so far stay."""
        film = self.get(film_id)
        film.cancel.set()
        if film.status is WAITING:
            film.status = _STOPPED
        self._changed()

    def remove(self, film_id: str) -> None:
        """Stop looking and forget the film, with its file."""
        film = self.get(film_id)
        film.cancel.set()
        with self._lock:
            self._films.pop(film_id, None)
            is_read = film.status.state == "looking"
        if not is_read:
            _discard(film)
        self._changed()

    def change(self, film_id: str, request: FilmPlan) -> None:
        """Change the choices for a film. Raises a `MienError`, also for a face that must not be worn."""
        self._check(request.everybody)
        self.get(film_id).change(request)
        self._changed()

    def change_person(self, film_id: str, key: int, request: FilmPerson) -> None:
        """Change the choices for a person of a film. Raises a `MienError`, also for a face that must not be worn."""
        self._check(request.wears)
        self.get(film_id).change_person(key, request)
        self._changed()

    def plan(self, film_id: str) -> tuple[CastPlan, tuple[Consent, ...]]:
        """Return who wears what, and the consents for all faces. Raises a `MienError`."""
        return self.get(film_id).plan(self._gallery.allowed)

    def rows(self) -> list[dict[str, Any]]:
        """Return what the list of films shows."""
        with self._lock:
            films = list(self._films.values())
        return [film.row() for film in films]

    def described(self, film_id: str) -> dict[str, Any]:
        """Return a film with its people for the page. Raises `UsageError`."""
        faces = [face.id for face in (*self._gallery.all(), *self._gallery.stand_ins())]
        return self.get(film_id).described(faces)

    def _check(self, wears: str | None) -> None:
        if wears is not None and wears != LEFT_ALONE:
            self._gallery.allowed(wears)

    def _run(self) -> None:
        while (film := self._queue.get()) is not None:
            with self._lock:
                if film.cancel.is_set():
                    film.status = _STOPPED
                    continue
                film.status = Status("looking")
            self._changed()
            status = self._looked(film)
            with self._lock:
                film.status = status
                is_gone = film.id not in self._films
            if is_gone:
                _discard(film)
            self._changed()

    def _looked(self, film: Film) -> FilmStatus:
        try:
            with named_in_errors(film.file, film.name):
                self._look(film)
        except Cancelled:
            return _STOPPED
        except MienError as error:
            return Status("failed", str(error), error.remedy, error.code)
        except Exception as error:  # noqa: BLE001 - thread border: one file must not end the others
            return Status("failed", f"the file could not be read: {error}")
        return Status("done")

    def _look(self, film: Film) -> None:
        settings, recogniser = self._settings(), self._recogniser()
        film.kind = kind_of(film.file)
        if film.kind is not Kind.PICTURE:
            with open_moving(film.file, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes) as reader:
                film.seconds, film.total = reader.info.duration_s, reader.info.frame_count
                film.step_s = float(1 / reader.info.rate) if reader.info.rate else film.step_s
        next_s = time.monotonic()

        def report(number: int, progress: Progress) -> None:
            nonlocal next_s
            film.frames, film.total = progress.frames, progress.total
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + _REPORT_PERIOD_S
                self._changed()

        def show(found: FoundPeople) -> None:
            film.take(found, recogniser.limits.cluster)
            self._changed()

        search = PeopleSearch(self._models, recogniser, settings, report, show, film.cancel, film.strip.offer)
        found = search.run([film.file])
        film.seconds = found.roster.films[0].seconds or None
        film.notes = found.notes
        show(FoundPeople(found.people, found.roster.unknown))


def shared_copy(file: Path, folder: Path) -> Path:
    """Return another name of a file, so that each owner may delete its own; a copy where the disk has no links."""
    path = folder / f"{secrets.token_hex(8)}{file.suffix}"
    try:
        os.link(file, path)
    except OSError:
        try:
            shutil.copyfile(file, path)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise output_error(error, path) from error
    return path


def _discard(film: Film) -> None:
    # Windows keeps a file that a frame is being read from; it goes with the session.
    with contextlib.suppress(OSError):
        film.file.unlink(missing_ok=True)

"""Search of films and pictures for the people in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from threading import Event

from mien.assembly.cast_plan import EMBEDDED_RECOGNISER
from mien.assembly.factory import Models
from mien.batch.job import Progress
from mien.contracts import Recogniser
from mien.errors import Cancelled, FacesUnclear, NoFaceFound, UnreadableMedia
from mien.media.files.moving import Kind, MovingReader, kind_of, open_moving
from mien.media.files.picture_read import read_picture
from mien.settings import Settings
from mien.swap.people.gathering import FoundPeople, FoundPerson, Gathering
from mien.swap.people.roster import Film, Roster, film_at
from mien.swap.tracking.rotated_detector import RotatedDetector
from mien.swap.tracking.tiled_detector import TiledDetector
from mien.swap.tracking.tracker import Tracker
from mien.types import Image

_DEFAULT_RATE = Fraction(25)  # frames a second of a film that does not state it; only the end of the last frame depends on it
_CARDS_EVERY_S = 5.0  # of film between two calls of `cards`; clustering takes milliseconds, but grows with the square


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """Roster of the films, its people with their pictures in the same order, and notes for the user."""

    roster: Roster
    people: tuple[FoundPerson, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class PeopleSearch:
    """One search; `run` reads every film once.

    `report` is called after each frame with the film's place in the list, `cards` now and then with the people so far: a
    page can show cards while a film is read. Soon after `cancel` is set, `run` raises `Cancelled`. `watch` gets each frame of
    a film, BGR uint8 and not to be changed, with its time. `recogniser_name` is the model of the recogniser: descriptors of
    another one cannot be compared.
    """

    models: Models
    recogniser: Recogniser
    settings: Settings
    report: Callable[[int, Progress], None] = lambda film, progress: None
    cards: Callable[[FoundPeople], None] | None = None
    cancel: Event | None = None
    watch: Callable[[Image, float], None] | None = None
    recogniser_name: str = EMBEDDED_RECOGNISER
    _gathering: Gathering = field(init=False)
    _frames: int = field(default=0, init=False)
    _notes: list[str] = field(default_factory=list, init=False)
    _is_alone: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self._gathering = Gathering(self.recogniser)

    def check(self, paths: Sequence[Path]) -> None:
        """Open every file and close it, before minutes are spent on the first. Raises a `MediaError`."""
        for path in paths:
            if kind_of(path) is not Kind.PICTURE:
                self._open(path).close()

    def run(self, paths: Sequence[Path]) -> PeopleFound:
        """Look for people in the files; raises a `MienError`, `NoFaceFound` when nobody can be told."""
        films, self._is_alone = [], len(paths) == 1
        for number, path in enumerate(paths):
            self._gathering.start_film()
            before = film_at(path, 0.0)
            seconds = self._picture(path) if kind_of(path) is Kind.PICTURE else self._film(number, path)
            films.append(_unchanged(path, before, seconds))
        found = self._gathering.people()
        if not found.people:
            raise _nobody(found, self._frames)
        people = tuple(each.person for each in found.people)
        return PeopleFound(Roster(self.recogniser_name, tuple(films), people, found.unknown), found.people, tuple(self._notes))

    def _open(self, path: Path) -> MovingReader:
        return open_moving(path, max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes)

    def _picture(self, path: Path) -> float:
        """Look at a picture, which lasts no time."""
        picture = read_picture(path, max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes)
        detector = RotatedDetector(TiledDetector(self.models.photo_detector))
        tracker = Tracker(detector, self.models.landmarker, replace(self.settings, smoothing=0.0), self.models.turned)
        self._gathering.look(picture.frame, tracker.update(picture.frame), 0.0, 0.0)
        self._frames += 1
        return 0.0

    def _film(self, number: int, path: Path) -> float:
        """Look at every frame of a film, tracked as in a swap; return the seconds that it lasts."""
        tracker = Tracker(self.models.detector, self.models.landmarker, self.settings, self.models.turned)
        frames = with_faces = 0
        time_s = cards_s = 0.0
        with self._open(path) as reader:
            one_s = float(1 / (reader.info.rate or _DEFAULT_RATE))
            zero_s = float(reader.info.zero)
            while (frame := reader.read()) is not None:
                time_s = max(frame.time_s - zero_s, 0.0)
                if self.watch is not None:
                    self.watch(frame.image, time_s)
                faces = tracker.update(frame)
                self._gathering.look(frame, faces, time_s, one_s)
                frames += 1
                with_faces += bool(faces)
                self.report(number, Progress(frames, reader.info.frame_count, with_faces))
                if self.cards is not None and time_s - cards_s >= _CARDS_EVERY_S:
                    cards_s = time_s
                    self.cards(self._gathering.people())
                if self.cancel is not None and self.cancel.is_set():
                    raise Cancelled("stopped; nothing was written")
            self._notes += reader.warnings if self._is_alone else [f"{path.name}: {warning}" for warning in reader.warnings]
        self._frames += frames
        return time_s + one_s if frames else 0.0


def _unchanged(path: Path, before: Film, seconds: float) -> Film:
    """Return the record of a film; one that is still being written would never be found again. Raises `UnreadableMedia`."""
    after = film_at(path, seconds)
    if (after.size, after.digest) != (before.size, before.digest):
        raise UnreadableMedia(f"{path} changed while it was read; nothing was written", "wait until it is complete")
    return after


def _nobody(found: FoundPeople, frames: int) -> NoFaceFound:
    if found.unknown:
        return FacesUnclear(
            "there are faces, but none is seen well enough to tell whose it is",
            "a face has to be 40 pixels high and turned by at most 40 degrees; use a larger version of the film",
        )
    return NoFaceFound(f"no face was found in {frames} frames", "use a film with larger or clearer faces, or --detect-size 640")

"""People whose faces are to stay visible: those of photos, and of folders that `mien people` wrote."""

from collections.abc import Sequence
from pathlib import Path

from mien.assembly import factory
from mien.assembly.cast_plan import EMBEDDED_RECOGNISER
from mien.assembly.source_photos import read_photo
from mien.contracts import Recogniser
from mien.errors import NoSourceFace, SeveralSourceFaces, UsageError
from mien.media.files.moving import Kind, kind_of, open_moving
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.hiding.kept import KeptPeople
from mien.swap.people.corrections import FOLDER_SUFFIX, SHEET_NAME, read_people
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.source.load import search, settled

_CARD = "person-"
"""Beginning of the name of a card, before its number or the name that was given to it."""


class KeptFaces:
    """Finder of the people to keep; the models are opened with the first name, once for all targets of a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: tuple[factory.Models, Recogniser] | None = None
        self._photos: dict[str, Wanted] = {}

    def watcher(self, names: Sequence[str], target: Path) -> KeptPeople:
        """Return a watcher of the search of a target for these people: photos of one person each, or FOLDER/NUMBER of a folder.

        Raises a `SourceFaceError` for a photo with nobody or several people, `UsageError` for an unknown person, or a
        `MediaError`.
        """
        models, recogniser = self._models()
        people = [_of_card(Path(name), target) or self._of_photo(name) for name in names]
        if any(each.not_in_s for each in people) and kind_of(target) is not Kind.PICTURE:
            limits = self._settings
            with open_moving(target, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes) as reader:
                people = [each.on_clock(float(reader.info.zero)) for each in people]
        return KeptPeople(people, models.landmarker, recogniser, models.turned)

    def _models(self) -> tuple[factory.Models, Recogniser]:
        if self._opened is None:
            store = Store()
            self._opened = factory.open_models(self._settings, store), factory.open_recogniser(store)
        return self._opened

    def _of_photo(self, name: str) -> Wanted:
        if name not in self._photos:
            self._photos[name] = self._read(name)
        return self._photos[name]

    def _read(self, name: str) -> Wanted:
        models, recogniser = self._models()
        photo = search(read_photo(Path(name), self._settings), models.photo_detector)
        if not photo.faces:
            raise NoSourceFace(f"{name}: no face was found in the photo", "use a clear photo of the person to keep")
        if len(photo.faces) > 1:
            raise SeveralSourceFaces(
                f"{name} shows {len(photo.faces)} faces, and it must be clear who is to be kept", "cut one person out of it"
            )
        first = models.landmarker.fit(photo.image, photo.faces[0].detection.points)
        landmarks = settled(photo.image, first, models.landmarker)
        return Wanted(name, (template_of_photo(recogniser.describe(photo.image, landmarks)),))


def is_card(name: str) -> bool:
    """Return True for the name of a card, such as `person-3`, rather than of a file."""
    return name.startswith(_CARD) and "/" not in name and not Path(name).is_file()


def cards_named(names: Sequence[str], target: Path, people: Path | None) -> tuple[str, ...]:
    """Return the names with each `person-3` as FOLDER/3: of the folder `people`, or else of the one beside the target.

    Raises `UsageError` where there is no such folder, and for a folder that no name needs.
    """
    cards = [name for name in names if is_card(name)]
    if people is not None and not cards:
        raise UsageError("--people says nothing without --keep person-N", f"add --keep {_CARD}1")
    folder = target.with_suffix(FOLDER_SUFFIX) if people is None else people
    if cards and not (folder / SHEET_NAME).is_file():
        where = f"for {target.name}" if people is None else f"in {people}"
        raise UsageError(
            f"--keep {cards[0]}: there are no cards of people {where}",
            "make them with mien people; name their folder with --people",
        )
    return tuple(str(folder / name.removeprefix(_CARD)) if is_card(name) else name for name in names)


def _of_card(name: Path, target: Path) -> Wanted | None:
    """Return the person of FOLDER/NUMBER, None for another name."""
    if name.is_dir() and (name / SHEET_NAME).is_file():
        raise UsageError(f"{name} is a folder of people", f"name one of them, such as {name / '1'}")
    if name.is_file() or not (name.parent / SHEET_NAME).is_file():
        return None
    known = read_people(name.parent)
    if known.roster.recogniser != EMBEDDED_RECOGNISER:
        raise UsageError(
            f"the cards in {name.parent} were made by {known.roster.recogniser}, not by {EMBEDDED_RECOGNISER}",
            "make the cards again without --recogniser",
        )
    person, film = known.find(name.name), known.roster.film_number(target)
    if person is None or not person.templates:
        raise UsageError(
            f"{name.parent} has no person {name.name} that can be told",
            f"the cards have 1 to {len(known.roster.people)}; see its contact.jpg",
        )
    struck = () if film is None else tuple((each.start_s, each.end_s) for each in person.not_in if each.film == film)
    return Wanted(f"person {person.number}", person.templates, struck)

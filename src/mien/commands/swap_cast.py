"""Cast of a `mien swap` request: the people, the source faces and their consents, opened once for all targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from mien.assembly import factory, stand_ins
from mien.assembly.cast_plan import EMBEDDED_RECOGNISER, MAX_SOURCES, CastPlan, check_apart
from mien.assembly.source_photos import person_of_photo
from mien.commands.swap_request import Request
from mien.commands.swap_roles import Pair, RoleRequest
from mien.commands.swap_source import consent_for, open_source
from mien.errors import SeveralSourceFaces, UsageError
from mien.provenance.consent import Consent
from mien.provenance.trust import Trust
from mien.swap.cast import Choice
from mien.swap.people.identities import Wanted
from mien.system.printable import printable
from mien.types import SourceFace

if TYPE_CHECKING:
    from mien.swap.people.corrections import KnownPeople, KnownPerson

_NAMED = 8  # names of cards that an error lists: one line
_CHOICES: Mapping[str, Choice] = {"largest": "largest", "centre": "centre"}


@dataclass(frozen=True, slots=True)
class Costume:
    """A person of the target and the photo to wear; `card` is the person's card, None for a person of a photo."""

    name: str
    photo: Path
    card: "KnownPerson | None" = None
    portrait: Path | None = None


@dataclass(frozen=True, slots=True)
class Costumes:
    """Costumes of a request, before any picture is read; `known` are the people of the cards, if any are meant."""

    each: tuple[Costume, ...]
    known: "KnownPeople | None" = None

    def check_film(self, target: Path) -> int | None:
        """Return the number of the target among the films of the cards. Raises `UsageError` when it has changed since."""
        return None if self.known is None else self.known.roster.film_number(target)

    def notes(self, target: Path) -> tuple[str, ...]:
        """Return what is to be said where the cards are not of this target."""
        has_times = any(costume.card is not None and costume.card.not_in for costume in self.each)
        if not has_times or self.check_film(target) is not None:
            return ()
        return (f"{target.name} is none of the films of the cards: the times in `not` are not those of it",)


@dataclass(frozen=True, slots=True)
class OpenedCast:
    """Source faces by photo, the statements of consent for them, and the people to find."""

    costumes: Costumes
    roles: RoleRequest
    sources: Mapping[Path, SourceFace]
    people: Mapping[str, Wanted]
    statements: Mapping[Path, Consent] = field(default_factory=dict)

    @property
    def consents(self) -> tuple[Consent, ...]:
        """The statements, each once: two photos may be of one."""
        return tuple({consent.id: consent for consent in self.statements.values()}.values())

    def plan(self, target: Path) -> CastPlan:
        """Return who wears what in a target. Raises `UsageError` when it has changed since the cards were made."""
        if not self.costumes.each:
            (source,) = self.sources.values()
            return CastPlan(source, _CHOICES.get(self.roles.who, "all"), self.roles.others)
        film = self.costumes.check_film(target)
        members = []
        for costume in self.costumes.each:
            person = self.people[costume.name]
            if costume.card is not None and film is not None:
                times = tuple((each.start_s, each.end_s) for each in costume.card.not_in if each.film == film)
                person = Wanted(person.name, person.templates, times)
            members.append((person, self.sources[costume.photo]))
        return CastPlan(others=self.roles.others, members=tuple(members), recogniser=recogniser_name(self.costumes))


def costumes_of(request: Request) -> Costumes:
    """Return the costumes of a request, with numbers and names looked up. Raises `UsageError`."""
    roles = request.roles
    if roles.who == "me":
        assert roles.me is not None
        assert request.photo is not None
        return Costumes((Costume(str(roles.me), request.photo, portrait=roles.me),))
    if roles.who != "mapped":
        return Costumes(())
    known = _known(request)
    costumes = [_costume(pair, known) for pair in roles.pairs]
    if roles.sheets:
        assert known is not None
        worn = [person for person in known.people if person.wear is not None]
        if not worn and not costumes:
            raise UsageError(f"{roles.sheets[0]} gives nobody a face to wear", 'add to a person: wear = "bob.jpg"')
        costumes += [Costume(_name(person), _photo(person.wear), person) for person in worn if person.wear is not None]
    _check_once(costumes)
    return Costumes(tuple(costumes), known)


def _known(request: Request) -> "KnownPeople | None":
    """Return the people of the cards; None where nobody is named by a card."""
    from mien.swap.people.corrections import FOLDER_SUFFIX, SHEET_NAME, read_people

    roles = request.roles
    places = list(dict.fromkeys((*([roles.people] if roles.people else []), *roles.sheets)))
    folders = {(place if place.is_dir() else place.parent).resolve() for place in places}
    if len(folders) > 1:
        raise UsageError("--people and --map name two folders of people", "use the cards of one")
    if places:
        return read_people(places[0])
    if all(isinstance(pair.person, Path) for pair in roles.pairs):
        return None
    for target in request.targets:
        folder = target.with_suffix(FOLDER_SUFFIX)
        if (folder / SHEET_NAME).is_file():
            return read_people(folder)
    first = next(str(pair.person) for pair in roles.pairs if not isinstance(pair.person, Path))
    looked = printable(str(request.targets[0].with_suffix(FOLDER_SUFFIX)))
    raise UsageError(
        f"--map {first}: there are no cards with numbers in {looked}",
        f"make them: mien people {printable(str(request.targets[0]))} -o {looked}; or name their folder with --people",
    )


def _costume(pair: Pair, known: "KnownPeople | None") -> Costume:
    if isinstance(pair.person, Path):
        return Costume(str(pair.person), pair.photo, portrait=pair.person)
    assert known is not None
    card = known.find(pair.person)
    if card is None:
        names = [person.name for person in known.people if person.name][:_NAMED]
        named = f"; named are {', '.join(names)}" if names else ", without names"
        raise UsageError(f"there is no person {pair.person}", f"the cards have 1 to {len(known.roster.people)}{named}")
    return Costume(_name(card), pair.photo, card)


def _photo(wear: Path) -> Path:
    """Return the photo that a sheet names: a file, or a stand-in where there is no such file."""
    return stand_ins.photo_of(wear.name) if wear.name in stand_ins.NAMES and not wear.exists() else wear


def _name(card: "KnownPerson") -> str:
    return f"person {card.number} ({card.name})" if card.name else f"person {card.number}"


def _check_once(costumes: Sequence[Costume]) -> None:
    seen: set[str] = set()
    for costume in costumes:
        if costume.name in seen:
            raise UsageError(f"{costume.name} is mapped twice", "give each person one face to wear")
        seen.add(costume.name)
    if len({costume.photo for costume in costumes}) > MAX_SOURCES:
        raise UsageError(f"there are more than {MAX_SOURCES} faces to wear", "swap the film in several runs")


def open_cast(request: Request, costumes: Costumes, models: factory.Models, console: Console, *, quiet: bool) -> OpenedCast:
    """Read all photos: those of the people, then those of the faces to wear. Raises a `MienError`."""
    people = _people(request, costumes, models)
    sources: dict[Path, SourceFace] = {}
    for photo in photos_of(request, costumes):
        try:
            sources[photo] = open_source(request, photo, models, console, quiet=quiet)
        except SeveralSourceFaces as error:
            if request.photo is None:
                raise SeveralSourceFaces(str(error), "use a photo of this person alone") from error
            raise
    return OpenedCast(costumes, request.roles, sources, people)


def photos_of(request: Request, costumes: Costumes) -> tuple[Path, ...]:
    """Return the photos of the faces to wear, each once."""
    return tuple(dict.fromkeys(costume.photo for costume in costumes.each)) or ((request.photo,) if request.photo else ())


def consented(request: Request, opened: OpenedCast, trust: Trust) -> OpenedCast:
    """Return the cast with the consent for each source face, asked for one by one. Raises a `UsageError`."""
    found = {photo: consent_for(request, trust, source, photo) for photo, source in opened.sources.items()}
    return replace(opened, statements=found)


def recogniser_name(costumes: Costumes) -> str:
    """Return the model that tells the people apart: the one that made the cards, where there are any."""
    return EMBEDDED_RECOGNISER if costumes.known is None else costumes.known.roster.recogniser


def _people(request: Request, costumes: Costumes, models: factory.Models) -> dict[str, Wanted]:
    if not costumes.each:
        return {}
    recogniser = factory.open_recogniser_called(recogniser_name(costumes), models.sessions)
    found: dict[str, Wanted] = {}
    for costume in costumes.each:
        if costume.card is not None:
            found[costume.name] = Wanted(costume.name, costume.card.templates)
        else:
            assert costume.portrait is not None
            person = person_of_photo(costume.portrait, request.settings, models, recogniser)
            found[costume.name] = Wanted(costume.name, person.templates)
            # Cards are told apart already, by more than a single photo.
            for other in found.values():
                if other.name != costume.name:
                    check_apart((found[costume.name], other), recogniser)
    return found

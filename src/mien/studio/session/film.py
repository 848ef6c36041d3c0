"""One file whose people are known: cards, what each person is to wear, and the part that is wanted."""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mien.assembly.cast_plan import CastPlan
from mien.errors import UsageError
from mien.live.status import Status
from mien.media.files.moving import Kind
from mien.provenance.consent import Consent
from mien.studio.session.film_requests import FilmPerson, FilmPlan
from mien.studio.session.film_strip import FilmStrip
from mien.studio.session.told import told
from mien.swap.cast import Treatment
from mien.swap.people.corrections import template_without
from mien.swap.people.gathering import FoundPeople, FoundPerson, joined
from mien.swap.people.identities import Wanted
from mien.swap.people.roster import Stretch
from mien.swap.people.template import Template, nearest, template_of
from mien.types import SourceFace

FilmStatus = Status[Literal["waiting", "looking", "done", "stopped", "failed"]]
Allowed = Callable[[str], tuple[SourceFace, Consent]]
"""Returns the gallery's face of an id with its statement of consent; raises a `MienError`."""
WAITING: FilmStatus = Status("waiting")
LEFT_ALONE: Literal["leave"] = "leave"
"""Choice of a card whose person stays as they are, whatever becomes of all others."""


@dataclass(frozen=True, slots=True)
class FilmLimits:
    """Limits of a film's cards."""

    cards: int = 200
    """Bounds the page, which shows all of them, and memory: 45 KB each. Those longest in sight are kept."""
    stretches: int = 400
    """Times in sight of one person; a lane has fewer pixels."""
    touching_s: float = 0.001
    """Gap of two struck out times that is none: the page rounds to milliseconds."""


LIMITS = FilmLimits()


@dataclass(slots=True)
class Card:
    """A person of the film. `wears` is a face of the gallery, `LEFT_ALONE`, or None: as all others.

    `into` is the key of the card that shows the same person, if this one was merged. At the times of `not_in` the face on
    the card is somebody else's.
    """

    found: FoundPerson
    name: str = ""
    wears: str | None = None
    into: int | None = None
    not_in: tuple[Stretch, ...] = ()

    @property
    def is_edited(self) -> bool:
        """Return True for a card with any choice of the user."""
        return bool(self.name) or self.wears is not None or self.into is not None or bool(self.not_in)

    @property
    def template(self) -> Template:
        """Return the template of the best looks, struck out or not: to find the card again."""
        made = template_of(self.found.person.looks)
        assert made is not None, "a person has a look"
        return made


@dataclass(slots=True)
class Film:
    """A file of the session that is looked at. Safe to use from several threads; `revision` grows with every change.

    `frames` of `total` were read; `seconds` is the length, None for a picture or while it is unknown, `step_s` that of a frame.
    `job` is the id of the job whose file it is, if any.
    """

    id: str
    name: str
    file: Path
    kind: Kind
    job: str | None = None
    status: FilmStatus = WAITING
    frames: int = 0
    total: int | None = None
    seconds: float | None = None
    step_s: float = 0.04
    notes: tuple[str, ...] = ()
    cancel: threading.Event = field(default_factory=threading.Event)
    strip: FilmStrip = field(default_factory=FilmStrip)
    revision: int = 0
    _others: Treatment = "leave"
    _start_s: float | None = None
    _end_s: float | None = None
    _cards: dict[int, Card] = field(default_factory=dict)
    _unknown: tuple[Stretch, ...] = ()
    _beyond: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def part_s(self) -> tuple[float | None, float | None]:
        """Return the start and the end of the wanted part, None = that of the film."""
        return self._start_s, self._end_s

    def take(self, found: FoundPeople, same: float) -> None:
        """Show these people from now on; what was chosen for a person stays with them, also where the cards change.

        `same` is the distance of templates below which two cards show one person.
        """
        with self._lock:
            before, self._cards = self._cards, {each.key: Card(each) for each in found.people[: LIMITS.cards]}
            self._unknown, self._beyond = found.unknown, max(len(found.people) - LIMITS.cards, 0)
            owners = {card.into for card in before.values()}
            kept = {key: card for key, card in before.items() if card.is_edited or key in owners}
            places = {key: self._place(key, card, same) for key, card in kept.items()}
            for key, place in places.items():
                old, new = before[key], self._cards.get(place) if place is not None else None
                if new is None:
                    continue
                new.name, new.wears, new.not_in = new.name or old.name, new.wears or old.wears, new.not_in or old.not_in
                into = None if old.into is None else places.get(old.into, old.into)
                new.into = into if into in self._cards and into != place else None
            for card in self._cards.values():
                # Two merged cards may have become one: no card is merged into a merged one.
                if card.into is not None and self._cards[card.into].into is not None:
                    card.into = None
            self.revision += 1

    def _place(self, key: int, card: Card, same: float) -> int | None:
        """Return the key that this card's person has now; None where the person is not found any more."""
        if key in self._cards:
            return key
        keys = list(self._cards)
        place = nearest(card.template, [[self._cards[each].template] for each in keys], same)
        return None if place is None else keys[place]

    def picture(self, key: int, number: int) -> bytes:
        """Return a view of a person as JPEG, best first from 0. Raises `UsageError`."""
        pictures = self._card(key).found.pictures
        if not 0 <= number < len(pictures):
            raise UsageError("there is no such view", "reload the page", key="stale")
        return pictures[number]

    def change(self, request: FilmPlan) -> None:
        """Change what the request names. Raises `UsageError`; then nothing is changed."""
        with self._lock:
            named = request.model_fields_set
            start_s = request.start_s if "start_s" in named else self._start_s
            end_s = request.end_s if "end_s" in named else self._end_s
            if start_s is not None and end_s is not None and end_s <= start_s:
                raise UsageError("the part ends before it starts", "set the end after the start", key="part-order")
            if start_s is not None and self.seconds is not None and start_s >= self.seconds:
                raise UsageError("the part starts after the end of the film", "set an earlier start", key="part-start")
            self._start_s, self._end_s = start_s, end_s
            self._others = request.others if request.others is not None else self._others
            if "everybody" in named:
                for card in self._cards.values():
                    card.wears = request.everybody
            self.revision += 1

    def change_person(self, key: int, request: FilmPerson) -> None:
        """Name a person, say what they wear and when it is not them, merge their card or take it out again.

        Raises `UsageError`; then nothing is changed.
        """
        with self._lock:
            card = self._card(key)
            named = request.model_fields_set
            not_in = None if request.not_in is None else self._struck_out(key, request.not_in)
            if "into" in named and request.into is not None:
                self._merge(key, request.into)
            elif "into" in named:
                card.into = None
            for each in self._merged(key):
                # What was chosen for the card that shows the whole person counts.
                each.name = "" if request.name is not None else each.name
                each.wears = None if "wears" in named else each.wears
                each.not_in = each.not_in if not_in is None else ()
            if request.name is not None:
                card.name = request.name
            if "wears" in named:
                card.wears = request.wears
            card.not_in = card.not_in if not_in is None else not_in
            self.revision += 1

    def _struck_out(self, key: int, times_s: Sequence[tuple[float, float]]) -> tuple[Stretch, ...]:
        """Return these times as parts of the film, joined where they touch. Raises `UsageError`."""
        if times_s and self.kind is Kind.PICTURE:
            raise UsageError("a picture has no times", "leave the person as they are, or give them no face", key="no-times")
        if any(self.seconds is not None and start_s >= self.seconds for start_s, _ in times_s):
            raise UsageError("the time begins after the end of the film", "choose a time within the film", key="part-start")
        not_in = tuple(joined([Stretch(0, *each) for each in times_s], LIMITS.touching_s))
        if not self._templates(key, not_in):
            raise UsageError(
                "that takes away every view of this person",
                "have the person stay as they are, if all of it is somebody else",
                key="no-view-left",
            )
        return not_in

    def _merge(self, key: int, into: int) -> None:
        """Merge a card, and those that were merged into it, into another one."""
        owner = self._card(into).into
        owner = into if owner is None else owner
        if owner == key:
            raise UsageError("a card cannot be merged into itself", "choose another card", key="merge-self")
        for each in (self._card(key), *self._merged(key)):
            each.into = owner

    def _merged(self, key: int) -> tuple[Card, ...]:
        """Return the cards that were merged into this one."""
        return tuple(card for card in self._cards.values() if card.into == key)

    def _not_in(self, key: int) -> tuple[Stretch, ...]:
        """Return the times at which a face is not this person's, by their card and by those merged into it."""
        every = [each for card in (self._cards[key], *self._merged(key)) for each in card.not_in]
        return tuple(joined(every, LIMITS.touching_s))

    def _choice(self, key: int) -> tuple[str, str | None]:
        """Return the name of a person and what they wear: what their card says, or else one that was merged into it."""
        cards = (self._cards[key], *self._merged(key))
        name = next((card.name for card in cards if card.name), "")
        return name, next((card.wears for card in cards if card.wears is not None), None)

    def plan(self, allowed: Allowed) -> tuple[CastPlan, tuple[Consent, ...]]:
        """Return who wears what, and the statements of consent for all faces. Raises a `MienError`."""
        with self._lock:
            keys = [key for key, card in self._cards.items() if card.into is None and self._choice(key)[1] is not None]
            people = [(self._wanted(key), self._choice(key)[1]) for key in keys]
            others = self._others
        faces = {face: allowed(face) for _, face in people if face is not None and face != LEFT_ALONE}
        if not faces:
            raise UsageError(
                "nobody in this file wears a face yet", "drop a face on a card, or choose one there", key="nobody-wears"
            )
        members = tuple((who, faces[face][0] if face in faces else LEFT_ALONE) for who, face in people if face is not None)
        consents = tuple({consent.id: consent for _, consent in faces.values()}.values())
        return CastPlan(others=others, members=members), consents

    def _title(self, key: int) -> str:
        number, name = f"person {self._cards[key].found.person.number}", self._choice(key)[0]
        return f"{number} ({name})" if name else number

    def _wanted(self, key: int) -> Wanted:
        """Return the person to find. Raises `UsageError` for one of whom no view is left."""
        not_in, title = self._not_in(key), self._title(key)
        templates = self._templates(key, not_in)
        if not templates:
            raise UsageError(f"{title}: every view was struck out", "take one of the times back", key="no-view-left")
        return Wanted(title, templates, tuple((each.start_s, each.end_s) for each in not_in))

    def _templates(self, key: int, not_in: Sequence[Stretch]) -> tuple[Template, ...]:
        """Return a template of each card of a person of whom a view is left."""
        made = [template_without(card.found.person.looks, not_in) for card in (self._cards[key], *self._merged(key))]
        return tuple(each for each in made if each is not None)

    def _card(self, key: int) -> Card:
        found = self._cards.get(key)
        if found is None:
            raise UsageError(
                "there is no such card", "the film was read further; choose one of the cards that are shown", key="stale"
            )
        return found

    def row(self) -> dict[str, Any]:
        """Return what the list of files shows."""
        with self._lock:
            people = sum(card.into is None for card in self._cards.values())
            return {
                "id": self.id,
                "job": self.job,
                "name": self.name,
                "state": self.status.state,
                "message": self.status.message,
                "remedy": self.status.remedy,
                "code": self.status.code,
                "frames": self.frames,
                "total": self.total,
                "picture": self.kind is Kind.PICTURE,
                "people": people,
                "revision": self.revision,
            }

    def described(self, faces: Sequence[str]) -> dict[str, Any]:
        """Return everything for the page; `faces` are those of the gallery: what a removed one was to do is forgotten."""
        with self._lock:
            for card in self._cards.values():
                if card.wears is not None and card.wears != LEFT_ALONE and card.wears not in faces:
                    card.wears = None
            cards = [self._described(key, card) for key, card in self._cards.items() if card.into is None]
            return {
                **self.row(),
                "seconds": self.seconds,
                "step_s": self.step_s,
                "notes": [told(each) for each in self.notes],
                "others": self._others,
                "start_s": self._start_s,
                "end_s": self._end_s,
                "unknown": _lane(self._unknown),
                "beyond": self._beyond,
                "cards": cards,
            }

    def _described(self, key: int, card: Card) -> dict[str, Any]:
        merged = [(each, other) for each, other in self._cards.items() if other.into == key]
        parts = [card, *(other for _, other in merged)]
        people = [part.found.person for part in parts]
        name, wears = self._choice(key)
        stretches = tuple(joined([each for person in people for each in person.stretches], 0.0))
        weights = [max(person.seconds, 1e-6) for person in people]
        return {
            "key": key,
            "number": people[0].number,
            "name": name,
            "wears": wears,
            "views": len(card.found.pictures),
            "best_s": round(people[0].looks[0].time_s, 3),
            "seconds": round(sum(each.end_s - each.start_s for each in stretches), 3),
            "share": round(sum(w * each.share for w, each in zip(weights, people, strict=True)) / math.fsum(weights), 5),
            "height": round(max(person.size for person in people)),
            "times": _lane(stretches),
            "not_in": _lane(self._not_in(key)),
            "merged": [{"key": each, "number": other.found.person.number} for each, other in merged],
        }


def _lane(stretches: Sequence[Stretch]) -> list[list[float]]:
    """Return times in seconds for a lane; where there are more than a lane can show, near ones are joined."""
    gap_s, found = 0.0, tuple(stretches)
    while len(found) > LIMITS.stretches:
        gap_s = 2 * gap_s + 0.5
        found = tuple(joined(found, gap_s))
    return [[round(each.start_s, 3), round(each.end_s, 3)] for each in found]

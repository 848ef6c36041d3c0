"""Stand-ins of one file whose faces are hidden: who is who, who wears which, and whether the result is somebody else."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from mien.assembly import factory, stand_ins
from mien.assembly.file_hiding import Findings
from mien.contracts import Engine, Recogniser
from mien.models.library.store import Store
from mien.provenance.consent import Consents
from mien.settings import Settings
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.hider import StandIns
from mien.swap.hiding.path_look import PathLooker
from mien.swap.hiding.path_people import PathPeople, PathPerson
from mien.swap.hiding.stand_in_choice import LEAST_DISTANCE, chosen, is_other
from mien.swap.hiding.stand_in_fade import StandInFades
from mien.swap.hiding.stand_in_layer import StandInLayer
from mien.swap.people.template import template_of_photo
from mien.swap.persona import Persona, open_persona
from mien.swap.stages.cover import Cover
from mien.types import Frame, SourceFace

MOST_TRIES = 3
"""Stand-ins that are tried on a person, each in a reading of the film up to the last frame that is tried."""
_SALT_BYTES = 16  # more than can be tried
_FACE = {
    "eyes": "source", "mouth": "target", "glasses": "off", "beard": "source", "occlusion": "off", "parser": "off",
    "light": 0.0, "faces": 32, "detect_size": 640,
}  # fmt: skip
"""Settings of the face: nothing is the wearer's own. The mouth stays open, as a stand-in has no teeth: the layer fills it."""


@dataclass(frozen=True, slots=True)
class StandInParts:
    """Models and settings that all files of a run share."""

    settings: Settings
    models: factory.Models
    engine: Engine
    looker: PathLooker
    recogniser: Recogniser


def open_parts(settings: Settings) -> StandInParts:
    """Open the models; raises a `ModelError`."""
    store = Store()
    settings = replace(settings, engine="mesh", **_FACE)  # type: ignore[arg-type]
    settings = replace(settings, resolution=max(factory.PICTURE_RESOLUTION, settings.resolution))
    models, recogniser = factory.open_models(settings, store), factory.open_recogniser(store)
    engine = factory.open_engine(settings, models.sessions)
    return StandInParts(settings, models, engine, PathLooker(models.landmarker, recogniser, models.turned), recogniser)


@dataclass(slots=True)
class StandInCasting:
    """Casts the stand-ins of one file. The salt of the choice is forgotten with this object.

    Give `watch` every frame of the search, then let `decide` try the stand-ins on a few frames of each person.
    """

    parts: StandInParts
    picture: bool = False
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(_SALT_BYTES))
    _people: PathPeople = field(init=False)

    def __post_init__(self) -> None:
        self._people = PathPeople(self.parts.looker)

    def watch(self, frame: Frame, paths: list[FacePath]) -> None:
        """Take looks at the people of a frame that is searched."""
        self._people.see(frame, paths)

    def decide(
        self, found: Findings, frames: Callable[[], Iterable[Frame]], cover: Cover, consents: Consents
    ) -> Findings:  # fmt: skip
        """Return the findings with the stand-ins that were far enough from their wearers; `frames` gives those of the search.

        A person whose result is too near gets the next stand-in, `MOST_TRIES` in all. A person is only blurred who is too near
        with each, or who cannot be told: small, turned or never sure. Raises what `frames` raises.
        """
        people = self._people.people(found.paths, found.searched.times)
        tries = self._tries(found, frames, cover, people)
        others = {number: tried for number, tried in tries.items() if is_other(tried.distances)}
        worn = {path: others[each.number].persona for each in people if each.number in others for path in each.paths}
        layer = replace(self._layer(found, worn), fades=None if self.picture else StandInFades())
        report: dict[str, Any] = {
            "least_distance": LEAST_DISTANCE,
            "people": [_row(each, tries.get(each.number)) for each in people],
            "faces_in_frames": layer.drawn,
        }
        facts = {**found.facts, "stand_ins": report}
        if not worn:
            return replace(found, facts=facts)
        used = {others[number].name: others[number].source for number in sorted(others)}
        given = tuple(consents.record(source, stand_ins.STATEMENT, name) for name, source in used.items())
        tracker = factory.open_hiding_tracker(self.parts.settings, self.parts.models, picture=self.picture)
        return replace(found, facts=facts, stand_ins=StandIns(layer, tracker), consents=given)

    def _tries(
        self, found: Findings, frames: Callable[[], Iterable[Frame]], cover: Cover, people: tuple[PathPerson, ...]
    ) -> dict[int, "_Try"]:
        """Return the try of each person that was far enough, or else the farthest one, by the number of the person."""
        open_for = [each for each in people if each.template is not None]
        refused: dict[int, set[str]] = {each.number: set() for each in open_for}
        best: dict[int, _Try] = {}
        for _ in range(MOST_TRIES):
            worn = [tried.name for tried in best.values() if is_other(tried.distances)]
            names = chosen([each.number for each in open_for], stand_ins.NAMES, self.salt, worn, refused)
            tries = {number: self._open(name) for number, name in names.items()}
            wanted = {path: tries[each.number].persona for each in open_for if each.number in tries for path in each.paths}
            for number, distances in self._tried(found, frames(), cover, tuple(open_for), wanted).items():
                refused[number].add(names[number])
                tried = replace(tries[number], distances=tuple(distances))
                if number not in best or tried.least > best[number].least:
                    best[number] = tried
            # Who was not measured will not be by another one.
            open_for = [each for each in open_for if each.number in best and not is_other(best[each.number].distances)]
            if not open_for:
                break
        return {number: replace(tried, count=len(refused[number])) for number, tried in best.items()}

    def _open(self, name: str) -> "_Try":
        source = stand_ins.open_stand_in(name, self.parts.models)
        return _Try(name, source, open_persona(self.parts.engine, source))

    def _layer(self, found: Findings, worn: dict[int, Persona]) -> StandInLayer:
        return StandInLayer({path.number: path for path in found.paths}, worn)

    def _tried(
        self, found: Findings, frames: Iterable[Frame], cover: Cover, people: tuple[PathPerson, ...],
        wanted: dict[int, Persona],
    ) -> dict[int, list[float]]:  # fmt: skip
        """Return the distances of looks at results to the person's own looks, by the number of the person."""
        person_of = {path: each for each in people for path in each.paths}
        due: dict[int, list[int]] = {}
        for each in people:
            for path, at in each.samples:
                due.setdefault(at, []).append(path)
        paths = {path.number: path for path in found.paths}
        layer, measured = self._layer(found, wanted), dict[int, list[float]]()
        for number, frame in enumerate(frames):
            if number in due:
                sightings = [(each, paths[each].around(number)[0]) for each in due[number]]
                faces = [self.parts.looker.face(frame.image, each, seen) for each, seen in sightings if seen is not None]
                tried, regions = replace(frame, image=frame.image.copy()), found.plan.regions(number)
                cover.draw(tried.image, regions)
                for face in layer.draw(tried, number, regions, [each for each in faces if each is not None]):
                    person = person_of[face.track_id]
                    look = template_of_photo(self.parts.recogniser.describe(tried.image, face.landmarks))
                    if person.template is not None:
                        measured.setdefault(person.number, []).append(look.distance(person.template))
            if number >= max(due, default=-1):
                break
        return measured


@dataclass(frozen=True, slots=True)
class _Try:
    """A stand-in on a person: the distances of looks at the result, and how many stand-ins were tried."""

    name: str
    source: SourceFace
    persona: Persona
    distances: tuple[float, ...] = ()
    count: int = 0

    @property
    def least(self) -> float:
        return min(self.distances, default=-1.0)


def _row(person: PathPerson, tried: _Try | None) -> dict[str, Any]:
    """Return the entry of a person in the report: the distance is the least of the looks at the result, None = not measured."""
    distances = () if tried is None else tried.distances
    return {
        "person": person.number, "faces": len(person.paths),
        "stand_in": tried.name if tried is not None and is_other(distances) else None,
        "distance": round(min(distances), 3) if distances else None, "looks": len(distances),
        "tried": 0 if tried is None else tried.count,
    }  # fmt: skip

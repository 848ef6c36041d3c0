"""Plan of a film that is made in parts: everything that each part has to agree on, in a folder that any machine can read."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

from mien import __version__
from mien.assembly import registry
from mien.assembly.cast_plan import CastPlan, check_embedded
from mien.errors import ModelMismatch, UsageError
from mien.models.library.store import Store
from mien.models.runtime.session_cache import SessionCache
from mien.provenance.consent import Consent
from mien.provenance.mark.pattern import ID_BITS
from mien.settings import Settings, from_mapping
from mien.swap.people.roster import film_at
from mien.swap.stream_state import stream_bytes
from mien.types import Frame, Image, SourceFace

PLAN, CAST = "plan.json", "cast.state"
SECRET_BITS = 128  # of the noise of covers
_VERSION = 1  # of the form of plan.json
_REMEDY = "make the plan again: mien plan"


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """Sizes up to which a plan is read: a day of film in parts, and 16 source faces with clips."""

    plan_bytes: int = 16 << 20
    cast_bytes: int = 1 << 30
    most_parts: int = 100_000
    sampled_rows: int = 144
    """Rows of a frame whose green levels tell whether it is the frame that was planned."""


LIMITS = PlanLimits()


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part: the time of its first frame, whether it begins `fresh`, its number of frames, and digests of pixels.

    `first` is of its first frame, `digest` of all of them: a machine that decodes another picture must not go on.
    """

    pts: int
    fresh: bool
    frames: int
    first: str
    digest: str


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """Agreement that all parts of a film share. `output` is the name of the output, `secret` fixes the noise of covers.

    `film`, `size` and `samples` name the film and its content, `cast` is the digest of who wears which face, `models` are the
    digests of all models by their names.
    """

    film: str
    size: int
    samples: str
    start_s: float | None
    end_s: float | None
    output: str
    encoder: str
    settings: Settings
    mark_id: int
    secret: int
    cast: str
    models: Mapping[str, str]
    consents: tuple[Consent, ...]
    parts: tuple[PlannedPart, ...]

    @property
    def frames(self) -> int:
        """Frames of the film."""
        return sum(part.frames for part in self.parts)


def as_bytes(plan: FilmPlan) -> bytes:
    """Return the plan as JSON; its SHA-256 names it."""
    content = asdict(plan)
    content["secret"], content["mark_id"] = f"{plan.secret:x}", f"{plan.mark_id:x}"
    content["models"] = dict(plan.models)
    content["consents"] = [_consent(each) for each in plan.consents]
    whole = {"version": _VERSION, "mien": __version__, **content}
    return (json.dumps(whole, separators=(",", ":"), allow_nan=False, sort_keys=True) + "\n").encode()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def plan_of(content: bytes) -> FilmPlan:
    """Return the plan of JSON. Raises `UsageError` for another version of mien, `ValueError` for damage."""
    whole = json.loads(content)
    if not isinstance(whole, dict) or whole.get("version") != _VERSION:
        raise ValueError("it is no plan of this version")
    if whole.get("mien") != __version__:
        raise UsageError(
            f"the plan was made by mien {str(whole.get('mien'))[:40]}, this is {__version__}",
            "make all parts with the version that made the plan, or plan again",
        )
    try:
        return _plan(whole)
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"it is damaged: {str(error)[:80]}") from error


def _plan(whole: Mapping[str, Any]) -> FilmPlan:
    parts = tuple(_part(each) for each in whole["parts"][: LIMITS.most_parts + 1])
    ordered = all(one.pts < other.pts for one, other in pairwise(parts))
    if not 0 < len(parts) <= LIMITS.most_parts or not ordered or not parts[0].fresh:
        raise ValueError("its parts are not in order")
    return FilmPlan(
        film=_text(whole["film"]),
        size=int(whole["size"]),
        samples=_text(whole["samples"]),
        start_s=_seconds(whole["start_s"]),
        end_s=_seconds(whole["end_s"]),
        output=Path(_text(whole["output"])).name,
        encoder=_text(whole["encoder"]),
        settings=from_mapping(whole["settings"]),
        mark_id=_bits(whole["mark_id"], ID_BITS),
        secret=_bits(whole["secret"], SECRET_BITS),
        cast=_text(whole["cast"]),
        models={_text(name): _text(digest) for name, digest in whole["models"].items()},
        consents=tuple(_consent_of(each) for each in whole["consents"]),
        parts=parts,
    )


def _part(given: Mapping[str, Any]) -> PlannedPart:
    frames = int(given["frames"])
    if frames < 1:
        raise ValueError("a part has no frames")
    return PlannedPart(int(given["pts"]), given["fresh"] is True, frames, _text(given["first"]), _text(given["digest"]))


def _text(given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= 4096:
        raise ValueError("a name is missing")
    return given


def _seconds(given: Any) -> float | None:
    if given is not None and not 0 <= float(given) < inf:
        raise ValueError("a time cannot be")
    return None if given is None else float(given)


def _bits(given: Any, most: int) -> int:
    number = int(given, 16)
    if not 0 <= number < 1 << most:
        raise ValueError("a number cannot be")
    return number


def _consent(consent: Consent) -> dict[str, Any]:
    times = {"given_at": consent.given_at.isoformat(), "adult_at": consent.adult_at and consent.adult_at.isoformat()}
    return {"id": consent.id, "fingerprint": f"{consent.fingerprint:x}", "statement": consent.statement,
            "photo": consent.photo, **times}  # fmt: skip


def _consent_of(given: Mapping[str, Any]) -> Consent:
    adult_at = None if given["adult_at"] is None else datetime.fromisoformat(given["adult_at"])
    given_at = datetime.fromisoformat(given["given_at"])
    return Consent(
        _text(given["id"]), int(given["fingerprint"], 16), _text(given["statement"]), _text(given["photo"]), given_at,
        adult_at=adult_at,
    )  # fmt: skip


def cast_bytes(worn: SourceFace | CastPlan) -> bytes:
    """Return who wears which face as bytes: the faces and templates alone, no photo and no name of a file.

    Raises `UsageError` for people told apart by an installed recogniser.
    """
    plan = CastPlan(worn) if isinstance(worn, SourceFace) else worn
    check_embedded(plan, "made in parts")
    given = (plan.everyone, plan.choice, plan.others, plan.members)
    return stream_bytes({}).write(given, {"cast": __version__})


def cast_of(content: bytes) -> CastPlan:
    """Return who wears which face. Raises `ValueError` for bytes that are damaged."""
    return CastPlan(*stream_bytes({}).read(content, {"cast": __version__}))


def model_digests(settings: Settings, store: Store) -> dict[str, str]:
    """Return the SHA-256 of each embedded model, and of those that the settings name. Raises a `ModelError`."""
    sessions = SessionCache(store, settings.device, settings.precision)
    registry.check_names(settings, sessions)
    entries = [entry for entry in store.entries() if entry.bundled]
    return {entry.id: entry.sha256 for entry in (*entries, *registry.used(settings, sessions))}


def check_models(plan: FilmPlan, store: Store) -> None:
    """Raise a `ModelError` when a model of the plan is not here, or is another one."""
    here = model_digests(plan.settings, store)
    other = sorted(name for name in {*here, *plan.models} if here.get(name) != plan.models.get(name))
    if other:
        raise ModelMismatch(f"{other[0]} is another model here than where the film was planned", "install the same model file")


def check_film(plan: FilmPlan) -> Path:
    """Return the path of the film. Raises `UsageError` when it is missing or has changed."""
    path = Path(plan.film)
    if not path.is_file():
        raise UsageError(f"the film {path} is not there any more", "put it back where it was planned, or plan again")
    now = film_at(path, 0.0)
    if (now.size, now.digest) != (plan.size, plan.samples):
        raise UsageError(f"{path} has changed since it was planned", _REMEDY)
    return path


class FrameDigests:
    """Digests of frames, from the levels of some of their pixels."""

    def __init__(self) -> None:
        self._all = hashlib.sha256()
        self.first = ""
        self.frames = 0

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        sample = sample_of(frame.image)
        if not self.frames:
            self.first = digest_of(sample)
        self._all.update(sample)
        self.frames += 1

    @property
    def digest(self) -> str:
        """Digest of all frames so far, hexadecimal."""
        return self._all.hexdigest()


def sample_of(image: Image) -> bytes:
    """Return the green levels of some pixels of a frame."""
    step = max(1, min(image.shape[:2]) // LIMITS.sampled_rows)
    return image[::step, ::step, 1].tobytes()

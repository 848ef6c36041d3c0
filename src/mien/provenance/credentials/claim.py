"""Claim: the statements on one output, and their form in its manifest (C2PA specification 2.2, sections 18 and 19).

Everything that the manifest holds is listed in docs/credentials.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mien import __version__
from mien.media.files.statement import DIGITAL_SOURCE_TYPE, MARKER, deed, source_type

GENERATOR = "mien"
DISCLOSURE = "io.github.mien.disclosure"
"""Label of our own assertion, which holds label and consents."""
MARK_ALGORITHM = "io.github.mien.mark"
"""Name of the mark in the soft binding; its value is the id as six hexadecimal digits."""
CHECKER = f"mien verify FILE; the mark is described in docs/mark.md of mien {__version__}"
"""Free means to check the mark, and its description, exact enough to write a reader.

No web address, which could pass to others.
"""
PARENT_ID = "parent"
"""Ties the action `c2pa.opened` to the ingredient that was opened."""
_MARK_BITS = 24  # three of the four bytes of the mark; the fourth is their check


@dataclass(frozen=True, slots=True)
class ConsentClaim:
    """Consent for one of the faces in an output: `basis` is self, permission, synthetic or public-domain.

    In a recording in which no face was worn it is none. `recorded` is aware, UTC.
    """

    basis: str
    recorded: datetime

    def __post_init__(self) -> None:
        if self.recorded.tzinfo is None:
            raise ValueError("times must be aware")


@dataclass(frozen=True, slots=True)
class Hidden:
    """Hidden faces of an output that shows no source face.

    `engine` is the style of the covers, as `statement.covered` names it.
    `facts` are counts, settings and hashes, plain JSON.
    """

    engine: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """Statements on one output. `mark_id` is the 24-bit id of the mark; times are aware, UTC.

    `label` is "shown" or "off", for the badge; `label_note` gives its place and size, or why it is off. `consents` are those of
    all source faces, one or more; none only where faces were `hidden`.
    """

    title: str
    engine: str
    mark_id: int
    label: str
    label_note: str
    consents: tuple[ConsentClaim, ...]
    made_at: datetime
    hidden: Hidden | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.mark_id < 1 << _MARK_BITS:
            raise ValueError(f"a mark has {_MARK_BITS} bits, got {self.mark_id}")
        if self.made_at.tzinfo is None:
            raise ValueError("times must be aware")
        if not self.consents and self.hidden is None:
            raise ValueError("an output needs a consent")


def generator() -> dict[str, str]:
    """Return the program, as `claim_generator_info`."""
    return {"name": GENERATOR, "version": __version__}


def assertions(claim: Claim, *, opened: bool) -> list[dict[str, Any]]:
    """Return actions, soft binding and disclosure, in the form of c2pa's manifest definition.

    `opened` = the manifest has an ingredient with the instance id `PARENT_ID`, the file that was changed.
    """
    when = stamp(claim.made_at)
    first: dict[str, Any]
    if opened:
        first = {"action": "c2pa.opened", "when": when, "parameters": {"ingredientIds": [PARENT_ID]}}
    else:
        # A live picture has no file that could be opened.
        first = {"action": "c2pa.created", "when": when, "digitalSourceType": DIGITAL_SOURCE_TYPE}
    edited = {
        "action": "c2pa.edited",
        "when": when,
        "softwareAgent": generator(),
        "digitalSourceType": source_type(claim.engine),
        "description": f"Faces were {MARKER} ({deed(claim.engine)}).",
    }
    bound = {"action": "c2pa.watermarked.bound", "when": when, "softwareAgent": generator()}
    value = mark_hex(claim.mark_id)
    return [
        {"label": "c2pa.actions.v2", "data": {"actions": [first, edited, bound], "allActionsIncluded": True}},
        {"label": "c2pa.soft-binding", "data": {"alg": MARK_ALGORITHM, "blocks": [{"scope": {}, "value": value}]}},
        {"label": DISCLOSURE, "data": disclosure(claim)},
    ]


def disclosure(claim: Claim) -> dict[str, Any]:
    """Return label, consents and engine, as plain JSON."""
    # Two that were given together differ by less than a second.
    exact: Literal["seconds", "microseconds"] = "microseconds" if len(claim.consents) > 1 else "seconds"
    consents = [{"basis": each.basis, "recorded": stamp(each.recorded, exact)} for each in claim.consents]
    # One source is written as it was before there could be several, for readers of that time.
    hidden: dict[str, Any] = {} if claim.hidden is None else {"hidden": dict(claim.hidden.facts)}
    said = {"engine": claim.engine, "label": {"state": claim.label, "note": claim.label_note}, "checker": CHECKER}
    if not consents:
        return {**said, **hidden}
    named: dict[str, Any] = {"consent": consents[0]} if len(consents) == 1 else {"consents": consents}
    return {**said, **named, **hidden}


def mark_hex(mark_id: int) -> str:
    """Return the mark's id as people and manifests write it."""
    return f"{mark_id:06x}"


def mark_number(text: str) -> int | None:
    """Return the id of a text of `mark_hex`; None for other texts."""
    return int(text, 16) if re.fullmatch("[0-9a-f]{6}", text) else None


def stamp(moment: datetime, exact: Literal["seconds", "microseconds"] = "seconds") -> str:
    """Return a time in ISO 8601, UTC, to the second or exactly."""
    return moment.astimezone(UTC).isoformat(timespec=exact).replace("+00:00", "Z")

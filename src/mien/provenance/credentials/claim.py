"""What mien says of one output, and how its manifest words it (C2PA specification 2.2, sections 18 and 19).

Everything that the manifest holds is listed in docs/credentials.md.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mien import __version__
from mien.media.files.statement import DIGITAL_SOURCE_TYPE, MARKER

GENERATOR = "mien"
DISCLOSURE = "io.github.mien.disclosure"
"""Our own assertion: label and consent."""
MARK_ALGORITHM = "io.github.mien.mark"
"""The invisible mark, as the soft binding names it; its value is the id as six hexadecimal digits."""
PARENT_ID = "parent"
"""Ties the action `c2pa.opened` to the ingredient that was opened."""
_MARK_BITS = 24


@dataclass(frozen=True, slots=True)
class Claim:
    """What mien says of one output. `mark_id` is the 24-bit id of the invisible mark; times are aware, UTC.

    `label` is "shown" or "off"; `label_note` says where it stands and how large, or why it is off. `consent` is self,
    permission, synthetic or public-domain.
    """

    title: str
    engine: str
    mark_id: int
    label: str
    label_note: str
    consent: str
    consent_at: datetime
    made_at: datetime

    def __post_init__(self) -> None:
        if not 0 <= self.mark_id < 1 << _MARK_BITS:
            raise ValueError(f"a mark has {_MARK_BITS} bits, got {self.mark_id}")
        if self.consent_at.tzinfo is None or self.made_at.tzinfo is None:
            raise ValueError("times are aware")


def generator() -> dict[str, str]:
    """The program, as `claim_generator_info`."""
    return {"name": GENERATOR, "version": __version__}


def assertions(claim: Claim, *, opened: bool) -> list[dict[str, Any]]:
    """Actions, soft binding and disclosure, in the form of c2pa's manifest definition.

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
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "description": f"Faces were {MARKER} (AI face swap, engine {claim.engine}).",
    }
    bound = {"action": "c2pa.watermarked.bound", "when": when, "softwareAgent": generator()}
    value = mark_hex(claim.mark_id)
    return [
        {"label": "c2pa.actions.v2", "data": {"actions": [first, edited, bound]}},
        {"label": "c2pa.soft-binding", "data": {"alg": MARK_ALGORITHM, "blocks": [{"scope": {}, "value": value}]}},
        {"label": DISCLOSURE, "data": disclosure(claim)},
    ]


def disclosure(claim: Claim) -> dict[str, Any]:
    """Label, consent and engine, as plain JSON."""
    return {
        "engine": claim.engine,
        "label": {"state": claim.label, "note": claim.label_note},
        "consent": {"basis": claim.consent, "recorded": stamp(claim.consent_at)},
    }


def mark_hex(mark_id: int) -> str:
    """The mark's id as people and manifests write it."""
    return f"{mark_id:06x}"


def mark_number(text: str) -> int | None:
    """The id of `mark_hex`; None when that is none."""
    return int(text, 16) if re.fullmatch("[0-9a-f]{6}", text) else None


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

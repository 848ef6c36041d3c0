"""Sentences of C2PA's conformance programme on a manifest (asset rubrics 1.0, signals, 6 August 2026).

The programme publishes conditions on a manifest in crJSON, and the sentence that a validator may say when one holds. The
sentences are theirs (CC BY 4.0), word for word; the evaluation is ours.
"""

from collections.abc import Callable
from typing import Any

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_GENERATED = {
    f"{_IPTC}trainedAlgorithmicMedia", f"{_IPTC}compositeWithTrainedAlgorithmicMedia", f"{_IPTC}compositeSynthetic",
    "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData",
}  # fmt: skip
_POSSIBLY = {f"{_IPTC}digitalArt", f"{_IPTC}composite"}
_INCEPTION = {"c2pa.created", "c2pa.opened"}
_NOT_EDITORIAL = {
    "c2pa.converted", "c2pa.published", "c2pa.repackaged", "c2pa.transcoded", "c2pa.resized.proportional", "c2pa.enhanced",
    "c2pa.edited.metadata", "c2pa.watermarked", "c2pa.watermarked.bound", "c2pa.watermarked.unbound", "c2pa.redacted",
}  # fmt: skip
COMPLETE = "All transformations actions are standard, complete, and unambiguous"
AMBIGUOUS = "Contains ambiguous actions"


def sentences(manifest: dict[str, Any]) -> tuple[str, ...]:
    """Return the sentences that hold for the active manifest, in crJSON; it may hold anything anywhere."""
    assertions = _dict(manifest.get("assertions"))
    recorded = _dict(assertions.get("c2pa.actions.v2"))
    actions = [_dict(each) for each in _list(recorded.get("actions"))]
    found = [words for words, holds in _INCEPTIONS if any(holds(_source(each)) for each in actions if _begins(each))]
    ingredient = _dict(assertions.get("c2pa.ingredient.v3"))
    if ingredient and ingredient.get("activeManifest") is None:
        found.append("Contains Media of Unknown Provenance")
    seen = [each for each in actions if _changes(each)]
    found += [words for words, holds in _TRANSFORMATIONS if any(holds(_source(each)) for each in seen)]
    found.append(AMBIGUOUS if _is_ambiguous(manifest, recorded, actions) else COMPLETE)
    return tuple(found)


def _one_of(*names: str) -> Callable[[str | None], bool]:
    return lambda source: source in {f"{_IPTC}{name}" for name in names}


_INCEPTIONS: tuple[tuple[str, Callable[[str | None], bool]], ...] = (
    ("Contains Captured Media", _one_of("digitalCapture", "computationalCapture")),
    ("Contains Fully GenAI Media", _one_of("trainedAlgorithmicMedia")),
    ("Contains Partly GenAI Creation", _one_of("compositeWithTrainedAlgorithmicMedia")),
)
_TRANSFORMATIONS: tuple[tuple[str, Callable[[str | None], bool]], ...] = (
    ("Contains Perceptible GenAI Transformations", lambda source: source in _GENERATED),
    ("Contains Perceptible Non-GenAI Transformations", lambda source: source is not None and source not in _GENERATED),
    ("Contains Perceptible Transformations Possibly Using GenAI", lambda source: source in _POSSIBLY),
)


def _is_ambiguous(manifest: dict[str, Any], recorded: dict[str, Any], actions: list[dict[str, Any]]) -> bool:
    names = [each["action"] for each in actions if isinstance(each.get("action"), str)]
    gathered = _list(_dict(manifest.get("claim.v2")).get("gathered_assertions"))
    return (
        not actions
        or recorded.get("allActionsIncluded") is not True
        or any(not name.startswith("c2pa.") or name == "c2pa.unknown" for name in names)
        or any("c2pa.actions" in str(_dict(each).get("url")) for each in gathered)
    )


def _begins(action: dict[str, Any]) -> bool:
    return action.get("action") in _INCEPTION if isinstance(action.get("action"), str) else False


def _changes(action: dict[str, Any]) -> bool:
    name = action.get("action")
    return isinstance(name, str) and name not in _INCEPTION and name not in _NOT_EDITORIAL


def _source(action: dict[str, Any]) -> str | None:
    source = action.get("digitalSourceType")
    return source if isinstance(source, str) else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

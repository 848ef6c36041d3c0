"""Interpretation of the library's report on a manifest store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mien.provenance.credentials import claim as claims
from mien.provenance.credentials.found import ConsentFound, CredentialsFound, IngredientFound, State
from mien.provenance.credentials.rubric import sentences
from mien.provenance.credentials.trust_list import TrustList

_MAX_TEXT_LETTERS = 200  # a report stays readable, whatever a manifest holds
_MAX_CONSENTS = 64  # likewise
_UNKNOWN_SIGNER = {"signingCredential.untrusted", "signingCredential.invalid"}
_OUT_OF_DATE = {"signingCredential.expired", "signingCredential.revoked", "claimSignature.outsideValidity"}
_CHANGED = {
    "assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch",
    "assertion.collectionHash.mismatch", "assertion.hashedURI.mismatch", "claimSignature.mismatch",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ManifestStore:
    """Manifest store as the library reports it.

    `report` None = there is none, or `problem` says why it is unreadable. `receipt` is the content of the receipt read.
    `cross` is the store in crJSON, the form that the rubrics of the conformance programme are written for.
    """

    where: Literal["embedded", "sidecar"] | None
    mime: str
    report: dict[str, Any] | None = None
    problem: str | None = None
    receipt: bytes | None = None
    cross: dict[str, Any] | None = None


def findings(store: ManifestStore, listed: TrustList | None = None) -> CredentialsFound:
    """Return what a manifest store says. A manifest may hold anything anywhere; nothing in it raises.

    `listed` is the list of signers that the reader was given, if any.
    """
    if store.report is None:
        why = () if store.problem is None else (store.problem,)
        return CredentialsFound("none" if store.where is None else "damaged", store.where, problems=why)
    report = store.report
    manifest = _dict(_dict(report.get("manifests")).get(str(report.get("active_manifest"))))
    results = _dict(report.get("validation_results"))
    problems = _codes(_dict(results.get("activeManifest")), "failure")
    for delta in _list(results.get("ingredientDeltas")):
        problems += _codes(_dict(_dict(delta).get("validationDeltas")), "failure")
    assertions = [_dict(each) for each in _list(manifest.get("assertions"))]
    data = {str(each.get("label")): _dict(each.get("data")) for each in assertions}
    actions = [_dict(each) for each in _list(data.get("c2pa.actions.v2", data.get("c2pa.actions", {})).get("actions"))]
    disclosure = data.get(claims.DISCLOSURE, {})
    label = _dict(disclosure.get("label"))
    signature = _dict(manifest.get("signature_info"))
    generators = _list(manifest.get("claim_generator_info"))
    generator = _dict(generators[0]) if generators else {}
    return CredentialsFound(
        state=_state(report.get("validation_state"), problems, _codes(_dict(results.get("activeManifest")), "success")),
        where=store.where,
        signer=printable(signature.get("common_name")) or printable(signature.get("issuer")),
        signed_at=_moment(signature.get("time")),
        generator=printable(" ".join(str(generator[key]) for key in ("name", "version") if generator.get(key))),
        title=printable(manifest.get("title")),
        engine=printable(disclosure.get("engine")),
        mark_id=_mark_id(data.get("c2pa.soft-binding", {})),
        label=printable(label.get("state")),
        label_note=printable(label.get("note")),
        consents=_consents(disclosure),
        made_at=next((_moment(each["when"]) for each in actions if "when" in each), None),
        actions=tuple(filter(None, (printable(each.get("action")) for each in actions))),
        digital_source_types=tuple(
            dict.fromkeys(filter(None, (printable(each.get("digitalSourceType")) for each in actions)))
        ),
        ingredients=tuple(_ingredient(_dict(each)) for each in _list(manifest.get("ingredients"))),
        problems=tuple(dict.fromkeys(problems)),
        listed=_is_listed(results, listed),
        rubric=_rubric(store),
        checker=printable(disclosure.get("checker")),
    )  # fmt: skip


def _is_listed(results: dict[str, Any], listed: TrustList | None) -> str | None:
    """Return name and date of the list on which the signer was found."""
    successes = map(_dict, _list(_dict(results.get("activeManifest")).get("success")))
    where = [str(each.get("explanation")) for each in successes if each.get("code") == "signingCredential.trusted"]
    if listed is None or not any("[system_anchors]" in each for each in where):
        return None
    return listed.described(datetime.now(UTC).date())


def _rubric(store: ManifestStore) -> tuple[str, ...]:
    manifests = _list(_dict(store.cross).get("manifests"))
    return sentences(_dict(manifests[0])) if manifests else ()


def _state(verdict: object, problems: Sequence[str], successes: Sequence[str]) -> State:
    """Return the state for the library's verdict (Trusted, Valid, Invalid) and C2PA's status codes."""
    found = set(problems)
    if verdict == "Trusted":
        return "trusted"
    if found & _CHANGED:
        return "changed"
    if not found <= _UNKNOWN_SIGNER | _OUT_OF_DATE or "claimSignature.validated" not in successes:
        return "damaged"
    return "expired" if found & _OUT_OF_DATE else "unknown-signer"


def _ingredient(ingredient: dict[str, Any]) -> IngredientFound:
    active = _dict(_dict(ingredient.get("validation_results")).get("activeManifest"))
    problems, successes = _codes(active, "failure"), _codes(active, "success")
    if "active_manifest" not in ingredient:
        state: State = "none"
    else:
        state = _state("Trusted" if "signingCredential.trusted" in successes and not problems else None, problems, successes)
    return IngredientFound(printable(ingredient.get("title")) or "", printable(ingredient.get("relationship")) or "", state)


def _consents(disclosure: dict[str, Any]) -> tuple[ConsentFound, ...]:
    """Return the consents of a disclosure: a list of them, or the only one."""
    listed = _list(disclosure.get("consents")) or [disclosure.get("consent")]
    found = [
        ConsentFound(printable(each.get("basis")), _moment(each.get("recorded"))) for each in map(_dict, listed[:_MAX_CONSENTS])
    ]
    return tuple(each for each in found if each.basis is not None or each.recorded is not None)


def _mark_id(binding: dict[str, Any]) -> int | None:
    if binding.get("alg") != claims.MARK_ALGORITHM:
        return None
    values = [_dict(each).get("value") for each in _list(binding.get("blocks"))]
    return claims.mark_number(str(values[0])) if values else None


def _codes(results: dict[str, Any], kind: str) -> list[str]:
    return [text for each in _list(results.get(kind)) if (text := printable(_dict(each).get("code")))]


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def printable(value: object) -> str | None:
    """Return a text shortened, without characters that move the cursor or turn the direction of writing; None for no text."""
    if not isinstance(value, str):
        return None
    return "".join(each for each in value[:_MAX_TEXT_LETTERS] if each.isprintable()).strip() or None


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None

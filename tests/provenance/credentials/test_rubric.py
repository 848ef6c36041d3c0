"""Sentences of the conformance programme, on manifests in crJSON."""

from pathlib import Path
from typing import Any

import pytest

from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.rubric import AMBIGUOUS, COMPLETE, sentences
from mien.provenance.credentials.sign import sign_file
from mien.provenance.signing.installation import open_signer
from tests.support.signed import a_claim, write_media

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def manifest(*actions: dict[str, Any], complete: bool = True, ingredient: Any = None) -> dict[str, Any]:
    recorded = {"actions": list(actions), "allActionsIncluded": complete}
    assertions = {"c2pa.actions.v2": recorded} | ({"c2pa.ingredient.v3": ingredient} if ingredient else {})
    return {"assertions": assertions, "claim.v2": {"gathered_assertions": []}}


def action(name: str, source: str | None = None) -> dict[str, Any]:
    return {"action": f"c2pa.{name}"} | ({} if source is None else {"digitalSourceType": IPTC + source})


@pytest.mark.parametrize(("given", "said"), [
    (manifest(action("created", "digitalCapture")), ("Contains Captured Media", COMPLETE)),
    (manifest(action("created", "trainedAlgorithmicMedia")), ("Contains Fully GenAI Media", COMPLETE)),
    (manifest(action("created", "compositeWithTrainedAlgorithmicMedia")), ("Contains Partly GenAI Creation", COMPLETE)),
    (manifest(action("edited", "trainedAlgorithmicMedia")), ("Contains Perceptible GenAI Transformations", COMPLETE)),
    (manifest(action("edited", "humanEdits")), ("Contains Perceptible Non-GenAI Transformations", COMPLETE)),
    (manifest(action("edited", "composite")),
     ("Contains Perceptible Non-GenAI Transformations", "Contains Perceptible Transformations Possibly Using GenAI", COMPLETE)),
    (manifest(action("watermarked.bound", "trainedAlgorithmicMedia")), (COMPLETE,)),
    (manifest(action("edited"), complete=False), (AMBIGUOUS,)),
    (manifest(action("unknown")), (AMBIGUOUS,)),
    (manifest({"action": "com.example.thing"}), (AMBIGUOUS,)),
    (manifest(), (AMBIGUOUS,)),
    ({}, (AMBIGUOUS,)),
    ({"assertions": {"c2pa.actions.v2": {"actions": [3, {"action": {}}, {"action": "c2pa.edited", "digitalSourceType": []}]}}},
     (AMBIGUOUS,)),
])  # fmt: skip
def test_sentences_follow_from_the_actions(given: dict[str, Any], said: tuple[str, ...]) -> None:
    assert sentences(given) == said


def test_an_ingredient_without_credentials_is_of_unknown_provenance() -> None:
    given = manifest(action("opened"), ingredient={"relationship": "parentOf"})
    assert "Contains Media of Unknown Provenance" in sentences(given)
    known = manifest(action("opened"), ingredient={"activeManifest": {"url": "x"}})
    assert "Contains Media of Unknown Provenance" not in sentences(known)


def test_the_sentences_of_a_file_that_mien_made(tmp_path: Path) -> None:
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim(path.name), open_signer(tmp_path / "identity"), parent=None)
    assert "Contains Perceptible GenAI Transformations" in read_credentials(path).rubric

"""Signatures beside documents: whose they are, and what a change, another name or damage makes of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mien.errors import UnreadableMedia
from mien.provenance.signing.certificates import issue_authority, issue_leaf, subject_name, to_pem
from mien.provenance.signing.detached import check_document, signature_of, signature_path
from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signatures import algorithm_of, signature_function
from mien.provenance.signing.signer import Signer
from tests.support.signed import anchors_of


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return open_signer(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def document(tmp_path: Path, signer: Signer) -> Path:
    path = tmp_path / "report.html"
    path.write_bytes(b"<p>seen</p>")
    signature_path(path).write_bytes(signature_of(path.read_bytes(), path.name, signer, datetime.now(UTC)))
    return path


def test_a_signature_names_its_signer(document: Path, signer: Signer) -> None:
    found = check_document(document, anchors_of(signer))
    assert (found.state, found.signer) == ("trusted", signer.name)
    assert check_document(document, ()).state == "unknown-signer"


def test_a_change_of_the_document_or_its_name_shows(document: Path, signer: Signer, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    signature_path(document).rename(signature_path(other))
    other.write_bytes(document.read_bytes())
    assert check_document(other, anchors_of(signer)).state == "changed"
    signature_path(other).rename(signature_path(document))
    document.write_bytes(b"<p>not seen</p>")
    assert check_document(document, anchors_of(signer)).state == "changed"


def test_the_owner_of_a_certificate_cannot_issue_another(document: Path) -> None:
    now = datetime.now(UTC)
    root_key, own_key, other_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root_name = subject_name("root")
    root = issue_authority(root_name, root_name, root_key, root_key, now - timedelta(days=9), 1)
    own = issue_leaf(own_key.public_key(), root, root_key, now)
    other = issue_leaf(other_key.public_key(), own, own_key, now)
    for key, chain, state in ((own_key, (own,), "trusted"), (other_key, (other, own), "unknown-signer")):
        signer = Signer(to_pem(*chain), None, algorithm_of(key.public_key()), signature_function(key), "anybody")
        signature_path(document).write_bytes(signature_of(document.read_bytes(), document.name, signer, now))
        assert check_document(document, [to_pem(root)]).state == state


@pytest.mark.parametrize("field", ["format", "file", "sha256", "signed_at", "algorithm", "signature", "certificates"])
def test_a_changed_signature_is_damaged(document: Path, signer: Signer, field: str) -> None:
    path = signature_path(document)
    said = json.loads(path.read_text())
    damaged = {"signed_at": said["signed_at"].replace("2", "3"), "certificates": said["certificates"][200:]}
    said[field] = damaged.get(field, f"x{said[field]}")
    path.write_text(json.dumps(said))
    assert check_document(document, anchors_of(signer)).state == "damaged"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_what_is_no_signature_is_damaged(document: Path, content: bytes) -> None:
    signature_path(document).write_bytes(content)
    assert check_document(document, ()).state == "damaged"


def test_a_missing_document_is_an_error(document: Path) -> None:
    document.unlink()
    with pytest.raises(UnreadableMedia):
        check_document(document, ())

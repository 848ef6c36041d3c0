"""C2PA's lists: those that come with mien, newer ones, damaged and older ones, and what a reader says of a signer on one."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mien.commands.main import main
from mien.errors import UsageError
from mien.models.library import https
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.sign import sign_file
from mien.provenance.credentials.trust_list import (
    SIGNERS,
    STAMPS,
    TrustList,
    TrustLists,
    bundled_lists,
    open_lists,
    update_lists,
)
from mien.provenance.signing.installation import open_signer
from tests.support.signed import a_claim, anchors_of, write_media


def official(certificates: bytes, name: str = SIGNERS, issued: str = "2027-03-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
    values = [
        base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in x509.load_pem_x509_certificates(certificates)
    ]
    information = {
        "ServiceDigitalIdentity": {"X509Certificates": [{"val": each} for each in values]},
        "ServiceStatus": "http://c2pa.org/conformance/trust-list/trusted",
    }
    about = {"SchemeName": [{"lang": "en", "value": name}], "ListIssueDateTime": issued, "NextUpdate": "2027-06-01T00:00:00Z"}
    entity = {"TrustedEntityServices": [{"ServiceInformation": information | changes}]}
    return {"LoTE": {"ListAndSchemeInformation": about, "TrustedEntitiesList": [entity]}}


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_the_bundled_lists_are_whole_and_dated() -> None:
    lists = bundled_lists()
    assert (lists.signers.name, lists.signers.count) == (SIGNERS, 30)
    assert (lists.stamps.name, lists.stamps.count) == (STAMPS, 22)
    assert lists.signers.issued == date(2026, 8, 5)
    names = [each.subject.rfc4514_string() for each in x509.load_pem_x509_certificates(lists.signers.certificates)]
    assert len(set(names)) == 30
    assert any("Google" in name for name in names)


def test_a_list_that_is_out_of_date_says_so() -> None:
    signers = bundled_lists().signers
    assert signers.next_update is not None
    assert not signers.is_overdue(signers.next_update)
    later = signers.next_update + timedelta(days=1)
    assert signers.is_overdue(later)
    assert "mien trust update" in signers.described(later)


def test_a_signer_on_the_list_is_named_with_list_and_date(tmp_path: Path) -> None:
    signer = open_signer(tmp_path / "identity")
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim(path.name), signer, parent=None)
    root = anchors_of(signer)[0]
    lists = TrustLists(TrustList(SIGNERS, date(2026, 8, 5), date(2099, 1, 1), root), bundled_lists().stamps)
    found = read_credentials(path, lists=lists)
    assert (found.state, found.listed) == ("trusted", "C2PA Trust List of 2026-08-05")
    assert "on the C2PA Trust List of 2026-08-05" in found.words
    # The user's own root is named as such, not as the list.
    own = read_credentials(path, anchors=[root], lists=bundled_lists())
    assert (own.state, own.listed) == ("trusted", None)
    assert read_credentials(path, lists=bundled_lists()).state == "unknown-signer"


def test_newer_lists_take_the_place_of_older_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificates = bundled_lists().stamps.certificates
    file = written(tmp_path / "new.json", official(certificates))
    assert main(["trust", "update", str(file), "--data", str(tmp_path / "data")]) == 0
    assert "2027-03-01" in capsys.readouterr().out
    assert open_lists(tmp_path / "data").signers.count == 22
    assert open_lists(tmp_path / "data").stamps == bundled_lists().stamps
    older = written(tmp_path / "old.json", official(certificates, issued="2027-02-01T00:00:00Z"))
    with pytest.raises(UsageError, match="older"):
        update_lists(tmp_path / "data", [older])


def test_a_certificate_that_was_withdrawn_is_left_out(tmp_path: Path) -> None:
    content = official(bundled_lists().stamps.certificates, ServiceStatus="http://c2pa.org/conformance/trust-list/withdrawn")
    with pytest.raises(UsageError, match="not one of C2PA's trust lists"):
        update_lists(tmp_path / "data", [written(tmp_path / "none.json", content)])


def emptied(path: Path) -> None:
    path.write_text("")


def foreign(path: Path) -> None:
    written(path, official(bundled_lists().stamps.certificates, name="Another list"))


def cut(path: Path) -> None:
    path.write_text(path.read_text()[:-300])


def nested(path: Path) -> None:
    path.write_text("[" * 100_000)


@pytest.mark.parametrize("damage", [emptied, foreign, cut, nested, Path.unlink])
def test_what_is_no_list_is_refused_and_changes_nothing(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    file = written(tmp_path / "new.json", official(bundled_lists().stamps.certificates))
    damage(file)
    with pytest.raises(UsageError):
        update_lists(tmp_path / "data", [file])
    assert open_lists(tmp_path / "data") == bundled_lists()


def test_a_damaged_list_in_the_data_folder_is_ignored(tmp_path: Path) -> None:
    file = written(tmp_path / "new.json", official(bundled_lists().stamps.certificates))
    update_lists(tmp_path, [file])
    (kept,) = (tmp_path / "trust-lists").iterdir()
    kept.write_text(kept.read_text()[:-300])
    assert open_lists(tmp_path) == bundled_lists()


def test_lists_are_fetched_on_request_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    content = {
        name: json.dumps(official(bundled_lists().stamps.certificates, name=name)).encode() for name in (SIGNERS, STAMPS)
    }

    @contextmanager
    def opened(url: str, start: int) -> Iterator[io.BytesIO]:
        asked.append(url)
        yield io.BytesIO(content[STAMPS if "TSA" in url else SIGNERS])

    monkeypatch.setattr(https, "open_url", opened)
    data = ["--data", str(tmp_path)]
    assert main(["trust", *data]) == 0
    assert asked == []
    assert main(["trust", "update", *data]) == 0
    assert len(asked) == 2
    assert capsys.readouterr().out.count("2027-03-01") == 2
    content[SIGNERS] = b"<html>"
    assert main(["trust", "update", *data]) == UsageError.exit_code

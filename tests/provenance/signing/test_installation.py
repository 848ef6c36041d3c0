"""Signer of the installation: its chain, made once and renewed, its keys, and the system's key store."""

import importlib.util
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from mien.errors import CertificateUnusable, KeyUnavailable, OutputError, ProvenanceError
from mien.provenance.signing.installation import export_root, known_root, known_roots, open_signer, renew_signer
from mien.provenance.signing.keystore import KeyStore
from tests.support.authority import Authority, leaf_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class _NoStore(KeyStore):
    def keep(self, name: str, secret: str) -> bool:
        return False

    def secret(self, name: str) -> str | None:
        return None

    def forget(self, name: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Memory(KeyStore):
    kept: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, secret: str) -> bool:
        self.kept[name] = secret
        return True

    def secret(self, name: str) -> str | None:
        return self.kept.get(name)

    def forget(self, name: str) -> None:
        self.kept.pop(name, None)


def _root_of(folder: str) -> bytes:
    return export_root(Path(folder))


def test_the_chain_is_made_once_and_found_again(tmp_path: Path) -> None:
    first = open_signer(tmp_path / "identity", keystore=_NoStore())
    again = open_signer(tmp_path / "identity", keystore=_NoStore())
    assert first.certificates == again.certificates
    assert first.root == again.root == export_root(tmp_path / "identity")
    assert first.algorithm == "es256"
    assert first.warnings == ()
    leaf, intermediate = x509.load_pem_x509_certificates(first.certificates)
    root = leaf_of(first.root or b"")
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    assert timedelta(days=365) <= leaf.not_valid_after_utc - leaf.not_valid_before_utc <= 2 * YEAR + timedelta(days=2)
    assert leaf.not_valid_before_utc < datetime.now(UTC) - timedelta(hours=23)


def test_what_it_signs_belongs_to_its_certificate(tmp_path: Path) -> None:
    signer = open_signer(tmp_path, keystore=_NoStore())
    signature = signer.sign(b"data")
    assert len(signature) == 64
    Authority.check(leaf_of(signer.certificates), b"data", signature)


def test_it_names_neither_person_nor_machine(tmp_path: Path) -> None:
    one, other = (open_signer(tmp_path / name, keystore=_NoStore()) for name in ("one", "other"))
    assert one.name.startswith("mien installation ")
    assert one.name != other.name
    assert os.uname().nodename not in one.name if hasattr(os, "uname") else True


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_can_read_the_key_and_a_wider_mode_is_mended(tmp_path: Path) -> None:
    open_signer(tmp_path / "identity", keystore=_NoStore())
    chain = tmp_path / "identity" / "chain"
    key = chain / "key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(chain.stat().st_mode) == 0o700
    key.chmod(0o644)
    (warning,) = open_signer(tmp_path / "identity", keystore=_NoStore()).warnings
    assert "could read the key" in warning
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_root_key_is_kept_nowhere(tmp_path: Path) -> None:
    signer = open_signer(tmp_path, keystore=_NoStore())
    root = leaf_of(signer.root or b"")
    secret = (tmp_path / "chain" / "key.pem").read_bytes()
    keys = [serialization.load_pem_private_key(b"-----BEGIN" + each, None) for each in secret.split(b"-----BEGIN")[1:]]
    assert len(keys) == 2
    assert root.public_key() not in [key.public_key() for key in keys]


def test_several_processes_at_once_end_with_one_chain(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        roots = list(pool.map(_root_of, [str(tmp_path / "identity")] * 8))
    assert len(set(roots)) == 1
    assert [entry.name for entry in (tmp_path / "identity").iterdir()] == ["chain"]


def test_the_leaf_is_renewed_before_it_runs_out_and_the_root_stays(tmp_path: Path) -> None:
    first = open_signer(tmp_path, now=NOW, keystore=_NoStore())
    same = open_signer(tmp_path, now=NOW + 1.5 * YEAR, keystore=_NoStore())
    later = open_signer(tmp_path, now=NOW + 1.9 * YEAR, keystore=_NoStore())
    much_later = open_signer(tmp_path, now=NOW + 9 * YEAR, keystore=_NoStore())
    assert same.certificates == first.certificates
    assert later.certificates != first.certificates
    assert leaf_of(much_later.certificates).not_valid_after_utc > NOW + 10 * YEAR
    assert later.root == much_later.root == first.root
    assert later.name == first.name
    assert open_signer(tmp_path, now=NOW + 9 * YEAR, keystore=_NoStore()).certificates == much_later.certificates


def test_a_clock_before_the_chain_is_told(tmp_path: Path) -> None:
    open_signer(tmp_path, now=NOW, keystore=_NoStore())
    with pytest.raises(CertificateUnusable, match="clock says 2026-05-20") as told:
        open_signer(tmp_path, now=NOW - timedelta(days=12), keystore=_NoStore())
    assert "set the clock if it is wrong now" in told.value.remedy
    assert "mien certificate --new" in told.value.remedy


@pytest.mark.parametrize(("made", "used", "words"), [(5, 0, "ahead then, or is behind now"), (0, 31, "expired on")])
def test_an_identity_of_another_time_is_replaced_on_request(tmp_path: Path, made: int, used: int, words: str) -> None:
    old = open_signer(tmp_path, now=NOW + made * YEAR, keystore=_NoStore())
    with pytest.raises(CertificateUnusable, match=words) as told:
        open_signer(tmp_path, now=NOW + used * YEAR, keystore=_NoStore())
    assert "mien certificate --new" in told.value.remedy
    new = renew_signer(tmp_path, now=NOW + used * YEAR, keystore=_NoStore())
    assert open_signer(tmp_path, now=NOW + used * YEAR, keystore=_NoStore()).certificates == new.certificates
    assert known_root(tmp_path) == new.root != old.root
    assert known_roots(tmp_path) == [new.root, old.root], "old outputs stay known"


def test_drafts_of_killed_runs_go_when_they_are_old(tmp_path: Path) -> None:
    drafts = [tmp_path / f".chain.{age}.part" for age in ("old", "new")]
    for draft in drafts:
        draft.mkdir()
        (draft / "key.pem").write_text("secret")
    os.utime(drafts[0], (0, 0))
    open_signer(tmp_path, now=NOW, keystore=_NoStore())
    assert [draft.exists() for draft in drafts] == [False, True]


def test_a_clock_that_ran_ahead_does_no_lasting_harm(tmp_path: Path) -> None:
    open_signer(tmp_path, now=NOW, keystore=_NoStore())
    open_signer(tmp_path, now=NOW + 20 * YEAR, keystore=_NoStore())
    leaf = leaf_of(open_signer(tmp_path, now=NOW, keystore=_NoStore()).certificates)
    assert leaf.not_valid_before_utc < NOW < leaf.not_valid_after_utc


def test_the_end_of_the_chain_is_told(tmp_path: Path) -> None:
    open_signer(tmp_path, now=NOW, keystore=_NoStore())
    with pytest.raises(CertificateUnusable, match="expired on"):
        open_signer(tmp_path, now=NOW + 31 * YEAR, keystore=_NoStore())


@pytest.mark.parametrize("harm", ["lost key", "empty key", "torn key", "other key", "lost certificates", "torn certificates"])
def test_a_harmed_chain_is_told_and_never_replaced(tmp_path: Path, harm: str) -> None:
    open_signer(tmp_path / "one", keystore=_NoStore())
    open_signer(tmp_path / "other", keystore=_NoStore())
    chain, other = tmp_path / "one" / "chain", tmp_path / "other" / "chain"
    certificates = (chain / "certificates.pem").read_bytes()
    match harm:
        case "lost key":
            (chain / "key.pem").unlink()
        case "empty key":
            (chain / "key.pem").write_bytes(b"")
        case "torn key":
            (chain / "key.pem").write_bytes((chain / "key.pem").read_bytes()[:300])
        case "other key":
            (chain / "key.pem").write_bytes((other / "key.pem").read_bytes())
        case "lost certificates":
            (chain / "certificates.pem").unlink()
        case _:
            (chain / "certificates.pem").write_bytes(certificates[:-100])
    before = {path.name: path.read_bytes() for path in chain.iterdir()}
    with pytest.raises((ProvenanceError, OutputError)) as told:
        open_signer(tmp_path / "one", keystore=_NoStore())
    assert told.value.remedy
    assert {path.name: path.read_bytes() for path in chain.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot keep the signing certificates"):
        open_signer(tmp_path / "file" / "identity", keystore=_NoStore())


def test_the_key_store_keeps_the_key_when_there_is_one(tmp_path: Path) -> None:
    store = _Memory()
    first = open_signer(tmp_path, keystore=store)
    assert [path.name for path in (tmp_path / "chain").iterdir()] == ["certificates.pem"]
    assert len(store.kept) == 1
    again = open_signer(tmp_path, keystore=store)
    Authority.check(leaf_of(first.certificates), b"data", again.sign(b"data"))
    with pytest.raises(KeyUnavailable, match="lost"):
        open_signer(tmp_path, keystore=_Memory())


def test_the_one_that_comes_second_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    @dataclass(frozen=True, slots=True)
    class Late(_Memory):
        def keep(self, name: str, secret: str) -> bool:
            if not self.kept:
                open_signer(tmp_path, keystore=_NoStore())
            return _Memory.keep(self, name, secret)

    store = Late()
    late = open_signer(tmp_path, keystore=store)
    assert late.root == open_signer(tmp_path, keystore=_NoStore()).root
    assert store.kept == {}


def test_a_store_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyring.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    store = KeyStore(timeout_s=0.3)
    assert not store.keep("name", "secret")
    with pytest.raises(KeyUnavailable, match="does not answer"):
        store.secret("name")


def test_the_package_keyring_is_asked_through_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyring.py").write_text(
        "import pathlib, sys\n"
        "verb, service, name = sys.argv[1:]\n"
        f"kept = pathlib.Path({str(tmp_path)!r}) / f'{{service}}-{{name}}'\n"
        "if verb == 'set': kept.write_text(sys.stdin.read())\n"
        "elif not kept.exists(): sys.exit(1)\n"
        "elif verb == 'get': print(kept.read_text())\n"
        "else: kept.unlink()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    signer = open_signer(tmp_path / "identity")
    assert not (tmp_path / "identity" / "chain" / "key.pem").exists()
    assert open_signer(tmp_path / "identity").certificates == signer.certificates
    KeyStore().forget(leaf_of(signer.root or b"").fingerprint(hashes.SHA256()).hex())
    with pytest.raises(KeyUnavailable, match="lost"):
        open_signer(tmp_path / "identity")

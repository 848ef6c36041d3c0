"""Signers that the user gives: certificates with a key, and programs that sign."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from mien.errors import CertificateUnusable, KeyUnavailable, SigningFailed
from mien.provenance.signing.given import command_signer, given_signer
from tests.support.authority import Authority, leaf_of

YEAR = timedelta(days=365)


@pytest.mark.parametrize("algorithm", ["es256", "es384", "es512", "ed25519", "ps256"])
def test_given_certificates_sign_with_their_own_algorithm(tmp_path: Path, algorithm: str) -> None:
    certificate, key_path = Authority().write(tmp_path, Authority.key(algorithm))
    signer = given_signer(certificate, key_path)
    assert signer.algorithm == algorithm
    assert signer.root is None
    assert len(x509.load_pem_x509_certificates(signer.certificates)) == 1, "a root does not travel with the file"
    Authority.check(leaf_of(signer.certificates), b"data", signer.sign(b"data"))


def test_the_certificates_may_come_in_any_order(tmp_path: Path) -> None:
    certificate, key = Authority().write(tmp_path)
    backwards = b"".join(
        each.public_bytes(serialization.Encoding.PEM)
        for each in reversed(x509.load_pem_x509_certificates(certificate.read_bytes()))
    )
    certificate.write_bytes(backwards)
    assert given_signer(certificate, key).name == "A Signer"


def test_an_encrypted_key_needs_its_password(tmp_path: Path) -> None:
    certificate, key = Authority().write(tmp_path, password=b"secret")
    assert given_signer(certificate, key, password=b"secret").name == "A Signer"
    with pytest.raises(KeyUnavailable, match="encrypted"):
        given_signer(certificate, key)
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        given_signer(certificate, key, password=b"wrong")


def test_wrong_certificates_are_told(tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.write(tmp_path)
    (tmp_path / "other").mkdir()
    _, other_key = authority.write(tmp_path / "other")
    with pytest.raises(CertificateUnusable, match="does not belong"):
        given_signer(certificate, other_key)
    with pytest.raises(CertificateUnusable, match="expired on"):
        given_signer(certificate, key, now=datetime.now(UTC) + 9 * YEAR)
    with pytest.raises(CertificateUnusable, match="not valid before"):
        given_signer(certificate, key, now=datetime.now(UTC) - 9 * YEAR)
    with pytest.raises(CertificateUnusable, match="cannot be read"):
        given_signer(tmp_path / "none.pem", key)
    with pytest.raises(CertificateUnusable, match="holds no certificate"):
        given_signer(key, key)
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        given_signer(certificate, certificate)
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        given_signer(certificate, tmp_path / "none.pem")


def test_a_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    certificate, key = Authority().write(tmp_path, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    with pytest.raises(CertificateUnusable, match="not made for signing files"):
        given_signer(certificate, key)


def test_a_certificate_that_signs_itself_is_refused(tmp_path: Path) -> None:
    certificate, key = Authority().write_root(tmp_path)
    with pytest.raises(CertificateUnusable, match="self-signed"):
        given_signer(certificate, key)


_SIGN = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = serialization.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256())))
"""


def test_a_program_may_sign(tmp_path: Path) -> None:
    certificate, key = Authority().write(tmp_path)
    signer = command_signer(certificate, [sys.executable, "-c", _SIGN, str(key)])
    signature = signer.sign(b"data")
    assert len(signature) == 64
    Authority.check(leaf_of(signer.certificates), b"data", signature)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (_SIGN.replace("sys.stdin.buffer.read()", "b'other'"), "does not belong"),
        ("print('no signature')", "no valid signature"),
        ("pass", "0 bytes"),
        ("import sys; sys.exit('the token is not plugged in')", "the token is not plugged in"),
        ("import time; time.sleep(60)", "did not answer within 2 s"),
        ("import sys; sys.stdout.write('x' * 100000)", "100000 bytes"),
    ],
)
def test_a_program_that_fails_is_told(tmp_path: Path, program: str, words: str) -> None:
    certificate, key = Authority().write(tmp_path)
    signer = command_signer(
        certificate, [sys.executable, "-c", program, str(key)], timeout_s=2.0 if "sleep" in program else 30.0
    )
    with pytest.raises(SigningFailed, match=words):
        signer.sign(b"data")


def test_a_program_that_is_missing_is_told(tmp_path: Path) -> None:
    certificate, _ = Authority().write(tmp_path)
    with pytest.raises(SigningFailed, match="cannot be run"):
        command_signer(certificate, [str(tmp_path / "none")]).sign(b"data")
    with pytest.raises(SigningFailed, match="empty"):
        command_signer(certificate, [])


def test_openssl_signs_as_the_documentation_says(tmp_path: Path) -> None:
    certificate, key = Authority().write(tmp_path)
    try:
        subprocess.run(["openssl", "version"], capture_output=True, check=True)
    except OSError:
        pytest.skip("NOT TESTED with openssl: it is not here")
    signer = command_signer(certificate, ["openssl", "dgst", "-sha256", "-sign", str(key)])
    Authority.check(leaf_of(signer.certificates), b"data", signer.sign(b"data"))

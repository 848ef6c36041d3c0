"""Signers that were given: a certificate with its key, or with a program that signs."""

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mien.errors import CertificateUnusable, KeyUnavailable, SigningFailed
from mien.provenance.signing.certificates import PURPOSES, common_name, read_pem, to_pem
from mien.provenance.signing.signatures import (
    PrivateKey,
    PublicKey,
    algorithm_of,
    check_signature,
    raw_signature,
    signature_function,
)
from mien.provenance.signing.signer import Identity
from mien.system.programs import environment, resolved

COMMAND_S = 30.0
_MOST_SIGNATURE_BYTES = 4096


def given_identity(
    certificate: Path, key: Path, *, password: bytes | None = None, now: datetime | None = None
) -> Identity:  # fmt: skip
    """One that signs with a certificate chain and a private key that were given, both PEM files.

    Raises `KeyUnavailable` when the key cannot be read, `CertificateUnusable` when the certificate is out of date, made
    for something else or not that of the key.
    """
    try:
        loaded = serialization.load_pem_private_key(_given(key, "key"), password)
    except TypeError:
        what = f"the key {key} is encrypted" if password is None else f"the key {key} is not encrypted"
        raise KeyUnavailable(what, "give the password of the key, and only if it has one") from None
    except ValueError as error:
        raise KeyUnavailable(
            f"the key {key} cannot be read", "give a PEM file with a private key, and its password if it has one"
        ) from error
    if not isinstance(loaded, PrivateKey):
        raise KeyUnavailable(f"the key {key} is of a kind that credentials do not know", "use an EC, RSA or Ed25519 key")
    certificates, algorithm = _given_chain(certificate, loaded.public_key(), now)
    return Identity(to_pem(*certificates), None, algorithm, signature_function(loaded), common_name(certificates[0]))


def command_identity(
    certificate: Path, command: Sequence[str], *, now: datetime | None = None, answer_s: float = COMMAND_S
) -> Identity:  # fmt: skip
    """One whose key lies elsewhere: `command` gets the data on its standard input and gives the signature on its output.

    It hashes by itself, with the hash of the certificate's algorithm. An ECDSA signature may be raw or DER. The signature
    is checked against the certificate before it is used. Raises `CertificateUnusable`.
    """
    if not command:
        raise SigningFailed("the signing command is empty", "name a program")
    certificates, algorithm = _given_chain(certificate, None, now)
    public = _public_key(certificates[0], certificate)

    def sign(data: bytes) -> bytes:
        signature = _run(command, data, answer_s)
        if isinstance(public, ec.EllipticCurvePublicKey):
            signature = raw_signature(signature, public)
        check_signature(public, data, signature, command[0])
        return signature

    return Identity(to_pem(*certificates), None, algorithm, sign, common_name(certificates[0]))


def _given_chain(path: Path, key: PublicKey | None, now: datetime | None) -> tuple[list[x509.Certificate], str]:
    """Leaf and intermediates in order, without a root, and C2PA's name of the algorithm. `key` None = the first is the leaf."""
    try:
        certificates = x509.load_pem_x509_certificates(_given(path, "certificate"))
    except ValueError as error:
        raise CertificateUnusable(f"{path} holds no certificate", "give a PEM file, the signer's certificate first") from error
    leaf = certificates[0] if key is None else next((each for each in certificates if each.public_key() == key), None)
    if leaf is None:
        raise CertificateUnusable(f"the key does not belong to the certificate {path}", "give the two that belong together")
    chain = [leaf]
    others = [each for each in certificates if each is not leaf]
    while (above := next((each for each in others if _issued(chain[-1], each)), None)) is not None:
        others.remove(above)
        if above.subject == above.issuer:
            break
        chain.append(above)
    _check_leaf(leaf, path, now or datetime.now(UTC))
    return chain, algorithm_of(_public_key(leaf, path))


def _check_leaf(leaf: x509.Certificate, path: Path, now: datetime) -> None:
    first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < first:
        raise CertificateUnusable(f"the certificate {path} begins only on {first:%Y-%m-%d}", "set the clock if it is wrong")
    if now >= last:
        raise CertificateUnusable(
            f"the certificate {path} ran out on {last:%Y-%m-%d}", "renew it, or set the clock if it is wrong"
        )
    if leaf.subject == leaf.issuer:
        raise CertificateUnusable(
            f"the certificate {path} is signed by itself", "use one that an authority has issued; C2PA refuses others"
        )
    try:
        purposes = list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        signs = leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except (x509.ExtensionNotFound, ValueError):
        purposes, signs = [], False
    if not signs or not set(purposes) & set(PURPOSES):
        raise CertificateUnusable(
            f"the certificate {path} is not made for signing files",
            "use one for S/MIME (e-mail), document signing or C2PA claim signing",
        )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _public_key(certificate: x509.Certificate, path: Path) -> PublicKey:
    key = certificate.public_key()
    if not isinstance(key, PublicKey):
        raise CertificateUnusable(f"the key of {path} is of a kind that credentials do not know", "use EC, RSA or Ed25519")
    return key


def _given(path: Path, kind: str) -> bytes:
    try:
        return read_pem(path)
    except OSError as error:
        error_class = KeyUnavailable if kind == "key" else CertificateUnusable
        raise error_class(f"the {kind} {path} cannot be read: {error.strerror or error}", "name a PEM file") from error


def _run(command: Sequence[str], data: bytes, answer_s: float) -> bytes:
    remedy = "try the signing command by hand"
    try:
        done = subprocess.run(
            resolved(command), input=data, capture_output=True, timeout=answer_s, env=environment(), check=False
        )
    except subprocess.TimeoutExpired:
        raise SigningFailed(f"the signing command {command[0]} gave no answer in {answer_s:.0f} s", remedy) from None
    except OSError as error:
        raise SigningFailed(f"the signing command {command[0]} cannot be run: {error.strerror or error}", remedy) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise SigningFailed(f"the signing command {command[0]} failed ({done.returncode}): {said[0][:200]}", remedy)
    if not 0 < len(done.stdout) <= _MOST_SIGNATURE_BYTES:
        raise SigningFailed(f"the signing command {command[0]} gave {len(done.stdout)} bytes, not a signature", remedy)
    return done.stdout

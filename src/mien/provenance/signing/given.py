"""Signers that the user gives: a certificate with its key, or with a program that signs."""

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
from mien.provenance.signing.signer import Signer
from mien.system.programs import environment, resolved

COMMAND_TIMEOUT_S = 30.0  # time to touch a token or enter its PIN; documented in docs/credentials.md
_MAX_SIGNATURE_BYTES = 4096  # an RSA key of 16,384 bits makes 2,048


def given_signer(
    certificate: Path, key: Path, *, password: bytes | None = None, now: datetime | None = None
) -> Signer:  # fmt: skip
    """Open the signer of a certificate chain and its private key, both PEM files.

    Raises `KeyUnavailable` when the key cannot be read, `CertificateUnusable` when the certificate is not valid now, is made
    for another purpose or belongs to another key.
    """
    try:
        loaded = serialization.load_pem_private_key(_read_file(key, "key"), password)
    except TypeError:
        what = f"the key {key} is encrypted" if password is None else f"the key {key} is not encrypted"
        raise KeyUnavailable(what, "give the password of the key, and only if it has one") from None
    except ValueError as error:
        raise KeyUnavailable(
            f"the key {key} cannot be read", "give a PEM file with a private key, and its password if it has one"
        ) from error
    if not isinstance(loaded, PrivateKey):
        raise KeyUnavailable(f"the key {key} is of a kind that C2PA does not know", "use an EC, RSA or Ed25519 key")
    certificates, algorithm = _load_chain(certificate, loaded.public_key(), now)
    return Signer(to_pem(*certificates), None, algorithm, signature_function(loaded), common_name(certificates[0]))


def command_signer(
    certificate: Path, command: Sequence[str], *, now: datetime | None = None, timeout_s: float = COMMAND_TIMEOUT_S
) -> Signer:  # fmt: skip
    """Open the signer of a certificate chain whose key lies elsewhere, such as in a token.

    `command` reads the data from standard input and writes the signature to standard output within `timeout_s`. It hashes by
    itself, with the hash of the certificate's algorithm. An ECDSA signature may be raw or DER. The signature is checked
    against the certificate before it is used. Raises `CertificateUnusable`, or `SigningFailed` for an empty command.
    """
    if not command:
        raise SigningFailed("the signing command is empty", "name a program")
    certificates, algorithm = _load_chain(certificate, None, now)
    public = _public_key(certificates[0], certificate)

    def sign(data: bytes) -> bytes:
        signature = _run(command, data, timeout_s)
        if isinstance(public, ec.EllipticCurvePublicKey):
            signature = raw_signature(signature, public)
        check_signature(public, data, signature, command[0])
        return signature

    return Signer(to_pem(*certificates), None, algorithm, sign, common_name(certificates[0]))


def _load_chain(path: Path, key: PublicKey | None, now: datetime | None) -> tuple[list[x509.Certificate], str]:
    """Return leaf and intermediates in order, without a root, and C2PA's name of the algorithm.

    The leaf is the certificate of `key`, or the first one when that is None.
    """
    try:
        certificates = x509.load_pem_x509_certificates(_read_file(path, "certificate"))
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
    """Raise `CertificateUnusable` unless the leaf is valid now, issued by an authority and made for signing files."""
    first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < first:
        raise CertificateUnusable(
            f"the certificate {path} is not valid before {first:%Y-%m-%d}", "set the clock if it is wrong"
        )
    if now >= last:
        raise CertificateUnusable(
            f"the certificate {path} expired on {last:%Y-%m-%d}", "renew it, or set the clock if it is wrong"
        )
    if leaf.subject == leaf.issuer:
        raise CertificateUnusable(
            f"the certificate {path} is self-signed", "use one that an authority has issued; C2PA refuses others"
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
        raise CertificateUnusable(f"the key of {path} is of a kind that C2PA does not know", "use EC, RSA or Ed25519")
    return key


def _read_file(path: Path, kind: str) -> bytes:
    try:
        return read_pem(path)
    except OSError as error:
        error_class = KeyUnavailable if kind == "key" else CertificateUnusable
        raise error_class(f"the {kind} {path} cannot be read: {error.strerror or error}", "name a PEM file") from error


def _run(command: Sequence[str], data: bytes, timeout_s: float) -> bytes:
    """Return the output of the signing command. Raises `SigningFailed`."""
    remedy = "try the signing command by hand"
    try:
        done = subprocess.run(
            resolved(command), input=data, capture_output=True, timeout=timeout_s, env=environment(), check=False
        )
    except subprocess.TimeoutExpired:
        raise SigningFailed(f"the signing command {command[0]} did not answer within {timeout_s:.0f} s", remedy) from None
    except OSError as error:
        raise SigningFailed(f"the signing command {command[0]} cannot be run: {error.strerror or error}", remedy) from error
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise SigningFailed(f"the signing command {command[0]} failed ({done.returncode}): {last[0][:200]}", remedy)
    if not 0 < len(done.stdout) <= _MAX_SIGNATURE_BYTES:
        raise SigningFailed(f"the signing command {command[0]} returned {len(done.stdout)} bytes, not a signature", remedy)
    return done.stdout

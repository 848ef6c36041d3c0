"""Certificates: what one must be made for, those that this installation issues, and their PEM files."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from mien.errors import CertificateUnusable

CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
PURPOSES = (ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING, CLAIM_SIGNING)
"""What a certificate must be made for, one of these (extended key usage)."""

RENEW = "make a new identity with `mien certificate --new`"
_CA_LIFE = timedelta(days=30 * 365)
_LEAF_LIFE = timedelta(days=2 * 365)
CLOCKS_DIFFER = timedelta(days=1)
_MOST_PEM_BYTES = 1 << 20


def issue_authority(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey,
    start: datetime, below: int,
) -> x509.Certificate:  # fmt: skip
    return (
        _builder(subject, issuer, key.public_key(), signer.public_key(), start, start + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .sign(signer, hashes.SHA256())
    )


def issue_leaf(
    key: ec.EllipticCurvePublicKey, intermediate: x509.Certificate, intermediate_key: ec.EllipticCurvePrivateKey,
    now: datetime, place: Path,
) -> x509.Certificate:  # fmt: skip
    first, last = intermediate.not_valid_before_utc, intermediate.not_valid_after_utc
    if now < first:
        raise CertificateUnusable(
            f"this machine's clock says {now:%Y-%m-%d}, but its signing identity was made when the clock said "
            f"{first + CLOCKS_DIFFER:%Y-%m-%d}: it was ahead then, or is behind now",
            f"set the clock if it is wrong now; if it is right, {RENEW}",
        )
    if now >= last:
        raise CertificateUnusable(
            f"the signing identity of this installation expired on {last:%Y-%m-%d}; the clock says {now:%Y-%m-%d}",
            f"set the clock if it is wrong; if it is right, {RENEW}",
        )
    tag = intermediate.subject.rfc4514_string().rpartition(" ")[2].partition(",")[0]
    start, end = max(now - CLOCKS_DIFFER, first), min(now + _LEAF_LIFE, last)
    return (
        _builder(subject_name(f"mien installation {tag}"), intermediate.subject, key, intermediate_key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(intermediate_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey,
    start: datetime, end: datetime,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=not signs, crl_sign=not signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def subject_name(name: str) -> x509.Name:
    # Neither the person nor the machine: whoever receives a file learns that two files have one maker, and no more.
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mien"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def read_pem(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_PEM_BYTES)


def to_pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()

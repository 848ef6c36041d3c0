"""Certificates: the purposes that one must have, those that this installation issues, and PEM."""

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
"""Extended key usages of which a signer's certificate must have one."""

RENEWAL_REMEDY = "make a new signer with `mien certificate --new`"
CLOCK_TOLERANCE = timedelta(days=1)
"""Certificates are valid from a day before they are issued, for readers whose clocks are behind."""
_AUTHORITY_LIFE = timedelta(days=30 * 365)
_LEAF_LIFE = timedelta(days=2 * 365)
_MAX_PEM_BYTES = 1 << 20  # bounds memory; a chain is a few kilobytes


def issue_authority(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey,
    start: datetime, path_length: int,
) -> x509.Certificate:  # fmt: skip
    """Return a certificate that may issue others, `path_length` authorities deep."""
    return (
        _builder(subject, issuer, key.public_key(), issuer_key.public_key(), start, start + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def issue_leaf(
    key: ec.EllipticCurvePublicKey, intermediate: x509.Certificate, intermediate_key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    """Return a certificate that signs files, issued by the intermediate.

    Raises `CertificateUnusable` when the intermediate is not valid at `now`.
    """
    first, last = intermediate.not_valid_before_utc, intermediate.not_valid_after_utc
    if now < first:
        raise CertificateUnusable(
            f"this machine's clock says {now:%Y-%m-%d}, but its signer was made when the clock said "
            f"{first + CLOCK_TOLERANCE:%Y-%m-%d}: it was ahead then, or is behind now",
            f"set the clock if it is wrong now; if it is right, {RENEWAL_REMEDY}",
        )
    if now >= last:
        raise CertificateUnusable(
            f"the signer of this installation expired on {last:%Y-%m-%d}; the clock says {now:%Y-%m-%d}",
            f"set the clock if it is wrong; if it is right, {RENEWAL_REMEDY}",
        )
    tag = intermediate.subject.rfc4514_string().rpartition(" ")[2].partition(",")[0]
    start, end = max(now - CLOCK_TOLERANCE, first), min(now + _LEAF_LIFE, last)
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
    """Return the subject of a certificate of this installation; it names neither the user nor the machine.

    A reader learns that two files have one maker, and no more.
    """
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mien"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def read_pem(path: Path) -> bytes:
    """Return the content of a PEM file, cut at 1 MB. Raises `OSError`."""
    with path.open("rb") as file:
        return file.read(_MAX_PEM_BYTES)


def to_pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as PEM, in this order."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def common_name(certificate: x509.Certificate) -> str:
    """Return the common name of a certificate's subject, or the whole subject where it has none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()

"""Certificate authority for tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


class Authority:
    """Root that issues leaves."""

    Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject("A Root")
        now = datetime.now(UTC)
        self.root = (
            _builder(self._name, self._name, self._key.public_key(), self._key, now - timedelta(days=9), timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True, issues=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def root_pem(self) -> bytes:
        """PEM of the root."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def write(
        self, folder: Path, key: Key | None = None, *, name: str = "A Signer", password: bytes | None = None,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION, life: timedelta = timedelta(days=365),
        start: datetime | None = None,
    ) -> tuple[Path, Path]:  # fmt: skip
        """Write a chain of leaf and root, and the leaf's key, as PEM files; return their paths."""
        secret = key or ec.generate_private_key(ec.SECP256R1())
        begin = start or datetime.now(UTC) - timedelta(days=1)
        leaf = (
            _builder(_subject(name), self._name, secret.public_key(), self._key, begin, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=True, issues=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _write(folder, leaf.public_bytes(serialization.Encoding.PEM) + self.root_pem, secret, password)

    def write_root(self, folder: Path) -> tuple[Path, Path]:
        """Write the root itself and its key as PEM files; return their paths."""
        return _write(folder, self.root_pem, self._key, None)

    @staticmethod
    def key(algorithm: str) -> Key:
        """Return a new key for one of C2PA's algorithms."""
        curves: dict[str, ec.EllipticCurve] = {"es256": ec.SECP256R1(), "es384": ec.SECP384R1(), "es512": ec.SECP521R1()}
        if algorithm in curves:
            return ec.generate_private_key(curves[algorithm])
        return ed25519.Ed25519PrivateKey.generate() if algorithm == "ed25519" else rsa.generate_private_key(65537, 2048)

    @staticmethod
    def check(certificate: x509.Certificate, data: bytes, signature: bytes) -> None:
        """Raise `InvalidSignature` unless the signature, as COSE has it, is that of the certificate's key."""
        key = certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            half = len(signature) // 2
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(_HASHES[key.curve.name]))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            assert isinstance(key, ed25519.Ed25519PublicKey)
            key.verify(signature, data)


def _write(folder: Path, chain: bytes, key: Authority.Key, password: bytes | None) -> tuple[Path, Path]:
    certificate, key_path = folder / "given.pem", folder / "given.key"
    certificate.write_bytes(chain)
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    return certificate, key_path


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey,
    issuer_key: ec.EllipticCurvePrivateKey, start: datetime, life: timedelta,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*, signs: bool, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=issues, crl_sign=issues, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def leaf_of(pem: bytes) -> x509.Certificate:
    """Return the first certificate of a PEM text."""
    return x509.load_pem_x509_certificates(pem)[0]

"""Signatures in the forms of C2PA and COSE."""

from collections.abc import Callable
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from mien.errors import CertificateUnusable, SigningFailed

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("es256", hashes.SHA256()),
    "secp384r1": ("es384", hashes.SHA384()),
    "secp521r1": ("es512", hashes.SHA512()),
}
_MIN_RSA_BITS = 2048  # the least that C2PA allows for PS256
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)


def algorithm_of(key: PublicKey) -> str:
    """Return C2PA's name of the algorithm of a key. Raises `CertificateUnusable` for a curve or key size that C2PA excludes."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise CertificateUnusable(f"C2PA does not know the curve {key.curve.name}", "use P-256, P-384 or P-521")
        return _CURVES[key.curve.name][0]
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _MIN_RSA_BITS:
            raise CertificateUnusable(f"an RSA key of {key.key_size} bits is too weak", f"use {_MIN_RSA_BITS} bits or more")
        return "ps256"
    return "ed25519"


def signature_function(key: PrivateKey) -> Callable[[bytes], bytes]:
    """Return the function that signs bytes with a key, in COSE's form."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        public = key.public_key()
        return lambda data: raw_signature(key.sign(data, ec.ECDSA(_CURVES[public.curve.name][1])), public)
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda data: key.sign(data, _PSS, hashes.SHA256())
    return key.sign


def raw_signature(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Return r and s, each as long as the curve's order (RFC 9053, section 2.1), of a signature in that form or in DER.

    Raises `SigningFailed` for other bytes.
    """
    length = (key.curve.key_size + 7) // 8
    if len(signature) == 2 * length:
        return signature
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")
    except (ValueError, OverflowError) as error:
        raise SigningFailed("the signing command returned no valid signature", "check the signing command") from error


def check_signature(key: PublicKey, data: bytes, signature: bytes, program: str) -> None:
    """Raise `SigningFailed` unless `signature`, made by `program`, is that of `data` by the owner of `key`."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            half = len(signature) // 2
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(_CURVES[key.curve.name][1]))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _PSS, hashes.SHA256())
        else:
            key.verify(signature, data)
    except InvalidSignature:
        raise SigningFailed(
            f"the signature that {program} returned does not belong to the certificate",
            "let it sign with the key of the certificate, and hash as docs/credentials.md says",
        ) from None

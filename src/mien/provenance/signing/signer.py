"""Signer of credentials: a certificate chain and the function that signs with its key."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signer:
    """Certificate chain and the function that signs with its key.

    `certificates` is PEM, the leaf first, without the root; `root` is the root's PEM when this installation issued it.
    `algorithm` is C2PA's name, such as es256. `sign` returns the signature of bytes in COSE's form (ECDSA: r and s, fixed
    length) and raises `SigningFailed`. `name` is the common name of the leaf; `warnings` are for the user.
    """

    certificates: bytes
    root: bytes | None
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    name: str
    warnings: tuple[str, ...] = ()

"""The signer of credentials: a certificate chain and what makes signatures with its key."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """One that signs.

    `certificates` is PEM, the leaf first, without a root; `root` is the PEM of the root when it is ours. `algorithm` is
    C2PA's name, such as es256. `sign` gives the signature of bytes in COSE's form (ECDSA: r and s, fixed length) and
    raises `SigningFailed`. `name` is the signer's common name; `warnings` is what the person should know.
    """

    certificates: bytes
    root: bytes | None
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    name: str
    warnings: tuple[str, ...] = ()

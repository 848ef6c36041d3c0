"""Choice of a signer, as a command line makes it: apart from what signs, which takes longer to import than a page to answer."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Signing:
    """Choice of a signer; empty = the chain of this installation. `timestamp_url` is an RFC 3161 authority."""

    certificate: Path | None = None
    key: Path | None = None
    password: bytes | None = None
    command: tuple[str, ...] = ()
    timestamp_url: str | None = None

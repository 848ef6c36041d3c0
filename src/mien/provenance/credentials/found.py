"""Credentials as they were found in a file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

State: TypeAlias = Literal["trusted", "unknown-signer", "expired", "changed", "damaged", "none"]
"""Unchanged and signed by one of the anchors; by another signer; with a certificate that had expired or was revoked;
changed after signing, or a receipt of another file; not readable as credentials; no credentials."""
INACCESSIBLE = "manifest.inaccessible"
"""Problem: the file names a manifest on the network, which was not fetched."""


@dataclass(frozen=True, slots=True)
class IngredientFound:
    """File that went into another. `state` is the signer's finding when it was taken in, not the state now."""

    title: str
    relationship: str
    state: State


@dataclass(frozen=True, slots=True)
class ConsentFound:
    """Consent for one source face, as its signer states it; None = not said."""

    basis: str | None
    recorded: datetime | None


@dataclass(frozen=True, slots=True)
class CredentialsFound:
    """Statements of a file's credentials, as found: only as good as `state`.

    `where` is "embedded", "sidecar" or None. `signed_at` comes from a time stamp; without one it is None, and `made_at`
    is a mere statement of the signer. Texts are shortened and hold no control characters. `problems` are C2PA's codes.
    `listed` names the official list on which the signer was found, with its date; `rubric` holds the sentences of C2PA's
    conformance programme; `checker` says how the maker lets anybody check the mark.
    """

    state: State
    where: Literal["embedded", "sidecar"] | None = None
    signer: str | None = None
    signed_at: datetime | None = None
    generator: str | None = None
    title: str | None = None
    engine: str | None = None
    mark_id: int | None = None
    label: str | None = None
    label_note: str | None = None
    consents: tuple[ConsentFound, ...] = ()
    made_at: datetime | None = None
    actions: tuple[str, ...] = ()
    digital_source_types: tuple[str, ...] = ()
    ingredients: tuple[IngredientFound, ...] = ()
    problems: tuple[str, ...] = ()
    listed: str | None = None
    rubric: tuple[str, ...] = ()
    checker: str | None = None

    @property
    def words(self) -> str:
        """One sentence for people."""
        signer = f"named “{self.signer}”" if self.signer else "without a name"
        match self.state:
            case "trusted" if self.listed:
                return f"Signed by {self.signer}, on the {self.listed}, and unchanged since."
            case "trusted":
                return f"Signed by {self.signer}, a signer whom this machine knows, and unchanged since."
            case "unknown-signer":
                return f"Signed by a signer {signer}, whom this machine does not know, and unchanged since."
            case "expired":
                return f"Signed by a signer {signer} with a certificate that has expired or was revoked; unchanged since."
            case "changed" if self.where == "sidecar":
                return "The receipt beside the file does not belong to it, or the file was changed after signing."
            case "changed":
                return "Changed after signing."
            case "damaged":
                return "The credentials, or the file around them, are damaged and say nothing."
            case "none":
                if INACCESSIBLE in self.problems:
                    return "No credentials in the file; it names an address on the network, which was not looked up."
                return "No credentials. That says nothing about the file."

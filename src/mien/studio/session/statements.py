"""Statements of consent of this installation, for the page: what was stated for which photo, and taking it back."""

from collections.abc import Callable
from typing import Any

from mien.errors import UsageError
from mien.provenance.consent import Consent, Consents


class Statements:
    """Lists and revokes statements. A shared studio shows none: others' photos have names, too."""

    def __init__(self, consents: Consents, revoked: Callable[[], None], *, shared: bool) -> None:
        self._consents = consents
        self._revoked = revoked
        self._shared = shared

    def described(self) -> list[dict[str, Any]]:
        """Return all statements, the newest first. Raises a `MienError`."""
        self._check()
        return [described(each) for each in reversed(self._consents.all())]

    def revoke(self, consent_id: str) -> None:
        """Take a statement back: its face comes off at once and does not load any more. Raises a `MienError`."""
        self._check()
        self._consents.revoke(consent_id)
        self._revoked()

    def _check(self) -> None:
        if self._shared:
            raise UsageError(
                "a shared studio does not show the consents of its machine", "use `mien consent` there", key="shared-machine"
            )


def described(consent: Consent) -> dict[str, Any]:
    """Return a statement as JSON values; times in UTC."""
    given, adult, revoked = (
        None if each is None else each.isoformat(timespec="seconds")
        for each in (consent.given_at, consent.adult_at, consent.revoked_at)
    )
    return {
        "id": consent.id, "statement": consent.statement, "photo": consent.photo,
        "given_at": given, "adult_at": adult, "revoked_at": revoked,
    }  # fmt: skip

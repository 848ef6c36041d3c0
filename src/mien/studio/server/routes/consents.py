"""Statements of consent: list and revoke."""

from typing import Any

from fastapi import APIRouter

from mien.studio.server.routes.schemas import ConsentRow
from mien.studio.session.session import StudioSession


def consents_router(session: StudioSession) -> APIRouter:
    """Make the router of consents."""
    router, statements = APIRouter(prefix="/api/consents"), session.statements

    @router.get("", response_model=list[ConsentRow])
    def list_consents() -> list[dict[str, Any]]:
        return statements.described()

    @router.delete("/{consent_id}", status_code=204)
    def revoke(consent_id: str) -> None:
        statements.revoke(consent_id)

    return router

"""Lasting tokens: make, list and revoke."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request

from mien.errors import UsageError
from mien.studio.server.routes.machine_schemas import TokenMade, TokenRow
from mien.studio.session.session import StudioSession
from mien.studio.session.tokens import Token


def tokens_router(session: StudioSession) -> APIRouter:
    """Make the router of tokens."""
    router, tokens = APIRouter(prefix="/api/tokens"), session.tokens

    def check_owner() -> None:
        # Who was given the password for a day would stay in.
        if session.shared:
            raise UsageError(
                "a shared studio neither makes nor shows tokens", "use `mien tokens` on its machine", key="shared-machine"
            )

    @router.get("", response_model=list[TokenRow])
    def list_tokens() -> list[dict[str, Any]]:
        check_owner()
        return [_described(each) for each in tokens.all()]

    @router.post("", response_model=TokenMade, status_code=201)
    def make_token(
        request: Request, name: Annotated[str, Body()], scope: Annotated[Literal["control", "view"], Body()] = "control"
    ) -> dict[str, Any]:
        check_owner()
        secret, made = tokens.make(name, scope)
        address = f"{request.base_url}?clean&view={secret}" if scope == "view" else None
        return {**_described(made), "token": secret, "address": address}

    @router.delete("/{token_id}", status_code=204)
    def revoke_token(token_id: str) -> None:
        check_owner()
        tokens.revoke(token_id)

    return router


def _described(token: Token) -> dict[str, Any]:
    made_at = token.made_at.isoformat(timespec="seconds")
    return {"id": token.id, "name": token.name, "scope": token.scope, "made_at": made_at}

"""People of the live picture: who of them wears which face."""

from typing import Any

from fastapi import APIRouter

from mien.studio.server.routes.body import PartBody, PartsBody
from mien.studio.server.routes.schemas import People
from mien.studio.session.session import StudioSession


def people_router(session: StudioSession) -> APIRouter:
    """Make the router of people."""
    router, people = APIRouter(prefix="/api/people"), session.people

    @router.put("", response_model=People)
    def choose(wanted: PartsBody) -> dict[str, Any]:
        people.choose(wanted.reach, wanted.others)
        return people.described()

    @router.post("/me", response_model=People)
    def enrol_me() -> dict[str, Any]:
        people.enrol_me()
        return people.described()

    @router.delete("/me", response_model=People)
    def forget_me() -> dict[str, Any]:
        people.forget_me()
        return people.described()

    @router.put("/{number}", response_model=People)
    def give(number: int, wanted: PartBody) -> dict[str, Any]:
        people.give(number, wanted.face)
        return people.described()

    @router.delete("/{number}", response_model=People)
    def take_back(number: int) -> dict[str, Any]:
        people.take_back(number)
        return people.described()

    return router

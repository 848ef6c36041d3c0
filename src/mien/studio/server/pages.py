"""The page itself, the page about the API, and the login of a shared studio."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from mien.studio.server.access import Access
from mien.studio.server.static_files import STATIC


def pages_router(access: Access) -> APIRouter:
    """Make the router of the page and the login."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @router.get("/docs")
    def api_page() -> FileResponse:
        return FileResponse(STATIC / "api.html")

    @router.get("/login")
    def login_page() -> Response:
        return FileResponse(STATIC / "login.html") if access.shared else RedirectResponse("/", 303)

    @router.post("/login")
    def login(request: Request, password: Annotated[str, Form()]) -> Response:
        right = access.is_password(password, request.client.host if request.client else "")
        if right is None:
            return HTMLResponse(
                "<!doctype html><title>mien</title><p>Too many wrong passwords. Wait a minute; if many guess, ten.", 429
            )
        if not right:
            return RedirectResponse("/login?wrong#wrong", 303)
        answer = RedirectResponse("/", 303)
        access.set_cookie(answer)
        return answer

    return router

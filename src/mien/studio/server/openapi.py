"""Description of the API for programs: OpenAPI, with the ways in and what the WebSockets carry."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from mien import __version__

_ABOUT = """\
Everything that the page does, for programs. Send `Authorization: Bearer TOKEN`: the token of the run, which `mien live` prints
with the address, or a lasting one of `mien tokens add NAME`. Errors are JSON: `error` and `remedy` in English, `code` for
programs.

WebSockets, with the same header:

- `/ws/events` sends JSON: `{"type": "state", "state": ...}` as GET /api/state when something has changed, and
  `{"type": "metrics", "metrics": ...}` as GET /api/metrics once a second.
- `/ws/preview` sends the labelled picture, a binary message a frame: little-endian u32 sequence, u32 bytes of the faces, f64
  capture time in ms since 1970, u32 bytes of the picture, u32 bytes of the picture before the swap; then these as JPEG, JPEG
  and JSON. One that stays the same comes once a second. Answer `{"ack": SEQUENCE}`, or no more than two frames come. `{"want":
  {"width": 640, "before": false}}` sets the width, which is kept within a third, and whether the picture before comes, too.
  `"plain": true` among the wishes, for programs on the same machine, gets pictures of even sides without compression: `I420`,
  u16 width, u16 height, u8 matrix of H.273 (6), u8 1 for the full range, two bytes of 0, then the planes. JPEG comes all the
  same when acknowledgements take over 0.2 s.
- `/ws/camera` takes frames: little-endian u8 kind, three bytes of 0, u32 sequence, f64 capture time in ms; then H.264 (kind 1:
  a key frame, 2: any other), a JPEG (kind 3), or a plain picture with that header (kind 4, `I420` or `NV12`, matrix 1, 5, 6
  or 9). It answers `{"ack": SEQUENCE}`, and `{"key": true}` where it needs a key frame.
"""


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation for programs that are made out of the description: `faces_add_face`."""
    return f"{route.tags[0] if route.tags else 'page'}_{route.name.strip('_')}"


def describe(app: FastAPI) -> None:
    """Have the application describe itself with its ways in."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=__version__, description=_ABOUT, routes=app.routes)
    found["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "the token of the run, or a lasting one"}
    }
    found["security"] = [{"bearer": []}]
    return _without_validation_error(found)


def _without_validation_error(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description without FastAPI's own answer to invalid requests, which this studio replaces."""
    for path in found["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    schemas = {name: each for name, each in found["components"]["schemas"].items() if "ValidationError" not in name}
    return {**found, "components": {**found["components"], "schemas": schemas}}

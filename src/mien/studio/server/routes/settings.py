"""Settings, and presets of them."""

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from mien.studio.server.routes.body import PresetsBody, SettingsBody
from mien.studio.session.session import StudioSession


def settings_router(session: StudioSession) -> APIRouter:
    """Make the router of settings and presets."""
    router = APIRouter(prefix="/api")

    @router.patch("/settings")
    def change(values: SettingsBody) -> dict[str, Any]:
        session.wardrobe.change_settings(values)
        return {"settings": session.state()["settings"]}

    @router.get("/presets.json")
    def export() -> Response:
        text = json.dumps(session.presets(), indent=2, ensure_ascii=False)
        headers = {"Content-Disposition": 'attachment; filename="mien-presets.json"'}
        return Response(text, media_type="application/json", headers=headers)

    @router.post("/presets.json")
    def import_(values: PresetsBody) -> dict[str, Any]:
        session.import_presets(values)
        return session.presets()

    @router.put("/presets/{name}")
    def keep(name: str) -> dict[str, Any]:
        session.keep_preset(name)
        return session.presets()

    @router.post("/presets/{name}/apply")
    def apply(name: str) -> dict[str, Any]:
        session.apply_preset(name)
        return {"settings": session.state()["settings"]}

    @router.delete("/presets/{name}", status_code=204)
    def remove(name: str) -> None:
        session.remove_preset(name)

    return router

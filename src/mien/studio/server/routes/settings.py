"""Settings, and presets of them."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import Response

from mien.studio.server.routes.body import PresetBody, PresetsBody, SettingsBody
from mien.studio.server.routes.schemas import PresetApplied, PresetsImported, SettingsAnswer
from mien.studio.session.session import StudioSession


def settings_router(session: StudioSession) -> APIRouter:
    """Make the router of settings and presets."""
    router = APIRouter(prefix="/api")

    @router.patch("/settings", response_model=SettingsAnswer)
    def change(values: SettingsBody) -> dict[str, Any]:
        session.wardrobe.change_settings(values)
        return {"settings": session.state()["settings"]}

    @router.get("/presets.json", response_model=dict[str, dict[str, Any]])
    def export() -> Response:
        text = json.dumps(session.presets(), indent=2, ensure_ascii=False)
        headers = {"Content-Disposition": 'attachment; filename="mien-presets.json"'}
        return Response(text, media_type="application/json", headers=headers)

    @router.post("/presets.json", response_model=PresetsImported)
    def import_(values: PresetsBody) -> dict[str, Any]:
        newer = session.import_presets(values)
        return {"presets": session.presets(), "left_out": newer}

    @router.put("/presets", response_model=dict[str, dict[str, Any]])
    def keep(wanted: PresetBody) -> dict[str, Any]:
        session.keep_preset(wanted.name, wanted.parts, replace=wanted.replace)
        return session.presets()

    @router.post("/presets/apply", response_model=PresetApplied)
    def apply(name: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        left_out = session.apply_preset(name)
        return {"settings": session.state()["settings"], "left_out": left_out}

    @router.delete("/presets", status_code=204)
    def remove(name: str) -> None:
        session.remove_preset(name)

    return router

"""Inputs of the live picture: devices, clips, the microphone, and the cover over all of it."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile

from mien.media.capture.devices import describe_devices
from mien.studio.server.routes.body import CoverBody, InputBody, SoundBody
from mien.studio.server.routes.machine_schemas import Devices
from mien.studio.server.routes.schemas import Covered, InputState, NamedClip, SoundState
from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, store
from mien.studio.session.session import StudioSession


def inputs_router(session: StudioSession) -> APIRouter:
    """Make the router of inputs and sound."""
    router = APIRouter(prefix="/api")

    @router.get("/devices", response_model=Devices)
    def list_devices() -> dict[str, Any]:
        return describe_devices()

    @router.put("/input", response_model=InputState)
    def choose_input(wanted: InputBody) -> dict[str, Any]:
        session.inputs.set_input(wanted)
        answer = dict(session.state()["input"])
        # The state that pages were told meanwhile may be numbered before this answer: one more is newer.
        session.notify()
        return answer

    @router.put("/cover", response_model=Covered)
    def cover(wanted: CoverBody) -> dict[str, bool]:
        session.cover(wanted.on)
        return {"on": session.loop.is_covered}

    @router.post("/clips", response_model=NamedClip, status_code=201, max_body_size=MAX_MEDIA_BYTES)
    def add_clip(clip: Annotated[UploadFile, File()]) -> dict[str, str]:
        name = Path(clip.filename or "clip").name
        return {"id": session.inputs.add_clip(store(session, clip), name), "name": name}

    @router.put("/sound", response_model=SoundState)
    def choose_sound(wanted: SoundBody) -> dict[str, Any]:
        session.inputs.set_microphone(wanted.device)
        return dict(session.state()["sound"])

    return router

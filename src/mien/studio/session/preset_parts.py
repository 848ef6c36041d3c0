"""The parts of a preset beside its settings: the face, the input and the outputs of the session that it was taken from."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from mien.errors import MienError, UsageError
from mien.media.address import masked
from mien.studio.session.faces import Gallery
from mien.studio.session.live_inputs import LiveInputs
from mien.studio.session.outputs import Outputs
from mien.studio.session.requests import (
    ClipInput,
    InputRequest,
    NetworkInput,
    OutputRequest,
    StreamRequest,
    VirtualCameraRequest,
)
from mien.studio.session.wardrobe import Wardrobe

Part: TypeAlias = Literal["face", "input", "outputs"]
_DEVICES = {"none", "camera", "browser", "screen", "test"}
"""Kinds of input that open nothing but a device of this machine."""
_INPUT: TypeAdapter[InputRequest] = TypeAdapter(InputRequest)
_OUTPUT: TypeAdapter[OutputRequest] = TypeAdapter(OutputRequest)


class PresetParts:
    """Takes parts of a session for a preset, and brings them back.

    What holds a secret or ends with the session has no place in a preset, which is exported as a file: addresses that are
    masked, uploaded clips, faces that are not saved. A recording is not begun by a preset.
    """

    def __init__(
        self, gallery: Gallery, wardrobe: Wardrobe, inputs: LiveInputs, outputs: Outputs, changed: Callable[[], None]
    ) -> None:
        self._gallery = gallery
        self._wardrobe = wardrobe
        self._inputs = inputs
        self._outputs = outputs
        self._changed = changed

    def taken(self, wanted: set[Part]) -> dict[str, Any]:
        """Return the wanted parts as JSON values. Raises `UsageError` for one that a preset cannot hold."""
        taken: dict[str, Any] = {}
        if "face" in wanted:
            taken["face"] = self._face()
        if "input" in wanted:
            taken["input"] = self._input()
        if "outputs" in wanted:
            kept = [each for each in self._outputs.requests() if _may_be_kept(each)]
            taken["outputs"] = [each.model_dump() for each in kept]
        return taken

    def apply(self, parts: Mapping[str, Any]) -> list[str]:
        """Bring parts back, and return the names of those that could not be, such as a face that is gone."""
        left_out = []
        appliers = {"face": self._wear, "input": self._choose, "outputs": self._start}
        for name, apply in appliers.items():
            if name in parts:
                try:
                    apply(parts[name])
                except (MienError, ValueError, TypeError):
                    # The session goes on with what it has; the answer names the part.
                    left_out.append(name)
        self._changed()
        return left_out

    def _face(self) -> str | None:
        face = self._wardrobe.face
        if face is None or self._gallery.lasts(face):
            return face
        raise UsageError("the face is not saved", "save it for later sessions first: the star", key="preset-face-unsaved")

    def _input(self) -> dict[str, Any]:
        chosen = self._inputs.request
        if isinstance(chosen, ClipInput) or (isinstance(chosen, NetworkInput) and masked(chosen.url) != chosen.url):
            raise UsageError(
                "this input cannot be part of a preset",
                "an uploaded file ends with the session, and an address may hold a password",
                key="preset-input",
            )
        return chosen.model_dump()

    def _wear(self, face: object) -> None:
        self._wardrobe.select(None if face is None else str(face))

    def _choose(self, spec: object) -> None:
        self._inputs.set_input(_INPUT.validate_python(spec))

    def _start(self, specs: object) -> None:
        if not isinstance(specs, list):
            raise TypeError("outputs are a list")
        running = self._outputs.requests()
        for spec in specs:
            wanted = _OUTPUT.validate_python(spec)
            if _may_be_kept(wanted) and wanted not in running:
                self._outputs.add(wanted)


def harmless(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a preset of unknown origin without those that could open a file or an address."""
    made: dict[str, Any] = {"face": parts["face"]} if "face" in parts else {}
    chosen, started = parts.get("input"), parts.get("outputs")
    if isinstance(chosen, dict) and chosen.get("kind") in _DEVICES:
        made["input"] = chosen
    if isinstance(started, list):
        made["outputs"] = [each for each in started if isinstance(each, dict) and each.get("kind") == "virtual-camera"]
    return made


def _may_be_kept(output: OutputRequest) -> bool:
    if isinstance(output, StreamRequest):
        return masked(output.url) == output.url
    return isinstance(output, VirtualCameraRequest)

"""Snapshot of settings and persona for a live frame; replaced only as a whole, between two frames."""

from dataclasses import dataclass

from mien.settings import Settings
from mien.swap.persona import Persona


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings and the persona to wear; `persona` is None when no face is chosen."""

    settings: Settings
    persona: Persona | None = None
    face_id: str | None = None

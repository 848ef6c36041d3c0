"""What a live frame is made with; changed only as a whole, between two frames."""

from dataclasses import dataclass

from mien.settings import Settings
from mien.swap.persona import Persona


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings and the face to wear; `persona` is None when no face was chosen."""

    settings: Settings
    persona: Persona | None = None
    face_id: str | None = None

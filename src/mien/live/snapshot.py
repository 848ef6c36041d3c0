"""What a live frame is made with; changed only as a whole, between two frames."""

from dataclasses import dataclass
from typing import Any

from mien.contracts import Engine
from mien.settings import Settings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings and the face to wear; `engine` and `prepared` are None when no face was chosen."""

    settings: Settings
    engine: Engine | None = None
    prepared: Any = None
    face_id: str | None = None

"""Snapshot of settings and cast for a live frame; replaced only as a whole, between two frames."""

from dataclasses import dataclass

from mien.settings import Settings
from mien.swap.cast import Cast
from mien.swap.persona import Persona


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Settings, and who wears what; `cast` is None when no face is chosen."""

    settings: Settings
    cast: Cast | None = None
    face_id: str | None = None

    @property
    def persona(self) -> Persona | None:
        """Return the persona of everyone who has no role of their own; None when they wear nothing."""
        return None if self.cast is None else self.cast.everyone

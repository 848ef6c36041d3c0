"""A face of the gallery, and how much the gallery holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.studio.session.told import told_of_photo
from mien.types import SourceFace


@dataclass(frozen=True, slots=True)
class GalleryLimits:
    """Limits of the gallery."""

    faces: int = 500  # each change of the state sends all of them: 80 kB
    photo_bytes: int = 64_000_000  # chosen, above the photos of phones
    clip_bytes: int = 250_000_000  # chosen, above 30 seconds of a phone's 4K
    photo_pixels: int = 60_000_000  # bounds memory: 180 MB once decoded
    sources: int = 32  # bounds memory: a source holds a cut of up to 12 MB; more than people in a picture
    personas: int = 4  # bounds memory; with installed models each holds an engine
    name_letters: int = 80  # longer names are cut


GALLERY_LIMITS = GalleryLimits()


@dataclass(slots=True)
class GalleryFace:
    """One face. `more` are further photos of the same person; `digest`, `warnings` and `score` are of its source.

    They are unknown until a saved photo is opened. A `stand_in` comes with mien: it is neither saved nor removed, and its
    statement is known.
    """

    id: str
    name: str
    consent: str
    photo: Path
    number: int | None
    thumb: bytes
    saved: bool = False
    more: tuple[Path, ...] = ()
    stand_in: bool = False
    digest: str = ""
    warnings: tuple[dict[str, Any], ...] = ()
    score: float | None = None

    def know(self, source: SourceFace) -> None:
        """Note what the page tells of the source of this face."""
        self.digest, self.warnings, self.score = source.digest, told_of_photo(source), source.score

    def described(self) -> dict[str, Any]:
        """Return the face for the page."""
        return {
            "id": self.id,
            "name": self.name,
            "consent": self.consent,
            "saved": self.saved,
            "photos": 1 + len(self.more),
            "warnings": list(self.warnings),
            "score": None if self.score is None else round(100 * self.score),
        }

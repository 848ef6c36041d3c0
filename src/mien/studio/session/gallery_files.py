"""Files behind a face of the gallery."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GalleryFiles:
    """Files of a face of the gallery: its name for people, its photos, the first one first, and the number in a group."""

    name: str
    photos: tuple[Path, ...]
    number: int | None

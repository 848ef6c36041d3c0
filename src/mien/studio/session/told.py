"""Notes for people as the page gets them: the sentence, and the key and values by which it says it in its own language."""

from collections.abc import Mapping
from typing import Any

from mien.types import Note, SourceFace


def told(note: str) -> dict[str, Any]:
    """Return a note for the page; without a key it has no words but its own."""
    if isinstance(note, Note):
        return {"text": str(note), "key": note.key, "values": note.values}
    return {"text": note, "key": "", "values": {}}


def told_of_photo(source: SourceFace) -> tuple[dict[str, Any], ...]:
    """Return the warnings of a photo; the key of a fault is its name."""
    names = {fault.text: f"photo-{fault.name}" for fault in source.faults}
    return tuple({**told(text), "key": names[text]} if text in names else told(text) for text in source.warnings)


def stored(text: object, key: object) -> dict[str, Any]:
    """Return a note for the page that was stored as its sentence and what `key_of` made of it."""
    known = key if isinstance(key, Mapping) else {}
    values = known.get("values")
    return {"text": str(text), "key": str(known.get("key", "")), "values": values if isinstance(values, dict) else {}}

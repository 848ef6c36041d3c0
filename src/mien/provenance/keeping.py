"""A mark that is there already is kept: its number goes on, and it is renewed where it has become weak."""

from math import isfinite

from mien.provenance.mark import Marker
from mien.provenance.markreader import MarkFound

_LEAST = 0.4
"""What was painted over, faces above all, has lost the old mark: so much is always added."""


def keeping_marker(found: MarkFound | None) -> Marker | None:
    """A marker that goes on with the mark that was found; None when there is none whose number and place are known."""
    if found is None or found.mark_id is None or not isfinite(found.strength):
        return None
    return Marker(found.mark_id, strength=min(max(1.0 - found.strength, _LEAST), 1.0))

"""The source faces that were used last: a large gallery would fill the memory with all of them."""

import threading
from collections import OrderedDict

from mien.types import SourceFace


class OpenedSources:
    """At most `most` source faces by the id of their face; the one that was not used for the longest time goes first.

    Safe to use from several threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._sources: OrderedDict[str, SourceFace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sources)

    def get(self, face_id: str) -> SourceFace | None:
        """Return the source, None for one that has to be opened."""
        with self._lock:
            found = self._sources.get(face_id)
            if found is not None:
                self._sources.move_to_end(face_id)
            return found

    def keep(self, face_id: str, source: SourceFace) -> None:
        """Keep the source as the one that was used last."""
        with self._lock:
            self._sources[face_id] = source
            self._sources.move_to_end(face_id)
            while len(self._sources) > self._most:
                self._sources.popitem(last=False)

    def forget(self, face_id: str) -> None:
        """Drop the source of a face that is gone."""
        with self._lock:
            self._sources.pop(face_id, None)

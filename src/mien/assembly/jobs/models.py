"""Models and source faces that the jobs of one worker share: opened once, the least used ones dropped."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from mien.assembly import factory
from mien.assembly.hiding_work import HidingParts, open_hiding
from mien.assembly.source_photos import open_photos
from mien.batch.queue.inputs import InputFile
from mien.batch.queue.spec import FaceSpec
from mien.models.library.store import Store
from mien.provenance.trust import Trust
from mien.settings import Settings
from mien.types import SourceFace

_KEPT_MODELS = 2  # of different settings; each set takes 100 MB
_KEPT_FACES = 16  # source faces: those of one output at most
_OPENED_BY = "detector", "detect_size", "detect_score", "device", "precision"
"""Settings that the models depend on."""
Value = TypeVar("Value")


class Shelf(Generic[Value]):
    """A few values by their keys, those used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """Return a value; None when it is not there any more."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> Value:
        """Keep a value and return it; the one that was used least lately goes."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


class SharedParts:
    """Models, source faces and networks that hide faces, of one worker. Safe to use from several threads."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._models: Shelf[factory.Models] = Shelf(_KEPT_MODELS)
        self._faces: Shelf[SourceFace] = Shelf(_KEPT_FACES)
        self._hiding: Shelf[HidingParts] = Shelf(1)

    def keep_models(self, settings: Settings, models: factory.Models) -> None:
        """Use models that are open already for jobs of these settings."""
        self._models.put(_opened_by(settings), models)

    def keep_face(self, files: tuple[InputFile, ...], number: int | None, source: SourceFace) -> None:
        """Use a source face that is open already for jobs that name these files."""
        self._faces.put((files, number), source)

    def models(self, settings: Settings) -> factory.Models:
        """Return the models for these settings. Raises a `ModelError`."""
        key = _opened_by(settings)
        return self._models.get(key) or self._models.put(key, factory.open_models(settings, Store()))

    def face(self, spec: FaceSpec, settings: Settings) -> SourceFace:
        """Return the source face of the files. Raises a `MienError`."""
        found = self._faces.get((spec.files, spec.number))
        if found is not None:
            return found
        photo, *also = (file.path for file in spec.files)
        opened = open_photos(photo, also, settings, self.models(settings), spec.number)
        return self._faces.put((spec.files, spec.number), opened)

    def hiding(self, style: str, settings: Settings) -> HidingParts:
        """Return the networks that hide faces. Raises a `ModelError`."""
        key = style, settings
        return self._hiding.get(key) or self._hiding.put(key, open_hiding(style, settings, self.trust))


def _opened_by(settings: Settings) -> tuple[object, ...]:
    return tuple(getattr(settings, name) for name in _OPENED_BY)

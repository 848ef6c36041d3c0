"""A store in which stand-ins are installed beside the embedded models."""

import hashlib
from pathlib import Path
from typing import Any

from mien.families import families
from mien.models.store import ModelEntry, Store
from tests.standins.small import file_name, make_small


class StandinStore(Store):
    """Made and written to `folder` when they are added; called `standin_FAMILY` unless another name is given."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__(installed=folder)
        self._standins: dict[str, ModelEntry] = {}
        self._files = folder
        for family in names:
            self.add(family)

    def add(self, family: str, model_id: str = "", **options: Any) -> ModelEntry:
        """Install a stand-in of the family."""
        model_id = model_id or f"standin_{family}"
        file = f"{model_id}{Path(file_name(family)).suffix}"
        content = make_small(family, self._files / file, **options)
        entry = ModelEntry(
            id=model_id,
            role=families()[family].role,
            file=file,
            bundled=False,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            licence="none",
            credit="mien's tests",
            origin="tests/standins",
            feed="",
            family=family,
            standin=True,
        )
        self._standins[model_id] = entry
        return entry

    def entries(self) -> tuple[ModelEntry, ...]:
        return (*super().entries(), *self._standins.values())

    def entry(self, model_id: str) -> ModelEntry:
        return self._standins[model_id] if model_id in self._standins else super().entry(model_id)

    def path(self, model_id: str) -> Path:
        return self._files / self._standins[model_id].file if model_id in self._standins else super().path(model_id)

    def installed(self, role: str) -> tuple[ModelEntry, ...]:
        mine = tuple(entry for entry in self._standins.values() if entry.role == role and self.path(entry.id).is_file())
        return (*super().installed(role), *mine)

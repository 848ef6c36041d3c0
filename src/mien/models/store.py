"""Where model files lie, and the proof that they are the ones of the catalogue."""

import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mien.errors import ModelDamaged, ModelMissing


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the catalogue; `feed` says how the model wants its input."""

    id: str
    role: str
    file: str
    bundled: bool
    bytes: int
    sha256: str
    licence: str
    credit: str
    origin: str
    feed: str


class Store:
    """Reads the catalogue and hands out verified bytes; `folder` holds the files (default: those of the package)."""

    def __init__(self, folder: Path | None = None) -> None:
        package = resources.files("mien.models")
        self._folder = folder if folder is not None else Path(str(package / "weights"))
        rows = tomllib.loads((package / "catalogue.toml").read_text("utf-8"))
        self._entries = {name: ModelEntry(id=name, **row) for name, row in rows.items()}

    def entries(self) -> tuple[ModelEntry, ...]:
        """All rows, in the order of the catalogue."""
        return tuple(self._entries.values())

    def entry(self, model_id: str) -> ModelEntry:
        """One row; raises `ModelMissing` for an unknown name."""
        try:
            return self._entries[model_id]
        except KeyError:
            raise ModelMissing(f"no model is called {model_id!r}", "`mien models` lists the names") from None

    def path(self, model_id: str) -> Path:
        """Where the file is or would be; it need not exist."""
        return self._folder / self.entry(model_id).file

    def read(self, model_id: str) -> bytes:
        """The file's content, its sha256 checked on the very bytes that are handed out.

        Raises `ModelMissing` or `ModelDamaged`.
        """
        entry, path = self.entry(model_id), self.path(model_id)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelMissing(
                f"cannot read the model {entry.id} ({path}): {error.strerror}",
                "install mien again: the file ships with it",
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != entry.sha256:
            raise ModelDamaged(
                f"the model {entry.id} ({path}) has sha256 {found[:12]}…, the catalogue says {entry.sha256[:12]}…",
                "the file was damaged or exchanged: install mien again",
            )
        return content

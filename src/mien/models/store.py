"""Where model files lie, and the proof that they are the ones of the catalogue."""

import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mien.errors import ModelDamaged, ModelMissing
from mien.folders import models_folder


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the catalogue, or a file that somebody trusts; `feed` says how the model wants its input.

    `family` is one of `families.families()`, empty for embedded models. An empty `sha256` = nobody has published one, `bytes`
    0 = the size is not known. `terms` is the licence in plain words, `urls` are where `pull` looks. `standin` = random
    weights with a real model's contract, for tests and measurements.
    """

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
    family: str = ""
    terms: str = ""
    urls: tuple[str, ...] = ()
    standin: bool = False


class Store:
    """Reads the catalogue and hands out verified bytes.

    `folder` holds the embedded files (default: those of the package), `installed` the others (default: the person's).
    """

    def __init__(self, folder: Path | None = None, installed: Path | None = None) -> None:
        package = resources.files("mien.models")
        self._folder = folder if folder is not None else Path(str(package / "weights"))
        self._installed = installed if installed is not None else models_folder()
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
        entry = self.entry(model_id)
        return (self._folder if entry.bundled else self._installed) / entry.file

    def installed(self, role: str) -> tuple[ModelEntry, ...]:
        """The models with this role whose file is there, in the order of the catalogue; their content is not looked at."""
        return tuple(entry for entry in self._entries.values() if entry.role == role and self.path(entry.id).is_file())

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

"""Stand-ins installed as any file is: imported, and trusted."""

from pathlib import Path
from typing import Any

from mien.models.library.importing import import_models
from mien.models.library.store import ModelEntry, Store
from tests.support.standins.small import file_name, make_small


def standin_store(folder: Path, *names: str) -> Store:
    """A store in the folder with the embedded models and stand-ins of these families, called `standin_FAMILY`."""
    store = Store(installed=folder / "models")
    for family in names:
        install(store, family)
    return store


def install(store: Store, family: str, model_id: str = "", **options: Any) -> ModelEntry:
    """Put one more into the store; `options` are those of `make_small`."""
    name = Path(file_name(family))
    path = store.folder.parent / f"{model_id or name.stem}{name.suffix}"
    make_small(family, path, **options)
    (imported,) = import_models([path], store, trust=True, family=family)
    path.unlink()
    return imported.entry

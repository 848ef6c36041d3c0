"""Import of model files that the user already has: known by their hash, or trusted by the user."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import ModelDamaged, ModelError, ModelMissing, UsageError
from mien.models.format.families import families
from mien.models.library.files import reason, sync_folder
from mien.models.library.import_plan import Plan, Planner, Report, hash_of, plans_of_folder
from mien.models.library.inswapper_matrix import SUFFIX as MATRIX_SUFFIX
from mien.models.library.lock import locked
from mien.models.library.store import CACHE, ModelEntry, Store, built_of
from mien.models.library.trusted import FOLDER as TRUSTED_FOLDER
from mien.models.library.trusted import read_trusted, write_trusted
from mien.system.folders import make_private

_CHUNK_BYTES = 4 << 20  # 4 MiB: large enough for full disk speed, small in memory
_SPARE_BYTES = 64 << 20  # stay free on the disk for other programs
_DRAFT = ".copy"
"""Suffix of a file that is being copied."""
_ROOM = "free some space, or let MIEN_MODELS name a folder on another disk"


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that is now in the store; `fresh` is False for one that was there already."""

    path: Path
    entry: ModelEntry
    fresh: bool


def import_models(
    paths: Sequence[Path],
    store: Store,
    *,
    trust: bool = False,
    family: str | None = None,
    report: Report = lambda line: None,
) -> list[Imported]:
    """Copy the model files at these paths, or anywhere in these folders, into the store's folder.

    All are checked before the first is copied. A named file that cannot be taken is an error; one that was only found in a
    folder is reported. With `trust` a file that the catalogue does not know is taken when its graph fits one family, or the
    named `family`. Originals stay as they are.

    Raises `UsageError` or a `ModelError`; nothing is left half copied.
    """
    if family is not None and family not in families():
        raise UsageError(f"no family of models is called {family!r}", f"choose one of: {', '.join(families())}")
    with locked(store.folder):
        _sweep(store.folder)
        planner = Planner(store, trust, family)
        plans: dict[str, Plan] = {}
        for path in paths:
            for plan in plans_of_folder(path, planner, report) if path.is_dir() else [planner.plan(path)]:
                plans.setdefault(plan.sha256, plan)
        if not plans:
            raise ModelMissing(
                "no known model file found", "name the file itself; `--trust` takes one that the catalogue does not know"
            )
        return [_take(plan, store, report) for plan in plans.values()]


def _sweep(folder: Path) -> None:
    """Delete the drafts of an import that was killed."""
    for each in (*folder.glob(f".*{_DRAFT}"), *(folder / TRUSTED_FOLDER).glob(f".*{_DRAFT}")):
        with contextlib.suppress(OSError):
            each.unlink()


def remove(model_id: str, store: Store) -> None:
    """Delete a model's file, all that was cached or built out of it, and its row in the list of trusted files.

    Raises `UsageError` for an embedded model, `ModelMissing` when there is nothing to delete, `ModelError` when it cannot.
    """
    entry = store.entry(model_id)
    if entry.bundled:
        raise UsageError(f"{model_id} is part of mien and cannot be removed", "only models that were installed can be")
    path = store.path(model_id)
    part = path.with_name(f".{path.name}.part")  # left by a download that was stopped
    with locked(store.folder):
        rows = read_trusted(store.folder)
        others = [row for row in rows if row.file != entry.file]
        if len(others) == len(rows) and not path.exists() and not part.exists():
            raise ModelMissing(f"the model {model_id} is not installed", "`mien models` lists what is")
        try:
            for each in (path, path.with_name(path.name + MATRIX_SUFFIX), part):
                each.unlink(missing_ok=True)
            for built in (store.folder / CACHE).glob(f"{built_of(entry)}*"):
                shutil.rmtree(built)
        except OSError as error:
            raise ModelError(f"cannot delete {path}: {error.strerror}", "close what uses it, or delete it by hand") from error
        if len(others) < len(rows):
            write_trusted(store.folder, others)


def _take(plan: Plan, store: Store, report: Report) -> Imported:
    """Copy the file and record it; a file without a row in the list, or a row without a file, can be imported again."""
    target = store.folder / plan.row.file if plan.row is not None else store.path(plan.id)
    fresh = not _holds(target, plan)
    if fresh and plan.row is None and store.entry(plan.id).bundled:
        raise ModelDamaged(f"{plan.id} is part of mien, and its file is damaged", "install mien again")
    if fresh:
        report(f"copying {plan.path} ({plan.bytes / 1e6:.0f} MB)")
        _copy(plan, target)
    if plan.row is not None:
        rows = read_trusted(store.folder)
        if plan.row not in rows:
            try:
                write_trusted(store.folder, [*(row for row in rows if row.id != plan.row.id), plan.row])
            except BaseException:
                if fresh:
                    target.unlink(missing_ok=True)
                raise
    return Imported(plan.path, store.entry(plan.id), fresh)


def _holds(target: Path, plan: Plan) -> bool:
    with contextlib.suppress(OSError, ModelError):
        return target.is_file() and target.stat().st_size == plan.bytes and hash_of(target) == plan.sha256
    return False


def _copy(plan: Plan, target: Path) -> None:
    """Copy under another name, check the copy, and rename it; any error removes it."""
    folder = target.parent
    temporary: Path | None = None
    try:
        make_private(folder)
        free = shutil.disk_usage(folder).free
        if free < plan.bytes + _SPARE_BYTES:
            raise ModelError(
                f"{folder} has {free / 1e6:,.0f} MB free, and {plan.path.name} needs {plan.bytes / 1e6:,.0f} MB", _ROOM
            )
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_DRAFT, dir=folder)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as out, plan.path.open("rb") as source:
            found = hashlib.sha256()
            while chunk := source.read(_CHUNK_BYTES):
                found.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if found.hexdigest() != plan.sha256:
            raise ModelDamaged(f"{plan.path} changed while it was copied", "import it again when nothing writes to it")
        temporary.replace(target)
        temporary = None
        sync_folder(folder)
    except OSError as error:
        remedy = _ROOM if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else f"check who may write to {folder}"
        raise ModelError(f"cannot copy {plan.path} to {folder}: {reason(error)}", remedy) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()

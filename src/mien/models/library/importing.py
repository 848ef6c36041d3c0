"""Import of model files that the user already has: known by their hash, or trusted by the user."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import ModelDamaged, ModelError, ModelMismatch, ModelMissing, ModelRefused, UsageError
from mien.models.format.families import Family, families
from mien.models.format.onnx_graph import Graph
from mien.models.format.onnx_policy import check_safe
from mien.models.format.onnx_walk import read_graph
from mien.models.format.ports import match_ports
from mien.models.library.inswapper_matrix import SUFFIX as EMAP_SUFFIX
from mien.models.library.lock import locked
from mien.models.library.store import CACHE, ModelEntry, Store, built_of, free_id
from mien.models.library.trusted import FOLDER as TRUSTED_FOLDER
from mien.models.library.trusted import Trusted, read_trusted, write_trusted
from mien.system.folders import make_private

Report = Callable[[str], None]

_SUFFIXES = frozenset({".onnx", ".dfm"})
_PICKLES = frozenset({".pth", ".pt", ".ckpt", ".pkl", ".bin", ".safetensors", ".h5", ".npy"})
_ARCHIVES = frozenset({".zip", ".7z", ".rar", ".gz", ".tar"})
_CHUNK_BYTES = 4 << 20  # 4 MiB: large enough for full disk speed, small in memory
_MAX_ID_LETTERS = 60  # of an id made out of a file's name; rows of tables stay readable
_DRAFT = ".copy"
"""Suffix of a file that is being copied."""
_RESERVED = frozenset({"mesh", "none", "auto", "off"})
"""Ids that settings use for something else than a file."""
_ROOM = "free some space, or let MIEN_MODELS name a folder on another disk"


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """Bounds of one import."""

    files: int = 50_000  # in a folder: more is a home folder or a whole disk, named by mistake
    depth: int = 12  # of folders; bounds the walk over a tree named by mistake
    spare_bytes: int = 64 << 20  # stay free on the disk for other programs


LIMITS = ImportLimits()


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that is now in the store; `fresh` is False for one that was there already."""

    path: Path
    entry: ModelEntry
    fresh: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """Decision on one file; `row` is its future row in the list of trusted files, None for a file of the catalogue."""

    path: Path
    sha256: str
    bytes: int
    id: str
    row: Trusted | None


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
        planner = _Planner(store, trust, family)
        plans: dict[str, _Plan] = {}
        for path in paths:
            for plan in _plans_of_folder(path, planner, report) if path.is_dir() else [planner.plan(path)]:
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
            for each in (path, path.with_name(path.name + EMAP_SUFFIX), part):
                each.unlink(missing_ok=True)
            for built in (store.folder / CACHE).glob(f"{built_of(entry)}*"):
                shutil.rmtree(built)
        except OSError as error:
            raise ModelError(f"cannot delete {path}: {error.strerror}", "close what uses it, or delete it by hand") from error
        if len(others) < len(rows):
            write_trusted(store.folder, others)


class _Planner:
    """Classifier of files; copies nothing."""

    def __init__(self, store: Store, trust: bool, family: str | None) -> None:
        self._trust = trust
        self._family = family
        entries = store.entries()
        self._by_hash = {entry.sha256: entry for entry in entries if entry.sha256}
        self._sizes = {entry.bytes for entry in entries if entry.bytes}
        self._names = {_plain(Path(entry.file).stem) for entry in entries}
        self._nameless = [entry for entry in entries if not entry.sha256]
        self._rows = {row.sha256: row for row in read_trusted(store.folder)}
        self._taken = _RESERVED | {entry.id for entry in entries}

    def interesting(self, path: Path) -> bool:
        """Return True for a file of a folder that is worth reading; raises `ModelError`."""
        return self._trust or _plain(path.stem) in self._names or _size(path) in self._sizes

    def plan(self, path: Path) -> _Plan:
        """Return the plan for a file; raises a `ModelError` when it is not taken."""
        size = _size(path)
        _refuse_by_name(path)
        graph = read_graph(path)
        check_safe(str(path), graph)
        sha256 = _hash(path)
        known = self._by_hash.get(sha256)
        if known is not None:
            row = self._rows.get(sha256)
            if row is not None and self._family not in {None, row.family}:
                raise ModelMismatch(
                    f"{path} is here already, as {known.id} of the family {row.family}",
                    f"`mien models remove {known.id}` first",
                )
            return _Plan(path, sha256, size, known.id, row)
        fitting = [each for each in _families_for(path) if _fits(graph, each)]
        if not self._trust:
            what = f"it would do as {' or '.join(each.name for each in fitting)}" if fitting else "it fits no family of models"
            raise ModelRefused(
                f"the catalogue does not know {path} (sha256 {sha256[:12]}…); {what}",
                "import it with --trust if you know where it comes from" if fitting else "use the file of the catalogue",
            )
        row = self._row(path, graph, fitting, size, sha256)
        plan = _Plan(path, sha256, size, row.id, row)
        self._taken |= {row.id}
        return plan

    def _row(self, path: Path, graph: Graph, fitting: Sequence[Family], size: int, sha256: str) -> Trusted:
        entry = self._nameless_entry(path, size, graph)
        family = _choose(path, graph, fitting, self._family or (entry.family if entry else None))
        if entry is not None and entry.family == family.name:
            return Trusted(entry.id, family.role, family.name, entry.file, size, sha256)
        name = free_id(_safe_id(path.stem, graph.standin), self._taken)
        suffix = ".dfm" if family.name == "dfm" else ".onnx"
        file = f"{TRUSTED_FOLDER}/{name}{suffix}"
        return Trusted(name, family.role, family.name, file, size, sha256, graph.standin)

    def _nameless_entry(self, path: Path, size: int, graph: Graph) -> ModelEntry | None:
        """Return the entry without a published hash that has this file's name; never for a stand-in."""
        if graph.standin:
            return None
        return next(
            (
                entry
                for entry in self._nameless
                if _plain(Path(entry.file).stem) == _plain(path.stem) and entry.bytes in {0, size}
            ),
            None,
        )


def _plans_of_folder(folder: Path, planner: _Planner, report: Report) -> Iterator[_Plan]:
    for path in _model_files(folder, report):
        try:
            if planner.interesting(path):
                yield planner.plan(path)
            else:
                report(f"left alone: {path} is not in the catalogue")
        except ModelError as error:
            report(f"left alone: {error}")


def _model_files(folder: Path, report: Report) -> Iterator[Path]:
    """Files with the name of a model, in a steady order; links to folders are not followed."""
    seen = 0
    for where, folders, files in os.walk(folder, onerror=lambda error: report(f"left alone: {error}")):
        deep = len(Path(where).relative_to(folder).parts)
        seen += len(files) + len(folders)
        folders[:] = sorted(folders) if deep < LIMITS.depth else []
        if seen > LIMITS.files:
            raise UsageError(f"{folder} holds more than {LIMITS.files:,} files", "name the folder in which the models lie")
        yield from (Path(where) / name for name in sorted(files) if Path(name).suffix.lower() in _SUFFIXES)


def _size(path: Path) -> int:
    """Return the size of a plain file, or of the target of a link."""
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        raise ModelMissing(f"cannot read {path}: {_reason(error)}", "check the name") from error
    if not stat.S_ISREG(state.st_mode):
        raise ModelRefused(f"{path} is not a plain file", "name a file or a folder with models")
    if state.st_size == 0:
        raise ModelDamaged(f"{path} is empty", "get the file again from its source")
    return state.st_size


def _refuse_by_name(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise ModelRefused(
            f"{path} is a {suffix} file, not an ONNX file; mien does not open such files, because many can run any program",
            "use the model's ONNX file",
        )
    if suffix in _ARCHIVES:
        raise ModelRefused(f"{path} is an archive", "unpack it first, then import the folder")


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelMissing(f"cannot read {path}: {_reason(error)}", "check who may read it") from error


def _families_for(path: Path) -> list[Family]:
    """Return the families that a file may have by its name: a .dfm has one only."""
    return [each for each in families().values() if path.suffix.lower() != ".dfm" or each.name == "dfm"]


def _fits(graph: Graph, family: Family) -> bool:
    try:
        _check_family("", graph, family)
    except ModelMismatch:
        return False
    return True


def _check_family(name: str, graph: Graph, family: Family) -> None:
    """Check a file as `ports.bind` checks an opened session; raises `ModelMismatch`."""
    dtypes = {port.name: port.dtype for port in (*graph.inputs, *graph.outputs)}
    inputs = {port.name: port.shape for port in graph.inputs}
    found = match_ports(name, "input", inputs, dtypes, family.inputs)
    if surplus := set(inputs) - {slot.name for slot in found if slot is not None}:
        raise ModelMismatch(f"{name} wants an input {min(surplus)!r} that {family.name} does not have", "name another family")
    match_ports(name, "output", {port.name: port.shape for port in graph.outputs}, dtypes, family.outputs)


def _choose(path: Path, graph: Graph, fitting: Sequence[Family], named: str | None) -> Family:
    """Return the only family that fits, or the named one if it does; raises `ModelMismatch` or `ModelRefused`."""
    if named is not None:
        family = families()[named]
        _check_family(str(path), graph, family)
        if family not in fitting:
            raise ModelMismatch(f"{path} is not of the family {named}: .dfm files are of the family dfm", "rename the file")
        return family
    if not fitting:
        inputs = ", ".join(port.name for port in graph.inputs)
        raise ModelRefused(f"{path} fits no family of models: its inputs are {inputs or 'none'}", "mien cannot use it")
    if len(fitting) > 1:
        names = " or ".join(each.name for each in fitting)
        raise ModelRefused(f"{path} could be {names}: their tensors are alike", "say which with --as")
    return fitting[0]


def _plain(stem: str) -> str:
    """Return a name in lower case without signs: GPEN-BFR-512 and gpen_bfr_512 are one."""
    return re.sub(r"[^a-z0-9]", "", stem.lower())


def _safe_id(stem: str, standin: bool) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).strip("-_") or "model"
    if standin and "standin" not in plain.replace("-", "").replace("_", ""):
        plain = f"standin-{plain}"
    return plain[:_MAX_ID_LETTERS].rstrip("-_")


def _take(plan: _Plan, store: Store, report: Report) -> Imported:
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


def _holds(target: Path, plan: _Plan) -> bool:
    with contextlib.suppress(OSError, ModelError):
        return target.is_file() and target.stat().st_size == plan.bytes and _hash(target) == plan.sha256
    return False


def _copy(plan: _Plan, target: Path) -> None:
    """Copy under another name, check the copy, and rename it; any error removes it."""
    folder = target.parent
    temporary: Path | None = None
    try:
        make_private(folder)
        free = shutil.disk_usage(folder).free
        if free < plan.bytes + LIMITS.spare_bytes:
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
        _sync_folder(folder)
    except OSError as error:
        remedy = _ROOM if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else f"check who may write to {folder}"
        raise ModelError(f"cannot copy {plan.path} to {folder}: {_reason(error)}", remedy) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Write the new name to the disk, too, where folders can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)

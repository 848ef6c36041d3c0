"""Plans of an import: the classification of files, before any is copied."""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import ModelDamaged, ModelError, ModelMismatch, ModelMissing, ModelRefused, UsageError
from mien.models.format.families import Family, families
from mien.models.format.onnx_graph import Graph
from mien.models.format.onnx_policy import check_safe
from mien.models.format.onnx_walk import read_graph
from mien.models.format.ports import match_ports
from mien.models.library.files import reason
from mien.models.library.store import ModelEntry, Store, free_id
from mien.models.library.trusted import FOLDER as TRUSTED_FOLDER
from mien.models.library.trusted import Trusted, read_trusted

Report = Callable[[str], None]

_SUFFIXES = frozenset({".onnx", ".dfm"})
_PICKLES = frozenset({".pth", ".pt", ".ckpt", ".pkl", ".bin", ".safetensors", ".h5", ".npy"})
_ARCHIVES = frozenset({".zip", ".7z", ".rar", ".gz", ".tar"})
_MAX_ID_LETTERS = 60  # of an id made out of a file's name; rows of tables stay readable
_RESERVED = frozenset({"mesh", "none", "auto", "off"})
"""Ids that settings use for something else than a file."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """Bounds of the search for models in a folder, which may be a home folder or a whole disk, named by mistake."""

    files: int = 50_000
    depth: int = 12  # of folders


LIMITS = SearchLimits()


@dataclass(frozen=True, slots=True)
class Plan:
    """Decision on one file; `row` is its future row in the list of trusted files, None for a file of the catalogue."""

    path: Path
    sha256: str
    bytes: int
    id: str
    row: Trusted | None


class Planner:
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

    def plan(self, path: Path) -> Plan:
        """Return the plan for a file; raises a `ModelError` when it is not taken."""
        size = _size(path)
        _refuse_by_name(path)
        graph = read_graph(path)
        check_safe(str(path), graph)
        sha256 = hash_of(path)
        known = self._by_hash.get(sha256)
        if known is not None:
            row = self._rows.get(sha256)
            if row is not None and self._family not in {None, row.family}:
                raise ModelMismatch(
                    f"{path} is here already, as {known.id} of the family {row.family}",
                    f"`mien models remove {known.id}` first",
                )
            return Plan(path, sha256, size, known.id, row)
        fitting = [each for each in _families_for(path) if _fits(graph, each)]
        if not self._trust:
            what = f"it would do as {' or '.join(each.name for each in fitting)}" if fitting else "it fits no family of models"
            raise ModelRefused(
                f"the catalogue does not know {path} (sha256 {sha256[:12]}…); {what}",
                "import it with --trust if you know where it comes from" if fitting else "use the file of the catalogue",
            )
        row = self._row(path, graph, fitting, size, sha256)
        plan = Plan(path, sha256, size, row.id, row)
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


def plans_of_folder(folder: Path, planner: Planner, report: Report) -> Iterator[Plan]:
    """Yield plans for the models in a folder; files that are left alone are reported."""
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
        raise ModelMissing(f"cannot read {path}: {reason(error)}", "check the name") from error
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


def hash_of(path: Path) -> str:
    """Return the sha256 of a file; raises `ModelMissing`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelMissing(f"cannot read {path}: {reason(error)}", "check who may read it") from error


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
    if surplus := set(inputs) - {tensor.name for tensor in found if tensor is not None}:
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

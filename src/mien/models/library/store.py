"""The folders of model files, and the check of each file against the catalogue."""

import hashlib
import tomllib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import chain, count
from pathlib import Path

from mien.errors import ModelDamaged, ModelError, ModelMissing, ModelRefused
from mien.models.format.families import families
from mien.models.format.onnx_graph import Graph
from mien.models.format.onnx_policy import check_safe
from mien.models.format.onnx_walk import read_graph
from mien.models.library.trusted import Trusted, read_trusted
from mien.system.folders import models_folder

CACHE = "cache"
"""Folder beside the installed models for what devices build out of them; it may be deleted at any time."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the catalogue, or a trusted file; `feed` describes the input that the model expects.

    `family` is one of `families.families()`, empty for embedded models. `sha256` is empty when none is published, `bytes` 0
    when the size is not known. `terms` is the licence in plain words, `urls` are the addresses for `pull`. `standin` = random
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


@cache
def _catalogue() -> dict[str, ModelEntry]:
    """Return the rows of the catalogue, read once: a command opens three stores, and each reading takes 4 ms."""
    rows = tomllib.loads((resources.files("mien.models") / "catalogue.toml").read_text("utf-8"))
    return {name: ModelEntry(id=name, **row) for name, row in rows.items()}


class Store:
    """Catalogue and trusted files, with verified access to their bytes.

    `folder` holds the embedded files (default: those of the package), `installed` the others (default: the user's). The list
    of trusted files is read at each use, so that later imports are seen.
    """

    def __init__(self, folder: Path | None = None, installed: Path | None = None) -> None:
        self._embedded = folder if folder is not None else Path(str(resources.files("mien.models") / "weights"))
        self._named = installed
        self._entries = dict(_catalogue())

    @property
    def folder(self) -> Path:
        """Folder of the installed models, which need not exist. Raises `ProvenanceError` when this user has no place for it."""
        return self._named if self._named is not None else models_folder()

    def entries(self) -> tuple[ModelEntry, ...]:
        """Return all rows in the order of the catalogue, then the trusted ones; raises `ModelDamaged` for the list of these."""
        return tuple(self._all().values())

    def entry(self, model_id: str) -> ModelEntry:
        """Return one row; raises `ModelMissing` for an unknown name, `ModelDamaged` when it may be in a damaged list."""
        known = self._entries.get(model_id)
        if known is not None and (known.bundled or known.sha256):
            return known
        try:
            return self._all()[model_id]
        except KeyError:
            raise ModelMissing(f"no model is called {model_id!r}", "`mien models` lists the names") from None

    def path(self, model_id: str) -> Path:
        """Return the path of the file, which need not exist."""
        return self._path(self.entry(model_id))

    def installed(self, role: str) -> tuple[ModelEntry, ...]:
        """Return the models with this role whose file exists, in the order of `entries`; their content is not checked."""
        return tuple(entry for entry in self.entries() if entry.role == role and self._path(entry).is_file())

    def read(self, model_id: str) -> bytes:
        """Return the content of the file, its sha256 checked on the very bytes that are returned; safe to open.

        Raises `ModelMissing`, `ModelDamaged`, `ModelRefused`, or `ModelError` when it does not fit into memory.
        """
        entry = self.entry(model_id)
        with self._readable(entry) as path:
            size = path.stat().st_size
            try:
                content = path.read_bytes()
            except MemoryError as error:
                raise ModelError(
                    f"there is not enough memory for {entry.id}: its file has {size / 1e9:.1f} GB",
                    "close other programs, or choose a smaller model",
                ) from error
            _check_content(entry, path, hashlib.sha256(content).hexdigest())
            if not entry.bundled:
                self._check_graph(entry, read_graph(content, entry.id))
        return content

    @contextmanager
    def verified(self, model_id: str) -> Iterator[Path]:
        """Yield the path of the file, checked as `read` does, to be opened within the `with`; it is not read into memory.

        Raises what `read` raises; at the end `ModelDamaged` when the file was touched meanwhile, and what was opened must not
        be used.
        """
        entry = self.entry(model_id)
        with self._readable(entry) as path:
            before = _file_state(path)
            with path.open("rb") as file:
                _check_content(entry, path, hashlib.file_digest(file, "sha256").hexdigest())
            if not entry.bundled:
                self._check_graph(entry, read_graph(path, entry.id))
        yield path
        with self._readable(entry):
            if _file_state(path) != before:
                raise ModelDamaged(f"the model {entry.id} ({path}) was changed while it was opened", remedies(entry)[1])

    @contextmanager
    def _readable(self, entry: ModelEntry) -> Iterator[Path]:
        """Yield the path of a file of the right size; a file that cannot be read is an error with a remedy."""
        path = self._path(entry)
        missing, changed = remedies(entry)
        try:
            # Before it is opened: a pipe would block, and a file that has grown could fill the memory.
            if not path.is_file():
                raise ModelMissing(f"the model {entry.id} ({path}) is not there", missing)
            if not entry.sha256:
                raise ModelRefused(
                    f"no sha256 is published for {entry.id}, and you have not yet said that you trust your file",
                    missing,
                )
            size = path.stat().st_size
            if entry.bytes and size != entry.bytes:
                raise ModelDamaged(f"the model {entry.id} ({path}) has {size:,} bytes, not {entry.bytes:,}", changed)
            yield path
        except OSError as error:
            raise ModelMissing(f"cannot read the model {entry.id} ({path}): {error.strerror}", missing) from error

    def _check_graph(self, entry: ModelEntry, graph: Graph) -> None:
        """Refuse a harmful graph: a right hash only proves the origin of a file, and the trusted list can be forged."""
        check_safe(entry.id, graph)
        known = self._entries.get(entry.id)
        if graph.standin and not entry.standin and (known is None or known.sha256 != entry.sha256):
            raise ModelRefused(
                f"the file of {entry.id} is a stand-in with random weights, and the list of trusted models hides it",
                f"`mien models remove {entry.id}`; other rows of that list may have been changed, too",
            )

    def _path(self, entry: ModelEntry) -> Path:
        return (self._embedded if entry.bundled else self.folder) / entry.file

    def _all(self) -> dict[str, ModelEntry]:
        entries = dict(self._entries)
        for row in read_trusted(self.folder):
            known = entries.get(row.id)
            if known is None or known.file != row.file:
                # A later catalogue may have taken the name.
                name = free_id(row.id, entries)
                entries[name] = _trusted_entry(name, row)
            elif not known.sha256:
                entries[row.id] = replace(known, sha256=row.sha256, bytes=row.bytes)
        return entries


def _check_content(entry: ModelEntry, path: Path, found: str) -> None:
    if found != entry.sha256:
        raise ModelDamaged(
            f"the model {entry.id} ({path}) has sha256 {found[:12]}…, it should be {entry.sha256[:12]}…",
            f"the file was damaged or replaced: {remedies(entry)[1]}",
        )


def _file_state(path: Path) -> tuple[int, ...]:
    """Return values that change when the file is written to or replaced."""
    facts = path.stat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def remedies(entry: ModelEntry) -> tuple[str, str]:
    """Return the remedies for a missing file and for a wrong one."""
    if entry.bundled:
        return ("install mien again: the file ships with it",) * 2
    if not entry.sha256:
        return (f"`mien models import --trust {entry.file}`, if you know where it comes from",) * 2
    again = f"`mien models pull {entry.id}`, or " if entry.urls else ""
    return (
        f"{again}`mien models import` its file",
        f"{again}`mien models import` a good copy in its place, or `mien models remove {entry.id}`",
    )


def built_of(entry: ModelEntry) -> str:
    """Return the prefix of all folders in `CACHE` for what devices have built out of this very file."""
    return f"{(entry.sha256 or entry.id)[:16]}-"


def free_id(wanted: str, taken: Container[str]) -> str:
    """Return the id, or the first of id-2, id-3... that is not taken."""
    names = chain([wanted], (f"{wanted}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _trusted_entry(name: str, row: Trusted) -> ModelEntry:
    family = families()[row.family]
    return ModelEntry(
        id=name,
        role=row.role,
        file=row.file,
        bundled=False,
        bytes=row.bytes,
        sha256=row.sha256,
        licence="none: random weights" if row.standin else "unknown: you have declared that you may use it",
        credit="unknown",
        origin="a file of yours, which you trust",
        feed=family.note,
        family=row.family,
        terms="The licence of this file is not known to mien; check it with its source.",
        standin=row.standin,
    )

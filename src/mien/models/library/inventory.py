"""Known and installed models, one row each, and the partners that a model works with."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien.errors import ModelError, ModelMissing, UsageError
from mien.models.format.swappers import SWAPPERS
from mien.models.library.store import ModelEntry, Store, remedies

EMBEDDED, INSTALLED, ABSENT, DAMAGED = "embedded", "installed", "not installed", "damaged"
STANDIN = "a stand-in with random weights, no real model"


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of `mien models`. `state` is one of the four above; `note` explains it, such as what is damaged."""

    entry: ModelEntry
    path: Path
    state: str
    note: str = ""

    def described(self) -> dict[str, Any]:
        """Return the row as a mapping, for programs."""
        return {**asdict(self.entry), "path": str(self.path), "state": self.state, "note": self.note, "way": way_to(self.entry)}


def list_models(store: Store, role: str | None = None) -> tuple[Listed, ...]:
    """Return all models, or those of a role, in the order of the catalogue; raises `UsageError` for an unknown role.

    The sha256 of embedded models is checked; of the others, which are large, only the size.
    """
    entries = store.entries()
    roles = sorted({entry.role for entry in entries})
    if role is not None and role not in roles:
        raise UsageError(f"no model is a {role!r}", f"choose one of: {', '.join(roles)}")
    return tuple(state_of(entry, store) for entry in entries if role in (None, entry.role))


def state_of(entry: ModelEntry, store: Store) -> Listed:
    """Return the state of one model; of an installed one only the size is checked."""
    path = store.path(entry.id)
    standin = STANDIN if entry.standin else ""
    if entry.bundled:
        try:
            store.read(entry.id)
        except ModelError as error:
            return Listed(entry, path, DAMAGED, str(error))
        return Listed(entry, path, EMBEDDED)
    try:
        size = path.stat().st_size
    except OSError:
        return Listed(entry, path, ABSENT, standin)
    if entry.bytes and size != entry.bytes:
        return Listed(entry, path, DAMAGED, f"it has {size} bytes instead of {entry.bytes}: remove it and bring it in again")
    if not entry.sha256:
        return Listed(entry, path, ABSENT, "a file with its name is here, but you have not said that you trust it")
    return Listed(entry, path, INSTALLED, standin)


def way_to(entry: ModelEntry) -> str:
    """Return the way to install a model: "pull", "import", "import --trust", or nothing for an embedded one."""
    if entry.bundled:
        return ""
    if not entry.sha256:
        return "import --trust"
    return "pull" if entry.urls else "import"


def shown_size(entry: ModelEntry) -> str:
    """Return the size for people."""
    return f"{entry.bytes / 1e6:.1f} MB" if entry.bytes else "not known"


def needed_by(entry: ModelEntry) -> tuple[tuple[str, ...], ...]:
    """Return groups of model ids; the model works with one of each group."""
    swapper = SWAPPERS.get(entry.family)
    return () if swapper is None else swapper.source.needs


def partners(entry: ModelEntry, store: Store) -> tuple[ModelEntry | None, ...]:
    """Return one installed model for each group of `needed_by`, None where there is none.

    The catalogue's comes first, then a trusted file with its name. Another recogniser of the same shape would be silently
    wrong, so it does not count; a stand-in only serves a stand-in.
    """
    return tuple(_partner(entry, group, store) for group in needed_by(entry))


def _partner(entry: ModelEntry, group: tuple[str, ...], store: Store) -> ModelEntry | None:
    wanted = store.entry(group[0])
    rows = [
        row
        for row in store.installed(wanted.role)
        if row.family == wanted.family and row.sha256 and (entry.standin or not row.standin)
    ]
    ranked = [
        *(row for row in rows if row.id in group),
        *(row for row in rows if any(name in row.id for name in group)),
        *(row for row in rows if row.standin),
    ]
    return ranked[0] if ranked else None


def missing_for(entry: ModelEntry, store: Store) -> tuple[str, ...]:
    """Return the groups of `needed_by` of which none is installed, in words such as `a or b`."""
    found = partners(entry, store)
    return tuple(" or ".join(group) for group, partner in zip(needed_by(entry), found, strict=True) if partner is None)


def check_partners(entry: ModelEntry, store: Store) -> None:
    """Raise `ModelMissing` for the first partner of `entry` that is not installed."""
    for group, partner in zip(needed_by(entry), partners(entry, store), strict=True):
        if partner is None:
            offered = next((name for name in group if store.entry(name).urls), group[0])
            raise ModelMissing(
                f"{entry.id} works only with {' or '.join(group)}, which is not installed", remedies(store.entry(offered))[0]
            )

"""Check of installed models for `mien models verify`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mien.assembly.installed_models import open_as_used
from mien.errors import MienError
from mien.models.library.inventory import ABSENT, list_models, state_of
from mien.models.library.store import Store
from mien.models.runtime.session_cache import SessionCache


@dataclass(frozen=True, slots=True)
class Checked:
    """Outcome for one model; an empty `fault` means that it is whole and fits its family."""

    model_id: str
    fault: str
    remedy: str = ""


def check_models(ids: Sequence[str], store: Store) -> Iterator[Checked]:
    """Read each model whole, compare its sha256 and open it as for use; without ids, every model that is present.

    Raises `ModelMissing` for an unknown id.
    """
    rows = [state_of(store.entry(name), store) for name in ids] if ids else [
        row for row in list_models(store) if row.state != ABSENT
    ]  # fmt: skip
    sessions = SessionCache(store, device="cpu")
    for row in rows:
        try:
            open_as_used(row.entry, sessions)
        except MienError as error:
            yield Checked(row.entry.id, str(error), error.remedy)
        else:
            yield Checked(row.entry.id, "")
        sessions.keep(())

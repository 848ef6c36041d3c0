"""Films to be made in parts, and a notary that keeps their bytes before the seal."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.assembly.file_swap import FileSwap
from mien.assembly.film_planned import FilmJob
from mien.media.files.moving import Kind
from mien.provenance.consent import Consent
from mien.provenance.seal import Notary
from mien.settings import Settings
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.types import SourceFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait, read

MARK, SECRET = 0xABCDEF, 77
CONSENT = Consent("0123abcd", 1, "public-domain", "hopper.jpg", datetime(2026, 1, 1, tzinfo=UTC))


class Consents:
    """Consents of this machine; `found` is the one for any face."""

    found: Consent | None = CONSENT

    def find(self, face: SourceFace) -> Consent | None:
        del face
        return self.found

    def check(self, consent: Consent) -> None:
        assert consent == CONSENT


class Unsealing:
    """Notary that keeps what it was to seal: the bytes before times and signatures."""

    def __init__(self) -> None:
        self.consents = Consents()
        self.content = b""
        self.fingerprints: list[int] = []
        self.mark_ids: list[int] = []

    def seal(self, path: Path, claim: Any, kind: str, fingerprints: list[int], parent: Path, title: str, ids: Any) -> Any:
        del kind, parent, title
        self.content, self.fingerprints, self.mark_ids = path.read_bytes(), list(fingerprints), sorted(ids)
        assert claim.mark_id == MARK
        return ("sealed",)

    @property
    def notary(self) -> Notary:
        """Return it as what it stands for."""
        return cast("Notary", self)


@cache
def worn_in(kind: str) -> SourceFace | CastPlan:
    """Return who wears which face: one for everyone, or a face for one person while others are blurred."""
    source = factory.open_source(read(HOPPER), models())
    if kind == "everyone":
        return source
    person = Wanted("Eileen", (template_of_photo(portrait(COLLINS).descriptor),))
    return CastPlan(others="blur", members=((person, source),))


def swap_of(film: Path, kind: str = "everyone", settings: Settings | None = None) -> FileSwap:
    """Return the swap of a film whose output is not sealed."""
    return FileSwap(
        film, Kind.VIDEO, worn_in(kind), (CONSENT,), settings or Settings(), models(), Unsealing().notary,
        mark_id=MARK, secret=SECRET,
    )  # fmt: skip


def folder_of(job: FilmJob) -> Path:
    """Return the folder of a film that lies in one."""
    return Path(job.folder.address)


def packets_of(job: FilmJob, number: int) -> Path:
    """Return the packets of a part that is made once."""
    (found,) = folder_of(job).glob(f"part-{number:04}.*.packets")
    return found


def state_of(job: FilmJob, number: int) -> Path:
    """Return what the part after this one begins with."""
    (found,) = folder_of(job).glob(f"part-{number:04}.*.state")
    return found

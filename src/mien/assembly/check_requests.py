"""Requests and comparison of a check: what the host wishes, and the networks that measure it."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

from mien.assembly import factory
from mien.assembly.machine_check import check_once
from mien.assembly.source_photos import read_photo
from mien.check.requests.asks import Ask, Kind, draw_asks
from mien.check.requests.comparison import Comparison
from mien.check.requests.gauge import Gauge, GaugeParts
from mien.check.requests.requests import Requests
from mien.errors import SeveralSourceFaces
from mien.media.files.statement import shown_name
from mien.models.library.store import Store
from mien.models.runtime.session_cache import SessionCache
from mien.provenance.consent import Consents
from mien.settings import Settings
from mien.swap.source.load import only_face
from mien.system.database import Database


@dataclass(frozen=True, slots=True)
class Asking:
    """Wishes of the host: kinds of requests, whether agreed seconds are kept, a photo to compare with.

    `photo_name` stands in the record of the consent where the file has another name than the host's.
    """

    kinds: tuple[Kind, ...] = ()
    keep: bool = False
    photo: Path | None = None
    consent: str | None = None
    photo_name: str = ""

    @property
    def measures(self) -> bool:
        """True when faces are measured at all."""
        return bool(self.kinds) or self.photo is not None


def drawn(asking: Asking) -> tuple[Ask, ...]:
    """Return the requests, drawn at random."""
    return draw_asks(asking.kinds, random.SystemRandom())


def open_requests(asking: Asking, asks: tuple[Ask, ...], data: Path) -> tuple[Requests, Comparison | None]:
    """Open the networks. Raises a `MienError`."""
    # Lids and hands as they are: smoothing would swallow a blink.
    settings = replace(Settings(), smoothing=0.0)
    store = Store()
    # What measures a face is checked once on this machine, as what draws one is.
    check_once(store)
    models = factory.open_models(settings, store)
    parts = GaugeParts(
        factory.open_tracking(settings, SessionCache(store, settings.device, settings.precision)),
        models.parser,
        models.hand_finder,
    )
    comparison = None if asking.photo is None else _comparison(asking, models, store, data)
    return Requests(asks, Gauge(parts), keep=asking.keep, comparison=comparison), comparison


def _comparison(asking: Asking, models: factory.Models, store: Store, data: Path) -> Comparison:
    assert asking.photo is not None
    try:
        photo, landmarks = only_face(read_photo(asking.photo, Settings()), models.inspection)
    except SeveralSourceFaces as error:
        raise SeveralSourceFaces(f"{asking.photo}: {error}", "cut one face out: the comparison is one to one") from error
    Consents(Database(data)).record_comparison(asking.photo_name or shown_name(asking.photo))
    return Comparison(factory.open_recogniser(store), photo, landmarks)

"""Requests and comparison of `mien check`: their networks, and the host's side of them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markup import escape

from mien.assembly import factory
from mien.assembly.machine_check import check_once
from mien.assembly.source_photos import read_photo
from mien.check.requests.asks import Ask, Kind, draw_asks
from mien.check.requests.colours import page_of
from mien.check.requests.comparison import Comparison
from mien.check.requests.gauge import Gauge, GaugeParts
from mien.check.requests.requests import Requests, Told
from mien.check.requests.rows import row_of, script_of
from mien.check.sentences import phrase
from mien.commands.check_host import Host
from mien.errors import SeveralSourceFaces
from mien.media.files.statement import shown_name
from mien.models.library.store import Store
from mien.models.runtime.session_cache import SessionCache
from mien.provenance.consent import COMPARISON, Consents
from mien.settings import Settings
from mien.swap.source.load import only_face
from mien.system.database import Database
from mien.system.printable import printable
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class Asking:
    """Wishes of the host: kinds of requests, whether agreed seconds are kept, a photo to compare with."""

    kinds: tuple[Kind, ...] = ()
    keep: bool = False
    photo: Path | None = None
    consent: str | None = None

    @property
    def measures(self) -> bool:
        """True when faces are measured at all."""
        return bool(self.kinds) or self.photo is not None


class Desk:
    """Side of the host: shows each request, takes what is typed, prints what was seen."""

    def __init__(self, requests: Requests, host: Host, console: Console, colours: Path | None) -> None:
        self._requests = requests
        self._host = host
        self._console = console
        self._colours = colours
        self._shown: Ask | None = None

    def see(self, frame: Frame, at_s: float) -> None:
        """Take one picture, `at_s` seconds after the first of the check."""
        self._tell(self._requests.see(frame, at_s))
        typed = self._host.typed()
        if typed is not None:
            self._take(typed.lower())
        self._show()

    @property
    def is_done(self) -> bool:
        """True when every request has its answer."""
        return self._requests.cue.phase == "done"

    def end(self, lost: str) -> None:
        """End the requests; what was under way is printed with all rows."""
        self._requests.end(lost)

    def _take(self, typed: str) -> None:
        if typed in {"d", "declined"}:
            self._tell(self._requests.decline())
        elif typed in {"q", "quit"}:
            self._tell(self._requests.end())
        elif not typed:
            self._requests.said()
        else:
            # A slip of the keyboard is no sign that it was read: the request is shown again.
            self._shown = None

    def _show(self) -> None:
        ask = self._requests.cue.ask
        if ask is not None and ask is not self._shown:
            self._console.print(f"\n[bold]{escape(script_of(ask))}[/]")
            hint = "hint-colours" if ask.kind == "colours" else "hint"
            self._console.print(f"[dim]{escape(phrase(hint, page=self._colours))}[/]")
        self._shown = ask

    def _tell(self, told: Told | None) -> None:
        if told is None:
            return
        row = row_of(told.answer)
        self._console.print(f"  {escape(row.subject)}: [bold]{row.seen}[/]  {escape(' '.join(row.sentences[1:-1]))}")


@contextmanager
def colours_page(asks: tuple[Ask, ...], console: Console) -> Iterator[Path | None]:
    """Yield the page of the colours, which is there for as long as the check runs; None when no colours are asked for."""
    ask = next((each for each in asks if each.kind == "colours"), None)
    if ask is None:
        yield None
        return
    with TemporaryDirectory(prefix="mien-colours-") as folder:
        path = Path(folder) / "colours.html"
        path.write_text(page_of(ask.colours), "utf-8")
        console.print(escape(phrase("colours-page", page=path)))
        yield path


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


def confirm_comparison(asking: Asking, host: Host) -> None:
    """Raise `UsageError` unless the person in the photo, if there is one, has agreed to be compared."""
    if asking.photo is not None and asking.consent != COMPARISON:
        question = phrase("reference-question", photo=printable(str(asking.photo)))
        remedy = f"when they have: --consent {COMPARISON}; else leave --reference out"
        host.must_confirm(question, "the person in the photo has not agreed to be compared", remedy)


def _comparison(asking: Asking, models: factory.Models, store: Store, data: Path) -> Comparison:
    assert asking.photo is not None
    try:
        photo, landmarks = only_face(read_photo(asking.photo, Settings()), models.inspection)
    except SeveralSourceFaces as error:
        raise SeveralSourceFaces(f"{asking.photo}: {error}", "cut one face out: the comparison is one to one") from error
    Consents(Database(data)).record_comparison(shown_name(asking.photo))
    return Comparison(factory.open_recogniser(store), photo, landmarks)

"""Requests and comparison of `mien check`: the host's side of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markup import escape

from mien.assembly.check_requests import Asking
from mien.check.requests.asks import Ask
from mien.check.requests.colours import page_of
from mien.check.requests.requests import Requests, Told
from mien.check.requests.rows import row_of, script_of
from mien.check.sentences import phrase
from mien.commands.check_host import Host
from mien.provenance.consent import COMPARISON
from mien.system.printable import printable
from mien.types import Frame


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


def confirm_comparison(asking: Asking, host: Host) -> None:
    """Raise `UsageError` unless the person in the photo, if there is one, has agreed to be compared."""
    if asking.photo is not None and asking.consent != COMPARISON:
        question = phrase("reference-question", photo=printable(str(asking.photo)))
        remedy = f"when they have: --consent {COMPARISON}; else leave --reference out"
        host.must_confirm(question, "the person in the photo has not agreed to be compared", remedy)

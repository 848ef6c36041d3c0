"""Run of `mien check`: open the source, look each second, print what is seen, write the notes."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from mien.check.notes import Subject, Tally, described, rows_of
from mien.check.rolling_mark import warm_up_search
from mien.check.sentences import phrase
from mien.check.watch import Watch
from mien.commands.tables import print_json
from mien.commands.verify_report import check_places, write_signed
from mien.contracts import FrameSource
from mien.errors import ProvenanceError, SourceLost, UsageError
from mien.media.address import masked
from mien.media.capture.camera import Camera
from mien.media.capture.devices import list_screens
from mien.media.capture.network import NetworkStream
from mien.media.capture.screen import ScreenRegion
from mien.media.files.moving import Kind, kind_of, open_moving
from mien.provenance.ledger import Ledger
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.page import standing_page, table_of
from mien.provenance.report.words import say
from mien.provenance.signing.detached import signature_path
from mien.provenance.signing.installation import open_signer
from mien.provenance.trust import SIGNER_FOLDER
from mien.settings import Settings
from mien.system.database import Database
from mien.system.printable import printable

_LAST_SEARCH_S = 10.0  # for a search that is under way when the check ends; one takes a second of an idle core


@dataclass(frozen=True, slots=True)
class Request:
    """Request of a check: the source as it was typed, a part of the screen, an end, files for the notes."""

    source: str
    region: tuple[int, int, int, int] | None
    seconds: float | None
    reports: tuple[Path, ...]
    as_json: bool
    data: Path


@dataclass(frozen=True, slots=True)
class Opened:
    """Source of a check that can be entered; `name` may be shown. `live` = a person is at the other end."""

    source: FrameSource
    name: str
    live: bool


def run_check(request: Request, told: Callable[[], bool]) -> int:
    """Run a check and return its exit code. `told` asks whether the other person knows of it. Raises a `MienError`."""
    opened = open_source(request.source, request.region)
    # Before a check of an hour, not after it.
    check_places(request.reports)
    if opened.live and not told():
        raise UsageError("the other person must be told of the check first", "tell them, then begin again")
    console = Console(highlight=False, soft_wrap=True, emoji=False, quiet=request.as_json)
    tally, lost = Tally(), ""
    began = datetime.now(UTC)
    if opened.live:
        # The kernel of the search is compiled at its first use, which takes seconds: before anybody waits for an answer.
        warm_up_search()
    with _searcher(opened.live) as searcher, opened.source as source:
        watch = Watch(_own(request.data), searcher=searcher)
        try:
            _look(watch, source, tally, request, console)
        except KeyboardInterrupt:
            # The usual end of a check: what was seen so far is the result.
            if not tally.looks:
                raise
        except SourceLost as error:
            if not tally.looks:
                raise
            lost = str(error)
        last = watch.last_look(_LAST_SEARCH_S)
        if last is not None:
            tally.add(last)
    if not tally.looks:
        raise SourceLost(f"no picture came from {printable(opened.name)}", "check the source, and begin again")
    subject = Subject(printable(opened.name), watch.size_wh, began, opened.live, lost)
    rows = rows_of(subject, tally)
    if request.as_json:
        print_json(described(subject, rows, tally))
    for row in rows:
        for number, sentence in enumerate(row.sentences):
            console.print(f"  {'' if number else row.subject:<8} {'' if number else row.seen:<12} {escape(sentence)}")
    _write(request, rows, described(subject, rows, tally))
    return 0


def open_source(text: str, region: tuple[int, int, int, int] | None) -> Opened:
    """Return the source that was named. Raises `UsageError`, or `MediaError` for a file that cannot be read."""
    kind, _, rest = text.partition(":")
    if kind == "screen":
        left, top, width, height = region or _whole_screen(rest or None)
        name = f"screen {rest}".strip() + f", {width} x {height} at ({left}, {top})"
        return Opened(ScreenRegion(left, top, width, height, display=rest or None), name, True)
    if region is not None:
        raise UsageError("--region is for the screen", "write: mien check screen --region X,Y,W,H")
    if "://" in text:
        return Opened(NetworkStream(text), masked(text), True)
    if kind == "camera" or text.isdigit() or text.startswith(("/dev/", "video=")):
        device = rest if kind == "camera" else text
        return Opened(Camera(f"/dev/video{device}" if device.isdigit() else device), f"camera {device}", True)
    path, limits = Path(text), Settings()
    if kind_of(path) is Kind.PICTURE:
        raise UsageError(f"{path} is a picture", "a picture is read by mien verify")
    source = open_moving(path, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes)
    return Opened(source, path.name, False)


def _whole_screen(display: str | None) -> tuple[int, int, int, int]:
    found = next(iter(list_screens(display=display)), None)
    if found is None or found.width is None or found.height is None:
        raise UsageError("the size of the screen is not known", "name a part of it: --region X,Y,W,H")
    return 0, 0, found.width, found.height


def _look(watch: Watch, source: FrameSource, tally: Tally, request: Request, console: Console) -> None:
    said = ""
    for look in watch.looks(source):
        tally.add(look)
        now = tally.now()
        if now != said:
            said = now
            console.print(f"[dim]{look.at_s:7.1f} s[/]  {escape(now)}")
        if request.seconds is not None and look.at_s >= request.seconds:
            return


@contextmanager
def _searcher(live: bool) -> Iterator[ThreadPoolExecutor | None]:
    """Yield a worker for searches of a live picture; files wait for theirs."""
    if not live:
        yield None
        return
    with ThreadPoolExecutor(1, thread_name_prefix="search for the mark") as pool:
        yield pool


def _own(data: Path) -> Callable[[int], bool]:
    """Return the test whether an id belongs to this installation; without a ledger none does."""
    database = Database(data)
    if not database.exists():
        return lambda mark_id: False
    ledger = Ledger(database)

    def is_own(mark_id: int) -> bool:
        try:
            return bool(ledger.with_mark(mark_id))
        except ProvenanceError:
            return False

    return is_own


def _write(request: Request, rows: tuple[ReportRow, ...], notes: dict[str, Any]) -> None:
    if not request.reports:
        return
    signer = open_signer(request.data / SIGNER_FOLDER)
    for path in request.reports:
        signed = say("signed", signer=signer.name, name=signature_path(path).name)
        if path.suffix.lower() == ".json":
            content = json.dumps({**notes, "signed": signed}, indent=1, ensure_ascii=False) + "\n"
        else:
            content = standing_page("Notes of a check", phrase("preface"), table_of(rows), (signed,))
        write_signed(path, content.encode("utf-8", "replace"), signer)

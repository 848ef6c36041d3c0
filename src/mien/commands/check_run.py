"""Run of `mien check`: open the source, look each second, stage the requests, print what is seen, write the notes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly.check_requests import Asking, drawn, open_requests
from mien.assembly.check_source import Opened, open_source
from mien.assembly.own_marks import own_marks
from mien.check.notes import Subject, Tally, described, rows_of
from mien.check.requests import rows as request_rows
from mien.check.requests.comparison import Comparison
from mien.check.requests.requests import Requests
from mien.check.rolling_mark import warm_up_search
from mien.check.sentences import phrase
from mien.check.watch import Watch
from mien.check.word_store import WordStore
from mien.commands.check_asking import Desk, colours_page, confirm_comparison
from mien.commands.check_ending import checklist_row, words_row
from mien.commands.check_host import Host
from mien.commands.check_notes import write_notes
from mien.commands.tables import print_json
from mien.commands.verify_report import check_places
from mien.contracts import FrameSource
from mien.errors import SourceLost, UsageError
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.words import CANNOT_TELL
from mien.provenance.signing.installation import open_signer
from mien.provenance.trust import SIGNER_FOLDER
from mien.system.printable import printable

_LAST_SEARCH_S = 10.0  # for a search that is under way when the check ends; one takes a second of an idle core
_LONG_FILE_S = 3600.0  # of a recording, over which `mien verify` is named, which samples: an hour takes minutes


@dataclass(frozen=True, slots=True)
class Request:
    """Request of a check: the source as it was typed, a part of the screen, an end, files for the notes, further parts.

    `words` is the name of whom words are shared with.
    """

    source: str
    region: tuple[int, int, int, int] | None
    seconds: float | None
    reports: tuple[Path, ...]
    as_json: bool
    data: Path
    told: bool = False
    asking: Asking = field(default_factory=Asking)
    words: str | None = None
    checklist: bool = False


@dataclass(slots=True)
class _Seen:
    """Findings of a check so far."""

    tally: Tally = field(default_factory=Tally)
    size_wh: tuple[int, int] = (0, 0)
    lost: str = ""


def run_check(request: Request, host: Host) -> int:
    """Run a check and return its exit code. Raises a `MienError`."""
    opened = open_source(request.source, request.region)
    # Before a check of an hour, not after it.
    check_places(request.reports, _inputs(request, opened))
    _check_parts(request, opened, host)
    if request.reports:
        open_signer(request.data / SIGNER_FOLDER)
    if opened.live and not request.told:
        told_first = "the other person must be told of the check first"
        host.must_confirm(phrase("told-question"), told_first, "tell them, then begin again, or add --told")
    confirm_comparison(request.asking, host)
    console = Console(
        highlight=False, soft_wrap=True, emoji=False, stderr=request.as_json, quiet=request.as_json and not request.asking.kinds
    )
    began = datetime.now(UTC)
    requests, comparison, seen = _watched(request, opened, host, console)
    if not seen.tally.looks:
        raise SourceLost(f"no picture came from {printable(opened.name)}", "check the source, and begin again")
    subject = Subject(printable(opened.name), seen.size_wh, began, opened.live, seen.lost)
    told = () if requests is None else requests.told
    host.forget_typed()
    # What a check cannot tell comes last.
    *first, limits = rows_of(subject, seen.tally)
    rows = (
        *first,
        *(request_rows.row_of(each.answer) for each in told),
        *([ReportRow("Requests", CANNOT_TELL, (phrase("requests-none"),))] if request.asking.kinds and not told else []),
        *([comparison.row()] if comparison is not None else []),
        *([words_row(request.words, request.data, host)] if request.words is not None else []),
        *([checklist_row(host)] if request.checklist else []),
        limits,
    )
    notes = {
        **described(subject, rows, seen.tally),
        "requests": [request_rows.described(each.answer) for each in told],
        "distance_to_photo": None if comparison is None else comparison.distance,
    }
    try:
        if request.as_json:
            print_json(notes)
        else:
            _print(rows, console)
    finally:
        # Ctrl-C ends what reads our output (`| tee`) first.
        write_notes(request.reports, request.data, rows, told, notes)
    return 0


def _inputs(request: Request, opened: Opened) -> list[Path]:
    """Return the files that are read, which no notes replace."""
    photo = request.asking.photo
    return [*([] if opened.live else [Path(request.source)]), *([] if photo is None else [photo])]


def _check_parts(request: Request, opened: Opened, host: Host) -> None:
    """Raise `UsageError` for parts that cannot be done."""
    asking = request.asking
    if asking.kinds and not opened.live:
        raise UsageError("a recording cannot be asked anything", "requests are for a call: a screen, a camera or a stream")
    if (asking.kinds or request.words is not None or request.checklist) and not host.is_there:
        raise UsageError("requests, words and the list need a host at a terminal", "run mien check in a terminal")
    if asking.keep and not any(path.suffix.lower() == ".html" for path in request.reports):
        raise UsageError("the seconds of the requests are kept in a page of notes", "add --report notes.html, or omit --keep")
    if request.words is not None or request.checklist:
        # An Enter too many in the call answers no question at its end.
        host.listen()
    if request.words is not None:
        WordStore(request.data).running(request.words)


def _watched(
    request: Request, opened: Opened, host: Host, console: Console
) -> tuple[Requests | None, Comparison | None, _Seen]:
    """Watch the source to its end, and return the requests, the comparison and what was seen."""
    seen, requests, comparison = _Seen(), None, None
    if opened.live:
        # The kernel of the search is compiled at its first use, which takes seconds: before anybody waits for an answer.
        warm_up_search()
    with ExitStack() as stack:
        desk = None
        if request.asking.measures:
            asks = drawn(request.asking)
            requests, comparison = open_requests(request.asking, asks, request.data)
            desk = Desk(requests, host, console, stack.enter_context(colours_page(asks, console)))
        searcher = stack.enter_context(_searcher(opened.live))
        source = stack.enter_context(opened.source)
        watch = Watch(own_marks(request.data), searcher=searcher)
        _tell_length(source, opened, console)
        try:
            _look(watch, source, seen.tally, desk, request, console)
        except KeyboardInterrupt:
            # The usual end of a check: what was seen so far is the result.
            if not seen.tally.looks:
                raise
        except SourceLost as error:
            if not seen.tally.looks:
                raise
            seen.lost = str(error)
        if desk is not None:
            desk.end(seen.lost)
        try:
            last = watch.last_look(_LAST_SEARCH_S)
        except KeyboardInterrupt:
            # Of a host who does not wait for the search.
            last = None
        if last is not None:
            seen.tally.add(last)
        seen.size_wh = watch.size_wh
    return requests, comparison, seen


def _tell_length(source: FrameSource, opened: Opened, console: Console) -> None:
    length_s = source.info.duration_s
    if not opened.live and length_s is not None and length_s > _LONG_FILE_S:
        console.print(escape(phrase("long-file", hours=f"{length_s / 3600:.1f}")))


def _look(
    watch: Watch, source: FrameSource, tally: Tally, desk: Desk | None, request: Request, console: Console
) -> None:  # fmt: skip
    said = ""
    first_s: float | None = None
    while (frame := source.read()) is not None:
        first_s = frame.time_s if first_s is None else first_s
        look = watch.see(frame)
        if look is not None:
            tally.add(look)
            now = tally.now()
            if now != said:
                said = now
                console.print(f"[dim]{look.at_s:7.1f} s[/]  {escape(now)}")
            if request.seconds is not None and look.at_s >= request.seconds:
                return
        # A picture of one's own is refused before anything of it is measured, however long the search takes.
        if desk is not None and (watch.is_searched or not request.asking.kinds):
            desk.see(frame, frame.time_s - first_s)
            if request.asking.kinds and desk.is_done:
                return
    rest = watch.rest()
    if rest is not None:
        tally.add(rest)


def _print(rows: tuple[ReportRow, ...], console: Console) -> None:
    for row in rows:
        for number, sentence in enumerate(row.sentences):
            console.print(f"  {'' if number else row.subject:<14} {'' if number else row.seen:<12} {escape(sentence)}")


@contextmanager
def _searcher(live: bool) -> Iterator[ThreadPoolExecutor | None]:
    """Yield a worker for searches of a live picture; files wait for theirs."""
    if not live:
        yield None
        return
    with ThreadPoolExecutor(1, thread_name_prefix="search for the mark") as pool:
        yield pool

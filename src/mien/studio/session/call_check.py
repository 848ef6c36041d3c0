"""Check of a call for the page of its host: one at a time, in a thread beside the live picture.

What leaves it are three words, the requests, and the seconds that were agreed to be kept: no score, and no picture of the call.
"""

import contextlib
import io
import logging
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mien.assembly.check_requests import Asking, drawn, open_requests
from mien.assembly.check_source import Opened, open_source, shown_windows
from mien.assembly.own_marks import own_marks
from mien.assembly.source_photos import read_photo
from mien.check.notes import Subject, Tally
from mien.check.requests.asks import USUAL
from mien.check.requests.comparison import Comparison
from mien.check.requests.requests import Requests
from mien.check.rolling_mark import warm_up_search
from mien.check.rolling_words import MINUTE_S
from mien.check.sentences import phrase
from mien.check.watch import Watch
from mien.check.word_store import WordStore
from mien.contracts import LiveSource
from mien.errors import MienError, SourceLost, UsageError
from mien.media.files.output_file import named_in_errors
from mien.provenance.consent import COMPARISON
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.page import film_of, sheet_of, standing_page, table_of
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, say
from mien.provenance.signing.detached import signature_of, signature_path
from mien.provenance.signing.signer import Signer
from mien.settings import Settings
from mien.studio.session.check_findings import answered, compared, rows_for_notes, seen_of
from mien.studio.session.check_requests import CallRequest, PairRequest, source_of
from mien.studio.session.gallery_face import GALLERY_LIMITS
from mien.studio.session.waiting_photo import LEFT_S, Photo, WaitingPhoto

Phase = Literal["none", "opening", "watching", "ended", "failed"]
_LAST_SEARCH_S = 10.0  # for a search that is under way at the end; one takes a second of an idle core
_STOP_S = 15.0  # the longest wait for the thread: it may be in that search
_NOTES = "notes.html"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """One check, written by its thread, read by requests."""

    name: str
    live: bool
    began_at: datetime
    phase: Phase = "opening"
    tally: Tally = field(default_factory=Tally)
    size_wh: tuple[int, int] = (0, 0)
    requests: Requests | None = None
    comparison: Comparison | None = None
    lost: str = ""
    error: MienError | None = None
    said: dict[str, bool | None] = field(default_factory=dict)
    pairs: list[ReportRow] = field(default_factory=list)

    @property
    def subject(self) -> Subject:
        """Subject of the notes."""
        return Subject(self.name, self.size_wh, self.began_at, self.live, self.lost)


class CallCheck:
    """The check of the moment, or the last one. Safe to use from several threads; `forbidden` in a studio that others use."""

    def __init__(
        self,
        data: Path,
        signer: Callable[[], Signer],
        *,
        forbidden: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data = data
        self._signer = signer
        self._forbidden = forbidden
        self._clock = clock
        self._asked_at_s = 0.0
        self._words = WordStore(data)
        self._lock = threading.RLock()
        self._run: _Run | None = None
        self._waiting = WaitingPhoto(clock)
        self._source: Opened | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def watch_file(self, path: Path, name: str) -> None:
        """Check a recording, which belongs to this object from here on. Raises a `MienError`, and leaves the file then."""
        self._refuse()
        with named_in_errors(path, name):
            opened = open_source(str(path), None)
        self._begin(Opened(opened.source, name, False), Asking(), path)

    def watch_call(self, wanted: CallRequest) -> None:
        """Check a live picture. Raises a `MienError`."""
        self._refuse()
        if not wanted.told:
            raise UsageError("the other person must be told of the check first", "tell them, then begin", key="check-told")
        asking = Asking(USUAL if wanted.asks else (), wanted.keeps)
        opened = open_source(source_of(wanted), wanted.region if wanted.kind == "screen" else None)
        self._begin(opened, asking, None)

    def windows(self) -> list[dict[str, str]]:
        """Return number and title of each window that is shown, where the system tells them; nothing in a shared studio."""
        shown = [] if self._forbidden else shown_windows()
        return [{"id": f"0x{each.id:x}", "title": each.title} for each in shown]

    def choose_photo(self, path: Path, name: str, *, agreed: bool) -> None:
        """Compare the next check with a photo, which belongs to this object from here on and goes with that check.

        `agreed` states that the person in it has agreed. Raises a `MienError`, and leaves the file then.
        """
        self._refuse()
        if not agreed:
            raise UsageError(
                "the person in the photo has not agreed to be compared",
                "ask them, and state it; else leave the photo out", key="check-photo-agreed",
            )  # fmt: skip
        with named_in_errors(path, name):
            read_photo(path, Settings())
        self._waiting.put(Photo(path, name[: GALLERY_LIMITS.name_letters] or "photo"))

    def drop_photo(self) -> None:
        """Compare the next check with no photo, and delete the one that waits for it."""
        self._waiting.put(None)

    def described(self) -> dict[str, Any]:
        """Return the check for the page: its phase, the words, the request of the moment, the answers.

        A live picture is watched, and a photo waits, only as long as pages ask for it.
        """
        self._waiting.asked()
        with self._lock:
            self._asked_at_s = self._clock()
            run, photo = self._run, self._waiting.name
            if run is None:
                return {"phase": "none", "answers": [], "error": None, "looks": 0, "said": {}, "photo": photo}
            told = () if run.requests is None else run.requests.told
            error = run.error
            return {
                "phase": run.phase, "source": run.name, "live": run.live, "looks": run.tally.looks, "lost": run.lost,
                "seconds": int(run.tally.last_s),
                **(seen_of(run.subject, run.tally) if run.tally.looks else {"mark": CANNOT_TELL, "badge": CANNOT_TELL}),
                "request": self._cue(run), "answers": [answered(each) for each in told],
                "said": run.said, "photo": photo,
                "compared": None if run.comparison is None else compared(run.comparison),
                "error": None if error is None else {
                    "error": str(error), "remedy": error.remedy, "code": error.code, "key": error.key, "values": error.values,
                },
            }  # fmt: skip

    def said(self) -> None:
        """Note that the host has read the request aloud."""
        with self._lock:
            if self._run is not None and self._run.requests is not None:
                self._run.requests.said()

    def decline(self) -> None:
        """Note that the person declined the request, which is no sign."""
        with self._lock:
            if self._run is not None and self._run.requests is not None:
                self._run.requests.decline()

    def end_requests(self) -> None:
        """Make no more requests; the picture is watched on."""
        with self._lock:
            if self._run is not None and self._run.requests is not None:
                self._run.requests.end()

    def note_list(self, answers: dict[str, bool | None]) -> None:
        """Note what the host says about the list of what helps."""
        with self._lock:
            self._checked_run().said = answers

    def pairs(self) -> list[dict[str, str]]:
        """Return the people with whom words are shared, and what the host says to each in this minute."""
        found = []
        for name in [] if self._forbidden else self._words.names():
            # Words that have stopped are not said any more.
            with contextlib.suppress(MienError):
                found.append(
                    {"name": name, "pair": self._words.running(name).secret.pair("asker", int(time.time() // MINUTE_S))}
                )
        return found

    def note_pair(self, wanted: PairRequest) -> str:
        """Compare the pair of words that somebody said, note it, and return the outcome. Raises a `MienError`."""
        self._refuse()
        if len(wanted.said.split()) != 2:
            raise UsageError("a pair has two words", "type both", key="check-pair")
        outcome, _, kept = self._words.check(wanted.name, "answerer", wanted.said, time.time())
        stopped = (phrase("words-stopped"),) if kept.stopped else ()
        row = ReportRow("Words", SEEN if outcome == "right" else NOT_SEEN,
                        (phrase(f"words-{outcome.replace(' ', '-')}"), *stopped))  # fmt: skip
        with self._lock:
            if self._run is not None:
                self._run.pairs.append(row)
        return "stopped" if kept.stopped else outcome

    def film(self, number: int) -> bytes:
        """Return the slow repeat of an answer as MP4. Raises `UsageError`."""
        with self._lock:
            told = () if self._run is None or self._run.requests is None else self._run.requests.told
            film = told[number].film if 0 <= number < len(told) else None
        if film is None:
            raise UsageError("nothing was kept of this request", "keep the seconds of the requests", key="check-film")
        return film

    def notes(self) -> bytes:
        """Return the notes and their signature as ZIP. Raises a `MienError`."""
        with self._lock:
            run = self._checked_run()
            told = () if run.requests is None else run.requests.told
            rows = rows_for_notes(run.subject, run.tally, told, run.pairs, run.said, run.comparison)
        films = [film_of(each.film, f"{each.answer.ask.kind}: {each.answer.seen}") for each in told if each.film is not None]
        signer = self._signer()
        body = f"<h1>{phrase('title')}</h1>{table_of(rows)}" + (sheet_of(phrase("repeat"), films) if films else "")
        signature_name = signature_path(Path(_NOTES)).name
        ends = phrase("kept" if films else "kept-none"), say("signed", signer=signer.name, name=signature_name)
        content = standing_page(phrase("title"), phrase("preface"), body, ends).encode("utf-8", "replace")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_NOTES, content)
            archive.writestr(signature_name, signature_of(content, _NOTES, signer, datetime.now(UTC)))
        return packed.getvalue()

    def stop(self) -> None:
        """End the check; what was seen stays until the next one."""
        self._stopping.set()
        source, thread = self._source, self._thread
        if source is not None and isinstance(source.source, LiveSource):
            source.source.stop()
        if thread is not None:
            thread.join(_STOP_S)

    def close(self) -> None:
        """End the check for good, and delete the photo that waits for another one."""
        self.drop_photo()
        self.stop()

    def _refuse(self) -> None:
        if self._forbidden:
            raise UsageError(
                "the check is for the host alone", "use it in a studio that is not shared, or mien check", key="check-shared"
            )

    def _checked_run(self) -> _Run:
        if self._run is None or not self._run.tally.looks:
            raise UsageError("nothing has been looked at yet", "begin a check", key="check-none")
        return self._run

    def _begin(self, opened: Opened, asking: Asking, file: Path | None) -> None:
        self.stop()
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise UsageError("the check before has not ended", "try again in some seconds", key="check-busy")
            self._stopping.clear()
            self._asked_at_s = self._clock()
            photo = self._waiting.take()
            if photo is not None:
                asking = replace(asking, photo=photo.path, photo_name=photo.name, consent=COMPARISON)
            run = self._run = _Run(opened.name, opened.live, datetime.now(UTC))
            self._source = opened
            self._thread = threading.Thread(target=self._work, args=(run, opened, asking, file), name="mien-check", daemon=True)
            self._thread.start()

    def _work(self, run: _Run, opened: Opened, asking: Asking, file: Path | None) -> None:
        try:
            with nullcontext() if file is None else named_in_errors(file, run.name):
                self._watch(run, opened, asking)
            if not run.tally.looks:
                raise SourceLost(f"no picture came from {run.name}", "check the source, and begin again")
            run.phase = "ended"
        except MienError as error:
            if isinstance(error, UsageError):
                # A picture of this installation: nothing that was seen of it is told.
                run.tally, run.requests, run.comparison = Tally(), None, None
            run.error, run.phase = error, "failed"
        except Exception as error:  # noqa: BLE001 - thread border: a check that fails has to say so
            _log.warning("the check of %s failed: %r", run.name, error)
            run.error, run.phase = MienError("the check failed", "try again; the terminal of mien says more"), "failed"
        finally:
            for each in (file, asking.photo):
                if each is not None:
                    each.unlink(missing_ok=True)

    def _watch(self, run: _Run, opened: Opened, asking: Asking) -> None:
        with ExitStack() as stack:
            searcher = stack.enter_context(_searcher(opened.live))
            requests, run.comparison = self._opened(asking)
            source = stack.enter_context(opened.source)
            watch = Watch(own_marks(self._data), searcher=searcher)
            run.requests, run.phase = requests, "watching"
            first_s: float | None = None
            try:
                while not self._is_over(run) and (frame := source.read()) is not None:
                    first_s = frame.time_s if first_s is None else first_s
                    look = watch.see(frame)
                    with self._lock:
                        run.size_wh = watch.size_wh
                        if look is not None:
                            run.tally.add(look)
                    # A picture of one's own is refused before anything of it is measured.
                    if requests is not None and watch.is_searched:
                        with self._lock:
                            requests.see(frame, frame.time_s - first_s)
            except SourceLost as error:
                if not run.tally.looks:
                    raise
                run.lost = str(error)
            for last in (watch.rest(), watch.last_look(_LAST_SEARCH_S)):
                if last is not None:
                    with self._lock:
                        run.tally.add(last)
            if requests is not None:
                with self._lock:
                    requests.end(run.lost)

    def _opened(self, asking: Asking) -> tuple[Requests | None, Comparison | None]:
        """Open the requests and the comparison; of a photo, nothing is left but its descriptor in memory."""
        if asking.photo is None:
            return open_requests(asking, drawn(asking), self._data) if asking.measures else (None, None)
        try:
            with named_in_errors(asking.photo, asking.photo_name):
                return open_requests(asking, drawn(asking), self._data)
        finally:
            asking.photo.unlink(missing_ok=True)

    def _is_over(self, run: _Run) -> bool:
        is_left = run.live and self._clock() - self._asked_at_s >= LEFT_S
        return is_left or self._stopping.is_set()

    def _cue(self, run: _Run) -> dict[str, Any] | None:
        if run.requests is None or run.phase != "watching":
            return None
        cue = run.requests.cue
        ask = cue.ask
        return {
            "phase": cue.phase, "kind": "" if ask is None else ask.kind, "side": "" if ask is None else ask.side,
            "count": 0 if ask is None else ask.count,
        }  # fmt: skip


@contextmanager
def _searcher(live: bool) -> Iterator[ThreadPoolExecutor | None]:
    """Yield a worker for searches of a live picture; files wait for theirs."""
    if not live:
        yield None
        return
    # Compiled before the first picture, which would wait for it.
    warm_up_search()
    with ThreadPoolExecutor(1, thread_name_prefix="mien-check-search") as pool:
        yield pool

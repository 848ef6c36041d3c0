"""`mien check` with a host at the terminal: requests, a photo, words, the list, and what is refused."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from mien.assembly.check_requests import Asking
from mien.assembly.check_source import Opened, open_source
from mien.check.requests.asks import Ask
from mien.check.requests.gauge import Gauge
from mien.check.requests.requests import Requests
from mien.check.requests.sighting import Sighting
from mien.check.rolling_words import Secret
from mien.check.word_store import WordStore
from mien.commands import check_run
from mien.commands.check_asking import Desk
from mien.commands.check_ending import words_row
from mien.commands.check_host import Host
from mien.commands.check_run import Request, run_check
from mien.commands.main import main
from mien.errors import SeveralSourceFaces, UsageError
from mien.provenance.consent import Consents
from mien.provenance.ledger import Ledger, Output
from mien.system.database import Database
from mien.testing import SyntheticCamera
from mien.types import Frame, Image, Landmarks
from tests.support.calls import bump, sighting
from tests.support.marked import ID, clip_frames, marked, resized
from tests.support.portraits import COLLINS, portrait
from tests.support.xserver import x_display

_PAUSE = 44  # pictures, of which settling and the delay take 32
HAND, UP = Ask("hand", "left", 1.0), Ask("up", "", 1.0)


class ScriptedGauge(Gauge):
    """A gauge that sees a hand from 8 to 10 s, whatever the picture shows."""

    def __init__(self) -> None:
        pass

    @property
    def landmarks(self) -> Landmarks | None:
        return None

    def measure(self, frame: Frame, at_s: float) -> Sighting:
        return sighting(at_s, middle=bump(at_s, 8, 10, 0.3), middle_xy=(80.0, 45.0), eyes_px=30.0)


@contextmanager
def host(*lines: str) -> Iterator[Host]:
    """A host who has typed these lines already, and then leaves."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    os.close(writing)
    try:
        yield Host(reading, io.StringIO())
    finally:
        os.close(reading)


class Typing(Host):
    """A host who types each of the first lines two seconds into a request, and answers questions with the rest."""

    def __init__(self, *lines: str, answers: tuple[str, ...] = ()) -> None:
        super().__init__(None, io.StringIO())
        self._script = [each for line in lines for each in (*([None] * _PAUSE), line)]
        self._answers = list(answers)
        self.questions: list[str] = []

    @property
    def is_there(self) -> bool:
        return True

    def typed(self) -> str | None:
        return self._script.pop(0) if self._script else None

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return self._answers.pop(0) if self._answers else ""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a source of plain pictures, and the requests of its check, which are measured as the scripted gauge sees them."""

    def make(*asks: Ask, images: tuple[Image, ...] = (), frames: int = 240, lost_at: int | None = None) -> None:
        shown = images or (np.full((90, 160, 3), 90, np.uint8),)
        camera = SyntheticCamera(rate=Fraction(8), frames=frames, images=shown, lost_at=lost_at)
        monkeypatch.setattr(check_run, "open_source", lambda *_: Opened(camera, "camera 0", True))
        monkeypatch.setattr(check_run, "drawn", lambda _: asks)
        # Searches beside the pictures would end at another picture each time.
        monkeypatch.setattr(check_run, "_searcher", lambda live: nullcontext())
        monkeypatch.setattr(
            check_run, "open_requests",
            lambda asking, asks, data: (Requests(asks, ScriptedGauge(), keep=asking.keep), None),
        )  # fmt: skip

    return make


def asked(data: Path, *reports: Path, keep: bool = False, **more: object) -> Request:
    asking = Asking(("hand",), keep)
    return Request("camera:0", None, None, reports, False, data, told=True, asking=asking, **more)  # type: ignore[arg-type]


def test_a_whole_check_is_noted_signed_and_slow(
    call: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(HAND)
    html, data = tmp_path / "notes.html", tmp_path / "notes.json"
    secret = Secret.new()
    WordStore(tmp_path / "data").keep("Anna", secret)
    who = Typing("", answers=("wrong pair", "y", "n", "", "y"))
    assert run_check(asked(tmp_path / "data", html, data, keep=True, words="Anna", checklist=True), who) == 0
    assert any(secret.pair("asker", int(time.time() // 60) - ago) in who.questions[0] for ago in (0, 1))
    said = capsys.readouterr().out
    assert "Please move your left hand slowly" in said
    assert "The pair of words was wrong" in said
    notes = json.loads(data.read_text())
    assert [(each["request"], each["seen"]) for each in notes["requests"]] == [("hand", "seen")]
    assert {row["subject"]: row["seen"] for row in notes["rows"]}["Words"] == "not seen"
    (listed,) = [row["sentences"] for row in notes["rows"] if row["subject"] == "List"]
    assert [sentence.rsplit("host", 1)[1].strip(": .") for sentence in listed[:4]] == ["yes", "no", "gave no answer", "yes"]
    page = html.read_text()
    assert page.count("<video") == 1
    assert "had agreed to it" in page
    assert main(["verify", str(html), "--json", "--data", str(tmp_path / "data")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["signature"]["state"] == "trusted"


def test_an_interrupted_end_loses_nothing_of_the_check(call: Callable[..., None], tmp_path: Path) -> None:
    class Leaving(Typing):
        """A host who answers a yes to the question for words, which is no pair, and then presses Ctrl-C."""

        def ask(self, question: str) -> str:
            if len(self.questions) == 1:
                self.questions.append(question)
                raise KeyboardInterrupt
            return super().ask(question)

    call(HAND)
    report, store = tmp_path / "notes.json", WordStore(tmp_path / "data")
    store.keep("Anna", Secret.new())
    who = Leaving("", answers=("y",))
    assert run_check(asked(tmp_path / "data", report, words="Anna", checklist=True), who) == 0
    notes = json.loads(report.read_text())
    assert notes["requests"][0]["seen"] == "seen"
    (words,) = [row for row in notes["rows"] if row["subject"] == "Words"]
    assert (words["seen"], words["sentences"]) == ("cannot tell", ["No pair of words was typed."])
    assert len(who.questions) == 6
    assert store.open("Anna").wrong == 0


def test_words_that_another_check_has_stopped_leave_whole_notes(tmp_path: Path) -> None:
    store = WordStore(tmp_path)
    store.keep("Anna", Secret.new())
    for _ in range(3):
        store.check("Anna", "answerer", "bada bada", time.time())
    row = words_row("Anna", tmp_path, Typing(answers=("bada bada",)))
    assert row.seen == "cannot tell"
    assert "have stopped" in row.sentences[0]


def test_without_consent_the_page_holds_no_picture(call: Callable[..., None], tmp_path: Path) -> None:
    call(HAND)
    with host() as who:
        assert run_check(asked(tmp_path, tmp_path / "notes.html"), who) == 0
    page = (tmp_path / "notes.html").read_text()
    assert "<video" not in page
    assert "<img" not in page
    assert "No picture was kept" in page


def test_a_declined_request_and_an_end_are_typed(call: Callable[..., None], tmp_path: Path) -> None:
    call(HAND, UP)
    report = tmp_path / "notes.json"
    assert run_check(asked(tmp_path, report), Typing("d", "q")) == 0
    requests = json.loads(report.read_text())["requests"]
    assert [(each["request"], each["reason"]) for each in requests] == [("hand", "declined"), ("up", "ended")]


def test_a_slip_of_the_keyboard_is_not_taken_for_reading_aloud() -> None:
    shown = io.StringIO()
    requests = Requests((HAND, UP), ScriptedGauge())
    desk = Desk(requests, Typing("dd"), Console(file=shown, width=200), None)
    camera = SyntheticCamera(16, 9, rate=Fraction(8), frames=120)
    with camera:
        while (frame := camera.read()) is not None and not requests.told:
            desk.see(frame, frame.time_s)
    assert shown.getvalue().count("Please move your left hand") == 2
    (told,) = requests.told
    assert told.answer.said_s is None


def test_an_end_before_the_first_request_is_heard() -> None:
    requests = Requests((HAND,), ScriptedGauge())
    with host("q") as who:
        desk = Desk(requests, who, Console(file=io.StringIO()), None)
        who.listen()
        with SyntheticCamera(16, 9, rate=Fraction(8), frames=1) as camera:
            frame = camera.read()
            assert frame is not None
            while who.is_there:
                desk.see(frame, 0.0)
    assert desk.is_done
    assert requests.told == ()


def test_a_source_that_is_lost_in_a_request_leaves_whole_notes(call: Callable[..., None], tmp_path: Path) -> None:
    call(HAND, lost_at=62)
    report = tmp_path / "notes.json"
    with host() as who:
        assert run_check(asked(tmp_path, report), who) == 0
    notes = json.loads(report.read_text())
    assert notes["requests"][0]["reason"] == "lost"
    assert "ended early" in json.dumps(notes["rows"])


def test_ones_own_picture_is_refused_before_anything_is_asked(
    call: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(HAND, images=tuple(resized(marked(frame), 640, 360) for frame in clip_frames(0, 12)), frames=60)
    Ledger(Database(tmp_path)).record(Output(ID, "live", "a live session", datetime(2026, 1, 1, tzinfo=UTC)), ())
    with host() as who, pytest.raises(UsageError, match="no mirror"):
        run_check(asked(tmp_path, tmp_path / "notes.json"), who)
    assert "Please" not in capsys.readouterr().out
    assert not (tmp_path / "notes.json").exists()


@pytest.mark.parametrize(("arguments", "said"), [
    (["call.mkv", "--requests"], "recording cannot be asked"),
    (["camera:0", "--told", "--requests"], "need a host"),
    (["camera:0", "--told", "--words", "Anna"], "need a host"),
    (["camera:0", "--told", "--checklist"], "need a host"),
    (["camera:0", "--ask", "nod"], "unknown requests"),
    (["camera:0", "--keep"], "for requests"),
    (["camera:0", "--consent", "comparison"], "for a photo"),
])  # fmt: skip
def test_wrong_requests_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_clip: Path, arguments: list[str], said: str
) -> None:
    arguments = [str(small_clip) if each == "call.mkv" else each for each in arguments]
    assert main(["check", *arguments, "--data", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_seconds_are_kept_in_a_page_alone(call: Callable[..., None], tmp_path: Path) -> None:
    call(HAND)
    with host() as who, pytest.raises(UsageError, match="page of notes"):
        run_check(asked(tmp_path, tmp_path / "notes.json", keep=True), who)


def test_a_host_who_says_no_begins_nothing(call: Callable[..., None], tmp_path: Path) -> None:
    call(HAND)
    request = Request("camera:0", None, None, (), False, tmp_path, asking=Asking(("hand",)))
    for line in ("n", ""):
        with host(line) as who, pytest.raises(UsageError, match="must be told"):
            run_check(request, who)


def test_a_photo_is_compared_one_to_one_with_a_consent_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, data, two = resized(portrait(COLLINS).image, 400, 500), tmp_path / "data", tmp_path / "two.png"
    cv2.imwrite(str(two), np.hstack([image, image[:, ::-1]]))

    def checked(photo: Path, *more: str) -> int:
        camera = SyntheticCamera(rate=Fraction(1), images=[image], frames=5)
        monkeypatch.setattr(check_run, "open_source", lambda *_: Opened(camera, "call.mkv", False))
        return main(["check", "call.mkv", "--reference", str(photo), "--data", str(data), *more])

    assert checked(COLLINS) == 2
    assert "has not agreed" in capsys.readouterr().err
    assert checked(COLLINS, "--consent", "comparison", "--json") == 0
    notes = json.loads(capsys.readouterr().out)
    assert notes["distance_to_photo"] < 0.5
    (row,) = [each for each in notes["rows"] if each["subject"] == "Photo"]
    assert row["seen"] == "seen"
    assert any("A swap made from this photo" in sentence for sentence in row["sentences"])
    assert checked(two, "--consent", "comparison") == SeveralSourceFaces.exit_code
    assert "cut one face out" in capsys.readouterr().err
    (consent,) = Consents(Database(data)).all()
    assert (consent.statement, consent.photo, consent.fingerprint) == ("comparison", COLLINS.name, 0)


def test_hours_of_a_recording_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = SyntheticCamera(160, 90, frames=3)
    camera.info = replace(camera.info, duration_s=4 * 3600.0)
    monkeypatch.setattr(check_run, "open_source", lambda *_: Opened(camera, "call.mkv", False))
    with host() as who:
        assert run_check(Request("call.mkv", None, None, (), False, tmp_path), who) == 0
    assert "4.0 hours" in capsys.readouterr().out


def test_lines_are_read_beside_the_pictures() -> None:
    with host("y", "later") as who:
        who.must_confirm("ready?", "not ready", "say so")
        assert who.ask("more? ") == "later"
        assert who.ask("and? ") == ""
        assert not who.is_there
        assert who.typed() is None
    nobody = Host(None, io.StringIO())
    assert nobody.typed() is None
    with pytest.raises(UsageError, match="not ready"):
        nobody.must_confirm("ready?", "not ready", "say so")


def test_lines_of_the_call_answer_no_question_at_its_end() -> None:
    with host("", "y") as who:
        who.listen()
        while who.is_there:
            who.forget_typed()
        assert who.ask("done? ") == ""
    silent = Host(None, io.StringIO())
    silent.listen()
    silent.forget_typed()


def test_ctrl_c_answers_no_more_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    with host("y") as who:
        monkeypatch.setattr(who, "ask", interrupted)
        assert who.ask_at_end("done? ") == ""
        assert not who.is_there


def test_a_screen_is_looked_at_and_a_part_outside_of_it_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with x_display(400, 300) as display:
        screen = ["check", f"screen:{display}", "--told", "--data", str(tmp_path)]
        assert main([*screen, "--seconds", "1", "--json"]) == 0
        assert "400 x 300" in json.loads(capsys.readouterr().out)["source"]
        assert main([*screen, "--region", "300,20,200,100"]) == 4
        assert "is not all on the screen" in capsys.readouterr().err
        monkeypatch.setenv("DISPLAY", display)
        part = open_source("screen:20,30,200,100", None)
        with part.source as source:
            frame = source.read()
        assert frame is not None
        assert (part.name, frame.image.shape) == ("screen, 200 x 100 at (20, 30)", (100, 200, 3))

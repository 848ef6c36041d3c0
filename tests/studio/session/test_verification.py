"""The studio's verifier: each file in a process of its own, few at once, for a bounded time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mien.errors import MediaError, UnreadableMedia
from mien.media.files.picture_read import read_picture
from mien.provenance.fingerprint import fingerprint
from mien.provenance.ledger import Output
from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from mien.studio.session.verification import MAX_RUNNING, Verification, VerifierBusy
from tests.support.portraits import HOPPER


def test_the_report_speaks_of_the_file_by_the_name_that_was_given(tmp_path: Path) -> None:
    upload = tmp_path / "0123456789abcdef.mp4"
    upload.write_text("not a video")
    report = Verification(tmp_path, Settings).examine(upload, 'a "strange" näme.mp4')
    assert report["file"] == 'a "strange" näme.mp4'
    assert report["mark"]["state"] == report["fingerprint"]["state"] == "unreadable"
    assert 'a "strange" näme.mp4' in report["mark"]["words"]
    assert str(tmp_path) not in str(report)


def test_what_cannot_be_opened_is_an_error_with_that_name(tmp_path: Path) -> None:
    upload = tmp_path / "0123456789abcdef.jpg"
    upload.touch()
    with pytest.raises(MediaError, match=r"photo\.jpg is empty") as raised:
        Verification(tmp_path, Settings).examine(upload, "photo.jpg")
    assert raised.value.remedy


def test_a_shared_studio_does_not_tell_what_was_made_here(tmp_path: Path) -> None:
    ledger = open_trust(tmp_path, Signing()).ledger
    image = read_picture(HOPPER, max_pixels=10**8, max_bytes=10**8).frame.image
    ledger.record(Output(1, "picture", "earlier.png", datetime.now(UTC), ""), [fingerprint(image)])
    own = Verification(tmp_path, Settings).examine(HOPPER, "photo.jpg")
    assert "earlier.png" in own["fingerprint"]["words"]
    shared = Verification(tmp_path, Settings, with_ledger=False).examine(HOPPER, "photo.jpg")
    assert "earlier.png" not in str(shared)
    assert shared["fingerprint"]["state"] == "no-ledger"


def test_the_studios_limits_hold(tmp_path: Path) -> None:
    report = Verification(tmp_path, lambda: Settings(max_pixels=5000)).examine(HOPPER, "photo.jpg")
    assert report["mark"]["state"] == "unreadable"


def test_a_file_that_takes_too_long_is_abandoned(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="within 0 seconds"):
        Verification(tmp_path, Settings, timeout_s=0.05).examine(HOPPER, "photo.jpg")


def test_one_file_too_many_is_refused_and_can_come_again(tmp_path: Path) -> None:
    verification = Verification(tmp_path, Settings)
    pause = threading.Event()
    with ThreadPoolExecutor(MAX_RUNNING) as threads:
        others = [threads.submit(verification.examine, HOPPER, "photo.jpg") for _ in range(MAX_RUNNING)]
        while verification.count < MAX_RUNNING and not any(other.done() for other in others):
            pause.wait(0.001)
        with pytest.raises(VerifierBusy):
            verification.examine(HOPPER, "photo.jpg")
        assert [other.result()["credentials"]["state"] for other in others] == ["none"] * MAX_RUNNING
    assert verification.examine(HOPPER, "photo.jpg")["credentials"]["state"] == "none"


def test_closing_ends_what_runs_and_refuses_the_rest(tmp_path: Path) -> None:
    verification = Verification(tmp_path, Settings)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(verification.examine, HOPPER, "photo.jpg")
        while not verification.count:
            threading.Event().wait(0.01)
        verification.close()
        with pytest.raises(UnreadableMedia, match="crashed"):
            running.result()
    with pytest.raises(VerifierBusy):
        verification.examine(HOPPER, "photo.jpg")

"""Recordings are signed when they end, and at the next start when they were cut off."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mien.errors import OutputError
from mien.media.files.receipt import receipt_path
from mien.provenance.consent import Consents
from mien.provenance.credentials.read import read_credentials
from mien.provenance.ledger import Ledger
from mien.provenance.signing.installation import known_root
from mien.provenance.trust import SIGNER_FOLDER, Signing, open_trust, open_verifier
from mien.settings import Settings
from mien.studio.session.requests import input_of_text
from mien.system.database import Database
from tests.support.deadline import DEADLINE_S
from tests.support.portraits import COLLINS
from tests.support.running_studio import Studio, running_studio

pytestmark = pytest.mark.slow


def record(studio: Studio, container: str, frames: int = 40) -> str:
    output_id = str(studio.client.post("/api/outputs", json={"kind": "recording", "container": container}).json()["id"])
    studio.wait(lambda state: any(row["frames"] > frames for row in state["outputs"]), "frames in the recording")
    return output_id


def anchors(data: Path) -> list[bytes]:
    root = known_root(data / SIGNER_FOLDER)
    assert root is not None
    return [root]


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_recording_is_signed_when_it_ends(tmp_path: Path, small_clip: Path, container: str) -> None:
    with running_studio(tmp_path) as studio:
        studio.wear(COLLINS)
        studio.session.inputs.set_input(input_of_text(str(small_clip)), trusted=True)
        output_id = record(studio, container)
        studio.client.delete(f"/api/outputs/{output_id}")
        state = studio.wait(lambda state: state["outputs"][0]["seal"] == "signed", "the signature")
        assert state["outputs"][0]["result"] is True
        assert state["outputs"][0]["receipt"] is (container == "mkv")
        assert studio.client.get(f"/api/outputs/{output_id}/receipt").status_code == (200 if container == "mkv" else 422)
        mark_id = studio.session.loop.mark_id
        # On a starved machine the encoder may have hung, and the recording gone on in a new file.
        file = studio.recordings / next(row["target"] for row in state["outputs"] if row["id"] == output_id)
    found = read_credentials(file, anchors=anchors(studio.data))
    assert (found.state, found.mark_id, found.consents[0].basis, found.label) == ("trusted", mark_id, "public-domain", "shown")
    assert receipt_path(file).exists() is (container == "mkv")
    report = open_verifier(studio.data, [], Settings()).examine(file)
    assert (report.mark.state, report.fingerprint.state) == ("found", "alike")
    assert Ledger(Database(studio.data)).cut_off() == []


def test_a_revoked_consent_takes_the_face_off(tmp_path: Path, small_clip: Path) -> None:
    with running_studio(tmp_path) as studio:
        studio.wear(COLLINS)
        studio.session.inputs.set_input(input_of_text(str(small_clip)), trusted=True)
        record(studio, "mp4", frames=10)
        consents = Consents(Database(studio.data))
        consents.revoke(consents.all()[0].id)
        studio.wait(lambda state: state["face"] is None, "the face is off")


def test_the_end_of_the_studio_ends_and_signs_a_recording(tmp_path: Path, small_clip: Path) -> None:
    with running_studio(tmp_path) as studio:
        studio.wear(COLLINS)
        studio.session.inputs.set_input(input_of_text(str(small_clip)), trusted=True)
        record(studio, "mp4")
    (file,) = studio.recordings.glob("*.mp4")
    assert read_credentials(file, anchors=anchors(studio.data)).state == "trusted"


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_recording_that_was_cut_off_is_signed_at_the_next_start(tmp_path: Path, small_clip: Path, container: str) -> None:
    recordings, data = tmp_path / "rec", tmp_path / "data"
    wanted = ["--photo", str(COLLINS), "--consent", "public-domain", "--input", str(small_clip), "--output", container]
    places = ["--recordings", str(recordings), "--data", str(data), "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mien.commands.main", "live", *wanted, *places],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + DEADLINE_S
        while sum(path.stat().st_size for path in recordings.glob("*")) < 100_000:
            assert time.monotonic() < deadline, "nothing is recorded"
            assert process.poll() is None
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    (file,) = recordings.glob(f"*.{container}")
    assert read_credentials(file).state == "none"
    assert [path for path, _ in Ledger(Database(data)).cut_off()] == [file]
    other = tmp_path / "other"
    other.mkdir()
    with running_studio(other, data=data) as studio:
        state = studio.wait(lambda state: [row["seal"] for row in state["outputs"]] == ["signed"], "the signature")
        assert state["outputs"][0]["recovered"] is True
    found = read_credentials(file, anchors=anchors(data))
    assert (found.state, [each.basis for each in found.consents]) == ("trusted", ["public-domain"])
    assert Ledger(Database(data)).cut_off() == []
    assert open_verifier(data, [], Settings()).examine(file).mark.state == "found"


def test_of_two_studios_that_start_together_one_signs_what_was_cut_off(tmp_path: Path) -> None:
    ledger, other = (open_trust(tmp_path / "data", Signing()).ledger for _ in range(2))
    ledger.begin_recording(tmp_path / "cut.mp4", "{}")
    with Database(tmp_path / "data").opened() as connection:
        connection.execute("UPDATE recordings SET process_began = 0")
    assert ledger.cut_off() == other.cut_off() != []
    assert ledger.adopt(tmp_path / "cut.mp4")
    assert not other.adopt(tmp_path / "cut.mp4")
    assert other.cut_off() == []


def test_two_studios_do_not_record_to_one_path(tmp_path: Path) -> None:
    ledger = open_trust(tmp_path / "data", Signing()).ledger
    place, parent = tmp_path / "same.mp4", psutil.Process(os.getppid())
    ledger.begin_recording(place, "theirs")
    with Database(tmp_path / "data").opened() as connection:
        connection.execute("UPDATE recordings SET process = ?, process_began = ?", (parent.pid, parent.create_time()))
    with pytest.raises(OutputError, match="another studio"):
        ledger.begin_recording(place, "ours")
    with Database(tmp_path / "data").opened() as connection:
        assert connection.execute("SELECT claim FROM recordings").fetchall() == [("theirs",)]
        connection.execute("UPDATE recordings SET process_began = 0")
    ledger.begin_recording(place, "ours")
    assert ledger.cut_off() == []


def test_a_recording_that_vanished_is_forgotten(tmp_path: Path) -> None:
    ledger = open_trust(tmp_path / "data", Signing()).ledger
    ledger.begin_recording(tmp_path / "gone.mp4", "{}")
    assert ledger.cut_off() == [], "this process still writes it"
    with Database(tmp_path / "data").opened() as connection:
        connection.execute("UPDATE recordings SET process_began = 0")
    assert [path for path, _ in ledger.cut_off()] == [tmp_path / "gone.mp4"]
    with running_studio(tmp_path, data=tmp_path / "data") as studio:
        assert studio.state()["outputs"] == []
    assert ledger.cut_off() == []

"""A recording whose sink hung goes on in a new file, and what exists is signed and offered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from mien.live.loop import LiveLoop
from mien.live.outlet import MakeSink, OutletStatus
from mien.live.status import Status
from mien.settings import Settings
from mien.studio.session import outputs as module
from mien.studio.session.outputs import Outputs
from mien.studio.session.recordings import Recordings
from mien.studio.session.requests import RecordingRequest


class FakeLoop:
    """Keeps what opens each sink, and says of all that they are in `state`."""

    def __init__(self) -> None:
        self.makers: dict[str, MakeSink] = {}
        self.status = OutletStatus("live", frames=40, seconds=2.0)

    def add_sink(self, name: str, make: MakeSink, *, reopens: bool) -> None:
        self.makers[name] = make

    def remove_sink(self, name: str) -> OutletStatus | None:
        return self.status if self.makers.pop(name, None) else None

    def sink_statuses(self) -> dict[str, OutletStatus]:
        return dict.fromkeys(self.makers, self.status)


class FakeRecordings:
    """Notes which recordings begin and end."""

    def __init__(self) -> None:
        self.begun, self.finished = list[Path](), list[Path]()

    def begin(self, path: Path) -> None:
        self.begun.append(path)

    def finish(self, path: Path) -> None:
        self.finished.append(path)

    def status(self, path: Path) -> Status[str] | None:
        return Status("signed") if path in self.finished else None


class FakeRecorder:
    """Refuses a file that exists, as the real one does."""

    def __init__(self, path: Path, *given: Any, **named: Any) -> None:
        assert not path.exists()
        path.write_bytes(b"frames")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Outputs, FakeLoop, FakeRecordings]:
    monkeypatch.setattr(module, "Recorder", FakeRecorder)
    loop, recordings = FakeLoop(), FakeRecordings()
    settings: Callable[[], Settings] = Settings
    outputs = Outputs(
        cast(LiveLoop, loop), cast(Recordings, recordings), tmp_path, settings, lambda: False, shared=False
    )  # fmt: skip
    return outputs, loop, recordings


def test_a_recording_that_hung_goes_on_in_a_new_file(made: tuple[Outputs, FakeLoop, FakeRecordings]) -> None:
    outputs, loop, recordings = made
    output_id = outputs.add(RecordingRequest())
    loop.makers[output_id](320, 180)
    loop.makers[output_id](320, 180)
    first, second = recordings.begun
    assert first != second
    assert recordings.finished == [first]
    running, part = outputs.described()
    assert (running["target"], running["state"], running["result"]) == (second.name, "live", False)
    assert (part["target"], part["state"], part["result"]) == (first.name, "failed", True)
    assert second.name in part["remedy"]
    outputs.remove(output_id)
    assert recordings.finished == [first, second]


def test_a_recording_that_failed_offers_what_exists(made: tuple[Outputs, FakeLoop, FakeRecordings]) -> None:
    outputs, loop, recordings = made
    output_id = outputs.add(RecordingRequest())
    loop.makers[output_id](320, 180)
    loop.status = OutletStatus("failed", "the disk is full", "free some space")
    (row,) = outputs.described()
    assert (row["state"], row["message"], row["result"]) == ("failed", "the disk is full", True)
    assert outputs.file_of(output_id) == recordings.begun[0]
    outputs.remove(output_id)
    assert outputs.described() == []
    assert loop.makers == {}, "the loop forgets it, too"

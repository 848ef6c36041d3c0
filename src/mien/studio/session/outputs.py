"""Outputs of the live picture: recordings, streams, the virtual camera."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mien.contracts import FrameSink
from mien.errors import OutputError, UsageError
from mien.live.loop import LiveLoop
from mien.live.outlet import MakeSink, OutletStatus
from mien.media.address import masked, opens_port
from mien.media.broadcast.recorder import Recorder
from mien.media.broadcast.streamer import StreamOut
from mien.media.broadcast.virtual_camera import VirtualCamera
from mien.media.files.mark_strength import video_need
from mien.media.files.receipt import receipt_path
from mien.settings import Settings
from mien.studio.session.folder import make_folder
from mien.studio.session.recordings import Recordings
from mien.studio.session.requests import OutputRequest, RecordingRequest, StreamRequest

_MAX_OUTPUTS = 12  # chosen; each has a thread and an encoder
_SOUND_FORMAT = (48_000, 1)  # samples a second and channels of every microphone input
_CAMERA_RATE = 30.0  # frames a second that the virtual camera announces
_MIN_QUALITY = video_need("h264").plain_quality
"""Live frames carry the mark at its usual strength; at a lower quality a recording would lose it."""
_MAX_NAMES = 1000  # recordings that start in the same second


@dataclass(slots=True)
class OutputRow:
    """One output; `target` may be shown, `address` may hold a key. `last` is its status once it has been stopped.

    `recovered` is a recording that an earlier run left unsigned.
    """

    id: str
    kind: str
    target: str
    file: Path | None
    address: str
    request: OutputRequest
    last: OutletStatus | None = None
    recovered: bool = False


class Outputs:
    """Starts and stops outputs of a loop."""

    def __init__(
        self,
        loop: LiveLoop,
        recordings: Recordings,
        folder: Path,
        settings: Callable[[], Settings],
        with_sound: Callable[[], bool],
        *,
        shared: bool,
    ) -> None:
        self._shared = shared
        self._loop = loop
        self._recordings = recordings
        self._folder = folder
        self._settings = settings
        self._with_sound = with_sound
        self._rows: dict[str, OutputRow] = {}

    def add(self, wanted: OutputRequest, *, trusted: bool = False) -> str:
        """Start an output and return its id; `trusted` if asked for on the command line.

        Raises `UsageError` or `OutputError`; what fails later is in its state.
        """
        if len(self._rows) >= _MAX_OUTPUTS:
            raise UsageError(
                f"there are already {_MAX_OUTPUTS} outputs", "remove one first", key="outputs-full", values={"n": _MAX_OUTPUTS}
            )
        output_id, url = secrets.token_hex(4), ""
        settings, sound = self._settings(), _SOUND_FORMAT if self._with_sound() else None
        make: MakeSink
        file: Path | None = None
        if isinstance(wanted, RecordingRequest):
            file = self._new_file(wanted.container)
            make, target = self._recording(output_id, settings, sound), file.name
        elif isinstance(wanted, StreamRequest):
            url = wanted.url
            if self._shared and not trusted and opens_port(url, receives=False):
                raise UsageError(
                    f"{masked(url)} would open a port, and a shared studio opens none of its machine",
                    "let it connect to the receiver, or start it with --output",
                    key="opens-port",
                )
            make, target = _stream(url, settings, sound), masked(url)
        else:
            url = wanted.device
            make, target = _virtual_camera(url or None), url
        if wanted.kind != "recording" and any(
            (row.kind, row.address) == (wanted.kind, url) and row.last is None for row in self._rows.values()
        ):
            raise UsageError(f"this output is already running: {target or wanted.kind}", "stop it first", key="already-running")
        self._rows[output_id] = OutputRow(output_id, wanted.kind, target, file, url, wanted)
        self._loop.add_sink(output_id, make, reopens=wanted.kind == "stream")
        return output_id

    def remove(self, output_id: str) -> None:
        """Stop an output; a stopped one leaves the list."""
        row = self._row(output_id)
        if row.last is None:
            self._end(row, self._loop.remove_sink(output_id) or OutletStatus("closed"))
        else:
            # One that failed by itself has ended and is still known.
            self._loop.remove_sink(output_id)
            del self._rows[output_id]

    def _end(self, row: OutputRow, status: OutletStatus) -> None:
        """Note the last status of an output, and sign what it recorded."""
        row.last = status
        if row.file is not None:
            self._recordings.finish(row.file)

    def requests(self) -> list[OutputRequest]:
        """Return what was asked for, of the outputs that run."""
        return [row.request for row in list(self._rows.values()) if row.last is None]

    def file_of(self, output_id: str) -> Path:
        """Return the recording of a stopped output. Raises `UsageError`."""
        row = self._row(output_id)
        if not self._is_finished(row) or row.file is None:
            raise UsageError(
                "there is no finished recording here", "stop the recording first, and let it be signed", key="not-finished"
            )
        return row.file

    def receipt_of(self, output_id: str) -> Path:
        """Return the receipt of a finished recording. Raises `UsageError`."""
        receipt = receipt_path(self.file_of(output_id))
        if not receipt.is_file():
            raise UsageError("this recording has no receipt", "its credentials are in the file", key="no-receipt")
        return receipt

    def recover(self) -> None:
        """Sign recordings that an earlier run left unsigned, and list them."""
        for path in self._recordings.recover():
            closed = OutletStatus("closed")
            row = OutputRow(secrets.token_hex(4), "recording", path.name, path, "", RecordingRequest(), closed, recovered=True)
            self._rows[row.id] = row

    def described(self) -> list[dict[str, Any]]:
        """Return all outputs with their status, for the page."""
        statuses = self._loop.sink_statuses()
        rows = []
        for row in list(self._rows.values()):
            status = statuses.get(row.id)
            if row.last is None and status is not None and status.state == "failed":
                # What exists of a recording is signed and offered, without waiting for the wearer to press Stop.
                self._end(row, status)
            status = row.last or statuses.get(row.id) or OutletStatus("closed")
            seal = self._recordings.status(row.file) if row.file is not None else None
            # Why an output failed matters more than what became of its seal.
            said = status if status.state == "failed" or seal is None or not seal.message else seal
            rows.append(
                {
                    "id": row.id,
                    "kind": row.kind,
                    "target": row.target,
                    "state": status.state,
                    "message": said.message,
                    "remedy": said.remedy,
                    "code": said.code,
                    "seal": seal.state if seal else "",
                    "recovered": row.recovered,
                    "frames": status.frames,
                    "seconds": round(status.seconds, 1),
                    "result": self._is_finished(row),
                    "receipt": row.file is not None and self._is_finished(row) and receipt_path(row.file).is_file(),
                }
            )
        return rows

    def _is_finished(self, row: OutputRow) -> bool:
        if row.last is None or row.file is None:
            return False
        seal = self._recordings.status(row.file)
        return seal is not None and seal.state != "signing" and row.file.is_file()

    def _recording(self, output_id: str, settings: Settings, sound: tuple[int, int] | None) -> MakeSink:
        """Return what opens the recorder; opened once more, after it hung, it goes on in a new file."""
        raised = replace(settings, quality=max(settings.quality, _MIN_QUALITY))
        opened: list[Path] = []

        def make(width: int, height: int) -> FrameSink:
            row = self._row(output_id)
            file = row.file if row.file is not None and not opened else self._continued(row)
            opened.append(file)
            self._recordings.begin(file)
            return Recorder(file, width, height, raised, sound=sound)

        return make

    def _continued(self, row: OutputRow) -> Path:
        """Give a recording a new file, and list the one before as an output of its own. Raises `OutputError`."""
        before, row.file = row.file, self._new_file(Path(row.target).suffix.removeprefix("."))
        row.target = row.file.name
        if before is not None:
            failed = OutletStatus(
                "failed", "the recording hung and continues in a new file", f"see {row.target}", "recording-continued"
            )
            part = OutputRow(secrets.token_hex(4), "recording", before.name, before, "", row.request, failed)
            self._rows[part.id] = part
            self._recordings.finish(before)
        return row.file

    def _row(self, output_id: str) -> OutputRow:
        if output_id not in self._rows:
            raise UsageError("there is no such output", "it was removed already", key="stale")
        return self._rows[output_id]

    def _new_file(self, container: str) -> Path:
        make_folder(self._folder)
        stem = time.strftime("mien-%Y%m%d-%H%M%S")
        for number in range(1, _MAX_NAMES):
            path = self._folder / f"{stem}{f'-{number}' if number > 1 else ''}.{container}"
            if not path.exists() and all(row.file != path for row in self._rows.values()):
                return path
        raise OutputError("no name is free for the recording", "empty the folder of recordings")


def _stream(url: str, settings: Settings, sound: tuple[int, int] | None) -> MakeSink:
    def make(width: int, height: int) -> FrameSink:
        return StreamOut(url, width, height, settings, sound=sound)

    return make


def _virtual_camera(device: str | None) -> MakeSink:
    def make(width: int, height: int) -> FrameSink:
        return VirtualCamera(width, height, _CAMERA_RATE, device=device)

    return make

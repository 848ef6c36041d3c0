"""Trial of half precision: a network runs once in half and once in single on a face, and the result is remembered.

Networks of any family get the same face, 0..1; the outputs are compared with each other only.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.errors import DeviceFull, ModelError
from mien.models.format.ports import Shape
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Array, Image


@dataclass(frozen=True, slots=True)
class TrialTuning:
    """Limits by which half precision is taken, and the runs that are timed."""

    min_psnr_db: float = 40.0  # below it the difference begins to be seen as grain
    max_time: float = 0.9  # share of the time in single; a smaller gain is not worth another result
    runs: int = 3  # after a first one; the quickest counts
    long_run_s: float = 0.3  # is not repeated: interruptions by the system are short beside it
    free_side: int = 256  # pixels of the picture where a network leaves its size free


TUNING = TrialTuning()
_IDENTICAL_PSNR_DB = 200.0  # stands for infinity, which JSON cannot hold
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of a trial: `psnr` in dB of the worst output against single, `time` as a share of the time in single."""

    psnr: float
    time: float

    @property
    def half(self) -> bool:
        """True when half precision is accurate and fast enough."""
        return self.psnr >= TUNING.min_psnr_db and self.time <= TUNING.max_time

    def words(self) -> str:
        """Return the result in words."""
        taken = "half precision" if self.half else "single precision"
        return f"{taken}: half takes {self.time:.0%} of the time, and differs by {self.psnr:.0f} dB"


FAILED = Trial(0.0, 1.0)
"""Result of a device that cannot open or run the network in half."""


class TrialFile:
    """Trials by key in a small JSON file; if it cannot be read or written, trials are repeated."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, Trial]:
        """Return all trials, in the order in which they were made; invalid rows are left out."""
        try:
            rows = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {key: trial for key, row in rows.items() if (trial := _trial(row))} if isinstance(rows, dict) else {}

    def get(self, key: str) -> Trial | None:
        """Return one trial, None when there is none."""
        return self.all().get(key)

    def put(self, key: str, trial: Trial) -> None:
        """Add or replace a trial; logs a failure."""
        rows = {name: asdict(each) for name, each in {**self.all(), key: trial}.items()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, encoding="utf-8", delete=False) as draft:
                json.dump(rows, draft, indent=1)
            Path(draft.name).replace(self._path)
        except OSError as error:
            _log.warning("cannot record the trial of half precision in %s: %s", self._path, error.strerror)


def _trial(row: object) -> Trial | None:
    try:
        return Trial(float(row["psnr"]), float(row["time"]))  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None


def best(open_session: Callable[[bool], OnnxSession], picture: Image, clock: Callable[[], float]) -> tuple[OnnxSession, Trial]:
    """Return the better session, and the trial; `open_session` opens in half for True.

    One session is open at a time, to save memory. `picture` is BGR uint8, of a face. Raises a `ModelError` when the network
    does not even open in single.
    """
    session = open_session(False)
    feeds = face_inputs(session.inputs, session.dtypes, picture)
    wanted, seconds = timed(session, feeds, clock)
    session.close()
    try:
        session = open_session(True)
        found, fewer = timed(session, feeds, clock)
        trial = Trial(min(_psnr(wanted[name], found[name]) for name in wanted), fewer / max(seconds, 1e-9))
    except DeviceFull:
        raise
    except ModelError as error:
        _log.info("half precision: %s", error)
        trial = FAILED
    if not trial.half:
        session.close()
        session = open_session(False)
    return session, trial


def face_inputs(shapes: Mapping[str, Shape], dtypes: Mapping[str, str], picture: Image) -> dict[str, Array]:
    """Return inputs: the face for pictures, RGB 0..1, a unit vector for others with several values, else 0.5."""
    return {name: _face_input(shape, picture).astype(dtypes[name]) for name, shape in shapes.items()}


def _face_input(shape: Shape, picture: Image) -> Array:
    sizes = [size if isinstance(size, int) else 1 if number == 0 else TUNING.free_side for number, size in enumerate(shape)]
    if len(sizes) == 4 and 3 in (sizes[1], sizes[3]):
        first = sizes[1] == 3
        height, width = sizes[2:] if first else sizes[1:3]
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        rgb = small.astype(np.float32)[:, :, ::-1] / 255
        return np.broadcast_to(rgb.transpose(2, 0, 1) if first else rgb, sizes).copy()
    if int(np.prod(sizes)) <= 1:
        return np.full(sizes, 0.5, np.float32)
    values = np.random.default_rng(0).standard_normal(sizes, np.float32)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def timed(session: OnnxSession, feeds: Mapping[str, Array], clock: Callable[[], float]) -> tuple[dict[str, Array], float]:
    """Return the outputs, and the seconds of the quickest of a few runs after a first one."""
    times: list[float] = []
    outputs = session.run(feeds)
    while len(times) < TUNING.runs and (not times or times[-1] < TUNING.long_run_s):
        start = clock()
        session.run(feeds)
        times.append(clock() - start)
    return outputs, min(times)


def _psnr(wanted: Array, found: Array) -> float:
    """Return the PSNR in dB over the range of `wanted`; 0 for values that are not finite."""
    wide, other = wanted.astype(np.float64), found.astype(np.float64)
    if not np.isfinite(other).all():
        return 0.0
    error = float(np.sqrt(np.mean((wide - other) ** 2)))
    span = float(np.ptp(wide)) if wide.size else 0.0
    if error == 0:
        return _IDENTICAL_PSNR_DB
    return 20 * float(np.log10(max(span, 1e-9) / error))

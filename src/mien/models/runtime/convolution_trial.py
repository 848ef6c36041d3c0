"""Trial of rewritten convolutions: the file of a network is written again with the fastest form of each, and tried on a face.

The choice is made by times measured on this processor, within a budget of memory. What is written lies beside what devices
build out of the model, and is used only while its bytes are what was tried.
"""

import contextlib
import hashlib
import json
import logging
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from mien.errors import ModelError
from mien.models.format.onnx_bytes import model, node, output, outside_tensor, tensor
from mien.models.format.onnx_edit import Edit, OnnxFile, opened_onnx
from mien.models.format.winograd import TILES, Convolution, Rewriter, Size, convolutions, weights_of
from mien.models.library.lock import locked
from mien.models.runtime.half_precision import face_inputs, timed
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Array, Image


@dataclass(frozen=True, slots=True)
class RewriteTuning:
    """Limits by which rewritten convolutions are taken."""

    max_error: float = 1e-4  # largest difference of an output, as a share of its range; tiles of 4 give 1e-5 a convolution
    max_time: float = 0.9  # share of the time as it is; a smaller gain is not worth a second file
    layer_time: float = 0.95  # the same of one convolution
    least_weights: int = 500_000  # in all; networks with fewer take milliseconds
    least_channels: int = 16  # in and out; below it the tiles cost more than they save
    memory_share: float = 0.25  # of what is free, for weights beyond those of the file
    max_memory: int = 2 << 30  # bytes of the same
    spare_disk: int = 1 << 30  # bytes that stay free for other programs


TUNING = RewriteTuning()
TRIAL, NETWORK, WEIGHTS = "trial.json", "network.onnx", "weights.bin"
"""Files of the folder of one model: the result, and what was written if it is used."""
_OPSET = 13  # of the files that are timed
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RewriteTrial:
    """Result: `layers` were rewritten, `time` and `error` are shares of the time as it is and of the output's range.

    `memory` are the bytes of further weights, `digest` is the SHA-256 of both files, empty when they are not used.
    """

    layers: int = 0
    time: float = 1.0
    error: float = 0.0
    memory: int = 0
    digest: str = ""

    def words(self) -> str:
        """Return the result in words."""
        if not self.layers:
            return "as it is: no convolution becomes faster"
        taken = f"{self.layers} convolutions rewritten" if self.digest else f"as it is, {self.layers} convolutions were tried"
        return f"{taken}: {self.time:.0%} of the time, differs by {self.error:.0e}, {self.memory / 1e6:.0f} MB more"


def read_trial(folder: Path) -> RewriteTrial | None:
    """Return the result of a trial, None when there is none or it cannot be read."""
    try:
        row = json.loads((folder / TRIAL).read_text("utf-8"))
        trial = RewriteTrial(
            int(row["layers"]), float(row["time"]), float(row["error"]), int(row["memory"]), str(row["digest"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return trial


Opener = Callable[[Path], OnnxSession]
"""Function that opens a file as the model is opened."""


def open_fastest(
    path: Path, name: str, folder: Path, open_file: Opener, trial_on: Image, clock: Callable[[], float]
) -> OnnxSession:
    """Open a model's file, or the one that was made of it; the first time, make it and try it on a picture of a face.

    `name` is the model's in errors, `folder` that of its trial. If the other file cannot be made or used, the model opens as it
    is.
    """
    trial = read_trial(folder)
    try:
        if trial is None:
            trial = _Making(path, name, folder, open_file, trial_on, clock).tried()
        if trial.digest:
            if _digest(folder) == trial.digest:
                return open_file(folder / NETWORK)
            _log.warning(
                "%s runs as it is: its rewritten file in %s was changed; it is made again at the next start", name, folder
            )
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, MemoryError, ModelError) as error:
        _log.warning("%s runs as it is: its convolutions could not be rewritten: %s", name, error)
    return open_file(path)


@dataclass(frozen=True, slots=True)
class _Making:
    """The trial of one model."""

    path: Path
    name: str
    folder: Path
    open_file: Opener
    picture: Image
    clock: Callable[[], float]

    def tried(self) -> RewriteTrial:
        with opened_onnx(self.path, self.name) as file:
            found = [each for each in convolutions(file) if min(each.weights.shape[:2]) >= TUNING.least_channels]
            if sum(9 * each.weights.shape[0] * each.weights.shape[1] for each in found) < TUNING.least_weights:
                return RewriteTrial()
            _log.info("%s: trying faster convolutions, once; this takes up to a minute", self.name)
            # Workers that start together would replace each other's files, and time each other's load.
            with locked(self.folder, "tries faster convolutions"):
                return read_trial(self.folder) or self._kept(file, found)

    def _kept(self, file: OnnxFile, found: Sequence[Convolution]) -> RewriteTrial:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Beside the result, so that a trial that was killed leaves nothing elsewhere, and `models remove` finds it.
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="draft-") as draft:
            try:
                trial = self._trial(file, found, Path(draft))
            except ModelError as error:
                _log.warning("%s runs as it is: its convolutions could not be rewritten: %s", self.name, error)
                trial = RewriteTrial()
        (self.folder / TRIAL).write_text(json.dumps(asdict(trial), indent=1), "utf-8")
        _log.info("%s: %s", self.name, trial.words())
        return trial

    def _trial(self, file: OnnxFile, found: Sequence[Convolution], draft: Path) -> RewriteTrial:
        needed = self.path.stat().st_size + sum(16 * math.prod(each.weights.shape) for each in found)
        if shutil.disk_usage(draft).free < needed + TUNING.spare_disk:
            raise ModelError(f"there is no room for {needed / 1e9:.1f} GB in {self.folder}", "")
        sizes = self._sizes(file, found, draft)
        tiles = chosen(list(sizes.values()), self._layer_times, _free_memory())
        plan = {each: tile for each, tile in zip(sizes, tiles, strict=True) if tile}
        if not plan:
            return RewriteTrial()
        memory = sum(sizes[each].weight_bytes(tile) - sizes[each].weight_bytes(0) for each, tile in plan.items())
        by_name = {each.node.outputs[0]: each for each in found}
        _write(file, [(by_name[each], sizes[each], tile) for each, tile in plan.items()], draft)
        time, error = self._compared(draft / NETWORK)
        used = time <= TUNING.max_time and error <= TUNING.max_error
        if used:
            for each in (NETWORK, WEIGHTS):
                (draft / each).replace(self.folder / each)
        return RewriteTrial(len(plan), time, error, memory, _digest(self.folder) if used else "")

    def _sizes(self, file: OnnxFile, found: Sequence[Convolution], draft: Path) -> dict[str, Size]:
        """Run the model once, and return the size of each convolution of one picture, by the name of its output."""
        names = list(dict.fromkeys(each.taken for each in found))
        nodes = [node("Shape", [name], [f"{name}/shape"]) for name in names]
        whole = Edit({}, frozenset(), nodes, (), [output(f"{name}/shape") for name in names])
        with (draft / "shapes.onnx").open("wb") as target:
            file.write(whole, target)
        with self.open_file(draft / "shapes.onnx") as session:
            if any(not isinstance(size, int) for shape in session.inputs.values() for size in shape):
                return {}
            shapes = session.run(face_inputs(session.inputs, session.dtypes, self.picture))
        (draft / "shapes.onnx").unlink()
        sizes = {}
        for each in found:
            batch, taken, height, width = (int(size) for size in shapes[f"{each.taken}/shape"])
            top, left, bottom, right = each.pads
            if batch == 1:
                sizes[each.node.outputs[0]] = Size(taken, each.weights.shape[0], height + top + bottom, width + left + right)
        return sizes

    def _layer_times(self, size: Size, tile: int) -> float:
        """Return the seconds of one convolution of random numbers, as it is for a tile of 0."""
        draw = np.random.default_rng(0)
        shape = (1, size.taken, size.height, size.width)
        weights = draw.standard_normal((size.given, size.taken, 3, 3), np.float32)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="draft-") as draft:
            # Closed before it is opened again: Windows shares no file that is open for writing.
            path = Path(draft) / "layer.onnx"
            path.write_bytes(_one_layer(size, tile, weights))
            with self.open_file(path) as session:
                return timed(session, {"taken": draw.standard_normal(shape, np.float32)}, self.clock)[1]

    def _compared(self, other: Path) -> tuple[float, float]:
        """Return time and largest difference of the other file, as shares of time and range of this one."""
        with self.open_file(self.path) as session:
            feeds = face_inputs(session.inputs, session.dtypes, self.picture)
            wanted, seconds = timed(session, feeds, self.clock)
        with self.open_file(other) as session:
            found, fewer = timed(session, feeds, self.clock)
        return fewer / max(seconds, 1e-9), max(_difference(wanted[name], found[name]) for name in wanted)


def chosen(sizes: Sequence[Size], seconds: Callable[[Size, int], float], memory: int) -> list[int]:
    """Return the tile of each convolution, 0 = as it is: those first that win the most time for their memory."""
    times = {size: {tile: seconds(size, tile) for tile in (0, *TILES)} for size in dict.fromkeys(sizes)}
    offers = []
    for number, size in enumerate(sizes):
        for tile in TILES:
            won, more = times[size][0] - times[size][tile], size.weight_bytes(tile) - size.weight_bytes(0)
            if times[size][tile] < TUNING.layer_time * times[size][0]:
                offers.append((won / more, won, more, number, tile))
    tiles, spent, gained = [0] * len(sizes), 0, [0.0] * len(sizes)
    for _, won, more, number, tile in sorted(offers, reverse=True):
        before = sizes[number].weight_bytes(tiles[number]) - sizes[number].weight_bytes(0)
        if won > gained[number] and spent - before + more <= memory:
            tiles[number], gained[number], spent = tile, won, spent - before + more
    return tiles


def _free_memory() -> int:
    return min(int(psutil.virtual_memory().available * TUNING.memory_share), TUNING.max_memory)


def _one_layer(size: Size, tile: int, weights: Array) -> bytes:
    taken = "taken", (1, size.taken, size.height, size.width)
    if not tile:
        plain = node("Conv", ["taken", "weights"], ["given"], kernel_shape=[3, 3])
        return model([plain], [tensor("weights", weights)], taken, "given", _OPSET)
    rewriter = Rewriter()
    layer = Convolution.unpadded("taken", "given")
    nodes = list(rewriter.nodes(layer, size, tile, "weights"))
    return model(nodes, [tensor("weights", weights_of(weights, tile)), *rewriter.tensors()], taken, "given", _OPSET)


def _write(file: OnnxFile, plan: Sequence[tuple[Convolution, Size, int]], folder: Path) -> None:
    """Write both files: the network, and the rewritten weights, which onnxruntime maps into memory."""
    rewriter = Rewriter()
    replaced, tensors, offset = {}, [], 0
    with (folder / WEIGHTS).open("wb") as weights_file:
        for convolution, size, tile in plan:
            name = f"{convolution.weights.name}/winograd"
            values = weights_of(file.values(convolution.weights), tile)
            tensors.append(outside_tensor(name, values.shape, WEIGHTS, offset))
            replaced[convolution.node.at] = list(rewriter.nodes(convolution, size, tile, name))
            weights_file.write(values.tobytes())
            offset += values.nbytes
    dropped = frozenset(each.weights.at for each, *_ in plan)
    with (folder / NETWORK).open("wb") as network:
        file.write(Edit(replaced, dropped, (), [*tensors, *rewriter.tensors()]), network)


def _difference(wanted: Array, found: Array) -> float:
    """Return the largest difference as a share of the range of `wanted`; infinite for values that are not finite."""
    if wanted.shape != found.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(wanted.astype(np.float64) - found).max(initial=0) / max(float(np.ptp(wanted)), 1e-9))


def _digest(folder: Path) -> str:
    """Return the SHA-256 of both files, empty when one is missing."""
    digests = []
    with contextlib.suppress(OSError):
        for each in (NETWORK, WEIGHTS):
            with (folder / each).open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return "-".join(digests) if len(digests) == 2 else ""

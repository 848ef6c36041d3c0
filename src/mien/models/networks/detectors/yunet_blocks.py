"""YuNet as compiled kernels, in place of its session."""

import threading
from dataclasses import dataclass

import numpy as np

from mien.errors import ModelMismatch
from mien.imaging.arrays import locked
from mien.models.format.onnx_edit import OnnxFile
from mien.models.networks.detectors import yunet_kernels as kernels
from mien.models.networks.detectors.candidates import Candidates
from mien.models.networks.vectors import LANES
from mien.types import Array, Floats, Image

_BACKBONE = tuple(f"backbone.model{number}.conv{part}" for number in range(6) for part in (1, 2) if (number, part) != (0, 1))
_STRIDES = 8, 16, 32  # pixels between the cells of each head
_POOLED = (0, 4, 6, 8)
"""Units of the backbone whose largest values the next one takes; the last two are kept as a whole, too, and added to later."""
_WIDEST = 32  # channels of the pictures at a quarter of the size, the largest that are not pooled at once
_LATERALS = (2, 1, 0)
"""Numbers of the units between the backbone and the heads, from the coarsest to the finest."""
_KINDS = "cls", "obj", "bbox", "kps"
_MOST_ROOMS = 4  # sizes of pictures that a live run searches: upright, turned twice, and a face read closely
_LARGEST_ROOM = 1 << 23  # values; 32 MiB hold a picture of 1280 x 720, larger ones are searched now and then


@dataclass(frozen=True, slots=True)
class _Unit:
    """A pointwise and a depthwise convolution: channels, and the offsets of their weights."""

    taken: int
    given: int
    mix: int
    spread: int


@dataclass(frozen=True, slots=True)
class _Room:
    """Memory for canvases of one size: the table of units, the offsets of `run_units`, and the table of heads of `propose`."""

    shape: tuple[int, int]
    units: Array
    offsets: tuple[int, int, int, int]
    heads: Array
    cells: int
    """Cells of all heads."""
    work: Array


class YuNetBlocks:
    """A `YuNetNetwork` without another library; a graph that it does not know raises a `ModelMismatch`."""

    def __init__(self, content: bytes) -> None:
        try:
            self._plan = _Plan(content)
        except (KeyError, IndexError, ValueError, StopIteration) as error:
            raise ModelMismatch(
                "yunet is another network than mien's kernels compute", "use the file of the catalogue"
            ) from error
        # One for each size and thread that has been in a run: fresh memory would take longer than the work in it.
        self._idle: list[_Room] = []
        self._lock = threading.Lock()

    def propose(self, canvas: Image, min_score: float) -> Candidates:
        """Return the candidates of a canvas BGR uint8 whose sides are multiples of 32."""
        room = self._room(canvas.shape[:2])
        kernels.read_canvas(np.ascontiguousarray(canvas).reshape(len(canvas), -1), room.work, 0)
        kernels.run_units(room.units, self._plan.weights, room.work, *room.offsets)
        found, count = np.empty((room.cells, kernels.FIELDS), np.float32), np.empty(1, np.int64)
        kernels.propose(room.work, room.heads, min_score, found, count)
        self._leave(room)
        rows = found[: int(count[0])]
        return Candidates(rows[:, :4], rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14])

    def _room(self, shape: tuple[int, ...]) -> _Room:
        with self._lock:
            for number, room in enumerate(self._idle):
                if room.shape == shape:
                    return self._idle.pop(number)
        return self._plan.room(shape[0], shape[1])

    def _leave(self, room: _Room) -> None:
        if len(room.work) <= _LARGEST_ROOM:
            with self._lock:
                self._idle = [room, *self._idle[: _MOST_ROOMS - 1]]


class _Plan:
    """The weights of the network, and where its units read and write."""

    def __init__(self, content: bytes) -> None:
        self._file = OnnxFile(content, "yunet")
        self._pieces: list[Floats] = []
        first = self._file.nodes[0]
        factors, bias = (self._file.values(self._file.weights[name]) for name in first.inputs[1:])
        stem = factors.transpose(2, 3, 1, 0).reshape(3 * kernels.STEM_TAPS, LANES)
        self._stem = self._add(stem, bias.reshape(LANES))
        self._backbone = [self._unit(f"{name}.conv1.weight") for name in _BACKBONE]
        self._necks = [self._unit(f"neck.lateral_convs.{number}.conv1.weight") for number in _LATERALS]
        self._heads = [
            self._unit(*(f"bbox_head.multi_level_{kind}.{number}.conv1.weight" for kind in _KINDS)) for number in _LATERALS
        ]
        self.weights = locked(np.concatenate(self._pieces))

    def _unit(self, *names: str) -> _Unit:
        """Add the weights of a unit; with several names, of several units side by side."""
        factors, biases, taps, tap_biases = [], [], [], []
        for name in names:
            flat = next(each for each in self._file.nodes if name in each.inputs)
            deep = next(each for each in self._file.nodes if each.operator == "Conv" and each.inputs[0] == flat.outputs[0])
            factors.append(self._values(flat.inputs[1])[:, :, 0, 0].T)
            biases.append(self._values(flat.inputs[2]))
            taps.append(self._values(deep.inputs[1]).reshape(-1, 9).T)
            tap_biases.append(self._values(deep.inputs[2]))
        mixed, spread = np.hstack(factors), np.hstack(taps)
        taken, given = mixed.shape
        panels = mixed.reshape(taken, -1, LANES).transpose(1, 0, 2)
        return _Unit(taken, given, self._add(panels, np.hstack(biases)), self._add(spread, np.hstack(tap_biases)))

    def _values(self, name: str) -> Floats:
        return self._file.values(self._file.weights[name])

    def _add(self, *arrays: Floats) -> int:
        offset = sum(len(each) for each in self._pieces)
        self._pieces += [np.ascontiguousarray(each, np.float32).ravel() for each in arrays]
        return offset

    def room(self, height: int, width: int) -> _Room:
        """Return memory for canvases of a size, both multiples of 32."""
        return _Layout(height, width).room(self._stem, self._backbone, self._necks, self._heads)


class _Layout:
    """Places of pictures in an array."""

    def __init__(self, height: int, width: int) -> None:
        self._shape = height, width
        self._free = 0
        self._rows: list[list[int]] = []

    def room(self, stem: int, backbone: list[_Unit], necks: list[_Unit], heads: list[_Unit]) -> _Room:
        """Return the room with the table of all units."""
        height, width = self._shape
        source = self._take((height + 1) * 3 * (width + 1))
        # The first pictures take each other's places in turn: a frame of 4K would need 160 MB more without it.
        places = self._take(height * width * _WIDEST // 16), source
        rows, columns = height // 2, width // 2
        kept: list[tuple[int, int, int]] = []
        for number, unit in enumerate(backbone):
            pooled = number in _POOLED
            size = rows * columns * unit.given // (4 if pooled else 1)
            given = places[number % 2] if number <= _POOLED[1] else self._take(size)
            is_kept = number in _POOLED[2:] or number == len(backbone) - 1
            whole = self._take(4 * size) if pooled and is_kept else -1 if pooled else given
            self._write(unit, (source, whole, given if pooled else -1), (rows, columns), stem=stem if number == 0 else -1)
            if is_kept:
                kept.append((whole, rows, columns))
            source = given
            rows, columns = (rows // 2, columns // 2) if pooled else (rows, columns)
        grids = []
        coarser = -1
        for unit, head, (at, rows, columns), stride in zip(necks, heads, kept[::-1], _STRIDES[::-1], strict=True):
            whole, grid = self._take(rows * columns * unit.given), self._take(rows * columns * head.given)
            self._write(unit, (at, whole, -1), (rows, columns), added=coarser)
            self._write(head, (whole, grid, -1), (rows, columns), bent=0)
            grids.append((grid, rows, columns, stride))
            coarser = whole
        longest = (width // 2 + 2) * 2 * LANES  # values of the widest row: 16 channels of half the width, 64 of a quarter
        offsets = self._take(longest), self._take(3 * longest), self._take(longest), self._take(2 * longest)
        units, rows_of_heads = (locked(np.array(rows, np.int64)) for rows in (self._rows, grids[::-1]))
        cells = sum(rows * columns for _, rows, columns, _ in grids)
        return _Room(self._shape, units, offsets, rows_of_heads, cells, np.zeros(self._free, np.float32))

    def _take(self, values: int) -> int:
        offset, self._free = self._free, self._free + values
        return offset

    def _write(
        self, unit: _Unit, places: tuple[int, int, int], grid: tuple[int, int], stem: int = -1, added: int = -1, bent: int = 1
    ) -> None:  # fmt: skip
        self._rows.append([*places, *grid, unit.taken, unit.given, unit.mix, unit.spread, stem, added, bent])

"""The graph of the face mesh as a table of steps for its kernels, with the weights in their order."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from mien.errors import ModelMismatch
from mien.imaging.arrays import locked
from mien.models.format.onnx_edit import Node, OnnxFile
from mien.models.networks.mesh import kernels
from mien.models.networks.vectors import LANES
from mien.types import Array, Floats

MODEL = "face_mesh_478"
REGIONS = ("", ("lips",)), ("_1", ("left_eye", "left_iris")), ("_2", ("right_eye", "right_iris"))
"""For each region the end of its nodes' names in the graph, and its outputs."""
_LARGEST = kernels.STEM_SIDE**2 * LANES  # values of the largest picture


@dataclass(frozen=True, slots=True)
class Head:
    """An output of a part of the network: where its values lie in `work`, and their number."""

    offset: int
    values: int


@dataclass(frozen=True, slots=True)
class Region:
    """Part of the network that looks at an eye or the lips.

    `corners` int64 (2,) and `outline` int64 (n,) are landmarks as in `kernels.cut_region`; its picture lies at `source`.
    """

    corners: Array
    outline: Array
    source: int
    steps: Array
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole network: `weights` float32, tables of steps int64 (n, 14), offsets in an array of `size` values.

    `sources` int64 (478, 2) are the offset of each landmark's x, and its region, -1 for the whole crop; `rims` int64 (2, 16)
    are the landmarks whose mean depth is that of each iris.
    """

    weights: Floats
    size: int
    crop: int
    steps: Array
    features: int
    mesh: Head
    presence: Head
    regions: tuple[Region, ...]
    sources: Array
    rims: Array


def read_plan(content: bytes) -> Plan:
    """Read the file of the catalogue; another graph raises a `ModelMismatch`."""
    try:
        return _Reader(content).plan()
    except (KeyError, IndexError, ValueError, StopIteration) as error:
        raise ModelMismatch(
            f"{MODEL} is another network than mien's kernels compute", "use the file of the catalogue"
        ) from error


def _sources(mesh: Head, regions: tuple[Region, ...], order: Array) -> Array:
    """Return the table of `Plan`; `order` int64 (478,) counts x and y of the mesh, then of lips and eyes, then of irises."""
    found = [(mesh.offset + 3 * number, -1) for number in range(mesh.values // 3)]
    for irises in (False, True):
        for number, region in enumerate(regions):
            for head in region.heads[1:] if irises else region.heads[:1]:
                found += [(head.offset + 2 * place, number) for place in range(head.values // 2)]
    return locked(np.array(found, np.int64)[order])


@dataclass(frozen=True, slots=True)
class _Picture:
    """A tensor of the graph: its offset in `work`, its side in pixels, and its channels."""

    name: str
    offset: int
    side: int
    channels: int


class _Reader:
    """Walk through the graph from picture to picture, which writes the steps between them."""

    def __init__(self, content: bytes) -> None:
        self._file = OnnxFile(content, MODEL)
        self._users: dict[str, list[Node]] = defaultdict(list)
        for each in self._file.nodes:
            for name in each.inputs:
                self._users[name].append(each)
        self._pieces: list[Floats] = []
        self._steps: list[list[int]] = []
        self._heads: dict[str, Head] = {}
        self._features = 0
        self._free = kernels.PICTURES + 2 * _LARGEST

    def plan(self) -> Plan:
        """Return the plan of the whole graph."""
        stem = next(each for each in self._file.nodes if each.operator == "Conv")
        result, slopes = self._bent(stem.outputs[0])
        # mien keeps pictures in the order BGR.
        factors = self._values(stem.inputs[1])[:, ::-1].transpose(2, 3, 1, 0).reshape(3 * kernels.STEM_TAPS, -1)
        mix = self._mix(factors, self._values(stem.inputs[2]), slopes)
        crop, side = kernels.PICTURES + _LARGEST, kernels.STEM_SIDE
        first = self._placed(result, side, LANES, crop)
        pointwise = side, side, kernels.STEM_TAPS, LANES, 0, kernels.NO_SHORTCUT, 0, mix
        self._steps.append([crop, first.offset, *pointwise, 2 * kernels.CROP_ROW, 6, 3, kernels.CROP_ROW])
        steps = self._following(first)
        regions = tuple(self._region(ending, outputs) for ending, outputs in REGIONS)
        rims = np.stack([self._whole("h_lc"), self._whole("h_rc")])
        mesh, presence = self._heads["output_mesh"], self._heads["conv_faceflag_raw_output___15:0"]
        weights, sources = locked(np.concatenate(self._pieces)), _sources(mesh, regions, self._whole("h_map"))
        return Plan(weights, self._free, crop, steps, self._features, mesh, presence, regions, sources, rims)

    def _region(self, ending: str, outputs: tuple[str, ...]) -> Region:
        """Return the steps of one region."""
        cut = next(each for each in self._file.nodes if each.outputs[0] == f"transform_tensor_bilinear_v2{ending}/gs")
        name = cut.outputs[0]
        while self._users[name][0].operator == "Transpose":
            name = self._users[name][0].outputs[0]
        picture = self._placed(name, kernels.REGION_SIDE, kernels.REGION_CHANNELS, 0)
        steps = self._following(picture)
        table = f"landmarks_to_transform_matrix_v2{ending}"
        corners = np.concatenate([self._whole(f"{table}/l"), self._whole(f"{table}/r")])
        heads = tuple(self._heads[f"conv_{each}"] for each in outputs)
        return Region(corners, self._whole(f"{table}/sub"), picture.offset, steps, heads)

    def _following(self, picture: _Picture) -> Array:
        """Return the table of the steps so far, and of all that begin at a picture."""
        self._follow(picture)
        steps, self._steps = np.array(self._steps, np.int64), []
        return locked(steps)

    def _follow(self, picture: _Picture) -> None:
        for user in self._users[picture.name]:
            if user.operator == "Transpose":
                self._features = picture.offset
            elif user.operator == "Conv":
                shape = self._file.weights[user.inputs[1]].shape
                if shape[1:] == (1, 3, 3):
                    self._follow(self._block(user, picture))
                elif shape[2:] == (1, 1):
                    self._follow(self._plain(user, picture))
                else:
                    self._head(user, picture)

    def _block(self, deep: Node, picture: _Picture) -> _Picture:
        """Write the step of a depthwise and a pointwise convolution with their shortcut; return its picture."""
        stride = 2 if deep.attributes["strides"] == (2, 2) else 1
        spread = self._add(self._values(deep.inputs[1]).reshape(-1, 9).T, self._values(deep.inputs[2]))
        flat = self._users[deep.outputs[0]][0]
        shortcut = kernels.POOLED_SHORTCUT if stride == 2 else kernels.PLAIN_SHORTCUT
        return self._mixed(flat, self._users[flat.outputs[0]][0].outputs[0], picture, (stride, shortcut, spread))

    def _plain(self, flat: Node, picture: _Picture) -> _Picture:
        """Write the step of a pointwise convolution alone."""
        return self._mixed(flat, flat.outputs[0], picture, (0, kernels.NO_SHORTCUT, 0))

    def _mixed(self, flat: Node, summed: str, picture: _Picture, kind: tuple[int, int, int]) -> _Picture:
        stride, shortcut, spread = kind
        result, slopes = self._bent(summed)
        factors = self._values(flat.inputs[1])[:, :, 0, 0].T
        mix = self._mix(factors, self._values(flat.inputs[2]), slopes)
        made = self._placed(result, picture.side // max(stride, 1), factors.shape[1], picture.offset)
        sides = made.side, made.side, picture.channels, made.channels
        row = made.side * picture.channels
        self._steps.append([picture.offset, made.offset, *sides, stride, shortcut, spread, mix, row, picture.channels, 1, 0])
        return made

    def _head(self, node: Node, picture: _Picture) -> None:
        """Write the step of an output that is made of a whole picture."""
        factors = self._values(node.inputs[1]).transpose(2, 3, 1, 0)
        count = factors.shape[3]
        flat = factors.reshape(-1, count)
        mix = self._mix(flat, self._values(node.inputs[2]), np.ones((2, count), np.float32))
        given = -(-count // LANES) * LANES
        self._heads[node.outputs[0]] = Head(self._free, count)
        self._steps.append([picture.offset, self._free, 1, 1, len(flat), given, 0, kernels.NO_SHORTCUT, 0, mix, 0, 0, 1, 0])
        self._free += given

    def _bent(self, name: str) -> tuple[str, Floats]:
        """Return the result of a PReLU, and its slopes (2, channels) below and above 0: see `lab.training.prelu`."""
        result, slopes = "", np.zeros((2, 1), np.float32)
        for user in self._users[name]:
            then = self._users[user.outputs[0]][0]
            if user.operator == "Relu":
                bend = self._values(then.inputs[1]).ravel()
                slopes = slopes + np.stack([np.zeros_like(bend), bend])
            elif then.operator == "Relu":
                scale = self._values(user.inputs[1]).ravel()
                slopes = slopes + np.stack([np.minimum(scale, 0), np.maximum(scale, 0)])
            else:
                result, slopes = then.outputs[0], slopes + self._values(user.inputs[1]).ravel()
        return result, slopes

    def _placed(self, name: str, side: int, channels: int, source: int) -> _Picture:
        """Return a picture beside its source: in one of two places in turn, or in its own when it has several users."""
        users = [each for each in self._users[name] if each.operator in {"Conv", "Transpose"}]
        if len(users) > 1:
            offset = self._free
            self._free += side * side * channels
        else:
            offset = kernels.PICTURES + (_LARGEST if source == kernels.PICTURES else 0)
        return _Picture(name, offset, side, channels)

    def _mix(self, factors: Floats, bias: Floats, slopes: Floats) -> int:
        """Add the weights (taken, given) of a pointwise convolution, 16 channels after another; return their offset."""
        taken, given = factors.shape
        padded = np.zeros((taken + 3, -(-given // LANES) * LANES), np.float32)
        padded[:taken, :given], padded[taken, :given], padded[taken + 1 :, :given] = factors, bias, slopes
        panels = padded[:taken].reshape(taken, -1, LANES).transpose(1, 0, 2)
        return self._add(panels, padded[taken:])

    def _add(self, *arrays: Floats) -> int:
        offset = sum(len(each) for each in self._pieces)
        self._pieces += [np.ascontiguousarray(each, np.float32).ravel() for each in arrays]
        return offset

    def _values(self, name: str) -> Floats:
        return self._file.values(self._file.weights[name])

    def _whole(self, name: str) -> Array:
        """Return whole numbers of the graph, int64 (n,)."""
        return locked(self._file.whole_numbers(name))

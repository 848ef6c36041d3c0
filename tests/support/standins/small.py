"""Small graphs that keep the public contract of a family and answer in a way that shows whether they were fed well.

Swappers soften the target and tint it by what the source says, each colour by another direction of the vector, so that a wrong
latent or a wrong order of colours shows. Enhancers sharpen. Segmenters go by colour. Detectors are YuNet in other clothes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from mien.models.format.families import families
from mien.models.library.store import Store
from mien.types import Array
from tests.support.standins.graph import Graph, Shape

_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
_IMAGENET_STD = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)
REGIONS_RGB = (
    (0, 0, 0), (225, 172, 150), (120, 60, 0), (160, 90, 0), (0, 0, 255), (0, 60, 200), (255, 255, 0), (255, 0, 255),
    (200, 0, 200), (128, 0, 255), (0, 255, 0), (255, 0, 0), (255, 80, 80), (200, 0, 60), (90, 140, 90), (0, 255, 255),
    (90, 90, 140), (60, 40, 30), (255, 255, 255),
)  # fmt: skip
"""The colour, RGB 0..255, that the BiSeNet stand-in takes for each of its 19 classes: the nearest wins."""
SCRFD_NAMES = "448", "471", "494", "451", "474", "497", "454", "477", "500"
"""What InsightFace's export calls its outputs."""
_FREE = frozenset({"dfm", "xseg", "bisenet", "arcface", "crossface", "restorer_512"})
"""Families whose public files take any number of pictures."""


@dataclass(frozen=True, slots=True)
class Options:
    """In what a file may differ from the family's usual one.

    `free_batch`: any number of pictures (None = as the public file). `half_io`: float16 in and out. `half_weights`: weights
    stored as float16. `names`: the names of tensors in another export: `insightface` (arcface, scrfd), `deepfacelab` (xseg),
    `ultralytics` (yoloface), `tf2onnx` (dfm with `:0`, the usual one) or `plain` (dfm without). `mask`: whether there is one
    (hyperswap, hififace). `emap`: how inswapper's matrix is stored, `float_data`, `raw` or `none`. `emap_name`: its name.
    `side`: of a dfm. `morph`: whether a dfm has `morph_value`. `seed`: another seed, another model.
    """

    free_batch: bool | None = None
    half_io: bool = False
    half_weights: bool = False
    names: str = ""
    mask: bool = True
    emap: str = "float_data"
    emap_name: str = "buff2fs"
    side: int = 224
    morph: bool = False
    seed: int = 1

    def draw(self, *shape: int) -> Array:
        """Random numbers, always the same."""
        return np.random.default_rng(self.seed).normal(0, 1, shape)

    @property
    def dtype(self) -> str:
        return "float16" if self.half_io else "float32"


def make_small(family: str, path: Path | None = None, **options: Any) -> bytes:
    """A file of the family, as `Options` say, also written to `path`."""
    made = Options(**options)
    content = bytes(_MAKERS[family](family, made).SerializeToString())
    if path is not None:
        path.write_bytes(content)
    return content


def all_families() -> tuple[str, ...]:
    """The names of all families of which there is a stand-in."""
    return tuple(_MAKERS)


def file_name(family: str) -> str:
    """What the file of a stand-in is called."""
    return f"standin_{family}.{'dfm' if family == 'dfm' else 'onnx'}"


def emap(options: Options | None = None) -> Array:
    """The matrix that the inswapper stand-in carries, float32 (512, 512): nothing like the identity."""
    return (Options() if options is None else options).draw(512, 512).astype(np.float32)


def _batch(family: str, options: Options) -> int | str:
    return "batch" if (family in _FREE if options.free_batch is None else options.free_batch) else 1


def _softened(graph: Graph, picture: str, channels: int = 3, size: int = 3) -> str:
    reach = size // 2
    padded = graph.add("Pad", picture, np.array([0, 0, reach, reach] * 2, np.int64), mode="edge")
    kernel = np.full((channels, 1, size, size), 1 / size**2)
    return graph.add("Conv", padded, kernel, group=channels, kernel_shape=[size, size])


def _oval(graph: Graph, picture: str, side: int) -> str:
    """A smooth oval, 0..1, (n, 1, side, side), a little larger where the picture, 0..1, is bright."""
    axis = np.linspace(-1, 1, side)
    inside = 6 * (0.8 - np.hypot(axis[None, :] / 0.85, axis[:, None]))
    luma = graph.add("ReduceMean", picture, axes=[1], keepdims=1)
    return graph.add("Sigmoid", graph.add("Add", graph.add("Sub", luma, 0.5), inside[None, None]))


def _bounded(graph: Graph, value: str) -> str:
    return graph.add("Clip", value, 0.0, 1.0)


def _scaled(graph: Graph, value: str, mean: float | Array, std: float | Array) -> str:
    """`value * std + mean`."""
    return graph.add("Add", graph.add("Mul", value, np.asarray(std, np.float64)), np.asarray(mean, np.float64))


@dataclass(frozen=True, slots=True)
class _Look:
    """How a swapper sees: its side, the mean and spread of its target and of its result, and the length of its vectors."""

    side: int
    mean: float | Array = 0.0
    std: float | Array = 1.0
    signed: bool = False
    length: float = 1.0


_LOOKS: Mapping[str, _Look] = {
    "inswapper": _Look(128),
    "hyperswap": _Look(256, 0.5, 0.5, signed=True),
    "simswap_256": _Look(256, _IMAGENET_MEAN, _IMAGENET_STD),
    "simswap_512": _Look(512),
    "ghost": _Look(256, 0.5, 0.5, signed=True, length=20.0),
    "hififace": _Look(256, 0.5, 0.5, signed=True),
    "alphaface": _Look(256, length=20.0),
    "uniface": _Look(256, 0.5, 0.5, signed=True),
    "blendswap": _Look(256),
}
TINT = 0.3
"""How far a swapper stand-in moves a colour at most, as a share of the whole range."""


def _swapper(family: str, options: Options) -> onnx.ModelProto:
    graph, look, batch = Graph(half_weights=options.half_weights), _LOOKS[family], _batch(family, options)
    shape: Shape = (batch, 3, look.side, look.side)
    if family == "inswapper":
        target, source = graph.take("target", shape, options.dtype), graph.take("source", (batch, 512), options.dtype)
    else:
        source, target = graph.take("source", (batch, 512), options.dtype), graph.take("target", shape, options.dtype)
    directions = options.draw(512, 3) / look.length
    tint = graph.add("Mul", graph.add("Tanh", graph.add("MatMul", source, directions)), TINT)
    tint = graph.add("Unsqueeze", tint, axes=[2, 3])
    picture = _scaled(graph, target, look.mean, look.std)
    _give_swapped(graph, look, options, shape, picture, graph.add("Add", _softened(graph, picture), tint))
    if family in {"hyperswap", "hififace"} and options.mask:
        graph.give("mask", _oval(graph, picture, look.side), (batch, 1, look.side, look.side), options.dtype)
    model = graph.built(family, 11)
    if family == "inswapper" and options.emap != "none":
        model.graph.initializer.append(_emap_tensor(options))
    return model


def _emap_tensor(options: Options) -> onnx.TensorProto:
    kind = np.float16 if options.half_weights else np.float32
    matrix = emap(options).astype(kind)
    element = onnx.TensorProto.FLOAT16 if options.half_weights else onnx.TensorProto.FLOAT
    if options.emap == "raw":
        return helper.make_tensor(options.emap_name, element, matrix.shape, matrix.tobytes(), raw=True)
    return helper.make_tensor(options.emap_name, element, matrix.shape, matrix.ravel())


def _from_picture(family: str, options: Options) -> onnx.ModelProto:
    graph, look, batch = Graph(half_weights=options.half_weights), _LOOKS[family], _batch(family, options)
    side = 112 if family == "blendswap" else 256
    source = graph.take("source", (batch, 3, side, side), options.dtype)
    shape: Shape = (batch, 3, look.side, look.side)
    target = graph.take("target", shape, options.dtype)
    quarter = side // 4
    middle = graph.add(
        "Slice", source, np.array([quarter, quarter]), np.array([side - quarter] * 2), np.array([2, 3])
    )  # fmt: skip
    tint = graph.add("Mul", graph.add("Sub", graph.add("GlobalAveragePool", middle), 0.5), 2 * TINT)
    picture = _scaled(graph, target, look.mean, look.std)
    _give_swapped(graph, look, options, shape, picture, graph.add("Add", _softened(graph, picture), tint))
    return graph.built(family, 11)


def _give_swapped(graph: Graph, look: _Look, options: Options, shape: Shape, picture: str, swapped: str) -> None:
    bounded = _bounded(graph, swapped)
    graph.give("output", _scaled(graph, bounded, -1.0, 2.0) if look.signed else bounded, shape, options.dtype)


def _dfm(family: str, options: Options) -> onnx.ModelProto:
    graph, side = Graph(half_weights=options.half_weights), options.side
    suffix = "" if options.names == "plain" else ":0"
    batch: int | str = "unk__1" if options.free_batch is not False else 1
    face = graph.take(f"in_face{suffix}", (batch, side, side, 3))
    picture = graph.add("Transpose", face, perm=[0, 3, 1, 2])
    tint: str | Array = TINT * np.tanh(options.draw(1, 3, 1, 1))
    if options.morph:
        tint = graph.add("Mul", graph.take(f"morph_value{suffix}", (1,)), tint)
    celeb = _bounded(graph, graph.add("Add", _softened(graph, picture), tint))
    own, other = _oval(graph, picture, side), _oval(graph, celeb, side)
    for name, value, channels in (("out_face_mask", own, 1), ("out_celeb_face", celeb, 3), ("out_celeb_face_mask", other, 1)):
        turned = graph.add("Transpose", value, perm=[0, 2, 3, 1])
        graph.give(f"{name}{suffix}", turned, (batch, side, side, channels))
    return graph.built(family, 12)


_RESTORER_SIDES = {"gpen_256": 256, "restorer_512": 512, "gpen_1024": 1024, "gpen_2048": 2048, "codeformer": 512}
SHARPENING = 0.6
"""How much of the fine detail an enhancer stand-in adds."""


def _restorer(family: str, options: Options) -> onnx.ModelProto:
    """Adds fine detail; CodeFormer adds none at weight 1, all at 0."""
    graph, side, batch = Graph(half_weights=options.half_weights), _RESTORER_SIDES[family], _batch(family, options)
    shape: Shape = (batch, 3, side, side)
    picture = graph.take("input", shape, options.dtype)
    detail = graph.add("Mul", graph.add("Sub", picture, _softened(graph, picture)), SHARPENING)
    if family == "codeformer":
        detail = graph.add("Mul", detail, graph.add("Sub", 1.0, graph.take("weight", (1,), "float64")))
    graph.give("output", graph.add("Clip", graph.add("Add", picture, detail), -1.0, 1.0), shape, options.dtype)
    return graph.built(family, 11)


def _xseg(family: str, options: Options) -> onnx.ModelProto:
    """Take blue things for occluders."""
    graph, batch = Graph(half_weights=options.half_weights), _batch(family, options)
    taken, given = ("in_face:0", "out_mask:0") if options.names == "deepfacelab" else ("input", "output")
    picture = graph.add("Transpose", graph.take(taken, (batch, 256, 256, 3), options.dtype), perm=[0, 3, 1, 2])
    blue = graph.add("Conv", picture, np.array([1.0, -0.5, -0.5]).reshape(1, 3, 1, 1), kernel_shape=[1, 1])
    seen = graph.add("Sigmoid", graph.add("Mul", graph.add("Sub", 0.2, _softened(graph, blue, 1, 5)), 40.0))
    graph.give(given, graph.add("Transpose", seen, perm=[0, 2, 3, 1]), (batch, 256, 256, 1), options.dtype)
    return graph.built(family, 11)


def _bisenet(family: str, options: Options) -> onnx.ModelProto:
    """The class whose colour in `REGIONS_RGB` is nearest."""
    graph, batch = Graph(half_weights=options.half_weights), _batch(family, options)
    seen = graph.take("input", (batch, 3, 512, 512), options.dtype)
    picture = _scaled(graph, seen, _IMAGENET_MEAN, _IMAGENET_STD)
    colours = np.array(REGIONS_RGB) / 255
    kernel, bias = 2 * colours[:, :, None, None], -(colours**2).sum(1)
    logits = graph.add("Mul", graph.add("Conv", picture, kernel, bias, kernel_shape=[1, 1]), 10.0)
    graph.give("output", logits, (batch, 19, 512, 512), options.dtype)
    return graph.built(family, 11)


def _arcface(family: str, options: Options) -> onnx.ModelProto:
    """A random projection of 7 x 7 coarse pixels, about 20 long."""
    graph, batch = Graph(half_weights=options.half_weights), _batch(family, options)
    taken, given = ("input.1", "683") if options.names == "insightface" else ("input", "output")
    picture = graph.take(taken, (batch, 3, 112, 112), options.dtype)
    coarse = graph.add("Flatten", graph.add("AveragePool", picture, kernel_shape=[16, 16], strides=[16, 16]), axis=1)
    embedding = graph.add("MatMul", coarse, options.draw(147, 512) * (4 / np.sqrt(512)))
    graph.give(given, embedding, (batch, 512), options.dtype)
    return graph.built(family, 11)


def _crossface(family: str, options: Options) -> onnx.ModelProto:
    """The same numbers at other places, half of them with another sign: an orthogonal map."""
    graph, batch = Graph(half_weights=options.half_weights), _batch(family, options)
    embedding = graph.take("input", (batch, 512), options.dtype)
    order, signs = np.argsort(options.draw(512)), np.sign(options.draw(2, 512)[1])
    turned = graph.add("Mul", graph.add("Gather", embedding, order, axis=1), signs)
    graph.give("output", turned, (batch, 512), options.dtype)
    return graph.built(family, 11)


_STRIDES = 8, 16, 32


def _yunet(name: str, shape: Shape, feed: Callable[[Graph, str], str]) -> tuple[Graph, onnx.ModelProto]:
    """YuNet with another input, which `feed` makes into BGR 0..255, as a graph that can go on."""
    model = onnx.load_from_string(Store().read("yunet"))
    graph = Graph()
    pixels = feed(graph, graph.take(name, shape))
    for node in model.graph.node:
        node.input[:] = [pixels if each == "input" else _within(each) for each in node.input]
        node.output[:] = [_within(each) for each in node.output]
        graph.nodes.append(node)
    for weight in model.graph.initializer:
        weight.name = _within(weight.name)
        graph.weights.append(weight)
    return graph, model


def _within(name: str) -> str:
    """A name of YuNet's own, apart from those of the family that it stands in for."""
    return f"yunet/{name}" if name else ""


def _cells(graph: Graph, stride: int) -> tuple[str, str, str, str]:
    """YuNet's score (1, n, 1), middle less the cell, half size and points less the cell, in strides, of all cells."""
    bounded = [graph.add("Clip", _within(f"{kind}_{stride}"), 0.0, 1.0) for kind in ("cls", "obj")]
    score = graph.add("Sqrt", graph.add("Mul", *bounded))
    middle, size = (
        graph.add("Slice", _within(f"bbox_{stride}"), np.array([start]), np.array([start + 2]), np.array([2]))
        for start in (0, 2)
    )
    return score, middle, graph.add("Mul", graph.add("Exp", size), 0.5), _within(f"kps_{stride}")


def _scrfd(family: str, options: Options) -> onnx.ModelProto:
    """YuNet's cells as the second of two anchors; the first sees nothing."""
    taken = "input.1" if options.names == "insightface" else "input"
    graph, model = _yunet(taken, (1, 3, "height", "width"), _from_scrfd)
    found: dict[str, list[str]] = {"score": [], "bbox": [], "kps": []}
    for stride in _STRIDES:
        score, middle, half, points = _cells(graph, stride)
        box = graph.add("Concat", graph.add("Sub", half, middle), graph.add("Add", half, middle), axis=2)
        for kind, value in (("score", score), ("bbox", box), ("kps", points)):
            nothing = graph.add("Mul", value, 0.0)
            found[kind].append(graph.add("Concat", nothing, value, axis=2))
    sizes = {"score": 1, "bbox": 4, "kps": 10}
    names = iter(SCRFD_NAMES if options.names == "insightface" else [f"{k}_{s}" for k in sizes for s in _STRIDES])
    for kind, size in sizes.items():
        for stride, value in zip(_STRIDES, found[kind], strict=True):
            rows = graph.add("Reshape", value, np.array([-1, size], np.int64))
            graph.give(next(names), rows, (f"rows_{stride}", size))
    return graph.built(family, model.opset_import[0].version)


def _from_scrfd(graph: Graph, pixels: str) -> str:
    return graph.add("Gather", _scaled(graph, pixels, 127.5, 128.0), np.array([2, 1, 0]), axis=1)


def _yoloface(family: str, options: Options) -> onnx.ModelProto:
    """YuNet's cells, which are 8400 at 640, as rows of 20 numbers."""
    taken, given = ("images", "output0") if options.names == "ultralytics" else ("input", "output")
    graph, model = _yunet(taken, (1, 3, 640, 640), lambda graph, pixels: graph.add("Mul", pixels, 255.0))
    levels = []
    for stride in _STRIDES:
        score, middle, half, points = _cells(graph, stride)
        columns = 640 // stride
        index = np.arange(columns * columns)
        cell = np.stack([index % columns, index // columns], 1)[None].astype(np.float64)
        parts = [graph.add("Add", middle, cell), graph.add("Mul", half, 2.0), score]
        for number in range(5):
            one = graph.add(
                "Slice", points, np.array([2 * number]), np.array([2 * number + 2]), np.array([2])
            )  # fmt: skip
            parts += [graph.add("Add", one, cell), score]
        units = np.array([stride] * 4 + [1] + [stride, stride, 1] * 5, np.float64)
        levels.append(graph.add("Mul", graph.add("Concat", *parts, axis=2), units))
    rows = graph.add("Transpose", graph.add("Concat", *levels, axis=1), perm=[0, 2, 1])
    graph.give(given, rows, (1, 20, 8400))
    return graph.built(family, model.opset_import[0].version)


_MAKERS: Mapping[str, Callable[[str, Options], onnx.ModelProto]] = {
    **dict.fromkeys((name for name in _LOOKS if name not in {"uniface", "blendswap"}), _swapper),
    "uniface": _from_picture,
    "blendswap": _from_picture,
    "dfm": _dfm,
    **dict.fromkeys(_RESTORER_SIDES, _restorer),
    "xseg": _xseg,
    "bisenet": _bisenet,
    "arcface": _arcface,
    "crossface": _crossface,
    "scrfd": _scrfd,
    "yoloface": _yoloface,
}
assert set(_MAKERS) == set(families()), "every family has its stand-in"

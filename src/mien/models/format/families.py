"""Public model families, and the tensors by which a file of each is recognised."""

from dataclasses import dataclass

from mien.models.format.ports import Port
from mien.models.format.swappers import SWAPPERS, PhotoFeed, Swapper

_IMAGES = "float32", "float16"
_N = None
EMBEDDING_SIZE = 512  # numbers of an embedding: ArcFace's choice, which all its successors share


@dataclass(frozen=True, slots=True)
class Family:
    """Properties that all files of one family share; `note` is one line that tells it from similar families.

    `role` is one of swapper, identity (a swapper that holds its face itself), enhancer, segmenter, recogniser,
    converter or detector.
    """

    name: str
    role: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    note: str


def _image(name: str, side: int | None) -> Port:
    return Port((name,), (_N, 3, side, side), _IMAGES)


def _swapper(row: Swapper) -> Family:
    side = row.target.side
    vector = Port(("source",), (_N, EMBEDDING_SIZE), _IMAGES)
    source = _image("source", row.source.side) if isinstance(row.source, PhotoFeed) else vector
    masks = (_mask(side, optional=True),) if row.own_mask else ()
    outputs = (Port(("output",), (_N, 3, side, side), _IMAGES), *masks)
    return Family(row.family, "swapper", (source, _image("target", side)), outputs, row.note)


def _mask(side: int, *, optional: bool) -> Port:
    return Port(("mask",), (_N, 1, side, side), _IMAGES, optional)


def _restorer(name: str, side: int, note: str, *further: Port) -> Family:
    return Family(name, "enhancer", (_image("input", side), *further), (Port(("output",), (_N, 3, side, side), _IMAGES),), note)


_STRIDES = 8, 16, 32  # pixels between the cells of each of SCRFD's three grids
_ROWS = None
_FAMILIES = (
    *(_swapper(row) for row in SWAPPERS.values()),
    Family(
        "dfm",
        "identity",
        (
            Port(("in_face:0", "in_face"), (_N, None, None, 3), ("float32",)),
            Port(("morph_value:0", "morph_value"), (1,), ("float32",), optional=True),
        ),
        (
            Port(("out_face_mask:0", "out_face_mask"), (_N, None, None, 1), ("float32",)),
            Port(("out_celeb_face:0", "out_celeb_face"), (_N, None, None, 3), ("float32",)),
            Port(("out_celeb_face_mask:0", "out_celeb_face_mask"), (_N, None, None, 1), ("float32",)),
        ),
        "whole_face of DeepFaceLab, BGR 0..1, height x width x 3; the face is in the weights; gives BGR 0..1 and two masks",
    ),
    _restorer("gpen_256", 256, "arcface_128, RGB -1..1"),
    _restorer("restorer_512", 512, "ffhq_512, RGB -1..1: GFPGAN, GPEN 512, RestoreFormer++"),
    _restorer("gpen_1024", 1024, "ffhq_512, RGB -1..1"),
    _restorer("gpen_2048", 2048, "ffhq_512, RGB -1..1"),
    _restorer(
        "codeformer",
        512,
        "ffhq_512, RGB -1..1; weight float64, 1 = closest to the input",
        Port(("weight",), (1,), ("float64",)),
    ),
    Family(
        "xseg",
        "segmenter",
        (Port(("input", "in_face:0", "xseg_input:0"), (_N, 256, 256, 3), _IMAGES),),
        (Port(("output", "out_mask:0"), (_N, 256, 256, 1), _IMAGES),),
        "dfl_whole_face, BGR 0..1, height x width x 3; gives 0..1, 1 = the face is seen",
    ),
    Family(
        "bisenet",
        "segmenter",
        (_image("input", 512),),
        (Port(("output",), (_N, 19, 512, 512), _IMAGES),),
        "ffhq_512, RGB by ImageNet; gives 19 classes",
    ),
    Family(
        "arcface",
        "recogniser",
        (Port(("input", "input.1", "data"), (_N, 3, 112, 112), _IMAGES),),
        (Port(("output", "683", "embedding"), (_N, EMBEDDING_SIZE), _IMAGES),),
        "arcface_112_v2, RGB -1..1; gives a raw embedding",
    ),
    Family(
        "crossface",
        "converter",
        (Port(("input",), (_N, EMBEDDING_SIZE), _IMAGES),),
        (Port(("output",), (_N, EMBEDDING_SIZE), _IMAGES),),
        "raw embedding of w600k_r50; gives the embedding of another recogniser",
    ),
    Family(
        "scrfd",
        "detector",
        (Port(("input", "input.1"), (_N, 3, None, None), ("float32",)),),
        tuple(
            Port((f"{kind}_{stride}",), (_ROWS, size), ("float32",))
            for kind, size in (("score", 1), ("bbox", 4), ("kps", 10))
            for stride in _STRIDES
        ),
        "RGB, (x - 127.5) / 128; scores, boxes and points at three strides, two anchors a cell; RetinaFace 10G, too",
    ),
    Family(
        "yoloface",
        "detector",
        (Port(("input", "images"), (_N, 3, 640, 640), ("float32",)),),
        (Port(("output", "output0"), (_N, 20, None), ("float32",)),),
        "BGR 0..1 at 640; 20 numbers for each of 8400 places",
    ),
)


def families() -> dict[str, Family]:
    """Return all families, by name."""
    return {family.name: family for family in _FAMILIES}

"""Swapping networks that take an embedding: fed and read exactly as their contracts say, against slow references."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.assembly import registry
from mien.commands.main import main
from mien.contracts import Converter, Embedder, Session
from mien.errors import ModelError, ModelMismatch, ModelMissing
from mien.face.aligned_crop import cut
from mien.face.texels import SIDE
from mien.imaging import geometry
from mien.models.format.families import families
from mien.models.format.ports import Shape
from mien.models.library.importing import import_models
from mien.models.library.inventory import missing_for, partners
from mien.models.library.store import ModelEntry, Store
from mien.models.networks.recognisers.arcface import ArcFace
from mien.models.networks.recognisers.crossface import Crossface
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import Shelf
from mien.settings import Settings
from mien.swap.engines.alphaface import alphaface
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of
from mien.swap.engines.ghost import ghost
from mien.swap.engines.hififace import hififace
from mien.swap.engines.hyperswap import hyperswap
from mien.swap.engines.inswapper import inswapper
from mien.swap.engines.outline import box_mask, outline_mask
from mien.swap.engines.simswap import simswap
from mien.swap.engines.tone import matched
from mien.swap.stages.compose import compose
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, KnownFace, Landmarks, SourceFace, TrackedFace
from tests.support import conformance
from tests.support.portraits import COLLINS, HOPPER, Portrait, locate, models, moved, portrait, read
from tests.support.standins import emap, make_small

Answer = Callable[[Floats], Floats]
PLAIN = Settings(light=0.0)
"""Nothing is done to the network's picture."""


@dataclass
class Recording:
    """A session that remembers what it was fed; `answer` makes the picture out of the target, by default the target itself."""

    family: str
    batch: int | None = 1
    dtype: str = "float32"
    answer: Answer = lambda target: target
    mask: Callable[[Array], Array] | None = None
    side: int = 0
    fed: list[Mapping[str, Array]] = field(default_factory=list)
    provider: str = "fake"

    @property
    def _side(self) -> int:
        return self.side or CASES[self.family].side

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return {"source": (self.batch, 512), "target": (self.batch, 3, self._side, self._side)}

    @property
    def outputs(self) -> Mapping[str, Shape]:
        picture: dict[str, Shape] = {"output": (self.batch, 3, self._side, self._side)}
        return picture | ({} if self.mask is None else {"mask": (self.batch, 1, self._side, self._side)})

    @property
    def dtypes(self) -> Mapping[str, str]:
        return dict.fromkeys((*self.inputs, *self.outputs), self.dtype)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.fed.append({name: value.copy() for name, value in inputs.items()})
        target = inputs["target"]
        given = {"output": np.asarray(self.answer(target), target.dtype)}
        return given if self.mask is None else given | {"mask": np.asarray(self.mask(target), target.dtype)}


class FixedEmbedder:
    """An `Embedder` that gives the rows of a table one after the other, of lengths as w600k_r50 has them."""

    def __init__(self, count: int = 1) -> None:
        draw = np.random.default_rng(3)
        self.rows = [(draw.normal(0, 1, 512) * (0.8 + 0.3 * row)).astype(np.float32) for row in range(count)]
        self._calls = 0

    def embed(self, image: Image, landmarks: Landmarks) -> Floats:
        self._calls += 1
        return self.rows[(self._calls - 1) % len(self.rows)]


class FixedConverter:
    """A `Converter` that is no linear map, so that an embedding of another length gives another direction."""

    def convert(self, embedding: Floats) -> Floats:
        return np.asarray(np.tanh(0.3 * embedding[::-1]) * 7 + 0.1, np.float32)


MATRIX = np.random.default_rng(4).normal(0, 1, (512, 512)).astype(np.float32)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.sqrt((np.asarray(vector, np.float64) ** 2).sum()))


@dataclass(frozen=True)
class Case:
    """What the contract says of a family, in the test's own words: `mean` and `std` of the target, whether what is given is
    -1..1, and what the raw embedding becomes."""

    template: str
    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    signed: bool
    latent: Callable[[Array], Array]


def _converted(raw: Array) -> Array:
    return np.tanh(0.3 * raw[::-1]) * 7 + 0.1


_ZERO, _HALF, _ONE = (0.0,) * 3, (0.5,) * 3, (1.0,) * 3
CASES = {
    "inswapper": Case("arcface_128", 128, _ZERO, _ONE, False, lambda raw: _unit(_unit(raw) @ MATRIX.astype(np.float64))),
    "hyperswap": Case("arcface_128", 256, _HALF, _HALF, True, _unit),
    "simswap_256": Case("arcface_112_v1", 256, *IMAGENET, False, lambda raw: _unit(_converted(raw))),
    "simswap_512": Case("arcface_112_v1", 512, _ZERO, _ONE, False, lambda raw: _unit(_converted(raw))),
    "ghost": Case("arcface_112_v1", 256, _HALF, _HALF, True, _converted),
    "hififace": Case("mtcnn_512", 256, _HALF, _HALF, True, lambda raw: _unit(_converted(raw))),
    "alphaface": Case("arcface_128", 256, _ZERO, _ONE, False, lambda raw: raw),
}
FAMILIES = list(CASES)


def _engine(
    family: str, session: Session, settings: Settings = PLAIN, embedder: Embedder | None = None, matrix: Array = MATRIX
) -> EmbeddedEngine:
    recogniser = FixedEmbedder() if embedder is None else embedder
    converter: Converter = FixedConverter()
    match family:
        case "inswapper":
            return inswapper(family, session, recogniser, matrix, settings)
        case "hyperswap":
            return hyperswap(family, session, recogniser, settings)
        case "simswap_256" | "simswap_512":
            return simswap(family, session, family, recogniser, converter, settings)
        case "ghost":
            return ghost(family, session, recogniser, converter, settings)
        case "hififace":
            return hififace(family, session, recogniser, converter, settings)
    return alphaface(family, session, recogniser, settings)


def _source() -> SourceFace:
    face = portrait(HOPPER)
    return SourceFace(face.image, face.landmarks, "hopper")


def _frame(image: Image) -> Frame:
    return Frame(image, 0, 0, Fraction(1))


def _placed(face: Portrait, scale: float, degrees: float = 0.0, width: int = 640, height: int = 480) -> tuple[Image, Landmarks]:
    """The portrait with the middle of its face in the middle of a picture, turned and scaled."""
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = face.landmarks.points[:, :2].mean(0)
    return moved(face, np.hstack([linear, (np.array([width, height]) / 2 - linear @ middle)[:, None]]), width, height)


def _swap(engine: EmbeddedEngine, image: Image, landmarks: Landmarks, **known: object) -> FacePatch:
    face = replace(TrackedFace(1, landmarks, 1), **known)  # type: ignore[arg-type]
    (patch,) = engine.swap(_frame(image), [face], engine.prepare(_source()))
    assert patch is not None
    return patch


def _normalised(crop: Image, mean: Sequence[float], std: Sequence[float]) -> Array:
    """NCHW, RGB: pixel by pixel."""
    side = len(crop)
    blob = np.zeros((3, side, side))
    for channel in range(3):
        for y in range(side):
            blob[channel, y] = (crop[y, :, 2 - channel] / 255.0 - mean[channel]) / std[channel]
    return blob


def _pictured(numbers: Array, signed: bool) -> Image:
    """The public code's way back to BGR, rounded."""
    unsigned = numbers.astype(np.float64) * 0.5 + 0.5 if signed else numbers.astype(np.float64)
    return np.asarray((np.clip(unsigned, 0, 1) * 255).round()[::-1].transpose(1, 2, 0), np.uint8)


def _fitted(points: Array, wanted: Array) -> Affine:
    """The similarity of least squares, by normal equations."""
    rows = np.concatenate([[[x, -y, 1, 0], [y, x, 0, 1]] for x, y in points])
    a, b, x, y = np.linalg.lstsq(rows, np.asarray(wanted).ravel(), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])


def _bilinear(image: Array, crop_to_image: Affine, side: int) -> Array:
    """Sampled by hand, the border going on."""
    height, width = image.shape[:2]
    v, u = np.mgrid[0:side, 0:side]
    x, y = (row[0] * u + row[1] * v + row[2] for row in crop_to_image)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros((side, side, 3))
    for down in (0, 1):
        for right in (0, 1):
            weight = (1 - abs(x - left - right)) * (1 - abs(y - top - down))
            rows, columns = np.clip(top + down, 0, height - 1), np.clip(left + right, 0, width - 1)
            total += weight[:, :, None] * image[rows, columns]
    return total


# Golden numbers


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_fed_and_what_comes_out_are_the_contracts_to_1e_4(family: str) -> None:
    case = CASES[family]
    draw = np.random.default_rng(8)
    low, high = (-1.1, 1.1) if case.signed else (-0.1, 1.1)
    given = draw.uniform(low, high, (1, 3, case.side, case.side)).astype(np.float32)
    session = Recording(family, answer=lambda target: given)
    image, landmarks = _placed(portrait(COLLINS), 1.6, 12)
    patch = _swap(_engine(family, session), image, landmarks)
    crop = cut(image, landmarks.points, case.template, case.side)
    (fed,) = session.fed
    assert fed["target"].dtype == fed["source"].dtype == np.float32
    assert np.abs(fed["target"][0] - _normalised(crop.image, case.mean, case.std)).max() < 1e-4
    assert fed["source"].shape == (1, 512)
    assert np.abs(fed["source"][0] - case.latent(FixedEmbedder().rows[0].astype(np.float64))).max() < 1e-4
    corner = geometry.apply(crop.frame_to_crop, patch.crop_to_frame[:, 2][None])[0].round().astype(int)
    height, width = patch.mask.shape
    wanted = _pictured(given[0], case.signed)[corner[1] : corner[1] + height, corner[0] : corner[0] + width]
    assert np.abs(patch.crop.astype(int) - wanted).max() <= 1
    assert (patch.crop != wanted).mean() < 1e-3, "rounded alike, but for what lies on the edge"


@pytest.mark.parametrize("template", ["arcface_128", "arcface_112_v1", "mtcnn_512", "arcface_112_v2"])
def test_the_crop_is_the_contracts(template: str) -> None:
    rows, columns = np.mgrid[0:300, 0:400]
    image = np.stack([128 + 90 * np.sin(columns / 29), 128 + 90 * np.sin(rows / 23), (rows + columns) / 3], axis=2).astype(
        np.uint8
    )
    _, landmarks = _placed(portrait(COLLINS), 1.2, -17, 400, 300)
    crop = cut(image, landmarks.points, template, 128)
    wanted = geometry.TEMPLATES[template] * 128
    transform = _fitted(geometry.five_points(landmarks.points), wanted)
    assert np.abs(crop.frame_to_crop - transform).max() < 1e-4
    difference = np.abs(crop.image - _bilinear(image, geometry.invert(transform), 128))
    assert difference.max() < 1, "OpenCV samples at 32nds of a pixel, and rounds"


def test_a_large_face_is_brought_down_by_means_and_lies_where_it_would() -> None:
    fine = np.asarray(np.random.default_rng(1).integers(0, 255, (900, 1200, 3)), np.uint8)
    fine[400:500] = 255
    _, landmarks = _placed(portrait(COLLINS), 6.0, 0, 1200, 900)
    crop = cut(fine, landmarks.points, "arcface_128", 128)
    scale = geometry.scale_of(crop.frame_to_crop)
    assert scale < 0.25
    blurred = cv2.GaussianBlur(fine, (0, 0), 0.4 / scale)
    wanted = _bilinear(blurred, geometry.invert(crop.frame_to_crop), 128)
    rows = [int(np.flatnonzero(each.mean((1, 2)) > 190)[0]) for each in (crop.image.astype(float), wanted)]
    assert abs(rows[0] - rows[1]) <= 1
    assert crop.image[:20].std() < 0.6 * _bilinear(fine, geometry.invert(crop.frame_to_crop), 128)[:20].std()


def test_the_recogniser_sees_the_contracts_crop_and_its_answer_stays_raw() -> None:
    session = Recording("inswapper")
    seen: list[Array] = []

    class Recogniser(Recording):
        inputs: Mapping[str, Shape] = {"input.1": (None, 3, 112, 112)}
        outputs: Mapping[str, Shape] = {"683": (None, 512)}

        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            seen.append(inputs["input.1"])
            return {"683": np.full((1, 512), 3.0, np.float32)}

    face = portrait(COLLINS)
    embedding = ArcFace("w600k_r50", Recogniser("inswapper")).embed(face.image, face.landmarks)
    assert embedding.shape == (512,)
    assert np.all(embedding == 3)
    crop = cut(face.image, face.landmarks.points, "arcface_112_v2", 112).image
    wanted = np.stack([(crop[:, :, 2 - channel] - 127.5) / 127.5 for channel in range(3)])
    assert np.abs(seen[0][0] - wanted).max() < 1e-4
    assert not session.fed


# Traps


def test_trap_colours_are_red_first() -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    image = np.full_like(image, (10, 100, 200))
    for family in FAMILIES:
        session = Recording(family)
        patch = _swap(_engine(family, session), image, landmarks)
        red, green, blue = (float(plane.mean()) for plane in session.fed[0]["target"][0])
        assert red > green > blue, family
        assert (
            np.abs(patch.crop[patch.crop.shape[0] // 2, 5].astype(int) - (10, 100, 200)).max() <= 1 or family == "simswap_256"
        )


@pytest.mark.parametrize(
    ("family", "length"),
    [
        ("inswapper", 1),
        ("hyperswap", 1),
        ("simswap_256", 1),
        ("simswap_512", 1),
        ("hififace", 1),
        ("ghost", None),
        ("alphaface", None),
    ],
)
def test_trap_unit_or_raw_embedding(family: str, length: float | None) -> None:
    prepared = _engine(family, Recording(family)).prepare(_source())
    assert prepared.shape == (1, 512)
    if length is not None:
        assert np.linalg.norm(prepared) == pytest.approx(length, abs=1e-5)
    else:
        assert np.linalg.norm(prepared) > 10, "as long as it came"


def test_trap_converters_take_the_raw_embedding() -> None:
    raw = FixedEmbedder().rows[0]
    wanted = _unit(FixedConverter().convert(raw).astype(np.float64))
    wrong = _unit(FixedConverter().convert((raw / np.linalg.norm(raw)).astype(np.float32)).astype(np.float64))
    prepared = _engine("simswap_256", Recording("simswap_256")).prepare(_source())[0]
    assert np.abs(prepared - wanted).max() < 1e-5
    assert np.abs(prepared - wrong).max() > 1e-2


def test_trap_simswap_256_takes_imagenet_and_gives_plain_numbers() -> None:
    session = Recording("simswap_256", answer=lambda target: np.full_like(target, 0.5))
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    patch = _swap(_engine("simswap_256", session), image, landmarks)
    assert session.fed[0]["target"].min() < -0.5, "by ImageNet's mean, not 0..1"
    assert np.all(patch.crop == 128)


def test_trap_inswapper_multiplies_the_unit_embedding_by_its_own_matrix() -> None:
    other = np.random.default_rng(5).normal(0, 1, (512, 512)).astype(np.float32)
    one, two = (_engine("inswapper", Recording("inswapper"), matrix=matrix).prepare(_source())[0] for matrix in (MATRIX, other))
    raw = FixedEmbedder().rows[0].astype(np.float64)
    assert np.abs(one - _unit(raw @ MATRIX)).max() < 1e-5
    assert abs(float(one @ two)) < 0.3


def test_trap_the_networks_own_mask_is_used() -> None:
    def upper_half(target: Array) -> Array:
        mask = np.ones((len(target), 1, 256, 256))
        mask[:, :, 128:] = 0
        return mask

    image, landmarks = _placed(portrait(COLLINS), 1.0)
    whole = _swap(_engine("hyperswap", Recording("hyperswap")), image, landmarks)
    half = _swap(_engine("hyperswap", Recording("hyperswap", mask=upper_half)), image, landmarks)
    ignored = _swap(
        _engine("hyperswap", Recording("hyperswap", mask=upper_half), replace(PLAIN, occlusion="off")), image, landmarks
    )
    assert len(half.mask) < 0.75 * len(whole.mask)
    assert np.array_equal(ignored.mask, whole.mask)
    assert np.array_equal(half.mask, whole.mask[: len(half.mask)])


@pytest.mark.parametrize("level", [0.0, -5.0])
def test_a_mask_that_would_hand_the_wearer_out_is_not_believed(level: float) -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    whole = _swap(_engine("hyperswap", Recording("hyperswap")), image, landmarks)
    nothing = Recording("hyperswap", mask=lambda target: np.full((len(target), 1, 256, 256), level))
    assert np.array_equal(_swap(_engine("hyperswap", nothing), image, landmarks).mask, whole.mask)


def test_a_mask_that_shows_only_what_a_segmenter_hides_is_not_believed() -> None:
    """Each alone is right often enough; together they would hand the wearer out."""
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    lower = np.zeros((SIDE, SIDE), np.uint8)
    lower[SIDE // 2 - 8 :] = 255
    known = KnownFace(landmarks.points, lower)

    def shown(target: Array) -> Array:
        mask = np.ones((len(target), 1, 256, 256))
        mask[:, :, :110] = 0
        return mask

    engine = _engine("hyperswap", Recording("hyperswap", mask=shown))
    alone, both = _swap(engine, image, landmarks), _swap(engine, image, landmarks, known=known)
    whole = _swap(_engine("hyperswap", Recording("hyperswap")), image, landmarks)
    assert len(alone.mask) < 0.8 * len(whole.mask)
    assert np.array_equal(both.mask, whole.mask)


@pytest.mark.parametrize(("batch", "runs"), [(1, 3), (None, 1)])
def test_trap_a_fixed_batch_takes_one_face_after_the_other_a_free_one_all(batch: int | None, runs: int) -> None:
    session = Recording("inswapper", batch=batch)
    engine = _engine("inswapper", session)
    image, landmarks = _placed(portrait(COLLINS), 0.7)
    shifts = [-150, 0, 150]
    faces = [
        TrackedFace(i, replace(landmarks, points=landmarks.points + np.array([x, 0, 0], np.float32)), 1)
        for i, x in enumerate(shifts)
    ]
    patches = engine.swap(_frame(image), faces, engine.prepare(_source()))
    assert [len(fed["target"]) for fed in session.fed] == [3 // runs] * runs
    assert all(len(fed["source"]) == len(fed["target"]) for fed in session.fed)
    alone = [engine.swap(_frame(image), [face], engine.prepare(_source()))[0] for face in faces]
    for patch, single in zip(patches, alone, strict=True):
        assert patch is not None
        assert single is not None
        assert np.array_equal(patch.crop, single.crop)
        assert np.array_equal(patch.crop_to_frame, single.crop_to_frame)


def test_half_precision_files_are_fed_in_their_own_type() -> None:
    session = Recording("hyperswap", dtype="float16", mask=lambda target: np.ones((len(target), 1, 256, 256)))
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    patch = _swap(_engine("hyperswap", session), image, landmarks)
    assert {value.dtype for value in session.fed[0].values()} == {np.dtype(np.float16)}
    single = _swap(_engine("hyperswap", Recording("hyperswap")), image, landmarks)
    assert np.abs(patch.crop.astype(int) - single.crop).max() <= 1


# Several photos


def test_several_photos_are_averaged_as_directions_and_keep_their_mean_length() -> None:
    embedder = FixedEmbedder(3)
    source = replace(_source(), others=(_source(), _source()))
    found = embedding_of(source, embedder)
    rows = [row.astype(np.float64) for row in embedder.rows]
    direction = _unit(np.sum([_unit(row) for row in rows], axis=0))
    assert np.linalg.norm(found) == pytest.approx(np.mean([np.linalg.norm(row) for row in rows]), rel=1e-5)
    assert np.abs(_unit(found) - direction).max() < 1e-6


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_recogniser_that_sees_nothing_is_an_error(value: float) -> None:
    embedder = FixedEmbedder()
    embedder.rows = [np.full(512, value, np.float32)]
    with pytest.raises(ModelError, match="no embedding"):
        _engine("alphaface", Recording("alphaface"), embedder=embedder).prepare(_source())


# Pixel boost


@pytest.mark.parametrize(("batch", "runs"), [(1, 4), (None, 1)])
def test_boost_splits_the_crop_by_phases_and_puts_it_together_again(batch: int | None, runs: int) -> None:
    session = Recording("inswapper", batch=batch)
    image, landmarks = _placed(portrait(COLLINS), 4.0)
    patch = _swap(_engine("inswapper", session, replace(PLAIN, boost=2)), image, landmarks)
    fed = np.concatenate([each["target"] for each in session.fed])
    assert len(session.fed) == runs
    crop = cut(image, landmarks.points, "arcface_128", 256)
    for a in (0, 1):
        for b in (0, 1):
            assert np.abs(fed[2 * a + b] - _normalised(crop.image[a::2, b::2], _ZERO, _ONE)).max() < 1e-6
    corner = geometry.apply(crop.frame_to_crop, patch.crop_to_frame[:, 2][None])[0].round().astype(int)
    height, width = patch.mask.shape
    assert np.array_equal(patch.crop, crop.image[corner[1] : corner[1] + height, corner[0] : corner[0] + width])


def test_boost_with_a_mask_and_many_phases() -> None:
    session = Recording("hyperswap", batch=None, mask=lambda target: target[:, :1] * 0.5 + 0.5)
    image, landmarks = _placed(portrait(COLLINS), 12.0, width=1920, height=1080)
    _swap(_engine("hyperswap", session, replace(PLAIN, boost=5)), image, landmarks)
    assert [len(fed["target"]) for fed in session.fed] == [16, 9]


def test_boost_is_no_finer_than_the_picture() -> None:
    session = Recording("inswapper", batch=None)
    image, landmarks = _placed(portrait(COLLINS), 0.6)
    _swap(_engine("inswapper", session, replace(PLAIN, boost=8)), image, landmarks)
    assert len(session.fed[0]["target"]) == 1


# Where the patch lies


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("scale", "degrees"), [(0.8, 0.0), (0.8, 25.0), (0.4, -60.0), (1.1, 180.0)])
def test_a_network_that_gives_back_what_it_takes_leaves_the_picture_as_it_is(family: str, scale: float, degrees: float) -> None:
    if family == "simswap_256":
        mean, std = (np.array(each, np.float32).reshape(1, 3, 1, 1) for each in IMAGENET)
        session = Recording(family, answer=lambda target: target * std + mean)
    else:
        session = Recording(family)
    sharp, landmarks = _placed(portrait(COLLINS), scale, degrees)
    image = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 0.7), np.uint8)
    patch = _swap(_engine(family, session, Settings()), image, landmarks)
    result = image.copy()
    compose(result, patch)
    mask = cv2.warpAffine(patch.mask, patch.crop_to_frame, (640, 480))
    difference = cv2.absdiff(result, image)
    assert difference[mask > 128].mean() < 2
    assert not difference[cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0].any()


@pytest.mark.parametrize("family", ["inswapper", "simswap_512"])
@pytest.mark.parametrize(
    ("scale", "shift", "size_wh"),
    [(0.05, 0, (640, 480)), (60.0, 0, (64, 48)), (3.0, 0, (5, 400)), (1.5, 200, (320, 240)), (1.0, -130, (200, 300))],
)
def test_any_size_of_face_and_any_place(family: str, scale: float, shift: float, size_wh: tuple[int, int]) -> None:
    image, landmarks = _placed(portrait(COLLINS), scale, 10, *size_wh)
    landmarks = replace(landmarks, points=landmarks.points + np.array([shift, 0, 0], np.float32))
    engine = _engine(family, Recording(family), Settings(boost=2))
    (patch,) = engine.swap(_frame(image), [TrackedFace(1, landmarks, 1)], engine.prepare(_source()))
    x1, y1, x2, y2 = geometry.box_of(landmarks.points)
    seen = min(min(x2, size_wh[0]) - max(x1, 0), min(y2, size_wh[1]) - max(y1, 0)) >= 4
    assert (patch is not None) == seen
    if patch is not None:
        compose(image, patch)


def test_a_mirrored_picture_gives_the_mirrored_crop() -> None:
    face = portrait(COLLINS)
    flipped = np.ascontiguousarray(face.image[:, ::-1])
    first, second = (
        cut(image, locate(image).points, "arcface_128", 128).image[24:104, 24:104] for image in (face.image, flipped)
    )
    alike, unlike = (float(cv2.absdiff(first, np.ascontiguousarray(each)).mean()) for each in (second[:, ::-1], second))
    assert alike < 0.5 * unlike, "the face is not the same on both sides"


@pytest.mark.parametrize("degrees", [0.0, 90.0, 180.0, -45.0])
def test_a_turned_head_is_cut_upright(degrees: float) -> None:
    upright, turned = (
        cut(*(_placed(portrait(COLLINS), 1.0, angle)[0], _placed(portrait(COLLINS), 1.0, angle)[1].points), "arcface_128", 128)
        for angle in (0.0, degrees)
    )
    assert np.abs(upright.image[16:112, 16:112].astype(int) - turned.image[16:112, 16:112]).mean() < 4


def test_five_points_stand_where_a_detector_sees_them() -> None:
    for path in (COLLINS, HOPPER):
        face = portrait(path)
        seen = models().photo_detector.detect(face.image)[0].points
        own = geometry.five_points(face.landmarks.points)
        eyes = float(np.linalg.norm(seen[1] - seen[0]))
        assert own[0, 0] < own[1, 0]
        assert own[3, 0] < own[4, 0]
        assert np.linalg.norm(own - seen, axis=1).mean() < 0.1 * eyes


def test_five_points_on_many_portraits_are_the_detectors_in_the_mean(media: Path) -> None:
    offsets = []
    for path in sorted((media / "faces" / "london").glob("*.jpg"))[::5]:
        image = read(path)
        seen = models().photo_detector.detect(image)[0].points
        offsets.append((geometry.five_points(locate(image).points) - seen) / np.linalg.norm(seen[1] - seen[0]))
    assert np.linalg.norm(np.mean(offsets, axis=0), axis=1).max() < 0.05


# The mask


def test_the_box_falls_to_nothing_at_the_border() -> None:
    mask = box_mask(128)
    assert not mask[0].any()
    assert not mask[:, -1].any()
    assert (mask[32:96, 32:96] == 255).all()
    assert np.array_equal(mask, mask[::-1])
    assert np.array_equal(mask, mask.T)
    assert np.array_equal(mask, box_mask(128))
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = 1


@pytest.mark.parametrize("side", [128, 256, 512])
def test_the_outline_is_soft_inwards_and_nothing_beside_the_face(side: int) -> None:
    face = portrait(COLLINS)
    crop = cut(face.image, face.landmarks.points, "arcface_128", side)
    points = geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2])
    mask = outline_mask(points, 0.0, side)
    hull = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points.round().astype(np.int32)), 255)
    reach = max(3, side // 40)
    outside = cv2.dilate(hull, np.ones((reach, reach), np.uint8)) == 0
    assert mask[outside].max() < 8
    inside = cv2.erode(hull, np.ones((side // 8, side // 8), np.uint8)) > 0
    assert (mask[inside] > 250).all()


@pytest.mark.parametrize("yaw", [65.0, -65.0])
def test_what_a_turned_head_hides_is_not_drawn(yaw: float) -> None:
    face = portrait(COLLINS)
    crop = cut(face.image, face.landmarks.points, "arcface_128", 128)
    points = geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2])
    front, turned = (outline_mask(points, angle, 128).astype(int).sum(0) for angle in (0.0, yaw))
    nose = round(float(points[4, 0]))
    far, near = (slice(0, nose - 8), slice(nose + 8, 128)) if yaw > 0 else (slice(nose + 8, 128), slice(0, nose - 8))
    assert turned[far].sum() < 0.1 * front[far].sum()
    assert turned[near].sum() > 0.75 * front[near].sum()


# The colours


def _skin(level: tuple[int, int, int], seed: int = 1) -> Image:
    noise = np.random.default_rng(seed).normal(0, 12, (128, 128, 1))
    return np.asarray(np.clip(np.array(level) + noise, 0, 255), np.uint8)


def test_colours_are_led_over_to_the_pictures() -> None:
    target, own = _skin((90, 110, 150)), _skin((100, 125, 140), 2)
    where = np.full((128, 128), 255, np.uint8)
    led = matched(own, target, where, 1.0)
    assert np.abs(led.mean((0, 1)) - target.mean((0, 1))).max() < 0.6
    half = matched(own, target, where, 0.5)
    assert np.abs(half.mean((0, 1)) - (own.mean((0, 1)) + target.mean((0, 1))) / 2).max() < 0.8
    assert matched(own, target, where, 0.0) is own
    assert np.array_equal(matched(own, own, where, 1.0), own)


def test_colours_move_no_farther_than_light_does() -> None:
    where = np.full((128, 128), 255, np.uint8)
    led = matched(_skin((30, 30, 30)), _skin((200, 200, 200)), where, 1.0)
    assert np.abs(led.mean((0, 1)) - 30).max() < 34


@pytest.mark.parametrize("level", [20, 240])
def test_a_thing_that_nobody_has_told_of_does_not_colour_the_face(level: int) -> None:
    """Live, things before the face are painted over: the face must not grow dark while a telephone passes."""
    target, own = _skin((90, 110, 150)), _skin((100, 125, 140), 2)
    where = np.full((128, 128), 255, np.uint8)
    free = matched(own, target, where, 1.0)
    target[:, 40:90] = level
    assert np.abs(matched(own, target, where, 1.0).astype(int) - free).max() <= 2


def test_what_stands_before_the_face_does_not_colour_it() -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    x1, y1, x2, y2 = (int(value) for value in geometry.box_of(landmarks.points))
    covered = image.copy()
    # A thing so like the face that nobody tells it by its colour.
    lower = covered[(y1 + y2) // 2 : y2, x1:x2]
    lower[:] = np.clip(lower.astype(int) + 45, 0, 255)
    given = cut(image, landmarks.points, "arcface_128", 128).image
    numbers = np.asarray(given[:, :, ::-1].transpose(2, 0, 1)[None] / 255, np.float32)
    engine = _engine("inswapper", Recording("inswapper", answer=lambda target: numbers), Settings())
    occluder = np.zeros((SIDE, SIDE), np.uint8)
    occluder[SIDE // 2 - 8 :] = 255
    known = KnownFace(landmarks.points, occluder)
    alone = _swap(engine, image, landmarks)
    blind, seeing = _swap(engine, covered, landmarks), _swap(engine, covered, landmarks, known=known)
    off = [np.abs(each.crop.astype(int) - alone.crop).mean() for each in (blind, seeing)]
    assert off[1] < 0.5 * off[0]


# What may go wrong


@pytest.mark.parametrize("family", FAMILIES)
def test_a_session_of_other_shapes_is_refused_with_both_named(family: str) -> None:
    session = Recording(family, side=96)
    with pytest.raises(ModelMismatch) as caught:
        _engine(family, session)
    assert "1 x 3 x 96 x 96" in str(caught.value)
    assert str(CASES[family].side) in str(caught.value)


def test_a_batch_of_several_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="4 faces at once"):
        _engine("inswapper", Recording("inswapper", batch=4))


def test_a_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="512, 512"):
        _engine("inswapper", Recording("inswapper"), matrix=np.eye(256, dtype=np.float32))


def _spoiled(value: float) -> Answer:
    def answer(target: Floats) -> Floats:
        given = target.copy()
        given[0, 1, 60, 60] = value
        return given

    return answer


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_numbers_that_are_none_are_an_error_and_never_a_face(value: float, dtype: str) -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    engine = _engine("inswapper", Recording("inswapper", answer=_spoiled(value), dtype=dtype))
    with pytest.raises(ModelError, match="no picture") as caught:
        _swap(engine, image, landmarks)
    assert "precision" in caught.value.remedy


def test_a_mask_of_no_numbers_is_an_error() -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    session = Recording("hyperswap", mask=lambda target: np.full((len(target), 1, 256, 256), np.nan))
    with pytest.raises(ModelError, match="no picture"):
        _swap(_engine("hyperswap", session), image, landmarks)


def test_an_answer_of_another_shape_is_an_error() -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    engine = _engine("inswapper", Recording("inswapper", answer=lambda target: target[:, :, :64]))
    with pytest.raises(ModelMismatch, match=r"1 x 3 x 64 x 128.*1 x 3 x 128 x 128"):
        _swap(engine, image, landmarks)


def test_a_mask_of_another_shape_is_an_error() -> None:
    image, landmarks = _placed(portrait(COLLINS), 1.0)
    session = Recording("hyperswap", mask=lambda target: np.ones((len(target), 1, 128, 128)))
    with pytest.raises(ModelMismatch, match=r"'mask' came as 1 x 1 x 128 x 128, expected is 1 x 1 x 256 x 256"):
        _swap(_engine("hyperswap", session), image, landmarks)


# Stand-ins through onnxruntime


def _opened(family: str, **options: Any) -> OnnxSession:
    return OnnxSession(family, make_small(family, **options))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_the_contract_of_an_engine(family: str) -> None:
    session, recogniser = _opened(family), ArcFace("w600k_r50", _opened("arcface"))
    converter = Crossface("crossface", _opened("crossface"))
    settings = Settings()

    def make() -> EmbeddedEngine:
        match family:
            case "inswapper":
                return inswapper(family, session, recogniser, np.asarray(emap(), np.float32), settings)
            case "simswap_256" | "simswap_512":
                return simswap(family, session, family, recogniser, converter, settings)
            case "ghost":
                return ghost(family, session, recogniser, converter, settings)
            case "hififace":
                return hififace(family, session, recogniser, converter, settings)
            case "hyperswap":
                return hyperswap(family, session, recogniser, settings)
        return alphaface(family, session, recogniser, settings)

    image, landmarks = _placed(portrait(COLLINS), 1.0)
    conformance.engine_suite(make, _source(), _frame(image), TrackedFace(1, landmarks, 1))


@pytest.mark.parametrize("options", [{"half_io": True}, {"free_batch": True}])
def test_other_exports_of_inswapper_give_the_same_face(options: dict[str, Any]) -> None:
    image, landmarks = _placed(portrait(COLLINS), 3.0)
    settings = Settings(boost=2)
    usual, other = (
        _swap(_engine("inswapper", _opened("inswapper", **each), settings), image, landmarks) for each in ({}, options)
    )
    assert np.abs(usual.crop.astype(int) - other.crop).max() <= 2


# Opening


def _import(store: Store, folder: Path, *families_named: tuple[str, str]) -> None:
    for family, name in families_named:
        path = folder / name
        make_small(family, path)
        import_models([path], store, trust=True, family=family, report=lambda text: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(installed=tmp_path / "models")


class ClosedShelf(Shelf):
    """A shelf that opens nothing."""

    def session(self, entry: ModelEntry, example: Mapping[str, Array] | None = None) -> Session:
        raise AssertionError("a session is opened before all is there")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_recogniser_is_named_before_anything_is_opened(store: Store, tmp_path: Path, family: str) -> None:
    _import(store, tmp_path, (family, f"standin_{family}.onnx"))
    settings, shelf = Settings(engine=f"standin_{family}"), ClosedShelf(store)
    for ask in (registry.open_engine, registry.check_names):
        with pytest.raises(ModelMissing, match="w600k_r50") as caught:
            ask(settings, shelf)
        assert "mien models pull arcface_w600k_r50" in caught.value.remedy


def test_a_missing_converter_is_named(store: Store, tmp_path: Path) -> None:
    _import(store, tmp_path, ("ghost", "standin_ghost.onnx"), ("arcface", "standin_w600k_r50.onnx"))
    with pytest.raises(ModelMissing, match="crossface_ghost") as caught:
        registry.open_engine(Settings(engine="standin_ghost"), ClosedShelf(store))
    assert "mien models import --trust" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("hyperswap_1a_256", "mien models pull hyperswap_1a_256"),
        ("inswapper_128_facefusion_2", "mien models import"),
        ("ghost_1_256", "mien models import --trust ghost_1_256.onnx"),
    ],
)
def test_how_a_model_that_is_not_here_can_come_is_said_and_no_other_way(store: Store, name: str, way: str) -> None:
    with pytest.raises(ModelMissing, match="not installed") as caught:
        registry.check_names(Settings(engine=name), ClosedShelf(store))
    assert way in caught.value.remedy
    assert ("pull" in caught.value.remedy) == ("pull" in way)


def test_a_model_for_another_job_is_named_by_its_job(store: Store, tmp_path: Path) -> None:
    _import(store, tmp_path, ("codeformer", "standin_codeformer.onnx"))
    with pytest.raises(ModelMismatch, match="is an enhancer, not a swapper or an identity"):
        registry.check_names(Settings(engine="standin_codeformer"), ClosedShelf(store))


@pytest.mark.parametrize("family", FAMILIES)
def test_installed_stand_ins_open_by_their_family(store: Store, tmp_path: Path, family: str) -> None:
    needed = (("arcface", "standin_w600k_r50.onnx"), ("crossface", "standin_crossface.onnx"))
    _import(store, tmp_path, (family, f"standin_{family}.onnx"), *needed)
    settings, shelf = Settings(engine=f"standin_{family}"), Shelf(store)
    registry.check_names(settings, shelf)
    engine = registry.open_engine(settings, shelf)
    assert engine.name == f"standin_{family}"
    assert not engine.wants_reshape
    assert engine.prepare(_source()).shape == (1, 512)
    assert families()[family].role == "swapper"


def test_a_stand_in_never_serves_a_real_model_and_another_recogniser_neither(store: Store, tmp_path: Path) -> None:
    _import(store, tmp_path, ("arcface", "standin_w600k_r50.onnx"), ("crossface", "standin_crossface_simswap.onnx"))
    _import(store, tmp_path, ("simswap_256", "standin_simswap_256.onnx"), ("crossface", "standin_crossface_ghost.onnx"))
    assert partners(store.entry("simswap_256"), store) == (None, None)
    assert missing_for(store.entry("simswap_256"), store) == ("w600k_r50 or arcface_w600k_r50", "crossface_simswap")
    recogniser, converter = partners(store.entry("standin_simswap_256"), store)
    assert recogniser is not None
    assert converter is not None
    assert converter.id == "standin_crossface_simswap"


def test_a_picture_is_swapped_by_a_stand_in_labelled_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_MODELS", str(tmp_path / "models"))
    _import(Store(), tmp_path, ("inswapper", "standin_inswapper.onnx"), ("arcface", "standin_w600k_r50.onnx"))
    out = tmp_path / "out.png"
    arguments = ["swap", str(HOPPER), str(COLLINS), "-o", str(out), "--consent", "public-domain", "--quiet"]
    assert main([*arguments, "--engine", "standin_inswapper"]) == 0
    said = capsys.readouterr().err
    assert "standin_inswapper is a stand-in" in said
    assert "standin_w600k_r50 is a stand-in" in said
    assert b"altered by mien" in out.read_bytes()
    result, target = cv2.imread(str(out)), portrait(COLLINS).image
    assert result is not None
    x1, y1, x2, y2 = (int(value) for value in geometry.box_of(portrait(COLLINS).landmarks.points))
    assert np.abs(result[y1:y2, x1:x2].astype(int) - target[y1:y2, x1:x2]).mean() > 3

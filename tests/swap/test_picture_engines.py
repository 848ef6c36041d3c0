"""Swappers that take a picture, and DeepFaceLab models: fed and read as their contract says, and asked whose face they show."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.contracts import Engine, Session
from mien.errors import ModelError, ModelMismatch, SourceFaceStranger
from mien.face.mean_face import face_model
from mien.face.texels import SIDE
from mien.imaging import geometry
from mien.live.snapshot import Snapshot
from mien.models.format.ports import Shape
from mien.models.format.swappers import SWAPPERS, PhotoFeed
from mien.models.library.importing import import_models
from mien.models.library.store import Store
from mien.models.runtime.example_face import example_face
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.engines import dfm
from mien.swap.engines.dfm import DfmEngine, KnownToShow
from mien.swap.engines.pictured import PictureEngine, best_photo
from mien.swap.engines.swappers import open_swapper
from mien.swap.persona import open_persona
from mien.types import (
    Affine,
    Array,
    FacePatch,
    Floats,
    Frame,
    IdentityLimits,
    Image,
    KnownFace,
    Landmarks,
    Mask,
    SourceFace,
    TrackedFace,
)
from tests.support import conformance
from tests.support.deadline import wait_until
from tests.support.live_loop import Running, camera
from tests.support.portraits import COLLINS, HOPPER, models, portrait, read, recogniser
from tests.support.standins import make_small

PLAIN = Settings(light=0.0)
"""Without the colour step, so that what the network gives is what is seen."""
Answer = Callable[[Mapping[str, Array]], Mapping[str, Array]]


class Recording:
    """A `contracts.Session` that remembers what it was fed, in `calls`, and answers by a function."""

    provider = "RecordingProvider"

    def __init__(self, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], answer: Answer) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.dtypes: Mapping[str, str] = dict.fromkeys((*inputs, *outputs), "float32")
        self.calls: list[dict[str, Array]] = []
        self._answer = answer

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.calls.append({name: value.copy() for name, value in inputs.items()})
        return dict(self._answer(inputs))


def unchanged(fed: Mapping[str, Array]) -> dict[str, Array]:
    return {"output": fed["target"]}


def picture_session(source_side: int, answer: Answer = unchanged) -> Recording:
    """In the place of uniface (256) or blendswap (112)."""
    inputs: dict[str, Shape] = {"source": (1, 3, source_side, source_side), "target": (1, 3, 256, 256)}
    return Recording(inputs, {"output": (1, 3, 256, 256)}, answer)


def dfm_session(
    face: Callable[[Array, float], Array] = lambda crop, morph: crop,
    *,
    side: int = 128,
    masks: tuple[float, float] = (1.0, 1.0),
    morph: bool = False,
    names: tuple[str, str, str] = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0"),
    batch: int | str = "unk__1",
    shown: Array | None = None,
) -> Recording:
    """In the place of a .dfm; `face` makes the new face of the crops and morph_value, `masks` are even, or the new face's
    is `shown`.
    """

    def answer(fed: Mapping[str, Array]) -> dict[str, Array]:
        crops = fed["in_face:0"]
        value = float(fed["morph_value:0"][0]) if morph else 1.0
        own, other = (np.full((*crops.shape[:3], 1), level, np.float32) for level in masks)
        if shown is not None:
            other[:] = shown[:, :, None]
        return dict(zip(names, (own, face(crops, value).astype(np.float32), other), strict=True))

    inputs: dict[str, Shape] = {"in_face:0": (batch, side, side, 3)}
    if morph:
        inputs["morph_value:0"] = (1,)
    outputs: dict[str, Shape] = {name: (batch, side, side, channels) for name, channels in zip(names, (1, 3, 1), strict=True)}
    return Recording(inputs, outputs, answer)


def uniface(name: str, session: Session, settings: Settings) -> PictureEngine:
    engine = open_swapper(name, session, SWAPPERS["uniface"], settings)
    assert isinstance(engine, PictureEngine)
    return engine


def blendswap(name: str, session: Session, settings: Settings) -> PictureEngine:
    engine = open_swapper(name, session, SWAPPERS["blendswap"], settings)
    assert isinstance(engine, PictureEngine)
    return engine


class Anybody:
    """A `contracts.Recogniser` to whom all faces are the same."""

    limits = IdentityLimits(photo=0.1, protect=0.09, cluster=0.08)

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        return np.zeros(1, np.float32)


def dfm_engine(session: Session, settings: Settings = PLAIN) -> DfmEngine:
    return DfmEngine("somebody", session, Anybody(), settings)


def noise(width: int, height: int, seed: int = 1) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def face_at(places: Array, of: Callable[[Array], Array]) -> Landmarks:
    """Landmarks of which `of`, a linear function, makes exactly `places` (n, 2): it then cuts whole pixels, nothing between."""
    points = (face_model().shape * 50 + np.array([*places.mean(0), 0])).astype(np.float32)
    for number in range(len(places)):
        touching = [k for k in range(len(points)) if of(np.eye(len(points), 3, -k)[:, :2])[number].any()]
        points[touching, :2] = places[number]
    return Landmarks(points, 1.0)


def five_at(template: str, side: int, left: int, top: int) -> Landmarks:
    return face_at(geometry.TEMPLATES[template] * side + (left, top), geometry.five_points)


def frame_of(image: Image) -> Frame:
    return Frame(image, 0, 0, Fraction(1))


def source_of(path: Path) -> SourceFace:
    return factory.open_source(portrait(path).image, models())


def slow_planes(crop: Image, mean: float, std: float) -> Array:
    """The contract, number by number: RGB, (level / 255 - mean) / std, (1, 3, h, w)."""
    height, width = crop.shape[:2]
    planes = np.empty((1, 3, height, width))
    for y in range(height):
        for x in range(width):
            blue, green, red = (int(level) for level in crop[y, x])
            for channel, level in enumerate((red, green, blue)):
                planes[0, channel, y, x] = (level / 255 - mean) / std
    return planes


@pytest.mark.parametrize(
    ("make", "template", "source_side", "mean", "std"),
    [(uniface, "ffhq_512", 256, 0.5, 0.5), (blendswap, "arcface_112_v2", 112, 0.0, 1.0)],
)
def test_what_a_network_of_pictures_is_fed_and_what_is_made_of_its_answer(
    make: Callable[[str, Session, Settings], PictureEngine], template: str, source_side: int, mean: float, std: float
) -> None:
    given = np.random.default_rng(5).normal(mean, 0.6 * std, (1, 3, 256, 256)).astype(np.float32)
    session = picture_session(source_side, lambda fed: {"output": given})
    engine = make("model", session, PLAIN)
    photo, picture = noise(300, 300), noise(320, 310, seed=2)
    prepared = engine.prepare(SourceFace(photo, five_at(template, source_side, 20, 30), "photo"))
    face = TrackedFace(1, five_at("ffhq_512", 256, 40, 25), 1)
    (patch,) = engine.swap(frame_of(picture), [face], prepared)
    (fed,) = session.calls
    # The source is RGB 0..1 whatever the target is.
    assert np.abs(fed["source"] - slow_planes(photo[30 : 30 + source_side, 20 : 20 + source_side], 0, 1)).max() < 1e-4
    assert np.abs(fed["target"] - slow_planes(picture[25:281, 40:296], mean, std)).max() < 1e-4
    assert not prepared.flags.writeable
    assert patch is not None
    left, top = (round(value) for value in patch.crop_to_frame[:, 2] - (40, 25))
    assert np.allclose(patch.crop_to_frame[:, :2], np.eye(2), atol=1e-5)
    height, width = patch.mask.shape
    for y in range(0, height, 7):
        for x in range(0, width, 7):
            levels = [255 * min(max(value * std + mean, 0), 1) for value in given[0, ::-1, top + y, left + x]]
            assert np.abs(patch.crop[y, x] - np.array(levels)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(("make", "side"), [(uniface, 256), (blendswap, 112)])
def test_what_is_given_back_unchanged_leaves_the_picture(
    make: Callable[[str, Session, Settings], PictureEngine], side: int
) -> None:
    engine = make("model", picture_session(side), Settings())
    unchanged_inside(engine.swap, engine.prepare(source_of(HOPPER)))


def unchanged_inside(swap: Callable[..., list[FacePatch | None]], prepared: object) -> None:
    target = portrait(COLLINS)
    (patch,) = swap(frame_of(target.image.copy()), [TrackedFace(1, target.landmarks, 1)], prepared)
    assert patch is not None
    size_wh = target.image.shape[1], target.image.shape[0]
    back = cv2.warpAffine(patch.crop, patch.crop_to_frame, size_wh)
    inside = cv2.warpAffine(patch.mask, patch.crop_to_frame, size_wh) > 200
    assert inside.sum() > 4_000
    assert np.abs(back[inside].astype(int) - target.image[inside]).mean() < 3


ENGINES: Mapping[str, Callable[[str, Session], Engine]] = {
    "uniface": lambda name, session: uniface(name, session, Settings()),
    "blendswap": lambda name, session: blendswap(name, session, Settings()),
    "dfm": lambda name, session: DfmEngine(name, session, Anybody(), Settings(morph=0.5)),
}


@pytest.mark.parametrize(
    ("family", "options"),
    [
        *(
            (family, options)
            for family in ("uniface", "blendswap")
            for options in ({}, {"free_batch": True}, {"half_io": True})
        ),
        *(("dfm", options) for options in ({}, {"free_batch": False}, {"morph": True, "side": 320}, {"names": "plain"})),
    ],
)
def test_the_engines_keep_their_contract(family: str, options: dict[str, Any]) -> None:
    session = OnnxSession(family, make_small(family, **options))
    target = portrait(COLLINS)
    face = TrackedFace(1, target.landmarks, 1)
    conformance.engine_suite(
        lambda: ENGINES[family](family, session), source_of(HOPPER), frame_of(target.image.copy()), face
    )  # fmt: skip


def test_of_several_photos_the_most_frontal_and_largest_is_taken() -> None:
    def photo(name: str, size: float, yaw_degrees: float) -> SourceFace:
        angle = np.radians(yaw_degrees)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        points = (face_model().shape @ turn.T * size + np.array([300, 300, 0])).astype(np.float32)
        return SourceFace(np.zeros((600, 600, 3), np.uint8), Landmarks(points, 1.0), name)

    feed = PhotoFeed("ffhq_512", 256)
    turned, small, good, huge = photo("turned", 120, 38), photo("small", 20, 0), photo("good", 120, 3), photo("huge", 200, 30)
    for first, *others in ((turned, small, good, huge), (good, huge, turned), (small, good, turned)):
        assert best_photo(replace(first, others=tuple(others)), feed).digest == "good"
    assert best_photo(small, feed) is small


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_an_error(value: float) -> None:
    def broken(crops: Array, morph: float) -> Array:
        made = crops.copy()
        made[0, 5, 5, 1] = value
        return made

    face = TrackedFace(1, portrait(COLLINS).landmarks, 1)
    frame = frame_of(portrait(COLLINS).image.copy())
    given = np.full((1, 3, 256, 256), value, np.float32)
    engine = uniface("uniface_256", picture_session(256, lambda fed: {"output": given}), Settings())
    with pytest.raises(ModelError, match="uniface_256 gave numbers"):
        engine.swap(frame, [face], engine.prepare(source_of(HOPPER)))
    model = dfm_engine(dfm_session(broken))
    with pytest.raises(ModelError, match="somebody gave numbers"):
        model.swap(frame, [face], KnownToShow("photo", 0.0))
    with pytest.raises(ModelError, match="somebody gave numbers"):
        model.prepare(source_of(HOPPER))


@pytest.mark.parametrize(
    ("make", "family", "said"),
    [
        (uniface, "blendswap", "'source' has shape 1 x 3 x 112 x 112, expected is . x 3 x 256 x 256"),
        (blendswap, "uniface", "'source' has shape 1 x 3 x 256 x 256, expected is . x 3 x 112 x 112"),
        (uniface, "hyperswap", "'source' has shape 1 x 512, expected is . x 3 x 256 x 256"),
        (lambda name, session, settings: dfm_engine(session), "xseg", "no output 'out_celeb_face:0'"),
        (lambda name, session, settings: dfm_engine(session), "inswapper", "wants an input|has shape"),
    ],
)
def test_a_graph_of_another_family_is_refused(make: Callable[[str, Session, Settings], object], family: str, said: str) -> None:
    with pytest.raises(ModelMismatch, match=said):
        make("model", OnnxSession(family, make_small(family)), Settings())


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((None, None, None, 3), "free"),
        (("n", "h", "w", 3), "free"),
        ((None, 224, 256, 3), "square of 64 to 1024"),
        ((None, 32, 32, 3), "square of 64 to 1024"),
        ((None, 2048, 2048, 3), "square of 64 to 1024"),
        ((None, 224, 224, 4), "expected is . x . x . x 3"),
        ((3, 224, 224, 3), "3 faces at once"),
    ],
)
def test_a_dfm_of_no_usable_size_is_refused_with_a_word(shape: Shape, said: str) -> None:
    session = dfm_session()
    session.inputs = {"in_face:0": shape}
    with pytest.raises(ModelMismatch, match=said):
        dfm_engine(session)


def test_a_dfm_that_answers_in_another_size_is_an_error() -> None:
    engine = dfm_engine(dfm_session(lambda crops, morph: crops[:, ::2, ::2]))
    with pytest.raises(ModelMismatch, match="came as 1 x 64 x 64 x 3, expected is 1 x 128 x 128 x 3"):
        engine.prepare(source_of(HOPPER))


def whole_face_at(side: int, left: int, top: int) -> Landmarks:
    """Landmarks at which DeepFaceLab's rule cuts whole pixels."""
    marks = [entry[0] for entry in dfm._MEAN_FACE]
    mean_face = np.array([entry[1:] for entry in dfm._MEAN_FACE])
    # The rule in words: a square of 2.1314 times the frame of the mean face, its middle 0.07 above the frame's.
    corner = np.array([0.5, 0.5 - 0.07]) - 2.13137085 / 2
    points = (face_model().shape * 50 + np.array([left + side / 2, top + side / 2, 0])).astype(np.float32)
    points[marks, :2] = (mean_face - corner) / 2.13137085 * side + (left, top)
    return Landmarks(points, 1.0)


def test_what_a_dfm_is_fed_is_bgr_height_by_width_by_channels() -> None:
    session = dfm_session(side=128)
    picture = noise(220, 200)
    dfm_engine(session).swap(frame_of(picture), [TrackedFace(1, whole_face_at(128, 31, 17), 1)], KnownToShow("", 0.0))
    (fed,) = session.calls
    assert set(fed) == {"in_face:0"}
    crop = picture[17:145, 31:159]
    assert fed["in_face:0"].shape == (1, 128, 128, 3)
    assert fed["in_face:0"].dtype == np.float32
    for y in range(0, 128, 3):
        for x in range(128):
            assert max(abs(float(fed["in_face:0"][0, y, x, c]) - int(crop[y, x, c]) / 255) for c in range(3)) < 1e-4


def test_the_answer_of_a_dfm_is_read_by_name_or_by_place() -> None:
    drawn = np.random.default_rng(3).uniform(-0.1, 1.1, (1, 128, 128, 3)).astype(np.float32)
    face = TrackedFace(1, whole_face_at(128, 30, 20), 1)
    for names in (("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0"), ("a", "b", "c")):
        engine = dfm_engine(dfm_session(lambda crops, morph: drawn, names=names))
        (patch,) = engine.swap(frame_of(noise(220, 200)), [face], KnownToShow("", 0.0))
        assert patch is not None
        left, top = (round(value) for value in patch.crop_to_frame[:, 2] - (30, 20))
        height, width = patch.mask.shape
        expected = np.clip(drawn[0, top : top + height, left : left + width], 0, 1) * 255
        assert np.abs(patch.crop - expected).max() <= 0.5 + 1e-3


def slow_mask(target: Array, celeb: Array) -> Array:
    """FaceFusion's mask of a .dfm at 256, pixel by pixel in 0..255: minimum, a cross eroded twice, a Gaussian of 6.25."""
    side = len(target)
    mask = np.clip(np.minimum(target, celeb), 0, 1) * 255
    for _ in range(2):
        wide = np.pad(mask, 1, constant_values=255.0)
        mask = np.min([wide[1 + dy : 1 + dy + side, 1 + dx : 1 + dx + side] for dy, dx in CROSS], axis=0)
    taps = np.array([np.exp(-0.5 * (k / 6.25) ** 2) for k in range(-25, 26)])
    taps /= taps.sum()
    for _ in range(2):
        wide = np.pad(mask, ((0, 0), (25, 25)), mode="reflect")
        mask = np.sum([tap * wide[:, k : k + side] for k, tap in enumerate(taps)], axis=0).T
    return mask


CROSS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def drawn_mask(x: int, y: int, radius: int, side: int = 256) -> Array:
    rows, columns = np.mgrid[:side, :side]
    drawn: Array = np.clip(radius - np.hypot(rows - y, columns - x), 0, 1).astype(np.float32)
    return drawn


def test_the_mask_of_a_dfm_is_where_both_masks_are_eroded_and_softened() -> None:
    target, celeb = drawn_mask(120, 130, 90), drawn_mask(135, 120, 95)

    def answer(fed: Mapping[str, Array]) -> dict[str, Array]:
        own, other = target[None, :, :, None], celeb[None, :, :, None]
        return {"out_face_mask:0": own, "out_celeb_face:0": fed["in_face:0"], "out_celeb_face_mask:0": other}

    session = dfm_session(side=256)
    session = Recording(session.inputs, session.outputs, answer)
    face = TrackedFace(1, whole_face_at(256, 30, 20), 1)
    (patch,) = dfm_engine(session).swap(frame_of(noise(360, 340)), [face], KnownToShow("", 0.0))
    assert patch is not None
    whole = np.zeros((256, 256))
    left, top = (round(value) for value in patch.crop_to_frame[:, 2] - (30, 20))
    whole[top : top + patch.mask.shape[0], left : left + patch.mask.shape[1]] = patch.mask
    expected = slow_mask(target, celeb)
    inside = slice(45, 211)
    assert np.abs(whole[inside, inside] - expected[inside, inside]).max() <= 2
    assert whole[:6].max() == 0, "the soft box"
    (without,) = dfm_engine(session, replace(PLAIN, occlusion="off")).swap(
        frame_of(noise(360, 340)), [face], KnownToShow("", 0.0)
    )  # fmt: skip
    assert without is not None
    assert without.mask.astype(int).sum() > patch.mask.astype(int).sum(), "an occluder is painted over"


def test_a_mask_is_softened_in_proportion_to_its_side() -> None:
    plain = (drawn_mask(120, 130, 90) * 255).astype(np.uint8)
    wanted = dfm.softened(plain).astype(int)
    for side in (128, 512):
        other = dfm.softened(np.asarray(cv2.resize(plain, (side, side), interpolation=cv2.INTER_AREA), np.uint8))
        assert other.shape == (side, side)
        back = cv2.resize(other, (256, 256), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(back - wanted).max() <= 16, "what a pixel is worth at the edge"


@pytest.mark.parametrize("masks", [(0.0, 1.0), (1.0, 0.0), (0.1, 0.1)])
def test_a_dfm_whose_masks_show_nothing_does_not_show_the_wearer(masks: tuple[float, float]) -> None:
    target = portrait(COLLINS)
    engine = dfm_engine(dfm_session(masks=masks))
    face = TrackedFace(1, target.landmarks, 1)
    (patch,) = engine.swap(frame_of(target.image.copy()), [face], KnownToShow("", 0.0))
    assert patch is not None
    x, y = geometry.apply(geometry.invert(patch.crop_to_frame), target.landmarks.points[4:5, :2])[0]
    assert patch.mask[round(float(y)), round(float(x))] == 255


def test_a_dfm_that_shows_only_what_a_segmenter_hides_does_not_show_the_wearer() -> None:
    target = portrait(COLLINS)
    upper, lower = np.ones((128, 128)), np.zeros((SIDE, SIDE), np.uint8)
    upper[:58], lower[SIDE // 2 - 8 :] = 0, 255
    _, y1, _, y2 = geometry.box_of(target.landmarks.points)

    def top(known: KnownFace | None) -> float:
        face = TrackedFace(1, target.landmarks, 1, known=known)
        engine = dfm_engine(dfm_session(shown=upper))
        (patch,) = engine.swap(frame_of(target.image.copy()), [face], KnownToShow("", 0.0))
        assert patch is not None
        return float(geometry.apply(patch.crop_to_frame, np.zeros((1, 2)))[0, 1])

    assert top(None) > y1 + 0.2 * (y2 - y1)
    assert top(KnownFace(target.landmarks.points, lower)) < y1 + 0.1 * (y2 - y1)


def test_faces_of_a_frame_go_through_a_dfm_at_once_where_it_lets_them() -> None:
    target = portrait(COLLINS)
    faces = [TrackedFace(number, target.landmarks, 1) for number in range(3)]
    for batch, runs in (("unk__1", [3]), (1, [1, 1, 1])):
        session = dfm_session(batch=batch)
        patches = dfm_engine(session).swap(frame_of(target.image.copy()), faces, KnownToShow("", 0.0))
        assert [len(fed["in_face:0"]) for fed in session.calls] == runs
        assert all(patch is not None for patch in patches)


def test_what_a_dfm_gives_back_unchanged_leaves_the_picture() -> None:
    unchanged_inside(dfm_engine(dfm_session(side=320), Settings()).swap, KnownToShow("", 0.0))


def painting(face: SourceFace, side: int) -> Callable[[Array, float], Array]:
    """A model that paints this face over any other, as far as it is morphed."""
    to_crop: Affine = dfm.whole_face(face.landmarks.points, side)
    painted = cv2.warpAffine(face.image, to_crop, (side, side), borderMode=cv2.BORDER_REPLICATE) / 255

    def paint(crops: Array, morph: float) -> Array:
        return np.asarray(crops + morph * (painted - crops))

    return paint


def hull_mask(face: SourceFace, side: int) -> Mask:
    points = geometry.apply(dfm.whole_face(face.landmarks.points, side), face.landmarks.points[:, :2])
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), 255)
    return mask


def test_a_model_of_the_person_of_the_photo_is_known_by_its_face() -> None:
    collins = source_of(COLLINS)
    for face in (lambda crops, morph: crops, painting(collins, 224)):
        engine = DfmEngine("collins", dfm_session(face, side=224), recogniser(), Settings())
        known = engine.prepare(collins)
        assert known.digest == collins.digest
        assert known.distance < 0.35


@pytest.mark.parametrize("morph", [0.0, 1.0])
def test_a_model_of_somebody_else_than_the_photo_is_refused(morph: float) -> None:
    session = dfm_session(painting(source_of(HOPPER), 224), side=224, morph=True)
    engine = DfmEngine("hopper", session, recogniser(), Settings(morph=morph))
    with pytest.raises(SourceFaceStranger, match="hopper shows another person than the photo") as caught:
        engine.prepare(source_of(COLLINS))
    assert caught.value.remedy == "choose a photo of the person whose model this is"
    # However little of it is to be worn, the model is asked for all of its face.
    assert float(session.calls[0]["morph_value:0"][0]) == 1.0
    assert engine.prepare(source_of(HOPPER)).distance < 0.35


@pytest.mark.parametrize("masks", [(0.0, 1.0), (1.0, 0.0), (0.05, 1.0)])
def test_the_photo_does_not_answer_for_a_model_that_shows_nothing(masks: tuple[float, float]) -> None:
    engine = DfmEngine("nobody", dfm_session(side=224, masks=masks), recogniser(), Settings())
    with pytest.raises(SourceFaceStranger):
        engine.prepare(source_of(COLLINS))


@pytest.fixture
def sessions(tmp_path: Path) -> SessionCache:
    """A store that holds the stand-ins of these families."""
    store = Store(installed=tmp_path / "installed")
    given = tmp_path / "given"
    given.mkdir()
    for family in ("uniface", "blendswap", "dfm"):
        make_small(family, given / f"standin_{family}.{'dfm' if family == 'dfm' else 'onnx'}")
    import_models([given], store, trust=True)
    return SessionCache(store)


@pytest.mark.parametrize("family", ["uniface", "blendswap"])
def test_an_imported_model_swaps_a_picture(family: str, sessions: SessionCache) -> None:
    entry = next(entry for entry in sessions.store.entries() if entry.family == family and entry.standin)
    settings = replace(PLAIN, engine=entry.id)
    target = portrait(COLLINS)
    frame = frame_of(target.image.copy())
    result = factory.open_picture_pipeline(settings, replace(models(), sessions=sessions), source_of(HOPPER)).swap_frame(frame)
    assert result.swapped == 1
    x1, y1, x2, y2 = (round(value) for value in geometry.box_of(target.landmarks.points))
    changed = np.abs(frame.image.astype(int) - target.image).max(axis=2)
    assert changed[y1:y2, x1:x2].mean() > 5
    assert not changed[:, x2 + (x2 - x1) // 2 :].any(), "beside the face nothing is touched"


def test_an_imported_dfm_is_asked_whose_face_it_shows(sessions: SessionCache) -> None:
    entry = next(entry for entry in sessions.store.entries() if entry.family == "dfm")
    engine = factory.open_engine(Settings(engine=entry.id), sessions)
    assert engine.name == entry.id
    # The stand-in softens and tints the picture: whose face it is stays to be seen.
    known = engine.prepare(source_of(COLLINS))
    assert isinstance(known, KnownToShow)
    assert 0 < known.distance < recogniser().limits.photo


def test_a_dfm_that_is_open_reads_no_file_for_another_setting(sessions: SessionCache, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = next(entry for entry in sessions.store.entries() if entry.family == "dfm")
    factory.open_engine(Settings(engine=entry.id), sessions)

    def read(store: Store, model_id: str) -> None:
        raise AssertionError(f"{model_id} is read again")

    for name in ("read", "verified"):
        monkeypatch.setattr(Store, name, read)
    assert factory.open_engine(Settings(engine=entry.id, sharpness=0.5), sessions).name == entry.id


def live_colour(settings: Settings, *, morph: bool) -> Array:
    """The mean colour of the middle of the face in a live picture that a stand-in swaps."""
    session = OnnxSession("dfm", make_small("dfm", morph=morph))
    persona = open_persona(DfmEngine("somebody", session, Anybody(), settings), source_of(COLLINS))
    with Running(Snapshot(settings, everyone(persona), "face")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
        frames = running.frames(5)
        assert running.loop.meter.read(0).last_shown == "swapped"
    return np.asarray(np.mean([frame.image[62:78, 82:98] for frame in frames], axis=(0, 1, 2)))


def test_a_dfm_runs_live_with_and_without_a_morph_value() -> None:
    bare = np.array([40, 40, 125])
    without = live_colour(PLAIN, morph=False)
    assert np.abs(without - bare).max() > 8
    none, half, whole = (live_colour(replace(PLAIN, morph=value), morph=True) for value in (0.0, 0.5, 1.0))
    assert np.abs(whole - without).max() < 4, "the same weights, morphed the whole way"
    assert np.abs(half - (none + whole) / 2).max() < 4
    assert np.abs(none - whole).max() > 8


def test_people_are_told_from_each_other_by_the_models_that_paint_them(media: Path) -> None:
    folder = media / "faces" / "london"
    resting = [factory.open_source(read(path), models()) for path in sorted(folder.glob("*_neutral.*"))[:12]]
    smiling = [factory.open_source(read(path), models()) for path in sorted(folder.glob("*_smiling.*"))[:12]]
    refused = 0
    for number, own in enumerate(resting):
        mask = hull_mask(own, 224) / np.float32(255)
        engine = DfmEngine("model", dfm_session(painting(own, 224), side=224, shown=mask), recogniser(), Settings())
        assert engine.prepare(smiling[number]).distance < 0.6
        try:
            engine.prepare(resting[number - 1])
        except SourceFaceStranger:
            refused += 1
    assert refused >= 11


def test_a_model_that_leaves_faces_as_they_are_passes_for_nobody() -> None:
    somebody = example_face(models().landmarker)
    engine = DfmEngine("mirror", dfm_session(side=224), recogniser(), Settings(), lambda: somebody)
    with pytest.raises(SourceFaceStranger, match="mirror does not turn another face into the person of the photo"):
        engine.prepare(source_of(HOPPER))


def test_a_model_of_the_person_makes_that_person_of_somebody_else() -> None:
    somebody = example_face(models().landmarker)
    session = dfm_session(painting(source_of(HOPPER), 224), side=224)
    engine = DfmEngine("hopper", session, recogniser(), Settings(), lambda: somebody)
    assert engine.prepare(source_of(HOPPER)).distance < 0.35
    assert len(session.calls) == 2


def test_the_example_is_the_person_that_it_is_said_to_be() -> None:
    somebody, collins = example_face(models().landmarker), source_of(COLLINS)
    described = [recogniser().describe(face.image, face.landmarks) for face in (somebody, collins)]
    assert np.linalg.norm(described[0] - described[1]) < 0.4

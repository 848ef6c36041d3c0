"""Occlusion masks of segmenters: their input, their pace, and the position of their masks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_picture_pipeline, open_source
from mien.assembly.registry import open_segmenters
from mien.assembly.warm_up import try_on
from mien.contracts import Segmenter
from mien.errors import ModelError, ModelMismatch
from mien.face.aligned_crop import cut
from mien.face.texels import SIDE, facing, texel_map, unwrap_mask
from mien.imaging import geometry
from mien.lab.evaluate import portraits, scenes
from mien.live.snapshot import Snapshot
from mien.models.networks.masks.bisenet import BiSeNet
from mien.models.networks.masks.xseg import XSeg
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.memory.observer import Observer
from mien.swap.memory.segmentation import Segmentation
from mien.swap.persona import Persona, Retouch
from mien.swap.pipeline import Pipeline
from mien.swap.stages.occluders import cut_occluders
from mien.swap.stream_memory import StreamMemory
from mien.swap.tracking.tracker import Tracker
from mien.testing import FakeDetector, FakeEngine, FakeLandmarker, fake_persona
from mien.types import Array, FacePatch, Floats, Frame, Image, Mask, TrackedFace
from tests.support.conformance import segmenter_suite
from tests.support.live_loop import GREEN, Running, camera, shows_red
from tests.support.portraits import COLLINS, HOPPER, models, moved, portrait
from tests.support.standins.store import install, standin_store

_BLUE = 220, 60, 20
Shapes = Mapping[str, tuple[int | str | None, ...]]


@dataclass(slots=True)
class Computing:
    """A `contracts.Session` that computes its one output from its one input."""

    inputs: Shapes
    outputs: Shapes
    compute: Callable[[Array], Array]
    dtype: str = "float32"
    provider: str = "test"
    fed: tuple[Array, ...] = ()

    @property
    def dtypes(self) -> Mapping[str, str]:
        return dict.fromkeys((*self.inputs, *self.outputs), self.dtype)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        (name,), (answer,) = self.inputs, self.outputs
        assert str(inputs[name].dtype) == self.dtype
        self.fed += (inputs[name],)
        return {answer: self.compute(inputs[name]).astype(self.dtype, copy=False)}


class Blue:
    """A `contracts.Segmenter` that takes everything blue for an occluder; counts the crops that it gets."""

    template = "dfl_whole_face"

    def __init__(self, side: int = 256) -> None:
        self.side = side
        self.shown: list[int] = []

    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        self.shown.append(len(crops))
        assert all(crop.shape == (self.side, self.side, 3) for crop in crops)
        return [np.where(_is_blue(crop), 0, 255).astype(np.uint8) for crop in crops]


class Rows(Blue):
    """Sees nothing of the face above a row of the crop."""

    def __init__(self, row: int) -> None:
        super().__init__()
        self._row = row

    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        mask = np.full((self.side, self.side), 255, np.uint8)
        mask[: self._row] = 0
        return [mask for _ in crops]


class Broken(Blue):
    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        raise ModelError("the network failed", "on purpose")


def _is_blue(image: Image) -> Array:
    blue: Array = image[:, :, 0].astype(int) > image[:, :, 2].astype(int) + 60
    return blue


def _crops(side: int, count: int = 1) -> list[Image]:
    return list(np.random.default_rng(5).integers(0, 256, (count, side, side, 3), np.uint8))


def _xseg(compute: Callable[[Array], Array], *, batch: int | str = "n", dtype: str = "float32") -> Computing:
    return Computing({"xseg_input:0": (batch, 256, 256, 3)}, {"out": (batch, 256, 256, 1)}, compute, dtype)


def _bisenet(compute: Callable[[Array], Array], batch: int | str = "n") -> Computing:
    return Computing({"input": (batch, 3, 512, 512)}, {"output": (batch, 19, 512, 512)}, compute)


def test_xseg_is_fed_with_bgr_from_0_to_1_and_its_answer_is_how_far_the_face_is_seen() -> None:
    crop = _crops(256)[0]
    session = _xseg(lambda blob: 1.4 * blob[..., :1] + 0.3 * blob[..., 2:] - 0.2)
    (mask,) = XSeg("xseg_1", session).visible([crop])
    for y, x in ((0, 0), (17, 250), (255, 3), (128, 128)):
        blue, green, red = (int(value) for value in crop[y, x])
        assert session.fed[0][0, y, x] == pytest.approx((blue / 255, green / 255, red / 255), abs=1e-4)
        wanted = min(max(1.4 * blue / 255 + 0.3 * red / 255 - 0.2, 0.0), 1.0)
        assert abs(int(mask[y, x]) - 255 * wanted) <= 0.51


def test_bisenet_is_fed_with_rgb_by_imagenet_and_the_highest_class_counts() -> None:
    crop = _crops(512)[0]
    weights = np.random.default_rng(6).standard_normal((19, 3)).astype(np.float32)
    session = _bisenet(lambda blob: np.einsum("ck,nkhw->nchw", weights, blob))
    (mask,) = BiSeNet("bisenet_resnet_34", session).visible([crop])
    face = {1, 2, 3, 4, 5, 10, 11, 12, 13}
    for y, x in np.random.default_rng(7).integers(0, 512, (200, 2)):
        rgb = [int(value) / 255 for value in crop[y, x, ::-1]]
        fed = [(v - m) / s for v, m, s in zip(rgb, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
        assert session.fed[0][0, :, y, x] == pytest.approx(fed, abs=1e-4)
        scores = [sum(float(w) * value for w, value in zip(row, fed, strict=True)) for row in weights]
        assert mask[y, x] == (255 if scores.index(max(scores)) in face else 0)
    assert 0 < int((mask == 255).sum()) < mask.size


@pytest.mark.parametrize(("batch", "runs"), [("n", [3]), (1, [1, 1, 1])])
def test_crops_go_in_one_batch_where_the_graph_allows_it(batch: int | str, runs: list[int]) -> None:
    session, crops = _xseg(lambda blob: blob[..., 1:2], batch=batch), _crops(256, 3)
    masks = XSeg("xseg_1", session).visible(crops)
    assert [len(blob) for blob in session.fed] == runs
    for crop, mask in zip(crops, masks, strict=True):
        assert np.array_equal(crop[:, :, 1], mask)


def test_the_classes_of_many_faces_are_not_held_all_at_once() -> None:
    session = _bisenet(lambda blob: np.zeros((len(blob), 19, 512, 512), np.float32))
    assert len(BiSeNet("bisenet", session).visible(_crops(512, 5))) == 5
    assert max(len(blob) for blob in session.fed) <= 2


def test_half_numbers_are_fed_where_the_file_wants_them() -> None:
    crop = _crops(256)[0]
    (mask,) = XSeg("xseg_1", _xseg(lambda blob: blob[..., :1], dtype="float16")).visible([crop])
    assert int(np.abs(mask.astype(int) - crop[:, :, 0]).max()) <= 1


def test_no_crops_take_no_run() -> None:
    session = _xseg(lambda blob: blob[..., :1])
    assert XSeg("xseg_1", session).visible([]) == []
    assert not session.fed


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (XSeg, Computing({"input": (1, 3, 256, 256)}, {"output": (1, 256, 256, 1)}, lambda blob: blob)),
        (XSeg, Computing({"input": (1, 256, 256, 3)}, {"output": (1, 256, 256, 3)}, lambda blob: blob)),
        (BiSeNet, Computing({"input": (1, 3, 512, 512)}, {"output": (1, 11, 512, 512)}, lambda blob: blob)),
        (BiSeNet, Computing({"input": (1, 3, 512, 512)}, {"output": (1, 19, 512, 512)}, lambda blob: blob, "int64")),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused_when_it_is_opened(make: Callable[..., Segmenter], wrong: Computing) -> None:
    with pytest.raises(ModelMismatch, match="the_name"):
        make("the_name", wrong)


def test_what_is_no_number_is_an_error() -> None:
    broken = np.zeros((1, 19, 512, 512), np.float32)
    broken[0, 7, 100, 200] = np.nan
    with pytest.raises(ModelError, match="not a number"):
        BiSeNet("bisenet", _bisenet(lambda blob: broken)).visible(_crops(512))
    with pytest.raises(ModelError, match="not a number"):
        XSeg("xseg_1", _xseg(lambda blob: blob[..., :1] + np.float32("nan"))).visible([np.zeros((256, 256, 3), np.uint8)])


def test_another_shape_than_announced_is_an_error() -> None:
    session = _xseg(lambda blob: blob[:, :128, :, :1])
    with pytest.raises(ModelMismatch, match="expected is 1 x 256 x 256 x 1"):
        XSeg("xseg_1", session).visible(_crops(256))


@pytest.mark.parametrize("segmenter", [XSeg, BiSeNet])
def test_the_crop_shows_all_of_the_face(segmenter: type[XSeg] | type[BiSeNet]) -> None:
    points = portrait(COLLINS).landmarks.points
    to_crop = geometry.similarity(geometry.five_points(points), geometry.TEMPLATES[segmenter.template] * segmenter.side)
    inside = geometry.apply(to_crop, points[:, :2])
    assert (inside >= 0).all()
    assert (inside <= segmenter.side - 1).all()


@pytest.mark.parametrize("options", [{}, {"half_io": True}, {"half_weights": True}])
@pytest.mark.parametrize("family", ["xseg", "bisenet"])
def test_installed_stand_ins_keep_the_contract(family: str, options: dict[str, Any], tmp_path: Path) -> None:
    store = standin_store(tmp_path)
    entry = install(store, family, **options)
    (segmenter,) = open_segmenters(Settings(segmenter=entry.id), SessionCache(store))
    crop = cut(_with_disc()[0], portrait(COLLINS).landmarks.points, segmenter.template, segmenter.side).image
    segmenter_suite(lambda: segmenter, [crop, np.ascontiguousarray(crop[:, ::-1]), np.full_like(crop, 90)])


def test_several_segmenters_are_opened_in_their_order(tmp_path: Path) -> None:
    store = standin_store(tmp_path, "xseg", "bisenet")
    opened = open_segmenters(Settings(segmenter="standin_bisenet, standin_xseg"), SessionCache(store))
    assert [type(each) for each in opened] == [BiSeNet, XSeg]
    assert open_segmenters(Settings(), SessionCache(store)) == ()


def test_an_installed_stand_in_keeps_a_blue_disc_before_the_face(tmp_path: Path) -> None:
    covered, disc = _with_disc(0.16)
    _, face = _face()
    opened = open_segmenters(Settings(segmenter="standin_xseg"), SessionCache(standin_store(tmp_path, "xseg")))
    kept, on_face = _kept(covered, face, Segmentation().update(_frame(covered), (face,), opened)[1])
    assert float(kept[disc & on_face].mean()) >= 0.95


def test_a_picture_is_swapped_round_what_a_stand_in_sees(tmp_path: Path) -> None:
    """In the whole main path: the reshaped picture has the disc where it was, to a pixel or two."""
    covered, disc = _with_disc(0.16)
    opened = replace(models(), sessions=SessionCache(standin_store(tmp_path, "xseg")))
    source = open_source(portrait(HOPPER).image, opened)
    shown = {}
    for name in ("none", "standin_xseg"):
        settings = Settings(segmenter=name, occlusion="files" if name != "none" else "off")
        result = open_picture_pipeline(settings, opened, source).swap_frame(_frame(covered.copy()))
        assert result.swapped == 1
        shown[name] = result.frame.image
    inner = cv2.erode(disc.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert float(_is_blue(shown["standin_xseg"])[inner].mean()) > 0.97
    assert float(_is_blue(shown["none"])[inner].mean()) < 0.7


def test_networks_run_once_before_a_face_is_worn_live() -> None:
    network = Blue()
    try_on(_persona(network))
    assert network.shown == [1]


def _frame(image: Image, index: int = 0) -> Frame:
    return Frame(image, index, index, Fraction(1, 30))


def _face(track_id: int = 1, to_frame: Array | None = None, image: Image | None = None) -> tuple[Image, TrackedFace]:
    seen = portrait(COLLINS)
    if image is not None:
        seen = replace(seen, image=image)
    height, width = seen.image.shape[:2]
    picture, landmarks = moved(seen, np.array([[1.0, 0, 0], [0, 1, 0]]) if to_frame is None else to_frame, width, height)
    return picture, TrackedFace(track_id, landmarks, 1)


def _with_disc(radius: float = 0.2) -> tuple[Image, Array]:
    """The portrait with a blue disc on a cheek and the mouth's corner, and where it is."""
    face = portrait(COLLINS)
    x, y = (round(float(value)) for value in face.landmarks.points[61, :2])
    disc = np.zeros(face.image.shape[:2], np.uint8)
    cv2.circle(disc, (x, y), round(radius * float(np.ptp(face.landmarks.points[:, 1]))), 255, -1)
    image = face.image.copy()
    image[disc > 0] = _BLUE
    return image, disc > 0


def test_without_networks_nothing_is_said() -> None:
    image, face = _face()
    assert Segmentation().update(_frame(image), (face,), ()) == {}


@pytest.mark.parametrize("side", [256, 512])
def test_what_a_network_does_not_see_lands_in_the_texture(side: int) -> None:
    image, disc = _with_disc()
    _, face = _face()
    before = Segmentation().update(_frame(image), (face,), [Blue(side)])[1]
    truth = unwrap_mask(disc.astype(np.uint8) * np.uint8(255), face.landmarks.points) > 127
    assert float((before > 127)[truth].mean()) > 0.95
    assert float((before > 127)[~truth & texel_map().inside].mean()) < 0.02
    assert not before[~texel_map().inside].any()


def test_networks_look_at_every_other_frame() -> None:
    image, face = _face()
    segmentation, network = Segmentation(), Blue()
    for index in range(20):
        segmentation.update(_frame(image, index), (face,), [network])
    assert network.shown == [1] * 10


def test_faces_take_turns() -> None:
    image, first = _face(1)
    second, third = replace(first, track_id=2), replace(first, track_id=3)
    segmentation, network = Segmentation(), Blue()
    for index in range(21):
        segmentation.update(_frame(image, index), (first, second, third)[: 2 + (index > 10)], [network])
    assert network.shown[0] == 2
    assert network.shown[1:11] == [1] * 10
    assert sorted(network.shown[13:15]) == [1, 2]
    assert max(network.shown[11:]) == 2
    assert 2 + 10 + 15 <= sum(network.shown) <= 2 + 10 + 17


def test_in_between_the_mask_goes_with_the_mesh() -> None:
    covered, disc = _with_disc()
    image, face = _face(image=covered)
    segmentation = Segmentation()
    first = segmentation.update(_frame(image), (face,), [Blue()])[1]
    shifted, later = _face(to_frame=np.array([[1.0, 0, 31.5], [0, 1, -12.0]]), image=covered)
    second = segmentation.update(_frame(shifted, 1), (later,), [Broken()])[1]
    assert second is first
    kept, face_there = _kept(shifted, later, second)
    there = cv2.warpAffine(disc.astype(np.uint8), np.array([[1.0, 0, 31.5], [0, 1, -12.0]]), shifted.shape[1::-1]) > 0
    assert float(kept[there & face_there].mean()) > 0.95


def test_an_occluder_is_kept_at_once_and_leaves_within_two_runs() -> None:
    covered, _ = _with_disc()
    free, face = _face()
    segmentation, network = Segmentation(), Blue()
    amounts = []
    for index in range(20):
        image = covered if 6 <= index < 12 else free
        before = segmentation.update(_frame(image, index), (face,), [network])[1]
        amounts.append(int((before > 127).sum()))
    assert not any(amounts[:6])
    assert amounts[6] > 500
    assert amounts[6:12] == [amounts[6]] * 6
    assert not any(amounts[12:])


def test_a_thing_that_a_network_misses_for_one_look_does_not_blink_wholly() -> None:
    covered, _ = _with_disc()
    free, face = _face()
    segmentation = Segmentation()
    segmentation.update(_frame(covered), (face,), [Blue()])
    segmentation.update(_frame(covered, 1), (face,), [Blue()])
    missed = segmentation.update(_frame(free, 2), (face,), [Blue()])[1]
    segmentation.update(_frame(free, 3), (face,), [Blue()])
    again = segmentation.update(_frame(free, 4), (face,), [Blue()])[1]
    assert 50 < int(missed.max()) < 110
    assert int(again.max()) < 40


def test_the_least_that_several_networks_see_counts() -> None:
    image, face = _face()

    class Half(Blue):
        def __init__(self, columns: slice) -> None:
            super().__init__()
            self._columns = columns

        def visible(self, crops: Sequence[Image]) -> list[Mask]:
            mask = np.full((self.side, self.side), 255, np.uint8)
            mask[:, self._columns] = 0
            return [mask for _ in crops]

    def said(*columns: slice) -> Mask:
        return Segmentation().update(_frame(image), (face,), [Half(each) for each in columns])[1]

    left, right = slice(0, 95), slice(180, 256)
    assert np.abs(said(left, right).astype(int) - np.maximum(said(left), said(right))).max() <= 2


@pytest.mark.parametrize(("row", "believed"), [(100, True), (130, True), (200, False), (256, False)])
def test_a_network_that_sees_hardly_any_face_is_not_believed(row: int, believed: bool) -> None:
    image, face = _face()
    before = Segmentation().update(_frame(image), (face,), [Rows(row)])[1]
    assert bool(before.any()) == believed
    assert float((before > 127)[texel_map().inside].mean()) <= 0.7


def test_live_a_network_that_hides_more_than_half_is_not_believed() -> None:
    image, face = _face()
    shares = []
    for row in range(90, 200, 10):
        whole, live = (Segmentation(live=each).update(_frame(image), (face,), [Rows(row)])[1] for each in (False, True))
        shares.append(float((whole > 127)[texel_map().inside].mean()))
        assert bool(live.any()) == (bool(whole.any()) and np.count_nonzero(whole > 127) <= 0.5 * _turned_here(face))
    assert max(shares) > 0.6, "which files believe"


def _turned_here(face: TrackedFace) -> int:
    """How many texels are turned to the camera."""
    return int(np.count_nonzero(facing(face.landmarks.points) > 0))


def test_at_the_border_what_is_outside_of_the_picture_is_not_hidden() -> None:
    """The last column is blue, and goes on beyond the picture in the crop."""
    image, face = _face(to_frame=np.array([[1.0, 0, -portrait(COLLINS).landmarks.points[4, 0]], [0, 1, 0]]))
    image[:, 0] = _BLUE
    before = Segmentation().update(_frame(image), (face,), [Blue()])[1]
    x = (texel_map().weights * face.landmarks.points[texel_map().corners, 0]).sum(2)
    assert not before[texel_map().inside & (x < -6)].any()
    assert float((before > 127)[texel_map().inside].mean()) < 0.04


def test_a_face_mostly_outside_of_the_picture_costs_nothing() -> None:
    image, face = _face(to_frame=np.array([[1.0, 0, -5000.0], [0, 1, 0]]))
    assert not Segmentation().update(_frame(image), (face,), [Blue()])[1].any()


def test_a_new_track_starts_afresh_and_the_old_one_is_forgotten() -> None:
    covered, _ = _with_disc()
    free, face = _face(1)
    segmentation, network = Segmentation(), Blue()
    segmentation.update(_frame(covered), (face,), [network])
    masks = segmentation.update(_frame(free, 1), (replace(face, track_id=2),), [network])
    assert list(masks) == [2]
    assert not masks[2].any()
    assert network.shown == [1, 1]


def test_a_face_that_was_lost_is_looked_at_as_soon_as_it_is_back() -> None:
    covered, _ = _with_disc()
    free, face = _face(1)
    segmentation, network = Segmentation(), Blue()
    segmentation.update(_frame(covered), (face,), [network])
    assert segmentation.update(_frame(free, 1), (), [network]) == {}
    assert not segmentation.update(_frame(free, 2), (face,), [network])[1].any()


def test_another_input_starts_afresh() -> None:
    image, face = _face()
    segmentation, network = Segmentation(), Blue()
    segmentation.update(_frame(image), (face,), [network])
    segmentation.reset()
    segmentation.update(_frame(image, 1), (face,), [network])
    assert network.shown == [1, 1]


def test_the_memory_is_bounded() -> None:
    image, face = _face()
    segmentation = Segmentation()
    for index in range(200):
        masks = segmentation.update(_frame(image, index), (replace(face, track_id=index),), [Blue(64)])
        assert list(masks) == [index]


def _kept(image: Image, face: TrackedFace, before: Mask) -> tuple[Array, Array]:
    """Where a patch over the whole picture gives way to `before`, and where the face is, bool (h, w)."""
    seen = Observer().observe(_frame(image), (face,), by_appearance=False, predicted={face.track_id: before})[0]
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (round(value) for value in geometry.box_of(face.landmarks.points))
    left, top, right, bottom = max(0, x1), max(0, y1), min(width, x2), min(height, y2)
    size = bottom - top, right - left
    patch = FacePatch(np.zeros((*size, 3), np.uint8), np.full(size, 255, np.uint8), np.array([[1.0, 0, left], [0, 1, top]]))
    kept = np.zeros((height, width), np.bool_)
    kept[top:bottom, left:right] = cut_occluders(_frame(image), seen, patch).mask < 128
    hull = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(face.landmarks.points[:, :2].round().astype(np.int32)), 255)
    return kept, hull > 0


@pytest.mark.parametrize("yaw", [0.0, 20.0, -20.0, 35.0])
def test_a_disc_on_a_turned_face_is_kept_and_free_skin_is_not_given_back(yaw: float) -> None:
    seen = portrait(COLLINS)
    covered, _ = _with_disc(0.16)
    person = portraits.Portrait("p", "p", covered, seen.landmarks, seen.descriptor)
    shot = scenes.turning(person, 3, yaw).draw(1)
    face = TrackedFace(1, replace(seen.landmarks, points=shot.points), 1, yaw)
    before = Segmentation().update(_frame(shot.image), (face,), [Blue()])[1]
    kept, on_face = _kept(shot.image, face, before)
    disc = _is_blue(shot.image)
    free = on_face & (cv2.dilate(disc.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    assert int((disc & on_face).sum()) > 500
    assert float(kept[disc & on_face].mean()) >= 0.95
    assert float(kept[free].mean()) <= 0.02


def test_the_observer_joins_what_it_is_told_and_reads_no_light_there() -> None:
    covered, _ = _with_disc(0.3)
    free, face = _face()
    before = Segmentation().update(_frame(covered), (face,), [Blue()])

    def light(image: Image, masks: Mapping[int, Mask]) -> Floats:
        observer = Observer()
        for index in range(4):
            observer.observe(_frame(free, index), (face,), by_appearance=False)
        (seen,) = observer.observe(_frame(image, 4), (face,), by_appearance=False, predicted=masks)
        assert seen.known is not None
        assert seen.known.light is not None
        assert (seen.known.occluder is not None) == bool(masks)
        return seen.known.light

    clean = light(free, {})
    assert np.abs(light(covered, before) - clean).mean() < 0.25 * np.abs(light(covered, {}) - clean).mean()
    (joined,) = Observer().observe(_frame(covered), (face,), by_appearance=True, predicted=before)
    assert joined.known is not None
    assert joined.known.occluder is not None
    assert (joined.known.occluder >= before[1]).all()


@pytest.mark.parametrize(
    ("occlusion", "live", "runs"),
    [("files", False, 1), ("files", True, 1), ("on", True, 1), ("off", False, 0), ("off", True, 0)],
)
def test_a_chosen_network_works_live_too_unless_nothing_is_to_be_kept(occlusion: str, live: bool, runs: int) -> None:
    image, _ = _with_disc()
    _, face = _face()
    network = Blue()
    memory = StreamMemory(live=live)
    (seen,) = memory.observe(_frame(image), (face,), Retouch(segmenters=(network,)), Settings(occlusion=occlusion))
    assert len(network.shown) == runs
    assert seen.known is not None
    assert (seen.known.occluder is not None) == (runs > 0)


def _persona(network: Segmenter) -> Persona:
    return replace(fake_persona(FakeEngine(GREEN)), retouch=Retouch(segmenters=(network,)))


def test_a_failing_network_is_heard_in_files() -> None:
    seen = portrait(COLLINS)
    found = models().photo_detector.detect(seen.image)
    pipeline = Pipeline(
        Tracker(FakeDetector(found), FakeLandmarker(seen.landmarks), Settings()), everyone(_persona(Broken())), Settings()
    )
    with pytest.raises(ModelError, match="the network failed"):
        pipeline.swap_frame(_frame(seen.image.copy()))


def test_a_failing_network_leaves_the_live_face_covered() -> None:
    with Running(Snapshot(Settings(), everyone(_persona(Broken())), "face")) as running:
        running.loop.set_input(camera)
        frames = running.frames(25)
        assert running.loop.meter.read(0).last_shown in {"covered", "veiled"}
    assert all(not shows_red(frame.image) for frame in frames)


def test_a_network_that_works_again_opens_the_live_picture_again() -> None:
    class Recovering(Blue):
        def visible(self, crops: Sequence[Image]) -> list[Mask]:
            self.shown.append(len(crops))
            if len(self.shown) < 10:
                raise ModelError("not yet", "on purpose")
            return [np.full((self.side, self.side), 255, np.uint8) for _ in crops]

    with Running(Snapshot(Settings(), everyone(_persona(Recovering())), "face")) as running:
        running.loop.set_input(camera)
        frames = running.frames(60)
        assert running.loop.meter.read(0).last_shown == "swapped"
    assert all(not shows_red(frame.image) for frame in frames)


def test_a_texture_of_one_channel_is_what_the_slow_way_gives() -> None:
    points: Floats = portrait(COLLINS).landmarks.points
    mask = np.random.default_rng(8).integers(0, 256, (300, 300)).astype(np.uint8)
    small = points * np.float32(0.6)
    made, texels = unwrap_mask(mask, small), texel_map()
    for v, u in np.argwhere(texels.inside)[::97]:
        x, y = (texels.weights[v, u][:, None] * small[texels.corners[v, u], :2]).sum(0)
        if not (0 <= x <= 299 and 0 <= y <= 299):
            assert made[v, u] == 0
            continue
        i, j = min(int(y), 298), min(int(x), 298)
        above = mask[i, j] * (1 - (x - j)) + mask[i, j + 1] * (x - j)
        below = mask[i + 1, j] * (1 - (x - j)) + mask[i + 1, j + 1] * (x - j)
        assert abs(made[v, u] - (above * (1 - (y - i)) + below * (y - i))) < 1.0
    assert made.shape == (SIDE, SIDE)

"""Restoring networks: what they are fed and what is made of their answers, against slow references."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import registry
from mien.contracts import Session
from mien.errors import ModelError, ModelMismatch
from mien.models.format.families import families
from mien.models.format.scale import HALF, Scale
from mien.models.format.tensors import blob, pictures
from mien.models.library.store import ModelEntry, Store
from mien.models.networks.detectors.yoloface import YoloFace
from mien.models.networks.masks.bisenet import BiSeNet
from mien.models.networks.masks.xseg import XSeg
from mien.models.networks.recognisers.arcface import ArcFace
from mien.models.networks.recognisers.crossface import Crossface
from mien.models.networks.restorers.codeformer import CodeFormer
from mien.models.networks.restorers.restorer import TEMPLATES, Restorer
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.testing import FakeSession
from mien.types import Array, Floats, Image
from tests.support.conformance import enhancer_suite
from tests.support.portraits import HOPPER, portrait
from tests.support.standins.small import SHARPENING, make_small

SIDE = 256
FAMILIES = [family for family in families().values() if family.role == "enhancer"]


def _crop(seed: int, side: int = SIDE) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def _answer(seed: int, count: int = 1) -> Floats:
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (count, 3, SIDE, SIDE)).astype(np.float32)


def _session(answer: Array, batch: int | str = 1) -> FakeSession:
    return FakeSession({"input": (batch, 3, SIDE, SIDE)}, {"output": answer})


def _restorer(answer: Array) -> Restorer:
    return Restorer("gpen", "gpen_256", _session(answer))


def test_every_enhancer_family_is_known_and_has_a_template() -> None:
    assert set(TEMPLATES) == {family.name for family in FAMILIES}
    assert TEMPLATES["gpen_256"] == "arcface_128"
    assert {TEMPLATES[name] for name in TEMPLATES if name != "gpen_256"} == {"ffhq_512"}


def test_what_goes_in_agrees_with_the_contract_pixel_by_pixel() -> None:
    crop, session = _crop(1), _session(_answer(2))
    Restorer("gpen", "gpen_256", session).enhance([crop])
    fed = session.calls[0]["input"]
    assert fed.dtype == np.float32
    wanted = np.empty((1, 3, SIDE, SIDE))
    for channel, of_crop in enumerate((2, 1, 0)):
        wanted[0, channel] = (crop[:, :, of_crop] / 255.0 - 0.5) / 0.5
    assert np.abs(fed - wanted).max() < 1e-4


def test_what_comes_out_agrees_with_the_contract_pixel_by_pixel() -> None:
    answer = _answer(3)
    (image,) = _restorer(answer).enhance([_crop(1)])
    wanted = np.empty((SIDE, SIDE, 3))
    for channel, of_answer in enumerate((2, 1, 0)):
        clipped = np.minimum(np.maximum(answer[0, of_answer].astype(np.float64), -1.0), 1.0)
        wanted[:, :, channel] = (clipped + 1) / 2 * 255
    assert image.dtype == np.uint8
    assert np.abs(image - wanted).max() < 0.5 + 1e-4, "only the rounding to whole levels differs"


def test_a_network_that_changes_nothing_gives_the_same_picture() -> None:
    crop = _crop(4)
    (image,) = _restorer(blob([crop], Scale(HALF, HALF))).enhance([crop])
    assert np.array_equal(image, crop)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_an_error(number: float) -> None:
    answer = _answer(5)
    answer[0, 1, 7, 9] = number
    with pytest.raises(ModelError, match="gpen gave numbers that are not a picture") as raised:
        _restorer(answer).enhance([_crop(1)])
    assert raised.value.remedy


def test_a_free_batch_is_one_run_and_a_fixed_one_is_not() -> None:
    crops = [_crop(seed) for seed in range(3)]
    free, fixed = _session(_answer(6, 3), "batch"), _session(_answer(6))
    free.outputs = {"output": ("batch", 3, SIDE, SIDE)}
    assert len(Restorer("gpen", "gpen_256", free).enhance(crops)) == 3
    assert len(Restorer("gpen", "gpen_256", fixed).enhance(crops)) == 3
    assert [call["input"].shape[0] for call in free.calls] == [3]
    assert [call["input"].shape[0] for call in fixed.calls] == [1, 1, 1]
    assert Restorer("gpen", "gpen_256", fixed).enhance([]) == []


def test_another_side_is_refused_with_both_shapes() -> None:
    with pytest.raises(ModelMismatch, match=r"1 x 3 x 256 x 256, expected is .* x 3 x 512 x 512"):
        Restorer("gfpgan", "restorer_512", _session(_answer(1)))


def test_a_session_that_gives_another_shape_than_it_says_is_refused() -> None:
    session = _session(_answer(1))
    session.run = lambda inputs: {"output": np.zeros((1, 3, 8, 8), np.float32)}  # type: ignore[method-assign]
    with pytest.raises(ModelMismatch, match="8 x 8"):
        Restorer("gpen", "gpen_256", session).enhance([_crop(1)])


class _OneGraph(SessionCache):
    """Holds one opened graph."""

    def __init__(self, content: bytes, folder: Path) -> None:
        super().__init__(Store(folder, folder))
        self._content = content

    def session(self, entry: ModelEntry, example: Mapping[str, Array] | None = None) -> OnnxSession:
        return OnnxSession(entry.id, self._content)


def _entry(family: str) -> ModelEntry:
    return ModelEntry("standin", "enhancer", "x.onnx", False, 0, "", "", "", "", "", family=family, standin=True)


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_every_family_opens_by_its_entry_and_sharpens(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side = families()[family].inputs[0].shape[-1]
    assert isinstance(side, int)
    sessions = _OneGraph(make_small(family), tmp_path)
    monkeypatch.setattr(registry, "installed", lambda name, roles, store: _entry(family))
    enhancer = registry.open_enhancer(Settings(enhancer="standin", fidelity=0.5), sessions)
    assert enhancer is not None
    assert (enhancer.side, enhancer.template) == (side, TEMPLATES[family])
    crop = np.asarray(cv2.GaussianBlur(_crop(7, 64), (0, 0), 1.0), np.uint8)
    crop = np.tile(crop, (side // 64, side // 64, 1))
    (image,) = enhancer.enhance([crop])
    strength = SHARPENING * (0.5 if family == "codeformer" else 1.0)
    wide = crop.astype(np.float64)
    mean = sum(np.roll(wide, (x, y), (0, 1)) for x in (-1, 0, 1) for y in (-1, 0, 1)) / 9
    wanted = np.clip(wide + strength * (wide - mean), 0, 255)
    assert np.abs(image - wanted)[1:-1, 1:-1].max() < 0.5 + 0.02, "the rounding to whole levels, and that of float32"


def test_codeformer_gets_its_weight_as_float64() -> None:
    fed: list[Mapping[str, Array]] = []

    class Session(FakeSession):
        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            fed.append(inputs)
            return super().run(inputs)

    answer = np.zeros((1, 3, 512, 512), np.float32)
    session = Session({"input": (1, 3, 512, 512), "weight": (1,)}, {"output": answer})
    session.dtypes = {**session.dtypes, "weight": "float64"}
    CodeFormer("codeformer", session, 0.3).enhance([_crop(1, 512)])
    assert fed[0]["weight"].dtype == np.float64
    assert fed[0]["weight"].tolist() == [0.3]
    session.dtypes = {**session.dtypes, "weight": "float32"}
    with pytest.raises(ModelMismatch, match="float64"):
        CodeFormer("codeformer", session, 0.3)


def test_a_half_precision_file_with_a_free_batch_keeps_the_contract() -> None:
    single, half = (
        Restorer("x", "gpen_256", OnnxSession("x", make_small("gpen_256", half_io=half, free_batch=True)))
        for half in (False, True)
    )
    crops = [_crop(seed) for seed in range(2)]
    for a, b in zip(single.enhance(crops), half.enhance(crops), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_the_contract_of_enhancers() -> None:
    for family in ("gpen_256", "codeformer"):
        session = OnnxSession(family, make_small(family))
        weights = (0.3,) if family == "codeformer" else ()
        enhancer_suite(partial(Restorer, family, family, session, weights))


class Silent(FakeSession):
    """Has announced nothing of the shapes that it gives, and gives what is far too narrow."""

    def __init__(self, family: str, answer: tuple[int, ...]) -> None:
        ports = families()[family]
        inputs = {port.names[0]: port.shape for port in ports.inputs}
        super().__init__(inputs, {ports.outputs[0].names[0]: np.zeros(answer, np.float32)})
        self.outputs = {name: (None,) * len(answer) for name in self.outputs}


@pytest.mark.parametrize(
    ("family", "answer", "use"),
    [
        ("gpen_256", (1, 3, 4000, 1), lambda session: Restorer("m", "gpen_256", session).enhance([black(256)])),
        ("gpen_256", (1, 1, 256, 256), lambda session: Restorer("m", "gpen_256", session).enhance([black(256)])),
        ("gpen_256", (0, 3, 256, 256), lambda session: Restorer("m", "gpen_256", session).enhance([black(256)])),
        ("xseg", (1, 4000, 1, 1), lambda session: XSeg("m", session).visible([black(256)])),
        ("bisenet", (1, 2, 512, 512), lambda session: BiSeNet("m", session).visible([black(512)])),
        ("arcface", (1, 7), lambda session: ArcFace("m", session).embed(black(256), portrait(HOPPER).landmarks)),
        ("arcface", (0, 512), lambda session: ArcFace("m", session).embed(black(256), portrait(HOPPER).landmarks)),
        ("crossface", (1, 7), lambda session: Crossface("m", session).convert(np.zeros(512, np.float32))),
        ("yoloface", (1, 3, 9), lambda session: YoloFace("m", session).detect(black(64))),
    ],
)  # fmt: skip
def test_the_shape_is_looked_at_even_where_none_was_announced(
    family: str, answer: tuple[int, ...], use: Callable[[Session], object]
) -> None:
    with pytest.raises(ModelMismatch, match=r"m gave .*, expected is "):
        use(Silent(family, answer))


def test_the_kernel_is_not_let_loose_on_what_is_no_picture() -> None:
    with pytest.raises(ValueError, match="is not a shape of pictures"):
        pictures(np.zeros((1, 3, 400, 1), np.float32), Scale(HALF, HALF))


def black(side: int) -> Image:
    return np.zeros((side, side, 3), np.uint8)

"""Installed swappers are found, checked and opened with their partners by the names in the settings."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import registry
from mien.commands.main import main
from mien.contracts import Session
from mien.errors import ModelMismatch, ModelMissing
from mien.imaging import geometry
from mien.models.format.families import families
from mien.models.format.swappers import SWAPPERS, EmbeddingFeed
from mien.models.library.importing import import_models
from mien.models.library.inventory import missing_for, partners
from mien.models.library.store import ModelEntry, Store
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.types import Array, SourceFace
from tests.support.portraits import COLLINS, HOPPER, portrait
from tests.support.standins import make_small

FAMILIES = [family for family, swapper in SWAPPERS.items() if isinstance(swapper.source, EmbeddingFeed)]


def _source() -> SourceFace:
    face = portrait(HOPPER)
    return SourceFace(face.image, face.landmarks, "hopper")


def _import(store: Store, folder: Path, *families_named: tuple[str, str]) -> None:
    for family, name in families_named:
        path = folder / name
        make_small(family, path)
        import_models([path], store, trust=True, family=family, report=lambda text: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(installed=tmp_path / "models")


class ClosedCache(SessionCache):
    """A cache that opens nothing."""

    def session(self, entry: ModelEntry, example: Mapping[str, Array] | None = None) -> Session:
        raise AssertionError("a session is opened before all is there")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_recogniser_is_named_before_anything_is_opened(store: Store, tmp_path: Path, family: str) -> None:
    _import(store, tmp_path, (family, f"standin_{family}.onnx"))
    settings, sessions = Settings(engine=f"standin_{family}"), ClosedCache(store)
    for ask in (registry.open_engine, registry.check_names):
        with pytest.raises(ModelMissing, match="w600k_r50") as caught:
            ask(settings, sessions)
        assert "mien models pull arcface_w600k_r50" in caught.value.remedy


def test_a_missing_converter_is_named(store: Store, tmp_path: Path) -> None:
    _import(store, tmp_path, ("ghost", "standin_ghost.onnx"), ("arcface", "standin_w600k_r50.onnx"))
    with pytest.raises(ModelMissing, match="crossface_ghost") as caught:
        registry.open_engine(Settings(engine="standin_ghost"), ClosedCache(store))
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
        registry.check_names(Settings(engine=name), ClosedCache(store))
    assert way in caught.value.remedy
    assert ("pull" in caught.value.remedy) == ("pull" in way)


def test_a_model_for_another_job_is_named_by_its_job(store: Store, tmp_path: Path) -> None:
    _import(store, tmp_path, ("codeformer", "standin_codeformer.onnx"))
    with pytest.raises(ModelMismatch, match="is an enhancer, not a swapper or an identity"):
        registry.check_names(Settings(engine="standin_codeformer"), ClosedCache(store))


@pytest.mark.parametrize("family", FAMILIES)
def test_installed_stand_ins_open_by_their_family(store: Store, tmp_path: Path, family: str) -> None:
    needed = (("arcface", "standin_w600k_r50.onnx"), ("crossface", "standin_crossface.onnx"))
    _import(store, tmp_path, (family, f"standin_{family}.onnx"), *needed)
    settings, sessions = Settings(engine=f"standin_{family}"), SessionCache(store)
    registry.check_names(settings, sessions)
    engine = registry.open_engine(settings, sessions)
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

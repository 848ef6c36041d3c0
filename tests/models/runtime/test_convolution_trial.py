"""The trial of rewritten convolutions: used when it is faster and right, and only while its bytes are what was tried."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from mien.commands import findings
from mien.errors import ModelError
from mien.models.format.winograd import Size, weights_of
from mien.models.library.importing import import_models
from mien.models.library.lock import locked
from mien.models.library.store import CACHE, Store
from mien.models.runtime import convolution_trial as module
from mien.models.runtime.convolution_trial import NETWORK, TRIAL, WEIGHTS, RewriteTrial, chosen, read_trial
from mien.models.runtime.example_face import example_picture
from mien.models.runtime.half_precision import face_inputs
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import SessionCache
from mien.types import Array, Floats
from tests.support.standins.full import make_inswapper

WIDTH = 64  # channels of the stand-in; the real network has 1024


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a slim stand-in of inswapper, with random weights."""
    path = tmp_path_factory.mktemp("network") / "slim.onnx"
    make_inswapper(path, width=WIDTH)
    return path


@pytest.fixture
def store(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a store with that network."""
    monkeypatch.setattr(module, "TUNING", replace(module.TUNING, least_channels=WIDTH, least_weights=0, max_time=float("inf")))
    store = Store(installed=tmp_path / "models")
    import_models([network], store, trust=True, family="inswapper")
    return store


def _scripted(seconds: Callable[[int], float]) -> Callable[[Size, int], float]:
    return lambda _, tile: seconds(tile)


def _always(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the times of single convolutions speak for a tile."""
    monkeypatch.setattr(module._Making, "_layer_times", lambda _, size, other: 0.1 if other == tile else 1.0)


def _open(store: Store, precision: str = "auto") -> dict[str, Array]:
    """Open the network as a swapper does, and return its outputs for the example's face."""
    (entry,) = store.installed("swapper")
    session = SessionCache(store, "cpu", precision, clock=_ticking()).session(entry)
    return dict(session.run(face_inputs(session.inputs, session.dtypes, example_picture())))


def _ticking() -> Callable[[], float]:
    numbers = count()
    return lambda: float(next(numbers))


def _folder(store: Store) -> Path:
    (folder,) = (store.folder / CACHE).glob("*-convolutions-*")
    return folder


def _same(found: dict[str, Array], wanted: dict[str, Array]) -> bool:
    return all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("tile", [2, 4])
def test_the_rewritten_network_is_used_and_kept(store: Store, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _always(tile, monkeypatch)
    wanted, found = _open(store, "single"), _open(store)
    assert not _same(found, wanted)
    assert np.abs(found["output"] - wanted["output"]).max() < 1e-4
    trial = read_trial(_folder(store))
    assert trial is not None
    assert trial.layers == 12
    assert {each.name for each in _folder(store).iterdir()} == {"trial.json", NETWORK, WEIGHTS}
    monkeypatch.setattr(module._Making, "tried", lambda _: pytest.fail("it was tried again"))
    assert _same(_open(store), found)
    (line,) = [each for each in findings.examine(store) if each.topic == "convolutions"]
    assert line.state.startswith("12 convolutions rewritten: 100% of the time")


@pytest.mark.parametrize("why", ["wrong", "infinite", "slow"])
def test_what_is_wrong_or_slow_is_not_used(store: Store, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _always(4, monkeypatch)

    def spoilt(weights: Floats, tile: int) -> Floats:
        values = weights_of(weights, tile)
        values[0, 0, 0] += np.float32(np.inf if why == "infinite" else 1.0)
        return values

    if why == "slow":
        monkeypatch.setattr(module, "TUNING", replace(module.TUNING, max_time=0.9))
    else:
        monkeypatch.setattr(module, "weights_of", spoilt)
    assert _same(_open(store), _open(store, "single"))
    trial = read_trial(_folder(store))
    assert trial is not None
    assert trial.digest == ""
    assert [each.name for each in _folder(store).iterdir()] == ["trial.json"]
    assert "as it is, 12 convolutions were tried" in trial.words()


@pytest.mark.parametrize("file", [NETWORK, WEIGHTS, "trial.json"])
def test_changed_files_are_not_used(store: Store, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _always(4, monkeypatch)
    found = _open(store)
    path = _folder(store) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)
    if file == "trial.json":
        # Unreadable, so it is tried again; or another digest, so the network runs as it is.
        assert np.abs(_open(store)["output"] - found["output"]).max() < 1e-4
    else:
        assert _same(_open(store), _open(store, "single"))
        assert list((store.folder / CACHE).iterdir()) == []
    assert _same(_open(store), found), "it was not made again"


def test_a_trial_that_fails_is_not_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ModelError("no room", "")

    monkeypatch.setattr(module._Making, "_trial", fail)
    assert _same(_open(store), _open(store, "single"))
    assert "no room" in caplog.text
    monkeypatch.setattr(module._Making, "tried", lambda _: pytest.fail("it was tried again"))
    _open(store)


def test_a_full_disk_and_a_folder_that_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TUNING", replace(module.TUNING, spare_disk=1 << 60))
    assert _same(_open(store), _open(store, "single"))
    monkeypatch.setattr(Path, "mkdir", _refused)
    assert _same(_open(store), _open(store, "single"))


def _refused(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_small_networks_are_not_tried(network: Path, tmp_path: Path) -> None:
    store = Store(installed=tmp_path / "models")
    import_models([network], store, trust=True, family="inswapper")
    monkey = replace(module.TUNING, least_weights=10**9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TUNING", monkey)
        _open(store)
    assert not (store.folder / CACHE).exists()


BIG, SMALL = Size(1024, 1024, 34, 34), Size(64, 64, 34, 34)


@pytest.mark.parametrize(
    ("sizes", "times", "memory", "tiles"),
    [
        ([BIG, SMALL], {0: 1.0, 2: 0.7, 4: 0.5}, 1 << 40, [4, 4]),
        ([BIG, SMALL], {0: 1.0, 2: 0.7, 4: 0.5}, 0, [0, 0]),
        # 113 MB more for the tile of 4, 29 MB for that of 2.
        ([BIG], {0: 1.0, 2: 0.7, 4: 0.5}, 60 << 20, [2]),
        ([BIG, BIG], {0: 1.0, 2: 0.7, 4: 0.5}, 150 << 20, [2, 4]),
        ([BIG], {0: 1.0, 2: 0.99, 4: 0.97}, 1 << 40, [0]),
        ([BIG], {0: 1.0, 2: 0.7, 4: 0.9}, 1 << 40, [2]),
        ([], {0: 1.0, 2: 0.7, 4: 0.5}, 1 << 40, []),
    ],
)
def test_the_choice(sizes: list[Size], times: dict[int, float], memory: int, tiles: list[int]) -> None:
    assert sorted(chosen(sizes, _scripted(times.__getitem__), memory)) == sorted(tiles)


def test_one_process_at_a_time_tries_a_network(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TUNING", replace(module.TUNING, least_channels=WIDTH, least_weights=0))
    monkeypatch.setattr(module._Making, "_trial", lambda *_: pytest.fail("it was tried again"))
    making = module._Making(network, "slim", tmp_path, lambda path: OnnxSession("slim", path), example_picture(), _ticking())
    found = RewriteTrial(3, 0.5, 0.0, 1, "digest")
    with ThreadPoolExecutor(1) as pool:
        with locked(tmp_path):
            other = pool.submit(making.tried)
            (tmp_path / TRIAL).write_text(json.dumps(asdict(found)), "utf-8")
        assert other.result(60) == found


def test_one_convolution_is_timed(network: Path, tmp_path: Path) -> None:
    opened: list[str] = []

    def open_file(path: Path) -> OnnxSession:
        opened.append(path.suffix)
        own = Path("/proc/self/fd")
        assert path not in [each.readlink() for each in own.iterdir() if each.is_symlink()] if own.is_dir() else True
        return OnnxSession("layer", path)

    making = module._Making(network, "slim", tmp_path, open_file, example_picture(), _ticking())
    assert [making._layer_times(Size(8, 16, 10, 12), tile) for tile in (0, 2, 4)] == [1.0, 1.0, 1.0]
    assert opened == [".onnx"] * 3
    assert list(tmp_path.iterdir()) == []

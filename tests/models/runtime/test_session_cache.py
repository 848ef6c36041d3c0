"""Opened models are shared, opened in parallel, and dropped when they are not worn any more."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mien.errors import ModelDamaged
from mien.models.library.store import Store
from mien.models.runtime import session_cache as module
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.session_cache import SessionCache
from tests.support.standins import standin_store

DEADLINE_S = 10.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return standin_store(tmp_path, "arcface", "xseg")


def test_a_model_is_opened_once_also_by_many_threads(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    class Counted(OnnxSession):
        def __init__(self, model_id: str, content: bytes | Path, **options: object) -> None:
            opened.append(model_id)
            super().__init__(model_id, content, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "OnnxSession", Counted)
    cache, entry = SessionCache(store, "cpu"), store.entry("standin_arcface")
    with ThreadPoolExecutor(8) as threads:
        sessions = list(threads.map(lambda _: cache.session(entry), range(16)))
    assert opened == ["standin_arcface"]
    assert all(session is sessions[0] for session in sessions)


def test_who_needs_an_open_model_does_not_wait_for_another_to_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = SessionCache(store, "cpu")
    here = cache.session(store.entry("standin_arcface"))
    asked, go_on = threading.Event(), threading.Event()

    class Slow(OnnxSession):
        def __init__(self, model_id: str, content: bytes | Path, **options: object) -> None:
            asked.set()
            assert go_on.wait(DEADLINE_S)
            super().__init__(model_id, content, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "OnnxSession", Slow)
    with ThreadPoolExecutor(1) as beside:
        slow = beside.submit(cache.session, store.entry("standin_xseg"))
        assert asked.wait(DEADLINE_S)
        assert cache.session(store.entry("standin_arcface")) is here
        assert not slow.done()
        go_on.set()
        assert slow.result(DEADLINE_S).provider == "CPUExecutionProvider"


def test_another_precision_is_another_session_and_the_same_cache(store: Store) -> None:
    cache, entry = SessionCache(store, "cpu"), store.entry("standin_arcface")
    single = cache.on("cpu", "single")
    assert single.session(entry) is not cache.session(entry)
    assert cache.on("cpu", "single").session(entry) is single.session(entry)
    assert cache.on("cpu", "auto") is cache


def test_what_is_not_kept_is_let_go_and_opened_again_when_needed(store: Store) -> None:
    cache = SessionCache(store, "cpu")
    recogniser, segmenter = store.entry("standin_arcface"), store.entry("standin_xseg")
    before, other = cache.session(recogniser), cache.session(segmenter)
    cache.keep({"standin_xseg"})
    assert cache.session(segmenter) is other
    assert cache.session(recogniser) is not before


def _touch(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "written to":
        path.write_bytes(content)
    else:
        other = path.with_name("other")
        other.write_bytes(content)
        other.replace(path)


@pytest.mark.parametrize("how", ["written to", "exchanged"])
def test_a_file_that_is_touched_while_it_is_opened_is_not_used(store: Store, how: str) -> None:
    with pytest.raises(ModelDamaged, match="changed while it was opened") as caught, store.verified("standin_xseg") as path:
        _touch(path, how)
    assert "import" in caught.value.remedy


def test_what_goes_wrong_while_a_file_is_open_is_told_as_it_is(store: Store) -> None:
    with pytest.raises(OSError, match="of its own"), store.verified("standin_xseg"):
        raise OSError("of its own")


def test_a_tampered_file_is_not_handed_out_by_its_path_either(store: Store) -> None:
    path = store.path("standin_xseg")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelDamaged, match="sha256"), store.verified("standin_xseg"):
        pytest.fail("it is open")

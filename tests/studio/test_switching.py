"""Another engine in a running studio: the picture goes on with the one before, and never shows the wearer."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.assembly import factory, registry
from mien.contracts import Engine
from mien.errors import ModelDamaged, ModelMissing, SourceFaceStranger
from mien.models.library.store import Store
from mien.models.library.trusted import LIST, read_trusted, write_trusted
from mien.models.runtime.session_cache import SessionCache
from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from mien.studio.session.session import StudioSession
from mien.swap.persona import Persona
from mien.system.folders import MODELS_VARIABLE
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio, loop_clip, metrics_when, running_studio
from tests.support.standins import install

pytestmark = pytest.mark.lasting_server

ENGINE = "standin_inswapper"
CLOSED = {"swapped", "covered", "veiled", "none"}
"""All that may be seen while a face is there."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, examples: Path, small_clip: Path) -> Iterator[Studio]:
    """A studio that wears a face before the clip, with stand-ins for inswapper and its recogniser installed."""
    folder = tmp_path_factory.mktemp("switching")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(folder / "models"))
        for family in ("inswapper", "arcface", "restorer_512", "xseg"):
            install(Store(), family)
        with running_studio(folder) as studio:
            studio.wear(examples / "eileen_collins.png")
            loop_clip(studio, small_clip)
            yield studio


@pytest.fixture
def studio(running: Studio) -> Studio:
    """It, with the embedded engine and nothing else."""
    change(running, engine="mesh", enhancer="none", segmenter="none", opacity=1.0)
    running.wait(lambda state: state["models"]["state"] != "opening", "the engine")
    metrics_when(running, "swapped")
    return running


class Gate:
    """Stands in for `build.open_engine` and holds installed engines back until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked, self.open = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self._inside = factory.open_engine
        patch.setattr(factory, "open_engine", self)

    def __call__(self, settings: Settings, sessions: SessionCache) -> Engine:
        if settings.engine != "mesh":
            self.asked.set()
            assert self.open.wait(DEADLINE_S)
            if self.error is not None:
                raise self.error
        return self._inside(settings, sessions)


@pytest.fixture
def gate(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


def change(studio: Studio, **values: Any) -> dict[str, Any]:
    answer: dict[str, Any] = studio.client.patch("/api/settings", json=values).raise_for_status().json()
    return answer


def metrics(studio: Studio) -> dict[str, Any]:
    read: dict[str, Any] = studio.client.get("/api/metrics").json()
    return read


def frames(studio: Studio) -> int:
    return int(metrics(studio)["frames"])


def wait_for_frames(studio: Studio, count: int) -> None:
    wanted = frames(studio) + count
    wait_until(lambda: frames(studio) >= wanted, f"{count} frames")


def wait_until(happened: Callable[[], bool], what: str) -> None:
    pause = threading.Event()
    for _ in range(round(DEADLINE_S / 0.02)):
        if happened():
            return
        pause.wait(0.02)
    raise AssertionError(f"not within {DEADLINE_S:.0f} s: {what}")


def engine_name(studio: Studio) -> str:
    persona = studio.session.loop.snapshot.persona
    assert persona is not None
    return persona.engine.name


def test_the_picture_goes_on_while_an_engine_is_opened(studio: Studio, gate: Gate) -> None:
    answer = change(studio, engine=ENGINE)
    assert answer["settings"]["engine"] == ENGINE, "the page shows what was chosen"
    assert gate.asked.wait(DEADLINE_S)
    assert studio.state()["models"]["state"] == "opening"
    wait_for_frames(studio, 20)
    assert engine_name(studio) == "mesh"
    gate.open.set()
    studio.wait(lambda state: state["models"]["state"] == "ready", "the engine")
    assert engine_name(studio) == ENGINE
    wait_for_frames(studio, 10)
    wait_until(lambda: metrics(studio)["shown"] == "swapped", "a face in the picture")
    assert set(metrics(studio)["shown_frames"]) <= CLOSED


def test_sliders_move_while_an_engine_is_opened_and_stay_where_they_are(studio: Studio, gate: Gate) -> None:
    change(studio, engine=ENGINE)
    assert gate.asked.wait(DEADLINE_S)
    change(studio, opacity=0.5)
    assert studio.session.loop.snapshot.settings.opacity == 0.5, "at once"
    gate.open.set()
    studio.wait(lambda state: state["models"]["state"] == "ready", "the engine")
    assert studio.session.loop.snapshot.settings.opacity == 0.5
    assert engine_name(studio) == ENGINE


def test_an_engine_that_does_not_open_leaves_the_one_before(studio: Studio, gate: Gate) -> None:
    gate.error = ModelDamaged("the file is damaged", "import it again")
    change(studio, engine=ENGINE)
    gate.open.set()
    state = studio.wait(lambda state: state["models"]["state"] == "failed", "the failure")
    assert (state["models"]["message"], state["models"]["remedy"]) == ("the file is damaged", "import it again")
    assert state["settings"]["engine"] == "mesh"
    wait_for_frames(studio, 10)
    assert engine_name(studio) == "mesh"
    assert set(studio.client.get("/api/metrics").json()["shown_frames"]) <= CLOSED


def test_a_choice_that_is_taken_back_is_not_worn(studio: Studio, gate: Gate) -> None:
    change(studio, engine=ENGINE)
    assert gate.asked.wait(DEADLINE_S)
    change(studio, engine="mesh")
    assert studio.state()["models"]["state"] == "ready"
    gate.open.set()
    wait_for_frames(studio, 10)
    assert engine_name(studio) == "mesh"
    assert studio.state()["settings"]["engine"] == "mesh"


def test_a_file_that_was_changed_since_is_refused_and_the_picture_goes_on(studio: Studio) -> None:
    path = Store().path("standin_restorer_512")
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    change(studio, enhancer="standin_restorer_512")
    state = studio.wait(lambda state: state["models"]["state"] == "failed", "the failure")
    path.write_bytes(whole)
    assert "standin_restorer_512" in state["models"]["message"]
    assert state["models"]["remedy"]
    wait_for_frames(studio, 10)
    persona = studio.session.loop.snapshot.persona
    assert persona is not None
    assert persona.retouch.enhancer is None


def test_networks_beside_the_engine_come_and_go(studio: Studio) -> None:
    change(studio, enhancer="standin_restorer_512", segmenter="standin_xseg")
    studio.wait(lambda state: state["models"]["state"] == "ready", "the networks")
    persona = studio.session.loop.snapshot.persona
    assert persona is not None
    assert persona.retouch.enhancer is not None
    assert len(persona.retouch.segmenters) == 1
    wait_for_frames(studio, 10)
    assert set(studio.client.get("/api/metrics").json()["shown_frames"]) <= CLOSED
    change(studio, enhancer="none", segmenter="none")
    studio.wait(lambda state: state["models"]["state"] == "ready", "none of them")
    persona = studio.session.loop.snapshot.persona
    assert persona is not None
    assert persona.retouch.enhancer is None


def test_a_face_that_the_engine_refuses_at_the_last_moment_lends_nothing_its_consent(
    studio: Studio, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine may change between the trial of a face and its being worn."""
    session = studio.session
    worn, consents = session.loop.snapshot, session.wardrobe.consents
    other = str(studio.add_face(examples / "grace_hopper.jpg").raise_for_status().json()["id"])
    inside, asked = session.gallery.persona, iter([False, True])

    def persona(*given: Any) -> Persona:
        if next(asked):
            raise SourceFaceStranger("the model shows another person", "choose another photo")
        return inside(*given)

    monkeypatch.setattr(session.gallery, "persona", persona)
    with pytest.raises(SourceFaceStranger):
        session.wardrobe.select(other)
    assert session.loop.snapshot is worn
    assert session.wardrobe.consents is consents


@pytest.mark.parametrize(
    "values", [{"engine": "nobody"}, {"engine": "standin_xseg"}, {"enhancer": ENGINE}, {"engine": "inswapper_128"}]
)
def test_a_name_that_is_none_is_refused_at_once(studio: Studio, values: dict[str, str]) -> None:
    answer = studio.client.patch("/api/settings", json=values)
    assert answer.status_code == 422
    assert answer.json()["remedy"]
    assert studio.state()["models"]["state"] != "opening"


def test_the_page_offers_what_is_installed(studio: Studio) -> None:
    rows = {row["name"]: row for row in studio.state()["table"]}
    assert rows["engine"]["choices"] == ["mesh", ENGINE]
    assert rows["enhancer"]["choices"] == ["none", "standin_restorer_512"]
    assert rows["segmenter"]["choices"] == ["none", "standin_xseg"]
    assert rows["detector"]["choices"] == ["yunet"]


def test_the_engine_gives_what_its_network_gives(studio: Studio) -> None:
    """Not the mesh under another name: the same frame comes out otherwise."""
    persona = studio.session.loop.snapshot.persona
    assert persona is not None
    engine = registry.open_engine(Settings(engine=ENGINE), SessionCache(Store()))
    assert engine.name == ENGINE
    assert not engine.wants_reshape
    latent = engine.prepare(persona.source)
    assert np.isfinite(np.asarray(next(iter(latent.values())) if isinstance(latent, dict) else latent, np.float32)).all()


@pytest.mark.parametrize("harm", ["removed", "a damaged list"])
def test_the_page_lives_on_when_what_is_worn_goes_from_the_disk(studio: Studio, harm: str) -> None:
    change(studio, engine=ENGINE)
    studio.wait(lambda state: state["models"]["state"] == "ready" and state["settings"]["engine"] == ENGINE, "the engine")
    wait_until(lambda: engine_name(studio) == ENGINE, "the engine is worn")
    listed = Store().folder / LIST
    before = listed.read_bytes()
    try:
        if harm == "removed":
            write_trusted(listed.parent, [row for row in read_trusted(listed.parent) if row.id != ENGINE])
        else:
            listed.write_text("{")
        answer = studio.client.get("/api/state")
        assert answer.status_code == 200
        assert "models" in " ".join(each["text"] for each in answer.json()["models"]["notes"])
        wait_for_frames(studio, 5)
        assert engine_name(studio) == ENGINE
        refused = studio.client.patch("/api/settings", json={"opacity": 0.5})
        assert refused.status_code >= 400
        assert "error" in refused.json()
        change(studio, engine="mesh")
        wait_until(lambda: engine_name(studio) == "mesh", "the embedded engine")
    finally:
        listed.write_bytes(before)


def test_a_studio_does_not_start_with_a_model_that_is_not_there(tmp_path: Path) -> None:
    trust = open_trust(tmp_path / "data", Signing())
    for settings in (Settings(engine="nope"), Settings(engine="hyperswap_1a_256"), Settings(segmenter="nope")):
        with pytest.raises(ModelMissing):
            StudioSession(settings, trust, tmp_path / "data", tmp_path, tmp_path, shared=False)

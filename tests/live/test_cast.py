"""A live cast with people in it: who is mapped wears a face, surely others may be seen, and who is not known yet is veiled."""

import numpy as np
import pytest

from mien.assembly.warm_up import warm_up
from mien.live.snapshot import Snapshot
from mien.settings import Settings
from mien.swap.cast import Cast, Member, Treatment, everyone
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.persona import Retouch
from mien.testing import FakeEngine, FakeRecogniser, fake_persona
from mien.types import Floats, Image, Landmarks
from tests.support.deadline import wait_until
from tests.support.live_loop import GREEN, Running, camera, landmarks, person, shows_red


@pytest.fixture(scope="module", autouse=True)
def _kernels_are_compiled() -> None:
    warm_up(FakeEngine(GREEN), Settings())


class Doubtful(FakeRecogniser):
    """Sees everybody halfway between known and unknown."""

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        return np.array([0.1, 0, 0], np.float32)


def only(known: Floats, recogniser: FakeRecogniser, others: Treatment = "leave") -> Snapshot:
    """A snapshot in which one person wears a face."""
    wanted = Wanted("me", (template_of_photo(known),))
    member = Member(wanted, fake_persona(FakeEngine(GREEN)))
    return Snapshot(Settings(), Cast(Retouch(), None, "all", others, (member,), recogniser))


def me() -> Floats:
    return FakeRecogniser().describe(person(), landmarks())


def test_only_me_wears_a_face_and_the_cast_is_exchanged_while_it_runs() -> None:
    with Running(only(me(), FakeRecogniser())) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
        running.loop.wear(Snapshot(Settings(), everyone(fake_persona(FakeEngine((200, 0, 0))))))
        wait_until(lambda: bool(np.allclose(running.sink.kept[-1].image[70, 90], (200, 0, 0), atol=6)), "the other cast")
        frames = running.frames(5)
    assert not any(shows_red(frame.image) for frame in (*running.sink.kept, *frames))


def test_surely_somebody_else_may_be_seen_and_is_not_touched() -> None:
    with Running(only(me() + np.float32(0.5), FakeRecogniser())) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "clear", "an open picture")
        assert any(shows_red(frame.image) for frame in running.frames(3))


def test_somebody_else_is_covered_on_request() -> None:
    with Running(only(me() + np.float32(0.5), FakeRecogniser(), "cover")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "clear", "an open picture")
        running.frames(3)
    assert not any(shows_red(frame.image) for frame in running.sink.kept)


def test_who_is_not_known_for_sure_may_be_me_and_stays_veiled() -> None:
    with Running(only(np.zeros(3, np.float32) + np.float32(0.001), Doubtful())) as running:
        running.loop.set_input(camera)
        running.frames(30)
        assert running.loop.meter.read(0).last_shown in {"veiled", "covered"}
    assert not any(shows_red(frame.image) for frame in running.sink.kept)

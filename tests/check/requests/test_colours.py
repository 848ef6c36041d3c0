"""Colours of a shared screen: a face that follows them, one that does not, a page that runs."""

import numpy as np

from mien.check.requests.answers import answer_of
from mien.check.requests.asks import COLOURS, Ask
from mien.check.requests.colours import TUNING, length_s, page_of
from mien.check.requests.sighting import Sighting
from tests.support.calls import call, sighting

ASK = Ask("colours", colours=("red", "blue", "green", "white", "blue", "red"))
_DRAW = np.random.default_rng(5).normal(0, 1, (4000, 3))


def lit(strength: float, delay_s: float, noise: float = 1.0) -> list[Sighting]:
    """The seconds after a click at second 3, with skin that the screen lights."""

    def change(at_s: float) -> Sighting:
        step = int((at_s - 3 - delay_s) // TUNING.step_s)
        shown = COLOURS[ASK.colours[step]] if 0 <= step < len(ASK.colours) else (119, 119, 119)
        skin = np.array((90.0, 110.0, 150.0)) + strength * np.array(shown) + noise * _DRAW[round(at_s * 15)]
        return sighting(at_s, skin_bgr=tuple(float(value) for value in skin))

    return call(length_s(ASK.colours) + 5, change, from_s=3)


def test_a_face_that_follows_the_screen_is_seen_with_its_delay() -> None:
    found = answer_of(ASK, call(3), lit(0.06, 1.2), 3.0, 3.0)
    assert found.seen == "seen"
    assert found.latency_s is not None
    assert abs(found.latency_s - 1.2) < 0.25


def test_a_bright_room_tells_nothing() -> None:
    found = answer_of(ASK, call(3), lit(0.0, 1.2), 3.0, 3.0)
    assert (found.seen, found.reason) == ("cannot tell", "bright")
    assert found.extent is not None
    assert found.extent < 0.5
    assert answer_of(ASK, call(3), lit(0.06, 1.2)[:10], 3.0, 3.0).reason == "few-pictures"


def test_the_page_holds_the_sequence_and_loads_nothing() -> None:
    page = page_of(ASK.colours)
    assert page.count("rgb(") == 6
    assert page.index("rgb(230, 40, 40)") < page.index("rgb(40, 60, 235)")
    assert "http:" not in page
    assert "https:" not in page

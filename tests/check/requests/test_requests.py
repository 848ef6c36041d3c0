"""Requests in the pictures of a call: measured, staged, kept only where that was agreed."""

from fractions import Fraction

import numpy as np

from mien.check.requests.asks import Ask
from mien.check.requests.gauge import Gauge
from mien.check.requests.requests import Requests, Told
from mien.check.requests.sighting import Sighting
from mien.types import Frame, Landmarks
from tests.support.calls import bump, sighting


class ScriptedGauge(Gauge):
    """A gauge that sees a hand from 8 to 10 s, whatever the picture shows."""

    def __init__(self) -> None:
        self.measured = 0

    @property
    def landmarks(self) -> Landmarks | None:
        return None

    def measure(self, frame: Frame, at_s: float) -> Sighting:
        self.measured += 1
        return sighting(at_s, middle=bump(at_s, 8, 10, 0.3), middle_xy=(80.0, 45.0), eyes_px=30.0)


def run(requests: Requests, length_s: float, rate_hz: int = 8) -> list[Told]:
    found = []
    for number in range(round(length_s * rate_hz)):
        image = np.full((90, 160, 3), number % 250, np.uint8)
        told = requests.see(Frame(image, number, number, Fraction(1, rate_hz)), number / rate_hz)
        found += [] if told is None else [told]
    return found


def test_without_consent_no_picture_is_kept() -> None:
    (told,) = run(Requests([Ask("hand", "left")], ScriptedGauge()), 30)
    assert (told.answer.seen, told.film) == ("seen", None)


def test_agreed_seconds_become_a_film_and_a_declined_request_leaves_none() -> None:
    requests = Requests([Ask("hand", "left"), Ask("up")], ScriptedGauge(), keep=True)
    run(requests, 13)
    (told,) = requests.told
    assert told.film is not None
    assert told.film[4:8] == b"ftyp"
    requests = Requests([Ask("hand", "left")], ScriptedGauge(), keep=True)
    run(requests, 7)
    declined = requests.decline()
    assert declined is not None
    assert (declined.film, declined.answer.reason) == (None, "declined")


def test_nothing_is_measured_after_the_last_request() -> None:
    gauge = ScriptedGauge()
    requests = Requests([Ask("hand", "left")], gauge)
    run(requests, 60)
    assert requests.cue.phase == "done"
    assert gauge.measured < 20 * 8

"""People of the live picture: they are numbered, enrolled, and given faces of the gallery to wear."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from mien.assembly import factory
from mien.contracts import Recogniser
from mien.errors import UsageError
from mien.live.enrolment import Enrolment, Hindrance
from mien.live.frame_swapper import Shown
from mien.live.loop import LiveLoop
from mien.studio.session.face_numbers import FaceNumbers, described
from mien.studio.session.parts import Reach
from mien.studio.session.wardrobe import Wardrobe
from mien.swap.cast import Treatment
from mien.swap.people.template import Template

ENROLMENT_S = 3.0
"""Seconds for which a person who enrols is looked at: long enough to turn to both sides. Chosen, not measured."""
PATIENCE_S = 10.0
"""Seconds beyond the time of an enrolment in which a face that is turned or too small may come back. Chosen, not measured."""
_REASONS: Mapping[Hindrance, tuple[str, str]] = {
    "slow": (
        "too few pictures came in that time to know the face again",
        "have fewer people in the picture, or a smaller picture, and try again",
    ),
    "nobody": ("the face was out of the picture most of the time", "look into the camera and stay in the picture"),
    "changing": (
        "several people are about equally near, so that it was not always the same face",
        "come nearer than everybody else, or be alone for three seconds",
    ),
    "small": ("the face was too small to know it again", "come nearer: a face has to be 40 pixels high"),
    "turned": ("the face was turned away too far to know it again", "look into the camera, and only a little to both sides"),
    "cut": ("the border of the picture cut the face", "move into the middle of the picture"),
}
"""Error and remedy of an enrolment that saw too little."""


class LivePeople:
    """Wearers of faces in the live picture. Safe to use from several threads; `shown` belongs to the swapping one."""

    def __init__(self, loop: LiveLoop, wardrobe: Wardrobe, recogniser: Callable[[], Recogniser]) -> None:
        self._loop = loop
        self._wardrobe = wardrobe
        self._recogniser = recogniser
        self._numbers = FaceNumbers()
        self._enrolling = threading.Lock()
        self._enrolment: Enrolment | None = None

    def shown(self, shown: Shown) -> bytes:
        """Number the faces of a frame; return them as JSON for the page."""
        given = {part.number for part in self._wardrobe.parts.given}
        height, width = shown.labelled.frame.image.shape[:2]
        return json.dumps(described(self._numbers.update(shown.faces, given), width, height)).encode()

    def choose(self, reach: Reach, others: Treatment) -> None:
        """Choose who wears the chosen face, and what becomes of the others. Raises a `MienError`."""
        self._wardrobe.give(lambda parts: parts.chosen(reach, others))

    def enrol_me(self) -> None:
        """Look at the largest face for some seconds: then that person alone wears the chosen face. Raises a `MienError`."""
        template, limits = self._enrol(ENROLMENT_S), self._recogniser().limits
        self._wardrobe.give(lambda parts: parts.enrolled(template, limits))

    def forget_me(self) -> None:
        """Forget the enrolled person. Raises a `MienError`."""
        self._wardrobe.give(lambda parts: parts.forgotten())

    def give(self, number: int, face_id: str | None) -> None:
        """Have the person of this number wear a face, None for the person's own, also when the person comes back later.

        Raises a `MienError`, also for a number that no face has now.
        """
        if any(part.number == number for part in self._wardrobe.parts.given):
            self._wardrobe.give(lambda parts: parts.changed(number, face_id))
            return
        track = self._numbers.track_of(number)
        if track is None or number == 0:
            raise UsageError(
                f"no face has the number {number} now",
                "choose one that is in the picture",
                key="face-number-gone",
                values={"n": number},
            )
        template, limits = self._enrol(0.0, track), self._recogniser().limits
        self._wardrobe.give(lambda parts: parts.gave(number, template, face_id, limits))

    def take_back(self, number: int) -> None:
        """Take the part of a person back: the person is one of the others. Raises a `MienError`."""
        self._wardrobe.give(lambda parts: parts.took_back(number))

    def described(self) -> dict[str, Any]:
        """Return the people for the page; `enrolling` is the share of a running enrolment that is done."""
        enrolment = self._enrolment
        return {**self._wardrobe.parts.described(), "enrolling": None if enrolment is None else enrolment.share}

    def _enrol(self, seconds: float, track_id: int | None = None) -> Template:
        """Look at a face of the live picture, by default the largest, for `seconds`. Raises `UsageError`."""
        if self._loop.input_status.state != "live":
            raise UsageError("there is no live picture", "choose an input first", key="no-live-picture")
        if not self._enrolling.acquire(blocking=False):
            raise UsageError("another person is being enrolled", "wait until it is done", key="enrol-busy")
        try:
            self._enrolment = enrolment = Enrolment(self._recogniser(), seconds, track_id)
            self._loop.enrol(enrolment)
            template = enrolment.wait(seconds + PATIENCE_S)
        finally:
            self._enrolment = None
            self._enrolling.release()
        if template is None:
            raise UsageError(*_REASONS[enrolment.hindrance], key="enrol-unclear")
        return template


def recogniser_of(models: factory.Models) -> Callable[[], Recogniser]:
    """Return the opener of the recogniser that tells people apart; it is opened once."""
    lock, opened = threading.Lock(), list[Recogniser]()

    def recogniser() -> Recogniser:
        with lock:
            if not opened:
                opened.append(factory.open_recogniser(models.sessions.store))
            return opened[0]

    return recogniser

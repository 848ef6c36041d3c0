"""From an observed frame to a labelled one that never shows the wearer."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mien.errors import MienError
from mien.imaging import geometry
from mien.live.content import ContentStatus, LiveContent
from mien.live.frame_observer import ObservedFrame
from mien.live.frame_tracker import TrackedFrame
from mien.live.hidden_reason import HiddenReason, HiddenReasons
from mien.live.marking import LiveMark
from mien.live.snapshot import Snapshot
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.safety.guard import Guard, Verdict, elsewhere
from mien.safety.veil import card, veil_picture, veil_region
from mien.settings import Settings
from mien.swap.casting import CastFrame
from mien.swap.pipeline import swap_faces
from mien.swap.stream_memory import StreamMemory
from mien.types import LIVE_TIME_BASE, Detection, Frame, Image, LabelledFrame, TrackedFace

_HOLD_S = 1.0  # "hold" shows the last picture of a lost face this long, then a veil
_MAX_LOGGED_FAILURES = 5  # in a row; the log is not flooded
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Reason why faces are veiled: what went wrong in a network, and what can be done."""

    message: str
    remedy: str = ""


Showing = Literal["swapped", "clear", "covered", "held", "veiled", "passed", "none", "refused", "unchecked"]
"""Appearance of the faces: `clear`: nobody wears one, and nothing is doubtful; `covered`: regions are veiled; `held`: the last
worn picture is repeated; `veiled`: all is veiled; `passed`: the raw picture, on request; `none`: the card, for want of a
picture; `refused` and `unchecked`: the card, because the content check takes the picture for nudity or does not answer."""


@dataclass(frozen=True, slots=True)
class ShownFace:
    """A tracked face of a frame: its place as xyxy in frame pixels, and the name of the member of the cast that it surely is.

    `fate` is what became of it: it wears a face, is left on purpose, is covered on purpose, or is hidden because nothing of
    that is sure.
    """

    track_id: int
    box: tuple[float, float, float, float]
    name: str | None
    fate: Literal["worn", "left", "covered", "hidden"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame for the sinks, and how faces appear in it.

    `before` is the picture as it was, `classes` the same with the parser's classes over it, when they are wanted. `faces` are
    all that are tracked; `crowded`: there are more than can be. `why` says what hides a face, as far as it is known.
    """

    labelled: LabelledFrame
    what: Showing
    before: Image | None = None
    classes: Image | None = None
    faces: tuple[ShownFace, ...] = ()
    crowded: bool = False
    why: HiddenReason = ""


class FrameSwapper:
    """Swaps observed frames, in order; it changes only what `memory` knows of drawn faces."""

    def __init__(self, content: LiveContent, mark: LiveMark, memory: StreamMemory) -> None:
        self._content = content
        self._mark = mark
        self._guard = Guard()
        self._memory = memory
        self._reasons = HiddenReasons()
        self._labellers: tuple[tuple[Settings, Marker, Labeller], ...] = ()
        self._last_good: Image | None = None
        self._last_good_s = 0.0
        self._failures = 0
        self.trouble: Trouble | None = None
        """Last failure since a face was worn, None without one."""

    def reset(self) -> None:
        """Forget everything that was drawn."""
        self._guard.reset()
        self._memory.reset_drawing()
        self._last_good = None

    def close(self) -> None:
        """End the work beside the frames."""
        if not self._memory.close():
            _log.warning("the enhancer did not stop in time; abandoning it")

    def swap(self, observed: ObservedFrame) -> Shown:
        """Return the labelled frame, drawn into the picture of the observed one. Never raises because of a network."""
        tracked, snapshot, trusted = observed.tracked, observed.snapshot, observed.trusted
        frame, image = tracked.frame, tracked.frame.image
        self._mark.arriving(frame)
        worn, spared, parts = self._swap(observed)
        # A covered face is the wearer's, perhaps, and guarded like a worn one; one that is left surely is not.
        left = tuple(face for face in spared if parts.roles[face.track_id] == "leave")
        covered = tuple(face for face in spared if parts.roles[face.track_id] != "leave")
        verdict = self._judge(tracked, (*worn, *covered), left, image)
        # Before the picture is veiled.
        why = self._reasons.find(image, tracked.faces, trusted, is_hidden=not verdict.clear)
        what: Showing = self._hide(image, frame.time_s, verdict, snapshot, bool(worn))
        if snapshot.cast is None or (what == "clear" and tracked.faces):
            why = "no_face"
        elif what == "clear":
            why = "unseen"
        content = self._content.see(frame)
        if content.state != "clear":
            return self._withheld(frame, content, snapshot)
        if what in {"swapped", "clear"} and snapshot.settings.on_lost in {"hold", "freeze"}:
            self._last_good, self._last_good_s = image.copy(), frame.time_s
        labelled = self._label(frame, snapshot.settings, hidden=what == "veiled")
        self._mark.leaving(frame)
        faces = _shown_faces(tracked.faces, worn, spared, parts)
        crowded = is_crowded(tracked.faces, tracked.detections, snapshot.settings)
        return Shown(labelled, what, tracked.before, tracked.classes, faces, crowded, "" if what == "swapped" else why)

    def closed(self, frame: Frame, snapshot: Snapshot, why: HiddenReason = "") -> Shown:
        """Return the frame with all of it veiled."""
        veil_picture(frame.image)
        return Shown(self._label(frame, snapshot.settings, hidden=True), "veiled", why=why)

    def _withheld(self, frame: Frame, content: ContentStatus, snapshot: Snapshot) -> Shown:
        """Return a veil or the card; not even the page's "before" shows this frame."""
        self._last_good = None
        if content.state != "refused" and content.state != "unchecked":
            return self.closed(frame, snapshot, "content")
        height, width = frame.image.shape[:2]
        frame.image[:] = card(width, height)
        return Shown(self._label(frame, snapshot.settings, hidden=True), content.state, why="content")

    def absent(self, width: int, height: int, pts: int, snapshot: Snapshot) -> Shown:
        """Return the card that stands in while the input gives nothing."""
        frame = Frame(card(width, height), 0, pts, LIVE_TIME_BASE)
        return Shown(self._label(frame, snapshot.settings, hidden=True), "none")

    def _swap(self, observed: ObservedFrame) -> tuple[tuple[TrackedFace, ...], tuple[TrackedFace, ...], CastFrame]:
        """Return the faces that now wear a persona, those that may be seen, and all roles; none after an error, logged."""
        frame, snapshot = observed.tracked.frame, observed.snapshot
        known, parts, cast = observed.known, observed.parts, snapshot.cast
        try:
            if observed.error is not None:
                raise observed.error
            worn = () if cast is None else swap_faces(frame, known, parts.roles, cast.retouch, snapshot.settings, self._memory)
        except Exception as error:  # noqa: BLE001 - whatever a network does, the picture must stay closed and go on
            self._failures += 1
            self.trouble = Trouble(str(error), error.remedy if isinstance(error, MienError) else "choose another engine")
            if self._failures <= _MAX_LOGGED_FAILURES:
                _log.warning("a face could not be swapped and is veiled: %s", error)
            return (), (), CastFrame({}, {})
        spared = tuple(face for face in known if parts.may_be_seen(face.track_id))
        if worn or spared or cast is None:
            self._failures, self.trouble = 0, None
        return worn, spared, parts

    def _judge(
        self, tracked: TrackedFrame, closed: tuple[TrackedFace, ...], left: tuple[TrackedFace, ...], image: Image
    ) -> Verdict:
        time_s = tracked.frame.time_s
        ids = {face.track_id for face in (*closed, *left)}
        bare = tuple(geometry.box_of(face.landmarks.points) for face in tracked.faces if face.track_id not in ids)
        if bare:
            self._guard.distrust(bare, time_s)
        return self._guard.judge(image, time_s, closed, tracked.detections, tracked.scene, left)

    def _hide(self, image: Image, time_s: float, verdict: Verdict, snapshot: Snapshot, worn: bool) -> Showing:
        settings = snapshot.settings
        if settings.on_lost == "pass":
            return "swapped" if worn else "passed"
        if snapshot.cast is None:
            veil_picture(image)
            return "veiled"
        if verdict.clear:
            return "swapped" if worn else "clear"
        if self._repeat(image, time_s, verdict, settings.on_lost):
            return "held"
        if verdict.whole:
            veil_picture(image)
            return "veiled"
        for box in verdict.boxes:
            veil_region(image, box)
        return "covered"

    def _repeat(self, image: Image, time_s: float, verdict: Verdict, on_lost: str) -> bool:
        """Repeat the last picture with the face worn: all of it (freeze), or the veiled regions for a while (hold)."""
        last = self._last_good
        if last is None or last.shape != image.shape:
            return False
        if on_lost == "freeze":
            image[:] = last
            return True
        if on_lost != "hold" or verdict.whole or time_s - self._last_good_s > _HOLD_S:
            return False
        for x1, y1, x2, y2 in verdict.boxes:
            rows, columns = slice(int(y1), int(y2) + 1), slice(int(x1), int(x2) + 1)
            image[rows, columns] = last[rows, columns]
        return True

    def _label(self, frame: Frame, settings: Settings, *, hidden: bool) -> LabelledFrame:
        marker = self._mark.marker(hidden=hidden)
        for known, of_marker, labeller in self._labellers:
            if known is settings and of_marker is marker:
                return labeller.label(frame)
        # At most two are in use: for frames that show the input, and for hidden ones.
        made = settings, marker, Labeller(settings, marker, live=True)
        self._labellers = (made, *self._labellers[:1])
        return made[2].label(frame)


def is_crowded(faces: Sequence[TrackedFace], detections: Sequence[Detection], settings: Settings) -> bool:
    """Return True when as many faces as may be are tracked, and there are others."""
    return len(faces) >= settings.faces and any(each.score >= settings.detect_score for each in elsewhere(detections, faces))


def _shown_faces(
    faces: Sequence[TrackedFace], worn: Sequence[TrackedFace], spared: Sequence[TrackedFace], parts: CastFrame
) -> tuple[ShownFace, ...]:
    wearing, free = {face.track_id for face in worn}, {face.track_id for face in spared}
    shown = []
    for face in faces:
        number = face.track_id
        fate: Literal["worn", "left", "covered", "hidden"] = "worn" if number in wearing else "hidden"
        if number in free:
            fate = "left" if parts.roles.get(number) == "leave" else "covered"
        shown.append(ShownFace(number, geometry.box_of(face.landmarks.points), parts.names.get(number), fate))
    return tuple(shown)

"""From a tracked frame to one whose faces are trusted, cast and known."""

from dataclasses import dataclass, field, replace

from mien.live.frame_tracker import TrackedFrame
from mien.live.snapshot import Snapshot
from mien.safety.confirmation import Confirmation
from mien.swap.cast import personas_of
from mien.swap.casting import CastFrame, Casting
from mien.swap.persona import Retouch
from mien.swap.stages.class_overlay import draw_classes
from mien.swap.stream_memory import StreamMemory
from mien.types import TrackedFace


@dataclass(frozen=True, slots=True)
class ObservedFrame:
    """A tracked frame, the snapshot that holds for it, and the faces that are `trusted`; its picture is not changed yet.

    `known` are the trusted faces with what is known of them, and `parts` their roles: without any after the `error` of a
    network, which is told when the frame is shown.
    """

    tracked: TrackedFrame
    snapshot: Snapshot
    trusted: tuple[TrackedFace, ...]
    known: tuple[TrackedFace, ...] = ()
    parts: CastFrame = field(default_factory=lambda: CastFrame({}, {}))
    error: Exception | None = None

    def held_to(self, current: Snapshot) -> "ObservedFrame":
        """Return the frame without what `current` hides, a snapshot that came after it was observed.

        No face wears anything when that has no cast, none stays as it is when another cast leaves others so.
        """
        before = self.snapshot
        if current is before:
            return self
        settings = before.settings
        if settings.on_lost != current.settings.on_lost:
            settings = replace(settings, on_lost=current.settings.on_lost)
        if before.cast is None or current.cast is None:
            return replace(self, snapshot=Snapshot(settings), parts=CastFrame({}, {}))
        parts = self.parts
        if not current.cast.leaves_as(before.cast):
            parts = replace(parts, roles={number: role for number, role in parts.roles.items() if role != "leave"})
        return replace(self, snapshot=replace(before, settings=settings), parts=parts)


class FrameObserver:
    """Observes tracked frames, in order, each with the snapshot that holds for it.

    It changes only what `memory` knows of tracked faces: another thread may draw the frame before at the same time.
    """

    def __init__(self, memory: StreamMemory) -> None:
        self._memory = memory
        self._confirmation = Confirmation()
        self._casting = Casting()
        self._numbering = 0

    def observe(self, tracked: TrackedFrame, snapshot: Snapshot) -> ObservedFrame:
        """Return the frame with what is known of its faces. Never raises because of a network."""
        trusted = self._confirmation.trusted(tracked.faces, tracked.confirming, tracked.frame.time_s)
        try:
            return self._observed(tracked, trusted, snapshot)
        except Exception as error:  # noqa: BLE001 - whatever a network does, the picture must stay closed and go on
            return ObservedFrame(tracked, snapshot, trusted, error=error)

    def _observed(self, tracked: TrackedFrame, faces: tuple[TrackedFace, ...], snapshot: Snapshot) -> ObservedFrame:
        frame, cast, settings = tracked.frame, snapshot.cast, snapshot.settings
        if tracked.numbering != self._numbering:
            # Another person may have the number of one who was recognised.
            self._numbering, self._casting = tracked.numbering, Casting()
        if cast is None:
            known = self._memory.observe(frame, faces, Retouch(), settings)
            observed = ObservedFrame(tracked, snapshot, faces, known)
        else:
            parts = self._casting.roles(frame, faces, cast, self._casting.see(frame, faces, cast))
            known = self._memory.observe(frame, faces, cast.retouch, settings, personas_of(parts.roles))
            observed = ObservedFrame(tracked, snapshot, faces, known, parts)
        if tracked.classes is not None:
            draw_classes(tracked.classes, known)
        return observed

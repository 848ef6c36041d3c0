"""Heads that are hidden although their faces are not found in a frame: they come in, were lost, or are behind another face."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mien.swap.stages.cover import HeadRegion, region_of_points
from mien.types import Frame, TrackedFace


@dataclass(frozen=True, slots=True)
class HiddenTuning:
    """Times and places of heads that are not found; chosen on made scenes."""

    seconds: float = 0.25
    """Time before a face is found, and after, in which its head is hidden: it comes in, or is lost."""
    growth: float = 0.05
    """Growth of a head before it is found, for each frame, as a share of its height: where it was is a guess."""
    near: float = 0.7
    """Share of the ellipses of two heads within which one may lie behind the other: at 1 they touch, at 0.5 a face is lost."""
    same_place: float = 0.5
    """Distance, in half heights of a lost head, within which a new face of its size is that head again."""
    same_size: float = 1.6
    """Ratio of sizes up to which a new face may be that head."""


TUNING = HiddenTuning()


@dataclass(frozen=True, slots=True)
class WaitingFrame:
    """A tracked frame that waits for what the next ones show; `count` is its number, `scene` that of its scene."""

    frame: Frame
    faces: tuple[TrackedFace, ...]
    count: int
    scene: int


@dataclass(frozen=True, slots=True)
class ComingHead:
    """A head that is not found in a frame; `shown` is the frame soon after in which its face is found first."""

    track_id: int
    region: HeadRegion
    shown: WaitingFrame


@dataclass(frozen=True, slots=True)
class LostHead:
    """A head where it was found last, at `seen_s`, and its step in pixels a frame then.

    `front` are the other faces of that frame; `frames` counts those of its way since then.
    """

    region: HeadRegion
    scene: int
    seen_s: float
    step_xy: tuple[float, float]
    front: frozenset[int]
    frames: int = 0

    @property
    def predicted(self) -> HeadRegion:
        """The head where its last step would have taken it."""
        x, y = self.step_xy
        return replace(self.region, x=self.region.x + self.frames * x, y=self.region.y + self.frames * y)


@dataclass(slots=True)
class HiddenHeads:
    """Heads of one stream that were hidden and are not found; give it every frame, in order.

    A head is forgotten a moment after it was lost. One that was lost beside another face may stand half behind it, for as long
    as it likes: it is remembered while that face is near, where it was and where it went, until a face is found there.
    """

    _heads: dict[int, LostHead] = field(default_factory=dict)

    def gone(self, shown: WaitingFrame, hidden: Iterable[TrackedFace]) -> list[tuple[int, HeadRegion]]:
        """Return the heads of former frames to hide in this one, by `track_id`; a head may have two regions.

        `hidden` are the faces whose own skin is not shown.
        """
        time_s, here = shown.frame.time_s, {face.track_id: region_of_points(face.landmarks.points) for face in shown.faces}
        kept = {
            number: head
            for number, each in self._heads.items()
            if number not in here and (head := _still_lost(each, shown.scene, time_s, here)) is not None
        }
        numbers = frozenset(here)
        found = {}
        for number in (face.track_id for face in hidden):
            before = self._heads.get(number)
            moved = before is not None and before.scene == shown.scene and before.frames == 0
            step = (here[number].x - before.region.x, here[number].y - before.region.y) if before and moved else (0.0, 0.0)
            found[number] = LostHead(here[number], shown.scene, time_s, step, numbers - {number})
        self._heads = {**kept, **found}
        return [(number, region) for number, head in kept.items() for region in _regions(head)]


def _regions(head: LostHead) -> list[HeadRegion]:
    return [head.region] if head.step_xy == (0.0, 0.0) else [head.region, head.predicted]


def _still_lost(head: LostHead, scene: int, time_s: float, here: dict[int, HeadRegion]) -> LostHead | None:
    """Return a lost head as it is known one frame later; None once it is forgotten, or found as another track."""
    if head.scene != scene or time_s < head.seen_s:
        return None
    head = replace(head, frames=head.frames + 1)
    if any(number not in head.front and _is_same(head, region) for number, region in here.items()):
        return None
    moving = any(_overlap(region, head.predicted) for region in here.values())
    if moving or any(_overlap(region, head.region) for region in here.values()):
        # It stays where its way leaves the nearer face.
        return replace(head, seen_s=time_s) if moving else replace(head, seen_s=time_s, frames=head.frames - 1)
    return head if time_s - head.seen_s <= TUNING.seconds else None


def _is_same(head: LostHead, region: HeadRegion) -> bool:
    ratio = max(region.half_along, 1e-6) / max(head.region.half_along, 1e-6)
    near = any(
        (place.x - region.x) ** 2 + (place.y - region.y) ** 2 < (TUNING.same_place * place.half_along) ** 2
        for place in (head.region, head.predicted)
    )
    return near and 1 / TUNING.same_size < ratio < TUNING.same_size


def _overlap(a: HeadRegion, b: HeadRegion) -> bool:
    """Return True when one head may hide a part of the other: their ellipses meet, taken as upright ones."""
    across, along = a.half_across + b.half_across, a.half_along + b.half_along
    return ((a.x - b.x) / across) ** 2 + ((a.y - b.y) / along) ** 2 < TUNING.near**2


def coming_heads(first: WaitingFrame, next_ones: Iterable[WaitingFrame]) -> Iterator[ComingHead]:
    """Yield the heads that the next frames of the scene show and this one does not.

    They are where their motion in these frames comes from. Beside another face they may have stood for longer.
    """
    found: dict[int, tuple[int, WaitingFrame, list[TrackedFace]]] = {}
    here = {face.track_id: region_of_points(face.landmarks.points) for face in first.faces}
    for distance, each in enumerate(next_ones, 1):
        if each.scene != first.scene:
            break
        soon = each.frame.time_s - first.frame.time_s <= TUNING.seconds
        for face in each.faces:
            if face.track_id in found:
                found[face.track_id][2].append(face)
            elif face.track_id not in here and (soon or _is_beside(face, here.values())):
                found[face.track_id] = distance, each, [face]
    for number, (distance, shown, faces) in found.items():
        yield ComingHead(number, _before(faces, distance), shown)


def _is_beside(face: TrackedFace, others: Iterable[HeadRegion]) -> bool:
    head = region_of_points(face.landmarks.points)
    return any(_overlap(other, head) for other in others)


def _before(faces: Sequence[TrackedFace], distance: int) -> HeadRegion:
    """Return the head of a face some frames before it is found first, where its motion comes from."""
    middles = [face.landmarks.points[:, :2].mean(0) for face in faces[:2]]
    step_x, step_y = (float(value) for value in middles[-1] - middles[0])
    head = region_of_points(faces[0].landmarks.points)
    moved = replace(head, x=head.x - distance * step_x, y=head.y - distance * step_y)
    return moved.grown(distance * TUNING.growth * 2 * head.half_along)

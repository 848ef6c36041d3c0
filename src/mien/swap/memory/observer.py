"""What is remembered of each face of a stream, and what that says of the present frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.lighting import lasting_light, light_of
from mien.face.mean_face import neutral
from mien.face.sharpness import FocusMeter
from mien.face.texels import facing, unwrap
from mien.imaging import geometry
from mien.imaging.grain import GrainMeter, in_green
from mien.imaging.kernels import kernel
from mien.swap.memory.occlusion.track import TrackOcclusion
from mien.types import Array, Floats, Frame, Grain, Image, KnownFace, Mask, TrackedFace

_FORGET_AFTER = 60
"""Frames after which a face that is not seen any more is forgotten."""
_FIRST = 30.0
"""Frames of which the mean texture is the plain mean; later ones count ever less, down to `_SLOWEST`."""
_SLOWEST = 0.01
_SURPRISE = 12.0
"""The most levels by which a texel may differ from its mean and still count fully: a hand must not become the face."""
_MEMORY = 0.97
"""How much of the neutral shape stays from one frame to the next."""
_USUAL = 0.022
"""Mean distance, in eye distances, up to which proportions differ from frame to frame by themselves."""
_HASTE = 0.4
"""How much faster the neutral shape follows beyond."""
_SIDEWAYS = 45.0
"""Degrees of yaw from which on the neutral shape is no longer learned: half of the face is a guess."""
_SOON, _SAME_PLACE, _SAME_SIZE = 10, 0.35, 1.3
"""Frames within which, face sizes within which, and the ratio of sizes up to which a new track is the one just lost."""
_SAME_LOOK, _LEAST_KNOWN = 0.95, 500
"""Correlation of a quarter of the face, and the texels it takes; two people have 0.76, one pair in a hundred 0.93."""
_EDGE_ON, _PLAIN = 0.15, 0.4
"""Facing below which a texel shows nothing, and above which it counts fully."""
_MUCH, _PERSISTENCE, _BELIEVED = 0.35, 2, 75
"""Share of a face that contradicts what is known of it, the frames for which it does so in vain for each that bore it out,
and the most of these that count."""
_MOST_BENT, _BENT_SIDEWAYS = 0.05, 30.0
"""Mean difference in shape, in eye distances, from the face whose texture was taken: beyond, the mesh sits elsewhere on the
skin. One face differs from itself by 0.03 at most. Not told beyond these degrees of yaw."""
_STILL, _LEAST_STEP = 0.06, 0.3
"""Changes of light from frame to frame, as a share, that count as real; and how much of smaller ones is taken at once."""


@dataclass(slots=True)
class _Memory:
    """One track: `texture` float32 (side, side, 3), the mean so far, `weight` float32 (side, side), how often it was seen.

    `light` float32 (64, 64, 3) and `points` are the last frame's. `agreed` and `against` count the frames that bore the
    texture out, and those since then that contradict much of it; `mesh` is the neutral shape with which it was begun.
    """

    texture: Floats
    weight: Floats
    neutral: Floats
    mesh: Floats
    points: Floats
    grain: GrainMeter
    focus: FocusMeter
    occlusion: TrackOcclusion = field(default_factory=TrackOcclusion)
    light: Floats | None = None
    unseen: int = 0
    agreed: int = 0
    against: int = 0

    def weigh(self, occluder: Mask, visible: Floats) -> bool:
        """Whether the texture is to be believed on: what was seen for long is, what was seen for a moment is not.

        A face that came out from behind somebody has that somebody in its texture, and would itself be the occluder.
        """
        if _contradicted(occluder, self.weight, visible) > _MUCH:
            self.against += 1
        else:
            self.against, self.agreed = 0, min(self.agreed + 1, _BELIEVED)
        return self.against <= _PERSISTENCE * self.agreed

    def is_bent(self, shape: Floats, yaw: float) -> bool:
        """Whether the mesh has another shape than when the texture was begun."""
        apart = np.linalg.norm((shape - self.mesh)[: landmark_sets.SKIN_POINTS, :2], axis=1)
        return abs(yaw) < _BENT_SIDEWAYS and float(apart.mean()) > _MOST_BENT

    def begin_anew(self, now: Image, shape: Floats) -> None:
        """Nothing is known of the texture but this frame."""
        self.mesh = shape
        self.texture, self.weight = now.astype(np.float32), np.zeros_like(self.weight)
        self.occlusion, self.light = TrackOcclusion(), None
        self.agreed = self.against = 0


class Observer:
    """The memory of one stream of frames; give it every frame, in order. No clock, no randomness."""

    def __init__(self) -> None:
        self._memories: dict[int, _Memory] = {}

    def reset(self) -> None:
        """Another stream: nothing that was known holds."""
        self._memories = {}

    def observe(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        *,
        in_front: bool = True,
        told: Mapping[int, Mask] = MappingProxyType({}),
    ) -> tuple[TrackedFace, ...]:
        """The same faces with what is known of them; the picture is not changed.

        Without `in_front` nothing is sought that stands before a face, which saves a sixth of all work. `told` is what somebody
        else says of it, by `track_id`, uint8 (128, 128) as in `KnownFace.occluder`; the larger value counts.
        """
        for memory in self._memories.values():
            memory.unseen += 1
        present = frozenset(face.track_id for face in faces)
        seen = tuple(replace(face, known=self._see(frame, face, present, in_front, told.get(face.track_id))) for face in faces)
        self._memories = {number: each for number, each in self._memories.items() if each.unseen <= _FORGET_AFTER}
        return seen

    def _see(self, frame: Frame, face: TrackedFace, present: frozenset[int], in_front: bool, told: Mask | None) -> KnownFace:
        points = face.landmarks.points
        now = unwrap(frame.image, points)
        visible: Floats = np.clip((facing(points) - _EDGE_ON) / (_PLAIN - _EDGE_ON), 0, 1).astype(np.float32)
        shape = neutral(points)
        memory = self._memories.get(face.track_id) or self._adopted(now, points, present)
        if memory is None:
            memory = _Memory(now.astype(np.float32), np.zeros_like(visible), shape, shape, points, GrainMeter(), FocusMeter())
        elif memory.unseen > 1:
            memory.light, memory.points = None, points
            memory.grain, memory.focus = GrainMeter(), FocusMeter()
        self._memories[face.track_id] = memory
        if memory.is_bent(shape, face.yaw):
            memory.begin_anew(now, shape)
        occluder = _joined(_occluder(memory, now, visible, shape) if in_front else None, told)
        free = visible if occluder is None else visible * (1 - occluder * np.float32(1 / 255))
        _learn(memory.texture, memory.weight, now, free, _FIRST, _SLOWEST, _SURPRISE)
        odd = _oddness(shape, memory.neutral)
        share = (1 - _MEMORY + _HASTE * odd) * min(max((_SIDEWAYS - abs(face.yaw)) / _SIDEWAYS, 0.0), 1.0)
        memory.neutral = (memory.neutral + share * (shape - memory.neutral)).astype(np.float32)
        memory.light = _followed(memory.light, _light(memory, now, free))
        motion_xy = _motion(memory.points, points)
        memory.points, memory.unseen = points, 0
        grain: Grain | None = memory.grain.measure(frame.image, geometry.box_of(points), motion_xy)
        focus = memory.focus.measure(frame.image, points, in_green(grain))
        return KnownFace(memory.neutral, occluder, memory.light, motion_xy, grain, focus)

    def _adopted(self, now: Image, points: Floats, present: frozenset[int]) -> _Memory | None:
        """The memory of a face that was lost just here a moment ago: a thing before it makes a tracker begin anew."""
        size, middle = geometry.size_of(points), points[:, :2].mean(0)
        for number, memory in self._memories.items():
            apart = float(np.linalg.norm(memory.points[:, :2].mean(0) - middle))
            alike = 1 / _SAME_SIZE < geometry.size_of(memory.points) / size < _SAME_SIZE
            gone = number not in present and memory.unseen <= _SOON
            if gone and apart < _SAME_PLACE * size and alike and _is_the_same(now, memory):
                return self._memories.pop(number)
        return None


def _occluder(memory: _Memory, now: Image, visible: Floats, shape: Floats) -> Mask:
    """What stands before the face in this frame; a texture that is borne out no longer is given up."""
    occluder = memory.occlusion.update(now, _expected(memory, now, visible), memory.weight, visible)
    if not memory.weigh(occluder, visible):
        memory.begin_anew(now, shape)
        occluder = memory.occlusion.update(now, memory.texture, memory.weight, visible)
    memory.weight[memory.occlusion.stale] = 0
    return occluder


def _joined(found: Mask | None, told: Mask | None) -> Mask | None:
    if found is None or told is None:
        return told if found is None else found
    return np.maximum(found, told)


def _oddness(shape: Floats, neutral: Floats) -> float:
    """How surely the proportions of this frame are not those that were learned: the track began on a face badly seen, 0..1."""
    apart = float(np.linalg.norm(shape[:, :2] - neutral[:, :2], axis=1).mean())
    return min(max((apart - _USUAL) / _USUAL, 0.0), 1.0)


def _contradicted(occluder: Mask, weight: Floats, visible: Floats) -> float:
    """The share of what is seen of a face that something hides of which more than a glimpse was known."""
    seen = visible > 0.5
    hidden = seen & (occluder > 127) & (weight >= 2)
    return float(hidden.sum()) / max(float(seen.sum()), 1.0)


def _is_the_same(now: Image, memory: _Memory) -> bool:
    """Whether one quarter of the face looks just as it did; another person's face, after a cut, does not."""
    half = now.shape[0] // 2
    quarters = [
        (rows, columns) for rows in (slice(0, half), slice(half, None)) for columns in (slice(0, half), slice(half, None))
    ]
    return max(_correlation(now[q], memory.texture[q], memory.weight[q]) for q in quarters) > _SAME_LOOK


def _correlation(now: Image, texture: Floats, weight: Floats) -> float:
    known = weight >= 1
    if int(known.sum()) < _LEAST_KNOWN:
        return 0.0
    a, b = now[known][:, 1].astype(np.float64), texture[known][:, 1].astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / max(np.sqrt((a @ a) * (b @ b)), 1e-9))


def _expected(memory: _Memory, now: Image, visible: Floats) -> Floats:
    """The mean texture as a lamp that has moved would light it; float32 (side, side, 3)."""
    change = lasting_light(now.astype(np.float32), visible) / lasting_light(memory.texture, np.minimum(memory.weight, 1))
    wide = cv2.resize(change, visible.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(memory.texture * wide[:, :, None], np.float32)


def _light(memory: _Memory, now: Image, free: Floats) -> Floats:
    """The light of this frame against even light; float32 (64, 64, 3)."""
    known = np.minimum(memory.weight, 1)
    light: Floats = light_of(now, memory.texture, free * known) * lasting_light(memory.texture, known)[:, :, None]
    return light


def _followed(before: Floats | None, light: Floats) -> Floats:
    """Light that rests is held still, light that changes is followed at once."""
    if before is None:
        return light
    share = np.clip(np.abs(light / before - 1).max(axis=2, keepdims=True) / _STILL, _LEAST_STEP, 1)
    followed: Floats = (before + share * (light - before)).astype(np.float32)
    return followed


def _motion(before: Floats, points: Floats) -> tuple[float, float]:
    x, y = (points[:, :2] - before[:, :2]).mean(0)
    return float(x), float(y)


@kernel
def _learn(texture: Array, weight: Array, now: Array, free: Array, first: float, slowest: float, surprise: float) -> None:
    """Move the mean `texture` float32 (n, n, 3) towards `now`, uint8, as far as each texel is `free` float32 (n, n)."""
    for v in range(weight.shape[0]):
        for u in range(weight.shape[1]):
            seen = free[v, u]
            if seen <= 0:
                continue
            old = weight[v, u]
            weight[v, u] = min(old + seen, np.float32(first))
            if old + seen <= first:
                # What was hardly seen is replaced, what is known is moved.
                share = min(np.float32(1), seen / max(weight[v, u], np.float32(0.5)))
                most = np.float32(255)
            else:
                share, most = np.float32(slowest) * seen, np.float32(surprise)
            for c in range(3):
                step = now[v, u, c] - texture[v, u, c]
                texture[v, u, c] += share * min(max(step, -most), most)

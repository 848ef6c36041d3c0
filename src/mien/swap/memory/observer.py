"""Memory of each face of a stream: appearance, light, occluders, noise and sharpness, as known in the present frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.lighting import SIDE, lasting_light, light_of
from mien.face.mean_face import neutral
from mien.face.sharpness import FocusMeter
from mien.face.texels import facing, unwrap
from mien.imaging import geometry
from mien.imaging.grain import GrainMeter, green_sigma
from mien.imaging.percentiles import percentile_of
from mien.swap.memory.creases import Creases
from mien.swap.memory.crossings import hidden_by
from mien.swap.memory.eye_whites import EyeWhites
from mien.swap.memory.observer_kernels import count_hidden, expect, follow_light, gauge, learn, see
from mien.swap.memory.occlusion.track import TrackOcclusion
from mien.types import Floats, Frame, Grain, Image, KnownFace, Mask, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class ObserverTuning:
    """Memory of a track. Shapes are in eye distances, in the head frame."""

    forget_frames: int = 60
    """Frames after which a face that is no longer seen is forgotten; 2 s at 30 fps. Chosen by eye; not measured."""
    plain_mean_frames: float = 30.0
    """Frames of which the mean texture is the plain mean; later ones count less and less, down to `slowest`."""
    slowest: float = 0.01
    max_surprise_levels: float = 12.0
    """Difference from its mean up to which a texel counts fully: a hand must not become the face."""
    shape_memory: float = 0.97
    """Share of the neutral shape that stays from one frame to the next."""
    shape_noise: float = 0.022
    """Mean distance up to which proportions differ from frame to frame by themselves."""
    shape_haste: float = 0.4
    """Added speed of the neutral shape beyond it."""
    agreed_level: int = 20
    """Level of the parser's mask, of 255, from which an unusual look counts, too.

    In single pictures with six kinds of drawn occluders, 97.7 % was kept and 3.8 % of the free skin given back without that
    look, 98.8 and 5.6 % with all of it, 98.6 and 4.0 % with what both see.
    """
    unlearnt_share: float = 0.3
    """Hidden share of a face whose neutral shape is no longer learned: landmarks under a hand are guesses."""
    sideways_degrees: float = 45.0
    """Yaw from which the neutral shape is no longer learned: half of the face is a guess."""
    adopt_frames: int = 10
    adopt_distance: float = 0.35
    adopt_growth: float = 1.3
    """Frames, face sizes and ratio of sizes within which a new track may be the one just lost."""
    same_correlation: float = 0.95
    same_texels: int = 500
    """Correlation of a quarter of the face, and the texels it takes; two people have 0.76, one pair in a hundred 0.93."""
    edge_on: float = 0.15
    plain: float = 0.4
    """Facing below which a texel shows nothing, and above which it counts fully."""
    contradicted_share: float = 0.35
    """Share of a face that contradicts its memory before the frame counts against it."""
    persistence: int = 2
    """Frames that contradict the memory in vain, for each frame that agreed with it."""
    max_agreed: int = 75
    """The most frames that count as having agreed."""
    max_bend: float = 0.05
    """Mean difference in shape from the face whose texture was taken, beyond which the mesh sits elsewhere on the skin. One
    face differs from itself by 0.03 at most."""
    bend_degrees: float = 30.0
    """Yaw beyond which the bend means nothing."""
    light_noise: float = 0.06
    """Relative changes of light from frame to frame that count as real."""
    bright_percentile: float = 85.0
    """Percentile of a change of light over a face that stands for its bright side."""
    min_light_step: float = 0.3
    """Share of smaller changes that is taken at once."""


TUNING = ObserverTuning()


@dataclass(slots=True)
class _TrackMemory:
    """One track: `texture` float32 (side, side, 3), the mean so far; `weight` float32 (side, side), the frames it was seen in.

    `light` float32 (64, 64, 3) and `points` are the last frame's, `lasting` float32 (64, 64) is the light of the texture
    against even light. `agreed` and `against` count the frames that confirmed the texture, and those since then that
    contradict much of it; `mesh` is the neutral shape with which it was started.
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
    lasting: Floats = field(default_factory=lambda: np.ones((SIDE, SIDE), np.float32))
    unseen: int = 0
    agreed: int = 0
    against: int = 0
    creases: Creases = field(default_factory=Creases)
    whites: EyeWhites = field(default_factory=EyeWhites)

    def holds(self, occluder: Mask, visible: Floats) -> bool:
        """Return True while the texture is believed: longer, the longer it has agreed with the frames.

        A face that came out from behind another person has that person in its texture, and would itself be the occluder.
        """
        if _hidden_shares(occluder, visible, self.weight)[1] > TUNING.contradicted_share:
            self.against += 1
        else:
            self.against, self.agreed = 0, min(self.agreed + 1, TUNING.max_agreed)
        return self.against <= TUNING.persistence * self.agreed

    def restart(self, now: Image, shape: Floats) -> None:
        """Forget the texture; take this frame's."""
        self.mesh = shape
        self.texture, self.weight = now.astype(np.float32), np.zeros_like(self.weight)
        self.occlusion, self.light, self.lasting = TrackOcclusion(), None, np.ones_like(self.lasting)
        self.agreed, self.against, self.creases = 0, 0, Creases()


@dataclass(frozen=True, slots=True)
class _Change:
    """Change of a face: `oddness` is how surely the learned proportions are wrong, 0..1, as of a track that started badly.

    `bend` is the mean distance in shape from the face whose texture was taken, `motion_xy` the common motion of the landmarks
    since the last frame in pixels, `moved` the mean distance that they moved beside it.
    """

    oddness: float
    bend: float
    motion_xy: tuple[float, float]
    moved: float


class Observer:
    """The memory of one stream of frames; give it every frame, in order. No clock, no randomness."""

    def __init__(self) -> None:
        self._memories: dict[int, _TrackMemory] = {}
        self._grain: Grain | None = None

    def observe(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        *,
        by_appearance: bool = True,
        predicted: Mapping[int, Mask] = MappingProxyType({}),
        parsed: Mapping[int, ParsedFace] = MappingProxyType({}),
        behind: Mapping[int, frozenset[int]] = MappingProxyType({}),
    ) -> tuple[TrackedFace, ...]:
        """Return the same faces with what is known of them; the picture is not changed.

        Without `by_appearance` no occluders are sought, which saves a sixth of all work. `predicted` are the occlusion masks of
        segmenters or the parser, by `track_id`, uint8 (128, 128) as in `KnownFace.occluder`; the larger value counts, but the
        appearance only where the parser does not exclude an occluder. `parsed` is what the parser saw, `behind` is as in
        `KnownFace`.
        """
        for memory in self._memories.values():
            memory.unseen += 1
        present = frozenset(face.track_id for face in faces)
        seen = []
        for face in faces:
            before = behind.get(face.track_id, frozenset())
            nearer = [other.landmarks.points for other in faces if other.track_id in before]
            known = self._observe_face(frame, face, present, by_appearance, predicted.get(face.track_id), parsed, nearer)
            seen.append(replace(face, known=replace(known, parsed=parsed.get(face.track_id), behind=before)))
        self._memories = {number: each for number, each in self._memories.items() if each.unseen <= TUNING.forget_frames}
        return tuple(seen)

    def _observe_face(
        self,
        frame: Frame,
        face: TrackedFace,
        present: frozenset[int],
        by_appearance: bool,
        predicted: Mask | None,
        parsed: Mapping[int, ParsedFace],
        nearer: Sequence[Floats],
    ) -> KnownFace:
        points = face.landmarks.points
        now = unwrap(frame.image, points)
        visible = _visible(points, nearer)
        shape = neutral(points)
        memory = self._memories.get(face.track_id) or self._adopted(now, points, present)
        if memory is None:
            memory = _TrackMemory(
                now.astype(np.float32),
                np.zeros_like(visible),
                shape,
                shape,
                points,
                GrainMeter(known=self._grain),
                FocusMeter(),
            )
        elif memory.unseen > 1:
            memory.light, memory.points = None, points
            memory.focus = FocusMeter()
            memory.grain.pause()
        self._memories[face.track_id] = memory
        change = _change(memory, shape, points)
        if abs(face.yaw) < TUNING.bend_degrees and change.bend > TUNING.max_bend:
            memory.restart(now, shape)
        found = _occluder(memory, now, visible, shape) if by_appearance else None
        if found is not None and predicted is not None and face.track_id in parsed:
            found = found * (predicted >= TUNING.agreed_level)
        occluder = _joined(found, predicted)
        free = visible if occluder is None else visible * (1 - occluder * np.float32(1 / 255))
        creases, learnt = memory.creases.update(now, memory.texture, memory.weight, face, free)
        learn(memory.texture, memory.weight, now, learnt, TUNING.plain_mean_frames, TUNING.slowest, TUNING.max_surprise_levels)
        frontal = min(max((TUNING.sideways_degrees - abs(face.yaw)) / TUNING.sideways_degrees, 0.0), 1.0)
        sure = frontal * (1 - min(_hidden_share(occluder, visible, memory.weight) / TUNING.unlearnt_share, 1.0))
        share = (1 - TUNING.shape_memory + TUNING.shape_haste * change.oddness) * sure
        memory.neutral = (memory.neutral + share * (shape - memory.neutral)).astype(np.float32)
        light, exposure = _light(memory, now, free)
        memory.light = _followed(memory.light, light)
        memory.points, memory.unseen = points, 0
        grain: Grain | None = memory.grain.measure(frame.image, geometry.box_of(points), change.motion_xy, change.moved)
        self._grain = grain or self._grain
        focus = memory.focus.measure(frame.image, points, green_sigma(grain), change.motion_xy)
        whites = memory.whites.update(frame.image, points)
        return KnownFace(
            memory.neutral, occluder, memory.light, change.motion_xy, grain, focus, exposure=exposure, creases=creases,
            whites=whites,
        )  # fmt: skip

    def _adopted(self, now: Image, points: Floats, present: frozenset[int]) -> _TrackMemory | None:
        """Return the memory of a face that was lost here a moment ago: an occluder may make the tracker start a new track."""
        size, middle = geometry.size_of(points), points[:, :2].mean(0)
        for number, memory in self._memories.items():
            apart = float(np.linalg.norm(memory.points[:, :2].mean(0) - middle))
            alike = 1 / TUNING.adopt_growth < geometry.size_of(memory.points) / size < TUNING.adopt_growth
            gone = number not in present and memory.unseen <= TUNING.adopt_frames
            if gone and apart < TUNING.adopt_distance * size and alike and _is_the_same(now, memory):
                return self._memories.pop(number)
        return None


def _visible(points: Floats, nearer: Sequence[Floats]) -> Floats:
    """Return how well each texel of a face is seen, 0..1, float32 (side, side); nothing is under the `nearer` faces."""
    visible = facing(points)
    see(visible, TUNING.edge_on, TUNING.plain, visible)
    if nearer:
        visible *= 1 - hidden_by(points, nearer)
    return visible


def _occluder(memory: _TrackMemory, now: Image, visible: Floats, shape: Floats) -> Mask:
    """Return the occlusion mask of this frame; a texture that no longer holds is given up."""
    occluder = memory.occlusion.update(now, _expected(memory, now, visible), memory.weight, visible)
    if not memory.holds(occluder, visible):
        memory.restart(now, shape)
        occluder = memory.occlusion.update(now, now, memory.weight, visible)
    if memory.occlusion.stale.any():
        memory.weight[memory.occlusion.stale] = 0
    return occluder


def _hidden_share(occluder: Mask | None, visible: Floats, weight: Floats) -> float:
    """Return the share of the visible face that is occluded, 0..1."""
    return 0.0 if occluder is None else _hidden_shares(occluder, visible, weight)[0]


def _hidden_shares(occluder: Mask, visible: Floats, weight: Floats) -> tuple[float, float]:
    """Return the share of the visible face that is occluded, 0..1, and of it what was seen in two frames or more."""
    counts = np.empty(3, np.int64)
    count_hidden(occluder, visible, weight, counts)
    seen, hidden, known = counts.tolist()
    return hidden / max(seen, 1), known / max(seen, 1)


def _joined(found: Mask | None, predicted: Mask | None) -> Mask | None:
    if found is None or predicted is None:
        return predicted if found is None else found
    return np.maximum(found, predicted)


def _change(memory: _TrackMemory, shape: Floats, points: Floats) -> _Change:
    """Return the change of a face since its last frame, and from what is known of its shape."""
    found = np.empty(5)
    gauge(shape, memory.neutral, memory.mesh, points, memory.points, landmark_sets.SKIN_POINTS, found)
    apart, bend, x, y, moved = found.tolist()
    return _Change(min(max((apart - TUNING.shape_noise) / TUNING.shape_noise, 0.0), 1.0), bend, (x, y), moved)


def _is_the_same(now: Image, memory: _TrackMemory) -> bool:
    """Return True when one quarter of the face looks just as it did; another person's face, after a cut, does not."""
    half = now.shape[0] // 2
    quarters = [
        (rows, columns) for rows in (slice(0, half), slice(half, None)) for columns in (slice(0, half), slice(half, None))
    ]
    return max(_correlation(now[q], memory.texture[q], memory.weight[q]) for q in quarters) > TUNING.same_correlation


def _correlation(now: Image, texture: Floats, weight: Floats) -> float:
    known = weight >= 1
    if int(known.sum()) < TUNING.same_texels:
        return 0.0
    a, b = now[known][:, 1].astype(np.float64), texture[known][:, 1].astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / max(np.sqrt((a @ a) * (b @ b)), 1e-9))


def _expected(memory: _TrackMemory, now: Image, visible: Floats) -> Image:
    """Return the mean texture as a lamp that has moved would light it; BGR uint8 (side, side, 3)."""
    change = lasting_light(now, visible) / memory.lasting
    wide = cv2.resize(change, visible.shape[::-1], interpolation=cv2.INTER_LINEAR)
    levels = np.empty_like(now)
    expect(memory.texture, np.asarray(wide, np.float32), levels)
    return levels


def _light(memory: _TrackMemory, now: Image, free: Floats) -> tuple[Floats, float]:
    """Return the light of this frame against even light, float32 (64, 64, 3), and its exposure against the usual one.

    The lasting light of the texture that has just been learnt goes into the memory.
    """
    known = np.minimum(memory.weight, 1)
    change = light_of(now, memory.texture, free * known)
    memory.lasting = lasting_light(memory.texture, known)
    light: Floats = change * memory.lasting[:, :, None]
    return light, percentile_of(change[::4, ::4, 1], TUNING.bright_percentile)


def _followed(before: Floats | None, light: Floats) -> Floats:
    """Hold light that rests still, follow light that changes at once."""
    if before is None:
        return light
    followed = np.empty_like(light)
    follow_light(before, light, TUNING.light_noise, TUNING.min_light_step, followed)
    return followed

"""Tilted and inverted heads of a stream: closer readings of tracked faces, and the search for new ones.

The mesh follows a head through any roll, the detector sees upright heads only, and both take an inverted head for an upright
one. So a tilted face is confirmed in a crop that is rotated with it, and the whole picture is searched for tilted heads at the
start of a scene and then one turn at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mien.imaging.geometry import between_rolls, roll_of
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.rotated_detector import QUARTER_TURNS, TURNS, TURNS_AT_ONCE, RotatedSearch
from mien.swap.tracking.scene_cut import Motion
from mien.swap.tracking.track import Track, is_among, is_same, is_tracked
from mien.types import Detection, Image


@dataclass(frozen=True, slots=True)
class SearchPace:
    """Pace of the search for tilted heads.

    One turn every `followed_every` frames while faces are tracked. Without tracks: `alone_turns` a frame in which something
    moves, one in any other, and after `far_every` turns one for faces far away.
    """

    followed_every: int
    alone_turns: int
    far_every: int


FILE_PACE = SearchPace(followed_every=16, alone_turns=1, far_every=40)
"""Costs 0.3 ms a frame."""
LIVE_PACE = SearchPace(followed_every=4, alone_turns=4, far_every=10)
"""All quarter turns at once: a head must not come in unseen."""


@dataclass(frozen=True, slots=True)
class TiltedTuning:
    """Scores of detections in the rotated picture or crop."""

    surely_upright_score: float = 0.86
    """Inverted heads reach 0.83 in whole frames (26 faces), one without hair 0.90."""
    way_up_every: int = 16
    """Redetections between two checks that a face with a good score is the right way up."""
    other_way_up_degrees: float = 30.0
    """Roll between two readings of a face that cannot both be right."""
    read_score: float = 0.5
    """Score from which a find in the rotated picture is read closely."""
    max_finds: int = 4
    """Faces that are found again in the next frame, 0.8 ms each."""
    score: float = 0.85
    """Score of a tilted face beside others, or a new one; faces have 0.86 and more, hands up to 0.82 (12 clips)."""
    alone_score: float = 0.6
    """Score of a tilted face that may be one while nothing is tracked; in the dark they have 0.79 and more."""


TUNING = TiltedTuning()


@dataclass(slots=True)
class TiltedHeads:
    """The search of one stream; without `search` nothing is read or found.

    `min_score` is the score at which a detection may revive a lost track. `readings` are the tilted faces of this frame as the
    detector sees them upright, `finds` those that are not tracked.
    """

    search: RotatedSearch | None
    pace: SearchPace
    min_score: float
    readings: list[Detection] = field(default_factory=list, init=False)
    finds: list[Detection] = field(default_factory=list, init=False)
    _new_scene: bool = field(default=True, init=False)
    """True until this scene has been searched."""
    _until_sweep: int = field(default=0, init=False)
    _sweeps: int = field(default=0, init=False)
    _far_sweeps: int = field(default=0, init=False)
    _motion: Motion = field(default_factory=Motion, init=False)

    def start_scene(self) -> None:
        """Search the whole picture in the next frame, and forget what was found."""
        self._new_scene, self.finds = True, []

    def start_frame(self) -> None:
        """Forget the readings of the frame before."""
        self.readings = []
        self._until_sweep -= 1

    def read_closely(
        self, found: list[Detection], tracks: Sequence[Track], lost: Sequence[Track], image: Image
    ) -> list[Detection]:
        """Replace the detections of tilted faces, and of faces tracked the wrong way up, by closer readings."""
        if self.search is None:
            return found
        for track in tracks:
            near = [each for each in found if is_same(FaceBox.of_detection(each), track.box)]
            reading = self._reading(self.search, track, near, image)
            if reading is not None:
                self.readings.append(reading)
                found = [each for each in found if not is_same(FaceBox.of_detection(each), track.box)]
        again = (self.search.read(image, track.box, track.roll) for track in lost if track.tilted)
        self.readings += [each for each in again if each is not None and each.score >= self.min_score]
        return [*self.readings, *found]

    def _reading(self, search: RotatedSearch, track: Track, near: list[Detection], image: Image) -> Detection | None:
        """Return what replaces the detections `near` a track; None when they are right."""
        score = max((each.score for each in near), default=0.0)
        if not track.tilted and score >= TUNING.surely_upright_score and track.age % TUNING.way_up_every:
            return None
        own = search.read(image, track.box, track.roll)
        score = max(score, 0.0 if own is None else own.score)
        other = None
        if score < TUNING.surely_upright_score or track.age % TUNING.way_up_every == 0:
            other = search.read(image, track.box, track.roll + 180)
        if other is not None and other.score > max(score, TUNING.score):
            return other
        if not track.tilted:
            return None
        return max((each for each in (own, *near) if each is not None), key=lambda each: each.score, default=None)

    def sweep(self, image: Image, tracks: Sequence[Track]) -> list[Detection]:
        """Search the rotated picture for tilted heads that are not tracked; find again those found before.

        Return those sure enough to start a track.
        """
        if self.search is None:
            return []
        least = TUNING.score if tracks else TUNING.alone_score
        before = self.finds[: TUNING.max_finds]
        known = [self.search.read(image, FaceBox.of_detection(each), roll_of(each.points)) for each in before]
        finds = [each for each in known if each is not None and each.score >= least]
        for found in self._swept(self.search, image, alone=not tracks):
            tracked = is_tracked(FaceBox.of_detection(found), tracks)
            if found.score >= TUNING.read_score and not tracked and not is_among(found, finds):
                upright = self.search.right_way_up(image, found)
                if upright is not None and upright.score >= least and not is_among(upright, finds):
                    finds.append(upright)
        self.finds = finds
        return [each for each in finds if each.score >= TUNING.score]

    def drop_tracked(self, tracks: Iterable[Track]) -> None:
        """Forget the finds that are tracked by now."""
        kept = list(tracks)
        self.finds = [each for each in self.finds if not is_tracked(FaceBox.of_detection(each), kept)]

    def _swept(self, search: RotatedSearch, image: Image, *, alone: bool) -> list[Detection]:
        """Search the turns that are due: all at the start of a scene, else a few."""
        new_scene, self._new_scene = self._new_scene, False
        moved = alone and self._motion.seen(image)
        if new_scene:
            return search.sweep(image, TURNS_AT_ONCE if alone else QUARTER_TURNS)
        if not alone and self._until_sweep > 0:
            return []
        self._until_sweep = self.pace.followed_every
        count = self.pace.alone_turns if moved else 1
        turns = [TURNS[(self._sweeps + step) % len(TURNS)] for step in range(count)]
        self._sweeps += count
        found = search.sweep(image, turns)
        if alone and self._sweeps % self.pace.far_every < count:
            self._far_sweeps += 1
            found += search.sweep_far(image, QUARTER_TURNS[self._far_sweeps % len(QUARTER_TURNS)])
        return found

    def other_way_up(self, detection: Detection, image: Image) -> Detection | None:
        """Return the right reading of a face that was detected the wrong way up; None when it is right."""
        best = None if self.search is None else self.search.right_way_up(image, detection)
        if best is None or best.score <= detection.score:
            return None
        apart = between_rolls(roll_of(best.points), roll_of(detection.points))
        return best if apart > TUNING.other_way_up_degrees else None

"""Search of a stream: sightings of each frame joined to paths, forwards and backwards.

A face that the usual look misses is read closely where it is expected; one that appears is looked for in the frames before.
Those frames are kept for a second at most, and within a bound of bytes; nothing else of the pictures is.
"""

import math
from array import array
from collections import deque
from dataclasses import dataclass, replace

from mien.imaging.geometry import between_rolls, roll_of
from mien.swap.hiding.doubt_looks import DoubtLooks
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.passing import TUNING as PASSING
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Detection, Image


@dataclass(frozen=True, slots=True)
class PathTuning:
    """Joining of sightings; distances are in face sizes. Evidence: `mien evaluate --only anonymise`."""

    birth_score: float = 0.3
    """A sighting with this score starts a path; YuNet's usual threshold of 0.6 misses 26 % of faces of 16 pixels."""
    follow_score: float = 0.15
    """A sighting with this score continues one, where the face is expected."""
    close_score: float = 0.3
    """Score of a close reading that continues a path: the crop enlarges the face to 64 pixels, so it is seen better."""
    plain_score: float = 0.5
    """A birth below this is confirmed by a close reading: of the large faces that smooth noise seems to show none has one."""
    clear_score: float = 0.6
    """A sighting below this is read closely too, and the surer of both counts: boxes of weak ones miss chins and noses."""
    other_roll_degrees: float = 35.0
    """So is one that is rolled by more than this against the path: heads on a side have up to 0.75 in the upright picture."""
    upright_score: float = 0.9
    """A birth below this is read in all rolls."""
    turned_score: float = 0.85
    """Score with which another roll wins: hands and prints reach 0.82 in some roll."""
    wider: float = 1.35
    wider_pixels: float = 20.0
    """Enlargement of the place of a second close reading where the first shows nothing, and the size of face below which there
    is one: boxes of tiny faces come out small."""
    reach: float = 0.7
    reach_per_frame: float = 0.15
    most_reach: float = 2.0
    """Distance from the expected place in the next frame, its growth with every frame without a sighting, and its end."""
    growth: float = 1.7
    """Largest ratio of sizes of one face from sighting to sighting."""
    lost_s: float = 1.0
    """A path without a sighting ends after this time; shorter gaps are filled."""
    motion_frames: int = 6
    """Frames over which the speed is measured."""
    motion_kept: float = 0.85
    """Share of the speed that is expected to be left after each frame without a sighting."""
    missed_backwards: int = 6
    """Close readings in a row without a face after which the search backwards ends."""
    kept_s: float = 1.0
    kept_bytes: int = 96 << 20
    """Time and memory of the frames that are kept for the search backwards: a second of 720p has 83 MB."""
    least_kept: int = 2 * PASSING.steps + 1
    """Frames kept however large they are: more than between two enlarged searches, and a find with those around it."""
    sure_score: float = 0.84
    """Score from which a sighting's roll is taken as it is."""
    covered_distance: float = 0.4
    covered_growth: float = 1.25
    """A further detection this near to a followed face, and at most this much larger, lies under its cover."""


TUNING = PathTuning()


@dataclass(frozen=True, slots=True)
class Look:
    """Detections of one frame; `is_new` = the first of a scene. The picture is kept for a second: leave it unchanged."""

    image: Image
    time_s: float
    is_new: bool
    found: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    image: Image


class PathSearch:
    """Joins what the frames of one stream show; give it a look at every frame, in order, then call `finish`.

    `close` reads a crop around a place; `doubts` looks at doubtful faces a second time, without it there are more of these.
    """

    def __init__(self, close: RotatedSearch, doubts: DoubtLooks | None = None, tuning: PathTuning = TUNING) -> None:
        self._close = close
        self._doubts = doubts
        self._tuning = tuning
        self._active: list[FacePath] = []
        self._done: list[FacePath] = []
        self._kept: deque[_Kept] = deque()
        self._times: array[float] = array("d")
        self._scene_start = 0
        self._numbers = 0

    @property
    def times(self) -> "array[float]":
        """The times of all frames so far, in seconds."""
        return self._times

    @property
    def followed(self) -> list[FacePath]:
        """The paths that are followed in the newest frame."""
        return self._active

    def see(self, look: Look) -> None:
        """Take the next frame."""
        image, number = look.image, len(self._times)
        self._times.append(look.time_s)
        if look.is_new:
            self._end_scene(number)
        rest = self._follow(image, number, list(look.found))
        for each in rest:
            if each.score >= self._tuning.birth_score and not self._is_covered(FaceBox.of_detection(each), number):
                self._start(each, image, number)
        if self._doubts is not None:
            for path in self._active:
                self._doubts.look(path, image, number, self._tuning.birth_score, self._active)
        self._keep(_Kept(number, image), look.time_s)
        if self._doubts is not None:
            self._look_around(self._doubts)

    def _look_around(self, doubts: DoubtLooks) -> None:
        """Compare what was doubtful a few frames ago with the frames before and after it."""
        around = list(self._kept)[-2 * PASSING.steps - 1 :]
        first, last = around[0].number, around[-1].number
        if len(around) <= 2 * PASSING.steps or self._times[last] - self._times[first] > PASSING.most_s:
            return
        middle, images = around[PASSING.steps].number, [kept.image for kept in around]
        for path in self._active:
            seen, _ = path.around(middle)
            if seen is not None and seen.frame == middle:
                doubts.look_around(path, seen, images)

    def finish(self) -> list[FacePath]:
        """Return all paths, in the order of their first sightings."""
        self._end_scene(len(self._times))
        self._done.sort(key=lambda path: (path.first.frame, path.number))
        return self._done

    def _end_scene(self, number: int) -> None:
        for path in (*self._active, *(path for path in self._done if path.last_bound is None)):
            path.last_bound = max(number - 1, 0)
        self._done += self._active
        self._active, self._scene_start = [], number
        self._kept.clear()

    def _follow(self, image: Image, number: int, found: list[Detection]) -> list[Detection]:
        """Continue the paths by what was found, else by a closer look; return the detections that belong to none."""
        rest = list(found)
        pairs = sorted(
            (
                (place.distance(FaceBox.of_detection(each)), path, each)
                for path in self._active
                for place in (self._expected(path, number),)
                for each in found
                if self._fits(path, place, each, number)
            ),
            key=lambda pair: pair[0],
        )
        followed: set[int] = set()
        for _, path, each in pairs:
            if path.number not in followed and each in rest:
                followed.add(path.number)
                rest = [other for other in rest if other is not each]
                surer = self._surer(path, image, number, each)
                path.add(Sighting.of(number, surer), firm=surer.score >= self._tuning.birth_score)
        for path in self._active:
            if path.number not in followed:
                self._look_closely(path, image, number, rest)
        self._done += [path for path in self._active if not self._is_alive(path, number)]
        self._active = [path for path in self._active if self._is_alive(path, number)]
        return rest

    def _surer(self, path: FacePath, image: Image, number: int, found: Detection) -> Detection:
        """Return the close reading of a doubtful sighting where it has the higher score, else the sighting."""
        tuning, roll = self._tuning, path.last.roll
        turned = found.score < tuning.sure_score and between_rolls(roll_of(found.points), roll) > tuning.other_roll_degrees
        if found.score >= tuning.clear_score and not turned:
            return found
        place = FaceBox.of_detection(found)
        read = self._close.read(image, place, roll)
        if read is None or read.score < found.score or not self._fits(path, self._expected(path, number), read, number):
            return found
        return read

    def _look_closely(self, path: FacePath, image: Image, number: int, rest: list[Detection]) -> None:
        place = self._expected(path, number)
        if not (0 <= place.x < image.shape[1] and 0 <= place.y < image.shape[0]):
            return
        read = self._read(image, place, path.last.roll)
        good = read is not None and read.score >= self._tuning.close_score and self._fits(path, place, read, number)
        if read is not None and good and not self._is_covered(FaceBox.of_detection(read), number):
            path.add(Sighting.of(number, read), firm=True)

    def _read(self, image: Image, place: FaceBox, roll: float) -> Detection | None:
        """Return a close reading, a second one of a wider place where the first is none."""
        read = self._close.read(image, place, roll)
        if place.size >= self._tuning.wider_pixels or (read is not None and read.score >= self._tuning.close_score):
            return read
        wider = self._close.read(image, replace(place, size=self._tuning.wider * place.size), roll)
        return max((each for each in (read, wider) if each is not None), key=lambda each: each.score, default=None)

    def _is_covered(self, box: FaceBox, number: int) -> bool:
        return any(self._is_at(path, box, number) for path in self._active)

    def _is_at(self, path: FacePath, box: FaceBox, number: int) -> bool:
        """Return True when the path was seen at this place in this frame: two paths need not follow one face."""
        seen, _ = path.around(number)
        if seen is None or seen.frame != number:
            return False
        tuning = self._tuning
        return seen.box.distance(box) < tuning.covered_distance and box.size < tuning.covered_growth * seen.box.size

    def _is_alive(self, path: FacePath, number: int) -> bool:
        return self._times[number] - self._times[path.last.frame] <= self._tuning.lost_s

    def _expected(self, path: FacePath, number: int) -> FaceBox:
        """Return where the face should be in this frame, at a speed that fades."""
        last, frames = path.last, number - path.last.frame
        x, y = path.step_xy(-1, self._tuning.motion_frames)
        kept = self._tuning.motion_kept
        steps = (1 - kept**frames) / (1 - kept)
        most = last.box.size * self._tuning.most_reach / max(math.hypot(x, y) * steps, 1e-9)
        return last.box.moved((x * steps * min(1.0, most), y * steps * min(1.0, most)))

    def _fits(self, path: FacePath, place: FaceBox, found: Detection, number: int) -> bool:
        tuning, box = self._tuning, FaceBox.of_detection(found)
        frames = number - path.last.frame
        reach = min(tuning.reach + tuning.reach_per_frame * (frames - 1), tuning.most_reach)
        return (
            found.score >= tuning.follow_score
            and place.growth(box) < tuning.growth
            and min(place.distance(box), path.last.box.distance(box)) < reach
        )

    def _start(self, found: Detection, image: Image, number: int) -> None:
        """Start a path, and follow it back through the kept frames."""
        found = self._turned(found, image)
        path = FacePath(self._numbers, first_bound=self._scene_start)
        self._numbers += 1
        path.add(Sighting.of(number, found), firm=True)
        path.confirmed = found.score >= self._tuning.plain_score or self._is_seen_closely(image, path.last)
        earlier = self._traced_back(path.last)
        path.add_before(earlier)
        self._active.append(path)

    def _is_seen_closely(self, image: Image, sighting: Sighting) -> bool:
        read = self._read(image, sighting.box, sighting.roll)
        return read is not None and read.score >= self._tuning.close_score

    def _turned(self, found: Detection, image: Image) -> Detection:
        """Return a doubtful face in the roll that suits it best, with the score that it was found with."""
        tuning = self._tuning
        if found.score >= tuning.upright_score:
            return found
        best = self._close.right_way_up(image, found)
        if best is None or best.score < max(tuning.turned_score, found.score):
            return found
        apart = between_rolls(roll_of(best.points), roll_of(found.points)) > tuning.other_roll_degrees
        near = FaceBox.of_detection(found).distance(FaceBox.of_detection(best)) < tuning.reach
        return replace(best, score=found.score) if apart and near else found

    def _traced_back(self, birth: Sighting) -> list[Sighting]:
        """Return the sightings before the birth of a path, the newest first."""
        traced: list[Sighting] = []
        box, roll, step = birth.box, birth.roll, (0.0, 0.0)
        last, missed = birth, 0
        for kept in reversed(self._kept):
            place = box.moved((step[0] * (last.frame - kept.number), step[1] * (last.frame - kept.number)))
            if not (0 <= place.x < kept.image.shape[1] and 0 <= place.y < kept.image.shape[0]):
                break
            read = self._read(kept.image, place, roll)
            good = read is not None and read.score >= self._tuning.close_score
            if read is None or not good or place.growth(FaceBox.of_detection(read)) >= self._tuning.growth:
                missed += 1
                if missed >= self._tuning.missed_backwards:
                    break
                continue
            missed = 0
            seen = Sighting.of(kept.number, read)
            if self._is_covered(seen.box, seen.frame):
                break
            frames = last.frame - seen.frame
            step = (seen.box.x - last.box.x) / frames, (seen.box.y - last.box.y) / frames
            box, roll, last = seen.box, seen.roll, seen
            traced.append(seen)
        return traced

    def _keep(self, kept: _Kept, time_s: float) -> None:
        self._kept.append(kept)
        most = max(self._tuning.least_kept, self._tuning.kept_bytes // max(kept.image.nbytes, 1))
        while len(self._kept) > most or (
            len(self._kept) > self._tuning.least_kept and time_s - self._times[self._kept[0].number] > self._tuning.kept_s
        ):
            self._kept.popleft()

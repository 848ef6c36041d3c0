"""Recall of `mien anonymise`: faces of made crowds that lie under covers, by size and turn, by frame and by track.

The crowds are made of the people of the closing set, who were not looked at when the search was tuned. The measure takes the
plan of the covers, before it is drawn.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.assembly import factory
from mien.lab.evaluate.crowds import RATE_HZ, Crowd, Kind, Visible
from mien.lab.evaluate.figures import Figure, Section, Sheet
from mien.lab.evaluate.lab import Lab, Progress
from mien.media.files import moving
from mien.swap.hiding.choice import is_left
from mien.swap.hiding.cover_plan import CoverPlan, Regions
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.frame_search import FrameSearch
from mien.swap.hiding.path_search import Look
from mien.swap.stages.cover import SOLID, Cover, region_of_box
from mien.swap.tracking.scene_cut import SceneCuts
from mien.types import Floats, Image

KINDS = (
    Kind(10), Kind(12), Kind(16), Kind(20), Kind(24), Kind(32), Kind(48),
    Kind(24, yaw=60), Kind(48, yaw=60), Kind(48, yaw=75), Kind(48, yaw=85),
    Kind(32, roll=90), Kind(48, roll=90), Kind(48, roll=270), Kind(48, roll=180),
)  # fmt: skip
"""Heads of each run."""
_BARS = {Kind(16): 99.5, Kind(12): 95.0, Kind(48, yaw=85): 99.0}
"""Percent of frames in which a face of the kind has to be covered."""
HEADS, FRAMES = 30, 40  # of each crowd: 1.6 s, three times the lead of a cover
_COVERED = 0.95  # share of the landmarks under covers from which a face is hidden
_CLIP_FRAMES = 1500  # of each real clip: a minute


@dataclass(frozen=True, slots=True)
class Recall:
    """Faces of one crowd: `hits` of `frames` frames, `whole` of `tracks` faces that were covered in each frame of theirs."""

    frames: int
    hits: int
    tracks: int
    whole: int
    false: int
    ms: float

    @property
    def percent(self) -> float:
        """Share of frames in which a face is covered."""
        return 100 * self.hits / self.frames if self.frames else math.nan


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure every kind of heads, and the covers of real clips that hide no face."""
    search = factory.open_frame_search(lab.store)
    closing = [person for person in lab.people if person.is_closing] or list(lab.people)
    frontal = [person for person in closing if not person.is_everyday] or closing
    figures, details, sheets = [], {}, []
    broken = tracks = 0
    for kind in KINDS:
        crowd = Crowd(frontal if kind.yaw or kind.roll else closing, kind, HEADS, lab.length(FRAMES))
        found, sheet = recall_of(crowd, search)
        figures.append(Figure(f"{kind.words}: frames with the face covered", found.percent, "%", at_least=_BARS.get(kind)))
        broken, tracks = broken + found.tracks - found.whole, tracks + found.tracks
        details[kind.words] = {
            "frames": found.frames, "covered": found.hits, "tracks": found.tracks, "covered_throughout": found.whole,
            "false_paths": found.false, "ms_a_frame": found.ms,
        }  # fmt: skip
        if kind in _BARS:
            sheets.append(Sheet(f"{kind.words}: the last frame under its covers.", sheet))
        progress()
    figures.append(Figure("faces with an uncovered frame", float(broken), f"of {tracks}", at_most=0))
    if lab.clips is not None:
        figures += _on_clips(sorted(lab.clips.glob("*.m*")), search, lab, progress)
    notes = ("Heads are pasted or rendered, lit from the front, hidden by posts only: the recall is an upper bound.",)
    return Section("anonymise", "Faces hidden", tuple(figures), details, tuple(sheets), notes=notes)


def recall_of(crowd: Crowd, search: FrameSearch) -> tuple[Recall, Image]:
    """Search a crowd, and return its recall and the last frame under covers."""
    paths, seen, spent = search.open_paths(), [], 0.0
    for index in range(crowd.length):
        image, visible = crowd.frame(index)
        seen.append(visible)
        start = time.process_time()
        found = search.look(image, index, whole=index == 0)
        paths.see(Look(image, index / RATE_HZ, index == 0, tuple(found)))
        spent += time.process_time() - start
    chosen = [path for path in paths.finish() if not is_left(path)]
    plan = CoverPlan(chosen, paths.times)
    tracks: dict[int, list[bool]] = {}
    for index, visible in enumerate(seen):
        regions = plan.regions(index)
        for head in visible:
            if not head.hidden:
                tracks.setdefault(head.number, []).append(is_hidden(head.points[head.shown], regions))
    hits = [hit for track in tracks.values() for hit in track]
    Cover(SOLID, 0).draw(image, plan.regions(crowd.length - 1))
    false = sum(not _is_near(path, seen, crowd.kind.height) for path in chosen)
    recall = Recall(len(hits), sum(hits), len(tracks), sum(map(all, tracks.values())), false, 1000 * spent / crowd.length)
    return recall, image


def is_hidden(points: Floats, regions: Regions) -> bool:
    """Return True when the landmarks (n, 3) of a face lie under covers, all but a few at its edge."""
    inside = np.zeros(len(points), bool)
    for _, region in regions:
        turn = math.radians(region.roll)
        x, y = points[:, 0] - region.x, points[:, 1] - region.y
        across, along = math.cos(turn) * x + math.sin(turn) * y, math.cos(turn) * y - math.sin(turn) * x
        inside |= np.hypot(across / region.half_across, along / region.half_along) <= 1
    return float(inside.mean()) >= _COVERED


def _is_near(path: FacePath, seen: Sequence[Sequence[Visible]], height: float) -> bool:
    """Return True when a path is at a head, hidden ones too, in the middle of its life."""
    sighting = path.at(len(path) // 2)
    near = 1.2 * max(height, sighting.box.size)
    for head in seen[sighting.frame]:
        x, y = head.points[:, :2].mean(0)
        if math.hypot(x - sighting.box.x, y - sighting.box.y) < near:
            return True
    return False


def _on_clips(clips: Sequence[Path], search: FrameSearch, lab: Lab, progress: Progress) -> list[Figure]:
    """Count the covers beside the only face of each clip, and the frames in which that face is not under one."""
    false = frames = gaps = 0
    seconds = 0.0
    for clip in clips:
        paths, cuts, number = search.open_paths(), SceneCuts(), 0
        limits = lab.settings
        with moving.open_moving(clip, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes) as reader:
            while number < lab.length(_CLIP_FRAMES) and (frame := reader.read()) is not None:
                is_new = cuts.is_cut(frame.image) or number == 0
                found = search.look(frame.image, number, whole=is_new)
                paths.see(Look(frame.image, frame.time_s, is_new, tuple(found)))
                number += 1
        chosen = [path for path in paths.finish() if not is_left(path)]
        if not chosen:
            gaps += number
            continue
        face = max(chosen, key=len)
        plan = CoverPlan([face], paths.times)
        false += sum(not _is_on(path, face) for path in chosen)
        gaps += sum(not plan.regions(index) for index in range(number))
        frames += number
        seconds += paths.times[-1] - paths.times[0]
        progress()
    minutes = max(seconds / 60, 1e-6)
    return [
        Figure("covers without a face, real clips", false / minutes, f"a minute ({false} in {seconds:.0f} s)", at_most=1),
        Figure("frames of real clips without a cover on the person", float(gaps), f"of {frames}", at_most=0),
    ]


def _is_on(path: FacePath, face: FacePath) -> bool:
    """Return True when a path lies on the head of another one."""
    sighting = path.at(len(path) // 2)
    nearest = min(face.around(sighting.frame), key=lambda each: abs(each.frame - sighting.frame) if each else 1 << 30)
    return nearest is not None and region_of_box(nearest.box_xyxy).holds(sighting.box.x, sighting.box.y)

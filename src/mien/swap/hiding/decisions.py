"""Decisions on what is covered, as the review page saves them: an untrusted file, read strictly."""

import hashlib
import json
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mien.errors import UsageError
from mien.swap.hiding.choice import is_left
from mien.swap.hiding.cover_plan import CoverPlan, FixedRegion
from mien.swap.hiding.face_path import FacePath
from mien.swap.stages.cover import HeadRegion

VERSION = 1
"""Version of the file."""
MAX_BYTES = 4 << 20  # 10,000 entries have 1 MB
_MAX_ENTRIES = 10_000  # more than a person decides
_MAX_S = 1e7  # seconds: four months of film
_MAX_PIXELS = 1e6  # a coordinate
_REMEDY = "save the decisions again on the review page of this target"
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FaceDecision:
    """The face at a time in seconds and in a box is covered, or left as it is."""

    at_s: float
    box_xyxy: Box
    covered: bool


@dataclass(frozen=True, slots=True)
class RegionDecision:
    """A box that is covered from one time to another, in seconds."""

    from_s: float
    to_s: float
    box_xyxy: Box


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions on one part of one target; `digest` is the sha256 of the file they were read from."""

    target_sha256: str
    start_s: float | None
    end_s: float | None
    faces: tuple[FaceDecision, ...]
    regions: tuple[RegionDecision, ...]
    digest: str = ""

    def check_fits(self, target_sha256: str, start_s: float | None, end_s: float | None) -> None:
        """Raise `UsageError` unless the decisions were made on this target and this part of it."""
        if self.target_sha256 != target_sha256:
            raise UsageError("the decisions were made on another file, or it has changed since", _REMEDY)
        if (self.start_s, self.end_s) != (start_s, end_s):
            raise UsageError("the decisions were made on another part of the file", "give the same --start and --end")


def read_decisions(content: bytes) -> Decisions:
    """Return the decisions of a JSON file. Raises `UsageError` for anything else."""
    if len(content) > MAX_BYTES:
        _refuse("has more than 4 MiB")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        _refuse("is not JSON")
    names = {"mien_decisions", "target_sha256", "start", "end", "faces", "regions"}
    if not isinstance(found, dict) or set(found) != names or found["mien_decisions"] != VERSION:
        _refuse("has other entries than those of version 1")
    if not isinstance(found["target_sha256"], str):
        _refuse("names no target")
    faces = tuple(_face(each) for each in _list(found["faces"]))
    regions = tuple(_region(each) for each in _list(found["regions"]))
    start, end = (None if found[name] is None else _seconds(found[name]) for name in ("start", "end"))
    return Decisions(found["target_sha256"], start, end, faces, regions, hashlib.sha256(content).hexdigest())


def decided(
    decisions: Decisions, paths: Sequence[FacePath], times: Sequence[float], size_wh: tuple[int, int]
) -> tuple[list[FacePath], list[FixedRegion]]:
    """Return the paths to cover and the regions to cover beside them.

    Raises `UsageError` for a decision that fits no face, and for a region outside the picture or the film.
    """
    chosen = {path.number: path for path in paths if not is_left(path)}
    plan = CoverPlan((), times)
    for number, decision in enumerate(decisions.faces, 1):
        fitting = [path for path in paths if _is_there(path, decision, times, plan.span(path))]
        if not fitting:
            raise UsageError(f"decision {number} fits no face that was found at {decision.at_s:.2f} s", _REMEDY)
        for path in fitting:
            if decision.covered:
                chosen[path.number] = path
            else:
                chosen.pop(path.number, None)
    regions = [_fixed(each, times, size_wh) for each in decisions.regions]
    return [path for path in paths if path.number in chosen], regions


def _is_there(path: FacePath, decision: FaceDecision, times: Sequence[float], span: tuple[int, int]) -> bool:
    """Return True when the path is at this place at this time; in and next to the frames of its cover, at its nearest end."""
    frame = _frame_at(decision.at_s, times)
    if not span[0] - 1 <= frame <= span[1] + 1:
        return False
    nearest = min((each for each in path.around(frame) if each is not None), key=lambda each: abs(each.frame - frame))
    x1, y1, x2, y2 = decision.box_xyxy
    away = math.hypot(nearest.box.x - (x1 + x2) / 2, nearest.box.y - (y1 + y2) / 2)
    return away < 0.35 * max(x2 - x1, y2 - y1)


def _fixed(region: RegionDecision, times: Sequence[float], size_wh: tuple[int, int]) -> FixedRegion:
    x1, y1, x2, y2 = region.box_xyxy
    if x1 >= size_wh[0] or y1 >= size_wh[1] or x2 <= 0 or y2 <= 0:
        raise UsageError("a region of the decisions lies outside the picture", _REMEDY)
    if region.from_s > times[-1] + 1:
        raise UsageError("a region of the decisions begins after the end of the film", _REMEDY)
    # The ellipse that holds the corners of the box.
    around = HeadRegion((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / math.sqrt(2), (y2 - y1) / math.sqrt(2))
    return FixedRegion(_frame_at(region.from_s, times), _frame_at(region.to_s, times), around)


def _frame_at(time_s: float, times: Sequence[float]) -> int:
    """Return the frame that is nearest to a time."""
    index = min(bisect_left(times, time_s), len(times) - 1)
    return index - 1 if index > 0 and time_s - times[index - 1] < times[index] - time_s else index


def _face(entry: Any) -> FaceDecision:
    if not isinstance(entry, dict) or set(entry) != {"at", "box", "do"} or entry["do"] not in {"cover", "keep"}:
        _refuse("has a decision that says neither cover nor keep")
    return FaceDecision(_seconds(entry["at"]), _box(entry["box"]), entry["do"] == "cover")


def _region(entry: Any) -> RegionDecision:
    if not isinstance(entry, dict) or set(entry) != {"from", "to", "box"}:
        _refuse("has a region without from, to and box")
    begin, end = _seconds(entry["from"]), _seconds(entry["to"])
    if end < begin:
        _refuse("has a region that ends before it begins")
    return RegionDecision(begin, end, _box(entry["box"]))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_ENTRIES:
        _refuse("has no list of decisions, or too long a one")
    return value


def _seconds(value: Any) -> float:
    return _number(value, 0.0, _MAX_S)


def _box(value: Any) -> Box:
    if not isinstance(value, list) or len(value) != 4:
        _refuse("has a box without four numbers")
    x1, y1, x2, y2 = (_number(each, -_MAX_PIXELS, _MAX_PIXELS) for each in value)
    if x2 <= x1 or y2 <= y1:
        _refuse("has a box without an area")
    return x1, y1, x2, y2


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        _refuse("has a number that is none, or out of bounds")
    return float(value)


def _refuse(why: str) -> NoReturn:
    raise UsageError(f"the file of decisions {why}", _REMEDY)

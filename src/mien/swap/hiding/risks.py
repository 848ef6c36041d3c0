"""Risky moments of a search: what a person should look at before the film is passed on, most risky first."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.swap.hiding.choice import is_hand, is_left, is_none, is_passing
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.face_path import FacePath, Sighting

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class RiskTuning:
    """Bounds of what is risky, chosen by the recall of small and doubtful faces (docs/anonymise.md)."""

    small_pixels: float = 16.0
    doubtful_score: float = 0.5
    border_sizes: float = 1.5
    """Distance from the border, in face sizes, within which a face may have come in or gone out."""
    most: int = 300
    """Bounds the review page: a moment takes some 20 kB."""


TUNING = RiskTuning()


@dataclass(frozen=True, slots=True)
class Moment:
    """A place to look at: the frame, the box in frame pixels, why, whether it is covered, and the risk, 0..1."""

    frame: int
    box_xyxy: Box
    words: str
    covered: bool
    risk: float


def moments_of(
    paths: Sequence[FacePath], plan: CoverPlan, size_wh: tuple[int, int], tuning: RiskTuning = TUNING
) -> tuple[list[Moment], int]:
    """Return the risky moments of a search, most risky first, and the number of those that are too many."""
    found = [moment for path in paths for moment in _of_path(path, plan, size_wh, tuning)]
    found.sort(key=lambda each: (-each.risk, each.frame))
    return found[: tuning.most], max(len(found) - tuning.most, 0)


def _of_path(path: FacePath, plan: CoverPlan, size_wh: tuple[int, int], tuning: RiskTuning) -> list[Moment]:
    best = max((path.at(index) for index in range(len(path))), key=lambda each: each.score)
    covered = any(number == path.number for number, _ in plan.regions(best.frame))
    if is_left(path) and not covered:
        return [_of_left(path, best, plan)]
    found = []
    if is_passing(path):
        words = f"gone a moment before and after, in front of a person, score {best.score:.2f}: perhaps a hand"
        found.append(Moment(best.frame, best.box_xyxy, words, covered, risk=0.65))
    elif path.best_score < tuning.doubtful_score:
        words = f"low confidence, score {best.score:.2f} at best"
        found.append(Moment(best.frame, best.box_xyxy, words, covered, risk=0.6))
    if best.box.size < tuning.small_pixels:
        words = f"small, {best.box.size:.0f} pixels: others of this size may have been missed"
        found.append(Moment(best.frame, best.box_xyxy, words, covered, risk=0.5))
    first, last = plan.span(path)
    if first > path.first_bound and not _at_border(path.first, size_wh, tuning):
        words = "appears inside the picture: is the face there in the last frame before its cover?"
        found.append(Moment(first - 1, path.first.box_xyxy, words, covered=False, risk=0.7))
    if path.last_bound is not None and last < path.last_bound and not _at_border(path.last, size_wh, tuning):
        words = "vanishes inside the picture: is the face there in the first frame after its cover?"
        found.append(Moment(last + 1, path.last.box_xyxy, words, covered=False, risk=0.7))
    return found


def _of_left(path: FacePath, best: Sighting, plan: CoverPlan) -> Moment:
    """Return the moment of a path that is not covered: why, or that it lies under the covers of others."""
    if _is_under_others(path, plan):
        words = f"low confidence, score {best.score:.2f}: under the cover of another face"
        return Moment(best.frame, best.box_xyxy, words, covered=True, risk=0.4)
    if is_hand(path):
        return Moment(best.frame, best.box_xyxy, "taken for a hand: not covered", covered=False, risk=0.95)
    if is_none(path):
        words = f"no face in {path.mesh_looks} closer looks, score {best.score:.2f}: not covered"
        return Moment(best.frame, best.box_xyxy, words, covered=False, risk=0.94)
    words = f"seen once, score {best.score:.2f}: not covered"
    return Moment(best.frame, best.box_xyxy, words, covered=False, risk=min(0.8 + best.score / 5, 0.94))


def _is_under_others(path: FacePath, plan: CoverPlan) -> bool:
    """Return True when every sighting of a path that is not covered itself lies under the cover of another one."""
    for index in range(len(path)):
        seen = path.at(index)
        x1, y1, x2, y2 = seen.box_xyxy
        corners = ((x1, y1), (x2, y1), (x1, y2), (x2, y2))
        covers = [region for number, region in plan.regions(seen.frame) if number != path.number]
        if not any(all(region.holds(*corner) for corner in corners) for region in covers):
            return False
    return True


def _at_border(sighting: Sighting, size_wh: tuple[int, int], tuning: RiskTuning) -> bool:
    x1, y1, x2, y2 = sighting.box_xyxy
    room = tuning.border_sizes * sighting.box.size
    return x1 < room or y1 < room or x2 > size_wh[0] - room or y2 > size_wh[1] - room

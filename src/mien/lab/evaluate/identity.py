"""Rates of a recogniser: strangers who pass and persons who fail at a limit, tracks made into people, limits that follow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.swap.people.clusters import clusters_of, distance_matrix
from mien.swap.people.template import Template, is_surely
from mien.types import Array, IdentityLimits

PHOTO_FAR, PROTECT_FAR = 1e-3, 3e-4
"""Share of strangers who may pass as a further photo of a person, and as the person whose face may be touched: one in 1,000,
and as rare as some 20,000 pairs can show."""
_STEP = 0.01  # of the limits that are tried, as a share of the median distance of strangers


@dataclass(frozen=True, slots=True)
class Pairs:
    """Distances of pairs of one person and of pairs of two, float64 (n,) and (m,)."""

    same: Array
    other: Array

    def accepted(self, limit: float) -> float:
        """Return the share of pairs of two people below the limit (false accept rate), NaN without any."""
        return float((self.other < limit).mean()) if len(self.other) else math.nan

    def rejected(self, limit: float) -> float:
        """Return the share of pairs of one person not below the limit (false reject rate), NaN without any."""
        return float((self.same >= limit).mean()) if len(self.same) else math.nan

    def limit_at(self, rate: float) -> float:
        """Return the limit at which this share of the pairs of two people passes."""
        return float(np.quantile(self.other, rate)) if len(self.other) else math.nan


def pairs_of(descriptors: Array, people: Sequence[str]) -> Pairs:
    """Return all pairs of descriptors (n, d), each of the person named beside it."""
    distances = np.linalg.norm(descriptors[:, None].astype(np.float64) - descriptors[None], axis=2)
    return _pairs(distances, people, people, np.triu(np.ones(distances.shape, bool), 1))


def pairs_between(these: Array, people: Sequence[str], those: Array, others: Sequence[str], counted: Array) -> Pairs:
    """Return the pairs of descriptors (n, d) with other ones (m, d) that count, bool (n, m)."""
    distances = np.linalg.norm(these[:, None].astype(np.float64) - those[None], axis=2)
    return _pairs(distances, people, others, counted)


def _pairs(distances: Array, people: Sequence[str], others: Sequence[str], counted: Array) -> Pairs:
    alike = np.array(people)[:, None] == np.array(others)[None, :]
    return Pairs(np.sort(distances[alike & counted]), np.sort(distances[~alike & counted]))


@dataclass(frozen=True, slots=True)
class Grouping:
    """Tracks made into people: `found` people, of whom `mixed` are of several, and `split` people who are more than one."""

    limit: float
    found: int
    mixed: int
    split: int

    @property
    def errors(self) -> int:
        """Cards that are wrong; a mixed one is worse, as nothing can be done about it but `not`."""
        return 2 * self.mixed + self.split


def grouping(templates: Sequence[Template], people: Sequence[str], limit: float) -> Grouping:
    """Return how well tracks, each of the person named beside it, become people at a limit."""
    clusters = clusters_of(templates, limit)
    names = [{people[number] for number in cluster} for cluster in clusters]
    split = sum(sum(person in each for each in names) > 1 for person in set(people))
    return Grouping(limit, len(clusters), sum(len(each) > 1 for each in names), split)


def apart(templates: Sequence[Template], people: Sequence[str]) -> tuple[float, float]:
    """Return the largest distance of two tracks of one person, and the least of two people; NaN without any."""
    distances = distance_matrix(templates)
    pairs = _pairs(distances, people, people, np.triu(np.ones(distances.shape, bool), 1))
    return (
        float(pairs.same.max()) if len(pairs.same) else math.nan,
        float(pairs.other.min()) if len(pairs.other) else math.nan,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """Templates, each of the person named beside it and made of the portrait of that name."""

    templates: tuple[Template, ...]
    people: tuple[str, ...]
    portraits: tuple[str, ...]

    def __add__(self, more: "Known") -> "Known":
        return Known(self.templates + more.templates, self.people + more.people, self.portraits + more.portraits)


def touched(seen: Known, known: Known, limits: IdentityLimits) -> tuple[float, float]:
    """Return the share of tracks that are surely a stranger's, and of those that are not surely their own person's.

    A track is not compared with what was made of its own portrait. NaN without any pair.
    """
    same: list[bool] = []
    other: list[bool] = []
    for template, person, portrait in zip(seen.templates, seen.people, seen.portraits, strict=True):
        for each, name, made_of in zip(known.templates, known.people, known.portraits, strict=True):
            if portrait != made_of:
                (same if person == name else other).append(is_surely(template, [each], limits))
    wrong = sum(other) / len(other) if other else math.nan
    return wrong, 1 - sum(same) / len(same) if same else math.nan


def limits_for(portraits: Pairs, templates: Sequence[Template], people: Sequence[str]) -> IdentityLimits | None:
    """Return limits for a recogniser: by rates of portraits, and the middle of those at which the fewest cards are wrong.

    None for one that cannot tell people apart.
    """
    if not len(portraits.other):
        return None
    usual = float(np.median(portraits.other))
    tried = [grouping(templates, people, float(limit)) for limit in np.arange(_STEP, 1.0, _STEP) * usual]
    least = min(each.errors for each in tried)
    best = [each.limit for each in tried if each.errors == least]
    photo, protect = portraits.limit_at(PHOTO_FAR), portraits.limit_at(PROTECT_FAR)
    cluster = min((best[0] + best[-1]) / 2, protect)
    found = tuple(round(limit, 3) for limit in (photo, min(protect, photo), cluster))
    return IdentityLimits(*found) if min(found) > 0 else None

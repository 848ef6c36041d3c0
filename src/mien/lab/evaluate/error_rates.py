"""Error rates of requests on recorded calls, as ISO/IEC 30107-3 names them, with exact bounds; no claim on few recordings.

An attack passes a request when what was asked for was seen (APCER, for each species of attack); a bona fide person is turned
away when it was not seen (BPCER). "Cannot tell" is neither: it is the rate of non-response.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, Seen

BONA_FIDE = "bona fide"
"""Species of a recording that is no attack."""
LEAST_ATTACKS = 300  # of one species: with none passed, the bound of 95 % is 1 %
LEAST_PEOPLE = 60  # bona fide: with none turned away, the bound of 95 % is 5 %


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one request to one person, in one recording of a species."""

    species: str
    person: str
    kind: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate of errors of a kind of request: `errors` of `count`, its exact bounds at 95 %, shares without an answer.

    `claim` is empty where the rate may be claimed, else the reason against it.
    """

    name: str
    species: str
    kind: str
    errors: int
    count: int
    bounds: tuple[float, float]
    no_answer: float
    people: int
    claim: str

    @property
    def line(self) -> str:
        """The rate in one line."""
        low, high = self.bounds
        share = self.errors / self.count if self.count else float("nan")
        said = f"{self.name} {self.kind}, {self.species}: {100 * share:.1f} % ({self.errors}/{self.count}"
        said += f", {self.people} people, 95 %: {100 * low:.1f} to {100 * high:.1f} %, no answer {100 * self.no_answer:.0f} %)"
        return said if not self.claim else f"{said}: NO CLAIM, {self.claim}"


def exact_bounds(hits: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the bounds of a share by Clopper and Pearson (1934); 0 and 1 without a case."""
    if count == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _solved(lambda share: 1 - _at_most(hits - 1, count, share) - tail)
    high = 1.0 if hits == count else _solved(lambda share: tail - _at_most(hits, count, share))
    return low, high


def rates(outcomes: Iterable[Outcome]) -> list[Rate]:
    """Return the rates of every species and kind, bona fide first, the worst attack before the others."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for each in outcomes:
        groups[each.species, each.kind].append(each)
    found = [_rate(species, kind, group) for (species, kind), group in groups.items()]
    return sorted(found, key=lambda rate: (rate.species != BONA_FIDE, rate.kind, -rate.errors / max(rate.count, 1)))


def _rate(species: str, kind: str, group: list[Outcome]) -> Rate:
    bona_fide = species == BONA_FIDE
    told = [each for each in group if each.seen != CANNOT_TELL]
    errors = sum(each.seen == (NOT_SEEN if bona_fide else SEEN) for each in told)
    people = len({each.person for each in group})
    enough = people >= LEAST_PEOPLE if bona_fide else len(told) >= LEAST_ATTACKS
    need = f"{LEAST_PEOPLE} people are needed" if bona_fide else f"{LEAST_ATTACKS} attacks of the species are needed"
    return Rate(
        "BPCER" if bona_fide else "APCER", species, kind, errors, len(told), exact_bounds(errors, len(told)),
        1 - len(told) / len(group), people, "" if enough else need,
    )  # fmt: skip


def _at_most(hits: int, count: int, share: float) -> float:
    """Return the probability of at most `hits` of `count` cases of a given share."""
    if share <= 0 or share >= 1:
        return 1.0 if share <= 0 else float(hits >= count)
    logs = (
        math.lgamma(count + 1)
        - math.lgamma(k + 1)
        - math.lgamma(count - k + 1)
        + k * math.log(share)
        + (count - k) * math.log1p(-share)
        for k in range(hits + 1)
    )
    return min(1.0, math.fsum(math.exp(each) for each in logs))


def _solved(rises: Callable[[float], float]) -> float:
    """Return the zero of a function that rises from 0 to 1, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2

"""Error rates: exact bounds, the direction of errors, and no claim on few recordings."""

import pytest

from mien.lab.evaluate.error_rates import BONA_FIDE, Outcome, exact_bounds, rates
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, Seen


@pytest.mark.parametrize(("hits", "count", "low", "high"), [
    (0, 0, 0.0, 1.0), (0, 13, 0.0, 0.2471), (13, 13, 0.7529, 1.0), (45, 50, 0.7819, 0.9667), (3, 300, 0.0021, 0.0289),
])  # fmt: skip
def test_bounds_are_those_of_the_tables(hits: int, count: int, low: float, high: float) -> None:
    assert exact_bounds(hits, count) == pytest.approx((low, high), abs=2e-4)


def some(species: str, people: int, *seen: Seen) -> list[Outcome]:
    return [Outcome(species, f"person {number}", "hand", word) for number in range(people) for word in seen]


def test_an_attack_errs_when_it_is_seen_and_a_person_when_not() -> None:
    bona_fide, worst, other = rates(
        some("painted", 10, SEEN, NOT_SEEN) + some(BONA_FIDE, 20, SEEN, SEEN, NOT_SEEN, CANNOT_TELL) + some("shown", 10, SEEN)
    )
    assert (bona_fide.name, bona_fide.errors, bona_fide.count, bona_fide.no_answer) == ("BPCER", 20, 60, 0.25)
    assert (worst.species, worst.errors, worst.count) == ("shown", 10, 10)
    assert (other.name, other.species, other.errors, other.count) == ("APCER", "painted", 10, 20)


def test_nothing_is_claimed_on_few_recordings() -> None:
    few = rates(some("painted", 299, NOT_SEEN) + some(BONA_FIDE, 59, SEEN))
    assert all("NO CLAIM" in rate.line for rate in few)
    enough = rates(some("painted", 300, NOT_SEEN) + some(BONA_FIDE, 60, SEEN))
    assert [rate.claim for rate in enough] == ["", ""]
    assert "0.0 % (0/300" in enough[1].line
    assert "to 1.2 %" in enough[1].line

"""Choice of stand-ins: the same in a film, another one in the next, and none for a result that is too near."""

import pytest

from mien.swap.hiding.stand_in_choice import LEAST_DISTANCE, chosen, is_other

NAMES = tuple(f"face-{number}" for number in range(16))


def test_a_salt_gives_each_person_one_name() -> None:
    assert chosen(range(1, 9), NAMES, b"film") == chosen(range(1, 9), NAMES, b"film")


def test_people_share_no_name_until_all_are_used() -> None:
    found = chosen(range(1, 17), NAMES, b"film")
    assert sorted(found.values()) == sorted(NAMES)
    crowd = list(chosen(range(1, 34), NAMES, b"film").values())
    assert sorted({crowd.count(name) for name in NAMES}) == [2, 3]


def test_a_name_that_was_refused_or_is_worn_is_not_given_again() -> None:
    first = chosen([1, 2], NAMES, b"film")
    again = chosen([1], NAMES, b"film", [first[2]], {1: {first[1]}})
    assert again[1] not in first.values()
    assert chosen([1], NAMES, b"film", (), {1: set(NAMES)}) == {}
    assert chosen([1], NAMES[:2], b"film", NAMES[:1], {1: {NAMES[1]}}) == {1: NAMES[0]}


def test_films_cannot_be_linked_by_their_names() -> None:
    """Of 400 salts, each name comes about 25 times for the first person; 8 to 48 are within five standard deviations."""
    first = [chosen([1], NAMES, bytes([salt % 256, salt // 256]))[1] for salt in range(400)]
    assert all(8 <= first.count(name) <= 48 for name in NAMES)


@pytest.mark.parametrize(
    ("distances", "other"),
    [([], False), ([0.7], True), ([0.7, LEAST_DISTANCE], True), ([0.9, 0.9, LEAST_DISTANCE - 0.001], False)],
)
def test_the_nearest_look_decides_and_no_look_is_no_proof(distances: list[float], other: bool) -> None:
    assert is_other(distances) == other

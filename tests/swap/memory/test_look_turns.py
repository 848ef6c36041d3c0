"""Turns of a network over the faces of a stream."""

from mien.swap.memory.look_turns import LookTurns


def _frames(turns: LookTurns, faces: list[int], count: int) -> list[list[int]]:
    seen = []
    for _ in range(count):
        due = turns.due(faces)
        for number in due:
            turns.looked(number)
        seen.append(due)
    return seen


def test_one_face_has_its_turn_in_every_other_frame() -> None:
    assert _frames(LookTurns(2), [7], 6) == [[7], [], [7], [], [7], []]


def test_two_faces_take_turns_so_that_the_work_is_even() -> None:
    assert [len(due) for due in _frames(LookTurns(2), [1, 2], 9)[1:]] == [1] * 8


def test_a_face_that_was_lost_for_a_frame_has_its_turn_at_once() -> None:
    turns = LookTurns(4)
    _frames(turns, [1], 2)
    _frames(turns, [], 1)
    assert turns.due([1]) == [1]


def test_a_look_that_failed_is_due_again_in_the_next_frame() -> None:
    turns = LookTurns(3)
    assert turns.due([1]) == [1]
    assert turns.due([1]) == [1]


def test_a_look_in_doubt_is_repeated_in_the_next_frame() -> None:
    turns = LookTurns(4)
    for again in (True, True, False):
        assert turns.due([1]) == [1]
        turns.looked(1, again=again)
    assert turns.due([1]) == []


def test_a_reset_forgets_the_turns() -> None:
    turns = LookTurns(4)
    _frames(turns, [1], 1)
    turns.reset()
    assert turns.due([1]) == [1]

"""Makespan of a farm: bounds that hold for any schedule, and the rules of the model."""

from dataclasses import astuple

import pytest

from mien.batch.makespan import Costs, Farm, makespan

_BARE = Costs(plan_frame_s=0, start_s=0, frame_s=0.01, part_s=0, join_frame_s=0)


def test_one_machine_does_all_the_work() -> None:
    costs = Costs(plan_frame_s=0.001, start_s=2, frame_s=0.03, part_s=0.5, join_frame_s=0.0005)
    made = makespan([[300, 300], [240]], costs, Farm(1))
    work_s = 2 + 840 * 0.03 + 3 * 0.5
    assert astuple(made) == pytest.approx((0.84, work_s, 0.42, work_s, 600 * 0.03 + 2 * 0.5))
    assert made.total_s == pytest.approx(made.plan_s + made.work_s + made.join_s)


@pytest.mark.parametrize("machines", [1, 2, 3, 7, 40])
def test_no_schedule_beats_the_work_or_the_longest_chain(machines: int) -> None:
    chains = [[100 + 37 * number % 91] * (1 + number % 4) for number in range(23)]
    made = makespan(chains, _BARE, Farm(machines, doubled_share=0))
    all_s = sum(map(sum, chains)) * _BARE.frame_s
    assert made.work_s >= max(all_s / machines, made.longest_s) - 1e-9
    # Longest first is at most a third above the best schedule.
    assert made.work_s <= 4 / 3 * max(all_s / machines, made.longest_s) + made.longest_s
    assert made.busy_s == pytest.approx(all_s)


def test_more_machines_than_chains_wait_for_the_longest() -> None:
    made = makespan([[500], [100], [100]], _BARE, Farm(100, doubled_share=0))
    assert made.work_s == made.longest_s == pytest.approx(5)


def test_a_slow_machine_is_overtaken_by_a_second_start() -> None:
    chains = [[100]] * 40
    slow = Farm(8, slow_share=0.25, slow_factor=10, doubled_share=0)
    seed = next(each for each in range(20) if makespan(chains, _BARE, slow, each).work_s > 9)
    alone = makespan(chains, _BARE, slow, seed)
    doubled = makespan(chains, _BARE, Farm(8, slow_share=0.25, slow_factor=10), seed)
    assert doubled.work_s < alone.work_s - 1
    assert doubled.busy_s > 40


def test_shared_storage_bounds_every_number_of_machines() -> None:
    costs = Costs(0, 0, 0.01, 0, 0, read_frame_bytes=1000, written_frame_bytes=500)
    made = makespan([[100]] * 100, costs, Farm(1000, storage_bytes_s=1e6))
    assert (made.plan_s, made.work_s, made.join_s) == pytest.approx((10, 15, 5))


def test_the_same_seed_gives_the_same_time() -> None:
    farm = Farm(5, slow_share=0.5)
    assert makespan([[90]] * 30, _BARE, farm, 3) == makespan([[90]] * 30, _BARE, farm, 3)


@pytest.mark.parametrize(("chains", "machines"), [([[10]], 0), ([], 1), ([[]], 1)])
def test_nothing_to_do_and_nobody_to_do_it_are_errors(chains: list[list[int]], machines: int) -> None:
    with pytest.raises(ValueError, match="a farm has a machine and a film has a frame"):
        makespan(chains, _BARE, Farm(machines))

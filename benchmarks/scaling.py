"""Time of a film on 1 to 1,000 machines, simulated by the farm's rules. A command, never a test.

    .venv/bin/python benchmarks/scaling.py
    .venv/bin/python benchmarks/scaling.py --minutes 10 --shot 600          # a talk without a cut
    .venv/bin/python benchmarks/scaling.py --storage 200 --slow 0.05        # MB a second for all; one of 20 is slow

Shots have lengths of a log-normal distribution; borders follow from them as they do in `swap.parts`.
"""

import argparse
import math
import random
from collections.abc import Iterator
from itertools import pairwise

from mien.batch.makespan import Costs, Farm, makespan
from mien.swap.parts import TUNING

MACHINES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
SPREAD = 0.7
"""Standard deviation of the logarithm of a shot's length: nine of ten are between a third and three times the median."""


def shot_lengths(seconds: float, mean_s: float, rng: random.Random) -> Iterator[float]:
    """Yield lengths of shots until the film is full; the last one is cut."""
    left = seconds
    while left > 0:
        length = min(left, rng.lognormvariate(math.log(mean_s) - SPREAD**2 / 2, SPREAD))
        yield length
        left -= length


def chains_of(shots: list[float], rate: float) -> list[list[int]]:
    """Return the chains of the parts, each part by its frames."""
    cuts, time_s = set[float](), 0.0
    for length in shots:
        time_s += length
        cuts.add(time_s)
    borders: list[tuple[float, bool]] = [(0.0, True)]
    for cut in sorted(cuts):
        while cut - borders[-1][0] >= TUNING.most_s:
            borders.append((borders[-1][0] + TUNING.most_s, False))
        if cut - borders[-1][0] >= TUNING.least_s:
            borders.append((cut, True))
    if time_s > borders[-1][0]:
        borders.append((time_s, True))
    chains: list[list[int]] = []
    for (begin_s, fresh), (end_s, _) in pairwise(borders):
        frames = max(1, round((end_s - begin_s) * rate))
        if fresh or not chains:
            chains.append([])
        chains[-1].append(frames)
    return chains


def main() -> None:
    """Print a row for each number of machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120, help="length of the film")
    parser.add_argument("--rate", type=float, default=30, help="frames a second of the film")
    parser.add_argument("--shot", type=float, default=6, help="mean length of a shot, in seconds")
    parser.add_argument("--speed", type=float, default=34, help="frames that one machine swaps in a second")
    parser.add_argument("--read-speed", type=float, default=300, help="frames that one machine reads in a second, to plan")
    parser.add_argument("--join-speed", type=float, default=2000, help="frames that one machine joins in a second")
    parser.add_argument("--start", type=float, default=4, help="seconds from the start of a worker to its first frame")
    parser.add_argument("--part", type=float, default=0.5, help="seconds that each part adds")
    parser.add_argument("--storage", type=float, help="MB a second that all machines together get from their storage")
    parser.add_argument("--bits", type=float, default=5, help="megabits a second of film and result")
    parser.add_argument("--slow", type=float, default=0.0, help="share of machines that are three times slower")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    chains = chains_of(list(shot_lengths(options.minutes * 60, options.shot, rng)), options.rate)
    size = options.bits * 1e6 / 8 / options.rate
    costs = Costs(
        1 / options.read_speed, options.start, 1 / options.speed, options.part, 1 / options.join_speed, size, size
    )  # fmt: skip
    storage = None if options.storage is None else options.storage * 1e6
    frames, longest = sum(map(sum, chains)), max(map(sum, chains))
    print(f"{frames} frames, {sum(map(len, chains))} parts in {len(chains)} chains, the longest of {longest} frames")
    print("machines   plan s   parts s   join s    all s   times faster   of it used")
    alone = None
    for machines in MACHINES:
        made = makespan(chains, costs, Farm(machines, options.slow, storage_bytes_s=storage), options.seed)
        alone = alone or made
        used = made.busy_s / (machines * made.work_s)
        print(
            f"{machines:8d} {made.plan_s:8.0f} {made.work_s:9.0f} {made.join_s:8.0f} {made.total_s:8.0f} "
            f"{alone.total_s / made.total_s:14.1f} {used:12.0%}"
        )


if __name__ == "__main__":
    main()

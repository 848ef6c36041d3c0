"""Time that a film takes on many machines: a model that plays the farm's rules, event by event, without doing the work.

Rules: one machine reads the film for its borders; chains (parts that need each other's state, one after the other) are taken
longest first; towards the end, idle machines begin running chains a second time and the first result counts; one machine joins.
"""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds and bytes of one machine, measured on a sample; those of a frame are for this film on this kind of machine."""

    plan_frame_s: float
    """Reading a frame for its borders."""
    start_s: float
    """From the start of a worker to its first frame: models, photo, kernels."""
    frame_s: float
    """Swapping a frame, with all cores of the machine."""
    part_s: float
    """Addition of each part: opening the film at its border, state, writing to the disk."""
    join_frame_s: float
    """Copying a frame's packets, sound included, and sealing, spread over the frames."""
    read_frame_bytes: float = 0.0
    """Of the film, from the shared storage."""
    written_frame_bytes: float = 0.0
    """Of the parts, to the shared storage and back at the join."""


@dataclass(frozen=True, slots=True)
class Farm:
    """Machines and what differs between them.

    A share `slow_share` of the machines is `slow_factor` times slower than the others. `storage_bytes_s` is what the shared
    storage gives to all machines together, None where it is no limit. The last `doubled_share` of the chains is begun twice.
    """

    machines: int
    slow_share: float = 0.0
    slow_factor: float = 3.0
    storage_bytes_s: float | None = None
    doubled_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Makespan:
    """Seconds of each step, one after the other; `busy_s` is the time of all machines together, work done twice included.

    `longest_s` is the longest chain on an ordinary machine: no number of machines goes below it.
    """

    plan_s: float
    work_s: float
    join_s: float
    busy_s: float
    longest_s: float

    @property
    def total_s(self) -> float:
        """Return the time from the film to the result."""
        return self.plan_s + self.work_s + self.join_s


def makespan(chains: Sequence[Sequence[int]], costs: Costs, farm: Farm, seed: int = 0) -> Makespan:
    """Return the time for chains of parts, each part given by its frames; `seed` decides which machines are slow.

    Raises `ValueError` for a farm without a machine or a film without a frame.
    """
    frames = sum(sum(chain) for chain in chains)
    if farm.machines < 1 or frames < 1:
        raise ValueError("a farm has a machine and a film has a frame")
    lengths = sorted((_chain_s(chain, costs) for chain in chains if chain), reverse=True)
    work_s, busy_s = _Race(lengths, costs, farm, random.Random(seed)).run()
    stored_s = _transfer_s(frames * (costs.read_frame_bytes + costs.written_frame_bytes), farm)
    joined_s = _transfer_s(frames * costs.written_frame_bytes, farm)
    return Makespan(
        plan_s=max(frames * costs.plan_frame_s, _transfer_s(frames * costs.read_frame_bytes, farm)),
        work_s=max(work_s, stored_s),
        join_s=max(frames * costs.join_frame_s, joined_s),
        busy_s=busy_s,
        longest_s=lengths[0],
    )


def _chain_s(chain: Sequence[int], costs: Costs) -> float:
    return sum(frames * costs.frame_s + costs.part_s for frames in chain)


def _transfer_s(size: float, farm: Farm) -> float:
    return 0.0 if farm.storage_bytes_s is None else size / farm.storage_bytes_s


@dataclass(slots=True)
class _Race:
    """Machines that take chains until every chain has one result."""

    lengths: Sequence[float]
    costs: Costs
    farm: Farm
    random: random.Random
    _next: int = 0
    _done: set[int] = field(default_factory=set)
    _copies: dict[int, int] = field(default_factory=dict)

    def run(self) -> tuple[float, float]:
        """Return the time until the last first result, and that of all machines together until then."""
        slow = [self.random.random() < self.farm.slow_share for _ in range(self.farm.machines)]
        free = [(self.costs.start_s, number) for number in range(self.farm.machines)]
        running: list[tuple[float, int, int, float]] = []
        now = busy = 0.0
        heapq.heapify(free)
        while len(self._done) < len(self.lengths):
            self._assign(free, running, slow, now)
            now, machine, chain, began = heapq.heappop(running)
            busy += now - began
            if chain in self._done:
                heapq.heappush(free, (now, machine))
                continue
            self._done.add(chain)
            heapq.heappush(free, (now, machine))
            # The other copy is stopped: its machine is free at once, and its time so far is lost.
            for other in [each for each in running if each[2] == chain]:
                running.remove(other)
                heapq.heappush(free, (now, other[1]))
                busy += now - other[3]
            heapq.heapify(running)
        started = min(self.farm.machines, sum(self._copies.values()))
        return now, busy + started * self.costs.start_s

    def _assign(
        self, free: list[tuple[float, int]], running: list[tuple[float, int, int, float]], slow: list[bool], now: float
    ) -> None:
        while free:
            chain = self._take()
            if chain is None:
                return
            ready, machine = heapq.heappop(free)
            began = max(ready, now)
            factor = self.farm.slow_factor if slow[machine] else 1.0
            self._copies[chain] = self._copies.get(chain, 0) + 1
            heapq.heappush(running, (began + self.lengths[chain] * factor, machine, chain, began))

    def _take(self) -> int | None:
        """Return the next chain to begin, or one of the last to begin a second time."""
        if self._next < len(self.lengths):
            self._next += 1
            return self._next - 1
        left = [chain for chain in range(len(self.lengths)) if chain not in self._done]
        if not self._done or len(left) > math.ceil(self.farm.doubled_share * len(self.lengths)):
            return None
        return next((chain for chain in left if self._copies[chain] < 2), None)

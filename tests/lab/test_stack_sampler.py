"""Samples of a stack: time goes to the caller of a compiled kernel, and the flame graph holds all of it."""

import json
import sys
import time

import numpy as np
import pytest

from mien.imaging.blend import blend
from mien.lab.stack_sampler import Stack, StackSampler, flame_graph


def test_a_kernel_belongs_to_the_line_that_calls_it() -> None:
    below = np.zeros((256, 256, 3), np.uint8)
    above, mask = np.full_like(below, 200), np.full(below.shape[:2], 128, np.uint8)

    def call_the_kernel(until: float) -> None:
        while time.thread_time() < until:
            blend(below, above, mask, 0, 0, 256)

    call_the_kernel(time.thread_time())
    with StackSampler() as sampler:
        call_the_kernel(time.thread_time() + 0.3)
    outermost = {name for stack in sampler.seconds if stack for _, name in stack[:1]}
    of_kernel = sum(spent for stack, spent in sampler.seconds.items() if "call_the_kernel" in [name for _, name in stack])
    assert outermost.isdisjoint({"blend"})
    assert of_kernel > 0.9 * sum(sampler.seconds.values())


def test_only_the_thread_that_enters_is_sampled() -> None:
    with StackSampler() as sampler:
        _wait()
    assert {name for stack in sampler.seconds for _, name in stack} >= {"_wait"}
    assert "_sample" not in {name for stack in sampler.seconds for _, name in stack}


def _wait() -> None:
    until = time.thread_time() + 0.1
    while time.thread_time() < until:
        pass


def test_the_switch_interval_is_as_before_after_an_error() -> None:
    before = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError), StackSampler():
        raise ZeroDivisionError
    assert sys.getswitchinterval() == before


def test_the_flame_graph_has_each_function_once_and_all_seconds() -> None:
    outer, inner = ("a.py", "outer"), ("b.py", "inner")
    seconds: dict[Stack, float] = {(outer,): 1.0, (outer, inner): 2.0, (outer, inner, outer): 0.5}
    flame = json.loads(flame_graph(seconds.items()))
    (profile,) = flame["profiles"]
    assert flame["shared"]["frames"] == [{"name": "outer", "file": "a.py"}, {"name": "inner", "file": "b.py"}]
    assert profile["samples"] == [[0], [0, 1], [0, 1, 0]]
    assert profile["weights"] == [1.0, 2.0, 0.5]
    assert profile["endValue"] == 3.5

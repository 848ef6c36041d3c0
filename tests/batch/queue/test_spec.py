"""Specs of jobs: what is written is read as it was, and nothing else is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.batch.queue import spec as specs
from mien.batch.queue.spec import HidingSpec, JobSpec, SwapSpec
from mien.errors import UsageError
from mien.settings import Settings
from tests.support.queues import a_file, a_spec


def _hiding() -> JobSpec:
    work = HidingSpec("blur", ("/in/me.jpg",), "disguise", Path("/out/review"), Path("/in/d.json"), True, (a_file("me.jpg"),))
    return JobSpec(a_file("street.mp4"), Path("/out/street.mp4"), work, Settings())


def _plain(spec: JobSpec) -> Any:
    return json.loads(specs.written(spec))


@pytest.mark.parametrize("make", [a_spec, _hiding])
def test_a_spec_is_read_as_it_was_written(make: Callable[[], JobSpec]) -> None:
    spec = make()
    found = specs.read(specs.written(spec))
    assert _plain(found) == _plain(spec)
    assert found.settings == spec.settings
    assert found.inputs == spec.inputs
    if isinstance(found.work, SwapSpec) and isinstance(spec.work, SwapSpec):
        mine, theirs = found.work.members[0].person.templates[0], spec.work.members[0].person.templates[0]
        assert mine.mean.dtype == np.float32
        assert np.array_equal(mine.mean, theirs.mean)
        assert mine.length == theirs.length


def test_only_settings_that_differ_are_kept() -> None:
    assert _plain(a_spec())["settings"] == {"quality": 91, "keep_mouth": True, "opacity": 0.5}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.update(version=2), "newer mien"),
        (lambda found: found.update(version=True), "version"),
        (lambda found: found.update(kind="erase"), "kind is not one of"),
        (lambda found: found.update(colour="red"), "unknown field 'colour'"),
        (lambda found: found.pop("target"), "no field 'target'"),
        (lambda found: found.update(output="out.mp4"), "not an absolute name"),
        (lambda found: found["target"].update(path="film.mp4"), "not an absolute name"),
        (lambda found: found["target"].update(size=-1), "size is not a whole number"),
        (lambda found: found.update(start_s="0"), "start_s is not a number"),
        (lambda found: found["settings"].update(quality=1000), "quality"),
        (lambda found: found["settings"].update(virtue=1), "unknown setting"),
        (lambda found: found["work"].update(everyone=2), "everyone is not a whole number from 0 to 1"),
        (lambda found: found["work"].update(faces=[]), "no face to wear"),
        (lambda found: found["work"]["faces"][0].update(files=[]), "a face has no photo"),
        (lambda found: found["work"]["members"][0].update(wears=7), "wears is not a whole number"),
        (lambda found: found["work"]["members"][0].update(wears="cut"), "wears is not one of"),
        (lambda found: found["work"]["members"][0]["templates"][0].update(mean=["x"]), "mean is not a number"),
        (lambda found: found["work"]["members"][0].update(not_in_s=[[1]]), "not a pair"),
    ],
)
def test_anything_else_is_refused(change: Callable[[Any], Any], words: str) -> None:
    found = _plain(a_spec())
    change(found)
    with pytest.raises(UsageError, match=words):
        specs.read(json.dumps(found))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"version": NaN}', "[" * 100_000])
def test_text_that_is_not_a_spec_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the job cannot be read"):
        specs.read(text)

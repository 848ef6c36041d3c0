"""Templates: means, their distances, and the nearest person."""

import numpy as np
import pytest

from mien.swap.people.look import Look
from mien.swap.people.template import Template, is_surely, nearest, person_of, template_of, template_of_photo
from mien.types import Floats, IdentityLimits


def descriptor(*values: float) -> Floats:
    return np.array(values, np.float32)


def look(values: Floats, size: float, time_s: float) -> Look:
    return Look(values, size, 0.0, time_s, (0, 0, size, size))


def test_a_template_is_the_plain_mean_of_the_three_best_looks() -> None:
    looks = [look(descriptor(number, 0), 100 + number, float(number)) for number in range(5)]
    template = template_of(looks)
    assert template is not None
    assert template.mean.tolist() == [3, 0]
    assert (template.looks, template.length) == (3, 3)


def test_without_a_look_a_face_is_unknown() -> None:
    assert template_of([]) is None


def test_means_are_compared_as_they_are_and_with_photos_at_full_length() -> None:
    mean = Template(descriptor(0.6, 0), 1.0, 3)
    other = Template(descriptor(0, 0.6), 1.0, 2)
    photo = template_of_photo(descriptor(0, 1))
    assert mean.distance(other) == pytest.approx(0.6 * 2**0.5)
    assert mean.distance(photo) == photo.distance(mean) == pytest.approx(2**0.5)
    assert mean.descriptor.tolist() == pytest.approx([1, 0])


def test_the_nearest_person_is_taken_only_below_the_limit() -> None:
    bob = [template_of_photo(descriptor(1, 0)), template_of_photo(descriptor(0.8, 0))]
    eve = [template_of_photo(descriptor(0, 1))]
    seen = template_of_photo(descriptor(0.7, 0))
    assert nearest(seen, [eve, bob], 0.45) == 1
    assert nearest(seen, [eve, bob], 0.1) is None
    assert nearest(seen, [[], eve], 0.45) is None
    assert nearest(seen, [], 0.45) is None


def test_means_are_held_to_a_stricter_limit_than_single_views() -> None:
    limits = IdentityLimits(photo=0.5, protect=0.45, cluster=0.4)
    mean, photo = Template(descriptor(1, 0), 1.0, 3), template_of_photo(descriptor(1, 0))
    seen, once = Template(descriptor(1, 0.42), 1.0846, 3), template_of_photo(descriptor(1, 0.42))
    assert not is_surely(seen, [mean], limits)
    assert is_surely(seen, [mean, photo], limits)
    assert is_surely(once, [mean], limits)
    assert not is_surely(once, [], limits)
    other = Template(descriptor(1, 0.1), 1.005, 3)
    assert person_of(seen, [[mean], [photo], [other]], limits) == 2
    assert person_of(seen, [[mean], []], limits) is None

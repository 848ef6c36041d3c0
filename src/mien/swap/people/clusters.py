"""Complete-linkage clustering of templates: tracks that show one person."""

from collections.abc import Iterable, Sequence

import numpy as np

from mien.swap.people.template import Template
from mien.types import Array


def clusters_of(templates: Sequence[Template], below: float, apart: Iterable[tuple[int, int]] = ()) -> list[list[int]]:
    """Return the clusters of templates, as numbers from 0, in order; in none are two templates `below` apart or more.

    Complete linkage (Sørensen 1948): the two clusters are joined whose farthest templates are nearest, until none are nearer
    than `below`. Centroid linkage would not do: means drift towards the mean of all faces, and everybody becomes one person.
    Pairs in `apart` never share a cluster. Time and memory are those of the matrix of distances: 1,000 templates take 8 MB.
    """
    count = len(templates)
    distances = distance_matrix(templates)
    for a, b in apart:
        distances[a, b] = distances[b, a] = np.inf
    members: list[list[int]] = [[number] for number in range(count)]
    nearest = distances.argmin(axis=1) if count else np.zeros(0, np.intp)
    least = distances[np.arange(count), nearest]
    while count and least.min() < below:
        a = int(least.argmin())
        b = int(nearest[a])
        members[a] += members[b]
        members[b] = []
        joined = np.maximum(distances[a], distances[b])
        joined[a] = np.inf
        distances[a], distances[:, a] = joined, joined
        distances[b], distances[:, b] = np.inf, np.inf
        # Distances only grow, so that no other row has a new nearest one unless its own is concerned.
        for row in {a, b, *np.flatnonzero((nearest == a) | (nearest == b)).tolist()}:
            nearest[row] = distances[row].argmin()
            least[row] = distances[row, nearest[row]]
    return sorted(sorted(each) for each in members if each)


def distance_matrix(templates: Sequence[Template]) -> Array:
    """Return the distances of all pairs, float64 (n, n), infinite on the diagonal."""
    if not templates:
        return np.zeros((0, 0))
    means = _distances(np.stack([each.mean for each in templates]))
    whole = _distances(np.stack([each.descriptor for each in templates]))
    several = np.array([each.looks > 1 for each in templates])
    found = np.where(several[:, None] & several[None, :], means, whole)
    np.fill_diagonal(found, np.inf)
    return found


def _distances(vectors: Array) -> Array:
    exact = vectors.astype(np.float64)
    squares = (exact**2).sum(1)
    return np.asarray(np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * exact @ exact.T, 0.0)))

"""The face mesh as compiled kernels, in place of its session."""

import math

import numpy as np

from mien.models.networks.mesh import kernels
from mien.models.networks.mesh.plan import Plan, read_plan
from mien.types import Array, Floats, Image


class MeshBlocks:
    """A `contracts.MeshNetwork` without another library; a graph that it does not know raises a `ModelMismatch`."""

    def __init__(self, content: bytes) -> None:
        self._plan = read_plan(content)
        # One for each thread that has been in a run: fresh memory would take longer than the work in it.
        self._idle: list[Array] = []

    def landmarks(self, crop: Image) -> tuple[Floats, float]:
        """Return the landmarks (478, 3) in pixels of a crop BGR uint8 (192, 192, 3), and their presence."""
        try:
            work = self._idle.pop()
        except IndexError:
            work = np.zeros(self._plan.size, np.float32)
        try:
            return _landmarks(self._plan, crop, work)
        finally:
            self._idle.append(work)


def _landmarks(plan: Plan, crop: Image, work: Array) -> tuple[Floats, float]:
    kernels.read_crop(crop.reshape(kernels.CROP_SIDE, -1), work, plan.crop)
    kernels.run_steps(plan.steps, plan.weights, work)
    places = np.empty((len(plan.regions), 2, 3), np.float32)
    for region, place in zip(plan.regions, places, strict=True):
        kernels.cut_region(work, plan.mesh.offset, region.corners, region.outline, plan.features, region.source, place)
        kernels.run_steps(region.steps, plan.weights, work)
    landmarks = np.empty((len(plan.sources), 3), np.float32)
    kernels.gather_landmarks(work, plan.sources, places, plan.mesh.offset, plan.rims, landmarks)
    return landmarks, 1 / (1 + math.exp(-float(work[plan.presence.offset])))

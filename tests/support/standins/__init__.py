"""Stand-ins for public models: graphs with exactly their contract and none of their weights, made when they are needed.

Each is marked in its metadata (`mien.standin` = 1) and is never taken for a real model.
"""

from tests.support.standins.full import make_inswapper
from tests.support.standins.graph import MARK, PRODUCER
from tests.support.standins.small import REGIONS_RGB, Options, all_families, emap, make_small
from tests.support.standins.store import install, standin_store

__all__ = [
    "MARK",
    "PRODUCER",
    "REGIONS_RGB",
    "Options",
    "all_families",
    "emap",
    "install",
    "make_inswapper",
    "make_small",
    "standin_store",
]

"""Networks as kernels for registers of 16 values."""

from mien.imaging.kernels import FAST, Instructions
from mien.system.processor import has_all

LANES = 16  # channels that are computed side by side; numbers of channels are multiples of it


def instructions(module: str, name: str) -> Instructions:
    """Return a function for kernels that a module writes by means of `vector_code`."""
    return Instructions(name, module, "mien.models.networks.vector_code", __name__)


def computes_blocks() -> bool:
    """Return True on processors whose vectors make these kernels faster than a runtime; on others they were not timed."""
    return FAST and has_all({"avx2", "fma"})
